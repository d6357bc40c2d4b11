-- Schemas.
SELECT n.nspname AS name FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', pg_catalog.current_setting('zdm.journal_schema')) ORDER BY n.nspname
