-- Rules and triggers of views, but for the rule that is the view's query.
SELECT c.oid::bigint AS relid,
       h.name,
       h.trigger,
       h.definition,
       h.comment
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
    SELECT t.tgname AS name, true AS trigger, pg_get_triggerdef(t.oid) AS definition,
           obj_description(t.oid, 'pg_trigger') AS comment
      FROM pg_trigger t
     WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
    UNION ALL
    SELECT r.rulename, false, pg_get_ruledef(r.oid), obj_description(r.oid, 'pg_rewrite')
      FROM pg_rewrite r
     WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN'
 ) h
 WHERE c.relkind = 'v'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', pg_catalog.current_setting('zdm.journal_schema'))
 ORDER BY c.oid, h.trigger, h.name
