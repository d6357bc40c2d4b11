-- Tables, views, materialized views, sequences, foreign tables and composite types. Indexes are
-- in indexes.sql. The definition of a view is one line per line, numbered to keep its order.
WITH rel AS (
    SELECT c.*, format('%I.%I', n.nspname, c.relname) AS name,
        CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
            WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table'
            WHEN 'c' THEN 'composite type' END AS kind
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname <> 'zdm' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
)
SELECT format('%s: %s owner=%s acl=%s', name, kind, pg_get_userbyid(relowner),
    (SELECT string_agg(format('%s:%s%s', CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END,
        a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END), ',' ORDER BY a.grantee::regrole::text, a.privilege_type)
     FROM aclexplode(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))) a))
FROM rel
UNION ALL
SELECT format('%s: persistence=%s replica_identity=%s row_security=%s force_row_security=%s access_method=%s tablespace=%s of_type=%s',
    name, relpersistence, relreplident, relrowsecurity, relforcerowsecurity,
    coalesce((SELECT amname::text FROM pg_am WHERE oid = relam), '-'),
    coalesce((SELECT spcname::text FROM pg_tablespace WHERE oid = reltablespace), '-'),
    CASE WHEN reloftype = 0 THEN '-' ELSE format_type(reloftype, NULL) END)
FROM rel
UNION ALL
SELECT format('%s: options=%s', name, (SELECT string_agg(o, ',' ORDER BY o) FROM unnest(reloptions) o))
FROM rel WHERE reloptions IS NOT NULL
UNION ALL
SELECT format('%s: toast options=%s', rel.name, (SELECT string_agg(o, ',' ORDER BY o) FROM unnest(t.reloptions) o))
FROM rel JOIN pg_class t ON t.oid = rel.reltoastrelid WHERE t.reloptions IS NOT NULL
UNION ALL
SELECT format('%s: comment=%L', name, obj_description(oid, 'pg_class'))
FROM rel WHERE obj_description(oid, 'pg_class') IS NOT NULL
UNION ALL
SELECT format('%s: partition key %s', name, pg_get_partkeydef(oid)) FROM rel WHERE relkind = 'p'
UNION ALL
SELECT format('%s: inherits %s as number %s %s%s', rel.name, i.inhparent::regclass,
    i.inhseqno, pg_get_expr(rel.relpartbound, rel.oid),
    CASE WHEN i.inhdetachpending THEN ' (detach pending)' ELSE '' END)
FROM rel JOIN pg_inherits i ON i.inhrelid = rel.oid
UNION ALL
SELECT format('%s: definition %s: %s', name, to_char(line.number, 'FM0000'), line.text)
FROM rel, regexp_split_to_table(pg_get_viewdef(rel.oid, true), '\n') WITH ORDINALITY AS line(text, number)
WHERE relkind IN ('v', 'm')
UNION ALL
SELECT format('%s: populated=%s', name, relispopulated) FROM rel WHERE relkind = 'm'
UNION ALL
SELECT format('%s: server=%s options=%s', name, s.srvname, f.ftoptions::text)
FROM rel JOIN pg_foreign_table f ON f.ftrelid = rel.oid JOIN pg_foreign_server s ON s.oid = f.ftserver
