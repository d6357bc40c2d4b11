//! A project's own rules, from `zdm.toml` to every place where rules are shown.

use super::run::{folder, zdm};

const RULES: (&str, &str) = (
    "zdm.toml",
    "[[lint.custom]]\n\
     name = \"no-truncate\"\n\
     message = \"Rows are kept for ten years.\"\n\
     help = \"Archive them.\"\n\
     statements = [\"truncate\"]\n",
);
const INIT: (&str, &str) = (
    "migrations/0001_init.sql",
    "CREATE TABLE users (id bigint PRIMARY KEY);\nTRUNCATE users;\n",
);

#[test]
fn a_finding_is_shown_in_every_format_with_the_rule_it_is_of() {
    let here = folder(&[RULES, INIT]);
    let found = zdm(here.path(), &["lint"]);
    insta::assert_snapshot!(found.whole(), @r#"
    exit 1
    ----- stdout
    warning[no-truncate]: This is TRUNCATE on users. Rows are kept for ten years.
     --> migrations/0001_init.sql:2:1
      |
    2 | TRUNCATE users;
      | ^^^^^^^^^^^^^^
      |
      = help: Archive them.

    ----- stderr
    1 warning in 1 file. `zdm explain no-truncate` says more.
    "#);
    for format in ["json", "sarif", "github", "gitlab", "junit", "markdown"] {
        let found = zdm(here.path(), &["lint", "--format", format]);
        assert_eq!(found.code, 1, "{}", found.whole());
        assert!(found.stdout.contains("no-truncate"), "{}", found.whole());
    }
    let sarif = zdm(here.path(), &["lint", "--format", "sarif"]);
    let sarif: serde_json::Value = serde_json::from_str(&sarif.stdout).unwrap();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap();
    let rule = rules
        .iter()
        .find(|rule| rule["id"] == "no-truncate")
        .unwrap();
    assert_eq!(
        rule["shortDescription"]["text"],
        "Rows are kept for ten years."
    );
    assert!(
        rule["help"]["markdown"]
            .as_str()
            .unwrap()
            .contains("Archive them.")
    );
    assert_eq!(rule["defaultConfiguration"]["level"], "warning");
}

#[test]
fn a_finding_is_accepted_kept_in_a_baseline_and_not_accepted_for_nothing() {
    let here = folder(&[RULES, INIT]);
    let written = ["lint", "--baseline", "known.json", "--write-baseline"];
    assert_eq!(zdm(here.path(), &written).code, 0);
    let found = zdm(here.path(), &["lint", "--baseline", "known.json"]);
    assert_eq!(found.code, 0, "{}", found.whole());

    let accepted = "CREATE TABLE users (id bigint PRIMARY KEY);\n\
                    -- zdm: allow(no-truncate) because it is new\n\
                    TRUNCATE users;\n\
                    -- zdm: allow(no-truncate) because of nothing\n\
                    SELECT 1;\n\
                    -- zdm: allow(no-trunkate) because of a slip\n\
                    SELECT 2;\n";
    let here = folder(&[RULES, ("migrations/0001_init.sql", accepted)]);
    let found = zdm(here.path(), &["lint"]);
    assert!(!found.stdout.contains("no-truncate]"), "{}", found.whole());
    assert!(
        found
            .stdout
            .contains("`no-truncate` finds nothing in this statement"),
        "{}",
        found.whole()
    );
    assert!(
        found.stdout.contains("Did you mean `allow(no-truncate)`?"),
        "{}",
        found.whole()
    );
}

#[test]
fn it_is_explained_and_listed_behind_those_of_zdm() {
    let here = folder(&[RULES]);
    let page = zdm(here.path(), &["explain", "no-truncate"]).quiet(0);
    insta::assert_snapshot!(page, @r#"
    no-truncate
    Rows are kept for ten years.
    warning · from zdm.toml · PostgreSQL 14–18

    What it finds

    TRUNCATE.

    Why it matters

    Rows are kept for ten years.

    What to do

    Archive them.

    When it is fine

    This is a rule of this project, from its zdm.toml.
    Accept a finding with `-- zdm: allow(no-truncate) because …`.
    "#);
    let list = zdm(here.path(), &["explain", "--list"]).quiet(0);
    assert!(
        list.lines().last().unwrap().starts_with("no-truncate"),
        "{list}"
    );
    let said = zdm(here.path(), &["explain", "no-trunkate"]).refusal(2);
    assert!(said.contains("zdm explain no-truncate"), "{said}");
    let json = zdm(here.path(), &["explain", "no-truncate", "--format", "json"]).quiet(0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["rules"][0]["rule"], "no-truncate");
    assert_eq!(json["rules"][0]["since"], serde_json::Value::Null);
}

#[test]
fn a_mistake_is_shown_where_it_is_and_zdms_own_rules_are_explained_all_the_same() {
    let broken = RULES.1.replace("\"truncate\"", "\"trunkate\"");
    let here = folder(&[("zdm.toml", &broken), INIT]);
    let said = zdm(here.path(), &["lint"]).refusal(2);
    insta::assert_snapshot!(said, @r#"
    error[config-value]: `trunkate` is no kind of statement
     --> zdm.toml:5:15
      |
    5 | statements = ["trunkate"]
      |               ^^^^^^^^^^
      |
      = help: Did you mean `truncate`?

    error: zdm.toml has 1 mistake to correct
    Hint: Every key is described in docs/reference/configuration.md.
    "#);
    assert_eq!(zdm(here.path(), &["explain", "drop-column"]).code, 0);
}
