ALTER FUNCTION twice(integer) RENAME TO doubled;
ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy';
ALTER SEQUENCE numbers RENAME TO user_numbers;
ALTER VIEW sad_ones RENAME TO unhappy_ones;
