//! Partitions that come and go while a migration of their table is in flight: those of tomorrow are
//! made, those of last year dropped, and the migration goes on, or back.

use zdm::{
    execute::{
        apply::{ApplyError, Through},
        driver::Consent,
    },
    plan::StepKind,
};

use super::case::Case;
use crate::support::{
    runner::until,
    server::{self},
};

const SETUP: &str = "CREATE TABLE peers (id int PRIMARY KEY); INSERT INTO peers VALUES (1); \
    CREATE TABLE t (id int NOT NULL, day int NOT NULL, peer int, note text DEFAULT 'x') \
        PARTITION BY RANGE (day); \
    CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (100); \
    CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (100) TO (200); \
    INSERT INTO t SELECT n, n % 200, 1 FROM generate_series(1, 2000) n; ANALYZE t";

/// Tomorrow's, which has partitions of its own, and last year's.
const CHANGE: &str = "CREATE TABLE t_3 PARTITION OF t FOR VALUES FROM (200) TO (300) \
        PARTITION BY LIST (day); \
    CREATE TABLE t_3_rest PARTITION OF t_3 DEFAULT; \
    INSERT INTO t (id, day, peer) SELECT n, 200 + n % 100, 1 FROM generate_series(1, 500) n; \
    DROP TABLE t_1";

/// A file, and what must be true in the end, besides that all constraints and indexes are valid.
const FILES: &[(&str, &str)] = &[
    (
        "ALTER TABLE t ADD PRIMARY KEY (id, day)",
        "SELECT count(*) = 4 FROM pg_constraint WHERE contype = 'p' AND conrelid::regclass::text \
         IN ('t', 't_2', 't_3', 't_3_rest')",
    ),
    (
        "ALTER TABLE t ADD FOREIGN KEY (peer) REFERENCES peers",
        "SELECT count(*) = 4 FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text \
         IN ('t', 't_2', 't_3', 't_3_rest')",
    ),
    (
        "ALTER TABLE t ADD CONSTRAINT days CHECK (day >= 0)",
        "SELECT count(*) = 4 FROM pg_constraint WHERE conname = 'days'",
    ),
    (
        "ALTER TABLE t ALTER COLUMN note SET NOT NULL",
        "SELECT count(*) = 4 FROM pg_attribute WHERE attname = 'note' AND attnotnull",
    ),
    (
        "CREATE INDEX by_peer ON t (peer)",
        "SELECT count(*) = 3 FROM pg_inherits WHERE inhparent::regclass::text IN ('by_peer', \
         't_3_peer_idx')",
    ),
    (
        "-- zdm: up(label) 'row ' || id\nALTER TABLE t ADD COLUMN label text NOT NULL",
        "SELECT bool_and(label = 'row ' || id) FROM t",
    ),
    (
        "ALTER TABLE t ADD COLUMN key uuid DEFAULT gen_random_uuid()",
        "SELECT count(*) = count(DISTINCT key) FROM t",
    ),
    (
        "-- zdm: up(note) 'none'\nALTER TABLE t ALTER COLUMN note SET NOT NULL",
        "SELECT count(*) = 4 FROM pg_attribute WHERE attname = 'note' AND attnotnull",
    ),
];

/// What is not valid, or is zdm's own.
const LEFT: &str = "SELECT (SELECT count(*) FROM pg_constraint \
        WHERE connamespace = 'public'::regnamespace AND (NOT convalidated OR conname LIKE '%zdm%')) \
    + (SELECT count(*) FROM pg_index WHERE NOT indisvalid) \
    + (SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%zdm%') \
    + (SELECT count(*) FROM pg_attribute WHERE attname LIKE '\\_zdm%' AND NOT attisdropped)";

#[derive(Debug, Clone, Copy)]
enum When {
    AfterExpand,
    AfterMigrate,
}

