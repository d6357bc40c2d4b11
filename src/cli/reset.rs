//! `zdm reset`.

use crate::{
    cli::{
        CliError, Exit, Format, apply,
        connect::ConnectArgs,
        engine::{self, Engine, Overrides},
        history::{self, Twice},
        output,
    },
    config::Config,
    execute::{
        fresh::FreshRequest,
        reset::{self, ResetRequest},
    },
};

/// Drop the database, make it anew and apply everything plainly: for development.
///
/// It is refused while anybody else is connected. A server beyond this machine has to be meant:
/// there, --database NAME repeats the name of the database.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Consent without a terminal.
    #[arg(long)]
    yes: bool,
    /// The database's name, for a server that is not on this machine.
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

/// Runs it.
pub(super) async fn run(args: &Args, config: &Config) -> Result<Exit, CliError> {
    let migrations = history::load(config, Twice::Refuse)?.migrations;
    let engine = Engine::start(
        &args.connect,
        &config.settings,
        Overrides::default(),
        args.format,
    )?;
    let request = ResetRequest {
        named: args.database.clone(),
    };
    let target = &engine.runner.target;
    reset::allowed(target, &request)?;
    if !args.yes {
        engine::consent(
            &format!("Everything in the database {} goes", target.database()),
            "Run the same command with --yes.",
        )?;
    }
    reset::reset(&engine.runner, &request).await?;
    let applied = apply::plainly(engine, &migrations, &FreshRequest::default()).await?;
    if args.format == Format::Human {
        output::result(&apply::plainly_summary(&applied));
    }
    Ok(Exit::Done)
}
