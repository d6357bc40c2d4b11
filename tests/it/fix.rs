//! What `zdm lint --fix` makes of a file, text for text.

use zdm::{
    catalog::{Catalog, PgVersion, apply::apply},
    fix::{Fixed, fix},
    lint::{RuleLevel, Settings, lint, settings::Runner},
    parse::parse,
    source::SourceFile,
};

/// What is there before.
const SCHEMA: &str = "
    CREATE TABLE teams (id bigint PRIMARY KEY);
    CREATE TABLE users (id bigint PRIMARY KEY, email text, nick text, age int, team_id bigint);
    CREATE INDEX users_nick ON users (nick);
    CREATE INDEX users_age ON users (age);
    CREATE TABLE visits (day int, id int) PARTITION BY RANGE (day);
    CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (0) TO (9);
    CREATE TABLE visits_2 PARTITION OF visits FOR VALUES FROM (9) TO (19) PARTITION BY RANGE (day);
    CREATE TABLE visits_2_a PARTITION OF visits_2 FOR VALUES FROM (9) TO (19);";

fn before() -> Catalog {
    let mut catalog = Catalog::empty(PgVersion::V18);
    for statement in &parse(SourceFile::new("schema.sql", SCHEMA)).statements {
        apply(&mut catalog, statement, SCHEMA);
    }
    catalog
}

/// Settings without advice on waits for locks, which has tests of its own below.
fn settings(runner: Runner) -> Settings {
    Settings {
        runner,
        levels: [("no-lock-timeout".to_owned(), RuleLevel::Off)].into(),
        ..Settings::default()
    }
}

fn fixed(text: &str, runner: Runner) -> Fixed {
    fixed_with(text, &settings(runner))
}

fn fixed_with(text: &str, settings: &Settings) -> Fixed {
    let fixed = fix(&parse(SourceFile::new("a.sql", text)), &before(), settings);
    // Nothing that blocks is left, and a second run finds nothing to do.
    let mut catalog = before();
    for part in &fixed.parts {
        let script = parse(SourceFile::new("a.sql", part.text.clone()));
        let settings = Settings {
            runner: if part.alone {
                Runner::Statements
            } else {
                settings.runner
            },
            ..settings.clone()
        };
        let linted = lint(&script, &catalog, &settings);
        let errors = linted
            .findings
            .iter()
            .filter(|finding| finding.diagnostic.level == zdm::diagnostic::Level::Error);
        let errors: Vec<_> = errors.map(|finding| &finding.diagnostic.message).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{}", part.text);
        let again = fix(&script, &catalog, &settings);
        assert!(!again.is_changed(), "{}", part.text);
        catalog = linted.after;
    }
    fixed
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let fixed = fixed(text, Runner::Statements);
    assert_eq!(fixed.parts.len(), 1);
    assert_eq!(fixed.parts[0].text, expected);
}

/// The same where each file is run in a transaction; parts are set apart by `=====`.
#[track_caller]
fn check_parts(text: &str, expected: &str) {
    let fixed = fixed(text, Runner::OneTransaction);
    let parts: Vec<String> = fixed
        .parts
        .iter()
        .map(|part| format!("{}{}", if part.alone { "(alone)\n" } else { "" }, part.text))
        .collect();
    assert_eq!(parts.join("=====\n"), expected);
}

#[test]
fn an_index_is_built_while_clients_write_and_comments_stay() {
    check(
        "-- slow\nCREATE /* one */ INDEX users_email ON users (email); -- done\n-- end\n",
        "-- slow\nCREATE /* one */ INDEX CONCURRENTLY users_email ON users (email); -- done\n-- end\n",
    );
    // Nobody uses a new table.
    let new = "CREATE TABLE a (b int);\nCREATE INDEX ON a (b);\n";
    check(new, new);
}

#[test]
fn a_constraint_is_added_and_validated_apart() {
    check(
        "  ALTER TABLE users ADD CONSTRAINT grown CHECK (age > 17);\n",
        "  ALTER TABLE users ADD CONSTRAINT grown CHECK (age > 17) NOT VALID;\n  \
         ALTER TABLE users VALIDATE CONSTRAINT grown;\n",
    );
    check(
        "ALTER TABLE users ADD FOREIGN KEY (team_id) REFERENCES teams ON DELETE CASCADE DEFERRABLE;\n",
        "ALTER TABLE users ADD CONSTRAINT users_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams ON DELETE CASCADE DEFERRABLE NOT VALID;\n\
         ALTER TABLE users VALIDATE CONSTRAINT users_team_id_fkey;\n",
    );
}

