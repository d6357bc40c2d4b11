//! Primary keys, and columns numbered by a sequence, on tables in use: what is refused, what is
//! counted, and who may write meanwhile.

use zdm::execute::{
    ExitClass,
    apply::{ApplyError, Through},
};

use crate::{live::case::Case, support::server};

/// What a run stops with.
async fn stops(case: &Case) -> String {
    match case.try_apply(Through::Default).await {
        Err(ApplyError::Execute(error)) => {
            assert_eq!(error.exit(), ExitClass::Refused, "{error:#?}");
            error.to_string()
        }
        other => panic!("PostgreSQL {}: {other:?}", case.db.version),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nulls_and_duplicates_are_counted_before_a_primary_key_refuses_anything() {
    for version in server::versions() {
        let case = Case::new(
            version,
            "CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 1), (2, NULL), (3, NULL), (4, 4), (4, 4)",
            "ALTER TABLE t ADD PRIMARY KEY (b);",
        )
        .await;
        let said = stops(&case).await;
        assert!(said.contains("2 rows of t violate b NOT NULL"), "{said}");
        case.sql("INSERT INTO t VALUES (5, NULL); UPDATE t SET b = 100 + a WHERE b IS NULL")
            .await;
        let said = stops(&case).await;
        assert!(
            said.contains("1 rows of t violate the uniqueness of t_pkey"),
            "{said}"
        );
        case.sql("DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t WHERE b = 4)")
            .await;
        case.contract().await;
        case.is(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 't_pkey'",
            "PRIMARY KEY (b)",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_key_takes_over_an_index_of_nullable_columns_without_a_scan_in_contract() {
    for version in server::versions() {
        let case = Case::new(
            version,
            "CREATE TABLE t (a int, b int); CREATE UNIQUE INDEX there ON t (b, a); INSERT INTO t VALUES (1, 1)",
            "ALTER TABLE t ADD CONSTRAINT t_key PRIMARY KEY USING INDEX there;",
        )
        .await;
        let plan = case.plan().await;
        assert!(
            plan.phases[1]
                .steps
                .iter()
                .any(|step| step.title.contains("check every row")),
            "{plan:#?}"
        );
        assert!(
            plan.phases[2]
                .steps
                .iter()
                .all(|step| step.scans.is_empty())
        );
        case.contract().await;
        case.is(
            "SELECT string_agg(relname, ',') FROM pg_class WHERE relname IN ('there', 't_key')",
            "t_key",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_keeps_a_primary_key_while_it_gets_another() {
    for version in server::versions() {
        let case = Case::new(
            version,
            "CREATE TABLE t (a int PRIMARY KEY, b int NOT NULL); INSERT INTO t VALUES (1, 1); \
             CREATE TABLE other (x int)",
            "ALTER TABLE t DROP CONSTRAINT t_pkey; \
             ALTER TABLE other ADD COLUMN y int; \
             ALTER TABLE t ADD PRIMARY KEY (b);",
        )
        .await;
        case.migrate().await;
        case.is(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 't_pkey'",
            "PRIMARY KEY (a)",
        )
        .await;
        case.sql("INSERT INTO t VALUES (2, 2) ON CONFLICT (a) DO NOTHING; INSERT INTO t VALUES (2, 2) ON CONFLICT (b) DO NOTHING").await;
        let contract = case.plan_of_run().await.phases.remove(2);
        assert_eq!(contract.steps.len(), 1, "{contract:#?}");
        case.contract().await;
        case.is(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 't_pkey'",
            "PRIMARY KEY (b)",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_key_can_be_made_of_is_refused_by_name() {
    let version = *server::versions().last().unwrap();
    for (setup, migration, rule, words) in [
        (
            "CREATE TABLE t (a int PRIMARY KEY, b int)",
            "ALTER TABLE t ADD PRIMARY KEY (b);",
            "fails",
            "t_pkey",
        ),
        (
            "CREATE TABLE t (a int); CREATE INDEX i ON t (a)",
            "ALTER TABLE t ADD CONSTRAINT k UNIQUE USING INDEX i;",
            "fails",
            "i is not a unique index",
        ),
        (
            "CREATE TABLE t (a int)",
            "ALTER TABLE t ADD CONSTRAINT k UNIQUE USING INDEX missing;",
            "fails",
            "no index missing",
        ),
        (
            "CREATE TABLE t (a int)",
            "ALTER TABLE t ADD COLUMN b serial DEFAULT 5;",
            "fails",
            "sequence",
        ),
        (
            "CREATE TABLE t (a int)",
            "ALTER TABLE t ADD COLUMN b int DEFAULT 5 PRIMARY KEY;",
            "fails",
            "same b",
        ),
        (
            "CREATE TABLE t (a int)",
            "ALTER TABLE t ADD COLUMN b int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME s);",
            "not-yet",
            "SEQUENCE",
        ),
        (
            "CREATE TABLE t (a int)",
            "ALTER TABLE t ADD COLUMN b int GENERATED ALWAYS AS (a * 2) STORED;",
            "rewrite",
            "stored generated",
        ),
        (
            "CREATE DOMAIN d AS int CHECK (VALUE > 0); CREATE TABLE t (a int)",
            "ALTER TABLE t ADD COLUMN b d;",
            "rewrite",
            "domain",
        ),
    ] {
        let case = Case::new(version, setup, migration).await;
        let refusal = case.refusal().await;
        assert_eq!(refusal.rule, rule, "{refusal:#?}");
        assert!(refusal.message.contains(words), "{refusal:#?}");
    }
    if version >= 18 {
        let case = Case::new(version, "CREATE EXTENSION btree_gist; CREATE TABLE t (a int NOT NULL, during tstzrange NOT NULL)", "ALTER TABLE t ADD PRIMARY KEY (a, during WITHOUT OVERLAPS);").await;
        let refusal = case.refusal().await;
        assert!(refusal.message.contains("WITHOUT OVERLAPS"), "{refusal:#?}");
    }
}

/// What the help for a stored generated column says to write is planned, and does what it says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_around_a_stored_generated_column_works() {
    for version in server::versions() {
        let setup = "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)";
        let case = Case::new(
            version,
            setup,
            "ALTER TABLE t ADD COLUMN b int GENERATED ALWAYS AS (a * 2) STORED;",
        )
        .await;
        let help = case.refusal().await.help.unwrap();
        let from = help.find("ALTER TABLE").unwrap();
        let to = help.find("; or run it").unwrap();
        let case = Case::new(version, setup, &format!("{};", &help[from..to])).await;
        case.migrate().await;
        case.sql("INSERT INTO t VALUES (3); UPDATE t SET a = 10 WHERE a = 1")
            .await;
        case.contract().await;
        case.sql("INSERT INTO t VALUES (4); UPDATE t SET a = 11 WHERE a = 10")
            .await;
        case.is(
            "SELECT string_agg(b::text, ',' ORDER BY b) FROM t",
            "4,6,8,22",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_roles_that_write_the_table_are_not_stopped_by_the_sequence() {
    for version in server::versions() {
        for ty in ["bigserial", "bigint GENERATED ALWAYS AS IDENTITY"] {
            let setup = "CREATE TABLE t (a int); INSERT INTO t VALUES (1); \
                DO $$ BEGIN CREATE ROLE \"Writer of columns\"; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; \
                GRANT SELECT, INSERT, UPDATE ON t TO \"Writer of columns\"";
            let case = Case::new(
                version,
                setup,
                &format!("ALTER TABLE t ADD COLUMN id {ty};"),
            )
            .await;
            let write = "SET ROLE \"Writer of columns\"; INSERT INTO t VALUES (2); UPDATE t SET a = 3 WHERE a = 1; UPDATE t SET a = 1 WHERE a = 3";
            case.expand().await;
            case.sql(write).await;
            case.migrate().await;
            case.sql(write).await;
            case.contract().await;
            case.sql(write).await;
            case.is("SELECT count(DISTINCT id) FROM t", "4").await;
        }
    }
}
