//! Every JSON output against its schema.

use serde_json::{Value, json};
use zdm::{
    diagnostic::{Diagnostic, Level},
    effects::{Effects, LockMode, Scan},
    plan::PhaseName,
    report::{
        Shown,
        json::{DatabaseState, Error, Lint},
        status::{Migration, Progress, State, Status, StepState, StepStatus},
    },
    source::{SourceFile, Span},
};

use super::{
    sample,
    schema::{assert_valid, schema, validate},
};

#[test]
fn findings_are_as_described() {
    let source = SourceFile::new("a.sql", "é CREATE INDEX i ON users (email);");
    let diagnostic = Diagnostic::new(
        "index-not-concurrent",
        Level::Error,
        Span::new(3, 34),
        "Writes wait.",
    );
    let mut effects = Effects::default();
    effects.add_lock(sample::users(), LockMode::Share);
    effects.scans.push(Scan {
        relation: sample::users(),
        under: LockMode::Share,
        purpose: "to build an index".into(),
    });
    effects.rewrites.push(sample::users());
    let with = Shown {
        source: &source,
        diagnostic: &diagnostic,
        statement: Some(diagnostic.span),
        effects: Some(&effects),
    };
    let without = Shown {
        statement: None,
        effects: None,
        ..with
    };
    let found = serde_json::to_value(Lint::new(&[with, without], None)).unwrap();
    assert_valid("lint", &found);
    assert_eq!(
        found["diagnostics"][0]["start"]["column"], 3,
        "scalars from 1"
    );
    assert_eq!(found["diagnostics"][0]["start"]["byte"], 3, "bytes from 0");
    assert_eq!(found["diagnostics"][0]["locks"][0]["mode"], "SHARE");
}

#[test]
fn plans_are_as_described_and_read_back() {
    let plan = sample::plan();
    let value = serde_json::to_value(&plan).unwrap();
    assert_valid("plan", &value);
    let back: zdm::plan::Plan = serde_json::from_value(value).unwrap();
    assert_eq!(back, plan);
}

#[test]
fn states_are_as_described() {
    let step = StepStatus {
        id: "migrate-1".into(),
        phase: PhaseName::Migrate,
        kind: "backfill".into(),
        state: StepState::Running,
        attempts: 2,
        waiting_for: Some("replication lag of 12 s".into()),
        progress: Some(Progress {
            done: 1,
            total: None,
            unit: "rows".into(),
        }),
        error: None,
    };
    let migration = Migration {
        id: "0002".into(),
        name: "rename".into(),
        checksum: "sha256:00".into(),
        state: State::RollingBack,
        phase: Some(PhaseName::Migrate),
        steps: vec![step],
        waiting_for: None,
        next: Some("zdm rollback 0002".into()),
    };
    let status = Status {
        version: 1,
        database: Some("app".into()),
        migrations: vec![migration],
    };
    let value = serde_json::to_value(&status).unwrap();
    assert_valid("status", &value);
    assert_eq!(value["migrations"][0]["state"], "rolling_back");
}

#[test]
fn errors_are_as_described() {
    let codes: Vec<&str> = zdm::cli::ErrorCode::ALL
        .iter()
        .map(|code| code.as_str())
        .chain(zdm::cli::error::RUN_CODES.iter().map(|(code, _, _)| *code))
        .collect();
    for code in &codes {
        for state in [
            DatabaseState::Unchanged,
            DatabaseState::Recorded,
            DatabaseState::Unknown,
        ] {
            let error = Error::new(code, "It broke.", state, Some("zdm status"));
            assert_valid("error", &serde_json::to_value(error).unwrap());
        }
    }
    let described = &schema("error")["properties"]["error"]["properties"]["code"]["enum"];
    assert_eq!(
        described.as_array().unwrap().len(),
        codes.len(),
        "a code that is not there any more is still described"
    );
    let wrong = json!({"version": 1, "database": null, "error": {
        "code": "made-up", "message": "", "database_state": "unchanged", "next": null}});
    assert_eq!(validate(&schema("error"), &wrong).len(), 1);
}

/// A field that nobody described is noticed everywhere, not only at the top.
#[test]
fn schemas_describe_every_field() {
    fn objects_are_closed(schema: &Value, at: &str) {
        if schema["type"] == "object" {
            assert!(
                schema.get("additionalProperties").is_some(),
                "{at} leaves open what else it may hold"
            );
        }
        match schema {
            Value::Object(members) => {
                for (name, member) in members {
                    objects_are_closed(member, &format!("{at}.{name}"));
                }
            }
            Value::Array(items) => {
                for item in items {
                    objects_are_closed(item, at);
                }
            }
            _ => {}
        }
    }
    for name in ["lint", "plan", "status", "error", "event", "demo"] {
        objects_are_closed(&schema(name), name);
    }
}
