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
    ident::Ident,
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

/// The files with a block that builds its statements at run time: nobody can tell from its text
/// what it does, so the catalog says of itself that it may lack something.
const NOT_FOLLOWED: [(&str, &str); 3] = [
    ("marquez", "0054"),
    ("concourse", "0109"),
    ("concourse", "0134"),
];

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
    not_followed: usize,
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
        not_followed: 0,
        differences: Vec::new(),
    };
    let mut known: BTreeSet<String> = BTreeSet::new();
    for step in &history.steps {
        step.plainly(&mut conn).await.expect("runs");
        let sql = step.file.script.source.text();
        for statement in &step.file.script.statements {
            apply(&mut replayed, statement, sql);
            if !replayed.complete {
                let place = (history.name, step.file.name.id.as_str());
                if !NOT_FOLLOWED.contains(&place) {
                    let said = statement.span.of(sql);
                    found
                        .differences
                        .push(format!("{}: not followed: {said}", step.file.name.id));
                }
                found.not_followed += 1;
                replayed.complete = true;
            }
        }
        let live = introspect(&mut session, &Ident::exact("zdm"))
            .await
            .expect("introspects");
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
        found.counts = format!(
            "{} files, {} facts, {} statements not followed",
            history.steps.len(),
            live.len(),
            found.not_followed
        );
    }
    found
}
