//! `zdm apply`.

use std::time::Duration;

use crate::{
    cli::{
        CliError, Exit, Format,
        connect::ConnectArgs,
        engine::{self, ContractWindow, Engine, Overrides},
        history::{self, History, Migration, Twice},
        output, plan,
    },
    config::{Config, StrictOrder, duration},
    execute::{
        Runner,
        apply::{self, Applied, ApplyError, ApplyRequest, OutOfOrder, Through, order},
        driver::{DriftPolicy, connect},
        error::ExecuteError,
        fresh::{FreshRequest, apply_fresh},
        journal::{Journal, MigrationState},
        machine,
    },
    plan::{Compat, LateExpandPolicy, PhaseName, PlanSettings},
    report::status,
};

/// Run migrations: without --phase, expand and migrate of what is pending, and never contract.
///
/// The same command goes on where an earlier run ended, whatever ended it. The first Ctrl-C stops
/// at the next safe point, the second cancels the running statement.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these migrations.
    #[arg(value_name = "ID")]
    only: Vec<String>,
    /// How far to go.
    #[arg(long, value_enum)]
    phase: Option<PhaseChoice>,
    /// Stop after this migration.
    #[arg(long, value_name = "ID")]
    to: Option<String>,
    /// Show the plan of what would be run, and run nothing.
    #[arg(long)]
    dry_run: bool,
    /// Run what is pending plainly, one transaction for each file: for a database that nobody uses.
    #[arg(long, conflicts_with_all = [
        "phase", "dry_run", "accept_drift", "allow_late_expand", "lock_budget",
        "cancel_blockers_older_than",
    ])]
    fresh: bool,
    /// Consent to contract without a terminal.
    #[arg(long)]
    yes: bool,
    /// Go on although the database differs from what the plan was made for: the steps that are not
    /// yet begun are planned anew, and what is done stays.
    #[arg(long)]
    accept_drift: bool,
    /// Accept a plan in which the new application has to wait for contract.
    #[arg(long)]
    allow_late_expand: bool,
    /// Begin contract although its window is closed, or both shapes have not stood long enough.
    #[arg(long)]
    ignore_window: bool,
    /// How long one step may try to get its locks, e.g. 10m.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    lock_budget: Option<Duration>,
    /// Cancel clients whose transaction is in the way for longer than this, e.g. 5m.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    cancel_blockers_older_than: Option<Duration>,
    #[command(flatten)]
    connect: ConnectArgs,
    /// What to print: plain words, or one event as JSON per line.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

/// The phases by name, and all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum PhaseChoice {
    /// Additive and short.
    Expand,
    /// Long, under weak locks.
    Migrate,
    /// Breaking, under short strong locks.
    Contract,
    /// All three.
    All,
}

/// Runs it.
pub(super) async fn run(args: &Args, config: &Config) -> Result<Exit, CliError> {
    let history = history::load(config, Twice::Refuse)?;
    let migrations = &history.migrations;
    if args.dry_run {
        return dry_run(args, config, migrations).await;
    }
    if args.fresh {
        return fresh(args, config, migrations).await;
    }
    consent(args)?;
    let overrides = Overrides {
        lock_budget: args.lock_budget,
        cancel_blockers_older_than: args.cancel_blockers_older_than,
        contract: if args.ignore_window {
            ContractWindow::Ignored
        } else {
            ContractWindow::Kept
        },
    };
    let engine = Engine::start(&args.connect, &config.settings, overrides, args.format)?;
    let files: Vec<_> = migrations.iter().map(engine::file).collect();
    let request = request(args, config);
    note_programs(&engine.runner, &history).await;
    let result = apply::apply(&engine.runner, &files, &request).await;
    let runner = engine.quiet();
    engine.finish().await;
    match result {
        Ok(applied) => {
            if args.format == Format::Human {
                output::result(&summary(&applied, args.phase));
            }
            Ok(Exit::Done)
        }
        Err(error) => {
            show_blockers(args, &runner, &error).await;
            Err(engine::apply_error(error, migrations))
        }
    }
}

