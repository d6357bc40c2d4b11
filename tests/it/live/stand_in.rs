//! RENAME COLUMN with `strategy view`: what the view in the table's place can do and cannot, and
//! what stops it.

use zdm::{
    execute::{
        ExitClass,
        apply::{ApplyError, Through},
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
            ("COPY into it", "COPY t (id, a) FROM STDIN"),
            ("TRUNCATE", "TRUNCATE t"),
            ("TABLESAMPLE", "SELECT id FROM t TABLESAMPLE SYSTEM (10)"),
            (
                "MERGE before PostgreSQL 17",
                "MERGE INTO t USING (VALUES (1)) v (x) ON t.id = v.x WHEN MATCHED THEN UPDATE SET b = 'm'",
            ),
            ("ctid", "SELECT ctid FROM t"),
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
            "CREATE TABLE t (a int DEFAULT 1)",
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