#[test]
fn subcommands_that_scan_are_taken_out_and_the_others_stay_together() {
    check(
        "ALTER TABLE users\n    ADD COLUMN a int, -- first\n    ALTER COLUMN email SET NOT NULL,\n    ADD b int DEFAULT 1 CHECK (b > 0) NOT NULL;\n",
        "ALTER TABLE users ADD COLUMN a int, ADD b int DEFAULT 1 NOT NULL;\n\
         -- first\nALTER TABLE users ADD CONSTRAINT users_email_set CHECK (email IS NOT NULL) NOT VALID;\n\
         ALTER TABLE users VALIDATE CONSTRAINT users_email_set;\n\
         ALTER TABLE users ALTER COLUMN email SET NOT NULL;\n\
         ALTER TABLE users DROP CONSTRAINT users_email_set;\n\
         ALTER TABLE users ADD CONSTRAINT users_b_check CHECK (b > 0) NOT VALID;\n\
         ALTER TABLE users VALIDATE CONSTRAINT users_b_check;\n",
    );
}

#[test]
fn a_key_stands_on_a_finished_index() {
    check(
        "ALTER TABLE users ADD UNIQUE (email, \"nick\") INCLUDE (age);\n",
        "CREATE UNIQUE INDEX CONCURRENTLY users_email_nick_age_key ON users (email, nick) INCLUDE (age);\n\
         ALTER TABLE users ADD CONSTRAINT users_email_nick_age_key UNIQUE USING INDEX users_email_nick_age_key;\n",
    );
}

#[test]
fn a_key_of_a_partitioned_table_takes_over_those_of_its_partitions() {
    check(
        "ALTER TABLE visits ADD x int, ADD CONSTRAINT once UNIQUE (id, day) DEFERRABLE;\n",
        "ALTER TABLE visits ADD x int;\n\
         CREATE UNIQUE INDEX CONCURRENTLY visits_1_id_day_key ON public.visits_1 (id, day);\n\
         ALTER TABLE public.visits_1 ADD CONSTRAINT visits_1_id_day_key UNIQUE USING INDEX visits_1_id_day_key DEFERRABLE;\n\
         CREATE UNIQUE INDEX CONCURRENTLY visits_2_a_id_day_key ON public.visits_2_a (id, day);\n\
         ALTER TABLE public.visits_2_a ADD CONSTRAINT visits_2_a_id_day_key UNIQUE USING INDEX visits_2_a_id_day_key DEFERRABLE;\n\
         ALTER TABLE visits ADD CONSTRAINT once UNIQUE (id, day) DEFERRABLE;\n",
    );
    // What the server refuses gets no other form.
    let refused = "ALTER TABLE visits ADD UNIQUE (id);\n";
    let fixed = fix(
        &parse(SourceFile::new("a.sql", refused)),
        &before(),
        &settings(Runner::Statements),
    );
    assert_eq!(fixed.replaced, 0);
}

#[test]
fn the_files_own_transaction_is_left_and_entered_again() {
    check(
        "BEGIN ISOLATION LEVEL READ COMMITTED;\nSET LOCAL lock_timeout = '1s';\nCREATE TABLE a (b int);\n\
         CREATE INDEX users_email ON users (email);\nALTER TABLE users ADD x int;\nCOMMIT;\n",
        "BEGIN ISOLATION LEVEL READ COMMITTED;\nSET LOCAL lock_timeout = '1s';\nCREATE TABLE a (b int);\n\
         COMMIT;\nCREATE INDEX CONCURRENTLY users_email ON users (email);\n\
         BEGIN ISOLATION LEVEL READ COMMITTED;\nSET LOCAL lock_timeout = '1s';\nALTER TABLE users ADD x int;\nCOMMIT;\n",
    );
    check(
        "BEGIN;\nCREATE INDEX CONCURRENTLY users_email ON users (email);\nCOMMIT;\n",
        "CREATE INDEX CONCURRENTLY users_email ON users (email);\n",
    );
    check(
        "BEGIN;\nCREATE INDEX users_email ON users (email);\nCOMMIT;\n",
        "CREATE INDEX CONCURRENTLY users_email ON users (email);\n",
    );
    check(
        "BEGIN;\nALTER TABLE users ADD CONSTRAINT c CHECK (age > 1);\nCOMMIT;\n",
        "BEGIN;\nALTER TABLE users ADD CONSTRAINT c CHECK (age > 1) NOT VALID;\nCOMMIT;\n\
         BEGIN;\nALTER TABLE users VALIDATE CONSTRAINT c;\nCOMMIT;\n",
    );
}

