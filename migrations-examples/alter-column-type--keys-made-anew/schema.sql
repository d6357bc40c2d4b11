CREATE TABLE clients (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text);
INSERT INTO clients (id, name) SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'client ' || n FROM generate_series(1, 300) n;
CREATE TABLE codes (
    code integer PRIMARY KEY,
    client_id uuid NOT NULL CONSTRAINT codes_client_fk REFERENCES clients ON DELETE CASCADE
);
INSERT INTO codes SELECT n, ('00000000-0000-0000-0000-' || lpad((n % 300 + 1)::text, 12, '0'))::uuid FROM generate_series(1, 1000) n;
CREATE TABLE tokens (
    token integer PRIMARY KEY,
    client_id uuid CONSTRAINT tokens_client_id_fkey REFERENCES clients
);
INSERT INTO tokens SELECT n, ('00000000-0000-0000-0000-' || lpad((n % 300 + 1)::text, 12, '0'))::uuid FROM generate_series(1, 1000) n;
