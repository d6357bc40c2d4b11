-- Which of the objects $1 (a JSON list of kind, table or schema, and name) are not there.
SELECT o.kind, o.within, o.name
FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS o (kind text, within text, name text)
WHERE NOT CASE o.kind
    WHEN 'column' THEN EXISTS (
        SELECT FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = pg_catalog.to_regclass(o.within) AND a.attname = o.name
          AND NOT a.attisdropped)
    WHEN 'constraint' THEN EXISTS (
        SELECT FROM pg_catalog.pg_constraint c
        WHERE c.conrelid = pg_catalog.to_regclass(o.within) AND c.conname = o.name)
    WHEN 'trigger' THEN EXISTS (
        SELECT FROM pg_catalog.pg_trigger t
        WHERE t.tgrelid = pg_catalog.to_regclass(o.within) AND t.tgname = o.name)
    WHEN 'function' THEN EXISTS (
        SELECT FROM pg_catalog.pg_proc p
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = o.within AND p.proname = o.name)
END
ORDER BY o.kind, o.within, o.name
