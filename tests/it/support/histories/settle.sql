-- Puts one fixed time in place of every time that was read from the clock within the last hours, also of
-- one that lies up to 120 days ahead, so
-- that two databases whose migrations ran at different times can be compared.
DO $settle$
DECLARE
    c record;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR c IN
        SELECT a.attrelid::regclass AS relation, a.attname
        FROM pg_attribute a
        JOIN pg_class r ON r.oid = a.attrelid
        JOIN pg_namespace s ON s.oid = r.relnamespace
        WHERE r.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
          AND a.atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype)
          AND s.nspname NOT IN ('zdm', 'information_schema') AND s.nspname !~ '^pg_'
    LOOP
        EXECUTE format('UPDATE %s SET %2$I = ''2000-01-01'' WHERE %2$I > now() - interval ''24 hours''
                        AND %2$I < now() + interval ''120 days''', c.relation, c.attname);
    END LOOP;
END
$settle$;
