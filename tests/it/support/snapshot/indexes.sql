-- Indexes, those of constraints included. Statistics targets are those of expressions in them.
WITH idx AS (
    SELECT i.*, c.oid, c.reloptions, format('%I.%I', n.nspname, c.relname) AS name, c.relkind,
        (SELECT spcname::text FROM pg_tablespace WHERE oid = c.reltablespace) AS tablespace
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname <> 'zdm' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indrelid AND d.deptype = 'e')
)
SELECT format('%s: %s', name, pg_get_indexdef(oid)) FROM idx
UNION ALL
SELECT format('%s: on %s valid=%s ready=%s live=%s unique=%s primary=%s immediate=%s clustered=%s replica_identity=%s tablespace=%s parent=%s',
    name, indrelid::regclass, indisvalid, indisready, indislive, indisunique, indisprimary, indimmediate,
    indisclustered, indisreplident, coalesce(tablespace, '-'),
    coalesce((SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = idx.oid), '-'))
FROM idx
UNION ALL
SELECT format('%s: statistics target of column %s=%s', name, a.attnum, to_jsonb(a) ->> 'attstattarget')
-- OFFSET 0 keeps the dear to_jsonb away from the columns of everything else.
FROM idx, LATERAL (SELECT * FROM pg_attribute WHERE attrelid = idx.oid OFFSET 0) a
WHERE coalesce((to_jsonb(a) ->> 'attstattarget')::int, -1) <> -1
UNION ALL
SELECT format('%s: comment=%L', name, obj_description(oid, 'pg_class'))
FROM idx WHERE obj_description(oid, 'pg_class') IS NOT NULL
