-- Tables that are published: PostgreSQL 14, which has neither column lists nor row filters.
SELECT c.oid::bigint AS relid, p.pubname AS name, NULL::name[] AS columns, '{}'::name[] AS filter_columns
  FROM pg_publication p
  JOIN pg_class c ON c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE (p.puballtables OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = c.oid))
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', pg_catalog.current_setting('zdm.journal_schema'))
 ORDER BY c.oid, p.pubname
