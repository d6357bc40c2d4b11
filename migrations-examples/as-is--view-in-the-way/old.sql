INSERT INTO open_orders ("Id", code) VALUES (2000 + :round, 'old ' || :round);
INSERT INTO large ("Id", code) VALUES (3000 + :round, 'big ' || :round);
DELETE FROM large;
SELECT n, last FROM counted;
