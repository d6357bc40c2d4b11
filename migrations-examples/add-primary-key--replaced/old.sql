INSERT INTO accounts VALUES (3000 + :round, 'old' || :round) ON CONFLICT (id) DO UPDATE SET note = 'again';
INSERT INTO logs VALUES ('2026-02-01', 'old ' || :round);
