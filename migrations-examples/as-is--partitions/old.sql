INSERT INTO orders VALUES (1000 + :round, '2024-02-01', :round);
