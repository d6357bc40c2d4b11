//! Replaying a whole history of a real project gives the catalog that a server has on which its
//! files ran.
//!
//! Compared is everything that `replay` compares, at the end of the history; where that differs
//! the file in which it began is looked for. The texts lie beside the project: where they are
//! absent, one line says so and nothing is claimed.

use std::collections::BTreeSet;

use zdm::{
    catalog::{Catalog, PgVersion, apply},
    db::introspect,
};

use crate::{
    live::{
        introspect::session_on,
        replay::{described, facts},
    },
    support::{
        histories::{self, History, NAMES},
        server::{fresh_database, versions},
    },
};

#[tokio::test]
async fn a_replayed_history_is_that_of_the_server() {
    let histories: Vec<History> = NAMES.into_iter().filter_map(histories::history).collect();
    let mut wrong = Vec::new();
    for version in versions() {
        for history in &histories {
            let found = compare(version, history).await;
            println!("{}: {version}: {}", history.name, found.counts);
            wrong.extend(
                found
                    .differences
                    .into_iter()
                    .map(|line| format!("{version} {}: {line}", history.name)),
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

struct Found {
    counts: String,
    differences: Vec<String>,
}

async fn compare(version: u32, history: &History) -> Found {
    let major = PgVersion::from_major(version).expect("a supported version");
    let db = fresh_database(version, "").await;
    let mut conn = db.connect().await;
    let mut session = session_on(&db).await;
    let mut replayed = Catalog::empty(major);
    let mut found = Found {
        counts: String::new(),
        differences: Vec::new(),
    };
    let mut known: BTreeSet<String> = BTreeSet::new();
    for step in &history.steps {
        step.plainly(&mut conn).await.expect("runs");
        let sql = step.file.script.source.text();
        let was_complete = replayed.complete;
        for statement in &step.file.script.statements {
            apply(&mut replayed, statement, sql);
            if was_complete && !replayed.complete {
                found.differences.push(format!(
                    "{}: not followed: {}",
                    step.file.name.id,
                    statement.span.of(sql)
                ));
                replayed.complete = true;
            }
        }
        let live = introspect(&mut session).await.expect("introspects");
        let (live, replayed) = (described(&live), described(&replayed));
        let (live, replayed) = (facts(&live), facts(&replayed));
        let now: BTreeSet<String> = live
            .difference(&replayed)
            .map(|line| format!("the server has {line}"))
            .chain(
                replayed
                    .difference(&live)
                    .map(|line| format!("only replayed {line}")),
            )
            .collect();
        for line in now.difference(&known) {
            found
                .differences
                .push(format!("{}: {line}", step.file.name.id));
        }
        known = now;
        found.counts = format!("{} files, {} facts", history.steps.len(), live.len());
    }
    found
}
