INSERT INTO orders VALUES (30000 + :round, '2024-08-01', 'web'), (40000 + :round, '2023-01-01', 'shop');
INSERT INTO plain VALUES (2, 'new');
