-- Extended statistics objects, with every column they name.
SELECT s.stxrelid::bigint AS relid,
       sn.nspname AS schema,
       s.stxname AS name,
       ARRAY(SELECT a.attname FROM pg_attribute a
              WHERE a.attrelid = s.stxrelid AND a.attnum > 0
                AND (a.attnum = ANY (s.stxkeys::int2[])
                     OR a.attnum IN (SELECT r.m[1]::int FROM regexp_matches(s.stxexprs::text, ':varattno (\d+)', 'g') AS r(m)))
              ORDER BY a.attnum) AS columns
  FROM pg_statistic_ext s
  JOIN pg_namespace sn ON sn.oid = s.stxnamespace
  JOIN pg_class c ON c.oid = s.stxrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', pg_catalog.current_setting('zdm.journal_schema'))
 ORDER BY sn.nspname, s.stxname
