-- Publications with their tables; column lists and row filters exist since PostgreSQL 15.
SELECT format('publication %I: owner=%s all_tables=%s insert=%s update=%s delete=%s truncate=%s via_root=%s generated=%s', p.pubname,
    pg_get_userbyid(p.pubowner), p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot,
    coalesce(to_jsonb(p) ->> 'pubgencols', '-'))
FROM pg_publication p
UNION ALL
SELECT format('publication %I: %s columns=%s where %s', p.pubname, r.prrelid::regclass,
    coalesce((SELECT string_agg(quote_ident(a.attname), ',' ORDER BY a.attname)
        FROM regexp_split_to_table(translate(to_jsonb(r) ->> 'prattrs', '[] ', ''), ',') k
        JOIN pg_attribute a ON a.attrelid = r.prrelid AND a.attnum::text = k), 'all'),
    coalesce((SELECT to_jsonb(t) ->> 'rowfilter' FROM pg_publication_tables t
        WHERE t.pubname = p.pubname AND format('%I.%I', t.schemaname, t.tablename)::regclass = r.prrelid), '-'))
FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
UNION ALL
SELECT format('publication %I: table in effect %I.%I', t.pubname, t.schemaname, t.tablename)
FROM pg_publication_tables t WHERE t.schemaname <> 'zdm'