async fn changed(version: u32, migration: &str, when: When) -> Case {
    let case = Case::new(version, SETUP, migration).await;
    case.expand().await;
    if matches!(when, When::AfterMigrate) {
        case.try_apply(Through::Phase(zdm::parse::PhaseName::Migrate))
            .await
            .unwrap();
    }
    case.sql(CHANGE).await;
    case
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_that_come_and_go_between_phases_are_planned_for_and_the_migration_goes_on() {
    for version in server::versions() {
        for (migration, holds) in FILES {
            for when in [When::AfterExpand, When::AfterMigrate] {
                let case = changed(version, migration, when).await;
                case.contract().await;
                let found = case.text(holds).await;
                assert_eq!(found, "true", "PostgreSQL {version}, {when:?}: {migration}");
                case.is(LEFT, "0").await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_is_taken_back_although_partitions_came_and_went() {
    for version in server::versions() {
        for (migration, _) in FILES {
            let case = changed(version, migration, When::AfterMigrate).await;
            case.try_rollback(Consent::Given)
                .await
                .unwrap_or_else(|error| panic!("PostgreSQL {version}: {migration}: {error:#?}"));
            case.is(LEFT, "0").await;
            case.is(
                "SELECT string_agg(DISTINCT attname, ',') FROM pg_attribute WHERE attnum > 0 \
                 AND NOT attisdropped AND attrelid IN ('t'::regclass, 't_2'::regclass, \
                 't_3_rest'::regclass)",
                "day,id,note,peer",
            )
            .await;
            case.is(
                "SELECT count(*) FROM pg_index WHERE indrelid::regclass::text LIKE 't%'",
                "0",
            )
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_come_with_a_partition_are_filled_too() {
    for version in server::versions() {
        let migration = "ALTER TABLE t ADD COLUMN key uuid DEFAULT gen_random_uuid()";
        let case = Case::new(version, SETUP, migration).await;
        case.try_apply(Through::Default).await.unwrap();
        case.sql(
            "CREATE TABLE more (LIKE t); INSERT INTO more (id, day) VALUES (1, 200), (2, 201); \
             DO $$BEGIN EXECUTE (SELECT format('UPDATE more SET %I = true', attname) \
                FROM pg_attribute WHERE attrelid = 'more'::regclass AND attname LIKE '\\_zdm%'); END$$; \
             ALTER TABLE t ATTACH PARTITION more FOR VALUES FROM (200) TO (300)",
        )
        .await;
        case.contract().await;
        case.is("SELECT count(*) - count(DISTINCT key) FROM t", "0")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_comes_while_the_last_lock_is_waited_for_is_not_read_under_it() {
    for version in server::versions() {
        let migration = "ALTER TABLE t ADD PRIMARY KEY (id, day)";
        let case = Case::new(version, SETUP, migration).await;
        case.try_apply(Through::Default).await.unwrap();
        case.sql(
            "CREATE TABLE late (LIKE t); \
             INSERT INTO late SELECT n, 200 + n % 100 FROM generate_series(1, 500) n",
        )
        .await;
        let plan = case.plan_of_run().await;
        let last = plan.steps().last().unwrap().id.clone();
        let looks = plan
            .steps()
            .filter(|step| matches!(step.kind, StepKind::Verify { .. }));
        assert!(looks.count() > 1);
        // It comes when zdm has looked, and holds the lock that zdm waits for.
        let mut other = case.db.connect().await;
        server::run(
            &mut other,
            "BEGIN; LOCK TABLE ONLY t IN SHARE UPDATE EXCLUSIVE MODE",
        )
        .await;
        let watcher = &case;
        let commit = async {
            until("the last step has begun", async || {
                let state = format!("SELECT state FROM zdm.steps WHERE step_id = '{last}'");
                watcher.text(&state).await == "running"
            })
            .await;
            server::run(
                &mut other,
                "ALTER TABLE t ATTACH PARTITION late FOR VALUES FROM (200) TO (300); COMMIT",
            )
            .await;
        };
        let (outcome, ()) = tokio::join!(case.try_apply(Through::All), commit);
        let Err(ApplyError::Execute(error)) = outcome else {
            panic!("PostgreSQL {version}: {outcome:?}");
        };
        let text = format!("{error:?}");
        assert!(text.contains("made after the plan"), "{text}");
        assert!(text.contains("CREATE UNIQUE INDEX CONCURRENTLY"), "{text}");
        // The keys of the others cannot be taken back, so there must be a way forward.
        assert!(case.try_rollback(Consent::Given).await.is_err());
        case.sql("CREATE UNIQUE INDEX CONCURRENTLY late_key ON late (id, day)")
            .await;
        case.sql("ALTER TABLE late ADD PRIMARY KEY USING INDEX late_key")
            .await;
        case.contract().await;
        case.is(LEFT, "0").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_for_a_partition_that_was_dropped_in_the_middle_of_contract_is_passed_over() {
    for version in server::versions() {
        let migration = "ALTER TABLE t ADD PRIMARY KEY (id, day)";
        let mut case = Case::new(version, SETUP, migration).await;
        case.try_apply(Through::Default).await.unwrap();
        // Contract ends between the first partition and the second.
        case.run.runner.settings.locks.budget = std::time::Duration::from_secs(1);
        let mut reader = case.db.connect().await;
        server::run(&mut reader, "BEGIN; SELECT count(*) FROM t_2").await;
        let stopped = case.try_apply(Through::All).await.unwrap_err();
        assert!(matches!(
            stopped,
            ApplyError::Execute(zdm::execute::ExecuteError::LockBudget { .. })
        ));
        server::run(&mut reader, "ROLLBACK").await;
        case.sql("DROP TABLE t_2").await;
        case.contract().await;
        case.is(LEFT, "0").await;
    }
}
