//! Every key, and every kind of mistake.

use std::{fmt::Write as _, time::Duration};

use super::*;

fn settings(text: &str) -> Settings {
    let (settings, mistakes) = read(&SourceFile::new("zdm.toml", text));
    assert_eq!(mistakes, Vec::new());
    settings
}

fn mistakes(text: &str) -> String {
    let source = SourceFile::new("zdm.toml", text);
    let (_, mistakes) = read(&source);
    let mut out = String::new();
    for mistake in mistakes {
        let _ = writeln!(
            out,
            "{} at `{}`: {} | {}",
            mistake.rule,
            source.slice(mistake.span),
            mistake.message,
            mistake.help.as_deref().unwrap_or("-")
        );
    }
    out
}

#[test]
fn every_key_is_read() {
    let read = settings(
        r#"
        [database]
        url = "postgres://localhost/app"
        [migrations]
        dir = "db"
        layout = "plain"
        [locks]
        budget = "10m"
        max_wait = "50ms"
        max_hold = "2s"
        cancel_blockers_older_than = "5m"
        terminate_blockers_older_than = "1h"
        [backfill]
        batch_time = "20ms"
        max_lag = "3s"
        max_active = 40
        [contract]
        window = "Sat 02:00-05:00"
        time_zone = "UTC"
        min_age = "24h"
        [plan]
        tighten = "contract"
        late_expand = "accept"
        [order]
        strict = true
        [history]
        tool = "flyway"
        table = "app.history"
        mirror = "done"
        [lint]
        fail_on = "never"
        [lint.levels]
        index-not-concurrent = "off"
        [role]
        name = "app"
        [journal]
        schema = "Ops"
        [migration."0042"]
        up.full_name = "lower(name)"
        down.name = "full_name"
        phase = "contract"
        strategy = "trigger"
        "#,
    );
    assert_eq!(read.history.place.tool, Some(Tool::Flyway));
    assert_eq!(read.history.place.table.as_deref(), Some("app.history"));
    assert_eq!(read.history.mirror, Some(When::Done));
    assert_eq!(
        read.database_url.as_deref(),
        Some("postgres://localhost/app")
    );
    assert_eq!(read.migrations_dir, Some("db".into()));
    assert_eq!(read.layout, Some(Layout::Plain));
    assert_eq!(read.execute.locks.budget, Duration::from_mins(10));
    assert_eq!(read.execute.locks.max_wait, Duration::from_millis(50));
    assert_eq!(read.execute.locks.hold, Duration::from_secs(2));
    assert_eq!(
        read.execute.locks.cancel_blockers_older_than,
        Some(Duration::from_mins(5))
    );
    assert_eq!(
        read.execute.locks.terminate_blockers_older_than,
        Some(Duration::from_hours(1))
    );
    assert_eq!(read.backfill.limits.target, Duration::from_millis(20));
    assert_eq!(read.throttle.max_lag, Duration::from_secs(3));
    assert_eq!(read.throttle.max_active, Some(40));
    assert_eq!(read.tighten, Tighten::Contract);
    assert_eq!(read.execute.contract.windows.len(), 1);
    assert_eq!(read.execute.contract.min_age, Duration::from_hours(24));
    assert_eq!(read.late_expand, LateExpandPolicy::Accept);
    assert_eq!(read.strict_order, StrictOrder::Always);
    assert_eq!(read.lint.fail_on, FailOn::Never);
    assert_eq!(
        read.lint.rules.levels.get("index-not-concurrent"),
        Some(&crate::lint::RuleLevel::Off)
    );
    assert_eq!(read.execute.role, Some(Ident::exact("app")));
    assert_eq!(read.execute.journal_schema.as_str(), "Ops");
    let texts: Vec<&str> = read.directives["0042"]
        .iter()
        .map(|directive| directive.text.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "down(name) full_name",
            "phase contract",
            "strategy trigger",
            "up(full_name) lower(name)"
        ]
    );
}

#[test]
fn an_empty_file_means_the_defaults() {
    assert_eq!(settings(""), Settings::default());
}

/// The defaults that the reference page states, read as a file, are the defaults.
#[test]
fn stated_defaults_are_the_defaults() {
    let mut text = String::new();
    for key in Key::ALL {
        let stated = key.default_text();
        let value = stated.starts_with('"')
            || stated.parse::<u32>().is_ok()
            || stated.parse::<bool>().is_ok();
        if value {
            let (section, name) = key.path();
            let _ = writeln!(text, "{section}.{name} = {stated}");
        }
    }
    assert!(text.lines().count() >= 8, "{text}");
    assert_eq!(settings(&text), Settings::default());
}

