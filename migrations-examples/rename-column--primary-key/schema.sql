CREATE TABLE accounts (
    id bigserial PRIMARY KEY,
    label text NOT NULL,
    parent bigint,
    CONSTRAINT accounts_parent_fkey FOREIGN KEY (parent) REFERENCES accounts (id) ON DELETE SET NULL DEFERRABLE
);
INSERT INTO accounts (label, parent) SELECT 'account ' || n, nullif(n / 2, 0) FROM generate_series(1, 1000) n;
CREATE TABLE payments (
    number integer PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE ON UPDATE CASCADE,
    other_account bigint CONSTRAINT "the Other" REFERENCES accounts (id)
);
COMMENT ON CONSTRAINT "the Other" ON payments IS 'where it came from';
INSERT INTO payments SELECT n, n % 1000 + 1, NULL FROM generate_series(1, 3000) n;
CREATE TABLE notes (account bigint, note text);
ALTER TABLE notes ADD CONSTRAINT notes_account FOREIGN KEY (account) REFERENCES accounts NOT VALID;
INSERT INTO notes VALUES (1, 'first');
CREATE VIEW tree AS SELECT a.id, b.label AS above FROM accounts a LEFT JOIN accounts b ON a.parent = b.id;
COMMENT ON SEQUENCE accounts_id_seq IS 'numbers';
