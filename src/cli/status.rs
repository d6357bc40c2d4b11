//! `zdm status`.

use std::time::Duration;

use crate::{
    cli::{
        CliError, Exit, Format,
        connect::ConnectArgs,
        engine::{Engine, Overrides},
        history::{self, History, Twice},
        output,
    },
    config::Config,
    db::{Session, activity},
    execute::{
        Runner,
        apply::order,
        driver::connect,
        event::BlockerInfo,
        journal::{Journal, MigrationRecord, MigrationState, MigrationSummary, StepState},
        machine,
    },
    plan::{PhaseName, Plan, Step},
    report::{json, status},
};

/// Show where each migration stands, what it waits for, and the next command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this migration.
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Show it anew every two seconds, until Ctrl-C.
    #[arg(long)]
    watch: bool,
    /// Exit with 1 unless everything is done.
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

/// Runs it.
pub(super) async fn run(args: &Args, config: &Config) -> Result<Exit, CliError> {
    let history = history::load_if_there(config, Twice::Refuse)?.unwrap_or_default();
    let engine = Engine::start(
        &args.connect,
        &config.settings,
        Overrides::default(),
        args.format,
    )?;
    loop {
        let status = read(&engine.runner, &history, args.id.as_deref()).await?;
        match args.format {
            Format::Human => output::result(&status::human(&status)),
            Format::Json => output::result(&json::pretty(&status)),
        }
        if !args.watch
            || engine
                .runner
                .stop
                .sleep(Duration::from_secs(2))
                .await
                .is_err()
        {
            let all_done = status.migrations.iter().all(|migration| {
                matches!(
                    migration.state,
                    status::State::Done | status::State::Adopted
                )
            });
            return Ok(if args.exit_code && !all_done {
                Exit::Found
            } else {
                Exit::Done
            });
        }
    }
}

async fn read(
    runner: &Runner,
    history: &History,
    id: Option<&str>,
) -> Result<status::Status, CliError> {
    let migrations = &history.migrations;
    let mut session = connect(&runner.target, "status").await?;
    let journal = Journal::look(&mut session, &runner.settings.journal_schema)
        .await?
        .journal()?;
    let database: String = session
        .value("SELECT pg_catalog.current_database()::pg_catalog.text")
        .await
        .map_err(CliError::from)?;
    let mut shown = Vec::new();
    if let Some(journal) = &journal {
        let all = journal.migrations(&mut session).await?;
        for summary in &all {
            if id.is_none_or(|id| id == summary.id)
                && let Some(record) = journal.load(&mut session, &summary.id).await?
            {
                shown.push(recorded(&mut session, &record, &all).await?);
            }
        }
    }
    for migration in migrations {
        let name = &migration.name;
        let known = shown
            .iter()
            .any(|one: &status::Migration| one.id == name.id);
        if !known && id.is_none_or(|id| id == name.id) {
            shown.push(status::Migration {
                id: name.id.clone(),
                name: name.name.clone(),
                checksum: migration.checksum.clone(),
                state: status::State::Pending,
                phase: None,
                steps: Vec::new(),
                waiting_for: None,
                next: Some(format!("zdm apply {}", name.id)),
            });
        }
    }
    for program in &history.programs {
        let known = shown.iter().any(|one| one.id == program.id);
        if !known && id.is_none_or(|id| id == program.id) {
            shown.push(status::Migration {
                id: program.id.clone(),
                name: program.name.clone(),
                checksum: String::new(),
                state: status::State::Pending,
                phase: None,
                steps: Vec::new(),
                waiting_for: Some(format!(
                    "it is a program, which {} runs",
                    history.runs_programs
                )),
                next: Some(format!("{}, then zdm adopt", history.runs_programs)),
            });
        }
    }
    let order = |id: &str| {
        migrations
            .iter()
            .position(|migration| migration.name.id == id)
    };
    shown.sort_by_key(|one| order(&one.id));
    Ok(status::Status {
        version: json::VERSION,
        database: Some(database),
        migrations: shown,
    })
}

