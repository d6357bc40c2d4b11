DROP VIEW adults;
CREATE VIEW adults AS SELECT id, name, age FROM users WHERE age >= 21;
GRANT SELECT ON adults TO "shop app";
COMMENT ON VIEW adults IS 'who may buy everywhere';
