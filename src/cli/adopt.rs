//! `zdm adopt`.

use crate::{
    cli::{
        CliError, ErrorCode, Exit, Format,
        connect::ConnectArgs,
        engine::{Engine, Overrides},
        output,
    },
    config::Config,
    execute::{
        driver::connect,
        journal::{Journal, OpenState},
    },
    report::json,
};

/// Take over a database that has tables and no journal.
///
/// With --from none zdm starts here: nothing is marked as done, every file of the folder is
/// pending, and what exists is what the database says.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose history to take over.
    #[arg(long, value_enum)]
    from: From,
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

/// Whose history to take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum From {
    /// Nobody's: start here.
    None,
}

#[derive(serde::Serialize)]
struct Adopted<'a> {
    version: u32,
    journal_schema: &'a str,
}

/// Runs it.
pub(super) async fn run(args: &Args, config: &Config) -> Result<Exit, CliError> {
    let From::None = args.from;
    let engine = Engine::start(
        &args.connect,
        &config.settings,
        Overrides::default(),
        args.format,
    )?;
    let mut session = connect(&engine.runner.target, "adopt").await?;
    let schema = &engine.runner.settings.journal_schema;
    match Journal::open(&mut session, schema).await? {
        OpenState::Missing { .. } => {
            Journal::adopt_from_none(&mut session, schema).await?;
            output::result(&match args.format {
                Format::Human => {
                    format!("The journal is in the schema {schema}. Nothing is marked as done.\n")
                }
                Format::Json => json::pretty(&Adopted {
                    version: json::VERSION,
                    journal_schema: schema.as_str(),
                }),
            });
            Ok(Exit::Done)
        }
        OpenState::Open(_) | OpenState::Copied { .. } => Err(CliError::new(
            ErrorCode::Run("journal-exists"),
            format!("this database has a journal already, in the schema {schema}"),
        )
        .with_state(json::DatabaseState::Unchanged, Exit::Found)
        .with_hint("Run zdm status to see what it holds.")),
    }
}
