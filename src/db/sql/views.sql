-- Views.
SELECT c.oid::bigint AS relid,
       n.nspname AS schema,
       c.relname AS name,
       pg_get_viewdef(c.oid) AS definition,
       COALESCE(c.reloptions, '{}'::text[]) AS options,
       pg_get_userbyid(c.relowner) AS owner,
       c.relacl::text[] AS acl,
       obj_description(c.oid, 'pg_class') AS comment
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'v'
   AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', pg_catalog.current_setting('zdm.journal_schema'))
 ORDER BY n.nspname, c.relname
