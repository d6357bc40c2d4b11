-- What the query of each view and materialized view reads. Where single columns are named, the
-- server records those instead of the relation as a whole.
SELECT DISTINCT r.ev_class::bigint AS relid,
       rn.nspname AS schema,
       rc.relname AS name,
       a.attname AS column
  FROM pg_rewrite r
  JOIN pg_class c ON c.oid = r.ev_class AND c.relkind IN ('v', 'm')
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                  AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
  JOIN pg_class rc ON rc.oid = d.refobjid
  JOIN pg_namespace rn ON rn.oid = rc.relnamespace
  LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND d.refobjsubid <> 0
 WHERE r.rulename = '_RETURN'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', pg_catalog.current_setting('zdm.journal_schema'))
 ORDER BY 1, 2, 3, 4
