INSERT INTO shops (id, area, number) VALUES (md5('new' || :round)::uuid, 'r2', 3000 + :round);
INSERT INTO sales VALUES (3000 + :round, 'r2', 3000 + :round);
DELETE FROM shops WHERE area = 'r3' AND number = 610 + :round;
