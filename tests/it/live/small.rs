//! What is one step because tables are small is looked at again just before it.

use zdm::{
    execute::{
        apply::{ApplyError, Through},
        driver::Consent,
    },
    parse::PhaseName,
};

use super::case::Case;
use crate::support::server;

const SETUP: &str = "CREATE DOMAIN positive AS int;
    CREATE TABLE t (id int PRIMARY KEY, n positive, wide text) WITH (autovacuum_enabled = off);
    ALTER TABLE t ALTER COLUMN wide SET STORAGE PLAIN;
    INSERT INTO t SELECT n, n FROM generate_series(1, 10) n;
    CREATE TABLE other (id int PRIMARY KEY, n int);
    CREATE TABLE parts (id int, n int) PARTITION BY LIST (id);
    CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
    INSERT INTO parts VALUES (1, 1)";

/// A file that is one statement on small tables, and what makes one of them large.
const FILES: &[(&str, &str)] = &[
    (
        "UPDATE t SET n = n + 1",
        "INSERT INTO t SELECT n, n FROM generate_series(11, 20000) n",
    ),
    // Few rows, in a file that takes long to read.
    (
        "UPDATE t SET n = n + 1",
        "INSERT INTO t SELECT n, n, repeat('x', 7000) FROM generate_series(11, 6000) n",
    ),
    (
        "UPDATE parts SET n = n + 1",
        "INSERT INTO parts SELECT 2, n FROM generate_series(1, 10001) n",
    ),
    (
        "MERGE INTO other USING t ON t.id = other.id WHEN NOT MATCHED THEN INSERT VALUES (t.id, t.n)",
        "INSERT INTO t SELECT n, n FROM generate_series(11, 20000) n",
    ),
    (
        "DO $$BEGIN UPDATE t SET n = n + 1; END$$",
        "INSERT INTO t SELECT n, n FROM generate_series(11, 20000) n",
    ),
    (
        "INSERT INTO other SELECT id, n FROM t",
        "INSERT INTO t SELECT n, n FROM generate_series(11, 20000) n",
    ),
    (
        "ALTER DOMAIN positive SET NOT NULL",
        "INSERT INTO t SELECT n, n FROM generate_series(11, 20000) n",
    ),
    (
        "ALTER DOMAIN positive ADD CONSTRAINT over CHECK (VALUE > 0)",
        "INSERT INTO t SELECT n, n FROM generate_series(11, 20000) n",
    ),
];

