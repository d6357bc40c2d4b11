//! What the sync triggers write: which side wins, what counts as a change, and NULL.

use super::{PEOPLE, RENAME, both, each};

/// A price in whole units becomes one with cents; the way back rounds.
const PRICES: &str = "CREATE TABLE prices (id int PRIMARY KEY, units int NOT NULL, other int);
    INSERT INTO prices SELECT n, n FROM generate_series(1, 50) n;";
const CENTS: &str = "ALTER TABLE prices ADD COLUMN price numeric;
    UPDATE prices SET price = units;
    -- zdm: down(units) round(price)::int
    ALTER TABLE prices DROP COLUMN units;";

#[tokio::test]
async fn every_write_reaches_the_other_side() {
    each(PEOPLE, RENAME, async |case| {
        case.expand().await;
        // Unfilled rows, as the backfill has not run.
        case.sql("UPDATE people SET name = 'old' WHERE id = 1").await;
        case.is(&both(1), "old|old").await;
        case.sql("UPDATE people SET name = NULL WHERE id = 2").await;
        case.is(&both(2), "-|-").await;
        case.sql("UPDATE people SET full_name = 'new' WHERE id = 3").await;
        case.is(&both(3), "new|new").await;
        case.migrate().await;
        case.verify().await;
        // NULL both ways, on rows that are filled.
        case.sql("UPDATE people SET full_name = NULL WHERE id = 1").await;
        case.is(&both(1), "-|-").await;
        case.sql("UPDATE people SET name = 'again' WHERE id = 1").await;
        case.is(&both(1), "again|again").await;
        case.sql("UPDATE people SET name = NULL WHERE id = 1").await;
        case.is(&both(1), "-|-").await;
        case.sql("UPDATE people SET full_name = 'back' WHERE id = 1").await;
        case.is(&both(1), "back|back").await;
        // Both given: on INSERT the new side wins, on UPDATE both stand.
        case.sql("INSERT INTO people (id, name, full_name) VALUES (-1, 'a', 'b')").await;
        case.is(&both(-1), "b|b").await;
        case.sql("UPDATE people SET name = 'c', full_name = 'd' WHERE id = -1").await;
        case.is(&both(-1), "c|d").await;
        case.sql("UPDATE people SET other = 5 WHERE id = -1").await;
        case.is(&both(-1), "c|d").await;
        case.sql("UPDATE people SET name = 'e' WHERE id = -1").await;
        case.is(&both(-1), "e|e").await;
        // A key that moves.
        case.sql("UPDATE people SET id = -2, full_name = 'f' WHERE id = -1").await;
        case.is(&both(-2), "f|f").await;
        // ON CONFLICT, COPY and MERGE run the same triggers.
        case.sql("INSERT INTO people (id, name) VALUES (-2, 'g') ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name").await;
        case.is(&both(-2), "g|g").await;
        case.sql("INSERT INTO people (id, full_name) VALUES (-2, 'h') ON CONFLICT (id) DO UPDATE SET full_name = EXCLUDED.full_name").await;
        case.is(&both(-2), "h|h").await;
        case.sql("INSERT INTO people (id, name) VALUES (-2, 'i') ON CONFLICT (id) DO UPDATE SET full_name = EXCLUDED.full_name").await;
        case.is(&both(-2), "i|i").await;
        let mut conn = case.db.connect().await;
        for (column, id) in [("name", -3), ("full_name", -4)] {
            let mut copy = conn
                .copy_in_raw(&format!("COPY people (id, {column}) FROM STDIN"))
                .await
                .unwrap();
            copy.send(format!("{id}\tcopied\n").as_bytes()).await.unwrap();
            copy.finish().await.unwrap();
            case.is(&both(id), "copied|copied").await;
        }
        if case.db.version >= 15 {
            case.sql(
                "MERGE INTO people USING (VALUES (-4, 'm'), (-5, 'n')) AS v(id, name)
                 ON people.id = v.id
                 WHEN MATCHED THEN UPDATE SET name = v.name
                 WHEN NOT MATCHED THEN INSERT (id, full_name) VALUES (v.id, v.name)",
            )
            .await;
            case.is(&both(-4), "m|m").await;
            case.is(&both(-5), "n|n").await;
        }
        case.contract().await;
        case.is("SELECT full_name FROM people WHERE id = -4", if case.db.version >= 15 { "m" } else { "copied" }).await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_07_a_default_cannot_be_told_from_a_given_value() {
    // Where nobody can tell, the plan refuses.
    each(
        "CREATE TABLE t (id int PRIMARY KEY, a text DEFAULT 'x')",
        "ALTER TABLE t RENAME COLUMN a TO b;",
        async |case| assert_eq!(case.refusal().await.rule, "undecidable-insert"),
    )
    .await;
    each(
        "CREATE TABLE t (id int PRIMARY KEY, a text)",
        "ALTER TABLE t ADD COLUMN b text DEFAULT 'x'; UPDATE t SET b = a; ALTER TABLE t DROP COLUMN a;",
        async |case| {
            // The new column has its default from contract on; until then NULL is what was not given.
            case.migrate().await;
            case.sql("INSERT INTO t (id, a) VALUES (1, 'old'); INSERT INTO t (id, b) VALUES (2, 'x')").await;
            case.sql("UPDATE t SET a = 'older' WHERE id = 1").await;
            case.is("SELECT string_agg(b, ',' ORDER BY id) FROM t", "older,x").await;
            case.contract().await;
            case.sql("INSERT INTO t (id) VALUES (3)").await;
            case.is("SELECT string_agg(b, ',' ORDER BY id) FROM t", "older,x,x").await;
        },
    )
    .await;
    each(
        "CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (0, 'there')",
        "ALTER TABLE t ADD COLUMN b text NOT NULL DEFAULT 'x'; UPDATE t SET b = a;",
        async |case| {
            case.migrate().await;
            // Nobody is refused for want of a value that the default gives.
            case.sql("INSERT INTO t (id) VALUES (1); INSERT INTO t (id, a) VALUES (2, 'old')")
                .await;
            case.sql("UPDATE t SET a = NULL WHERE id = 2; UPDATE t SET a = 'now' WHERE id = 1")
                .await;
            case.is(
                "SELECT string_agg(b, ',' ORDER BY id) FROM t",
                "there,now,x",
            )
            .await;
            case.contract().await;
        },
    )
    .await;
    // NOT NULL decides: NULL was not given.
    each(
        "CREATE TABLE t (id int PRIMARY KEY, a text NOT NULL DEFAULT 'x')",
        "ALTER TABLE t RENAME COLUMN a TO b;",
        async |case| {
            case.migrate().await;
            case.sql("INSERT INTO t (id) VALUES (1)").await;
            case.sql("INSERT INTO t (id, a) VALUES (2, 'old')").await;
            case.sql("INSERT INTO t (id, b) VALUES (3, 'new')").await;
            case.is(
                "SELECT string_agg(a || '=' || b, ',' ORDER BY id) FROM t",
                "x=x,old=old,new=new",
            )
            .await;
            case.contract().await;
            case.sql("INSERT INTO t (id) VALUES (4)").await;
            case.is("SELECT b FROM t WHERE id = 4", "x").await;
        },
    )
    .await;
}

#[tokio::test]
async fn pitfall_08_a_lossy_way_back_overwrites_nothing() {
    let row = "SELECT concat_ws('|', units, price) FROM prices WHERE id = 1";
    each(PRICES, CENTS, async |case| {
        case.migrate().await;
        case.sql("UPDATE prices SET price = 1.23 WHERE id = 1")
            .await;
        case.is(row, "1|1.23").await;
        case.sql("UPDATE prices SET other = 1 WHERE id = 1").await;
        case.is(row, "1|1.23").await;
        // The old application writes back what it has read.
        case.sql("UPDATE prices SET units = 1 WHERE id = 1").await;
        case.is(row, "1|1.23").await;
        case.sql("UPDATE prices SET price = 1.27 WHERE id = 1")
            .await;
        case.is(row, "1|1.27").await;
        case.sql("UPDATE prices SET units = 2 WHERE id = 1").await;
        case.is(row, "2|2").await;
        case.sql("INSERT INTO prices (id, price) VALUES (-1, 7.4)")
            .await;
        case.is(
            "SELECT concat_ws('|', units, price) FROM prices WHERE id = -1",
            "7|7.4",
        )
        .await;
        case.contract().await;
        case.is("SELECT price FROM prices WHERE id = -1", "7.4")
            .await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_09_expressions_are_rewritten_by_tokens() {
    let setup = r#"CREATE TABLE t (id int PRIMARY KEY, name text, name_2 text, "Name" text);
        INSERT INTO t SELECT n, 'a' || n, 'b' || n, 'c' || n FROM generate_series(1, 9) n;"#;
    let migration = r#"ALTER TABLE t ADD COLUMN label text;
        UPDATE t SET label = 'name: ' || name /* name */ || $x$ "Name" $x$ || "Name" || E'\'name\'' || name_2 || $zdm$it's$zdm$;"#;
    let expected = |id: u32| format!("name: a{id} \"Name\" c{id}'name'b{id}it's");
    each(setup, migration, async |case| {
        case.expand().await;
        case.sql("UPDATE t SET id = id WHERE id = 1").await;
        case.is("SELECT label FROM t WHERE id = 1", &expected(1))
            .await;
        case.migrate().await;
        case.is("SELECT label FROM t WHERE id = 2", &expected(2))
            .await;
        case.sql("UPDATE t SET \"Name\" = 'Z' WHERE id = 3").await;
        case.is(
            "SELECT label FROM t WHERE id = 3",
            &expected(3).replace("c3", "Z"),
        )
        .await;
        case.contract().await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_11_any_name_will_do() {
    let long = "x".repeat(63);
    for (table, from, to) in [
        ("Odd \"Table\"", "we\"ird $$ 'old'", "select"),
        (long.as_str(), long.as_str(), &*"ä".repeat(31)),
        ("user", "Group", "$zdm$"),
        ("zdm_then", "zdm_row", "zdm_old_changed"),
    ] {
        let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let (table, from, to) = (quote(table), quote(from), quote(to));
        let setup = format!(
            "CREATE TABLE {table} (id int PRIMARY KEY, {from} text NOT NULL);
             CREATE UNIQUE INDEX ON {table} ({from});
             INSERT INTO {table} SELECT n, n FROM generate_series(1, 50) n;"
        );
        let migration = format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to};");
        each(&setup, &migration, async |case| {
            case.migrate().await;
            case.sql(&format!(
                "INSERT INTO {table} (id, {from}) VALUES (-1, 'o')"
            ))
            .await;
            case.sql(&format!("INSERT INTO {table} (id, {to}) VALUES (-2, 'n')"))
                .await;
            let both = |id: i32| format!("SELECT {from} || {to} FROM {table} WHERE id = {id}");
            case.is(&both(-1), "oo").await;
            case.is(&both(-2), "nn").await;
            case.is(&both(7), "77").await;
            case.contract().await;
            case.is(&format!("SELECT count({to}) FROM {table}"), "52")
                .await;
        })
        .await;
    }
}

/// A type, two values that its `=` calls equal, and how to tell them apart.
type Values = (&'static str, &'static str, &'static str);
const EQUAL_BUT_NOT_THE_SAME: &[Values] = &[
    ("json", r#"{"a":1}"#, r#"{"a": 1}"#),
    ("jsonb", r#"{"a":1.0}"#, r#"{"a":1.00}"#),
    ("numeric", "1.0", "1.00"),
    ("float8", "0", "-0"),
    ("interval", "1 mon", "30 days"),
    ("box", "(2,2),(0,0)", "(4,1),(0,0)"),
    ("xml", "<a/>", "<a></a>"),
    ("point", "(0,0)", "(0,1)"),
    ("text COLLATE nocase", "straße", "STRASSE"),
    ("char(4)", "a", "b"),
    ("numeric[]", "{1.0}", "{1.00}"),
];

#[tokio::test]
async fn pitfall_46_what_equals_is_not_the_same() {
    let list = |one: &dyn Fn(usize, &Values) -> String, separator: &str| {
        let parts: Vec<String> = EQUAL_BUT_NOT_THE_SAME
            .iter()
            .enumerate()
            .map(|(n, entry)| one(n, entry))
            .collect();
        parts.join(separator)
    };
    let setup = format!(
        "CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
         CREATE TABLE t (id int PRIMARY KEY, {});
         INSERT INTO t SELECT n, {} FROM generate_series(1, 3) n;
         CREATE TABLE written AS SELECT * FROM t LIMIT 0;
         INSERT INTO written SELECT 0, {};",
        list(&|n, (ty, _, _)| format!("a{n} {ty}"), ", "),
        list(&|_, (ty, first, _)| cast(first, ty), ", "),
        list(&|_, (ty, _, second)| cast(second, ty), ", "),
    );
    let migration = list(
        &|n, _| format!("ALTER TABLE t RENAME COLUMN a{n} TO b{n};"),
        "\n",
    );
    let set = |column: &str, id: i32| {
        let set = list(
            &|n, (ty, _, second)| format!("{column}{n} = {}", cast(second, ty)),
            ", ",
        );
        format!("UPDATE t SET {set} WHERE id = {id}")
    };
    let both = list(&|n, _| format!("a{n} b{n}"), " ").replace(' ', ", ");
    let wrong = |columns: &str| {
        let written = list(&|n, _| format!("a{n}"), ", ");
        let written = if columns.contains("a0") && columns.contains("b0") {
            list(&|n, _| format!("a{n}, a{n}"), ", ")
        } else {
            written
        };
        format!(
            "SELECT string_agg(t::text, ' ') FROM t WHERE record_image_ne(ROW({columns}), \
             (SELECT ROW({written}) FROM written))"
        )
    };
    each(&setup, &migration, async |case| {
        case.expand().await;
        case.sql(&set("a", 1)).await;
        case.migrate().await;
        case.sql(&set("a", 2)).await;
        case.sql(&set("b", 3)).await;
        case.is(&wrong(&both), "NULL").await;
        case.contract().await;
        case.is(&wrong(&list(&|n, _| format!("b{n}"), ", ")), "NULL")
            .await;
    })
    .await;
}

/// A literal of a type, which may come with its collation.
fn cast(value: &str, ty: &str) -> String {
    match ty.split_once(" COLLATE ") {
        Some((ty, collation)) => format!("CAST('{value}' AS {ty}) COLLATE {collation}"),
        None => format!("CAST('{value}' AS {ty})"),
    }
}

#[tokio::test]
async fn pitfall_46_values_take_the_type_of_their_column() {
    let setup = "CREATE TABLE t (id int PRIMARY KEY, a int, code text);
        INSERT INTO t SELECT n, n, 'x' || n FROM generate_series(1, 50) n;";
    let migration = "ALTER TABLE t ADD COLUMN b bigint; UPDATE t SET b = a * 2;
        ALTER TABLE t ADD COLUMN short varchar(10); UPDATE t SET short = upper(code);
        ALTER TABLE t DROP COLUMN a, DROP COLUMN code;";
    each(setup, migration, async |case| {
        case.migrate().await;
        case.sql("UPDATE t SET a = 100, code = 'y' WHERE id = 1")
            .await;
        case.sql("INSERT INTO t (id, a, code) VALUES (-1, 3, 'z')")
            .await;
        case.is(
            "SELECT string_agg(b || short, ',' ORDER BY id) FROM t WHERE id < 3",
            "6Z,200Y,4X2",
        )
        .await;
        case.contract().await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_47_a_null_that_was_written_stays() {
    let setup = "CREATE TABLE t (id int PRIMARY KEY, a text, other int);
        INSERT INTO t SELECT n, NULL FROM generate_series(1, 50) n;";
    let migration = "ALTER TABLE t ADD COLUMN b text; UPDATE t SET b = coalesce(a, 'none');
        ALTER TABLE t DROP COLUMN a;";
    each(setup, migration, async |case| {
        case.expand().await;
        case.sql("UPDATE t SET other = 1 WHERE id = 1").await;
        case.migrate().await;
        case.is("SELECT count(*) FROM t WHERE b = 'none'", "50")
            .await;
        case.sql("UPDATE t SET b = NULL WHERE id = 1").await;
        case.sql("UPDATE t SET other = 2 WHERE id = 1").await;
        case.is("SELECT b FROM t WHERE id = 1", "NULL").await;
        case.sql("UPDATE t SET a = 'x' WHERE id = 1").await;
        case.is("SELECT b FROM t WHERE id = 1", "x").await;
        case.sql("UPDATE t SET b = NULL WHERE id = 2").await;
        case.contract().await;
        case.is("SELECT b FROM t WHERE id = 2", "NULL").await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_47_a_null_beside_a_volatile_default_stays() {
    let setup = "CREATE TABLE t (id int PRIMARY KEY);
        INSERT INTO t SELECT n FROM generate_series(1, 50) n;";
    let migration = "ALTER TABLE t ADD COLUMN token uuid DEFAULT gen_random_uuid();";
    each(setup, migration, async |case| {
        case.migrate().await;
        case.is("SELECT count(DISTINCT token) FROM t", "50").await;
        let before = case.text("SELECT token FROM t WHERE id = 1").await;
        case.sql("UPDATE t SET id = -1 WHERE id = 1").await;
        case.is("SELECT token FROM t WHERE id = -1", &before).await;
        case.sql("INSERT INTO t VALUES (100, NULL)").await;
        case.sql("UPDATE t SET token = NULL WHERE id = 2").await;
        case.sql("UPDATE t SET id = id + 1000 WHERE id IN (2, 100)")
            .await;
        case.is("SELECT count(*) FROM t WHERE token IS NULL", "2")
            .await;
        case.contract().await;
        case.is("SELECT count(*) FROM t WHERE token IS NULL", "2")
            .await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_48_an_unrelated_update_fills_the_row() {
    each(PEOPLE, RENAME, async |case| {
        case.expand().await;
        case.sql("UPDATE people SET other = 1 WHERE id = 7").await;
        case.is(&both(7), "name 7|name 7").await;
        case.sql("UPDATE people SET id = 100000 WHERE id = 8").await;
        case.is(&both(100_000), "name 8|name 8").await;
        case.is(&both(9), "name 9|-").await;
    })
    .await;
}

/// The old side stays, so the new application may write it without meaning the new one.
#[tokio::test]
async fn a_value_of_its_own_is_not_overwritten() {
    let setup = "CREATE TABLE t (id int PRIMARY KEY, email text NOT NULL);
        INSERT INTO t SELECT n, 'A' || n FROM generate_series(1, 50) n;";
    for migration in [
        "ALTER TABLE t ADD COLUMN slug text; UPDATE t SET slug = lower(email);",
        "-- zdm: up(slug) lower(email)\nALTER TABLE t ADD COLUMN slug text NOT NULL;",
    ] {
        each(setup, migration, async |case| {
            case.expand().await;
            case.sql("UPDATE t SET email = 'B1' WHERE id = 1").await;
            case.migrate().await;
            case.sql("UPDATE t SET email = 'C2' WHERE id = 2").await;
            case.sql("INSERT INTO t (id, email) VALUES (60, 'D60')")
                .await;
            case.is(
                "SELECT string_agg(slug, ',' ORDER BY id) FROM t WHERE id IN (1, 2, 3, 60)",
                "b1,c2,a3,d60",
            )
            .await;
            case.sql("UPDATE t SET slug = 'mine' WHERE id = 3").await;
            case.sql("INSERT INTO t (id, email, slug) VALUES (61, 'E61', 'own')")
                .await;
            case.sql("UPDATE t SET email = 'F' WHERE id IN (3, 61)")
                .await;
            case.is(
                "SELECT string_agg(slug, ',' ORDER BY id) FROM t WHERE id IN (3, 61)",
                "mine,own",
            )
            .await;
            case.contract().await;
            case.is(
                "SELECT count(*) FROM t WHERE slug IS DISTINCT FROM lower(email)",
                "2",
            )
            .await;
        })
        .await;
    }
}
