-- Every trigger that a person made, and its copies on partitions. Up to 14 the copies are marked
-- internal; those of foreign keys and deferrable keys hang on a constraint that is not a trigger.
SELECT t.tgrelid::bigint AS relid,
       t.tgname AS name,
       pg_get_triggerdef(t.oid) AS definition,
       (t.tgtype & 3) = 3 AS before_row,
       (t.tgtype & 4) <> 0 AS on_insert,
       (t.tgtype & 16) <> 0 AS on_update,
       ARRAY(SELECT a.attname FROM unnest(t.tgattr::int2[]) WITH ORDINALITY AS u(attnum, at)
               JOIN pg_attribute a ON a.attrelid = t.tgrelid AND a.attnum = u.attnum
              ORDER BY u.at) AS columns,
       ARRAY(SELECT a.attname FROM pg_attribute a
              WHERE a.attrelid = t.tgrelid AND a.attnum > 0 AND NOT a.attisdropped
                AND EXISTS (SELECT FROM regexp_matches(t.tgqual::text, ':varattno (\d+)', 'g') AS r(m)
                             WHERE r.m[1]::int IN (0, a.attnum))
              ORDER BY a.attnum) AS when_columns,
       t.tgenabled::text AS enabled,
       f.prosrc AS function_source,
       t.tgparentid <> 0 AS cloned
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_proc f ON f.oid = t.tgfoid
  LEFT JOIN pg_constraint k ON k.oid = t.tgconstraint
 WHERE (NOT t.tgisinternal OR t.tgparentid <> 0)
   AND (t.tgconstraint = 0 OR k.contype = 't')
   AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', pg_catalog.current_setting('zdm.journal_schema'))
 ORDER BY t.tgrelid, t.tgname
