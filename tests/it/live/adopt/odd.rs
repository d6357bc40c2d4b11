//! Histories as they are when something went wrong: each is refused or told in words that help, and
//! nothing is changed by a refusal.

use std::time::Duration;

use zdm::execute::{
    ExecuteError,
    adopt::{AdoptRequest, Source, Taken, Tool, Where, adopt},
};

use super::{auto, folder, ids, runner, take, tools::fixture};
use crate::support::server::{Db, connect, fresh_database, newest_version, run, versions};

/// As a role of its own, which may make the journal and owns nothing.
const ROLE: &str = "DO $$ BEGIN CREATE ROLE adopter LOGIN; \
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; \
    DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO adopter', current_database()); END $$;";

fn as_adopter(db: &Db) -> String {
    {
        let url = db.url.replace("user=postgres", "user=adopter");
        assert_ne!(url, db.url);
        url
    }
}

async fn take_as(url: &str, db: &Db, files: &[(&str, &str)]) -> Result<Taken, ExecuteError> {
    let mut run = runner(db);
    run.target = zdm::db::Target::from_url(url).unwrap();
    adopt(&run, &folder(files), &auto()).await
}

/// The code, and that no journal was made.
async fn refused(db: &Db, outcome: Result<Taken, ExecuteError>) -> (String, ExecuteError) {
    let error = outcome.expect_err("it is refused");
    db.run("DO $$ BEGIN ASSERT to_regnamespace('zdm') IS NULL; END $$")
        .await;
    (error.code().to_owned(), error)
}

fn from(tool: Option<Tool>, table: Option<&str>) -> AdoptRequest {
    AdoptRequest {
        source: Source::Tool(Where {
            tool,
            table: table.map(str::to_owned),
        }),
        ..auto()
    }
}

#[tokio::test]
async fn an_empty_history_marks_nothing_as_done_and_says_what_is_there() {
    for tool in Tool::ALL {
        let fixture = fixture(tool);
        let db = fixture.database(newest_version()).await;
        let table = tool.table();
        db.run(&format!("DELETE FROM {table}")).await;
        let files = folder(&fixture.files());
        let taken = take(&db, &files)
            .await
            .unwrap_or_else(|error| panic!("{tool:?}: {error}"));
        assert_eq!(ids(&taken), Vec::<&str>::new(), "{tool:?}");
        assert_eq!(taken.pending.len(), files.len(), "{tool:?}");
        if !matches!(tool, Tool::Rails | Tool::Django) {
            let first = fixture.done[0];
            assert!(
                taken.notes[0].starts_with(&format!("people is there already, and {first}, ")),
                "{tool:?}: {:?}",
                taken.notes
            );
        }
    }
}

#[tokio::test]
async fn what_the_role_may_not_read_is_said_with_the_grant() {
    for version in versions() {
        for (tool, hide) in [
            (Tool::Sqlx, "SELECT 1"),
            (
                Tool::Flyway,
                "CREATE SCHEMA hidden; ALTER TABLE flyway_schema_history SET SCHEMA hidden; \
                 GRANT SELECT ON hidden.flyway_schema_history TO adopter",
            ),
            (
                Tool::Goose,
                "GRANT SELECT ON goose_db_version TO adopter; \
                 ALTER TABLE goose_db_version ENABLE ROW LEVEL SECURITY",
            ),
        ] {
            let fixture = fixture(tool);
            let db = fixture.database(version).await;
            db.run(&format!("{ROLE} {hide}")).await;
            let taken = take_as(&as_adopter(&db), &db, &fixture.files()).await;
            let (code, error) = refused(&db, taken).await;
            assert_eq!(code, "adopt-unreadable", "{tool:?}: {error:?}");
            assert_eq!(error.exit().code(), 1);
            assert!(
                error.next().unwrap().contains("GRANT SELECT ON "),
                "{error:?}"
            );
        }
        // Another's history is no reason to refuse one's own.
        let fixture = fixture(Tool::Goose);
        let db = fixture.database(version).await;
        db.run(&format!(
            "{ROLE} CREATE SCHEMA another; CREATE TABLE another.goose_db_version (LIKE goose_db_version); \
             GRANT SELECT ON goose_db_version TO adopter"
        ))
        .await;
        let taken = take_as(&as_adopter(&db), &db, &fixture.files())
            .await
            .unwrap();
        assert_eq!(ids(&taken), fixture.done);
    }
}

