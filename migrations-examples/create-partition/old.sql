INSERT INTO orders VALUES (10000 + :round, '2024-03-01', 'web'), (20000 + :round, '2023-01-01', NULL);
INSERT INTO plain VALUES (1, 'old');
