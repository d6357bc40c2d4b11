//! What differs between an approved plan and the plan of now.
//!
//! Compared is what runs and what it means: SQL, locks, order, who works when. Not compared is what
//! changes by itself: zdm's version, the database's name, estimates, fingerprints of relations,
//! where sizes come from, and the place of a statement in its file.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::plan::{Plan, Step};

/// Every difference, in sentences; the lines of changed SQL follow with `-` and `+`.
pub fn differences(approved: &Plan, now: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    if approved.migration != now.migration {
        found.push(format!(
            "the approved plan is of {} {}, and this one of {} {}",
            approved.migration.id, approved.migration.name, now.migration.id, now.migration.name
        ));
    }
    if approved.checksum != now.checksum {
        found.push("the statements or directives of the file were changed".to_owned());
    }
    if approved.pg_version != now.pg_version {
        found.push(format!(
            "it was made for PostgreSQL {}, and is for {} now",
            approved.pg_version, now.pg_version
        ));
    }
    for compat in &now.compat {
        let then = approved.compat.iter().find(|c| c.after == compat.after);
        let works = |works: bool| if works { "works" } else { "does not work" };
        let after = compat.after.as_str();
        let Some(then) = then else {
            found.push(format!("what holds after {after} was not said"));
            continue;
        };
        for (who, was, is) in [("old", then.old, compat.old), ("new", then.new, compat.new)] {
            if was != is {
                found.push(format!(
                    "after {after} the {who} application {}, and {} in the approved plan",
                    works(is),
                    works(was)
                ));
            }
        }
        texts(
            &format!("the notes on {after}"),
            &then.notes,
            &compat.notes,
            &mut found,
        );
    }
    steps(approved, now, &mut found);
    texts("the notes", &approved.notes, &now.notes, &mut found);
    if found.is_empty() && comparable(approved) != comparable(now) {
        found.push("it is another in a part that is not shown".to_owned());
    }
    found
}

fn steps(approved: &Plan, now: &Plan, found: &mut Vec<String>) {
    for step in approved.steps() {
        if !now.steps().any(|one| one.id == step.id) {
            found.push(format!(
                "{} is gone: {}{}",
                step.id,
                step.title,
                marked('-', &step.sql)
            ));
        }
    }
    for step in now.steps() {
        match approved.steps().find(|one| one.id == step.id) {
            None => found.push(format!(
                "{} is new: {}{}",
                step.id,
                step.title,
                marked('+', &step.sql)
            )),
            Some(then) => self::step(then, step, found),
        }
    }
}

fn step(then: &Step, now: &Step, found: &mut Vec<String>) {
    let (before, after) = (fields(then), fields(now));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed: Vec<&str> = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(String::as_str)
        .filter(|name| *name != "sql")
        .collect();
    if then.sql != now.sql {
        texts(
            &format!("the SQL of {}", now.id),
            &then.sql,
            &now.sql,
            found,
        );
    }
    if !changed.is_empty() {
        found.push(format!("of {} differs: {}", now.id, changed.join(", ")));
    }
}

/// The lines that only one side has, under a heading.
fn texts(what: &str, then: &[String], now: &[String], found: &mut Vec<String>) {
    if then == now {
        return;
    }
    let gone = then.iter().filter(|text| !now.contains(text));
    let new = now.iter().filter(|text| !then.contains(text));
    let lines = marked('-', gone) + &marked('+', new);
    let lines = if lines.is_empty() {
        " are in another order".to_owned()
    } else {
        format!(" differ:{lines}")
    };
    found.push(format!("{what}{lines}"));
}

/// Each text on lines of its own behind a sign.
fn marked<'a>(sign: char, texts: impl IntoIterator<Item = &'a String>) -> String {
    texts
        .into_iter()
        .map(|text| format!("\n    {sign} {}", text.replace('\n', "\n      ")))
        .collect()
}

/// What is compared of a step.
fn fields(step: &Step) -> Map<String, Value> {
    let mut fields = match serde_json::to_value(step) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    fields.remove("source");
    fields.remove("estimate_ms");
    fields
}

/// A plan as a value, without what changes by itself.
fn comparable(plan: &Plan) -> Value {
    let mut plan = plan.clone();
    plan.zdm_version.clear();
    plan.database = None;
    plan.sizes = None;
    plan.fingerprint.clear();
    for phase in &mut plan.phases {
        for step in &mut phase.steps {
            step.source = None;
            step.estimate_ms = None;
        }
    }
    serde_json::to_value(&plan).unwrap_or_default()
}