#[test]
fn mistakes_have_a_place_and_a_suggestion() {
    insta::assert_snapshot!(
        mistakes(
            "lock = 1\n[locks]\nbugdet = \"10m\"\nmax_active = 2\nmax_wait = 5\nmax_hold = \"5\"\n\
             [backfill]\nmax_active = 0\n[plan]\ntighten = \"contact\"\n[lint.levels]\n\
             index-not-concurent = \"off\"\n[migration.\"1\"]\nupp = \"x\"\ndown = \"x\"\n[zebra]\n",
        ),
        @r#"
    unknown-key at `lock`: `lock` is not a section of zdm.toml | Did you mean `[locks]`?
    unknown-key at `bugdet`: `bugdet` is not a key of `[locks]` | Did you mean `budget`?
    unknown-key at `max_active`: `max_active` is not a key of `[locks]` | Did you mean `max_wait`?
    config-value at `5`: `locks.max_wait` needs a length of time such as "10m", and this is a whole number | -
    config-value at `"5"`: `locks.max_hold` needs a length of time such as "100ms", "30s" or "10m", and "5" is none (it has no unit) | -
    config-value at `0`: `backfill.max_active` needs a whole number of at least 1, and this is 0 | -
    config-value at `"contact"`: `plan.tighten` cannot be `contact`; it is one of `migrate` and `contract` | Did you mean `contract`?
    unknown-rule at `index-not-concurent`: There is no rule `index-not-concurent` | Did you mean `index-not-concurrent`?
    unknown-key at `upp`: `upp` is not a directive that zdm.toml can hold | Did you mean `up`?
    config-value at `"x"`: `migration."1".down` does not say which column it is for | Write `down.<column> = "<expression>"`.
    unknown-key at `zebra`: `zebra` is not a section of zdm.toml | The sections are `database`, `migrations`, `locks`, `backfill`, `contract`, `plan`, `order`, `lint`, `role`, `journal`, `history` and `migration`.
    "#
    );
}

#[test]
fn what_is_reserved_is_refused_by_name() {
    let found = mistakes(
        "[databases.eu]\nurl = \"x\"\n[contract]\nwindow = \"soon\"\ntime_zone = \"Mars\"\n",
    );
    let of = |word: &str| {
        found
            .lines()
            .find(|line| line.contains(word))
            .unwrap_or_default()
            .to_owned()
    };
    assert!(
        of("databases").starts_with("reserved at `databases`"),
        "{found}"
    );
    assert!(of("database] url").contains("--database-url"), "{found}");
    assert!(of("window").contains("\"soon\" is none"), "{found}");
    assert!(of("time_zone").contains("Mars"), "{found}");
}

#[test]
fn a_syntax_error_has_a_place() {
    insta::assert_snapshot!(mistakes("[locks]\nbudget = \n"), @r"config-syntax at ``: This is not TOML: string values must be quoted, expected literal string | -");
}

#[test]
fn rules_of_a_project_are_read_and_their_mistakes_have_places() {
    let read = settings(
        r#"
        [[lint.custom]]
        name = "snake-case"
        message = "Why."
        naming = { tables = '^[a-z_]+$', columns = '^[a-z_]+$' }
        [[lint.custom]]
        name = "no-truncate"
        level = "off"
        message = "Why."
        help = "What."
        paths = ["db"]
        tables = '^a'
        statements = ["truncate", "drop-column"]
        "#,
    );
    let names: Vec<&str> = read
        .lint
        .rules
        .custom
        .iter()
        .map(|r| r.name.as_str())
        .collect();
    assert_eq!(names, ["snake-case", "no-truncate"]);
    assert!(read.lint.rules.is_on("snake-case") && !read.lint.rules.is_on("no-truncate"));
    insta::assert_snapshot!(
        mistakes(
            r#"[[lint.custom]]
name = "a-a"
mesage = "x"
statements = ["trunkate", "drop-column"]
[[lint.custom]]
name = "drop-column"
message = "x"
naming = { tabels = "x", columns = "(" }
[[lint.custom]]
name = "Bad Name"
message = "x"
statements = []
banned_types = ["int"]
[[lint.custom]]
name = "ok"
message = "x"
banned_types = ["a b c ("]
[[lint.custom]]
name = "fine"
message = "x"
required_columns = ["a-b text"]
[[lint.custom]]
name = "twice"
message = "x"
banned_types = ["json"]
[[lint.custom]]
name = "twice"
message = "x"
banned_types = ["money"]
[[lint.custom]]
name = "unused-suppression"
message = "x"
"#,
        ),
        @r#"
        config-value at `[[lint.custom]]`: This rule of `[[lint.custom]]` has no `message` | -
        unknown-key at `mesage`: `mesage` is not a key of `[[lint.custom]]` | Did you mean `message`?
        config-value at `"trunkate"`: `trunkate` is no kind of statement | Did you mean `truncate`?
        config-value at `"drop-column"`: `drop-column` is the name of a rule of zdm | -
        unknown-key at `tabels`: `tabels` is nothing that `naming` of `[[lint.custom]]` knows | Did you mean `tables`?
        config-value at `"("`: `naming.columns` is not a pattern: unclosed group | Write a regular expression, as in `'^[a-z][a-z0-9_]*$'`.
        config-value at `"Bad Name"`: `Bad Name` has to be lower-case words with hyphens between them, as in `table-names` | -
        config-value at `statements`: A rule looks for one thing, and this one has `banned_types` and `statements` | Make two rules of it, each with a name of its own.
        config-value at `[]`: `statements` of `[[lint.custom]]` is empty | -
        config-value at `"a b c ("`: `a b c (` is not a type | -
        config-value at `"a-b text"`: `a-b text` is not a column: write a name, or a name and a type | -
        config-value at `"twice"`: `twice` is the name of a rule above | -
        config-value at `[[lint.custom]]`: This rule of `[[lint.custom]]` does not say what to look for | Give it one of the keys `statements`, `naming`, `banned_types` and `required_columns`.
        config-value at `"unused-suppression"`: `unused-suppression` is what zdm itself calls a finding | -
        "#
    );
    let wrong = mistakes("[lint]\ncustom = 1\n");
    assert!(wrong.contains("needs a list of tables"), "{wrong}");
}
