//! What the commands that run something share: how a run is made, watched, and what its errors
//! look like.

use std::{io::IsTerminal as _, time::Duration};

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    cli::{
        CliError, ErrorCode, Exit, Format,
        connect::{self, ConnectArgs},
        history::Migration,
        output,
    },
    config::Settings,
    diagnostic::{Diagnostic, Level},
    execute::{
        Runner,
        adopt::mirror,
        apply::{ApplyError, MigrationFile},
        error::{DatabaseState, ExecuteError, ExitClass},
        event::{Event, Events},
        fresh::{FreshError, Left},
        settings::ExecuteSettings,
        signals::Stop,
        window::ContractTimes,
    },
    plan::MigrationName,
    progress::Progress,
    report::{self, human, json},
};

/// A run, and where its events come out.
pub struct Engine {
    /// The run.
    pub runner: Runner,
    /// Shows events until the run is dropped.
    watcher: tokio::task::JoinHandle<()>,
}

/// What may be set for one run alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Overrides {
    /// How long one step may try to get its locks.
    pub lock_budget: Option<Duration>,
    /// Cancel clients in the way for longer than this.
    pub cancel_blockers_older_than: Option<Duration>,
    /// Whether contract waits for its window.
    pub contract: ContractWindow,
}

/// Whether contract waits for its window and its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContractWindow {
    /// It does.
    #[default]
    Kept,
    /// Not in this run.
    Ignored,
}

impl Engine {
    /// Prepares a run and begins to listen to signals.
    pub fn start(
        args: &ConnectArgs,
        settings: &Settings,
        overrides: Overrides,
        format: Format,
    ) -> Result<Self, CliError> {
        let target = connect::target(args, settings)?;
        let (events, receiver) = Events::channel("", Timestamp::now);
        let stop = Stop::new();
        stop.listen().map_err(|error| {
            CliError::new(
                ErrorCode::Usage,
                format!("signals cannot be caught: {error}"),
            )
        })?;
        let runner = Runner {
            target,
            settings: execute_settings(settings, overrides),
            backfill: settings.backfill.clone(),
            throttle: settings.throttle.clone(),
            events,
            stop,
            seed: fastrand::u64(..),
            started: Timestamp::now(),
        };
        Ok(Self {
            runner,
            watcher: tokio::spawn(watch(receiver, format)),
        })
    }

    /// The same run with nobody to tell, for a look afterwards.
    pub fn quiet(&self) -> Runner {
        let (events, _) = Events::channel("", Timestamp::now);
        Runner {
            events,
            ..self.runner.clone()
        }
    }

    /// Ends the run and waits until its last event is shown.
    pub async fn finish(self) {
        drop(self.runner);
        // What is not shown any more is in the journal all the same.
        drop(self.watcher.await);
    }
}

/// Asks on the terminal, or refuses where there is none: what cannot be taken back needs a word.
pub fn consent(question: &str, hint: &str) -> Result<(), CliError> {
    let refused = |message: &str| {
        CliError::new(ErrorCode::Run("needs-consent"), message)
            .with_state(json::DatabaseState::Unchanged, Exit::Found)
            .with_hint(hint)
    };
    if !std::io::stdin().is_terminal() {
        return Err(refused(&format!("{question}: there is no terminal to ask")));
    }
    output::note(&format!("{question}. Go on? [y/N] "));
    let mut answer = String::new();
    // No answer is a no.
    drop(std::io::stdin().read_line(&mut answer));
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(refused(&format!("{question}: not consented"))),
    }
}

/// A secret for the bypass of sync triggers.
pub fn secret() -> String {
    let parts: [u64; 4] = std::array::from_fn(|_| fastrand::u64(..));
    parts.map(|part| format!("{part:016x}")).concat()
}

fn execute_settings(settings: &Settings, overrides: Overrides) -> ExecuteSettings {
    let mut run = settings.execute.clone();
    if let Some(budget) = overrides.lock_budget {
        run.locks.budget = budget;
    }
    if let Some(age) = overrides.cancel_blockers_older_than {
        run.locks.cancel_blockers_older_than = Some(age);
    }
    if overrides.contract == ContractWindow::Ignored {
        run.contract = ContractTimes::default();
    }
    run.mirror = settings.history.mirror.map(|when| mirror::Settings {
        when,
        place: settings.history.place.clone(),
    });
    run
}

async fn watch(mut receiver: UnboundedReceiver<Event>, format: Format) {
    let mut progress = Progress::for_stderr(output::note);
    while let Some(event) = receiver.recv().await {
        match format {
            Format::Human => progress.show(&event),
            Format::Json => output::result(&report::events::json_line(&event)),
        }
    }
    progress.finish();
}

