//! `zdm lint --since`: what git says has changed.

use std::{path::Path, process::Command};

use super::run::zdm;

/// Runs git, with an author and without anybody's configuration.
pub(super) fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=A", "-c", "user.email=a@example.com"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git is needed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
}

pub(super) fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A repository with two released migrations on `main`, and a branch.
pub(super) fn repository() -> tempfile::TempDir {
    let here = tempfile::tempdir().unwrap();
    let at = here.path();
    git(at, &["init", "-q", "-b", "main"]);
    write(at, "app/zdm.toml", "");
    write(
        at,
        "app/migrations/0001_init.sql",
        "CREATE TABLE users (id bigint PRIMARY KEY, email text);\n",
    );
    write(
        at,
        "app/migrations/0002_index.sql",
        "CREATE INDEX users_email_idx ON users (email);\n",
    );
    git(at, &["add", "."]);
    git(at, &["commit", "-q", "-m", "Released"]);
    git(at, &["checkout", "-q", "-b", "work"]);
    here
}

#[test]
fn only_what_changed_is_looked_at() {
    let here = repository();
    let app = here.path().join("app");
    let found = zdm(&app, &["lint", "--since", "main"]);
    assert_eq!(
        (found.code, found.stderr.as_str()),
        (0, "No findings in 0 files.\n")
    );
    // One that is committed, and one that git does not know yet.
    write(
        &app,
        "migrations/0003_a.sql",
        "CREATE INDEX ON users (id);\n",
    );
    git(&app, &["add", "."]);
    git(&app, &["commit", "-q", "-m", "New"]);
    write(&app, "migrations/0004_b.sql", "SELECT 1;\n");
    let found = zdm(&app, &["lint", "--since", "main"]);
    assert_eq!(found.code, 1, "{}", found.whole());
    assert!(found.stdout.contains("0003_a.sql:1:1"), "{}", found.stdout);
    assert!(!found.stdout.contains("0002"), "{}", found.stdout);
    assert!(found.stderr.contains("in 2 files."), "{}", found.stderr);
    // From the top as well, and with a path.
    let found = zdm(
        here.path(),
        &[
            "lint",
            "--since",
            "main",
            "--config",
            "app/zdm.toml",
            "app/migrations/0004_b.sql",
        ],
    );
    assert_eq!(found.stderr, "No findings in 1 file.\n", "{}", found.stdout);
}

#[test]
fn an_edit_of_a_released_migration_is_reported_and_a_comment_is_none() {
    let here = repository();
    let app = here.path().join("app");
    write(
        &app,
        "migrations/0001_init.sql",
        "-- why\ncreate table users (id bigint primary key,\n  email text);\n",
    );
    std::fs::remove_file(app.join("migrations/0002_index.sql")).unwrap();
    let found = zdm(&app, &["lint", "--since", "main"]);
    assert_eq!(
        (found.code, found.stdout.as_str()),
        (0, ""),
        "{}",
        found.whole()
    );
    assert!(
        found
            .stderr
            .contains("note: 0002_index.sql was there at main and is gone"),
        "{}",
        found.stderr
    );
    write(
        &app,
        "migrations/0001_init.sql",
        "CREATE TABLE users (id bigint PRIMARY KEY, email text, age int);\n",
    );
    let found = zdm(&app, &["lint", "--since", "main"]);
    assert_eq!(found.code, 1, "{}", found.whole());
    assert!(
        found
            .stdout
            .contains("This is an edit of a released migration: 0001 init was there at main"),
        "{}",
        found.stdout
    );
}

#[test]
fn a_shallow_clone_says_what_it_needs() {
    let here = repository();
    let app = here.path().join("app");
    write(&app, "migrations/0003_a.sql", "SELECT 1;\n");
    git(&app, &["add", "."]);
    git(&app, &["commit", "-q", "-m", "New"]);
    let clone = tempfile::tempdir().unwrap();
    let from = format!("file://{}", here.path().display());
    git(
        clone.path(),
        &[
            "clone", "-q", "--depth", "1", "--branch", "work", &from, "c",
        ],
    );
    let app = clone.path().join("c/app");
    let said = zdm(&app, &["lint", "--since", "origin/main"]).refusal(2);
    assert!(
        said.contains("error: origin/main is not in this clone; set fetch-depth: 0"),
        "{said}"
    );
    // The tip is there, and the commit in common is not.
    git(
        &app,
        &[
            "fetch",
            "-q",
            "--depth",
            "1",
            "origin",
            "main:refs/remotes/origin/main",
        ],
    );
    let said = zdm(&app, &["lint", "--since", "origin/main"]);
    // Depth 1 of the branch holds its tip only.
    let said = said.refusal(2);
    assert!(
        said.contains("is not in this clone; set fetch-depth: 0"),
        "{said}"
    );
}

#[test]
fn an_unknown_revision_and_a_folder_without_git_are_refused() {
    let here = repository();
    let said = zdm(&here.path().join("app"), &["lint", "--since", "nowhere"]).refusal(2);
    assert!(said.contains("git knows no revision nowhere"), "{said}");
    let said = zdm(&here.path().join("app"), &["lint", "--since=--all"]).refusal(2);
    assert!(said.contains("git knows no revision --all"), "{said}");
    let bare = tempfile::tempdir().unwrap();
    write(bare.path(), "migrations/0001_a.sql", "SELECT 1;\n");
    let said = zdm(bare.path(), &["lint", "--since", "main"]).refusal(2);
    assert!(said.contains("--since needs a git repository"), "{said}");
}
