BEGIN;
SET lock_timeout = '5s';
CREATE TABLE addresses (
    id bigserial PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    street text
);
CREATE INDEX addresses_user ON addresses (user_id);
ALTER TABLE addresses ADD COLUMN city text NOT NULL;
ALTER TABLE addresses ADD CONSTRAINT street_given CHECK (street <> '');
ALTER TABLE users ALTER COLUMN age SET DEFAULT 18;
ALTER TABLE users ALTER COLUMN email DROP DEFAULT;
ALTER TABLE users ALTER COLUMN name DROP NOT NULL;
COMMIT;