#[tokio::test]
async fn a_role_that_may_not_make_the_journal_is_told_before_anything_is_made() {
    let fixture = fixture(Tool::Dbmate);
    let db = fixture.database(newest_version()).await;
    let grant = ROLE.split_inclusive("END $$;").next().unwrap();
    db.run(&format!(
        "{grant} GRANT SELECT ON schema_migrations TO adopter"
    ))
    .await;
    let taken = take_as(&as_adopter(&db), &db, &fixture.files()).await;
    let (code, error) = refused(&db, taken).await;
    assert_eq!(
        (code.as_str(), error.exit().code()),
        ("journal-privilege", 1)
    );
    assert!(error.next().unwrap().contains("GRANT CREATE"), "{error:?}");
}

#[tokio::test]
async fn two_tools_at_once_are_told_apart_by_name() {
    let (sqlx, flyway) = (fixture(Tool::Sqlx), fixture(Tool::Flyway));
    let db = sqlx.database(newest_version()).await;
    db.run(&flyway.table).await;
    let files = folder(&flyway.files());
    let (code, error) = refused(&db, take(&db, &files).await).await;
    assert_eq!(code, "adopt-ambiguous");
    assert_eq!(
        error.to_string(),
        "more than one history is there: sqlx (public._sqlx_migrations), \
         flyway (public.flyway_schema_history)"
    );
    let request = from(Some(Tool::Flyway), None);
    let taken = adopt(&runner(&db), &files, &request).await.unwrap();
    assert_eq!(ids(&taken), flyway.done);
}

#[tokio::test]
async fn names_that_need_quotes_are_found() {
    for (place, table) in [
        (None, "\"My.Schema\".goose_db_version"),
        (
            Some("\"My.Schema\".\"His\"\"tory. \""),
            "\"My.Schema\".\"His\"\"tory. \"",
        ),
        (Some("\"History.\""), "\"My.Schema\".\"History.\""),
        (Some("My.History"), "\"My\".\"History\""),
    ] {
        let fixture = fixture(Tool::Goose);
        let db = fixture.database(newest_version()).await;
        db.run(&format!(
            "CREATE SCHEMA \"My.Schema\"; CREATE SCHEMA \"My\"; \
             CREATE TABLE {table} (LIKE goose_db_version); \
             INSERT INTO {table} SELECT * FROM goose_db_version; DROP TABLE goose_db_version"
        ))
        .await;
        let files = folder(&fixture.files());
        let taken = adopt(&runner(&db), &files, &from(None, place))
            .await
            .unwrap_or_else(|error| panic!("{table}: {error}"));
        assert_eq!(taken.from.as_ref().unwrap().table.to_string(), table);
        assert_eq!(ids(&taken), fixture.done, "{table}");
    }
}

#[tokio::test]
async fn a_table_with_other_columns_is_named_with_them() {
    let setup = "CREATE TABLE schema_migrations (version text, done_by text)";
    let db = fresh_database(newest_version(), setup).await;
    let files = folder(&fixture(Tool::Dbmate).files());
    for (request, whose) in [
        (from(None, None), "a tool that zdm knows"),
        (from(Some(Tool::Dbmate), None), "dbmate"),
        (
            from(None, Some("schema_migrations")),
            "a tool that zdm knows",
        ),
    ] {
        let (code, error) = refused(&db, adopt(&runner(&db), &files, &request).await).await;
        assert_eq!(code, "adopt-no-history");
        assert_eq!(
            error.to_string(),
            format!(
                "public.schema_migrations is there, and its columns (version, done_by) are not \
                 those of {whose}"
            )
        );
    }
    for (table, said) in [
        ("nowhere.x", "there is no table nowhere.x"),
        ("\"x", "`\"x` is no name of a table"),
    ] {
        let outcome = adopt(&runner(&db), &files, &from(None, Some(table))).await;
        let (_, error) = refused(&db, outcome).await;
        assert_eq!(error.to_string(), said);
    }
}

