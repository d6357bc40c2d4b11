-- What hangs on tables: row security policies, rules, extended statistics.
SELECT format('%s policy %I: command=%s permissive=%s roles=%s using=%s check=%s comment=%s', p.polrelid::regclass, p.polname,
    p.polcmd, p.polpermissive,
    (SELECT string_agg(CASE WHEN r = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r) END, ',' ORDER BY pg_get_userbyid(r)) FROM unnest(p.polroles) r),
    quote_nullable(pg_get_expr(p.polqual, p.polrelid)), quote_nullable(pg_get_expr(p.polwithcheck, p.polrelid)),
    quote_nullable(obj_description(p.oid, 'pg_policy')))
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname <> 'zdm' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL
SELECT format('%s rule %I: enabled=%s %s comment=%s', r.ev_class::regclass, r.rulename, r.ev_enabled,
    regexp_replace(pg_get_ruledef(r.oid, false), '\s+', ' ', 'g'), quote_nullable(obj_description(r.oid, 'pg_rewrite')))
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname <> 'zdm' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND r.rulename <> '_RETURN'
UNION ALL
-- The kinds and columns are printed apart from pg_get_statisticsobjdef, which lists columns by
-- their position in the table.
SELECT format('statistics %I.%I: on %s columns=%s kinds=%s expressions=%s target=%s owner=%s comment=%s', n.nspname, s.stxname,
    s.stxrelid::regclass,
    (SELECT string_agg(quote_ident(a.attname), ',' ORDER BY a.attname)
     FROM unnest(s.stxkeys::int2[]) k JOIN pg_attribute a ON a.attrelid = s.stxrelid AND a.attnum = k),
    (SELECT string_agg(k::text, ',' ORDER BY k) FROM unnest(s.stxkind) k),
    quote_nullable(pg_get_expr(s.stxexprs, s.stxrelid)),
    coalesce((to_jsonb(s) ->> 'stxstattarget')::int, -1), pg_get_userbyid(s.stxowner),
    quote_nullable(obj_description(s.oid, 'pg_statistic_ext')))
FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
WHERE n.nspname <> 'zdm' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
