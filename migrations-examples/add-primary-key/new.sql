INSERT INTO "Events" VALUES ('new', :round, '2026-01-01', 'new ' || :round) ON CONFLICT (source, "Number") DO NOTHING;
UPDATE "Events" SET payload = 'new ' || :round WHERE "Number" = 20 + :round;
UPDATE seats SET guest = 'new ' || :round WHERE hall = 2 AND seat = :round;
