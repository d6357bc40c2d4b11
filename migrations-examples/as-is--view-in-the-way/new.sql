INSERT INTO open_orders ("Id", code, amount) VALUES (4000 + :round, 'new ' || :round, 7);
INSERT INTO large ("Id", code) VALUES (5000 + :round, 'much longer ' || :round);
SELECT n, last FROM counted;
