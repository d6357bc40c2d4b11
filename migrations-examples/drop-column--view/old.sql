INSERT INTO users VALUES (1000 + :round, 'old ' || :round, 'f', 18);
SELECT fax FROM adults;
SELECT fax FROM old_ones;
