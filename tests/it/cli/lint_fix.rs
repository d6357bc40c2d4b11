//! `zdm lint --fix` and `--diff`.

use super::run::{folder, zdm, zdm_reading};

const INIT: (&str, &str) = (
    "migrations/0001_init.sql",
    "CREATE TABLE users (id bigint PRIMARY KEY, email text, age int);\n",
);
const INDEX: (&str, &str) = (
    "migrations/0002_index.sql",
    "-- slow lookups\nCREATE INDEX users_email_idx ON users (email);\nALTER TABLE users ADD CONSTRAINT grown CHECK (age > 17);\n",
);
const ONE: (&str, &str) = ("zdm.toml", "[lint]\nrunner = \"one-transaction\"\n");

fn read(folder: &std::path::Path, path: &str) -> String {
    std::fs::read_to_string(folder.join(path)).unwrap_or_default()
}

#[test]
fn a_difference_is_shown_and_nothing_is_written() {
    let here = folder(&[INIT, INDEX]);
    let shown = zdm(
        here.path(),
        &["lint", "--diff", "migrations/0002_index.sql"],
    );
    assert_eq!(shown.code, 1, "{}", shown.whole());
    assert_eq!(
        shown.stdout,
        "--- migrations/0002_index.sql\n+++ migrations/0002_index.sql\n@@ -1,3 +1,6 @@\n \
         -- slow lookups\n-CREATE INDEX users_email_idx ON users (email);\n\
         -ALTER TABLE users ADD CONSTRAINT grown CHECK (age > 17);\n\
         +CREATE INDEX CONCURRENTLY users_email_idx ON users (email);\n\
         +SET lock_timeout = '2s';\n\
         +ALTER TABLE users ADD CONSTRAINT grown CHECK (age > 17) NOT VALID;\n\
         +RESET lock_timeout;\n\
         +ALTER TABLE users VALIDATE CONSTRAINT grown;\n"
    );
    assert_eq!(read(here.path(), INDEX.0), INDEX.1);
    let all = zdm(here.path(), &["lint", "--fix"]);
    assert_eq!(all.code, 2, "what has run is not known: {}", all.whole());
}

#[test]
fn what_is_fixed_is_clean() {
    let here = folder(&[INIT, INDEX]);
    let fixed = zdm(
        here.path(),
        &["lint", "--fix", INDEX.0, "--fail-on", "error"],
    );
    assert_eq!(fixed.code, 0, "{}", fixed.whole());
    assert!(
        fixed.stderr.contains(
            "2 statements replaced, lock_timeout set once; written: migrations/0002_index.sql."
        ),
        "{}",
        fixed.whole()
    );
    assert!(read(here.path(), INDEX.0).contains("CONCURRENTLY"));
    let again = zdm(here.path(), &["lint", "--diff", INDEX.0]);
    assert_eq!(
        (again.code, again.stdout.as_str()),
        (0, ""),
        "{}",
        again.whole()
    );
}

#[test]
fn parts_get_versions_behind_their_migration_and_the_mark_of_the_tool() {
    let goose = |text: &str| format!("-- +goose Up\n{text}\n-- +goose Down\nDROP TABLE x;\n");
    let (init, index) = (goose(INIT.1), goose(INDEX.1));
    let later = goose("CREATE TABLE later (id int);");
    let here = folder(&[
        (INIT.0, &init),
        (INDEX.0, &index),
        ("migrations/0005_later.sql", &later),
        ONE,
    ]);
    let fixed = zdm(
        here.path(),
        &["lint", "--fix", INDEX.0, "--fail-on", "error"],
    );
    assert_eq!(fixed.code, 0, "{}", fixed.whole());
    let file = |path: &str| read(here.path(), path);
    assert_eq!(
        file(INDEX.0),
        "-- +goose NO TRANSACTION\n-- +goose Up\n-- slow lookups\nCREATE INDEX CONCURRENTLY users_email_idx ON users (email);\n\n-- +goose Down\nDROP TABLE x;\n"
    );
    assert_eq!(
        file("migrations/0003_index_2.sql"),
        "-- +goose Up\nSET LOCAL lock_timeout = '2s';\nALTER TABLE users ADD CONSTRAINT grown CHECK (age > 17) NOT VALID;\n\n-- +goose Down\n-- 0002 takes this back.\n"
    );
    assert!(file("migrations/0004_index_3.sql").contains("VALIDATE CONSTRAINT grown"));
    let whole = zdm(here.path(), &["lint", "--fail-on", "error"]);
    assert_eq!(whole.code, 0, "{}", whole.whole());
    // Without room nothing is written.
    let crowded = folder(&[
        (INIT.0, &init),
        (INDEX.0, &index),
        ("migrations/0003_later.sql", &later),
        ONE,
    ]);
    let left = zdm(crowded.path(), &["lint", "--fix", INDEX.0]);
    assert!(
        left.stderr.contains("no room for 2 versions between 0002"),
        "{}",
        left.whole()
    );
    assert_eq!(read(crowded.path(), INDEX.0), index);
}

#[test]
fn standard_input_is_answered_on_standard_output() {
    let here = folder(&[INIT]);
    let fixed = zdm_reading(
        here.path(),
        &["lint", "--fix", "-"],
        "CREATE INDEX i ON users (age);\n",
    );
    assert_eq!(
        fixed.stdout,
        "CREATE INDEX CONCURRENTLY i ON users (age);\n",
        "{}",
        fixed.whole()
    );
}