async fn recorded(
    session: &mut Session,
    record: &MigrationRecord,
    all: &[MigrationSummary],
) -> Result<status::Migration, CliError> {
    let behind = behind(record, all);
    let waiting = match &record.plan {
        Some(plan) => waiting_for(session, record, plan).await?,
        None => None,
    };
    let steps = record
        .steps
        .iter()
        .map(|step| {
            let backfill = record
                .backfills
                .iter()
                .find(|backfill| backfill.step_id == step.step_id);
            status::StepStatus {
                id: step.step_id.clone(),
                phase: step.phase,
                kind: step.kind.clone(),
                state: step_state(step.state),
                attempts: u64::from(step.attempts),
                waiting_for: waiting
                    .as_ref()
                    .filter(|(id, _)| *id == step.step_id)
                    .map(|(_, words)| words.clone()),
                progress: backfill.map(|backfill| status::Progress {
                    done: u64::try_from(backfill.rows_done).unwrap_or(0),
                    total: u64::try_from(backfill.rows_total)
                        .ok()
                        .filter(|total| *total > 0),
                    unit: "rows".to_owned(),
                }),
                error: step.error.clone(),
            }
        })
        .collect();
    Ok(status::Migration {
        id: record.id.clone(),
        name: record.name.clone(),
        checksum: record.checksum.clone(),
        state: state(record.state),
        phase: phase(record.state),
        steps,
        waiting_for: behind.and(record.queued_why.clone()),
        next: match behind {
            Some(other) => Some(order::command(other.state, &other.id)),
            None => next(record),
        },
    })
}

/// The migration behind which one is queued, while it is in the way.
fn behind<'a>(
    record: &MigrationRecord,
    all: &'a [MigrationSummary],
) -> Option<&'a MigrationSummary> {
    let other = record.queued_behind.as_ref()?;
    all.iter()
        .find(|summary| summary.id == *other)
        .filter(|summary| record.state == MigrationState::Queued && summary.state.has_begun())
}

/// Who is in the way of the step that comes next.
async fn waiting_for(
    session: &mut Session,
    record: &MigrationRecord,
    plan: &Plan,
) -> Result<Option<(String, String)>, CliError> {
    let Some(phase) = phase(record.state) else {
        return Ok(None);
    };
    let done = |step: &&Step| {
        record
            .step(&step.id)
            .is_some_and(|step| step.state == StepState::Done)
    };
    let next = plan
        .phases
        .iter()
        .filter(|candidate| candidate.phase == phase)
        .flat_map(|candidate| &candidate.steps)
        .find(|step| !done(step));
    let Some(step) = next else { return Ok(None) };
    let own = [session.pid()];
    let blockers = activity::blockers(session, &step.locks, &own)
        .await
        .map_err(CliError::from)?;
    let words: Vec<String> = blockers
        .iter()
        .filter(|blocker| blocker.age_ms.is_none_or(|age| age >= 1000))
        .map(|blocker| BlockerInfo::from(blocker).in_words())
        .collect();
    Ok((!words.is_empty()).then(|| (step.id.clone(), words.join("\n                "))))
}

fn phase(state: MigrationState) -> Option<PhaseName> {
    PhaseName::ALL
        .into_iter()
        .find(|phase| machine::running(*phase) == state || machine::ended(*phase) == state)
}

fn next(record: &MigrationRecord) -> Option<String> {
    let id = &record.id;
    match record.state {
        MigrationState::Done | MigrationState::Adopted | MigrationState::Failed => None,
        MigrationState::Pending
        | MigrationState::Queued
        | MigrationState::Expanding
        | MigrationState::Expanded
        | MigrationState::Migrating
        | MigrationState::Migrated
        | MigrationState::Contracting
        | MigrationState::RollingBack
        | MigrationState::RolledBack => Some(order::command(record.state, id)),
    }
}

fn state(state: MigrationState) -> status::State {
    match state {
        MigrationState::Pending => status::State::Pending,
        MigrationState::Queued => status::State::Queued,
        MigrationState::Expanding => status::State::Expanding,
        MigrationState::Expanded => status::State::Expanded,
        MigrationState::Migrating => status::State::Migrating,
        MigrationState::Migrated => status::State::Migrated,
        MigrationState::Contracting => status::State::Contracting,
        MigrationState::Done => status::State::Done,
        MigrationState::RollingBack => status::State::RollingBack,
        MigrationState::RolledBack => status::State::RolledBack,
        MigrationState::Adopted => status::State::Adopted,
        MigrationState::Failed => status::State::Failed,
    }
}

fn step_state(state: StepState) -> status::StepState {
    match state {
        StepState::Pending => status::StepState::Pending,
        StepState::Running => status::StepState::Running,
        StepState::Done => status::StepState::Done,
        StepState::Undone => status::StepState::Undone,
        StepState::Failed => status::StepState::Failed,
    }
}
