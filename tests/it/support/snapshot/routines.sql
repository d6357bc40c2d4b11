-- Functions, procedures and aggregates. The definition is one line per line, numbered.
WITH fn AS (
    SELECT p.*, p.oid::regprocedure::text AS name
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname <> 'zdm' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
)
SELECT format('%s: kind=%s owner=%s acl=%s', name, prokind, pg_get_userbyid(proowner),
    (SELECT string_agg(format('%s:%s%s', CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END,
        a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END), ',' ORDER BY a.grantee::regrole::text, a.privilege_type)
     FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) a))
FROM fn
UNION ALL
SELECT format('%s: definition %s: %s', name, to_char(line.number, 'FM0000'), line.text)
FROM fn, regexp_split_to_table(CASE WHEN prokind <> 'a' THEN pg_get_functiondef(fn.oid) END, '\n') WITH ORDINALITY AS line(text, number)
UNION ALL
SELECT format('%s: aggregate of %s(%s) state=%s initial=%s final=%s', fn.name, a.aggtransfn::regproc,
    pg_get_function_arguments(fn.oid), format_type(a.aggtranstype, NULL), quote_nullable(a.agginitval), a.aggfinalfn::regproc)
FROM fn JOIN pg_aggregate a ON a.aggfnoid = fn.oid
UNION ALL
SELECT format('%s: comment=%L', name, obj_description(oid, 'pg_proc'))
FROM fn WHERE obj_description(oid, 'pg_proc') IS NOT NULL
