ALTER TABLE builds ADD COLUMN aborted boolean DEFAULT false NOT NULL;
UPDATE builds SET aborted = true WHERE status = 'aborted';

ALTER TABLE builds ADD COLUMN inputs_ready boolean NOT NULL DEFAULT false, ADD COLUMN label varchar(10) DEFAULT '';
UPDATE builds b SET inputs_ready = b.scheduled;
UPDATE builds SET inputs_ready = false, label = 'gone' WHERE aborted;
UPDATE builds SET label = left(note, 8) WHERE label = '' AND id % 5 = 0;
ALTER TABLE builds ALTER COLUMN label SET NOT NULL;
CREATE INDEX builds_label ON builds (label);
