//! Events: one of each kind as JSON against its schema, and in words.

use jiff::Timestamp;
use zdm::{
    execute::event::{BlockerInfo, Event, EventKind},
    plan::PhaseName,
    progress::{Lines, Progress},
    report::events,
};

use super::schema::{assert_valid, schema};

fn blocker() -> BlockerInfo {
    BlockerInfo {
        pid: Some(4242),
        application: Some("reports".into()),
        user: Some("bi".into()),
        state: Some("active".into()),
        age_ms: Some(90_000),
        query: Some("SELECT 1".into()),
    }
}

fn backfill(rows_done: u64) -> EventKind {
    EventKind::BackfillProgress {
        relation: "public.users".into(),
        rows_done,
        rows_total: 1_000_000,
        pages_done: 10,
        pages_total: 100,
        rows_per_second: 45_123.6,
        eta_ms: Some(8_000),
        window_pages: 200,
        passes: 10,
        hot_ratio: Some(0.9),
    }
}

/// One of each kind, in the order of the schema.
fn kinds() -> Vec<EventKind> {
    vec![
        EventKind::PhaseStarted {
            phase: PhaseName::Expand,
        },
        EventKind::PhaseDone {
            phase: PhaseName::Expand,
        },
        EventKind::StepStarted {
            title: "add full_name".into(),
            attempt: 1,
        },
        EventKind::StepDone { took_ms: 12 },
        EventKind::StepSkipped {
            why: "it is there already".into(),
        },
        EventKind::StepFailed {
            message: "disk full".into(),
        },
        EventKind::Waiting {
            what: "a lock on users".into(),
            blockers: vec![blocker()],
        },
        EventKind::LockAcquired {
            relations: vec!["users".into()],
            waited_ms: 40,
            attempts: 3,
        },
        EventKind::LockMissed {
            relation: None,
            attempt: 2,
            waited_ms: 100,
        },
        EventKind::LockHeld { held_ms: 3 },
        EventKind::IndexProgress {
            phase: "building index: scanning table".into(),
            done: 500,
            total: 2_000,
        },
        backfill(630_000),
        EventKind::BackfillWaiting {
            why: "a standby is 12 s behind".into(),
        },
        EventKind::Stopped {
            why: "interrupted".into(),
        },
        EventKind::Resumed,
        EventKind::RollbackStarted,
        EventKind::RollbackDone,
        EventKind::Refused {
            code: "drift".into(),
            message: "users has changed".into(),
        },
        EventKind::Note {
            message: "to know".into(),
        },
    ]
}

fn event(seq: u64, second: i64, kind: EventKind) -> Event {
    Event {
        version: 1,
        seq,
        at: Timestamp::from_second(second).unwrap(),
        migration: "0002".into(),
        step: Some("migrate-1".into()),
        kind,
    }
}

#[test]
fn events_are_as_described() {
    let mut seen = Vec::new();
    for (seq, kind) in (1..).zip(kinds()) {
        let line = events::json_line(&event(seq, 0, kind));
        assert_eq!(line.matches('\n').count(), 1, "one line each: {line}");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_valid("event", &value);
        seen.push(value["event"].clone());
    }
    let described = &schema("event")["properties"]["event"]["enum"];
    assert_eq!(described.as_array().unwrap(), &seen, "every kind is tried");
}

#[test]
fn events_in_words() {
    let lines: Vec<String> = (1..)
        .zip(kinds())
        .map(|(seq, kind)| events::line(&event(seq, 0, kind)))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_repeats_is_said_now_and_then() {
    use std::sync::Mutex;
    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let mut progress = Progress::Lines(Lines::new(|line| SAID.lock().unwrap().push(line.into())));
    for (seq, second) in (1..).zip(0..25) {
        progress.show(&event(seq, second, backfill(seq)));
    }
    progress.show(&event(99, 25, EventKind::StepDone { took_ms: 25_000 }));
    progress.finish();
    let said = SAID.lock().unwrap();
    assert_eq!(
        said.len(),
        4,
        "at 0, 10 and 20 seconds, and the end: {said:?}"
    );
    assert!(said[3].ends_with("done in 25 s\n"), "{said:?}");
}
