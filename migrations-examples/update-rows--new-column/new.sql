INSERT INTO shops (id, region, region_name, country, sold) VALUES (8000 + :round, 2, 'region 2', 'country 2', :round);
UPDATE shops SET country = 'elsewhere' WHERE id = 30 + :round;
