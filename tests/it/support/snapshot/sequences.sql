-- The parameters of sequences and the columns that own them; not where they stand.
SELECT format('%I.%I: type=%s start=%s increment=%s min=%s max=%s cache=%s cycle=%s owned_by=%s', n.nspname, c.relname,
    format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
    coalesce((SELECT format('%s.%I (%s)', d.refobjid::regclass, a.attname,
            CASE d.deptype WHEN 'i' THEN 'identity' ELSE 'owned' END)
        FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
          AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0), '-'))
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname <> 'zdm' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