#[tokio::test]
async fn what_is_half_applied_is_said_in_words_that_the_tool_takes() {
    for (tool, change, message, next) in [
        (
            Tool::Prisma,
            "UPDATE _prisma_migrations SET finished_at = NULL WHERE id = 'c'",
            "Prisma began 20240102000000_email and did not end it (public._prisma_migrations)",
            "--applied 20240102000000_email",
        ),
        (
            Tool::Sqlx,
            "CREATE SCHEMA app; ALTER TABLE _sqlx_migrations SET SCHEMA app; \
             UPDATE app._sqlx_migrations SET success = false WHERE version = 2",
            "sqlx began 2 and did not end it (app._sqlx_migrations)",
            "DELETE FROM app._sqlx_migrations WHERE version = 2 AND NOT success",
        ),
        // Its file is gone, too.
        (
            Tool::Migrate,
            "UPDATE schema_migrations SET version = 17, dirty = true",
            "golang-migrate began 17 and did not end it (public.schema_migrations)",
            "(17 if it is complete)",
        ),
        (
            Tool::Flyway,
            "INSERT INTO flyway_schema_history VALUES (9, NULL, 'views', 'SQL', 'R__views.sql', 1, 'me', now(), 1, false)",
            "Flyway began views and did not end it (public.flyway_schema_history)",
            "flyway repair",
        ),
    ] {
        let fixture = fixture(tool);
        let db = fixture.database(newest_version()).await;
        db.run(change).await;
        let (code, error) = refused(&db, take(&db, &folder(&fixture.files())).await).await;
        assert_eq!(code, "adopt-failed");
        assert_eq!(error.to_string(), message);
        assert!(error.next().unwrap().contains(next), "{error:?}");
    }
    // A tool that writes its row at the end leaves nothing of a file that broke in the middle.
    for tool in Tool::ALL {
        let fixture = fixture(tool);
        let db = fixture.database(newest_version()).await;
        db.run("ALTER TABLE people ADD COLUMN phone text").await;
        let taken = take(&db, &folder(&fixture.files())).await.unwrap();
        let note = format!(
            "people.phone is there already, and {}, which is not marked as done, makes it",
            taken.pending[0]
        );
        // Where programs made the table, the files do not know it.
        let known = !matches!(tool, Tool::Rails | Tool::Django);
        let said = taken
            .notes
            .first()
            .is_some_and(|said| said.starts_with(&note));
        assert_eq!(said, known, "{tool:?}: {:?}", taken.notes);
        assert!(taken.notes.len() <= 1, "{tool:?}: {:?}", taken.notes);
    }
}

#[tokio::test]
async fn a_version_that_the_folder_does_not_hold_is_no_state_to_start_from() {
    let fixture = fixture(Tool::Migrate);
    let db = fixture.database(newest_version()).await;
    db.run("UPDATE schema_migrations SET version = 20240101")
        .await;
    let (code, error) = refused(&db, take(&db, &folder(&fixture.files())).await).await;
    assert_eq!(code, "adopt-differs");
    assert!(
        error.to_string().contains(
            "public.schema_migrations says that the database is at 20240101, and the folder has no \
             such file: is it the folder of golang-migrate?"
        ),
        "{error}"
    );
}

#[tokio::test]
async fn what_was_run_out_of_order_leaves_a_gap_that_is_told() {
    for (tool, change, gap) in [
        (
            Tool::Dbmate,
            "UPDATE schema_migrations SET version = '20240103000000' WHERE version = '20240102000000'",
            "20240102000000",
        ),
        (
            Tool::Goose,
            "UPDATE goose_db_version SET version_id = 2, is_applied = false WHERE version_id = 2; \
             UPDATE goose_db_version SET is_applied = true WHERE version_id = 3",
            "00002",
        ),
    ] {
        let fixture = fixture(tool);
        let db = fixture.database(newest_version()).await;
        db.run(change).await;
        let taken = take(&db, &folder(&fixture.files())).await.unwrap();
        assert_eq!(taken.pending, [gap]);
        let note = format!("not done, though later ones are: {gap}; zdm apply runs them only");
        assert!(
            taken.notes.iter().any(|said| said.starts_with(&note)),
            "{tool:?}: {:?}",
            taken.notes
        );
    }
}

#[tokio::test]
async fn to_start_here_is_told_what_the_pending_files_make_and_is_there() {
    let fixture = fixture(Tool::Dbmate);
    let db = fixture.database(newest_version()).await;
    let request = AdoptRequest {
        source: Source::None,
        ..auto()
    };
    let files = folder(&fixture.files());
    let taken = adopt(&runner(&db), &files, &request).await.unwrap();
    assert!(
        taken.notes[0].starts_with("people is there already, and 20240101000000, which is not"),
        "{:?}",
        taken.notes
    );
    assert_eq!(taken.notes.len(), 1, "{:?}", taken.notes);
}

#[tokio::test]
async fn a_history_that_its_tool_has_locked_is_waited_for_only_so_long() {
    let fixture = fixture(Tool::Refinery);
    let db = fixture.database(newest_version()).await;
    let mut other = connect(&db.url).await;
    run(&mut other, "BEGIN; LOCK TABLE refinery_schema_history").await;
    let mut impatient = runner(&db);
    impatient.settings.locks.budget = Duration::from_millis(300);
    let files = folder(&fixture.files());
    let (code, error) = refused(&db, adopt(&impatient, &files, &auto()).await).await;
    assert_eq!((code.as_str(), error.exit().code()), ("locked", 3));
    assert!(
        error.to_string().starts_with(
            "reading the history of another tool: refinery_schema_history stayed locked"
        ),
        "{error}"
    );
    run(&mut other, "COMMIT").await;
    assert_eq!(ids(&take(&db, &files).await.unwrap()), fixture.done);
}
