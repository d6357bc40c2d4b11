-- zdm: phase migrate
DO $$
BEGIN
    IF current_setting('server_encoding') = 'UTF8' THEN
        UPDATE settings SET value = trim(value);
        DELETE FROM tags WHERE id > 45;
    ELSE
        RAISE NOTICE 'nothing done';
    END IF;
END
$$;
