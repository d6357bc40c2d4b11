ALTER TABLE users ADD CONSTRAINT one_email UNIQUE (email);
ALTER TABLE users ADD UNIQUE (tenant, "Login Name");
ALTER TABLE users ADD CONSTRAINT "a Seat each" UNIQUE (tenant, seat) INCLUDE (email) DEFERRABLE INITIALLY DEFERRED;
