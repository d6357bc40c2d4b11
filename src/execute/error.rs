//! What can stop a run, and what that leaves behind.
//!
//! Every [`ExecuteError`] says four things: a stable code, what was done to the database, the
//! class of exit code, and what to do next. A refusal or an interruption never exits 0.
//! Next: `cli::error` prints it.

use serde::{Deserialize, Serialize};

use crate::{
    db::DbError,
    execute::{checks::Finding, event::BlockerInfo},
};

/// What is known of the database after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseState {
    /// This run changed nothing.
    Unchanged,
    /// Whatever was done is in the journal.
    Recorded,
    /// Database and journal may disagree: a person must look.
    Unknown,
}

/// The exit codes of INTERFACES §3 other than 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitClass {
    /// 1: findings, or refused.
    Refused,
    /// 2: usage, configuration or connection; nothing changed.
    Usage,
    /// 3: stopped safely, resumable.
    Stopped,
    /// 4: stopped, state not known.
    Unknown,
}

impl ExitClass {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Stopped => 3,
            Self::Unknown => 4,
        }
    }
}

/// Why a run ended before its end.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExecuteError {
    /// The server could not be reached, or did not let the role in.
    #[error("cannot connect: {error}")]
    Connect {
        /// What the server or the driver said.
        error: DbError,
    },
    /// The migration's file is not the one that was started.
    #[error("migration {migration} was changed after its expand started")]
    ChangedFile {
        /// The migration.
        migration: String,
        /// The difference of both texts, line by line.
        difference: String,
    },
    /// Another runner holds the lease.
    #[error("{migration} is being run by {holder} since {since}{progress}")]
    SecondRunner {
        /// The migration.
        migration: String,
        /// Who: host, process id and start.
        holder: String,
        /// Since when.
        since: String,
        /// How far it is, with its own leading punctuation; may be empty.
        progress: String,
    },
    /// The database is not as the plan expects.
    #[error("the database differs from what the plan was made for:\n{difference}")]
    Drift {
        /// What differs, one line each.
        difference: String,
    },
    /// The checks before the first change found something.
    #[error("{}", .findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>().join("\n"))]
    Preflight {
        /// The findings that refuse.
        findings: Vec<Finding>,
    },
    /// There is no journal, and the database is not empty.
    #[error("this database has tables but no journal of zdm: {}", shown(.tables))]
    NoJournal {
        /// The tables.
        tables: Vec<String>,
    },
    /// The journal's schema exists but is not a journal.
    #[error("the schema {schema} exists and is not a journal of zdm")]
    ForeignSchema {
        /// The schema.
        schema: String,
    },
    /// The journal was written by a newer zdm.
    #[error(
        "the journal has version {found}, written by zdm {written_by}; this zdm knows up to {known}"
    )]
    NewerJournal {
        /// The version found.
        found: i32,
        /// The zdm that wrote it.
        written_by: String,
        /// The newest version known.
        known: i32,
    },
    /// The journal belongs to another database.
    #[error("this database is a copy of {of}")]
    Copy {
        /// The database it was copied from, in words.
        of: String,
    },
    /// The lease was taken over by another runner.
    #[error("the lease on {migration} is no longer ours: {message}")]
    LeaseLost {
        /// The migration.
        migration: String,
        /// What showed it.
        message: String,
    },
    /// The connection broke. Whether the last statement took effect is in the journal.
    #[error("the connection was lost: {error}")]
    ConnectionLost {
        /// What the driver said.
        error: DbError,
    },
    /// The locks were not granted within the budget.
    #[error(
        "the locks of {step} on {} were not granted within {budget}; none is held, and nothing waits behind zdm",
        .relations.join(", ")
    )]
    LockBudget {
        /// The step.
        step: String,
        /// The relations.
        relations: Vec<String>,
        /// The budget in words.
        budget: String,
        /// Who was in the way at last.
        blockers: Vec<BlockerInfo>,
    },
    /// What zdm wanted to look at stayed locked.
    #[error("{doing}: {} stayed locked in ACCESS EXCLUSIVE mode for {waited}; nothing waits behind zdm", one_or_more(.relations))]
    Locked {
        /// What zdm was doing.
        doing: &'static str,
        /// The relations, as far as they are known.
        relations: Vec<String>,
        /// For how long, in words.
        waited: String,
        /// Who was in the way at last.
        blockers: Vec<BlockerInfo>,
    },
    /// A statement outside a transaction took longer than it may.
    #[error("{step} was cancelled after {deadline}")]
    Deadline {
        /// The step.
        step: String,
        /// The deadline in words.
        deadline: String,
        /// Who it waited for at last.
        blockers: Vec<BlockerInfo>,
    },
    /// Someone asked for the end.
    #[error("stopped: {why}")]
    Stopped {
        /// Why.
        why: String,
    },
    /// The server refused a statement of a step; it was rolled back or cleaned up.
    #[error("{step} failed: {error}")]
    StepFailed {
        /// The step.
        step: String,
        /// What the server said.
        error: Box<DbError>,
        /// What to do.
        help: Option<String>,
    },
    /// Rows that must not exist do.
    #[error("{message}")]
    RowsFound {
        /// The step that looked.
        step: String,
        /// How many.
        count: i64,
        /// What it means.
        message: String,
        /// A few of them.
        sample: Vec<String>,
        /// What to do.
        help: String,
    },
    /// The run may not go on, for a reason the caller knows.
    #[error("{message}")]
    Refused {
        /// The stable code.
        code: &'static str,
        /// Why.
        message: String,
        /// What to do.
        next: String,
    },
    /// The run must wait for another migration.
    #[error("{message}")]
    Queued {
        /// The other migration.
        behind: String,
        /// Behind what and why.
        message: String,
        /// What to do.
        next: String,
    },
    /// Database and journal disagree.
    #[error("{message}")]
    StateUnknown {
        /// What was expected and what was found.
        message: String,
        /// What to look at.
        next: String,
    },
    /// One of zdm's own queries failed.
    #[error("{doing}: {error}")]
    Database {
        /// What zdm was doing.
        doing: &'static str,
        /// What the server said.
        error: DbError,
    },
}

