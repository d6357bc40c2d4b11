INSERT INTO "Events of the whole world, a name of exactly sixty-three bytes"
VALUES (md5('new' || :round)::uuid, 'new', '2024-05-01', jsonb_build_object('n', 20000 + :round), NULL);
INSERT INTO "Events of the whole world, a name of exactly sixty-three bytes"
VALUES (md5('twice' || :round)::uuid, 'twice', '2024-05-01', '{"n": 30000}', NULL)
ON CONFLICT (((payload ->> 'n')::integer)) DO NOTHING;
DELETE FROM "Events of the whole world, a name of exactly sixty-three bytes" WHERE "Kind" = 'twice';
