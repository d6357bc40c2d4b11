//! `zdm trace`.

mod human;

use std::path::{Path, PathBuf};

use crate::{
    catalog::PgVersion,
    cli::{
        CliError, ErrorCode, Exit, Format,
        history::{self, Migration, Twice},
        lint, output,
    },
    config::{Config, migrations},
    db::Target,
    parse::{Script, layout::Wrapping, parse},
    report::{human as frames, json},
    sandbox::{self, Programs, Sandbox, SandboxError, Search},
    source::SourceFile,
    trace::{self, Earlier, Place, Request, TraceError, scratch},
};

/// Run a migration on a private server and show what it really does.
///
/// The server is prepared with the earlier migrations of the folder, or with a dump, and every
/// table gets rows. For each statement the locks, rewrites, scans, messages of the server and the
/// time are shown, and beside them what zdm says of it without a server: confirmed, contradicted,
/// seen only live, said only statically. The exit code is 1 when a statement fails, or something
/// is contradicted or seen only live.
///
/// A file runs in one transaction where its tool would run it so and all of it can; else each
/// statement runs in a transaction of its own, or outside of one where it must.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The migration.
    #[arg(value_name = "FILE")]
    file: String,
    /// Prepare the database with this dump (`pg_dump --schema-only`), not with the earlier
    /// migrations.
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Rows that each table gets.
    #[arg(long, value_name = "N", default_value_t = trace::ROWS, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    rows: u32,
    /// The major version of the private server: 14 to 18; otherwise the newest that is here.
    #[arg(long, value_name = "N", value_parser = version, conflicts_with = "scratch_url")]
    pg_version: Option<PgVersion>,
    /// The folder that holds initdb and postgres; otherwise ZDM_PG_BIN, pg_config, PATH and the
    /// usual folders are looked at.
    #[arg(long, value_name = "DIR", conflicts_with = "scratch_url")]
    pg_bin: Option<PathBuf>,
    /// Use this database instead of a private server. Its name must hold the word scratch, and it
    /// must be empty, or bear the mark of an earlier trace: then it is emptied first.
    #[arg(long, value_name = "URL")]
    scratch_url: Option<String>,
    /// How to show what was seen.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

fn version(text: &str) -> Result<PgVersion, String> {
    let major: u32 = text
        .parse()
        .map_err(|_| "a major version such as 18 is needed".to_owned())?;
    PgVersion::try_from(major)
}

/// Runs it.
pub(super) async fn run(args: &Args, config: &Config) -> Result<Exit, CliError> {
    let (earlier, migration) = files(args, config)?;
    readable(&migration.script, &migration.file)?;
    // Kept until the end: the server goes with it.
    let (place, target, server) = if let Some(url) = &args.scratch_url {
        let target = Target::from_url(url).map_err(|error| {
            // The URL itself may hold a password, so it is not repeated.
            CliError::new(
                ErrorCode::NoDatabase,
                format!("the scratch URL cannot be used: {}", error.message),
            )
            .with_hint("Write it as postgres://user:password@host:5432/my_scratch.")
        })?;
        scratch::clear(&target).await.map_err(in_words)?;
        (Place::Scratch, target, None)
    } else {
        let server = start(args).await?;
        let target = Target::from_url(&server.connection_url("postgres"))?;
        (Place::Private, target, Some(server))
    };
    let request = Request {
        target,
        place,
        earlier: earlier
            .iter()
            .map(|(script, wrapping)| Earlier {
                script,
                wrapping: *wrapping,
            })
            .collect(),
        script: &migration.script,
        wrapping: migration.wrapping,
        rows: args.rows,
    };
    let traced = trace::trace(&request).await;
    if let Some(server) = server {
        server.stop().map_err(|error| server_error(&error))?;
    }
    let traced = traced.map_err(|error| with_frame(error, &earlier))?;
    output::result(&match args.format {
        Format::Human => human::trace(&traced, args.rows),
        Format::Json => json::pretty(&traced),
    });
    Ok(if traced.agrees() {
        Exit::Done
    } else {
        Exit::Found
    })
}

/// What is run before, and the migration itself.
fn files(args: &Args, config: &Config) -> Result<(Vec<(Script, Wrapping)>, Migration), CliError> {
    if let Some(path) = &args.schema {
        let source = SourceFile::new(path.display().to_string(), migrations::text(path)?);
        let dump = (parse(source), Wrapping::Transaction);
        let migration = history::of_file(lint::source(&args.file)?, config)?;
        return Ok((vec![dump], migration));
    }
    let history = history::load_if_there(config, Twice::Refuse)?.unwrap_or_default();
    let mut earlier = Vec::new();
    for migration in history.migrations {
        if migration.is_file(Path::new(&args.file)) {
            return Ok((earlier, migration));
        }
        earlier.push((migration.script, migration.wrapping));
    }
    // A file that is not in the folder comes after all of it.
    Ok((
        earlier,
        history::of_file(lint::source(&args.file)?, config)?,
    ))
}

/// A file with mistakes is not run: what would be run is not what it says.
fn readable(script: &Script, file: &SourceFile) -> Result<(), CliError> {
    if script.diagnostics.is_empty() {
        return Ok(());
    }
    let shown: String = script
        .diagnostics
        .iter()
        .map(|mistake| frames::diagnostic(file, mistake) + "\n")
        .collect();
    Err(CliError::new(
        ErrorCode::InvalidMigration,
        format!("{} cannot be run as it is", file.name()),
    )
    .behind(shown))
}

async fn start(args: &Args) -> Result<Sandbox, CliError> {
    let search = Search::new(args.pg_bin.clone());
    let major = args.pg_version.map(PgVersion::major);
    let started = tokio::task::spawn_blocking(move || {
        let programs = match major {
            Some(major) => Programs::of_major(&search, major)?,
            None => Programs::newest(&search)?,
        };
        Sandbox::start(&programs, &sandbox::Settings::default())
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

fn in_words(error: TraceError) -> CliError {
    match error {
        TraceError::Database(error) => error.into(),
        TraceError::NotScratch(why) => CliError::new(ErrorCode::Run("not-scratch"), why).with_hint(
            "Create an empty database whose name holds the word scratch, or leave --scratch-url out.",
        ),
        error @ TraceError::Earlier { .. } => {
            CliError::new(ErrorCode::InvalidMigration, error.to_string())
        }
    }
}

/// As [`in_words`], with the place of an earlier statement that does not run.
fn with_frame(error: TraceError, earlier: &[(Script, Wrapping)]) -> CliError {
    let frame = match &error {
        TraceError::Earlier { file, span, error } => earlier
            .iter()
            .find(|(script, _)| script.source.name() == file)
            .map(|(script, _)| {
                let mistake = crate::diagnostic::Diagnostic::new(
                    "does-not-run",
                    crate::diagnostic::Level::Error,
                    *span,
                    error.message.clone(),
                );
                frames::diagnostic(&script.source, &mistake) + "\n"
            }),
        TraceError::Database(_) | TraceError::NotScratch(_) => None,
    };
    let shown = in_words(error);
    match frame {
        Some(frame) => shown
            .behind(frame)
            .with_hint("Mend it, or prepare the database from a dump: --schema dump.sql."),
        None => shown,
    }
}
