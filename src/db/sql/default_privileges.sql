-- Whether ALTER DEFAULT PRIVILEGES gives rights on new tables and views somewhere.
SELECT EXISTS (SELECT FROM pg_catalog.pg_default_acl WHERE defaclobjtype = 'r')
