-- Settings of this database and of roles in it.
SELECT format('settings of %s: %s', CASE WHEN s.setrole = 0 THEN 'every role' ELSE pg_get_userbyid(s.setrole) END,
    (SELECT string_agg(c, ',' ORDER BY c) FROM unnest(s.setconfig) c))
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
WHERE d.datname = current_database()
