//! REINDEX while clients write: interrupted, it is begun again or taken back, and leaves no INVALID
//! index behind that is its own.

use std::time::Duration;

use zdm::execute::{
    ExecuteError, ExitClass,
    apply::{ApplyError, Through},
};

use crate::{live::case::Case, support::server};

const SETUP: &str = "CREATE TABLE t (id int PRIMARY KEY, a int, b text);
    INSERT INTO t SELECT n, n, 'b' FROM generate_series(1, 1000) n;
    CREATE INDEX ix ON t (a); CREATE UNIQUE INDEX ux ON t (b, id)";
const MIGRATION: &str = "REINDEX INDEX ix; REINDEX INDEX ux;";

/// The indexes that are INVALID.
const INVALID: &str = "SELECT coalesce(string_agg(indexrelid::regclass::text, ','), '') FROM pg_index WHERE NOT indisvalid";
const FILES: &str = "SELECT string_agg(relfilenode::text, ',' ORDER BY relname) FROM pg_class WHERE relname IN ('ix', 'ux')";

/// Runs the migration until a REINDEX waits for a transaction that wrote the table, and ends its
/// backend there.
async fn interrupted(case: &Case) {
    let mut writer = case.db.connect().await;
    server::run(&mut writer, "BEGIN; UPDATE t SET a = -a WHERE id = 1").await;
    let cut = async {
        let waiting = "SELECT count(*) FROM pg_stat_progress_create_index \
             WHERE datname = current_database() AND command = 'REINDEX CONCURRENTLY' AND phase LIKE 'waiting for writers%'";
        while case.text(waiting).await == "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        case.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_progress_create_index \
             WHERE datname = current_database()",
        )
        .await;
        server::run(&mut writer, "ROLLBACK").await;
    };
    let (result, ()) = tokio::join!(case.try_apply(Through::Default), cut);
    match result {
        Err(ApplyError::Execute(error)) => {
            assert_eq!(error.exit(), ExitClass::Stopped, "{error:#?}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_reindex_is_begun_again_and_its_leftover_dropped() {
    for version in server::versions() {
        let case = Case::new(version, SETUP, MIGRATION).await;
        let before = case.text(FILES).await;
        interrupted(&case).await;
        case.is(INVALID, "ix_ccnew").await;
        case.migrate().await;
        case.is(INVALID, "").await;
        let after = case.text(FILES).await;
        let pairs = before.split(',').zip(after.split(','));
        assert!(pairs.into_iter().all(|(before, after)| before != after));
        case.contract().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_reindex_taken_back_leaves_nothing() {
    for version in server::versions() {
        let case = Case::new(version, SETUP, MIGRATION).await;
        interrupted(&case).await;
        case.rollback().await;
        case.is(INVALID, "").await;
    }
}

/// What is left when the server had exchanged the indexes and not yet dropped the old one: the work
/// is done, and only the old one goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_index_that_is_left_is_dropped_and_the_new_one_kept() {
    for version in server::versions() {
        let case = Case::new(version, SETUP, MIGRATION).await;
        interrupted(&case).await;
        case.sql("UPDATE pg_class SET relname = 'ix_ccold' WHERE relname = 'ix_ccnew'")
            .await;
        let file = "SELECT relfilenode FROM pg_class WHERE relname = 'ix'";
        let before = case.text(file).await;
        case.migrate().await;
        case.is(INVALID, "").await;
        case.is(file, &before).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_zdm_has_not_left_is_not_touched() {
    let version = server::newest_version();
    let case = Case::new(version, SETUP, MIGRATION).await;
    case.sql("CREATE INDEX ix_ccnew ON t (b); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_ccnew'::regclass")
        .await;
    match case.try_apply(Through::Default).await {
        Err(ApplyError::Execute(ExecuteError::Refused { code, message, .. })) => {
            assert_eq!(code, "index-exists");
            assert!(message.contains("ix_ccnew"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    case.is(INVALID, "ix_ccnew").await;
    // A valid index may bear such a name: nothing is the matter with it.
    case.sql("UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'ix_ccnew'::regclass")
        .await;
    case.migrate().await;
    case.is("SELECT to_regclass('ix_ccnew') IS NOT NULL", "true")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pitfall_73_an_exclusion_constraint_is_left_as_it_is_and_refused_by_its_own_name() {
    for version in server::versions() {
        let setup = "CREATE TABLE e (id int PRIMARY KEY, at point, CONSTRAINT apart EXCLUDE USING gist (at WITH ~=))";
        let case = Case::new(version, setup, "REINDEX TABLE e;").await;
        let plan = case.plan().await;
        assert_eq!(plan.steps().count(), 1, "{plan:#?}");
        assert!(
            plan.notes
                .iter()
                .any(|note| note.contains("apart is left as it is")),
            "{plan:#?}"
        );
        case.contract().await;
        let case = Case::new(version, setup, "REINDEX INDEX apart;").await;
        let refusal = case.refusal().await;
        assert_eq!(refusal.rule, "exclude", "{refusal:#?}");
    }
}

/// Parts of a partitioned index are rebuilt one by one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_parts_of_a_partitioned_index_are_rebuilt() {
    for version in server::versions() {
        let setup = "CREATE TABLE pt (id int, a int) PARTITION BY RANGE (id);
            CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (10);
            CREATE TABLE pt2 PARTITION OF pt FOR VALUES FROM (10) TO (20);
            CREATE INDEX pix ON pt (a); CREATE INDEX other ON pt2 (id)";
        for (migration, steps) in [("REINDEX INDEX pix;", 2), ("REINDEX TABLE pt;", 3)] {
            let case = Case::new(version, setup, migration).await;
            assert_eq!(case.plan().await.steps().count(), steps);
            case.contract().await;
        }
    }
}
