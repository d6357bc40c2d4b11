-- Enums with their labels in order, domains with their constraints, composite types with their
-- attributes in order, ranges; also collations and operators by name.
WITH ty AS (
    SELECT t.*, format('%I.%I', n.nspname, t.typname) AS name
    FROM pg_type t
    JOIN pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE n.nspname <> 'zdm' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND (t.typtype IN ('e', 'd', 'r', 'm') OR c.relkind = 'c' OR (t.typtype = 'b' AND t.typelem = 0))
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
)
SELECT format('%s: type kind=%s owner=%s acl=%s', name, typtype, pg_get_userbyid(typowner),
    (SELECT string_agg(format('%s:%s%s', CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END,
        a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END), ',' ORDER BY a.grantee::regrole::text, a.privilege_type)
     FROM aclexplode(coalesce(typacl, acldefault('T', typowner))) a))
FROM ty
UNION ALL
SELECT format('%s: labels %s', name, string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder))
FROM ty JOIN pg_enum e ON e.enumtypid = ty.oid GROUP BY name
UNION ALL
SELECT format('%s: domain over %s%s default=%s collation=%s', name, format_type(typbasetype, typtypmod),
    CASE WHEN typnotnull THEN ' not null' ELSE '' END, coalesce(typdefault, '-'),
    CASE WHEN typcollation = 0 THEN '-' ELSE typcollation::regcollation::text END)
FROM ty WHERE typtype = 'd'
UNION ALL
SELECT format('%s: constraint %I %s valid=%s comment=%s', ty.name, k.conname, pg_get_constraintdef(k.oid), k.convalidated,
    quote_nullable(obj_description(k.oid, 'pg_constraint')))
FROM ty JOIN pg_constraint k ON k.contypid = ty.oid
UNION ALL
SELECT format('%s: attributes %s', name,
    (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
     FROM pg_attribute a WHERE a.attrelid = ty.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
FROM ty WHERE typtype = 'c'
UNION ALL
SELECT format('%s: range of %s', name, format_type(r.rngsubtype, NULL)) FROM ty JOIN pg_range r ON r.rngtypid = ty.oid
UNION ALL
SELECT format('%s: comment=%L', name, obj_description(oid, 'pg_type'))
FROM ty WHERE obj_description(oid, 'pg_type') IS NOT NULL
UNION ALL
SELECT format('collation %I.%I: provider=%s deterministic=%s', n.nspname, c.collname, c.collprovider, c.collisdeterministic)
FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
WHERE n.nspname <> 'zdm' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL
SELECT format('operator %s: function=%s', o.oid::regoperator, o.oprcode)
FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
WHERE n.nspname <> 'zdm' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_operator'::regclass AND d.objid = o.oid AND d.deptype = 'e')
UNION ALL
SELECT format('cast from %s to %s: function=%s context=%s', format_type(castsource, NULL), format_type(casttarget, NULL),
    castfunc::regproc, castcontext)
FROM pg_cast c WHERE c.oid >= 16384
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype = 'e')
