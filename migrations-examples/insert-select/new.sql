INSERT INTO users VALUES (30000 + :round, 'new ' || :round, 'webauthn');
UPDATE contacts SET kind = 'new ' || :round WHERE user_id % 5 = 0;
