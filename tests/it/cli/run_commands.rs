//! The commands that run something, against a real server: what they print and exit with.

use super::{
    super::report::schema::assert_valid,
    run::{Outcome, folder, zdm},
};
use crate::support::server::{Db, fresh_database, newest_version};

const RENAME: &[(&str, &str)] = &[(
    "migrations/0001_rename.sql",
    "ALTER TABLE users RENAME COLUMN name TO full_name;\n",
)];

const SCHEMA: &str = "CREATE TABLE users (id bigint PRIMARY KEY, name text);
    INSERT INTO users SELECT g, 'name ' || g FROM generate_series(1, 1000) g";

async fn database() -> Db {
    fresh_database(newest_version(), SCHEMA).await
}

fn on(db: &Db, here: &tempfile::TempDir, arguments: &[&str]) -> Outcome {
    let mut all = arguments.to_vec();
    all.extend(["--database-url", &db.url]);
    zdm(here.path(), &all)
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_without_a_journal_are_refused_until_adopted() {
    let db = database().await;
    let here = folder(RENAME);
    let refused = on(&db, &here, &["apply"]).refusal(1);
    assert!(refused.contains("zdm adopt --from none"), "{refused}");
    let json = on(&db, &here, &["apply", "--format", "json"]);
    let error: serde_json::Value = serde_json::from_str(json.stdout.trim()).unwrap();
    assert_valid("error", &error);
    assert_eq!(error["error"]["code"], "no-journal");
    assert_eq!(error["error"]["database_state"], "unchanged");
    let adopted = on(&db, &here, &["adopt", "--from", "none"]);
    assert_eq!(adopted.code, 0, "{}", adopted.whole());
    assert_eq!(on(&db, &here, &["adopt", "--from", "none"]).code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_goes_through_and_says_what_comes_next() {
    let db = database().await;
    let here = folder(RENAME);
    on(&db, &here, &["adopt", "--from", "none"]);
    let dry = on(&db, &here, &["apply", "--dry-run"]);
    assert!(
        dry.stdout.starts_with("0001 rename (PostgreSQL"),
        "{}",
        dry.whole()
    );
    let applied = on(&db, &here, &["apply"]);
    assert_eq!(applied.code, 0, "{}", applied.whole());
    assert!(
        applied.stdout.contains("zdm apply 0001 --phase contract"),
        "{}",
        applied.stdout
    );
    assert!(
        applied.stderr.contains("0001: migrate is done"),
        "{}",
        applied.stderr
    );

    let status = on(&db, &here, &["status", "--format", "json"]).quiet(0);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_valid("status", &status);
    assert_eq!(status["database"], db.name.as_str());
    assert_eq!(status["migrations"][0]["state"], "migrated");
    assert_eq!(
        status["migrations"][0]["next"],
        "zdm apply 0001 --phase contract"
    );
    assert_eq!(on(&db, &here, &["status", "--exit-code"]).code, 1);
    assert_eq!(on(&db, &here, &["verify"]).code, 0);

    let refused = on(&db, &here, &["apply", "0001", "--phase", "contract"]).refusal(1);
    assert!(refused.contains("--yes"), "{refused}");
    let contracted = on(
        &db,
        &here,
        &["apply", "0001", "--phase", "contract", "--yes"],
    );
    assert_eq!(contracted.code, 0, "{}", contracted.whole());
    assert_eq!(on(&db, &here, &["status", "--exit-code"]).code, 0);
    let forward = on(&db, &here, &["rollback", "0001", "--yes"]).refusal(1);
    assert!(forward.contains("Hint:"), "{forward}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_lines_of_json_and_a_rollback_needs_a_word() {
    let db = database().await;
    let here = folder(RENAME);
    on(&db, &here, &["adopt", "--from", "none"]);
    let applied = on(&db, &here, &["apply", "--format", "json"]).quiet(0);
    let events: Vec<serde_json::Value> = applied
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for event in &events {
        assert_valid("event", event);
    }
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| event["event"].as_str())
        .collect();
    assert_eq!(kinds.first(), Some(&"phase_started"), "{kinds:?}");
    assert!(kinds.contains(&"step_done"), "{kinds:?}");
    assert!(on(&db, &here, &["rollback"]).refusal(1).contains("--yes"));
    let back = on(&db, &here, &["rollback", "--yes"]);
    assert_eq!(
        (back.code, back.stdout.as_str()),
        (0, "0001 rename: rolled back\n"),
        "{}",
        back.stderr
    );
}

#[test]
fn an_unreachable_server_is_a_connection_error() {
    let here = folder(RENAME);
    let url = "postgres://nobody:s3cret@127.0.0.1:1/none";
    for arguments in [
        &["apply", "--database-url", url][..],
        &["status", "--database-url", url],
        &["plan", "--database-url", url],
    ] {
        let said = zdm(here.path(), arguments).refusal(2);
        assert!(said.contains("cannot connect"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
    let said = zdm(here.path(), &["apply"]).refusal(2);
    assert!(said.contains("no database is named"), "{said}");
}

#[tokio::test]
async fn a_history_is_taken_over_and_a_journal_is_let_go() {
    let setup = "CREATE TABLE users (id bigint);
        CREATE TABLE schema_migrations (version varchar(255) PRIMARY KEY);
        INSERT INTO schema_migrations VALUES ('01')";
    let db = fresh_database(newest_version(), setup).await;
    let up = |sql: &str| format!("-- migrate:up\n{sql};\n");
    let here = folder(&[
        (
            "migrations/01_users.sql",
            &up("CREATE TABLE users (id bigint)"),
        ),
        (
            "migrations/02_more.sql",
            &up("CREATE TABLE more (id bigint)"),
        ),
    ]);
    let taken = on(&db, &here, &["adopt", "--format", "json"]).quiet(0);
    let value: serde_json::Value = serde_json::from_str(&taken).unwrap();
    assert_valid("adopt", &value);
    assert_eq!(value["adopted"][0]["name"], "users");
    assert_eq!(
        on(&db, &here, &["adopt"]).quiet(0),
        "Nothing to do: what dbmate has run according to public.schema_migrations is known \
         already (1 migration).\nPending: 02. Run zdm plan 02.\n"
    );
    let refused = on(&db, &here, &["adopt", "--forget"]).refusal(1);
    assert!(refused.contains("--yes"), "{refused}");
    let gone = on(&db, &here, &["adopt", "--forget", "--yes"]).quiet(0);
    assert!(gone.contains("The journal is gone."), "{gone}");
    let again = on(&db, &here, &["adopt"]).quiet(0);
    assert_eq!(
        again,
        "1 migration marked as done, as dbmate says in public.schema_migrations.\n\
         Pending: 02. Run zdm plan 02.\n"
    );
}
