//! `zdm demo`.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{
    cli::{CliError, ErrorCode, Exit, Format, output},
    config::duration,
    demo::{self, DemoError, Figures, Settings, StageFigures, TableSize},
    execute::{Event, Stop, apply::ApplyError, signals::StopLevel},
    progress::Progress,
    report::{count, human, json, thousands},
    sandbox::{self, Programs, Sandbox, SandboxError, Search},
    source::SourceFile,
};

/// Rename a column under traffic on a private server, and check the result.
///
/// A server of its own is started from the PostgreSQL programs on this machine, and removed at the
/// end. Old and new clients read and write while a migration goes through expand, migrate and
/// contract. The exit code is 1 when a request failed, an acknowledged write is not there, or the
/// schema is not what the same SQL leaves when it is run plainly. It takes a minute or two.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rows of the table that is changed.
    #[arg(long, value_name = "N", default_value_t = Settings::default().rows, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    rows: u64,
    /// Clients of the old application, and as many of the new one.
    #[arg(long, value_name = "N", default_value_t = Settings::default().clients, value_parser = clap::value_parser!(u32).range(1..=80))]
    clients: u32,
    /// Requests that each client sends per second.
    #[arg(long, value_name = "N", default_value_t = Settings::default().rate, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// How long clients work undisturbed before, between and after the phases, e.g. 5s.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::parse)]
    pause: Duration,
    /// The folder that holds initdb and postgres; otherwise ZDM_PG_BIN, pg_config, PATH and the
    /// usual folders are looked at, and the newest version is taken.
    #[arg(long, value_name = "DIR")]
    pg_bin: Option<PathBuf>,
    /// Leave the server running, and say how to connect to it and how to stop it.
    #[arg(long)]
    keep: bool,
    /// How to show the figures.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

/// Runs it.
pub(super) async fn run(args: &Args) -> Result<Exit, CliError> {
    let stop = Stop::new();
    stop.listen().map_err(|error| {
        CliError::new(
            ErrorCode::Usage,
            format!("signals cannot be caught: {error}"),
        )
    })?;
    let sandbox = start(args).await?;
    let programs = sandbox.version().clone();
    if args.format == Format::Human {
        output::note(&format!(
            "A private server, PostgreSQL {programs}. The migration, {}:\n\n{}\n",
            demo::FILE,
            demo::MIGRATION
        ));
    }
    let settings = Settings {
        rows: args.rows,
        clients: args.clients,
        rate: args.rate,
        pause: args.pause,
        ..Settings::default()
    };
    let (told, events) = unbounded_channel();
    let watcher = tokio::spawn(watch(events));
    let played = tokio::select! {
        played = demo::run(&sandbox, &settings, told) => played,
        // Nothing here is worth a safe point: everything goes with the server.
        () = stop.reached(StopLevel::SafePoint) => {
            sandbox.stop().map_err(|error| server_error(&error))?;
            return Err(CliError::new(ErrorCode::Run("stopped"), "interrupted; the private server is removed")
                .with_state(json::DatabaseState::Unchanged, Exit::Stopped));
        }
    };
    // What is not shown any more is not worth waiting for in vain.
    drop(watcher.await);
    if let Ok(figures) = &played {
        output::result(&match args.format {
            Format::Human => in_words(figures),
            Format::Json => json::pretty(figures),
        });
    }
    if args.keep {
        keep(sandbox)?;
    } else {
        sandbox.stop().map_err(|error| server_error(&error))?;
    }
    match played {
        Ok(figures) if figures.passed => Ok(Exit::Done),
        Ok(_) => Ok(Exit::Found),
        Err(error) => Err(demo_error(error)),
    }
}

