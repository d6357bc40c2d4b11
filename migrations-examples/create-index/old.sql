INSERT INTO "Events of the whole world, a name of exactly sixty-three bytes"
VALUES (md5('old' || :round)::uuid, 'old', '2024-05-01', jsonb_build_object('n', 10000 + :round), NULL);
UPDATE "Events of the whole world, a name of exactly sixty-three bytes" SET at = at + interval '1 day' WHERE "Kind" = 'kind 1';
INSERT INTO small VALUES (:round, 'old');
