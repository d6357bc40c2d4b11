//! When a backfill yields to the application, and what it says then.
//!
//! [`decide`] is a pure function of what was read ([`Signals`]) and what is wanted ([`Settings`]).
//! [`Throttle`] reads the signals on a connection of its own, so that it also sees who waits for a
//! row while a pass holds it. A signal that cannot be read stops the backfill: not knowing is not
//! a reason to go on, unless the settings say so.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::db::{DbError, Session};

mod read;

/// What is tolerated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Sessions that wait for a lock zdm holds. Default 0.
    pub max_blocked: u32,
    /// WAL that a standby has not replayed, in bytes. Default 256 MiB.
    pub max_lag_bytes: u64,
    /// How far a standby's replay is behind. Default 10 s.
    pub max_lag: Duration,
    /// WAL that a replication slot keeps, in bytes. Default 8 GiB.
    pub max_slot_backlog: u64,
    /// WAL that waits to be archived, in bytes. Default 2 GiB.
    pub max_archive_backlog: u64,
    /// Client sessions at work, zdm's own not counted. Default: any number.
    pub max_active: Option<u32>,
    /// A query for one boolean: whether to go on. Default: none.
    pub query: Option<String>,
    /// What to do about signals that need the role `pg_monitor` when the connected role does not
    /// have it. Default: wait, and say so.
    pub without_monitor: WithoutMonitor,
    /// How often the signals are read. Default 500 ms.
    pub every: Duration,
}

/// What to do about signals that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutMonitor {
    /// Do not go on.
    Refuse,
    /// Go on without them.
    Accept,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_blocked: 0,
            max_lag_bytes: 256 << 20,
            max_lag: Duration::from_secs(10),
            max_slot_backlog: 8 << 30,
            max_archive_backlog: 2 << 30,
            max_active: None,
            query: None,
            without_monitor: WithoutMonitor::Refuse,
            every: Duration::from_millis(500),
        }
    }
}

/// One signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<T> {
    /// What it says.
    Known(T),
    /// It cannot be read, and why.
    Unreadable(String),
}

/// A standby that is behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lag {
    /// Its name.
    pub standby: String,
    /// WAL it has not replayed, in bytes.
    pub bytes: u64,
    /// How far its replay is behind.
    pub time: Duration,
}

/// A slot that keeps WAL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Its name.
    pub slot: String,
    /// The WAL it keeps, in bytes.
    pub bytes: u64,
}

/// How archiving goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Archive {
    /// WAL is not archived.
    Off,
    /// This much waits, in bytes.
    Working(u64),
    /// The last attempt, for this WAL file, failed.
    Failing(String),
}

/// What can be seen of how the server and the application are doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signals {
    /// A person has said so.
    pub paused: bool,
    /// Sessions that wait for a lock zdm holds.
    pub blocked: Reading<u32>,
    /// The standbys, each with how far it is behind.
    pub lag: Reading<Vec<Lag>>,
    /// The slot that keeps the most WAL.
    pub slot: Reading<Option<Backlog>>,
    /// How archiving goes.
    pub archive: Reading<Archive>,
    /// Autovacuum workers that wait for a lock on the table.
    pub autovacuum_waits: Reading<u32>,
    /// Autovacuum workers that protect the table from running out of transaction numbers.
    pub wraparound: Reading<u32>,
    /// Client sessions at work, zdm's own not counted.
    pub active: Reading<u32>,
    /// What the user's query says; `None` without one.
    pub query: Option<Reading<bool>>,
}

/// Go on, or wait for a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Go,
    /// Wait.
    Wait(Reason),
}

/// Why a backfill waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// `zdm pause`.
    Paused,
    /// Sessions wait for a lock zdm holds.
    Blocked {
        /// How many.
        sessions: u32,
    },
    /// A standby has much to replay.
    LagBytes {
        /// Its name.
        standby: String,
        /// WAL it has not replayed.
        bytes: u64,
    },
    /// A standby's replay is far behind.
    LagTime {
        /// Its name.
        standby: String,
        /// How far, in milliseconds.
        millis: u64,
    },
    /// A slot keeps much WAL.
    SlotBacklog {
        /// Its name.
        slot: String,
        /// The WAL it keeps.
        bytes: u64,
    },
    /// Much WAL waits to be archived.
    ArchiveBacklog {
        /// How much.
        bytes: u64,
    },
    /// Archiving fails.
    ArchiveFailing {
        /// The WAL file that failed last.
        file: String,
    },
    /// Autovacuum waits for a lock on the table.
    AutovacuumWaits,
    /// Autovacuum protects the table from running out of transaction numbers.
    Wraparound,
    /// Many sessions are at work.
    Active {
        /// How many.
        sessions: u32,
    },
    /// The user's query says no.
    Query,
    /// A signal cannot be read.
    Unreadable {
        /// Which.
        signal: String,
        /// Why not.
        error: String,
    },
}

/// Decides, the plainest reason first.
pub fn decide(signals: &Signals, settings: &Settings) -> Verdict {
    match first_reason(signals, settings) {
        Some(reason) => Verdict::Wait(reason),
        None => Verdict::Go,
    }
}

