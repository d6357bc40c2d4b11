-- Rows written to each table since its counters began; those of a partitioned table are its partitions'.
SELECT n.nspname AS schema,
       c.relname AS name,
       (SELECT sum(pg_stat_get_tuples_inserted(l.relid)
                   + pg_stat_get_tuples_updated(l.relid)
                   + pg_stat_get_tuples_deleted(l.relid))::bigint
          FROM (SELECT c.oid AS relid WHERE c.relkind = 'r'
                UNION ALL
                SELECT t.relid::oid FROM pg_partition_tree(c.oid) AS t WHERE c.relkind = 'p' AND t.isleaf) AS l) AS writes
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p')
   AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