/// A migration as the engine takes it.
pub fn file(migration: &Migration) -> MigrationFile {
    MigrationFile {
        name: migration.name.clone(),
        script: migration.script.clone(),
        checksum: migration.checksum.clone(),
        source: migration.file.text().to_owned(),
    }
}

/// The error of `zdm apply`, with code frames where a plan is refused.
pub fn apply_error(error: ApplyError, migrations: &[Migration]) -> CliError {
    match error {
        ApplyError::Execute(error) => error.into(),
        ApplyError::Plan {
            migration,
            diagnostics,
        } => {
            let found = migrations
                .iter()
                .find(|candidate| candidate.name == migration);
            let frames = found.map_or_else(String::new, |found| frames(found, &diagnostics));
            CliError::new(
                ErrorCode::InvalidMigration,
                format!("{} {} cannot be run as it is", migration.id, migration.name),
            )
            .behind(frames)
            .with_hint("Each error above says what to write; nothing was changed.")
        }
    }
}

/// The error of `--fresh`, with a code frame at the statement that failed.
pub fn fresh_error(error: FreshError, migrations: &[Migration]) -> CliError {
    let named = |name: &MigrationName| migrations.iter().find(|candidate| candidate.name == *name);
    match error {
        FreshError::Execute(error) => error.into(),
        FreshError::Unreadable {
            migration,
            diagnostics,
        } => CliError::new(
            ErrorCode::InvalidMigration,
            format!("{} {} cannot be run as it is", migration.id, migration.name),
        )
        .behind(named(&migration).map_or_else(String::new, |found| frames(found, &diagnostics)))
        .with_hint("Each error above says what to write; no file was run."),
        FreshError::Failed {
            migration,
            span,
            error,
            left,
        } => {
            let mut diagnostic =
                Diagnostic::new("step-failed", Level::Error, span, error.message.clone());
            if let Some(detail) = &error.detail {
                diagnostic = diagnostic.with_help(detail.clone());
            }
            let frame = named(&migration).map_or_else(String::new, |found| {
                frames(found, std::slice::from_ref(&diagnostic))
            });
            let message = format!("{} failed: {}", migration.id, error.message);
            match left {
                Left::Nothing => CliError::new(ErrorCode::Run("step-failed"), message)
                    .behind(frame)
                    .with_state(json::DatabaseState::Recorded, Exit::Found)
                    .with_hint(
                        "Correct the file and run the same command again: the files before it \
                         are done, and nothing of it is.",
                    ),
                Left::Some => CliError::new(ErrorCode::Run("state-unknown"), message)
                    .behind(frame)
                    .with_state(json::DatabaseState::Unknown, Exit::Unknown)
                    .with_hint(
                        "The statements before it could not run in a transaction and are there: \
                         take them back by hand, or start over with zdm reset --yes.",
                    ),
            }
        }
    }
}

fn frames(migration: &Migration, diagnostics: &[Diagnostic]) -> String {
    diagnostics
        .iter()
        .map(|diagnostic| human::diagnostic(&migration.file, diagnostic) + "\n")
        .collect()
}

impl From<ExecuteError> for CliError {
    fn from(error: ExecuteError) -> Self {
        let mut message = error.to_string();
        match &error {
            ExecuteError::ChangedFile { difference, .. } => {
                message = format!("{message}\n{difference}");
            }
            ExecuteError::RowsFound { sample, .. } if !sample.is_empty() => {
                message = format!("{message}; for example:\n  {}", sample.join("\n  "));
            }
            ExecuteError::StepFailed { error, .. } => {
                if let Some(detail) = &error.detail {
                    message = format!("{message}: {detail}");
                }
            }
            _ => {}
        }
        let exit = match error.exit() {
            ExitClass::Refused => Exit::Found,
            ExitClass::Usage => Exit::Usage,
            ExitClass::Stopped => Exit::Stopped,
            ExitClass::Unknown => Exit::Unknown,
        };
        let state = match error.database_state() {
            DatabaseState::Unchanged => json::DatabaseState::Unchanged,
            DatabaseState::Recorded => json::DatabaseState::Recorded,
            DatabaseState::Unknown => json::DatabaseState::Unknown,
        };
        let shown = CliError::new(ErrorCode::Run(error.code()), message).with_state(state, exit);
        match error.next() {
            Some(next) => shown.with_hint(next),
            None => shown,
        }
    }
}
