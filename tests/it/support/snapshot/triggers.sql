-- Triggers. Those of foreign keys have generated names, so they are named by their constraint,
-- and only shown where they were switched off or on.
WITH tr AS (
    SELECT t.*, t.tgrelid::regclass AS tab
    FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname <> 'zdm' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
)
SELECT format('%s %I: enabled=%s parent=%s %s', tab, tgname, tgenabled,
    CASE WHEN tgparentid = 0 THEN 'no' ELSE 'yes' END,
    regexp_replace(pg_get_triggerdef(oid, false), '\s+', ' ', 'g'))
FROM tr WHERE NOT tgisinternal
UNION ALL
SELECT format('%s trigger of constraint %I, function %s: enabled=%s', tab,
    (SELECT conname FROM pg_constraint k WHERE k.oid = tgconstraint), tgfoid::regproc, tgenabled)
FROM tr WHERE tgisinternal AND tgenabled <> 'O'
UNION ALL
SELECT format('%s %I: comment=%L', tab, tgname, obj_description(oid, 'pg_trigger'))
FROM tr WHERE obj_description(oid, 'pg_trigger') IS NOT NULL
UNION ALL
SELECT format('event trigger %I: on %s function=%s enabled=%s tags=%s', evtname, evtevent, evtfoid::regproc, evtenabled, evttags::text)
FROM pg_event_trigger
