//! What can go wrong on the command line: a stable code, a message, hints, and an exit code.
//!
//! The codes are listed in `docs/reference/errors.md`, which is made from this file.

pub mod run_codes;

use crate::{
    config::{ConfigError, migrations::MigrationsError},
    db::{DbError, Failure},
    report::json::DatabaseState,
};

pub use run_codes::{RUN_CODES, run_code};

/// How a run ends (INTERFACES: exit codes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Done, nothing found.
    Done,
    /// Findings, refused, or the lease is held by another.
    Found,
    /// Usage, configuration or connection; nothing changed.
    Usage,
    /// Stopped safely, resumable.
    Stopped,
    /// Stopped, state not known: a person must look.
    Unknown,
}

impl Exit {
    /// All, in order of their codes.
    pub const ALL: [Self; 5] = [
        Self::Done,
        Self::Found,
        Self::Usage,
        Self::Stopped,
        Self::Unknown,
    ];

    /// The number the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Found => 1,
            Self::Usage => 2,
            Self::Stopped => 3,
            Self::Unknown => 4,
        }
    }

    /// What it means.
    pub fn doc(self) -> &'static str {
        match self {
            Self::Done => "Done, or nothing found.",
            Self::Found => {
                "Findings at or above `--fail-on`, refused, or the lease is held by another run."
            }
            Self::Usage => "Usage, configuration or connection; nothing was changed.",
            Self::Stopped => {
                "Stopped safely: interrupted, paused, queued behind another migration, or the lock \
                 budget is spent. The same command goes on from there."
            }
            Self::Unknown => "Stopped, and the state is not known: a person must look.",
        }
    }
}

/// The stable codes of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The command line cannot be understood.
    Usage,
    /// `zdm.toml` cannot be read or has mistakes.
    Config,
    /// No folder of migrations, or a file in it cannot be read.
    Migrations,
    /// A migration that was asked for is not there.
    NoSuchMigration,
    /// A rule that was asked for is not there.
    NoSuchRule,
    /// No database was named.
    NoDatabase,
    /// The database cannot be reached.
    Connection,
    /// The role may not do what is needed.
    Privilege,
    /// A query failed for another reason.
    Database,
    /// The migration has mistakes that stop it from being planned.
    InvalidMigration,
    /// A run was refused or ended early; the codes are those of [`RUN_CODES`].
    Run(&'static str),
}

impl ErrorCode {
    /// All but those of runs, in the order of the reference page.
    pub const ALL: [Self; 10] = [
        Self::Usage,
        Self::Config,
        Self::Migrations,
        Self::NoSuchMigration,
        Self::NoSuchRule,
        Self::NoDatabase,
        Self::Connection,
        Self::Privilege,
        Self::Database,
        Self::InvalidMigration,
    ];

    /// The code itself; it never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Config => "config",
            Self::Migrations => "migrations",
            Self::NoSuchMigration => "unknown-migration",
            Self::NoSuchRule => "no-such-rule",
            Self::NoDatabase => "no-database",
            Self::Connection => "cannot-connect",
            Self::Privilege => "privilege",
            Self::Database => "database",
            Self::InvalidMigration => "invalid-migration",
            Self::Run(code) => code,
        }
    }

    /// What it means.
    pub fn doc(self) -> &'static str {
        match self {
            Self::Usage => "The command line cannot be understood.",
            Self::Config => "`zdm.toml` cannot be read, or has mistakes.",
            Self::Migrations => "There is no folder of migrations, or a file in it cannot be read.",
            Self::NoSuchMigration => "No migration has the id that was asked for.",
            Self::NoSuchRule => "No rule has the name that was asked for.",
            Self::NoDatabase => "A database is needed, and none was named.",
            Self::Connection => "The database cannot be reached, or the connection was lost.",
            Self::Privilege => "The role may not do what is needed.",
            Self::Database => {
                "The server refused a query of zdm. Within a run that is recorded, and the exit code is 3."
            }
            Self::InvalidMigration => {
                "The migration has mistakes that stop it from being planned; each is shown with its place."
            }
            Self::Run(code) => run_code(code).map_or("", |(_, doc, _)| doc),
        }
    }

    /// What the process ends with.
    pub fn exit(self) -> Exit {
        match self {
            Self::Usage
            | Self::Config
            | Self::Migrations
            | Self::NoSuchMigration
            | Self::NoSuchRule
            | Self::NoDatabase
            | Self::Connection
            | Self::Privilege
            | Self::Database => Exit::Usage,
            Self::InvalidMigration => Exit::Found,
            Self::Run(code) => run_code(code).map_or(Exit::Found, |(_, _, exit)| *exit),
        }
    }
}

