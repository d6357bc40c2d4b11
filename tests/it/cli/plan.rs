//! `zdm plan`.

use super::{
    super::report::schema::assert_valid,
    run::{folder, zdm, zdm_reading},
};

const INIT: (&str, &str) = (
    "migrations/0001_init.sql",
    "CREATE TABLE users (id bigint PRIMARY KEY, name text);\n",
);
const RENAME: (&str, &str) = (
    "migrations/0002_rename.sql",
    "ALTER TABLE users RENAME COLUMN name TO full_name;\n",
);

#[test]
fn the_newest_migration_is_planned_offline() {
    let here = folder(&[INIT, RENAME]);
    let plan = zdm(here.path(), &["plan"]).quiet(0);
    assert!(
        plan.starts_with("0002 rename (PostgreSQL 18, offline"),
        "{plan}"
    );
    for line in [
        "after expand: old ✓   new ✗",
        "after migrate: old ✓   new ✓",
        "after contract: old ✗   new ✓",
        "Reversible until contract-",
    ] {
        assert!(plan.contains(line), "no `{line}` in:\n{plan}");
    }
    assert_eq!(plan, zdm(here.path(), &["plan", "0002"]).quiet(0));
    assert_eq!(
        plan,
        zdm(here.path(), &["plan", "migrations/0002_rename.sql"]).quiet(0)
    );
}

#[test]
fn a_plan_as_json_is_as_its_schema_says() {
    let here = folder(&[INIT, RENAME]);
    let plan = zdm(
        here.path(),
        &["plan", "--format", "json", "--pg-version", "15"],
    )
    .quiet(0);
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_valid("plan", &plan);
    assert_eq!(plan["pg_version"], 15);
    assert_eq!(plan["migration"]["id"], "0002");
}

#[test]
fn a_script_names_every_phase() {
    let here = folder(&[INIT, RENAME]);
    let script = zdm(here.path(), &["plan", "--format", "sql"]).quiet(0);
    for phase in ["expand", "migrate", "contract"] {
        assert!(
            script.contains(&format!("-- ===== {phase} =====")),
            "{script}"
        );
    }
}

#[test]
fn standard_input_is_planned_after_the_folder() {
    let here = folder(&[INIT]);
    let plan = zdm_reading(here.path(), &["plan", "-"], "CREATE INDEX ON users (name);");
    assert_eq!(plan.code, 0, "{}", plan.whole());
    assert!(
        plan.stdout.contains("CREATE INDEX CONCURRENTLY"),
        "{}",
        plan.stdout
    );
}

#[test]
fn what_cannot_be_planned_is_refused_with_a_frame() {
    let here = folder(&[
        INIT,
        (
            "migrations/0002_age.sql",
            "ALTER TABLE users ADD COLUMN age int NOT NULL;\n",
        ),
    ]);
    let refused = zdm(here.path(), &["plan"]);
    insta::assert_snapshot!(refused.whole());
    let refused = zdm(here.path(), &["plan", "--format", "json"]);
    assert_eq!(refused.code, 1);
    let error: serde_json::Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_valid("error", &error);
    assert_eq!(error["error"]["code"], "invalid-migration");
}

#[test]
fn directives_may_stand_in_the_configuration() {
    let age = (
        "migrations/0002_age.sql",
        "ALTER TABLE users ADD COLUMN age int NOT NULL;\n",
    );
    let up = "[migration.0002]\nup.age = \"length(name)\"\n";
    let here = folder(&[INIT, age, ("zdm.toml", up)]);
    let plan = zdm(here.path(), &["plan"]).quiet(0);
    assert!(plan.contains("length("), "{plan}");
    let mistaken = "[migration.0002]\nup = \"length(name)\"\n";
    let here = folder(&[INIT, age, ("zdm.toml", mistaken)]);
    let said = zdm(here.path(), &["plan"]).refusal(2);
    insta::assert_snapshot!(said, @r#"
    error[config-value]: `migration."0002".up` does not say which column it is for
     --> zdm.toml:2:6
      |
    2 | up = "length(name)"
      |      ^^^^^^^^^^^^^^
      |
      = help: Write `up.<column> = "<expression>"`.

    error: zdm.toml has 1 mistake to correct
    Hint: Every key is described in docs/reference/configuration.md.
    "#);
}

#[test]
fn a_migration_that_is_not_there_is_refused_with_what_is() {
    let here = folder(&[INIT, RENAME]);
    let said = zdm(here.path(), &["plan", "0003"]).refusal(2);
    insta::assert_snapshot!(said, @r"
    error: there is no migration 0003, and no file of that name
    Hint: Did you mean 0002?
    ");
}

#[test]
fn an_approved_plan_is_compared_with_the_plan_of_now() {
    let here = folder(&[INIT, RENAME]);
    let approved = zdm(here.path(), &["plan", "--format", "json"]).quiet(0);
    std::fs::write(here.path().join("plan.json"), &approved).unwrap();
    let check = ["plan", "--check", "plan.json"];
    assert_eq!(
        zdm(here.path(), &check).quiet(0),
        "The plan of 0002 is the approved one.\n"
    );
    // Lines may move, and comments may be added.
    let moved = "\n-- why\nALTER TABLE users\n  RENAME COLUMN name TO full_name;\n";
    std::fs::write(here.path().join("migrations/0002_rename.sql"), moved).unwrap();
    assert_eq!(zdm(here.path(), &check).code, 0);
    let more = format!("{moved}ALTER TABLE users ADD COLUMN age int;\n");
    std::fs::write(here.path().join("migrations/0002_rename.sql"), more).unwrap();
    let said = zdm(here.path(), &check).refusal(1);
    for part in [
        "error: the plan of 0002 is not the approved one:",
        "the statements or directives of the file were changed",
        "    + ALTER TABLE public.users ADD COLUMN age int",
    ] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    let found = zdm(
        here.path(),
        &["plan", "--check", "plan.json", "--format", "json"],
    );
    assert_eq!(found.code, 1);
    let error: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    assert_valid("error", &error);
    assert_eq!(error["error"]["code"], "plan-changed");
    std::fs::write(here.path().join("plan.json"), "{}").unwrap();
    assert!(
        zdm(here.path(), &check)
            .refusal(2)
            .contains("is not one of zdm")
    );
}