impl ExecuteError {
    /// An error of zdm's own query, told apart by what it means.
    pub fn from_db(doing: &'static str, error: DbError) -> Self {
        use crate::db::Failure;
        if error.sqlstate.as_deref() == Some(LEASE_LOST) {
            return Self::LeaseLost {
                migration: error.detail.clone().unwrap_or_default(),
                message: error.message,
            };
        }
        match error.failure() {
            Failure::ConnectionLost => Self::ConnectionLost { error },
            Failure::LockNotAvailable
            | Failure::Deadlock
            | Failure::Serialization
            | Failure::Cancelled
            | Failure::Privilege
            | Failure::Resources
            | Failure::Other => Self::Database { doing, error },
        }
    }

    /// The stable code, listed in the reference.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "cannot-connect",
            Self::ChangedFile { .. } => "changed-file",
            Self::SecondRunner { .. } => "second-runner",
            Self::Drift { .. } => "drift",
            Self::Preflight { findings } => match findings.as_slice() {
                [only] => only.check,
                _ => "preflight",
            },
            Self::NoJournal { .. } => "no-journal",
            Self::ForeignSchema { .. } => "foreign-schema",
            Self::NewerJournal { .. } => "newer-journal",
            Self::Copy { .. } => "copy",
            Self::LeaseLost { .. } => "lease-lost",
            Self::ConnectionLost { .. } => "connection-lost",
            Self::LockBudget { .. } => "lock-budget",
            Self::Locked { .. } => "locked",
            Self::Deadline { .. } => "deadline",
            Self::Stopped { .. } => "stopped",
            Self::StepFailed { .. } => "step-failed",
            Self::RowsFound { .. } => "rows-found",
            Self::Refused { code, .. } => code,
            Self::Queued { .. } => "queued",
            Self::StateUnknown { .. } => "state-unknown",
            Self::Database { .. } => "database",
        }
    }

    /// What was done to the database.
    pub fn database_state(&self) -> DatabaseState {
        match self {
            Self::Connect { .. }
            | Self::ChangedFile { .. }
            | Self::SecondRunner { .. }
            | Self::Drift { .. }
            | Self::Preflight { .. }
            | Self::NoJournal { .. }
            | Self::ForeignSchema { .. }
            | Self::NewerJournal { .. }
            | Self::Copy { .. }
            | Self::Refused { .. }
            | Self::Queued { .. } => DatabaseState::Unchanged,
            // A lost connection may have lost the answer to a COMMIT. The step's journal entry is
            // in the same transaction, so the journal knows.
            Self::LeaseLost { .. }
            | Self::ConnectionLost { .. }
            | Self::LockBudget { .. }
            | Self::Locked { .. }
            | Self::Deadline { .. }
            | Self::Stopped { .. }
            | Self::StepFailed { .. }
            | Self::RowsFound { .. }
            | Self::Database { .. } => DatabaseState::Recorded,
            Self::StateUnknown { .. } => DatabaseState::Unknown,
        }
    }

    /// The class of exit code.
    pub fn exit(&self) -> ExitClass {
        match self {
            Self::Connect { .. } => ExitClass::Usage,
            Self::ChangedFile { .. }
            | Self::SecondRunner { .. }
            | Self::Drift { .. }
            | Self::Preflight { .. }
            | Self::NoJournal { .. }
            | Self::ForeignSchema { .. }
            | Self::NewerJournal { .. }
            | Self::Copy { .. }
            | Self::StepFailed { .. }
            | Self::RowsFound { .. }
            | Self::Refused { .. } => ExitClass::Refused,
            Self::LeaseLost { .. }
            | Self::ConnectionLost { .. }
            | Self::LockBudget { .. }
            | Self::Locked { .. }
            | Self::Deadline { .. }
            | Self::Stopped { .. }
            | Self::Queued { .. }
            | Self::Database { .. } => ExitClass::Stopped,
            Self::StateUnknown { .. } => ExitClass::Unknown,
        }
    }

    /// What to do next, starting with a verb.
    pub fn next(&self) -> Option<String> {
        let text = match self {
            Self::Connect { .. } => "Check --database-url, DATABASE_URL or the PG* variables.".into(),
            Self::ChangedFile { migration, .. } => format!(
                "Put the file back, or run zdm rollback {migration} and apply it anew."
            ),
            Self::SecondRunner { migration, .. } => format!(
                "Wait for it, or stop that process; zdm status {migration} shows how far it is."
            ),
            Self::Drift { .. } => {
                "Look at the differences; with --accept-drift the steps that are not yet begun are planned anew on the database as it is, and what is done stays.".into()
            }
            Self::Preflight { findings } => {
                let fixes: Vec<&str> = findings
                    .iter()
                    .filter_map(|finding| finding.fix.as_deref())
                    .collect();
                if fixes.is_empty() {
                    return None;
                }
                fixes.join("\n")
            }
            Self::NoJournal { .. } => {
                "Run zdm adopt to take over what another tool has run, or zdm adopt --from none to start here: nothing is marked as done, and every file of the folder is pending.".into()
            }
            Self::ForeignSchema { .. } => "Choose another name for the journal's schema.".into(),
            Self::NewerJournal { written_by, .. } => format!("Use zdm {written_by} or newer."),
            Self::Copy { .. } => {
                "Run zdm adopt --copy to go on with its journal, or zdm adopt --forget to start anew.".into()
            }
            Self::LeaseLost { migration, .. } => {
                format!("Run zdm status {migration} to see who goes on with it.")
            }
            Self::ConnectionLost { .. } | Self::Stopped { .. } | Self::Database { .. } => {
                "Run the same command again: it goes on where this one ended.".into()
            }
            Self::LockBudget { blockers, .. }
            | Self::Locked { blockers, .. }
            | Self::Deadline { blockers, .. } => {
                let mut lines: Vec<String> = vec![
                    "Run the same command again when these have ended, or end them:".into(),
                ];
                lines.extend(blockers.iter().map(|blocker| format!("  {}", blocker.in_words())));
                if blockers.is_empty() {
                    lines[0] = "Run the same command again at a calmer time, or with a larger --lock-budget.".into();
                }
                lines.join("\n")
            }
            Self::StepFailed { help, .. } => return help.clone(),
            Self::RowsFound { help, .. } => help.clone(),
            Self::Refused { next, .. }
            | Self::Queued { next, .. }
            | Self::StateUnknown { next, .. } => next.clone(),
        };
        Some(text)
    }
}

