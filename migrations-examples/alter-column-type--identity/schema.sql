CREATE TABLE tickets (
    "Number" integer GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 5 CACHE 3) PRIMARY KEY,
    title text
);
INSERT INTO tickets (title) SELECT 'ticket ' || n FROM generate_series(1, 1500) n;
COMMENT ON SEQUENCE "tickets_Number_seq" IS 'five apart';
GRANT SELECT, USAGE ON SEQUENCE "tickets_Number_seq" TO PUBLIC;
