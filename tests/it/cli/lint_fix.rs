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
            "2 statements replaced, a timeout set once; written: migrations/0002_index.sql."
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

/// A folder of two migrations: a table, and an index that is built CONCURRENTLY.
fn concurrently(more: &[(&str, &str)], init: &str, index: &str) -> tempfile::TempDir {
    let text = "CREATE INDEX CONCURRENTLY users_age ON users (age);\n";
    let mut files = vec![(init, INIT.1), (index, text), ONE];
    files.extend(more);
    folder(&files)
}

#[test]
fn what_a_tool_reads_beside_a_migration_counts() {
    let diesel = [
        "migrations/2026-01-01-000000_init/up.sql",
        "migrations/2026-01-02-000000_index/up.sql",
        "migrations/2026-01-02-000000_index/metadata.toml",
    ];
    let flyway = [
        "migrations/V1__init.sql",
        "migrations/V2__index.sql",
        "migrations/V2__index.sql.conf",
    ];
    for ([init, index, beside], off, on) in [
        (
            diesel,
            "run_in_transaction = false\n",
            "run_in_transaction = true\n",
        ),
        (
            flyway,
            "# long\nexecuteInTransaction=false\n",
            "executeInTransaction=true\n",
        ),
    ] {
        for (said, code) in [(None, 1), (Some(on), 1), (Some(off), 0)] {
            let said: Vec<(&str, &str)> = said.map(|text| (beside, text)).into_iter().collect();
            let here = concurrently(&said, init, index);
            for arguments in [
                &["lint", "--fail-on", "error"][..],
                &["lint", "--fail-on", "error", index],
            ] {
                let found = zdm(here.path(), arguments);
                assert_eq!(found.code, code, "{beside} {said:?}: {}", found.whole());
                assert_eq!(
                    found.stdout.contains("concurrently-in-transaction"),
                    code == 1,
                    "{}",
                    found.whole()
                );
            }
        }
    }
    // A file outside of the folder is asked for what stands beside it as well.
    let alone = folder(&[
        INIT,
        ONE,
        (
            "more/V2__index.sql",
            "CREATE INDEX CONCURRENTLY users_age ON users (age);\n",
        ),
        ("more/V2__index.sql.conf", "executeInTransaction=false\n"),
    ]);
    let found = zdm(
        alone.path(),
        &["lint", "--fail-on", "error", "more/V2__index.sql"],
    );
    assert_eq!(found.code, 0, "{}", found.whole());
}

#[test]
fn what_is_written_beside_a_migration_is_read_back() {
    let layouts = [
        [
            "migrations/2026-01-01-000000_init/up.sql",
            "migrations/2026-01-02-000000_index/up.sql",
            "migrations/2026-01-02-000000_index/metadata.toml",
            "migrations/2026-01-02-000001_index_2/up.sql",
        ],
        [
            "migrations/V1__init.sql",
            "migrations/V2__index.sql",
            "migrations/V2__index.sql.conf",
            "migrations/V2.1__index_2.sql",
        ],
    ];
    for [init, index, beside, second] in layouts {
        for there in [None, Some("# ours\nrun_in_transaction = true\n")] {
            let mut files = vec![(init, INIT.1), (index, INDEX.1), ONE];
            files.extend(there.map(|text| (beside, text)));
            let here = folder(&files);
            let fixed = zdm(here.path(), &["lint", "--fix", index, "--fail-on", "error"]);
            assert_eq!(fixed.code, 0, "{}", fixed.whole());
            assert!(read(here.path(), second).contains("NOT VALID"));
            let said = read(here.path(), beside);
            assert!(said.contains("false"), "{said}");
            assert_eq!(said.contains("# ours"), there.is_some(), "{said}");
            let whole = zdm(here.path(), &["lint", "--fail-on", "error"]);
            assert_eq!(whole.code, 0, "{}", whole.whole());
        }
    }
}
