//! What happens during a run: one closed list of events, for progress, journal and JSON output.
//!
//! Events only tell; nothing may depend on anyone listening. `zdm apply --format json` prints one
//! per line (INTERFACES §4): fields may be added, never changed in meaning.
//! Next: [`crate::execute::error`] for how a run ends badly.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::{db::activity, parse::PhaseName};

/// Where the time of an event comes from.
pub type Clock = fn() -> Timestamp;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The version of all JSON output.
    pub version: u32,
    /// Counts the events of a run, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The id of the migration.
    pub migration: String,
    /// The step, if it is about one.
    pub step: Option<String>,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The kinds of [`Event`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A phase begins.
    PhaseStarted {
        /// Which.
        phase: PhaseName,
    },
    /// All steps of a phase are done.
    PhaseDone {
        /// Which.
        phase: PhaseName,
    },
    /// A step begins, or begins again.
    StepStarted {
        /// What it does, in a few words.
        title: String,
        /// How often it has been begun, this time included.
        attempt: u32,
    },
    /// A step is done and journaled.
    StepDone {
        /// How long this attempt took.
        took_ms: u64,
    },
    /// A step has nothing to do.
    StepSkipped {
        /// Why not.
        why: String,
    },
    /// A step failed; the run ends.
    StepFailed {
        /// What went wrong.
        message: String,
    },
    /// Waiting for others before asking for anything.
    Waiting {
        /// What for, in words.
        #[serde(rename = "for")]
        what: String,
        /// Who is in the way.
        blockers: Vec<BlockerInfo>,
    },
    /// The strong locks of a step were granted.
    LockAcquired {
        /// On which relations.
        relations: Vec<String>,
        /// The longest single wait in the queue: nobody waited longer behind it.
        waited_ms: u64,
        /// How many times they were asked for.
        attempts: u32,
    },
    /// A lock was not granted within its short time; all were released.
    LockMissed {
        /// The relation, if it is known which.
        relation: Option<String>,
        /// Which attempt it was, from 1.
        attempt: u32,
        /// How long it stood in the queue.
        waited_ms: u64,
    },
    /// The strong locks of a step are released.
    LockHeld {
        /// How long they were held.
        held_ms: u64,
    },
    /// How far an index build is.
    IndexProgress {
        /// The server's name for what it is doing.
        phase: String,
        /// Blocks, tuples or waits done.
        done: u64,
        /// Of how many; 0 when not known.
        total: u64,
    },
    /// How far a backfill is.
    BackfillProgress {
        /// The relation being filled.
        relation: String,
        /// Rows filled so far.
        rows_done: u64,
        /// Rows to fill as estimated.
        rows_total: u64,
        /// Pages passed for good.
        pages_done: u64,
        /// Pages of the relation.
        pages_total: u64,
        /// The present speed.
        rows_per_second: f64,
        /// What is left at that speed.
        eta_ms: Option<u64>,
        /// Pages per window.
        window_pages: u32,
        /// Passes per window.
        passes: u32,
        /// The share of updates that were heap-only.
        hot_ratio: Option<f64>,
    },
    /// A backfill makes way.
    BackfillWaiting {
        /// For what.
        why: String,
    },
    /// The run ends at a safe point.
    Stopped {
        /// Why.
        why: String,
    },
    /// A run goes on where an earlier one ended.
    Resumed,
    /// Going back begins.
    RollbackStarted,
    /// All is as before expand, but for what a note said would stay.
    RollbackDone,
    /// Nothing was run.
    Refused {
        /// The stable code of the refusal.
        code: String,
        /// Why.
        message: String,
    },
    /// Something to know.
    Note {
        /// What.
        message: String,
    },
}

/// Who is in the way, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockerInfo {
    /// The backend; none for a prepared transaction.
    pub pid: Option<i32>,
    /// Its `application_name`, or the id of a prepared transaction.
    pub application: Option<String>,
    /// Its role.
    pub user: Option<String>,
    /// `active`, `idle in transaction`, `prepared`, `autovacuum`, …
    pub state: Option<String>,
    /// The age of its transaction, when the role may see it.
    pub age_ms: Option<u64>,
    /// Its running or last statement, when the role may see it.
    pub query: Option<String>,
}

impl From<&activity::Blocker> for BlockerInfo {
    fn from(blocker: &activity::Blocker) -> Self {
        let state = match blocker.kind() {
            activity::BlockerKind::Client | activity::BlockerKind::Other => blocker.state.clone(),
            activity::BlockerKind::Prepared => Some(String::from("prepared")),
            activity::BlockerKind::Autovacuum => Some(String::from("autovacuum")),
            activity::BlockerKind::AntiWraparound => {
                Some(String::from("autovacuum to prevent wraparound"))
            }
        };
        Self {
            pid: blocker.pid,
            application: blocker
                .prepared
                .clone()
                .or_else(|| blocker.application.clone()),
            user: blocker.user.clone(),
            state,
            age_ms: blocker.age_ms.and_then(|age| u64::try_from(age).ok()),
            query: blocker.query.clone(),
        }
    }
}