/// MERGE came with PostgreSQL 15.
fn runs_on(version: u32, migration: &str) -> bool {
    version >= 15 || !migration.starts_with("MERGE")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_for_small_tables_is_refused_when_one_has_grown_and_is_planned_anew() {
    for version in server::versions() {
        for (migration, grow) in FILES.iter().filter(|(sql, _)| runs_on(version, sql)) {
            let case = Case::new(version, SETUP, migration).await;
            case.expand().await;
            case.sql(grow).await;
            let count = "SELECT (SELECT count(*) FROM other) || ' ' || (SELECT sum(n) FROM t) || ' ' \
                         || (SELECT sum(n) FROM parts)";
            let before = case.text(count).await;
            let error = case
                .try_apply(Through::Phase(PhaseName::Migrate))
                .await
                .unwrap_err();
            let text = format!("{error:?}");
            assert!(
                text.contains("was small when this was planned"),
                "PostgreSQL {version}: {migration}: {text}"
            );
            case.is(count, &before).await;
            case.try_rollback(Consent::None).await.unwrap();
            // With the size of now it is batches, or refused with what to write.
            case.sql("ANALYZE").await;
            let planned = case.planned().await;
            let step = planned.plan.steps().find(|step| {
                matches!(step.kind.as_str(), "rows")
                    || step.scans.iter().any(|scan| scan.under.blocks_writes())
            });
            assert!(
                planned.refused() || step.is_none(),
                "{migration}: {step:#?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_for_small_tables_runs_when_they_still_are() {
    for version in server::versions() {
        for (migration, _) in FILES.iter().filter(|(sql, _)| runs_on(version, sql)) {
            let case = Case::new(version, SETUP, migration).await;
            case.contract().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_statement_that_changes_several_tables_is_refused() {
    for version in server::versions() {
        for migration in [
            "WITH gone AS (DELETE FROM t RETURNING id, n) INSERT INTO other SELECT id, n FROM gone",
            "WITH new AS (INSERT INTO other VALUES (7) RETURNING id) DELETE FROM t USING new \
             WHERE t.id = new.id",
        ] {
            let case = Case::new(version, SETUP, migration).await;
            assert_eq!(case.refusal().await.rule, "several-tables", "{migration}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_from_a_large_table_is_refused() {
    let setup =
        format!("{SETUP}; INSERT INTO t SELECT n, n FROM generate_series(11, 20000) n; ANALYZE");
    for version in server::versions() {
        if !runs_on(version, "MERGE") {
            continue;
        }
        let migration = "MERGE INTO other USING t ON t.id = other.id \
             WHEN NOT MATCHED THEN INSERT VALUES (t.id, t.n)";
        let case = Case::new(version, &setup, migration).await;
        let refusal = case.refusal().await;
        assert_eq!(refusal.rule, "large-change");
        assert!(
            refusal.message.contains("over all rows of t "),
            "{}",
            refusal.message
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phase_that_is_asked_for_by_name_before_its_turn_is_refused() {
    for version in server::versions() {
        let mut case = Case::new(version, SETUP, "ALTER TABLE other DROP COLUMN n").await;
        case.request.only = vec!["1".to_owned()];
        for phase in [PhaseName::Migrate, PhaseName::Contract] {
            let error = case.try_apply(Through::Phase(phase)).await.unwrap_err();
            assert!(format!("{error:?}").contains("phase-order"), "{error:?}");
        }
        case.expand().await;
        let early = case.try_apply(Through::Phase(PhaseName::Contract)).await;
        assert!(early.is_err());
        case.contract().await;
        // What is over already is nothing to refuse.
        case.try_apply(Through::Phase(PhaseName::Migrate))
            .await
            .unwrap();
    }
}

/// Whoever owns a table may have taken away its own right to read it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_may_not_read_its_table_is_told_what_to_grant() {
    let role = "DO $$ BEGIN CREATE ROLE zdm_small_owner LOGIN; \
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; \
        CREATE TABLE mine (id int PRIMARY KEY, n int); INSERT INTO mine VALUES (1, 1), (2, 2); \
        ALTER TABLE mine OWNER TO zdm_small_owner; REVOKE SELECT ON mine FROM zdm_small_owner";
    for version in server::versions() {
        for (migration, code, said) in [
            // Its rows are counted before they are changed in one statement.
            (
                "UPDATE mine SET n = 5",
                "step-failed",
                "whether mine is small still cannot be told: zdm_small_owner may not read it",
            ),
            (
                "ALTER TABLE mine ADD COLUMN key uuid DEFAULT gen_random_uuid()",
                "table-privilege",
                "zdm_small_owner lacks SELECT on public.mine",
            ),
            (
                "ALTER TABLE mine ALTER COLUMN n SET NOT NULL",
                "table-privilege",
                "zdm_small_owner lacks SELECT on public.mine",
            ),
        ] {
            let db = server::fresh_database(version, role).await;
            let grant = format!(
                "GRANT CREATE ON DATABASE {} TO zdm_small_owner; GRANT pg_monitor TO zdm_small_owner",
                db.name
            );
            db.run(&grant).await;
            let url = db.url.replace("user=postgres", "user=zdm_small_owner");
            assert_ne!(url, db.url);
            let case = Case::on(db, &url, migration).await;
            let Err(ApplyError::Execute(error)) = case.try_apply(Through::All).await else {
                panic!("PostgreSQL {version}: {migration} went on");
            };
            let text = format!("{error:?} {error} {:?}", error.next());
            assert_eq!((error.code(), error.exit().code()), (code, 1), "{text}");
            assert!(text.contains(said), "{text}");
            assert!(
                text.contains("GRANT SELECT ON public.mine TO zdm_small_owner"),
                "{text}"
            );
            case.sql("GRANT SELECT ON public.mine TO zdm_small_owner")
                .await;
            case.contract().await;
        }
    }
}
