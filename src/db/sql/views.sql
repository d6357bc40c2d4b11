-- Views.
SELECT c.oid::bigint AS relid,
       n.nspname AS schema,
       c.relname AS name,
       pg_get_viewdef(c.oid) AS definition,
       COALESCE(c.reloptions, '{}'::text[]) AS options,
       pg_get_userbyid(c.relowner) AS owner,
       EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
         OR EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN') AS has_triggers
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'v'
   AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'zdm')
 ORDER BY n.nspname, c.relname
