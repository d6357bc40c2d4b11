DROP VIEW counted, large, open_orders;
ALTER TABLE "Orders" ALTER COLUMN code TYPE varchar(20);
CREATE VIEW open_orders ("Id", code, amount) WITH (security_barrier = true, check_option = local) AS
    SELECT id, code, amount FROM "Orders" WHERE amount > 0;
COMMENT ON VIEW open_orders IS 'what''s open';
COMMENT ON COLUMN open_orders.code IS 'printed';
ALTER VIEW open_orders ALTER COLUMN amount SET DEFAULT 5;
GRANT SELECT, INSERT ON open_orders TO "shop app" WITH GRANT OPTION;
GRANT UPDATE (code) ON open_orders TO PUBLIC;
CREATE VIEW large AS SELECT "Id", code FROM open_orders WHERE amount > 500;
CREATE RULE forget AS ON DELETE TO large DO INSTEAD NOTHING;
COMMENT ON RULE forget ON large IS 'never';
CREATE TRIGGER put INSTEAD OF INSERT ON large FOR EACH ROW EXECUTE FUNCTION put();
COMMENT ON TRIGGER put ON large IS 'by way of';
CREATE VIEW counted AS SELECT count(*) AS n, max(l.code) AS last FROM large l JOIN "Orders" o ON o.id = l."Id";
