//! `zdm adopt`.

use std::fmt::Write as _;

use crate::{
    cli::{
        CliError, Exit, Format,
        connect::ConnectArgs,
        engine::{self, Engine, Overrides},
        history::{self, Twice},
        output,
    },
    config::Config,
    execute::{
        adopt::{
            self, AdoptRequest, Differences, Source, Taken, Tool, Where,
            copies::{self, Accepted},
        },
        apply::MigrationFile,
        driver::Consent,
    },
    report::json,
};

/// Take over a database that has tables and no journal.
///
/// What another tool has run is marked as done; its table is only read, and nothing but zdm's own
/// schema is made. Run it again after the other tool has run more. With --from none zdm starts
/// here: nothing is marked as done (with --to ID, everything up to that migration), and what
/// exists is what the database says.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
pub struct Args {
    /// Whose history to take over.
    #[arg(long, value_enum, default_value_t = From::Auto)]
    from: From,
    /// The table of that history, when it is not the tool's usual one.
    #[arg(long, value_name = "[SCHEMA.]NAME")]
    table: Option<String>,
    /// Mark as done only up to this migration.
    #[arg(long, value_name = "ID")]
    to: Option<String>,
    /// Go on although files differ from what the other tool ran.
    #[arg(long)]
    accept_differences: bool,
    /// This database is a copy: go on with the journal that came with it. Where objects of a
    /// migration in flight are missing, what is left of it is removed.
    #[arg(long, conflicts_with_all = ["from", "table", "to", "forget"])]
    copy: bool,
    /// Take the journal away, to start anew; nothing may be in flight.
    #[arg(long, conflicts_with_all = ["from", "table", "to"])]
    forget: bool,
    /// Consent to --forget without a terminal, and to what is lost with --copy.
    #[arg(long, conflicts_with_all = ["from", "table", "to"])]
    yes: bool,
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

/// Whose history to take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum From {
    /// The tool's whose table is found.
    Auto,
    /// sqlx: _sqlx_migrations.
    Sqlx,
    /// Flyway: flyway_schema_history.
    Flyway,
    /// Prisma: _prisma_migrations.
    Prisma,
    /// diesel: __diesel_schema_migrations.
    Diesel,
    /// goose: goose_db_version.
    Goose,
    /// dbmate: schema_migrations.
    Dbmate,
    /// golang-migrate: schema_migrations.
    Migrate,
    /// refinery: refinery_schema_history.
    Refinery,
    /// Rails: schema_migrations.
    Rails,
    /// Django: django_migrations.
    Django,
    /// Nobody's: start here.
    None,
}

impl From {
    fn tool(self) -> Option<Tool> {
        match self {
            Self::Auto | Self::None => None,
            Self::Sqlx => Some(Tool::Sqlx),
            Self::Flyway => Some(Tool::Flyway),
            Self::Prisma => Some(Tool::Prisma),
            Self::Diesel => Some(Tool::Diesel),
            Self::Goose => Some(Tool::Goose),
            Self::Dbmate => Some(Tool::Dbmate),
            Self::Migrate => Some(Tool::Migrate),
            Self::Refinery => Some(Tool::Refinery),
            Self::Rails => Some(Tool::Rails),
            Self::Django => Some(Tool::Django),
        }
    }
}

#[derive(serde::Serialize)]
struct Shown<'a> {
    version: u32,
    journal_schema: &'a str,
    database: &'a str,
    from: Option<&'a str>,
    table: Option<String>,
    adopted: Vec<Named<'a>>,
    known: usize,
    without_file: &'a [String],
    pending: &'a [String],
    notes: &'a [String],
}

#[derive(serde::Serialize)]
struct Named<'a> {
    id: &'a str,
    name: &'a str,
}

