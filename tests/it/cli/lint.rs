//! `zdm lint`.

use super::{
    super::report::schema::assert_valid,
    run::{folder, zdm, zdm_reading},
};

const INIT: (&str, &str) = (
    "migrations/0001_init.sql",
    "CREATE TABLE users (id bigint PRIMARY KEY, email text);\n",
);
const INDEX: (&str, &str) = (
    "migrations/0002_index.sql",
    "-- slow lookups\nCREATE INDEX users_email_idx ON users (email);\n",
);

#[test]
fn findings_are_frames_on_stdout_and_exit_with_1() {
    let here = folder(&[INIT, INDEX]);
    let found = zdm(here.path(), &["lint"]);
    insta::assert_snapshot!(found.whole());
}

#[test]
fn nothing_found_is_nothing_on_stdout_and_exit_0() {
    let here = folder(&[INIT]);
    let found = zdm(here.path(), &["lint"]);
    assert_eq!((found.code, found.stdout.as_str()), (0, ""));
    assert_eq!(found.stderr, "No findings in 1 file.\n");
}

#[test]
fn json_is_as_its_schema_says() {
    let here = folder(&[INIT, INDEX]);
    let found = zdm(here.path(), &["lint", "--format", "json"]).quiet(1);
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_valid("lint", &found);
    let finding = &found["diagnostics"][0];
    assert_eq!(finding["rule"], "index-not-concurrent");
    assert_eq!(finding["file"], "migrations/0002_index.sql");
    assert_eq!(finding["start"]["line"], 2);
    assert_eq!(finding["locks"][0]["mode"], "SHARE");
}

#[test]
fn a_file_of_the_folder_is_judged_at_its_place() {
    let later = ("migrations/0003_drop.sql", "DROP TABLE users;\n");
    let here = folder(&[INIT, INDEX, later]);
    let first = zdm(here.path(), &["lint", "migrations/0001_init.sql"]);
    assert_eq!(first.code, 0, "{}", first.whole());
    let second = zdm(here.path(), &["lint", "migrations/0002_index.sql"]);
    assert_eq!(second.code, 1, "{}", second.whole());
}

#[test]
fn standard_input_comes_after_the_folder_or_a_dump() {
    let here = folder(&[
        INIT,
        ("dump.sql", "CREATE TABLE public.orders (id bigint);\n"),
    ]);
    let users = "ALTER TABLE users ALTER COLUMN email SET NOT NULL;";
    let found = zdm_reading(here.path(), &["lint", "-"], users);
    assert_eq!(found.code, 1, "{}", found.whole());
    assert!(found.stdout.contains("<stdin>:1"), "{}", found.stdout);
    let orders = "CREATE INDEX ON orders (id);";
    let found = zdm_reading(here.path(), &["lint", "--schema", "dump.sql", "-"], orders);
    assert_eq!(found.code, 1, "{}", found.whole());
    assert!(found.stdout.contains("SHARE on orders"), "{}", found.stdout);
}

#[test]
fn with_a_dump_the_files_must_be_named() {
    let here = folder(&[INIT, ("dump.sql", "")]);
    let said = zdm(here.path(), &["lint", "--schema", "dump.sql"]).refusal(2);
    assert!(said.contains("must be named"), "{said}");
}

#[test]
fn an_accepted_finding_is_silent_and_a_useless_acceptance_is_not() {
    let accepted = "-- zdm: allow(index-not-concurrent) because the table is small\n\
                    CREATE INDEX users_email_idx ON users (email);\n";
    let here = folder(&[INIT, ("migrations/0002_index.sql", accepted)]);
    let found = zdm(here.path(), &["lint"]);
    assert_eq!(
        (found.code, found.stdout.as_str()),
        (0, ""),
        "{}",
        found.stderr
    );
    let useless = "-- zdm: allow(set-not-null-scan) because I say so\nSELECT 1;\n";
    let here = folder(&[INIT, ("migrations/0002_a.sql", useless)]);
    let found = zdm(here.path(), &["lint"]);
    insta::assert_snapshot!(found.whole());
}

#[test]
fn levels_and_what_fails_can_be_set() {
    let quieter = "[lint]\nfail_on = \"error\"\n[lint.levels]\nindex-not-concurrent = \"info\"\n";
    let here = folder(&[INIT, INDEX, ("zdm.toml", quieter)]);
    let found = zdm(here.path(), &["lint"]);
    assert_eq!(found.code, 0, "{}", found.whole());
    assert!(
        found.stdout.starts_with("info[index-not-concurrent]"),
        "{}",
        found.stdout
    );
    assert_eq!(zdm(here.path(), &["lint", "--fail-on", "info"]).code, 1);
    let off = "[lint.levels]\nindex-not-concurrent = \"off\"\n";
    let here = folder(&[INIT, INDEX, ("zdm.toml", off)]);
    assert_eq!(zdm(here.path(), &["lint"]).stdout, "");
}

#[test]
fn an_unknown_directive_is_a_frame() {
    let mistyped = "-- zdm: phse contract\nALTER TABLE users DROP COLUMN email;\n";
    let here = folder(&[INIT, ("migrations/0002_a.sql", mistyped)]);
    let found = zdm(here.path(), &["lint"]);
    insta::assert_snapshot!(found.whole());
}

#[test]
fn a_mistake_in_the_configuration_is_a_frame_with_a_suggestion() {
    let here = folder(&[INIT, ("zdm.toml", "[locks]\nbugdet = \"10m\"\n")]);
    let said = zdm(here.path(), &["lint"]);
    insta::assert_snapshot!(said.whole());
}

#[test]
fn a_missing_folder_or_file_is_a_usage_error() {
    let here = folder(&[]);
    let said = zdm(here.path(), &["lint"]).refusal(2);
    insta::assert_snapshot!(said, @r"
    error: there is no folder of migrations: looked for migrations, db/migrations, db/migrate, prisma/migrations
    Hint: Name the folder in zdm.toml (`[migrations] dir`), or give files as arguments.
    ");
    let said = zdm(here.path(), &["lint", "nowhere.sql"]).refusal(2);
    assert!(said.contains("nowhere.sql"), "{said}");
}
