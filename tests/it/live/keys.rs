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
async fn pitfall_73_what_no_key_can_be_made_of_is_refused_by_name() {
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
            "CREATE TABLE t (a int NOT NULL); CREATE UNIQUE INDEX i ON t (a DESC)",
            "ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY USING INDEX i;",
            "fails",
            "order",
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
async fn pitfall_71_the_way_around_a_stored_generated_column_works() {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_virtual_column_is_added_as_it_is_and_its_expression_changes_in_contract() {
    for version in server::versions()
        .into_iter()
        .filter(|version| *version >= 18)
    {
        let setup = "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)";
        let case = Case::new(
            version,
            setup,
            "ALTER TABLE t ADD COLUMN b int GENERATED ALWAYS AS (a * 2);",
        )
        .await;
        let plan = case.plan().await;
        let steps: Vec<usize> = plan.phases.iter().map(|phase| phase.steps.len()).collect();
        assert_eq!(steps, [1, 0, 0], "{plan:#?}");
        case.contract().await;
        case.is("SELECT sum(b) FROM t", "6").await;
        let setup = "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2), c int GENERATED ALWAYS AS (a) STORED); INSERT INTO t VALUES (1)";
        let case = Case::new(
            version,
            setup,
            "ALTER TABLE t ALTER COLUMN b SET EXPRESSION AS (a * 3);",
        )
        .await;
        let plan = case.plan().await;
        let steps: Vec<usize> = plan.phases.iter().map(|phase| phase.steps.len()).collect();
        assert_eq!(steps, [0, 0, 1], "{plan:#?}");
        case.contract().await;
        let case = Case::new(
            version,
            setup,
            "ALTER TABLE t ALTER COLUMN c SET EXPRESSION AS (a * 3);",
        )
        .await;
        assert_eq!(case.refusal().await.rule, "set-expression");
        let case = Case::new(
            version,
            setup,
            "ALTER TABLE t ALTER COLUMN c DROP EXPRESSION;",
        )
        .await;
        case.contract().await;
        case.is("SELECT attgenerated = '' FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'c'", "true").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn constraints_written_inline_come_with_a_volatile_default_or_a_number() {
    for version in server::versions() {
        let setup = "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(1, 3000); \
            CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 500)";
        let migration = "ALTER TABLE t ADD COLUMN token uuid DEFAULT gen_random_uuid() UNIQUE CHECK (token IS NOT NULL); \
            ALTER TABLE t ADD COLUMN parent serial REFERENCES p CHECK (parent > 0);";
        let plain = server::fresh_database(version, setup).await;
        plain.run(migration).await;
        let case = Case::new(version, setup, migration).await;
        case.migrate().await;
        case.sql("INSERT INTO t VALUES (501)").await;
        case.contract().await;
        let (mut a, mut b) = (plain.connect().await, case.db.connect().await);
        crate::support::assert_same_schema(&mut a, &mut b).await;
        case.is(
            "SELECT count(DISTINCT token) + count(DISTINCT parent) FROM t",
            "1002",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_takes_no_default_from_under_the_old_application() {
    for version in server::versions() {
        let case = Case::new(
            version,
            "CREATE TABLE t (id serial PRIMARY KEY)",
            "ALTER TABLE t ALTER COLUMN id DROP DEFAULT; ALTER TABLE t ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;",
        )
        .await;
        assert_eq!(case.refusal().await.rule, "chained-change");
        for (setup, words) in [
            ("CREATE TABLE t (id int)", "may be NULL"),
            (
                "CREATE TABLE t (id int NOT NULL DEFAULT 1)",
                "has a default",
            ),
            (
                "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY)",
                "is one already",
            ),
        ] {
            let case = Case::new(
                version,
                setup,
                "ALTER TABLE t ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;",
            )
            .await;
            let refusal = case.refusal().await;
            assert!(refusal.message.contains(words), "{refusal:#?}");
        }
        let case = Case::new(
            version,
            "CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY, a int)",
            "ALTER TABLE t ALTER COLUMN id SET GENERATED ALWAYS; ALTER TABLE t ALTER COLUMN id SET INCREMENT BY 5;",
        )
        .await;
        let plan = case.plan().await;
        let steps: Vec<usize> = plan.phases.iter().map(|phase| phase.steps.len()).collect();
        assert_eq!(steps[2], 2 - steps[0], "{plan:#?}");
        assert!(
            plan.phases[2]
                .steps
                .iter()
                .any(|step| step.sql[0].contains("ALWAYS"))
        );
        case.contract().await;
    }
}
