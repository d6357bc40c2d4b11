INSERT INTO "Events" VALUES ('old', :round, '2026-01-01', 'old ' || :round);
UPDATE "Events" SET payload = 'old ' || :round WHERE "Number" = 10 + :round;
INSERT INTO seats VALUES (100, :round, 'old');
DELETE FROM seats WHERE hall = 1 AND seat = :round;