/// Says which migrations are programs that have not been run, as far as the journal knows: what is
/// applied may stand on them.
async fn note_programs(runner: &Runner, history: &History) {
    if history.programs.is_empty() {
        return;
    }
    let Ok(mut session) = connect(&runner.target, "apply").await else {
        return;
    };
    let Ok(known) = apply::states(runner, &mut session).await else {
        return;
    };
    let pending: Vec<&str> = history
        .programs
        .iter()
        .filter(|program| !known.iter().any(|one| one.id == program.id))
        .map(|program| program.path.as_str())
        .collect();
    if !pending.is_empty() {
        output::note(&format!(
            "note: zdm does not run programs, and these are not known to be done: {}. Run {}, \
             then zdm adopt.\n",
            pending.join(", "),
            history.runs_programs
        ));
    }
}

/// Runs what is pending plainly.
async fn fresh(args: &Args, config: &Config, migrations: &[Migration]) -> Result<Exit, CliError> {
    let overrides = Overrides::default();
    let engine = Engine::start(&args.connect, &config.settings, overrides, args.format)?;
    let request = FreshRequest {
        only: args.only.clone(),
        to: args.to.clone(),
    };
    let applied = plainly(engine, migrations, &request).await?;
    if args.format == Format::Human {
        output::result(&plainly_summary(&applied));
    }
    Ok(Exit::Done)
}

/// Runs files plainly, and ends the run.
pub(super) async fn plainly(
    engine: Engine,
    migrations: &[Migration],
    request: &FreshRequest,
) -> Result<Vec<Applied>, CliError> {
    let files: Vec<_> = migrations.iter().map(engine::file).collect();
    let result = apply_fresh(&engine.runner, &files, request).await;
    engine.finish().await;
    result.map_err(|error| engine::fresh_error(error, migrations))
}

pub(super) fn plainly_summary(applied: &[Applied]) -> String {
    match applied {
        [] => "Nothing is pending.\n".to_owned(),
        [only] => format!("{} is done.\n", only.migration.id),
        [first, .., last] => format!(
            "{} migrations are done, {} to {}.\n",
            applied.len(),
            first.migration.id,
            last.migration.id
        ),
    }
}

fn request(args: &Args, config: &Config) -> ApplyRequest {
    let settings = &config.settings;
    ApplyRequest {
        only: args.only.clone(),
        to: args.to.clone(),
        through: match args.phase {
            None => Through::Default,
            Some(PhaseChoice::Expand) => Through::Phase(PhaseName::Expand),
            Some(PhaseChoice::Migrate) => Through::Phase(PhaseName::Migrate),
            Some(PhaseChoice::Contract) => Through::Phase(PhaseName::Contract),
            Some(PhaseChoice::All) => Through::All,
        },
        out_of_order: match settings.strict_order {
            StrictOrder::WhenItMatters => OutOfOrder::WhenDisjoint,
            StrictOrder::Always => OutOfOrder::Refuse,
        },
        drift: if args.accept_drift {
            DriftPolicy::Accept
        } else {
            DriftPolicy::Refuse
        },
        plan: PlanSettings {
            tighten: settings.tighten,
            late_expand: if args.allow_late_expand {
                LateExpandPolicy::Accept
            } else {
                settings.late_expand
            },
            sizes: settings.sizes,
            journal_schema: settings.execute.journal_schema.clone(),
            secret: engine::secret(),
            database: None,
        },
    }
}

/// Contract is breaking: it needs a word.
fn consent(args: &Args) -> Result<(), CliError> {
    let contracts = matches!(args.phase, Some(PhaseChoice::Contract | PhaseChoice::All));
    if !contracts || args.yes {
        return Ok(());
    }
    engine::consent(
        "Contract changes what the applications use",
        "The plan says which of them works afterwards (zdm plan ID): stop the one that does not, \
         then run the same command with --yes.",
    )
}

