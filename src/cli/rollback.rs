//! `zdm rollback`.

use crate::{
    cli::{
        CliError, Exit, Format,
        connect::ConnectArgs,
        engine::{self, Engine, Overrides},
        output,
    },
    config::{Config, duration},
    execute::{driver::Consent, rollback},
};

/// Take a migration back to before expand; without an id the newest in flight.
///
/// Every write of a client is kept. What the old shape cannot hold is listed, and the rollback
/// refused, unless --yes consents to its loss. Stop the new application first.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The migration.
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Consent, also to the loss of what is listed.
    #[arg(long)]
    yes: bool,
    /// How long one step may try to get its locks, e.g. 10m.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    lock_budget: Option<std::time::Duration>,
    #[command(flatten)]
    connect: ConnectArgs,
    /// What to print: plain words, or one event as JSON per line.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

/// Runs it.
pub(super) async fn run(args: &Args, config: &Config) -> Result<Exit, CliError> {
    if !args.yes {
        engine::consent(
            "A rollback removes what the new application uses",
            "Stop the new application, then run the same command with --yes.",
        )?;
    }
    let overrides = Overrides {
        lock_budget: args.lock_budget,
        ..Overrides::default()
    };
    let engine = Engine::start(&args.connect, &config.settings, overrides, args.format)?;
    let consent = if args.yes {
        Consent::Given
    } else {
        Consent::None
    };
    let result = rollback::rollback(&engine.runner, args.id.as_deref(), consent).await;
    engine.finish().await;
    let done = result?;
    if args.format == Format::Human {
        output::result(&format!("{} {}: rolled back\n", done.id, done.name));
    }
    Ok(Exit::Done)
}
