INSERT INTO orders VALUES (2000 + :round, '2024-02-01', :round), (3000 + :round, '2024-08-01', :round);
