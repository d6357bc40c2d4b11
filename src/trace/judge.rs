//! What is said of a statement beside what was seen of it. Pure.
//!
//! The conventions are those of [`mod@crate::effects`]: relations that existed before count, an index
//! behind a primary key only where it is named, weak locks on indexes never.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    effects::{Effects, LockMode},
    trace::{
        observe::LockedThing,
        run::{Alone, Traced},
    },
};

/// How something that was said fits what was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Said, and seen.
    Confirmed,
    /// Said, and seen otherwise.
    Contradicted,
    /// Seen, and not said.
    OnlyLive,
    /// Said, and not seen: the costlier case, which this was not, or nothing to see it by.
    OnlyStatic,
}

/// What a claim is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The strongest lock on a relation.
    Lock,
    /// A relation that is written anew.
    Rewrite,
    /// A relation that is read whole.
    Scan,
    /// Whether it runs in a transaction.
    Transaction,
    /// Whether it waits for older transactions.
    Wait,
    /// Whether the server refuses it.
    Failure,
}

/// Something that was said, or seen, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// What it is about.
    pub about: Subject,
    /// The relation, where it is about one.
    pub relation: Option<String>,
    /// What was said.
    pub said: Option<String>,
    /// What was seen.
    pub seen: Option<String>,
    /// How they fit.
    pub verdict: Verdict,
}

/// What was seen, with what is needed to judge by.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) traced: Traced,
    /// The relations that existed before.
    pub(super) existing: BTreeSet<String>,
    /// Those of them that hold no row.
    pub(super) empty: BTreeSet<String>,
    /// Those of them that are indexes behind primary keys.
    pub(super) primary: BTreeSet<String>,
    /// Whether the server refused it inside a transaction, where that was tried.
    pub(super) refused_inside: Option<bool>,
}

impl Seen {
    /// A statement that is not watched.
    pub(super) fn nothing() -> Self {
        Self {
            traced: Traced {
                alone: Alone::Outside,
                milliseconds: 0.0,
                error: None,
                locks: Vec::new(),
                rewrites: Vec::new(),
                scans: Vec::new(),
                waited_for_transactions: false,
                messages: Vec::new(),
            },
            existing: BTreeSet::new(),
            empty: BTreeSet::new(),
            primary: BTreeSet::new(),
            refused_inside: None,
        }
    }
}

/// Everything that was said of a statement, and everything that was seen of it.
pub(super) fn claims(said: &Effects, seen: &Seen) -> Vec<Claim> {
    let mut claims = Vec::new();
    failure(said, seen, &mut claims);
    if seen.traced.error.is_none() {
        locks(said, seen, &mut claims);
        let mut rewrites: BTreeSet<String> =
            said.rewrites.iter().map(ToString::to_string).collect();
        rewrites.retain(|relation| seen.existing.contains(relation));
        let rewritten = seen.traced.rewrites.iter().cloned().collect();
        sets(
            Subject::Rewrite,
            "rewritten",
            &rewrites,
            &rewritten,
            &mut claims,
        );
        let scans = said
            .scans
            .iter()
            .map(|scan| scan.relation.to_string())
            .filter(|relation| seen.existing.contains(relation))
            .collect();
        sets(
            Subject::Scan,
            "read whole",
            &scans,
            &scanned(seen),
            &mut claims,
        );
    }
    transaction(said, seen, &mut claims);
    claims
}

fn failure(said: &Effects, seen: &Seen, claims: &mut Vec<Claim>) {
    let verdict = match (&said.fails, &seen.traced.error) {
        (None, None) => return,
        (Some(_), Some(_)) => Verdict::Confirmed,
        (Some(_), None) => Verdict::Contradicted,
        (None, Some(_)) => Verdict::OnlyLive,
    };
    claims.push(Claim {
        about: Subject::Failure,
        relation: None,
        said: said.fails.clone(),
        seen: seen.traced.error.clone(),
        verdict,
    });
}

