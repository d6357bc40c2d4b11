ALTER TABLE codes DROP CONSTRAINT IF EXISTS codes_client_fk;
ALTER TABLE tokens DROP CONSTRAINT tokens_client_id_fkey;
ALTER TABLE codes ALTER COLUMN client_id TYPE text USING client_id::text;
ALTER TABLE tokens ALTER COLUMN client_id TYPE text USING client_id::text;
ALTER TABLE clients ALTER COLUMN id DROP DEFAULT, ALTER COLUMN id TYPE text USING id::text;
ALTER TABLE codes ADD CONSTRAINT codes_client_fk FOREIGN KEY (client_id) REFERENCES clients (id) ON DELETE CASCADE;
ALTER TABLE tokens ADD CONSTRAINT tokens_client_fk FOREIGN KEY (client_id) REFERENCES clients (id);
