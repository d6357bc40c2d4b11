-- Constraints of tables; those of domains are in types.sql. NOT NULL has names since PostgreSQL 18.
WITH con AS (
    SELECT k.*, c.relispartition, format('%s %I', k.conrelid::regclass, k.conname) AS name, to_jsonb(k) AS all_columns
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname <> 'zdm' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
)
SELECT format('%s: %s', name, pg_get_constraintdef(oid)) FROM con
UNION ALL
SELECT format('%s: type=%s valid=%s enforced=%s deferrable=%s deferred=%s no_inherit=%s inherited=%s local=%s parent=%s index=%s',
    name, contype, convalidated, coalesce(all_columns ->> 'conenforced', 'true'),
    condeferrable, condeferred,
    -- Of a key it says nothing, and differs by whether the key was made on the partition or came from above.
    CASE WHEN contype IN ('c', 'n') THEN connoinherit::text ELSE '-' END, coninhcount,
    -- pg_dump writes NOT NULL of a partition as its own in any case.
    CASE WHEN contype = 'n' AND relispartition THEN '-' ELSE conislocal::text END,
    CASE WHEN conparentid = 0 THEN '-' ELSE (SELECT format('%s %I', p.conrelid::regclass, p.conname) FROM pg_constraint p WHERE p.oid = conparentid) END,
    CASE WHEN conindid = 0 THEN '-' ELSE conindid::regclass::text END)
FROM con
UNION ALL
SELECT format('%s: comment=%L', name, obj_description(oid, 'pg_constraint'))
FROM con WHERE obj_description(oid, 'pg_constraint') IS NOT NULL
