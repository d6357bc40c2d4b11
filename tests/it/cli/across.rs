//! `zdm lint`, where one file says something of another: by git, by a journal, by their names.

use super::{
    run::{Outcome, folder, zdm},
    since::{git, repository, write},
};
use crate::support::server::{Db, fresh_database, newest_version};

/// `file rule` of every finding, in the order of the files.
fn rules(found: &Outcome) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_str(&found.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", found.whole()));
    let all = json["diagnostics"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    all.iter()
        .map(|one| {
            let file = text(&one["file"]);
            let name = file.rsplit("migrations/").next().unwrap_or_default();
            format!("{name} {}", text(&one["rule"]))
        })
        .collect()
}

const JSON: [&str; 3] = ["lint", "--format", "json"];

#[test]
fn new_files_are_judged_by_what_is_released_and_by_each_other() {
    let here = repository();
    let app = here.path().join("app");
    write(
        &app,
        "migrations/0001a_early.sql",
        "ALTER TABLE users ADD COLUMN early text;\n",
    );
    write(
        &app,
        "migrations/0002_other.sql",
        "COMMENT ON TABLE users IS 'all';\n",
    );
    write(
        &app,
        "migrations/0003_name.sql",
        "ALTER TABLE users ADD COLUMN name text;\n",
    );
    write(
        &app,
        "migrations/0004_required.sql",
        "ALTER TABLE users ALTER COLUMN name SET NOT NULL;\n",
    );
    let across = |found: &Outcome| -> Vec<String> {
        let wanted = ["duplicate-id", "out-of-order", "contract-of", "edited"];
        let mut rules = rules(found);
        rules.retain(|rule| wanted.iter().any(|wanted| rule.contains(wanted)));
        rules
    };
    // Nothing tells what is released: only what is certain is said.
    assert_eq!(across(&zdm(&app, &JSON)), ["0002_other.sql duplicate-id"]);
    let since: Vec<&str> = JSON.into_iter().chain(["--since", "main"]).collect();
    assert_eq!(
        across(&zdm(&app, &since)),
        [
            "0001a_early.sql out-of-order-migration",
            "0002_other.sql duplicate-id",
            "0004_required.sql contract-of-unreleased-expand",
        ]
    );
    // Once the first of the two is released, the second one is in order.
    git(&app, &["add", "."]);
    git(&app, &["commit", "-q", "-m", "Released"]);
    git(&app, &["branch", "-f", "released"]);
    std::fs::rename(
        app.join("migrations/0004_required.sql"),
        app.join("migrations/0005_required.sql"),
    )
    .unwrap();
    let since: Vec<&str> = JSON.into_iter().chain(["--since", "released"]).collect();
    assert_eq!(across(&zdm(&app, &since)), Vec::<String>::new());
}

#[test]
fn what_the_revision_got_meanwhile_counts() {
    let here = repository();
    let app = here.path().join("app");
    let branch = [
        (
            "migrations/0003_mine.sql",
            "ALTER TABLE users ADD COLUMN mine text;\n",
        ),
        (
            "migrations/0007_late.sql",
            "ALTER TABLE users ADD COLUMN late text;\n",
        ),
        (
            "migrations/0004_same.sql",
            "ALTER TABLE users ADD COLUMN same text;\n",
        ),
    ];
    for (path, text) in branch {
        write(&app, path, text);
    }
    git(&app, &["add", "."]);
    git(&app, &["commit", "-q", "-m", "Mine"]);
    // Meanwhile others were faster, and one file is on both.
    git(&app, &["switch", "-q", "main"]);
    for (path, text) in [
        (
            "migrations/0005_theirs.sql",
            "ALTER TABLE users ADD COLUMN theirs text;\n",
        ),
        (
            "migrations/0007_also.sql",
            "ALTER TABLE users ADD COLUMN also text;\n",
        ),
        (
            "migrations/0004_same.sql",
            "ALTER TABLE users ADD COLUMN same varchar;\n",
        ),
        ("migrations/notes.txt", "Nothing.\n"),
    ] {
        write(&app, path, text);
    }
    git(&app, &["add", "."]);
    git(&app, &["commit", "-q", "-m", "Theirs"]);
    git(&app, &["switch", "-q", "work"]);
    let since: Vec<&str> = JSON.into_iter().chain(["--since", "main"]).collect();
    let found = zdm(&app, &since);
    let mut said = rules(&found);
    said.retain(|rule| {
        let wanted = ["duplicate-id", "out-of-order", "edited"];
        wanted.iter().any(|wanted| rule.contains(wanted))
    });
    assert_eq!(
        said,
        [
            "0003_mine.sql out-of-order-migration",
            "0004_same.sql edited-migration",
            "0007_late.sql duplicate-id",
        ],
        "{}",
        found.whole()
    );
    for words in [
        "0007 also, which main got meanwhile",
        "0007_also.sql of main has it too",
    ] {
        assert!(found.stdout.contains(words), "{}", found.whole());
    }
    // A branch that has caught up is judged by what is there.
    git(
        &app,
        &[
            "rm",
            "-q",
            "migrations/0003_mine.sql",
            "migrations/0007_late.sql",
            "migrations/0004_same.sql",
        ],
    );
    git(&app, &["commit", "-q", "-m", "Away"]);
    git(&app, &["merge", "-q", "main", "-m", "Merged"]);
    write(
        &app,
        "migrations/0009_new.sql",
        "ALTER TABLE users ADD COLUMN new text;\n",
    );
    let found = zdm(&app, &since);
    assert!(!found.stdout.contains("out-of-order"), "{}", found.whole());
}

#[test]
fn a_finding_across_files_is_accepted_levelled_and_explained_like_any() {
    let here = repository();
    let app = here.path().join("app");
    let text = "CREATE TABLE users (id bigint PRIMARY KEY, email text, age int);\n";
    write(&app, "migrations/0001_init.sql", text);
    let found = zdm(&app, &["lint", "--since", "main"]);
    assert!(
        found.stdout.contains("warning[edited-migration]"),
        "{}",
        found.whole()
    );
    assert!(
        found.stderr.contains("zdm explain edited-migration"),
        "{}",
        found.stderr
    );
    let sarif = zdm(&app, &["lint", "--since", "main", "--format", "sarif"]);
    let sarif: serde_json::Value = serde_json::from_str(&sarif.stdout).unwrap();
    let rules = &sarif["runs"][0]["tool"]["driver"]["rules"];
    assert_eq!(rules[0]["id"], "edited-migration");
    write(
        &app,
        "zdm.toml",
        "[lint.levels]\nedited-migration = \"error\"\n",
    );
    let found = zdm(&app, &["lint", "--since", "main"]);
    assert!(
        found.stdout.contains("error[edited-migration]"),
        "{}",
        found.whole()
    );
    let accepted = format!("-- zdm: allow(edited-migration) because it never ran\n{text}");
    write(&app, "migrations/0001_init.sql", &accepted);
    let found = zdm(&app, &["lint", "--since", "main"]);
    assert_eq!(
        (found.code, found.stdout.as_str()),
        (0, ""),
        "{}",
        found.whole()
    );
}

#[test]
fn a_version_twice_is_a_finding_of_lint_and_refused_by_what_runs_migrations() {
    for (one, two) in [
        ("migrations/0002_a.sql", "migrations/0002_b.sql"),
        ("migrations/V2__a.sql", "migrations/V02__b.sql"),
        ("migrations/0002_a/up.sql", "migrations/0002_b/up.sql"),
        ("migrations/0002_a.up.sql", "migrations/0002_b.up.sql"),
    ] {
        let sql = "CREATE TABLE t (id bigint PRIMARY KEY);\n";
        let here = folder(&[(one, sql), (two, &sql.replace('t', "T"))]);
        let found = zdm(here.path(), &["lint"]);
        assert_eq!(found.code, 1, "{}", found.whole());
        assert!(
            found.stdout.contains("error[duplicate-id]"),
            "{}",
            found.whole()
        );
        let said = zdm(here.path(), &["plan"]).refusal(2);
        assert!(said.contains("is there twice"), "{said}");
    }
}

fn on(db: &Db, here: &tempfile::TempDir, arguments: &[&str]) -> Outcome {
    let mut all = arguments.to_vec();
    all.extend(["--database-url", &db.url]);
    zdm(here.path(), &all)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_says_what_has_run_and_what_it_was() {
    let db = fresh_database(newest_version(), "").await;
    let users = (
        "migrations/0001_users.sql",
        "CREATE TABLE users (id bigint PRIMARY KEY);\n",
    );
    let teams = (
        "migrations/0003_teams.sql",
        "CREATE TABLE teams (id bigint PRIMARY KEY);\n",
    );
    let here = folder(&[users, teams]);
    let applied = on(&db, &here, &["apply", "--phase", "all", "--yes"]);
    assert_eq!(applied.code, 0, "{}", applied.whole());
    assert_eq!(rules(&on(&db, &here, &JSON)), Vec::<String>::new());

    write(
        here.path(),
        "migrations/0001_users.sql",
        "CREATE TABLE users (id bigint PRIMARY KEY, age int);\n",
    );
    write(
        here.path(),
        "migrations/0002_names.sql",
        "ALTER TABLE users ADD COLUMN name text;\n",
    );
    write(
        here.path(),
        "migrations/0003_teams.sql",
        "-- No other statement.\nCREATE TABLE teams (id bigint PRIMARY KEY);\n",
    );
    let found = on(&db, &here, &JSON);
    let across = |found: &Outcome| -> Vec<String> {
        let mut rules = rules(found);
        rules.retain(|rule| !rule.contains("lock-timeout"));
        rules
    };
    assert_eq!(
        across(&found),
        [
            "0001_users.sql edited-migration",
            "0002_names.sql out-of-order-migration"
        ]
    );
    assert!(
        found.stdout.contains("has run in this database"),
        "{}",
        found.stdout
    );
    // A file that is named is known to the journal, too.
    let named: Vec<&str> = JSON
        .into_iter()
        .chain(["migrations/0001_users.sql"])
        .collect();
    let found = on(&db, &here, &named);
    assert!(
        across(&found).contains(&"0001_users.sql edited-migration".to_owned()),
        "{}",
        found.whole()
    );
    let fixed = on(&db, &here, &["lint", "--fix", "migrations/0001_users.sql"]);
    assert_ne!(fixed.code, 2, "{}", fixed.whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn lint_and_status_read_an_older_journal_and_leave_it_as_it_is() {
    let db = fresh_database(newest_version(), "").await;
    let here = folder(&[(
        "migrations/0001_users.sql",
        "CREATE TABLE users (id bigint PRIMARY KEY);\n",
    )]);
    let applied = on(&db, &here, &["apply", "--phase", "all", "--yes"]);
    assert_eq!(applied.code, 0, "{}", applied.whole());
    db.run(
        "ALTER TABLE zdm.migrations DROP COLUMN queued_behind, DROP COLUMN queued_why; \
         UPDATE zdm.meta SET journal_version = 2, zdm_version = '0.0.2'",
    )
    .await;
    for arguments in [&["lint", "--fail-on", "none"][..], &["status"], &["verify"]] {
        let read = on(&db, &here, arguments);
        assert_eq!(read.code, 0, "{}", read.whole());
        let mut connection = db.connect().await;
        let version: i32 = sqlx::query_scalar("SELECT journal_version FROM zdm.meta")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(version, 2, "{arguments:?} upgraded the journal");
    }
    let applied = on(&db, &here, &["apply"]);
    assert_eq!(applied.code, 0, "{}", applied.whole());
    let status = on(&db, &here, &["status", "--format", "json"]);
    assert!(status.stdout.contains("\"done\""), "{}", status.whole());
}