/// The SQLSTATE with which the journal refuses a write whose lease is no longer ours.
pub(crate) const LEASE_LOST: &str = "ZD001";

fn one_or_more(relations: &[String]) -> String {
    if relations.is_empty() {
        "a relation".to_owned()
    } else {
        relations.join(", ")
    }
}

fn shown(tables: &[String]) -> String {
    match tables {
        [] | [_] | [_, _] | [_, _, _] => tables.join(", "),
        [first, second, rest @ ..] => format!("{first}, {second} and {} more", rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_journal_names_the_way_out() {
        let error = ExecuteError::NoJournal {
            tables: ["a", "b", "c", "d"].map(String::from).to_vec(),
        };
        assert_eq!(
            error.to_string(),
            "this database has tables but no journal of zdm: a, b and 2 more"
        );
        assert!(error.next().unwrap().contains("zdm adopt --from none"));
        assert_eq!(error.exit().code(), 1);
        assert_eq!(error.database_state(), DatabaseState::Unchanged);
    }

    #[test]
    fn a_lost_connection_is_resumable_and_a_lost_lease_is_told_apart() {
        let error = DbError {
            message: String::from("gone"),
            sqlstate: None,
            detail: None,
            statement: None,
        };
        let lost = ExecuteError::from_db("looking", error.clone());
        assert_eq!((lost.code(), lost.exit().code()), ("connection-lost", 3));
        let fenced = DbError {
            sqlstate: Some(LEASE_LOST.to_owned()),
            ..error
        };
        assert_eq!(
            ExecuteError::from_db("looking", fenced).code(),
            "lease-lost"
        );
    }
}
