INSERT INTO accounts VALUES (4000 + :round, 'new' || :round) ON CONFLICT (mail) DO UPDATE SET note = 'again';
INSERT INTO logs VALUES ('2026-03-01', 'new ' || :round);
UPDATE logs SET line = line || '!' WHERE id = (SELECT min(id) FROM logs WHERE line = 'line 7');
