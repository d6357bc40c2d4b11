INSERT INTO users VALUES (1000 + :round, 'sad');
SELECT twice(2), nextval('numbers'), (SELECT count(*) FROM sad_ones);
