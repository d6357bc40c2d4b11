//! `zdm verify`.

use crate::{
    cli::{
        CliError, Exit, Format,
        connect::ConnectArgs,
        engine::{Engine, Overrides},
        output,
    },
    config::Config,
    execute::verify,
    report::json,
};

/// Check that both shapes agree and that what was built is valid.
///
/// Without an id, everything in flight is looked at. Nothing is changed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The migration.
    #[arg(value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

#[derive(serde::Serialize)]
struct Report<'a> {
    version: u32,
    checked: &'a [verify::Checked],
}

/// Runs it.
pub(super) async fn run(args: &Args, config: &Config) -> Result<Exit, CliError> {
    let engine = Engine::start(
        &args.connect,
        &config.settings,
        Overrides::default(),
        args.format,
    )?;
    let result = verify::verify(&engine.runner, args.id.as_deref()).await;
    engine.finish().await;
    let checked = result?;
    match args.format {
        Format::Json => output::result(&json::pretty(&Report {
            version: json::VERSION,
            checked: &checked,
        })),
        Format::Human => {
            if checked.is_empty() {
                output::result("Nothing to check: no step of a migration in flight is done.\n");
            }
            for one in &checked {
                let (sign, wrong) = match &one.wrong {
                    None => ("✓", String::new()),
                    Some(wrong) => ("✗", format!(": {wrong}")),
                };
                output::result(&format!("{sign} {} {}{wrong}\n", one.migration, one.what));
            }
        }
    }
    let wrong = checked.iter().any(|one| one.wrong.is_some());
    Ok(if wrong { Exit::Found } else { Exit::Done })
}