async fn start(args: &Args) -> Result<Sandbox, CliError> {
    let search = Search::new(args.pg_bin.clone());
    let started = tokio::task::spawn_blocking(move || {
        let programs = Programs::newest(&search)?;
        let settings = sandbox::Settings {
            extra: [
                ("shared_buffers", "256MB"),
                ("max_wal_size", "4GB"),
                // The log is read when something fails, and checkpoints are not that.
                ("log_checkpoints", "off"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
            ..sandbox::Settings::default()
        };
        Sandbox::start(&programs, &settings)
    })
    .await;
    match started {
        Ok(started) => started.map_err(|error| server_error(&error)),
        Err(error) => Err(CliError::new(ErrorCode::Usage, error.to_string())),
    }
}

fn server_error(error: &SandboxError) -> CliError {
    CliError::new(ErrorCode::Run("private-server"), error.to_string())
        .with_state(json::DatabaseState::Unchanged, Exit::Usage)
}

fn demo_error(error: DemoError) -> CliError {
    match error {
        DemoError::Database(error) => error.into(),
        DemoError::Execute(error) | DemoError::Apply(ApplyError::Execute(error)) => error.into(),
        DemoError::Apply(ApplyError::Plan { diagnostics, .. }) => {
            let source = SourceFile::new(demo::FILE, demo::MIGRATION);
            let frames: String = diagnostics
                .iter()
                .map(|diagnostic| human::diagnostic(&source, diagnostic) + "\n")
                .collect();
            CliError::new(
                ErrorCode::InvalidMigration,
                "the migration cannot be run as it is",
            )
            .behind(frames)
        }
        error @ DemoError::Client(_) => {
            CliError::new(ErrorCode::Run("demo-client"), error.to_string())
                .with_state(json::DatabaseState::Unchanged, Exit::Unknown)
        }
    }
}

async fn watch(mut events: UnboundedReceiver<Event>) {
    let mut progress = Progress::for_stderr(output::note);
    while let Some(event) = events.recv().await {
        progress.show(&event);
    }
    progress.finish();
}

fn keep(sandbox: Sandbox) -> Result<(), CliError> {
    let url = sandbox.connection_url(demo::DATABASE);
    let kept = sandbox.keep().map_err(|error| server_error(&error))?;
    output::note(&format!(
        "\nThe server is left running.\n  connect   psql '{url}'\n  stop      kill -INT {}   (this also removes {})\n",
        kept.pid,
        kept.directory.display()
    ));
    Ok(())
}

fn in_words(figures: &Figures) -> String {
    let mut out = format!(
        "PostgreSQL {}, {} rows, {} clients of each application, {} requests per second each\n\n",
        figures.pg_version,
        thousands(figures.rows),
        figures.clients,
        figures.rate
    );
    let _ = writeln!(
        out,
        "{:<9} {:<12} {:>8} {:>9} {:>7} {:>9} {:>9} {:>9}   behind a lock of zdm",
        "phase", "clients", "seconds", "requests", "errors", "p50", "p99", "max"
    );
    for stage in &figures.stages {
        let _ = writeln!(out, "{}", row(stage));
    }
    let backfill = &figures.backfill;
    let _ = write!(
        out,
        "\nfilled    {} in {:.1} s: {} per second",
        count(backfill.rows, "row"),
        backfill.seconds,
        thousands(whole(backfill.rows_per_second()))
    );
    if let Some(ratio) = backfill.hot_ratio {
        let _ = write!(
            out,
            "; {:.0} % of the updates stayed on their pages",
            ratio * 100.0
        );
    }
    let table = &figures.table;
    let _ = writeln!(
        out,
        "\ngrowth    heap {} → {} ({}), indexes {} → {} (at the end {})",
        megabytes(table.before.heap),
        megabytes(table.after_migrate.heap),
        growth(table.before, table.after_migrate),
        megabytes(table.before.indexes),
        megabytes(table.after_migrate.indexes),
        megabytes(table.after.indexes)
    );
    out.push('\n');
    checks(&mut out, figures);
    out
}

fn row(stage: &StageFigures) -> String {
    let time =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1} ms"));
    format!(
        "{:<9} {:<12} {:>8.1} {:>9} {:>7} {:>9} {:>9} {:>9}   {}",
        stage.stage.as_str(),
        stage.applications,
        stage.seconds,
        thousands(stage.requests),
        stage.errors + stage.wrong_reads,
        time(stage.p50_ms),
        time(stage.p99_ms),
        time(stage.max_ms),
        stage
            .lock_wait_ms
            .map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms at most"))
    )
}

fn checks(out: &mut String, figures: &Figures) {
    let verdict = |good: bool| if good { "ok  " } else { "FAIL" };
    let failed: u64 = figures
        .stages
        .iter()
        .map(|stage| stage.errors + stage.wrong_reads)
        .sum();
    let requests: u64 = figures.stages.iter().map(|stage| stage.requests).sum();
    let _ = writeln!(
        out,
        "{}  requests: {} of {} failed or were answered wrongly",
        verdict(failed == 0 && figures.stages.iter().all(|stage| stage.requests > 0)),
        thousands(failed),
        thousands(requests)
    );
    let schema = &figures.schema;
    let _ = writeln!(
        out,
        "{}  schema: equals plain execution ({}; column order aside), {}",
        verdict(schema.differences.is_empty()),
        count(u64::try_from(schema.facts).unwrap_or(u64::MAX), "fact") + " compared",
        count(
            u64::try_from(schema.differences.len()).unwrap_or(u64::MAX),
            "difference"
        )
    );
    let writes = &figures.writes;
    let _ = writeln!(
        out,
        "{}  writes: {} acknowledged to {}; of {} now there, {} missing, {} altered, {} unexpected",
        verdict(writes.missing == 0 && writes.altered == 0 && writes.unexpected == 0),
        thousands(writes.acknowledged),
        count(writes.written_rows, "row"),
        count(writes.rows, "row"),
        writes.missing,
        writes.altered,
        writes.unexpected
    );
    for line in figures
        .failures
        .iter()
        .chain(&schema.differences)
        .chain(&writes.examples)
    {
        let _ = writeln!(out, "      {line}");
    }
}

fn whole(number: f64) -> u64 {
    format!("{:.0}", number.max(0.0)).parse().unwrap_or(0)
}

fn megabytes(bytes: u64) -> String {
    let tenths = (bytes * 10 + (1 << 19)) >> 20;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

fn growth(before: TableSize, after: TableSize) -> String {
    let (before, after) = (before.heap.max(1), after.heap);
    let percent = after.saturating_sub(before) * 100 / before;
    format!("+{percent} %")
}
