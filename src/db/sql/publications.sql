-- Tables that are published, by themselves, with their schema or with all: PostgreSQL 15 and later.
SELECT c.oid::bigint AS relid,
       p.pubname AS name,
       CASE WHEN r.prattrs IS NOT NULL THEN
           ARRAY(SELECT a.attname FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attnum = ANY (r.prattrs::int2[]) ORDER BY a.attnum)
       END AS columns,
       ARRAY(SELECT a.attname FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0
                AND a.attnum IN (SELECT x.m[1]::int FROM regexp_matches(r.prqual::text, ':varattno (\d+)', 'g') AS x(m))
              ORDER BY a.attnum) AS filter_columns
  FROM pg_publication p
  JOIN pg_class c ON c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = c.oid
 WHERE (p.puballtables OR r.oid IS NOT NULL
        OR EXISTS (SELECT FROM pg_publication_namespace s WHERE s.pnpubid = p.oid AND s.pnnspid = c.relnamespace))
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', pg_catalog.current_setting('zdm.journal_schema'))
 ORDER BY c.oid, p.pubname
