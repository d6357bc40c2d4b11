//! The other tool's table is kept up, in the transaction of the state it goes with.

use zdm::execute::{
    adopt::{
        Tool, Where,
        mirror::{Settings, When},
    },
    driver::Consent,
    journal::{Adopted, Journal, MigrationState},
    rollback::rollback,
};

use super::{apply_all, folder, runner, take};
use crate::support::{
    phases::plan_settings,
    server::{fresh_database, newest_version},
};

fn mirror(tool: Tool, when: When) -> Settings {
    Settings {
        when,
        place: Where {
            tool: Some(tool),
            table: None,
        },
    }
}

/// What zdm writes is what adopt reads: the same versions, and checksums that fit the files.
#[tokio::test]
async fn every_table_that_zdm_writes_reads_as_the_tool_s_own() {
    for tool in [
        Tool::Sqlx,
        Tool::Flyway,
        Tool::Prisma,
        Tool::Diesel,
        Tool::Goose,
        Tool::Dbmate,
        Tool::Migrate,
        Tool::Refinery,
    ] {
        let sql = ["CREATE TABLE a (id int);", "CREATE TABLE b (id int);"];
        let names = match tool {
            Tool::Flyway | Tool::Refinery => ["V1__make_a.sql", "V2__make_b.sql"],
            Tool::Prisma => ["1_make_a/migration.sql", "2_make_b/migration.sql"],
            Tool::Diesel => ["2024-01-01-000000_a/up.sql", "2024-01-02-000000_b/up.sql"],
            Tool::Sqlx
            | Tool::Goose
            | Tool::Dbmate
            | Tool::Migrate
            | Tool::Rails
            | Tool::Django => ["01_make_a.sql", "02_make_b.sql"],
        };
        let files = folder(&[(names[0], sql[0]), (names[1], sql[1])]);
        let db = fresh_database(newest_version(), "").await;
        let mut run = runner(&db);
        run.settings.mirror = Some(mirror(tool, When::Migrated));
        let applied = apply_all(&run, &files).await;
        assert_eq!(applied.len(), 2, "{tool:?}");

        db.run("DROP SCHEMA zdm CASCADE").await;
        let taken = take(&db, &files)
            .await
            .unwrap_or_else(|error| panic!("{tool:?}: {error}"));
        assert_eq!(taken.done.len(), 2, "{tool:?}");
        assert_eq!(taken.notes, Vec::<String>::new(), "{tool:?}");
    }
}

/// The row is there when the new application may start, and goes when zdm goes back.
#[tokio::test]
async fn the_row_comes_with_the_end_of_migrate_and_goes_with_the_rollback() {
    let files = folder(&[("0007_rename.sql", "ALTER TABLE a RENAME COLUMN x TO y;")]);
    let setup = "CREATE TABLE a (id int PRIMARY KEY, x int)";
    let db = fresh_database(newest_version(), setup).await;
    let mut run = runner(&db);
    run.settings.mirror = Some(mirror(Tool::Sqlx, When::Migrated));
    let mut session = zdm::db::Session::open(&run.target, "test").await.unwrap();
    let schema = run.settings.journal_schema.clone();
    Journal::install(&mut session, &schema, Adopted::FromNone)
        .await
        .unwrap();
    let request = zdm::execute::apply::ApplyRequest {
        only: Vec::new(),
        to: None,
        through: zdm::execute::apply::Through::Default,
        out_of_order: zdm::execute::apply::OutOfOrder::WhenDisjoint,
        drift: zdm::execute::driver::DriftPolicy::Refuse,
        plan: plan_settings(),
    };
    let applied = zdm::execute::apply::apply(&run, &files, &request)
        .await
        .unwrap();
    assert_eq!(applied[0].state, MigrationState::Migrated);
    let count = "SELECT count(*) FROM _sqlx_migrations WHERE version = 7 AND success";
    assert_eq!(session.value::<i64>(count).await.unwrap(), 1);
    rollback(&run, None, Consent::None).await.unwrap();
    assert_eq!(session.value::<i64>(count).await.unwrap(), 0);
}

#[tokio::test]
async fn a_history_of_programs_is_not_written() {
    let db = fresh_database(newest_version(), "").await;
    let mut run = runner(&db);
    run.settings.mirror = Some(mirror(Tool::Rails, When::Done));
    let files = folder(&[("1_a.sql", "CREATE TABLE a (id int);")]);
    let request = zdm::execute::apply::ApplyRequest {
        only: Vec::new(),
        to: None,
        through: zdm::execute::apply::Through::All,
        out_of_order: zdm::execute::apply::OutOfOrder::WhenDisjoint,
        drift: zdm::execute::driver::DriftPolicy::Refuse,
        plan: plan_settings(),
    };
    let refused = zdm::execute::apply::apply(&run, &files, &request)
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("cannot write the history of Rails"),
        "{refused}"
    );
}