impl From<&activity::HorizonHolder> for BlockerInfo {
    fn from(holder: &activity::HorizonHolder) -> Self {
        let state = match holder.kind {
            activity::HorizonKind::Backend => holder.state.clone(),
            activity::HorizonKind::Prepared => Some(String::from("prepared")),
            activity::HorizonKind::Slot => Some(String::from("replication slot")),
            activity::HorizonKind::Standby => Some(String::from("standby")),
        };
        Self {
            pid: holder.pid,
            application: Some(holder.name.clone()),
            user: None,
            state,
            age_ms: holder.age_ms.and_then(|age| u64::try_from(age).ok()),
            query: holder.query.clone(),
        }
    }
}

impl BlockerInfo {
    /// In one line: `pid 4711 (nightly-report, idle in transaction, 42 s): SELECT …`.
    pub fn in_words(&self) -> String {
        let mut facts: Vec<String> = Vec::new();
        facts.extend(self.application.clone().filter(|name| !name.is_empty()));
        facts.extend(self.user.as_ref().map(|user| format!("role {user}")));
        facts.extend(self.state.clone());
        facts.extend(self.age_ms.map(in_words));
        let who = self
            .pid
            .map_or_else(|| String::from("no session"), |pid| format!("pid {pid}"));
        let mut line = if facts.is_empty() {
            who
        } else {
            format!("{who} ({})", facts.join(", "))
        };
        if let Some(query) = self.query.as_deref().filter(|query| !query.is_empty()) {
            let mut shown: String = query.split_whitespace().collect::<Vec<_>>().join(" ");
            if shown.chars().count() > 80 {
                shown = shown.chars().take(77).collect::<String>() + "...";
            }
            line.push_str(": ");
            line.push_str(&shown);
        }
        line
    }
}

/// Milliseconds as people say them: `340 ms`, `42 s`, `5 min`, `2 h 5 min`.
pub fn in_words(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Where events go. Cheap to clone; clones count on from the same number.
#[derive(Debug, Clone)]
pub struct Events {
    shared: Arc<Shared>,
    migration: Arc<str>,
}

#[derive(Debug)]
struct Shared {
    sender: UnboundedSender<Event>,
    clock: Clock,
    /// The number of the last event. Held while one is sent, so that they arrive in order.
    seq: Mutex<u64>,
}

impl Events {
    /// A sink for the events of one run, and where they come out.
    pub fn channel(migration: &str, clock: Clock) -> (Self, UnboundedReceiver<Event>) {
        let (sender, receiver) = unbounded_channel();
        let events = Self {
            shared: Arc::new(Shared {
                sender,
                clock,
                seq: Mutex::new(0),
            }),
            migration: migration.into(),
        };
        (events, receiver)
    }

    /// The same sink, for the events of another migration of the run.
    #[must_use]
    pub fn for_migration(&self, migration: &str) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            migration: migration.into(),
        }
    }

    /// What time it is for this run.
    pub fn now(&self) -> Timestamp {
        (self.shared.clock)()
    }

    /// Tells. It does not matter whether anyone listens.
    pub fn emit(&self, step: Option<&str>, kind: EventKind) {
        let mut seq = self
            .shared
            .seq
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *seq += 1;
        let event = self.event(*seq, step, kind);
        // Whoever listened may have gone; the run goes on.
        drop(self.shared.sender.send(event));
    }

    /// The event itself, for the journal.
    pub(crate) fn event(&self, seq: u64, step: Option<&str>, kind: EventKind) -> Event {
        Event {
            version: 1,
            seq,
            at: (self.shared.clock)(),
            migration: self.migration.to_string(),
            step: step.map(str::to_owned),
            kind,
        }
    }

    /// Tells something to know.
    pub fn note(&self, step: Option<&str>, message: impl Into<String>) {
        self.emit(
            step,
            EventKind::Note {
                message: message.into(),
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_flat_object() {
        let (events, mut receiver) = Events::channel("0042", || Timestamp::UNIX_EPOCH);
        events.for_migration("0043").emit(None, EventKind::Resumed);
        events.emit(
            Some("expand-1"),
            EventKind::Waiting {
                what: String::from("users"),
                blockers: Vec::new(),
            },
        );
        let first = receiver.try_recv().unwrap();
        let second = receiver.try_recv().unwrap();
        assert_eq!(
            (first.seq, first.migration.as_str()),
            (1, "0043"),
            "clones count together"
        );
        let json = serde_json::to_value(&second).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "version": 1, "seq": 2, "at": "1970-01-01T00:00:00Z", "migration": "0042",
                "step": "expand-1", "event": "waiting", "for": "users", "blockers": [],
            })
        );
        assert_eq!(serde_json::from_value::<Event>(json).unwrap(), second);
    }

    #[test]
    fn blockers_are_told_in_one_line() {
        let blocker = BlockerInfo {
            pid: Some(4711),
            application: Some(String::from("report")),
            user: Some(String::from("app")),
            state: Some(String::from("idle in transaction")),
            age_ms: Some(42_500),
            query: Some(String::from("SELECT *\n  FROM orders")),
        };
        assert_eq!(
            blocker.in_words(),
            "pid 4711 (report, role app, idle in transaction, 42 s): SELECT * FROM orders"
        );
    }

    #[test]
    fn durations_are_told_in_words() {
        for (ms, words) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (119_999, "119 s"),
            (300_000, "5 min"),
            (7_500_000, "2 h 5 min"),
        ] {
            assert_eq!(in_words(ms), words);
        }
    }
}