fn first_reason(signals: &Signals, settings: &Settings) -> Option<Reason> {
    if signals.paused {
        return Some(Reason::Paused);
    }
    // The user's own query needs no special role, so nothing excuses its failure.
    match &signals.query {
        Some(Reading::Known(false)) => return Some(Reason::Query),
        Some(Reading::Unreadable(error)) => {
            return Some(Reason::Unreadable {
                signal: "the throttle query".to_owned(),
                error: error.clone(),
            });
        }
        Some(Reading::Known(true)) | None => {}
    }
    let judge = Judge {
        without_monitor: settings.without_monitor,
    };
    judge
        .known("blocked sessions", &signals.blocked, |sessions| {
            (*sessions > settings.max_blocked).then_some(Reason::Blocked {
                sessions: *sessions,
            })
        })
        .or_else(|| {
            judge.known("anti-wraparound vacuum", &signals.wraparound, |workers| {
                (*workers > 0).then_some(Reason::Wraparound)
            })
        })
        .or_else(|| {
            judge.known("autovacuum", &signals.autovacuum_waits, |workers| {
                (*workers > 0).then_some(Reason::AutovacuumWaits)
            })
        })
        .or_else(|| {
            judge.known("replication lag", &signals.lag, |standbys| {
                standbys.iter().find_map(|lag| lag_reason(lag, settings))
            })
        })
        .or_else(|| {
            judge.known("replication slots", &signals.slot, |slot| {
                let slot = slot.as_ref()?;
                (slot.bytes > settings.max_slot_backlog).then(|| Reason::SlotBacklog {
                    slot: slot.slot.clone(),
                    bytes: slot.bytes,
                })
            })
        })
        .or_else(|| {
            judge.known("archiving", &signals.archive, |archive| match archive {
                Archive::Off => None,
                Archive::Failing(file) => Some(Reason::ArchiveFailing { file: file.clone() }),
                Archive::Working(bytes) => (*bytes > settings.max_archive_backlog)
                    .then_some(Reason::ArchiveBacklog { bytes: *bytes }),
            })
        })
        .or_else(|| {
            judge.known("active sessions", &signals.active, |sessions| {
                let most = settings.max_active?;
                (*sessions > most).then_some(Reason::Active {
                    sessions: *sessions,
                })
            })
        })
}

fn lag_reason(lag: &Lag, settings: &Settings) -> Option<Reason> {
    if lag.bytes > settings.max_lag_bytes {
        return Some(Reason::LagBytes {
            standby: lag.standby.clone(),
            bytes: lag.bytes,
        });
    }
    (lag.time > settings.max_lag).then(|| Reason::LagTime {
        standby: lag.standby.clone(),
        millis: u64::try_from(lag.time.as_millis()).unwrap_or(u64::MAX),
    })
}

/// Looks into readings, and fails closed.
struct Judge {
    without_monitor: WithoutMonitor,
}

impl Judge {
    fn known<T>(
        &self,
        signal: &str,
        reading: &Reading<T>,
        reason: impl FnOnce(&T) -> Option<Reason>,
    ) -> Option<Reason> {
        match (reading, self.without_monitor) {
            (Reading::Known(value), _) => reason(value),
            (Reading::Unreadable(_), WithoutMonitor::Accept) => None,
            (Reading::Unreadable(error), WithoutMonitor::Refuse) => Some(Reason::Unreadable {
                signal: signal.to_owned(),
                error: error.clone(),
            }),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused => f.write_str("paused by zdm pause"),
            Self::Blocked { sessions } => write!(f, "{sessions} sessions wait for rows it holds"),
            Self::LagBytes { standby, bytes } => {
                write!(f, "the standby {standby} has {} MB to replay", bytes >> 20)
            }
            Self::LagTime { standby, millis } => {
                write!(f, "the standby {standby} is {} s behind", millis / 1000)
            }
            Self::SlotBacklog { slot, bytes } => {
                write!(
                    f,
                    "the replication slot {slot} keeps {} MB of WAL",
                    bytes >> 20
                )
            }
            Self::ArchiveBacklog { bytes } => {
                write!(f, "{} MB of WAL wait to be archived", bytes >> 20)
            }
            Self::ArchiveFailing { file } => write!(f, "archiving fails at {file}"),
            Self::AutovacuumWaits => f.write_str("autovacuum waits for a lock on the table"),
            Self::Wraparound => f.write_str("an anti-wraparound vacuum works on the table"),
            Self::Active { sessions } => write!(f, "{sessions} client sessions are at work"),
            Self::Query => f.write_str("the throttle query says no"),
            Self::Unreadable { signal, error } => write!(
                f,
                "cannot read {signal}: {error}; GRANT pg_monitor to the role"
            ),
        }
    }
}

/// Reads the signals on a connection of its own.
#[derive(Debug)]
pub struct Throttle {
    session: Session,
    settings: Settings,
}

impl Throttle {
    /// With a connection that is used for nothing else.
    pub fn new(session: Session, settings: Settings) -> Self {
        Self { session, settings }
    }

    /// What is tolerated.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Reads everything. `pid` is the backend that fills, `relation` the table's oid.
    pub async fn read(&mut self, pid: i32, relation: u32) -> Result<Signals, DbError> {
        read::signals(&mut self.session, &self.settings, pid, relation).await
    }
}

#[cfg(test)]
mod tests;
