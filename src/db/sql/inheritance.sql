-- Parents and children by INHERITS, and partitions.
SELECT h.inhrelid::bigint AS child, h.inhparent::bigint AS parent
  FROM pg_inherits h
  JOIN pg_class c ON c.oid = h.inhrelid AND c.relkind IN ('r', 'p', 'f')
  JOIN pg_class p ON p.oid = h.inhparent AND p.relkind IN ('r', 'p', 'f')
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', pg_catalog.current_setting('zdm.journal_schema'))
 ORDER BY h.inhrelid, h.inhseqno, c.relname
