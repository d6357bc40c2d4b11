//! RENAME COLUMN with `strategy view`: what the view in the table's place can do and cannot, and
//! what stops it.

use zdm::{
    execute::{
        ExecuteError, ExitClass,
        apply::{ApplyError, Through},
        driver::Consent,
    },
    parse::PhaseName,
};

use crate::{
    live::case::Case,
    support::server::{self, try_run},
};

const RENAME: &str = "-- zdm: strategy view\nALTER TABLE t RENAME COLUMN a TO b;";
const TABLE: &str =
    "CREATE TABLE t (id int CONSTRAINT t_pkey PRIMARY KEY, a text UNIQUE, n serial);
    INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 10) i;";

/// What a run stops with.
async fn stops(case: &Case, through: Through) -> String {
    match case.try_apply(through).await {
        Err(ApplyError::Execute(error)) => {
            assert_eq!(error.exit(), ExitClass::Refused, "{error:#?}");
            format!("{error}\n{error:#?}")
        }
        other => panic!("PostgreSQL {}: {other:?}", case.db.version),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pitfall_74_the_plan_says_what_a_view_cannot_do_and_it_is_so() {
    for version in server::versions() {
        let case = Case::new(version, TABLE, RENAME).await;
        let plan = case.plan().await;
        let said = plan
            .compat
            .iter()
            .find(|compat| compat.after == PhaseName::Expand)
            .unwrap()
            .notes
            .join("\n");
        case.expand().await;
        let mut conn = case.db.connect().await;
        for (limit, sql) in [
            ("COPY into", "COPY t (id, a) FROM STDIN"),
            ("TRUNCATE", "TRUNCATE t"),
            ("TABLESAMPLE", "SELECT id FROM t TABLESAMPLE SYSTEM (10)"),
            (
                "MERGE before PostgreSQL 17",
                "MERGE INTO t USING (VALUES (1)) v (x) ON t.id = v.x WHEN MATCHED THEN UPDATE SET b = 'm'",
            ),
            ("ctid", "SELECT ctid FROM t"),
            ("xmin", "SELECT xmin FROM t"),
            ("or out of it", "COPY t TO STDOUT"),
            (
                "ON CONFLICT ON CONSTRAINT",
                "INSERT INTO t (id) VALUES (1) ON CONFLICT ON CONSTRAINT t_pkey DO NOTHING",
            ),
            (
                "GROUP BY on the key alone",
                "SELECT id, a FROM t GROUP BY id",
            ),
            ("new foreign keys", "CREATE TABLE u (t_id int REFERENCES t)"),
            (
                "both names of a column",
                "UPDATE t SET a = 'x', b = 'x' WHERE id = 1",
            ),
        ] {
            assert!(said.contains(limit), "{limit} is not said:\n{said}");
            let works = version >= 17 && sql.starts_with("MERGE");
            let did = try_run(&mut conn, sql).await;
            assert_eq!(did.is_ok(), works, "PostgreSQL {version}: {sql}: {did:?}");
        }
        assert!(said.contains("pg_get_serial_sequence"), "{said}");
        case.is("SELECT pg_get_serial_sequence('t', 'n') IS NULL", "true")
            .await;
        case.sql(
            "SELECT a, b FROM t FOR UPDATE;
             INSERT INTO t VALUES (11, 'positional');
             INSERT INTO t (id, b) VALUES (12, 'positional')
                 ON CONFLICT (b) DO UPDATE SET b = excluded.b || '!';
             UPDATE t SET b = b || '?' WHERE a = 'v2';",
        )
        .await;
        case.contract().await;
        case.is(
            "SELECT string_agg(b, ' ' ORDER BY id) FROM t WHERE id IN (2, 11)",
            "v2? positional!",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pitfall_68_columns_keep_their_order_by_a_view_and_the_default_offers_it() {
    for version in server::versions() {
        let order = "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
                     WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT attisdropped";
        let by_triggers = Case::new(version, TABLE, "ALTER TABLE t RENAME COLUMN a TO b;").await;
        let plan = by_triggers.plan().await;
        let offered = |note: &String| note.contains("`-- zdm: strategy view`");
        assert!(plan.notes.iter().any(offered), "{:?}", plan.notes);
        let by_view = Case::new(version, TABLE, RENAME).await;
        by_view.contract().await;
        by_view.is(order, "id b n").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_bound_to_the_table_by_its_name_stops_it_before_anything_is_made() {
    let bound = [
        (
            "CREATE FUNCTION shown(of_row t) RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
            "function shown(t)",
        ),
        ("CREATE TABLE kept (was t[])", "column was of table kept"),
        ("CREATE PUBLICATION p FOR TABLE t", "publication p"),
        ("CREATE PUBLICATION p FOR ALL TABLES", "publication p"),
    ];
    for version in server::versions() {
        for (more, named) in bound {
            let case = Case::new(version, &format!("{TABLE} {more}"), RENAME).await;
            let said = stops(&case, Through::Default).await;
            assert!(
                said.contains("1 objects need t as a table of that name") && said.contains(named),
                "{said}"
            );
            case.is("SELECT relkind FROM pg_class WHERE relname = 't'", "r")
                .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_to_depend_on_the_view_stops_contract_until_it_is_gone() {
    for version in server::versions() {
        let case = Case::new(version, TABLE, RENAME).await;
        case.migrate().await;
        case.sql("CREATE FUNCTION late(t) RETURNS text LANGUAGE sql AS 'SELECT 1::text'")
            .await;
        let said = stops(&case, Through::All).await;
        assert!(
            said.contains("1 objects have come to depend on the view t") && said.contains("late"),
            "{said}"
        );
        case.sql(
            "INSERT INTO t (id, a) VALUES (20, 'still there'); DROP FUNCTION late;
             CREATE VIEW late AS SELECT b FROM t",
        )
        .await;
        let said = stops(&case, Through::All).await;
        assert!(said.contains("on view late"), "{said}");
        case.sql("DROP VIEW late").await;
        case.contract().await;
        case.is("SELECT b FROM t WHERE id = 20", "still there")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_else_the_file_does_with_the_table_is_refused_and_a_view_is_offered_where_it_helps() {
    let version = server::versions()[0];
    for beside in [
        "ALTER TABLE t ADD COLUMN c int;",
        "UPDATE t SET a = 'x';",
        "CREATE INDEX CONCURRENTLY t_n ON t (n);",
        "CREATE TABLE u (t_id int REFERENCES t);",
    ] {
        for file in [format!("{RENAME}\n{beside}"), format!("{beside}\n{RENAME}")] {
            let refusal = Case::new(version, TABLE, &file).await.refusal().await;
            assert_eq!(refusal.rule, "beside-a-view", "{file}");
            let first: String = beside.chars().take(12).collect();
            assert!(refusal.message.contains(&first), "{}", refusal.message);
        }
    }
    for (setup, rename) in [
        (
            "CREATE TABLE t (a int) PARTITION BY LIST (a)",
            "ALTER TABLE t RENAME a TO b",
        ),
        (
            "CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY)",
            "ALTER TABLE t RENAME a TO b",
        ),
        (
            "CREATE TABLE t (a int, c int GENERATED ALWAYS AS (a) STORED)",
            "ALTER TABLE t RENAME a TO b",
        ),
    ] {
        let refusal = Case::new(version, setup, rename).await.refusal().await;
        let help = refusal.help.unwrap();
        assert!(help.contains("`-- zdm: strategy view`"), "{setup}: {help}");
        let by_view = Case::new(version, setup, &format!("-- zdm: strategy view\n{rename}")).await;
        by_view.contract().await;
        by_view.sql("SELECT b FROM t").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn defaults_and_rights_through_the_view_are_those_of_the_table() {
    let setup = "DO $$ BEGIN CREATE ROLE zdm_reads; EXCEPTION WHEN duplicate_object THEN END $$;
        CREATE TABLE t (id int PRIMARY KEY, a text, at date DEFAULT '2020-02-02', n serial,
            hidden text DEFAULT 'secret');
        INSERT INTO t (id, a) SELECT i, 'v' || i FROM generate_series(1, 10) i;
        GRANT SELECT (id, a), UPDATE (a, at), INSERT (id, a) ON t TO zdm_reads;
        GRANT USAGE ON SEQUENCE t_n_seq TO zdm_reads";
    let with_the_old = "SET ROLE zdm_reads;
        SELECT id, a FROM t; SELECT count(*) FROM t;
        UPDATE t SET a = 'mine', at = DEFAULT WHERE id = 1;
        INSERT INTO t (id, a) VALUES (20, 'mine too') RETURNING id, a;
        RESET ROLE;
        UPDATE t SET at = DEFAULT, a = DEFAULT WHERE id = 2;
        INSERT INTO t (id, a, at) VALUES (3, 'x', DEFAULT)
            ON CONFLICT (id) DO UPDATE SET hidden = DEFAULT, at = DEFAULT;
        DO $$ BEGIN
            ASSERT (SELECT count(*) FROM t WHERE at = '2020-02-02') = 11;
            ASSERT (SELECT count(*) FROM t WHERE hidden = 'secret') = 11;
            ASSERT (SELECT a IS NULL FROM t WHERE id = 2);
            ASSERT (SELECT count(DISTINCT n) = 11 FROM t);
        END $$;";
    let denied = "SET ROLE zdm_reads; SELECT hidden FROM t";
    for version in server::versions() {
        for (migration, as_new) in [
            (
                RENAME,
                with_the_old
                    .replace("(id, a)", "(id, b)")
                    .replace("id, a ", "id, b ")
                    .replace(" a = ", " b = ")
                    .replace("id, a;", "id, b;")
                    .replace("(id, a,", "(id, b,")
                    .replace("SELECT a IS", "SELECT b IS"),
            ),
            (
                "ALTER TABLE t RENAME TO people;",
                with_the_old
                    .replace(" t ", " people ")
                    .replace(" t;", " people;")
                    .replace("FROM t)", "FROM people)"),
            ),
        ] {
            let case = Case::new(version, setup, migration).await;
            case.migrate().await;
            for script in [with_the_old, &as_new] {
                case.sql("DELETE FROM t WHERE id = 20").await;
                case.sql(script).await;
            }
            let mut conn = case.db.connect().await;
            assert!(try_run(&mut conn, denied).await.is_err());
            case.sql("DELETE FROM t WHERE id = 20").await;
            case.contract().await;
            case.sql(&as_new).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_view_would_change_in_silence_is_refused() {
    let version = *server::versions().last().unwrap();
    for (more, rule) in [
        ("ALTER TABLE t ALTER a SET DEFAULT 'x'", "default-of-two-names"),
        (
            "CREATE DOMAIN named AS text DEFAULT 'x'; ALTER TABLE t ALTER a TYPE named",
            "default-of-two-names",
        ),
        (
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', TG_TABLE_NAME; RETURN NEW; END';
             CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()",
            "table-name",
        ),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'DECLARE r t%ROWTYPE; BEGIN RETURN 1; END'",
            "row-type",
        ),
        (
            "ALTER TABLE t ENABLE ROW LEVEL SECURITY; GRANT SELECT (id) ON t TO PUBLIC",
            "row-security",
        ),
        ("REVOKE UPDATE ON t FROM CURRENT_USER", "row-security"),
    ] {
        let case = Case::new(version, &format!("{TABLE} {more}"), RENAME).await;
        assert_eq!(case.refusal().await.rule, rule, "{more}");
    }
    let case = Case::new(
        version,
        TABLE,
        &format!("{RENAME}\nCREATE TABLE u (was t[]);"),
    )
    .await;
    assert_eq!(case.refusal().await.rule, "beside-a-view");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_to_the_view_or_the_table_meanwhile_is_noticed() {
    for version in server::versions() {
        for change in [
            "GRANT SELECT ON t TO PUBLIC",
            "ALTER VIEW t ALTER COLUMN n SET DEFAULT 5",
            "CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING",
            "DO $$ BEGIN EXECUTE format('ALTER TABLE %I ADD COLUMN b text', (SELECT relname FROM pg_class
                 WHERE relname LIKE '\\_zdm\\_%\\_t' AND relkind = 'r')); END $$",
        ] {
            let case = Case::new(version, TABLE, RENAME).await;
            case.migrate().await;
            case.sql(change).await;
            match case.try_apply(Through::All).await {
                Err(ApplyError::Execute(ExecuteError::Drift { difference })) => {
                    assert!(difference.contains("public."), "{difference}");
                }
                other => panic!("PostgreSQL {version}: {change}: {other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_back_works_whatever_has_become_of_the_view() {
    for version in server::versions() {
        // Gone: nothing goes on, and the way back gives the table its name.
        let case = Case::new(version, TABLE, RENAME).await;
        case.migrate().await;
        case.sql("DROP VIEW t").await;
        let said = stops(&case, Through::All).await;
        assert!(said.contains("journal and schema disagree"), "{said}");
        // With something that depends on it: told, and nothing is changed.
        let case = Case::new(version, TABLE, RENAME).await;
        case.migrate().await;
        case.sql("CREATE VIEW late AS SELECT b FROM t").await;
        let said = format!("{:?}", case.try_rollback(Consent::None).await);
        assert!(said.contains("have come to depend on the view t"), "{said}");
        case.sql("INSERT INTO t (id, b) VALUES (20, 'kept'); DROP VIEW late")
            .await;
        case.rollback().await;
        case.is("SELECT a FROM t WHERE id = 20", "kept").await;
    }
}