/// An error as it is shown. Boxed, since it is far larger than what is returned when all is well.
#[derive(Debug, Clone)]
pub struct CliError(Box<Shown>);

#[derive(Debug, Clone)]
struct Shown {
    code: ErrorCode,
    message: String,
    /// Code frames and other text that comes before the message.
    before: Option<String>,
    hints: Vec<String>,
    database_state: DatabaseState,
    exit: Exit,
}

impl std::fmt::Display for CliError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for CliError {}

impl CliError {
    /// An error that left the database as it was.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Box::new(Shown {
            code,
            message: message.into(),
            before: None,
            hints: Vec::new(),
            database_state: DatabaseState::Unchanged,
            exit: code.exit(),
        }))
    }

    /// Adds a line `Hint: …`: what to do, starting with a verb.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Puts code frames before the message.
    #[must_use]
    pub fn behind(mut self, frames: impl Into<String>) -> Self {
        self.0.before = Some(frames.into());
        self
    }

    /// Says what is known of the database, and what to end with when that is not what the code
    /// usually means.
    #[must_use]
    pub fn with_state(mut self, state: DatabaseState, exit: Exit) -> Self {
        self.0.database_state = state;
        self.0.exit = exit;
        self
    }

    /// What the process ends with.
    pub fn exit(&self) -> Exit {
        self.0.exit
    }

    /// Its stable code.
    pub fn code(&self) -> &'static str {
        self.0.code.as_str()
    }

    /// What is known of the database.
    pub fn database_state(&self) -> DatabaseState {
        self.0.database_state
    }

    /// What to do: the first hint.
    pub fn next(&self) -> Option<&str> {
        self.0.hints.first().map(String::as_str)
    }

    /// Its hints, in order.
    pub fn hints(&self) -> &[String] {
        &self.0.hints
    }

    /// What is shown before the message.
    pub fn shown_before(&self) -> Option<&str> {
        self.0.before.as_deref()
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        let message = error.to_string();
        match error {
            ConfigError::Read { .. } => Self::new(ErrorCode::Config, message)
                .with_hint("Name another file with --config, or create this one."),
            ConfigError::Invalid { file, diagnostics } => {
                let frames: String = diagnostics
                    .iter()
                    .map(|mistake| crate::report::human::diagnostic(&file, mistake) + "\n")
                    .collect();
                Self::new(ErrorCode::Config, message)
                    .behind(frames)
                    .with_hint("Every key is described in docs/reference/configuration.md.")
            }
        }
    }
}

impl From<MigrationsError> for CliError {
    fn from(error: MigrationsError) -> Self {
        let message = error.to_string();
        let hint = match error {
            MigrationsError::NoFolder { .. } => {
                "Name the folder in zdm.toml (`[migrations] dir`), or give files as arguments."
            }
            MigrationsError::Read { .. } => "Check that the path exists and that you may read it.",
            MigrationsError::NotText { .. } => "Save the file as UTF-8.",
        };
        Self::new(ErrorCode::Migrations, message).with_hint(hint)
    }
}

impl From<DbError> for CliError {
    /// An error before anything was changed.
    fn from(error: DbError) -> Self {
        let code = match error.failure() {
            Failure::ConnectionLost => ErrorCode::Connection,
            Failure::Privilege => ErrorCode::Privilege,
            Failure::LockNotAvailable
            | Failure::Deadlock
            | Failure::Serialization
            | Failure::Cancelled
            | Failure::Resources
            | Failure::Other => ErrorCode::Database,
        };
        let mut message = error.message.clone();
        if let Some(detail) = &error.detail {
            message = format!("{message}: {detail}");
        }
        if let Some(state) = &error.sqlstate {
            message = format!("{message} (SQLSTATE {state})");
        }
        let shown = Self::new(code, message);
        match code {
            ErrorCode::Connection => shown.with_hint(
                "Check the host, the port and the network; `psql` with the same URL must connect.",
            ),
            ErrorCode::Privilege => shown.with_hint(
                "Grant the role what the message names, or connect as the owner of the tables.",
            ),
            _ => match &error.statement {
                Some(statement) => shown.with_hint(format!("The statement was: {statement}")),
                None => shown,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart_and_never_end_with_success() {
        for (at, code) in ErrorCode::ALL.into_iter().enumerate() {
            assert_ne!(code.exit(), Exit::Done, "{}", code.as_str());
            assert!(
                ErrorCode::ALL[..at]
                    .iter()
                    .all(|earlier| earlier.as_str() != code.as_str())
            );
        }
        let codes: Vec<u8> = Exit::ALL.into_iter().map(Exit::code).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
    }
}
