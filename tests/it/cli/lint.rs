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

#[test]
fn several_formats_go_to_files_at_once() {
    let here = folder(&[INIT, INDEX]);
    let arguments = [
        "lint",
        "--output",
        "sarif:a.sarif",
        "--output",
        "json:a.json",
        "--output",
        "human:a.txt",
    ];
    let found = zdm(here.path(), &arguments);
    assert_eq!(found.code, 1);
    assert!(
        found.stdout.starts_with("error[index-not-concurrent]"),
        "{}",
        found.stdout
    );
    let read = |name: &str| std::fs::read_to_string(here.path().join(name)).unwrap();
    let sarif: serde_json::Value = serde_json::from_str(&read("a.sarif")).unwrap();
    let rules = &sarif["runs"][0]["tool"]["driver"]["rules"];
    assert_eq!(rules[0]["id"], "index-not-concurrent");
    let help = rules[0]["help"]["markdown"].as_str().unwrap();
    assert!(help.starts_with("# index-not-concurrent"), "{help}");
    let schema = super::super::report::schema::sarif();
    assert_eq!(
        super::super::report::schema::validate(&schema, &sarif),
        Vec::<String>::new()
    );
    assert_valid("lint", &serde_json::from_str(&read("a.json")).unwrap());
    assert_eq!(read("a.txt"), format!("{}{}", found.stdout, found.stderr));
    // Without a format, the file gets what stdout would have got.
    let found = zdm(
        here.path(),
        &["lint", "--format", "json", "--output", "b.json"],
    )
    .quiet(1);
    assert_eq!(found, "");
    assert_eq!(read("b.json"), read("a.json"));
    for (arguments, why) in [
        (
            ["--output", "srif:x", "--output", "y"],
            "did you mean `sarif`?",
        ),
        (["--output", "x", "--output", "y"], "given twice"),
        (
            ["--output", "json:x", "--output", "sarif:x"],
            "would go to x",
        ),
        (
            ["--output", "json:no/x", "--output", "y"],
            "cannot write no/x",
        ),
    ] {
        let mut all = vec!["lint"];
        all.extend(arguments);
        let said = zdm(here.path(), &all).refusal(2);
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for() {
    let here = folder(&[INIT, INDEX]);
    let plain = zdm(here.path(), &["lint"]).stdout;
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let coloured = zdm(here.path(), &["--color", "always", "lint"]).stdout;
    assert!(coloured.contains("\u{1b}["), "{coloured:?}");
    let coloured = zdm(
        here.path(),
        &["lint", "--color=always", "--output", "a.txt"],
    );
    assert_eq!(coloured.stdout, "");
    let file = std::fs::read_to_string(here.path().join("a.txt")).unwrap();
    assert!(
        file.starts_with(&plain) && !file.contains('\u{1b}'),
        "{file:?}"
    );
    let mut command = super::run::command(here.path(), &["lint"]);
    command.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    assert_eq!(super::run::outcome(command).stdout, plain);
}

#[test]
fn a_comment_holds_the_plan_folded_away() {
    let here = folder(&[INIT, INDEX]);
    let found = zdm(
        here.path(),
        &["lint", "--format", "markdown", "migrations/0002_index.sql"],
    )
    .quiet(1);
    assert!(
        found.starts_with("<!-- zdm lint -->\n### zdm lint\n\n1 error in 1 file.\n"),
        "{found}"
    );
    assert!(
        found.contains("<summary>Plan of 0002 index</summary>"),
        "{found}"
    );
    assert!(
        found.contains("CREATE INDEX CONCURRENTLY users_email_idx"),
        "{found}"
    );
}

#[test]
fn what_a_baseline_holds_is_not_reported_again() {
    let here = folder(&[INIT, INDEX]);
    let write = ["lint", "--baseline", "known.json", "--write-baseline"];
    let said = zdm(here.path(), &write).refusal(0);
    assert_eq!(said, "1 finding written to known.json.\n");
    let check = ["lint", "--baseline", "known.json"];
    let found = zdm(here.path(), &check);
    assert_eq!(
        (found.code, found.stdout.as_str()),
        (0, ""),
        "{}",
        found.stderr
    );
    assert!(
        found
            .stderr
            .contains("Not shown: 1 finding of the baseline."),
        "{}",
        found.stderr
    );
    // Lines move, and a second finding comes.
    let moved = "\n\n-- moved\nCREATE INDEX users_email_idx\n  ON users (email);\nCREATE INDEX ON users (id);\n";
    std::fs::write(here.path().join("migrations/0002_index.sql"), moved).unwrap();
    let found = zdm(here.path(), &check);
    assert_eq!(found.code, 1);
    assert!(
        found.stdout.contains("0002_index.sql:6:1"),
        "{}",
        found.stdout
    );
    assert_eq!(
        found.stdout.matches("error[").count(),
        1,
        "{}",
        found.stdout
    );
    // The known one goes.
    std::fs::write(here.path().join("migrations/0002_index.sql"), "SELECT 1;\n").unwrap();
    let found = zdm(here.path(), &check);
    assert_eq!(found.code, 0);
    assert!(
        found
            .stderr
            .contains("the baseline holds index-not-concurrent in 0002_index.sql"),
        "{}",
        found.stderr
    );
    assert!(
        zdm(here.path(), &["lint", "--write-baseline"])
            .refusal(2)
            .contains("needs a file")
    );
    let configured = "[lint]\nbaseline = \"missing.json\"\n";
    let here = folder(&[INIT, ("zdm.toml", configured)]);
    assert!(
        zdm(here.path(), &["lint"])
            .refusal(2)
            .contains("missing.json")
    );
}

#[test]
fn standard_input_may_stand_for_a_file() {
    let here = folder(&[
        INIT,
        ("migrations/0002_a.sql", "SELECT 1;\n"),
        ("migrations/0003_b.sql", "DROP TABLE users;\n"),
    ]);
    let index = "CREATE INDEX ON users (email);\n";
    let found = zdm_reading(
        here.path(),
        &["lint", "-", "--stdin-filename", "migrations/0002_a.sql"],
        index,
    );
    assert_eq!(found.code, 1, "{}", found.whole());
    assert!(
        found.stdout.contains("--> migrations/0002_a.sql:1:1"),
        "{}",
        found.stdout
    );
    let said = zdm(here.path(), &["lint", "--stdin-filename", "x.sql"]).refusal(2);
    assert!(said.contains("needs - as a path"), "{said}");
}

#[test]
fn patterns_stand_for_files() {
    let here = folder(&[INIT, INDEX]);
    let found = zdm(here.path(), &["lint", "migrations/*_in[a-e]*.sql"]);
    assert_eq!(found.code, 1, "{}", found.whole());
    assert!(found.stderr.contains("in 1 file."), "{}", found.stderr);
    let said = zdm(here.path(), &["lint", "migrations/9*.sql"]).refusal(2);
    assert!(said.contains("no .sql file fits"), "{said}");
}

#[test]
fn sizes_come_from_a_file_where_no_database_is() {
    let stats = "version = 1\ndatabase = \"app\"\ntaken_at = \"2026-01-02T00:00:00Z\"\npg_version = 18\n\
                 [tables.\"public.users\"]\nrows = 1234567\nbytes = 367001600\n";
    let here = folder(&[INIT, INDEX, ("zdm-stats.toml", stats)]);
    let found = zdm(here.path(), &["lint"]);
    assert!(found.stdout.contains("1,234,567 rows"), "{}", found.stdout);
    assert!(
        found
            .stdout
            .contains("Going by the sizes, that takes about 3 s."),
        "{}",
        found.stdout
    );
    let programs = zdm(here.path(), &["lint", "--format", "json"]).quiet(1);
    assert!(programs.contains("\"blocks_for_ms\": 3671"), "{programs}");
    let plan = zdm(here.path(), &["plan"]).quiet(0);
    assert!(
        plan.contains("offline: sizes of the database app on 2026-01-02;"),
        "{plan}"
    );
    let elsewhere = "[database]\nstats = \"sizes.toml\"\n";
    let here = folder(&[
        INIT,
        INDEX,
        ("zdm.toml", elsewhere),
        ("sizes.toml", "version = 2\n"),
    ]);
    let said = zdm(here.path(), &["lint"]).refusal(2);
    assert!(said.contains("the sizes in sizes.toml"), "{said}");
}
