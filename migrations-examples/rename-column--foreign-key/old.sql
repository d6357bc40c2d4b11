INSERT INTO shops (id, region, number) VALUES (md5('old' || :round)::uuid, 'r1', 2000 + :round);
INSERT INTO sales VALUES (2000 + :round, 'r1', 2000 + :round);
UPDATE shops SET region = 'r9' WHERE number = 2000 + :round AND NOT EXISTS (SELECT FROM sales s WHERE s.number = shops.number);
DELETE FROM shops WHERE number = 500 + :round;
