-- The server, the database and the role of this session.
SELECT current_setting('server_version_num')::int AS version_num,
       pg_is_in_recovery() AS in_recovery,
       has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS may_read_identifier,
       d.oid::bigint AS database_oid,
       d.datname AS database,
       current_user AS "current_user",
       COALESCE((SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user), false) AS is_superuser,
       pg_has_role('pg_monitor', 'USAGE') AS has_pg_monitor,
       has_database_privilege(d.oid, 'CREATE') AS can_create_in_database
  FROM pg_database d
 WHERE d.datname = current_database()
