-- One line for each fact about the schema, each naming its object in full: two databases have the
-- same schema exactly if they have the same lines. The physical order of columns does not show,
-- nor does the schema of the journal. What an older version's catalog lacks is read through
-- to_jsonb(row).
WITH rel AS (
    SELECT c.oid, c.relkind, c.relname, n.nspname, c.reloptions, c.relowner, c.relacl,
        format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname <> $1 AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
)
SELECT format('relation %s: kind %s, owner %s, options %s, acl %s', name, relkind,
    pg_get_userbyid(relowner), coalesce(reloptions::text, '-'), coalesce(relacl::text, '-'))
FROM rel
UNION ALL
SELECT format('column %s.%I: %s%s%s%s, default %s, statistics %s, acl %s, comment %s', r.name, a.attname,
    format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
    CASE a.attidentity WHEN '' THEN '' ELSE ' identity ' || a.attidentity::text END,
    CASE a.attgenerated WHEN '' THEN '' ELSE ' generated ' || a.attgenerated::text END,
    coalesce(pg_get_expr(d.adbin, d.adrelid), '-'), coalesce((to_jsonb(a) ->> 'attstattarget')::int, -1),
    coalesce(a.attacl::text, '-'), coalesce(quote_literal(col_description(r.oid, a.attnum)), '-'))
FROM rel r
JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f')
UNION ALL
SELECT format('constraint %I of %s: %s, valid %s, enforced %s, comment %s', k.conname, r.name,
    pg_get_constraintdef(k.oid), k.convalidated, coalesce(to_jsonb(k) ->> 'conenforced', 'true'),
    coalesce(quote_literal(obj_description(k.oid, 'pg_constraint')), '-'))
FROM rel r JOIN pg_constraint k ON k.conrelid = r.oid
UNION ALL
SELECT format('index %s: %s, valid %s, ready %s, primary %s, comment %s', r.name, pg_get_indexdef(i.indexrelid),
    i.indisvalid, i.indisready, i.indisprimary, coalesce(quote_literal(obj_description(r.oid, 'pg_class')), '-'))
FROM rel r JOIN pg_index i ON i.indexrelid = r.oid
UNION ALL
SELECT format('sequence %s: %s from %s by %s, owned by %s', r.name, format_type(s.seqtypid, NULL), s.seqstart,
    s.seqincrement, coalesce((SELECT format('%s.%I', d.refobjid::regclass, a.attname)
        FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype IN ('a', 'i')
          AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0), '-'))
FROM rel r JOIN pg_sequence s ON s.seqrelid = r.oid
UNION ALL
SELECT format('trigger %I of %s: %s, enabled %s', t.tgname, r.name, pg_get_triggerdef(t.oid), t.tgenabled)
FROM rel r JOIN pg_trigger t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
UNION ALL
SELECT format('view %s: %s', r.name, pg_get_viewdef(r.oid)) FROM rel r WHERE r.relkind IN ('v', 'm')
UNION ALL
SELECT format('routine %s: %s', p.oid::regprocedure, CASE WHEN p.prokind = 'a' THEN 'an aggregate' ELSE pg_get_functiondef(p.oid) END)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname <> $1 AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL
SELECT format('schema %I', n.nspname) FROM pg_namespace n
WHERE n.nspname <> $1 AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1
