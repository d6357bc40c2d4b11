ALTER TABLE "Events" ADD PRIMARY KEY (source, "Number") INCLUDE (at);
CREATE UNIQUE INDEX seats_hall_seat ON seats (seat, hall);
ALTER TABLE seats ADD CONSTRAINT seats_pkey PRIMARY KEY USING INDEX seats_hall_seat DEFERRABLE;