/// Plans what is pending on the live catalog, one after the other, and shows it.
async fn dry_run(args: &Args, config: &Config, migrations: &[Migration]) -> Result<Exit, CliError> {
    let engine = Engine::start(
        &args.connect,
        &config.settings,
        Overrides::default(),
        args.format,
    )?;
    let mut session = connect(&engine.runner.target, "plan").await?;
    let schema = &engine.runner.settings.journal_schema;
    let journal = Journal::look(&mut session, schema).await?.journal()?;
    let (known, holders) = match &journal {
        Some(journal) => (
            journal.migrations(&mut session).await?,
            order::holders(&mut session, journal).await?,
        ),
        None => (Vec::new(), Vec::new()),
    };
    let mut catalog = engine
        .runner
        .patience()
        .catalog(&mut session, schema)
        .await?;
    for holder in &holders {
        catalog = holder.when_through(catalog);
    }
    let request = request(args, config);
    for migration in migrations {
        let asked = args.only.is_empty() || args.only.contains(&migration.name.id);
        let pending = known
            .iter()
            .find(|summary| summary.id == migration.name.id)
            .is_none_or(|summary| {
                matches!(
                    summary.state,
                    MigrationState::Pending | MigrationState::Queued | MigrationState::RolledBack
                )
            });
        if !asked || !pending {
            continue;
        }
        plan::note_waiting(migration, &holders);
        let file = engine::file(migration);
        let planned = apply::plan_file(&file, &catalog, &request.plan);
        if planned.refused() {
            let error = ApplyError::Plan {
                migration: migration.name.clone(),
                diagnostics: planned.diagnostics,
            };
            return Err(engine::apply_error(error, migrations));
        }
        plan::show(
            &planned,
            match args.format {
                Format::Human => plan::PlanFormat::Human,
                Format::Json => plan::PlanFormat::Json,
            },
        );
        catalog = planned.after;
    }
    Ok(Exit::Done)
}

fn summary(applied: &[Applied], phase: Option<PhaseChoice>) -> String {
    if applied.is_empty() {
        return match phase {
            Some(PhaseChoice::Migrate | PhaseChoice::Contract) => "Nothing is in flight.\n",
            None | Some(PhaseChoice::Expand | PhaseChoice::All) => "Nothing to do.\n",
        }
        .to_owned();
    }
    let mut out = String::new();
    for one in applied {
        let name = &one.migration;
        out.push_str(&format!("{} {}: {}\n", name.id, name.name, one.state));
    }
    let waiting = applied
        .iter()
        .find(|one| one.state == MigrationState::Migrated);
    if let Some(waiting) = waiting {
        let id = &waiting.migration.id;
        out.push_str(&advice(id, &waiting.compat));
    }
    out
}

/// What comes after migrate, for people: which application goes and which comes, and the command.
fn advice(id: &str, compat: &[Compat]) -> String {
    let works = |after, of: fn(&Compat) -> bool| {
        compat
            .iter()
            .find(|boundary| boundary.after == after)
            .is_none_or(of)
    };
    let new_works_now = works(PhaseName::Migrate, |boundary| boundary.new);
    let old_works_then = compat
        .iter()
        .any(|boundary| boundary.after == PhaseName::Contract && boundary.old);
    let command = format!("zdm apply {id} --phase contract");
    match (new_works_now, old_works_then) {
        (true, false) => {
            format!("Deploy the new application, stop the old one, then: {command}\n")
        }
        (true, true) => format!("Whenever you like, since no application breaks: {command}\n"),
        (false, true) => format!(
            "The old application works on through contract; the new one is deployed after: \
             {command}\n"
        ),
        (false, false) => format!(
            "No application works both before and after contract: stop the old one, run {command}, \
             then start the new one.\n"
        ),
    }
}

/// At three in the morning: who is in the way, and the commands to choose from.
async fn show_blockers(args: &Args, runner: &Runner, error: &ApplyError) {
    let ApplyError::Execute(ExecuteError::LockBudget { step, blockers, .. }) = error else {
        return;
    };
    if args.format == Format::Json {
        return;
    }
    let phase = PhaseName::ALL
        .into_iter()
        .find(|phase| step.starts_with(phase.as_str()))
        .unwrap_or(PhaseName::Contract);
    let Ok(mut session) = connect(&runner.target, "status").await else {
        return;
    };
    let Ok(known) = apply::states(runner, &mut session).await else {
        return;
    };
    let stopped = known
        .iter()
        .find(|one| one.state == machine::running(phase));
    let id = stopped.map_or("", |one| one.id.as_str());
    output::note(&status::blocked(id, step, phase, blockers));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_after_migrate_depends_on_who_works_when() {
        let boundary = |after, old, new| Compat {
            after,
            old,
            new,
            notes: Vec::new(),
        };
        let advice_for = |new_now, old_then| {
            advice(
                "7",
                &[
                    boundary(PhaseName::Migrate, true, new_now),
                    boundary(PhaseName::Contract, old_then, true),
                ],
            )
        };
        assert!(advice_for(true, false).starts_with("Deploy the new application, stop the old"));
        assert!(advice_for(true, true).contains("no application breaks"));
        assert!(advice_for(false, true).contains("the new one is deployed after"));
        assert!(advice_for(false, false).starts_with("No application works both"));
        assert!(advice("7", &[]).starts_with("Deploy the new application"));
    }
}
