INSERT INTO customers (id, code, name) VALUES (5000000000 + :round, 'new ' || :round, 'new');
INSERT INTO customers (id, code, name) VALUES (8000 + :round, 'newer ' || :round, 'new');
INSERT INTO orders (id, customer, code) VALUES (8000 + :round, 8000 + :round, 'newer ' || :round);
