-- The roles that can log in and may write one of the tables $1 (a JSON list of names), but cannot
-- call one of the functions $2 (a JSON list of schema, or null, and name) in any of its overloads.
WITH f AS (
    SELECT o.name AS called, p.oid, n.oid AS schema, n.nspname
    FROM pg_catalog.jsonb_to_recordset($2::jsonb) AS o (schema text, name text)
    JOIN pg_catalog.pg_proc p ON p.proname = o.name
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname <> 'pg_catalog'
      AND (o.schema = n.nspname OR o.schema IS NULL AND pg_catalog.pg_function_is_visible(p.oid))
)
SELECT w.name AS "table", r.rolname AS role,
       pg_catalog.min(f.oid)::pg_catalog.regprocedure::text AS function,
       pg_catalog.min(f.nspname::text) AS schema,
       pg_catalog.bool_or(pg_catalog.has_function_privilege(r.oid, f.oid, 'EXECUTE')) AS executes
FROM pg_catalog.jsonb_array_elements_text($1::jsonb) AS w (name)
JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(w.name)
JOIN pg_catalog.pg_roles r ON r.rolcanlogin AND NOT r.rolsuper
    AND (pg_catalog.has_any_column_privilege(r.oid, c.oid, 'INSERT')
         OR pg_catalog.has_any_column_privilege(r.oid, c.oid, 'UPDATE'))
CROSS JOIN f
GROUP BY w.name, r.rolname, f.called
HAVING NOT pg_catalog.bool_or(pg_catalog.has_function_privilege(r.oid, f.oid, 'EXECUTE')
                              AND pg_catalog.has_schema_privilege(r.oid, f.schema, 'USAGE'))
ORDER BY w.name, r.rolname, f.called
LIMIT 10
