//! The command line: one file per command, each with an `Args` struct whose doc comment is the
//! help and one function that runs it.
//!
//! Only this module prints results and picks exit codes. Results go to stdout, everything else
//! to stderr. Raw arguments become resolved settings here and go no further.
//! Next: [`error`] says which exit code means what.

pub mod adopt;
pub mod apply;
pub mod catalog;
pub mod connect;
pub mod demo;
pub mod engine;
pub mod error;
pub mod explain;
mod git;
pub mod history;
pub mod lint;
pub mod lsp;
pub mod new;
pub mod output;
pub mod plan;
pub mod reference;
pub mod reset;
pub mod rollback;
pub mod state;
pub mod stats;
pub mod status;
pub mod trace;
pub mod verify;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{Parser, Subcommand, ValueEnum, error::ErrorKind};

use crate::config;

pub use error::{CliError, ErrorCode, Exit};

/// Zero-downtime PostgreSQL migrations from the plain SQL files you already have.
///
/// zdm splits each breaking statement into expand, migrate and contract, and runs the phases on a
/// live database: no request fails, nothing is lost, and every step can be resumed.
#[derive(Debug, Parser)]
#[command(name = "zdm", version, max_term_width = 100, propagate_version = false)]
#[command(
    after_help = "Exit codes: 0 done, nothing found · 1 findings, or refused · \
    2 usage, configuration or connection, nothing changed · 3 stopped safely, resumable · \
    4 stopped, state not known: a person must look."
)]
struct Cli {
    /// The configuration file; otherwise the nearest zdm.toml at or above the current folder.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Global options"
    )]
    config: Option<PathBuf>,
    /// When to use colour: always, never, or auto: on a terminal, unless NO_COLOR is set.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t = Color::Auto,
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    color: Color,
    #[command(subcommand)]
    command: Command,
}

// A variant without words of its own shows the doc comment of its arguments as help.
#[derive(Debug, Subcommand)]
enum Command {
    Lint(lint::Args),
    Explain(explain::Args),
    Plan(plan::Args),
    Apply(apply::Args),
    Status(status::Args),
    Rollback(rollback::Args),
    Verify(verify::Args),
    Adopt(adopt::Args),
    Reset(reset::Args),
    New(new::Args),
    Trace(trace::Args),
    Lsp(lsp::Args),
    Stats(stats::Args),
    Demo(demo::Args),
}

/// The formats of most commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// For programs, with a version field.
    Json,
}

/// When to use colour: auto, always or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// Makes it hold for all that is printed from here on.
    fn set(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

impl Command {
    /// The format that errors are shown in.
    fn error_format(&self) -> Format {
        match self {
            Self::Lint(args) => args.error_format(),
            Self::Explain(args) => args.format,
            Self::Plan(args) => args.error_format(),
            Self::Apply(args) => args.format,
            Self::Status(args) => args.format,
            Self::Rollback(args) => args.format,
            Self::Verify(args) => args.format,
            Self::Adopt(args) => args.format,
            Self::Reset(args) => args.format,
            Self::New(args) => args.format,
            Self::Trace(args) => args.format,
            Self::Lsp(_) => Format::Human,
            Self::Stats(args) => args.format,
            Self::Demo(args) => args.format,
        }
    }

    async fn run(&self, path: Option<&Path>) -> Result<Exit, CliError> {
        let config = || {
            let directory = std::env::current_dir().unwrap_or_default();
            config::load(path, &directory)
        };
        match self {
            Self::Lint(args) => lint::run(args, &config()?).await,
            Self::Explain(args) => explain::run(args, config),
            Self::Plan(args) => plan::run(args, &config()?).await,
            Self::Apply(args) => apply::run(args, &config()?).await,
            Self::Status(args) => status::run(args, &config()?).await,
            Self::Rollback(args) => rollback::run(args, &config()?).await,
            Self::Verify(args) => verify::run(args, &config()?).await,
            Self::Adopt(args) => adopt::run(args, &config()?).await,
            Self::Reset(args) => reset::run(args, &config()?).await,
            Self::New(args) => new::run(args, &config()?),
            Self::Trace(args) => trace::run(args, &config()?).await,
            Self::Lsp(args) => lsp::run(args, path).await,
            Self::Stats(args) => stats::run(args, &config()?).await,
            Self::Demo(args) => demo::run(args).await,
        }
    }
}

/// Runs one command line and says what to exit with. Nothing here ends the process.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, format_asked_for(&arguments)),
    };
    cli.color.set();
    let outcome = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(cli.command.run(cli.config.as_deref())),
        Err(error) => Err(CliError::new(
            ErrorCode::Usage,
            format!("cannot start threads: {error}"),
        )),
    };
    match outcome {
        Ok(exit) => exit,
        Err(error) => {
            output::error(&error, cli.command.error_format());
            error.exit()
        }
    }
}

/// Help and version are results; everything else that clap says is a usage error.
fn usage(error: &clap::Error, format: Format) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            output::result(&error.render().ansi().to_string());
            Exit::Done
        }
        _ => match format {
            Format::Human => {
                output::note(&error.render().ansi().to_string());
                Exit::Usage
            }
            Format::Json => {
                let text = error.render().to_string();
                let error = CliError::new(ErrorCode::Usage, text.trim_end());
                output::error(&error, format);
                error.exit()
            }
        },
    }
}

/// Whether `--format json` was among the arguments, when they could not be understood.
fn format_asked_for(arguments: &[OsString]) -> Format {
    let texts: Vec<&str> = arguments.iter().filter_map(|a| a.to_str()).collect();
    let asked = texts.contains(&"--format=json")
        || texts.windows(2).any(|pair| pair == ["--format", "json"]);
    if asked { Format::Json } else { Format::Human }
}
