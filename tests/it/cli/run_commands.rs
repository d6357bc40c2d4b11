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
async fn a_plan_behind_a_view_in_the_place_of_a_table_says_what_it_waits_for() {
    let db = database().await;
    let here = folder(&[
        (
            "migrations/0001_rename.sql",
            "-- zdm: strategy view\nALTER TABLE users RENAME COLUMN name TO full_name;\n",
        ),
        (
            "migrations/0002_index.sql",
            "CREATE INDEX by_full_name ON users (full_name);\n",
        ),
        (
            "migrations/0003_other.sql",
            "CREATE TABLE other (id int);\n",
        ),
    ]);
    on(&db, &here, &["adopt", "--from", "none"]);
    let applied = on(&db, &here, &["apply", "0001"]);
    assert_eq!(applied.code, 0, "{}", applied.whole());
    let waits = "0002 is queued behind 0001 (rename), which is migrated and touches users too: run \
                 zdm apply 0001 --phase contract first";
    for command in [&["plan", "0002"][..], &["apply", "0002", "--dry-run"]] {
        let plan = on(&db, &here, command);
        assert_eq!(plan.code, 0, "{}", plan.whole());
        assert!(plan.stderr.contains(waits), "{}", plan.stderr);
        assert!(
            plan.stdout
                .contains("CREATE INDEX CONCURRENTLY by_full_name"),
            "{}",
            plan.stdout
        );
    }
    let plan = on(&db, &here, &["plan", "0003"]);
    assert_eq!((plan.code, plan.stderr.as_str()), (0, ""));
    let queued = on(&db, &here, &["apply", "0002"]).refusal(3);
    assert!(
        queued.contains("zdm apply 0001 --phase contract"),
        "{queued}"
    );
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

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_shown_with_what_it_waits_for_and_what_has_nothing_to_contract_is_done() {
    let db = database().await;
    let here = folder(&[
        RENAME[0],
        (
            "migrations/0002_index.sql",
            "CREATE INDEX users_name ON users (name);\n",
        ),
        ("migrations/0003_empty.sql", "-- nothing to do\n"),
    ]);
    on(&db, &here, &["adopt", "--from", "none"]);
    let queued = on(&db, &here, &["apply"]);
    assert_eq!(queued.code, 3, "{}", queued.whole());
    let read = |arguments: &[&str]| -> serde_json::Value {
        let status = on(&db, &here, arguments).quiet(0);
        let status = serde_json::from_str(&status).unwrap();
        assert_valid("status", &status);
        status
    };
    let status = read(&["status", "--format", "json"]);
    let second = &status["migrations"][1];
    assert_eq!(second["state"], "queued");
    assert_eq!(second["next"], "zdm apply 0001 --phase contract");
    let why = second["waiting_for"].as_str().unwrap();
    assert!(why.starts_with("0002 is queued behind 0001"), "{why}");
    let shown = on(&db, &here, &["status"]).quiet(0);
    assert!(
        shown.contains("waits: 0002 is queued behind 0001"),
        "{shown}"
    );
    // When the other is taken back, it is no longer in the way, and the next run takes it up.
    assert_eq!(on(&db, &here, &["rollback", "0001", "--yes"]).code, 0);
    let status = read(&["status", "--format", "json"]);
    assert_eq!(status["migrations"][1]["next"], "zdm apply 0002");
    let applied = on(&db, &here, &["apply", "0002", "0003"]);
    assert_eq!(
        (applied.code, applied.stdout.as_str()),
        (0, "0002 index: done\n0003 empty: done\n"),
        "{}",
        applied.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_failed_is_what_verify_says() {
    let db = database().await;
    db.run("CREATE FUNCTION bad() RETURNS int LANGUAGE sql AS 'SELECT 1/0'")
        .await;
    let here = folder(&[(
        "migrations/0001_bad.sql",
        "-- zdm: phase expand\nSELECT bad();\n",
    )]);
    on(&db, &here, &["adopt", "--from", "none"]);
    assert_eq!(on(&db, &here, &["apply"]).code, 1);
    let verified = on(&db, &here, &["verify"]);
    assert_eq!(verified.code, 1, "{}", verified.whole());
    assert!(
        verified
            .stdout
            .contains("it failed: expand-1 failed: division by zero"),
        "{}",
        verified.stdout
    );
}

/// As people write it for a socket, with nothing between the slashes.
#[tokio::test(flavor = "multi_thread")]
async fn a_url_without_a_host_reaches_a_socket() {
    let db = database().await;
    let here = folder(RENAME);
    let parameters = db.url.split_once('?').unwrap().1;
    for url in [
        format!("postgresql:///{}?{parameters}", db.name),
        format!("postgresql://@/{}?{parameters}", db.name),
    ] {
        let shown = zdm(here.path(), &["plan", "--database-url", &url]).quiet(0);
        assert!(shown.contains("ADD COLUMN"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_that_are_programs_are_known_and_left_to_their_tool() {
    let setup = "CREATE TABLE users (id bigint PRIMARY KEY);
        CREATE TABLE schema_migrations (version varchar(255) PRIMARY KEY);
        CREATE TABLE ar_internal_metadata (key varchar PRIMARY KEY, value varchar);
        INSERT INTO schema_migrations VALUES ('20240101120000')";
    let db = fresh_database(newest_version(), setup).await;
    let here = folder(&[
        ("db/migrate/20240101120000_create_users.rb", "class A; end"),
        ("db/migrate/20240201120000_backfill.rb", "class B; end"),
        (
            "db/migrate/20240301120000_add_age.sql",
            "ALTER TABLE users ADD COLUMN age int;",
        ),
    ]);
    assert_eq!(on(&db, &here, &["adopt"]).code, 0);
    let applied = on(&db, &here, &["apply"]);
    assert_eq!(
        (applied.code, applied.stdout.as_str()),
        (0, "20240301120000 add_age: done\n"),
        "{}",
        applied.stderr
    );
    assert!(
        applied
            .stderr
            .contains("20240201120000_backfill.rb. Run bin/rails db:migrate"),
        "{}",
        applied.stderr
    );
    let status = on(&db, &here, &["status", "--format", "json"]).quiet(0);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_valid("status", &status);
    let states: Vec<String> = status["migrations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["id"], one["state"]).replace('"', ""))
        .collect();
    assert_eq!(
        states,
        [
            "20240101120000 adopted",
            "20240201120000 pending",
            "20240301120000 done"
        ]
    );
    let made = zdm(here.path(), &["new", "drop", "age"]).quiet(0);
    let id = made.trim().strip_prefix("db/migrate/").unwrap();
    assert!(
        id > "20240301120000" && id.ends_with("_drop_age.sql"),
        "{id}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_of_django_goes_on_in_sql() {
    let setup = "CREATE TABLE shop_item (id bigint PRIMARY KEY);
        CREATE TABLE django_migrations (id bigint PRIMARY KEY, app varchar, name varchar, applied timestamptz);
        INSERT INTO django_migrations VALUES (1, 'users', '0001_initial', now()), (2, 'shop', '0001_initial', now())";
    let db = fresh_database(newest_version(), setup).await;
    let here = folder(&[
        ("apps/users/migrations/0001_initial.py", "dependencies = []"),
        (
            "apps/shop/migrations/0001_initial.py",
            "dependencies = [('users', '0001_initial')]",
        ),
        (
            "apps/shop/migrations/0002_price.py",
            "dependencies = [('shop', '0001_initial')]",
        ),
        // python manage.py sqlmigrate shop 0002
        (
            "apps/shop/migrations/0002_price.sql",
            "BEGIN;\n--\n-- Add field price to item\n--\nALTER TABLE \"shop_item\" ADD COLUMN \"price\" integer NULL;\nCOMMIT;\n",
        ),
        ("zdm.toml", "[migrations]\ndir = \"apps\"\n"),
    ]);
    let adopted = on(&db, &here, &["adopt"]);
    assert_eq!(adopted.code, 0, "{}", adopted.whole());
    let applied = on(&db, &here, &["apply"]);
    assert_eq!(
        (applied.code, applied.stdout.as_str()),
        (0, "shop.0002_price price: done\n"),
        "{}",
        applied.stderr
    );
    let made = zdm(here.path(), &["new", "shop", "drop", "price"]).quiet(0);
    assert_eq!(made.trim(), "apps/shop/migrations/0003_drop_price.sql");
}
