-- Rows for every table that takes any, made from names and numbers alone: no clock, no randomness,
-- no sequence, so that two databases with the same tables get the same rows.

-- The value of row `n` for a column, as SQL.
CREATE FUNCTION pg_temp.fill_value(relation oid, col name, n int) RETURNS text LANGUAGE plpgsql AS $fill$
DECLARE
    a pg_attribute;
    base oid;
    type text;
    key pg_constraint;
    place int;
    words text[];
    word text;
    length int;
BEGIN
    SELECT * INTO a FROM pg_attribute WHERE attrelid = relation AND attname = col;
    -- What a foreign key refers to: row n of the other table, so that the columns of one key agree.
    SELECT * INTO key FROM pg_constraint c
    WHERE c.conrelid = relation AND c.contype = 'f' AND a.attnum = ANY (c.conkey)
    ORDER BY array_length(c.conkey, 1) DESC, conname LIMIT 1;
    IF FOUND THEN
        IF key.confrelid = relation THEN RETURN 'NULL'; END IF;
        place := array_position(key.conkey, a.attnum);
        RETURN format('(SELECT %I FROM %s ORDER BY %s OFFSET %s LIMIT 1)',
            (SELECT attname FROM pg_attribute WHERE attrelid = key.confrelid AND attnum = key.confkey[place]),
            key.confrelid::regclass,
            (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) FROM pg_attribute
             WHERE attrelid = key.confrelid AND attnum = ANY (key.confkey)),
            n - 1);
    END IF;
    SELECT coalesce(nullif(t.typbasetype, 0), t.oid) INTO base FROM pg_type t WHERE t.oid = a.atttypid;
    type := format_type(base, NULL);
    SELECT array_agg(enumlabel ORDER BY enumsortorder) INTO words FROM pg_enum WHERE enumtypid = base;
    IF words IS NOT NULL THEN
        RETURN quote_literal(words[1 + n % array_length(words, 1)]);
    END IF;
    -- The words that a CHECK of this column allows.
    SELECT array_agg(m[1]) INTO words
    FROM pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([^'']+)''::', 'g') m
    WHERE c.conrelid = relation AND c.contype = 'c' AND c.conkey = ARRAY[a.attnum];
    CASE
        WHEN type IN ('text', 'character varying', 'character', 'name', '"char"') THEN
            word := CASE WHEN words IS NULL THEN n || '_' || col ELSE words[1 + n % array_length(words, 1)] END;
            length := CASE WHEN a.atttypmod > 4 AND type LIKE 'character%' THEN a.atttypmod - 4 ELSE 60 END;
            RETURN quote_literal(left(word, length));
        WHEN type IN ('smallint', 'integer', 'bigint') THEN RETURN (100 + n)::text;
        WHEN type IN ('numeric', 'real', 'double precision') THEN RETURN n::text;
        WHEN type = 'boolean' THEN RETURN (n % 2 = 0)::text;
        WHEN type LIKE 'timestamp%' OR type = 'date' THEN
            RETURN quote_literal((timestamp '2024-01-31 12:00:00' + n * interval '1 day')::text);
        WHEN type LIKE 'time %' THEN RETURN quote_literal('12:00:0' || n % 10);
        WHEN type = 'interval' THEN RETURN quote_literal(n || ' hours');
        WHEN type = 'uuid' THEN RETURN quote_literal(md5(col || n)::uuid::text);
        WHEN type IN ('json', 'jsonb') THEN RETURN quote_literal(format('{"n": %s}', n));
        WHEN type = 'bytea' THEN RETURN format('decode(%L, ''hex'')', md5(col || n));
        WHEN type IN ('inet', 'cidr') THEN RETURN quote_literal('10.0.0.' || n);
        WHEN type LIKE '%[]' THEN RETURN quote_literal('{}');
        ELSE RETURN 'NULL';
    END CASE;
END
$fill$;

-- Row `n` of a table: all columns, or where that fails only those that must have a value.
CREATE FUNCTION pg_temp.fill_row(relation oid, n int, required boolean) RETURNS boolean LANGUAGE plpgsql AS $fill$
DECLARE
    names text;
    list text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname),
           string_agg(pg_temp.fill_value(relation, attname, n), ', ' ORDER BY attname)
    INTO names, list
    FROM pg_attribute
    WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
      AND (attnotnull OR NOT required);
    IF names IS NULL THEN RETURN false; END IF;
    EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)', relation::regclass, names, list);
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    RETURN false;
END
$fill$;

CREATE PROCEDURE pg_temp.fill(count int) LANGUAGE plpgsql AS $fill$
DECLARE
    t oid;
    took text[] := '{}';
    before int := -1;
BEGIN
    WHILE cardinality(took) > before LOOP
        before := cardinality(took);
        FOR t IN
            SELECT c.oid FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
              AND s.nspname NOT IN ('zdm', 'information_schema') AND s.nspname !~ '^pg_'
            ORDER BY s.nspname, c.relname
        LOOP
            FOR n IN 1..count LOOP
                CONTINUE WHEN t || '/' || n = ANY (took);
                IF pg_temp.fill_row(t, n, false) OR pg_temp.fill_row(t, n, true) THEN
                    took := took || (t || '/' || n);
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
END
$fill$;