#[test]
fn a_file_that_is_run_in_a_transaction_is_cut() {
    check_parts(
        "SET lock_timeout = '2s';\nALTER TABLE users ADD x int; -- new\n\n-- fast\nCREATE INDEX users_email ON users (email);\n\
         ALTER TABLE users ADD CONSTRAINT c CHECK (age > 1);\nCREATE TABLE last (id int);\n",
        "SET lock_timeout = '2s';\nALTER TABLE users ADD x int; -- new\n=====\n\
         (alone)\n-- fast\nCREATE INDEX CONCURRENTLY users_email ON users (email);\n=====\n\
         SET lock_timeout = '2s';\nALTER TABLE users ADD CONSTRAINT c CHECK (age > 1) NOT VALID;\n=====\n\
         SET lock_timeout = '2s';\nALTER TABLE users VALIDATE CONSTRAINT c;\nCREATE TABLE last (id int);\n",
    );
    // A name that depends on a setting is not sent without it.
    let depends = "SET search_path = public;\nCREATE INDEX users_email ON users (email);\n";
    let settings = Settings {
        runner: Runner::OneTransaction,
        ..Settings::default()
    };
    let script = parse(SourceFile::new("a.sql", depends));
    assert_eq!(fix(&script, &before(), &settings).replaced, 0);
}

#[test]
fn what_is_accepted_is_left_alone() {
    let accepted = "-- zdm: allow(index-not-concurrent) because the table is small\n\
                    CREATE INDEX users_email ON users (email);\n";
    let script = parse(SourceFile::new("a.sql", accepted));
    let fixed = fix(&script, &before(), &Settings::default());
    assert_eq!(
        (fixed.replaced, fixed.parts[0].text.as_str()),
        (0, accepted)
    );
}

/// What becomes of a file with the advice on waits for locks.
#[track_caller]
fn check_bounded(runner: Runner, text: &str, expected: &str) {
    let settings = Settings {
        runner,
        ..Settings::default()
    };
    let parts: Vec<String> = fixed_with(text, &settings)
        .parts
        .into_iter()
        .map(|part| part.text)
        .collect();
    assert_eq!(parts.join("=====\n"), expected);
}

#[test]
fn a_wait_for_a_lock_is_bounded_in_its_transaction() {
    check_bounded(
        Runner::OneTransaction,
        "-- Names.\nALTER TABLE users ADD a int;\nALTER TABLE users ADD b int;\n",
        "-- Names.\nSET LOCAL lock_timeout = '2s';\nALTER TABLE users ADD a int;\nALTER TABLE users ADD b int;\n",
    );
    check_bounded(
        Runner::Statements,
        "BEGIN;\n  ALTER TABLE users ADD a int;\nCOMMIT;\n",
        "BEGIN;\n  SET LOCAL lock_timeout = '2s';\n  ALTER TABLE users ADD a int;\nCOMMIT;\n",
    );
    check_bounded(
        Runner::Statements,
        "BEGIN; ALTER TABLE users ADD a int; COMMIT;",
        "BEGIN; SET LOCAL lock_timeout = '2s'; ALTER TABLE users ADD a int; COMMIT;",
    );
}

#[test]
fn outside_of_a_transaction_the_timeout_ends_with_the_statements_that_need_it() {
    check_bounded(
        Runner::Statements,
        "ALTER TABLE users ADD a int; -- one\nCREATE INDEX users_email ON users (email);\nUPDATE users SET a = 1 WHERE id = 1;\nALTER TABLE users DROP COLUMN a",
        "SET lock_timeout = '2s';\nALTER TABLE users ADD a int; -- one\nRESET lock_timeout;\n\
         CREATE INDEX CONCURRENTLY users_email ON users (email);\nUPDATE users SET a = 1 WHERE id = 1;\n\
         SET lock_timeout = '2s';\nALTER TABLE users DROP COLUMN a;\nRESET lock_timeout",
    );
}

#[test]
fn directives_stay_in_front_of_their_statement_and_a_timeout_of_the_file_counts() {
    check_bounded(
        Runner::Statements,
        "CREATE TABLE z ();\n-- zdm: allow(drop-column) because nobody reads it\n-- since May\nALTER TABLE users DROP COLUMN age;\n",
        "CREATE TABLE z ();\nSET lock_timeout = '2s';\n-- zdm: allow(drop-column) because nobody reads it\n-- since May\nALTER TABLE users DROP COLUMN age;\nRESET lock_timeout;\n",
    );
    for told in [
        "SET lock_timeout = 0;\nALTER TABLE users ADD a int;\n",
        "SET lock_timeout = '5s';\nALTER TABLE users ADD a int;\n",
    ] {
        check_bounded(Runner::Statements, told, told);
    }
}
