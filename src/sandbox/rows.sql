-- Rows for every table that takes any, made from names and numbers alone: no clock, no randomness.

-- The value of row `n` for a column, as SQL over `g.n` and the joined keys `k<oid>`. The second
-- variant makes smaller numbers where a CHECK may limit them.
CREATE FUNCTION pg_temp.zdm_value(relation oid, col name, small boolean) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog AS $fill$
DECLARE
    a pg_attribute;
    key pg_constraint;
    base oid;
    type text;
    bound text;
    words text[];
    word text;
    length int;
    modifier int;
BEGIN
    SELECT * INTO a FROM pg_attribute WHERE attrelid = relation AND attname = col;
    -- What a foreign key refers to.
    SELECT * INTO key FROM pg_constraint c
    WHERE c.conrelid = relation AND c.contype = 'f' AND a.attnum = ANY (c.conkey)
    ORDER BY array_length(c.conkey, 1) DESC, conname LIMIT 1;
    IF FOUND THEN
        IF key.confrelid = relation THEN RETURN 'NULL'; END IF;
        RETURN format('k%s.c%s', key.oid, array_position(key.conkey, a.attnum));
    END IF;
    -- What the bound of a partition demands.
    SELECT coalesce(
               substring(b.expr from $re$^FOR VALUES IN \(('(?:[^']|'')*'|[^,)]+)$re$),
               nullif(substring(b.expr from $re$^FOR VALUES FROM \(('(?:[^']|'')*'|[^,)]+)\)$re$), 'MINVALUE'))
    INTO bound
    FROM pg_partition_ancestors(relation) anc(oid)
    JOIN pg_class child ON child.oid = anc.oid AND child.relispartition
    JOIN pg_inherits i ON i.inhrelid = child.oid
    JOIN pg_partitioned_table p ON p.partrelid = i.inhparent
    JOIN pg_attribute pa ON pa.attrelid = i.inhparent AND pa.attnum = p.partattrs[0]
    CROSS JOIN LATERAL (SELECT pg_get_expr(child.relpartbound, child.oid) AS expr) b
    WHERE p.partnatts = 1 AND p.partstrat <> 'h' AND pa.attname = col
    LIMIT 1;
    IF bound IS NOT NULL THEN RETURN bound; END IF;
    SELECT t.oid, a.atttypmod INTO base, modifier FROM pg_type t WHERE t.oid = a.atttypid;
    WHILE (SELECT typtype FROM pg_type WHERE oid = base) = 'd' LOOP
        SELECT typbasetype, typtypmod INTO base, modifier FROM pg_type WHERE oid = base;
    END LOOP;
    type := format_type(base, NULL);
    SELECT array_agg(enumlabel ORDER BY enumsortorder) INTO words FROM pg_enum WHERE enumtypid = base;
    small := small AND EXISTS (
        SELECT FROM pg_constraint c
        WHERE c.contype = 'c'
          AND (c.conrelid = relation AND a.attnum = ANY (c.conkey) OR c.contypid = a.atttypid AND a.atttypid <> base));
    IF words IS NULL THEN
        -- The words that a CHECK of this column, or of its domain, allows.
        SELECT array_agg(m[1]) INTO words
        FROM pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([^'']+)''::', 'g') m
        WHERE c.contype = 'c'
          AND (c.conrelid = relation AND c.conkey = ARRAY[a.attnum] OR c.contypid = a.atttypid AND a.atttypid <> base);
    END IF;
    IF words IS NOT NULL AND (type IN ('text', 'character varying', 'character', 'name')
                              OR EXISTS (SELECT FROM pg_enum WHERE enumtypid = base)) THEN
        RETURN format('(%L::text[])[1 + g.n %% %s]::%s', words, array_length(words, 1), format_type(a.atttypid, NULL));
    END IF;
    IF type IN ('text', 'character varying', 'character', 'name') THEN
        length := CASE WHEN modifier > 4 AND type LIKE 'character%' THEN modifier - 4 ELSE 60 END;
        RETURN format('left(g.n || %L, %s)', '_' || col, length);
    END IF;
    IF type LIKE '%[]' THEN RETURN quote_literal('{}') || '::' || format_type(a.atttypid, NULL); END IF;
    CASE
        WHEN type IN ('smallint', 'integer', 'bigint') THEN
            RETURN CASE WHEN small THEN '1 + g.n % 9' ELSE '100 + g.n' END;
        WHEN type IN ('numeric', 'real', 'double precision') THEN
            RETURN CASE WHEN small THEN '(1 + g.n % 9) / 10.0' ELSE '1 + g.n % 1000' END;
        WHEN type = 'money' THEN RETURN 'g.n::money';
        WHEN type = '"char"' THEN RETURN '''a''::"char"';
        WHEN type = 'boolean' THEN RETURN 'g.n % 2 = 0';
        WHEN type LIKE 'timestamp%' OR type = 'date' THEN
            RETURN format('(timestamp %L + g.n * interval %L)::%s', '2024-01-31 12:00:00', '1 day', type);
        WHEN type LIKE 'time %' THEN RETURN format('(time %L + g.n * interval %L)::%s', '00:00', '1 second', type);
        WHEN type = 'interval' THEN RETURN format('g.n * interval %L', '1 hour');
        WHEN type = 'uuid' THEN RETURN format('md5(%L || g.n)::uuid', col);
        WHEN type IN ('json', 'jsonb') THEN RETURN format('(%L || g.n || %L)::%s', '{"n": ', '}', type);
        WHEN type = 'bytea' THEN RETURN format('decode(md5(%L || g.n), %L)', col, 'hex');
        WHEN type IN ('inet', 'cidr') THEN RETURN format('(%L || g.n / 250 || %L || g.n %% 250)::%s', '10.0.', '.', type);
        WHEN type = 'macaddr' THEN RETURN format('(%L || lpad(to_hex(g.n), 6, %L))::macaddr', '080000', '0');
        WHEN type = 'point' THEN RETURN 'point(g.n, g.n)';
        WHEN type = 'tsvector' THEN RETURN format('to_tsvector(%L, g.n::text)', 'simple');
        WHEN type IN ('int4range', 'int8range') THEN RETURN format('%s((g.n * 2)::%s, (g.n * 2 + 1)::%s)', type, substring(type, 1, 4), substring(type, 1, 4));
        WHEN type = 'numrange' THEN RETURN 'numrange(g.n * 2, g.n * 2 + 1)';
        WHEN type = 'daterange' THEN RETURN format('daterange(date %L + g.n * 2, date %L + g.n * 2 + 1)', '2024-01-31', '2024-01-31');
        WHEN type IN ('tsrange', 'tstzrange') THEN
            RETURN format('%s(timestamp %L + g.n * interval %L, timestamp %L + (g.n + 1) * interval %L)',
                          type, '2024-01-31', '1 day', '2024-01-31', '1 day');
        ELSE RETURN 'NULL';
    END CASE;
END
$fill$;

-- Rows `first` to `last` of a table: all columns, or only those that must have a value. The number
-- of rows that were put in, or -1 when the table refused.
CREATE FUNCTION pg_temp.zdm_rows(relation oid, first int, last int, required boolean, small boolean)
RETURNS int LANGUAGE plpgsql AS $fill$
DECLARE
    names text;
    list text;
    joins text;
    added int;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum),
           string_agg(pg_temp.zdm_value(relation, attname, small), ', ' ORDER BY attnum)
    INTO names, list
    FROM pg_catalog.pg_attribute
    WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
      AND (attnotnull OR NOT required
           OR attnum = ANY (SELECT unnest(conkey) FROM pg_catalog.pg_constraint
                            WHERE conrelid = relation AND contype = 'f' AND confrelid <> relation));
    IF names IS NULL THEN RETURN -1; END IF;
    SELECT string_agg(format(
               ' LEFT JOIN (SELECT %s, row_number() OVER () AS r, count(*) OVER () AS c FROM %s) k%s'
               ' ON k%3$s.r = 1 + (g.n - 1) %% k%3$s.c', columns, referenced, oid), '')
    INTO joins
    FROM (SELECT c.oid, c.confrelid::regclass AS referenced,
                 (SELECT string_agg(format('%I AS c%s', a.attname, k.n), ', ' ORDER BY k.n)
                  FROM unnest(c.confkey) WITH ORDINALITY k(attnum, n)
                  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum) AS columns
          FROM pg_catalog.pg_constraint c
          WHERE c.conrelid = relation AND c.contype = 'f' AND c.confrelid <> relation) keys;
    EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM generate_series(%s, %s) AS g(n)%s ON CONFLICT DO NOTHING',
                   relation::regclass, names, list, first, last, coalesce(joins, ''));
    GET DIAGNOSTICS added = ROW_COUNT;
    RETURN added;
EXCEPTION WHEN OTHERS THEN
    RETURN -1;
END
$fill$;

-- Up to `wanted` rows for every table, in rounds, so that rows come after those they refer to.
CREATE PROCEDURE pg_temp.zdm_fill(wanted int) LANGUAGE plpgsql AS $fill$
DECLARE
    t oid;
    done oid[] := '{}';
    progress boolean := true;
    added int;
    missed int;
    s record;
BEGIN
    WHILE progress LOOP
        progress := false;
        FOR t IN
            SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^(pg|zdm)_' AND n.nspname <> 'zdm'
              AND c.oid <> ALL (done)
            ORDER BY n.nspname, c.relname
        LOOP
            -- A table that others are referred to by is asked again while those have no rows.
            added := pg_temp.zdm_rows(t, 1, wanted, false, false);
            IF added < wanted THEN added := greatest(added, pg_temp.zdm_rows(t, 1, wanted, false, true)); END IF;
            IF added < 1 THEN added := pg_temp.zdm_rows(t, 1, wanted, true, false); END IF;
            IF added < 1 THEN added := pg_temp.zdm_rows(t, 1, wanted, true, true); END IF;
            IF added < 1 THEN
                missed := 0;
                FOR n IN 1..wanted LOOP
                    EXIT WHEN missed > 60;
                    added := greatest(added, pg_temp.zdm_rows(t, n, n, false, false), pg_temp.zdm_rows(t, n, n, true, false));
                    IF added < 1 THEN missed := missed + 1; END IF;
                END LOOP;
            END IF;
            IF added > 0 THEN
                progress := true;
                done := done || t;
            END IF;
        END LOOP;
    END LOOP;
    -- What sequences give next must not be there yet.
    FOR s IN
        SELECT d.objid::regclass AS sequence, d.refobjid::regclass AS relation, a.attname
        FROM pg_catalog.pg_depend d
        JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'S'
        JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
          AND a.atttypid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)
    LOOP
        EXECUTE format('SELECT setval(%L, max(%I)) FROM %s HAVING max(%2$I) > 0', s.sequence::text, s.attname, s.relation);
    END LOOP;
    FOR t IN
        SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'm' AND n.nspname !~ '^pg_' ORDER BY c.oid
    LOOP
        BEGIN
            EXECUTE format('REFRESH MATERIALIZED VIEW %s', t::regclass);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
END
$fill$;