fn locks(said: &Effects, seen: &Seen, claims: &mut Vec<Claim>) {
    let said: BTreeMap<String, LockMode> = said
        .locks
        .iter()
        .map(|lock| (lock.relation.to_string(), lock.mode))
        .filter(|(relation, _)| seen.existing.contains(relation))
        .collect();
    // The modes that are held on each relation, and the strongest that is new.
    let mut held: BTreeMap<&str, BTreeSet<LockMode>> = BTreeMap::new();
    let mut new: BTreeMap<&str, LockMode> = BTreeMap::new();
    for lock in &seen.traced.locks {
        let (name, index) = match &lock.thing {
            LockedThing::Relation(name) => (name.as_str(), false),
            LockedThing::Index(name) => (name.as_str(), true),
            LockedThing::Toast(_)
            | LockedThing::System(_)
            | LockedThing::Object(_)
            | LockedThing::Advisory(_)
            | LockedThing::Other(_) => continue,
        };
        let counts = match (index, seen.primary.contains(name)) {
            (true, true) => said.contains_key(name),
            (true, false) => lock.mode >= LockMode::ShareUpdateExclusive,
            (false, _) => true,
        };
        if lock.created || !counts || !seen.existing.contains(name) {
            continue;
        }
        held.entry(name).or_default().insert(lock.mode);
        if !lock.held_before {
            let strongest = new.entry(name).or_insert(lock.mode);
            *strongest = (*strongest).max(lock.mode);
        }
    }
    let names: BTreeSet<&str> = said
        .keys()
        .map(String::as_str)
        .chain(new.keys().copied())
        .collect();
    for name in names {
        let claim = said.get(name).copied();
        let fresh = new.get(name).copied();
        let there = |mode| held.get(name).is_some_and(|modes| modes.contains(&mode));
        let (seen, verdict) = match (claim, fresh) {
            // A mode that is held already is not seen to be asked for again.
            (Some(mode), fresh) if there(mode) && fresh.is_none_or(|fresh| fresh <= mode) => {
                (Some(mode), Verdict::Confirmed)
            }
            (Some(_), Some(fresh)) => (Some(fresh), Verdict::Contradicted),
            (Some(_), None) => (None, Verdict::OnlyStatic),
            (None, fresh) => (fresh, Verdict::OnlyLive),
        };
        claims.push(Claim {
            about: Subject::Lock,
            relation: Some(name.to_owned()),
            said: claim.map(|mode| mode.to_string()),
            seen: seen.map(|mode| mode.to_string()),
            verdict,
        });
    }
}

/// Relations of which every row was read.
fn scanned(seen: &Seen) -> BTreeSet<String> {
    seen.traced
        .scans
        .iter()
        .filter(|scan| scan.whole && !seen.empty.contains(&scan.relation))
        .map(|scan| scan.relation.clone())
        .collect()
}

fn sets(
    about: Subject,
    word: &str,
    said: &BTreeSet<String>,
    seen: &BTreeSet<String>,
    claims: &mut Vec<Claim>,
) {
    for relation in said.union(seen) {
        let (was_said, was_seen) = (said.contains(relation), seen.contains(relation));
        claims.push(Claim {
            about,
            relation: Some(relation.clone()),
            said: was_said.then(|| word.to_owned()),
            seen: was_seen.then(|| word.to_owned()),
            verdict: match (was_said, was_seen) {
                (true, true) => Verdict::Confirmed,
                (true, false) => Verdict::OnlyStatic,
                (false, _) => Verdict::OnlyLive,
            },
        });
    }
}

fn transaction(said: &Effects, seen: &Seen, claims: &mut Vec<Claim>) {
    let word = |outside: bool| {
        if outside {
            "cannot run in a transaction"
        } else {
            "runs in a transaction"
        }
    };
    if let Some(refused) = seen.refused_inside
        && (refused || said.outside_transaction)
    {
        claims.push(Claim {
            about: Subject::Transaction,
            relation: None,
            said: Some(word(said.outside_transaction).to_owned()),
            seen: Some(word(refused).to_owned()),
            verdict: if refused == said.outside_transaction {
                Verdict::Confirmed
            } else {
                Verdict::Contradicted
            },
        });
    }
    let waited = seen.traced.waited_for_transactions;
    if seen.traced.alone == Alone::Outside
        && seen.traced.error.is_none()
        && (waited || said.waits_for_snapshots)
    {
        let text = || "waits for older transactions".to_owned();
        claims.push(Claim {
            about: Subject::Wait,
            relation: None,
            said: said.waits_for_snapshots.then(text),
            seen: waited.then(text),
            verdict: match (said.waits_for_snapshots, waited) {
                (true, true) => Verdict::Confirmed,
                (true, false) => Verdict::OnlyStatic,
                (false, _) => Verdict::OnlyLive,
            },
        });
    }
}