/// Runs it.
pub(super) async fn run(args: &Args, config: &Config) -> Result<Exit, CliError> {
    let engine = Engine::start(
        &args.connect,
        &config.settings,
        Overrides::default(),
        args.format,
    )?;
    if args.copy || args.forget {
        return copy_or_forget(args, &engine).await;
    }
    // To start here, no folder is needed.
    let loaded = match (args.from, &args.to) {
        (From::None, None) => history::load_if_there(config, Twice::Refuse)?.unwrap_or_default(),
        (_, _) => history::load(config, Twice::Refuse)?,
    };
    let files: Vec<MigrationFile> = loaded.migrations.iter().map(engine::file).collect();
    let configured = &config.settings.history.place;
    let request = AdoptRequest {
        source: match args.from {
            From::None => Source::None,
            from => Source::Tool(Where {
                tool: from.tool().or(configured.tool),
                table: args.table.clone().or_else(|| configured.table.clone()),
            }),
        },
        to: args.to.clone(),
        differences: if args.accept_differences {
            Differences::Accept
        } else {
            Differences::Refuse
        },
    };
    let taken = adopt::adopt(&engine.runner, &files, &request).await?;
    output::result(&match args.format {
        Format::Human => in_words(&taken),
        Format::Json => json::pretty(&Shown {
            version: json::VERSION,
            journal_schema: taken.journal.schema().as_str(),
            database: &taken.journal.meta().identity.database_name,
            from: taken.from.as_ref().map(|found| found.tool.as_str()),
            table: taken.from.as_ref().map(|found| found.table.to_string()),
            adopted: taken
                .done
                .iter()
                .map(|one| Named {
                    id: &one.id,
                    name: &one.name,
                })
                .collect(),
            known: taken.known,
            without_file: &taken.without_file,
            pending: &taken.pending,
            notes: &taken.notes,
        }),
    });
    Ok(Exit::Done)
}

async fn copy_or_forget(args: &Args, engine: &Engine) -> Result<Exit, CliError> {
    let accepted = if args.copy {
        let consent = if args.yes {
            Consent::Given
        } else {
            Consent::None
        };
        copies::accept(&engine.runner, consent).await?
    } else {
        if !args.yes {
            engine::consent(
                "--forget takes away the record of every migration",
                "Run the same command with --yes.",
            )?;
        }
        copies::forget(&engine.runner).await?
    };
    let (what, mut text, taken_back) = match accepted {
        Accepted::Copy { of, taken_back } => (
            "copy",
            format!(
                "The journal of {of} is now that of this database. Its states stay, and nobody holds a lease.\n"
            ),
            taken_back,
        ),
        Accepted::Same { taken_back } => (
            "same",
            if taken_back.is_empty() {
                "The journal is that of this database already. Nothing was changed.\n".to_owned()
            } else {
                "The journal is that of this database already.\n".to_owned()
            },
            taken_back,
        ),
        Accepted::Forgotten => (
            "forgotten",
            "The journal is gone. Run zdm adopt to take the database over anew.\n".to_owned(),
            Vec::new(),
        ),
    };
    for id in &taken_back {
        let _ = writeln!(
            text,
            "Of {id} objects were missing: what was left of it is removed. Run zdm apply {id}."
        );
    }
    output::result(&match args.format {
        Format::Human => text,
        Format::Json => json::pretty(
            &serde_json::json!({ "version": json::VERSION, "journal": what, "taken_back": taken_back }),
        ),
    });
    Ok(Exit::Done)
}

fn in_words(taken: &Taken) -> String {
    let mut out = String::new();
    let schema = taken.journal.schema();
    let many = |count: usize| crate::report::count(count as u64, "migration");
    match (&taken.from, taken.done.len()) {
        (None, 0) => {
            let _ = writeln!(
                out,
                "The journal is in the schema {schema}. Nothing is marked as done."
            );
        }
        (None, new) => {
            let _ = writeln!(
                out,
                "The journal is in the schema {schema}. {} marked as done.",
                many(new)
            );
        }
        (Some(found), 0) if taken.known == 0 => {
            let _ = writeln!(
                out,
                "The journal is in the schema {schema}. Nothing is marked as done: {} has run \
                 nothing according to {}.",
                found.tool.title(),
                found.table
            );
        }
        (Some(found), 0) => {
            let _ = writeln!(
                out,
                "Nothing to do: what {} has run according to {} is known already ({}).",
                found.tool.title(),
                found.table,
                many(taken.known)
            );
        }
        (Some(found), new) => {
            let _ = writeln!(
                out,
                "{} marked as done, as {} says in {}.",
                many(new),
                found.tool.title(),
                found.table
            );
        }
    }
    if let [first, .., last] = taken.done.as_slice() {
        let _ = writeln!(out, "  {} to {}", first.id, last.id);
    }
    for note in &taken.notes {
        let _ = writeln!(out, "note: {note}");
    }
    match taken.pending.as_slice() {
        [] => {}
        [only] => {
            let _ = writeln!(out, "Pending: {only}. Run zdm plan {only}.");
        }
        [first, .., last] => {
            let _ = writeln!(
                out,
                "Pending: {}, {first} to {last}. Run zdm plan.",
                many(taken.pending.len())
            );
        }
    }
    out
}
