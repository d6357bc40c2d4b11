-- Schemas with owner, grants and comment; extensions; default privileges.
SELECT format('schema %I owner=%s acl=%s comment=%s', n.nspname, pg_get_userbyid(n.nspowner),
    (SELECT string_agg(format('%s:%s%s', CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END,
        a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END), ',' ORDER BY a.grantee::regrole::text, a.privilege_type)
     FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a),
    quote_nullable(obj_description(n.oid, 'pg_namespace')))
FROM pg_namespace n
WHERE n.nspname <> 'zdm' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL
SELECT format('extension %I schema=%I version=%s', e.extname, n.nspname, e.extversion)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
UNION ALL
SELECT format('default privileges of %s in %s for %s: %s', pg_get_userbyid(d.defaclrole),
    coalesce(n.nspname::text, 'every schema'), d.defaclobjtype, d.defaclacl::text)
FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
