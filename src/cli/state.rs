//! What exists before a migration: from a schema dump, a database, or the earlier migrations.

use std::path::{Path, PathBuf};

use crate::{
    catalog::{Catalog, PgVersion, Stats, apply::apply, stats::STATS_VERSION},
    cli::{
        CliError, ErrorCode, catalog,
        connect::{self, ConnectArgs},
    },
    config::{Config, STATS_FILE, Settings, migrations},
    db::Session,
    execute::{
        apply::order::{self, Holder},
        error::ExecuteError,
        journal::Journal,
    },
    ident::Ident,
    parse::{Script, parse},
    source::SourceFile,
};

/// What exists before.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct StateArgs {
    /// Take what exists before from this dump (`pg_dump --schema-only`).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["live", "database_url"], help_heading = "What exists before")]
    pub schema: Option<PathBuf>,
    /// Take what exists before from the database that DATABASE_URL, libpq's PG* variables or
    /// zdm.toml name. It is only read.
    #[arg(long, help_heading = "What exists before")]
    pub live: bool,
    /// Take what exists before from this database. It is only read.
    #[arg(long, value_name = "URL", help_heading = "What exists before")]
    pub database_url: Option<String>,
    /// The major version of PostgreSQL to judge by when no database says: 14 to 18.
    #[arg(long, value_name = "N", value_parser = version, help_heading = "What exists before")]
    pub pg_version: Option<PgVersion>,
}

fn version(text: &str) -> Result<PgVersion, String> {
    let major: u32 = text
        .parse()
        .map_err(|_| "a major version such as 18 is needed".to_owned())?;
    PgVersion::try_from(major)
}

/// What exists before, and how that is known.
#[derive(Debug, Clone)]
pub enum State {
    /// From a dump: the migrations that made it are in it.
    Dump(Catalog),
    /// From a database: as it is when the views of migrations in flight have given way to their
    /// tables again.
    Live(Catalog, Database),
    /// To be found by replaying the folder, for this version.
    Replay(PgVersion),
}

/// The database that was read.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// The migrations in flight with views in the place of tables.
    pub holders: Vec<Holder>,
}

impl StateArgs {
    /// Reads the dump or the database that is named.
    pub async fn read(&self, settings: &Settings) -> Result<State, CliError> {
        let version = self.pg_version.unwrap_or_default();
        if let Some(path) = &self.schema {
            let text = migrations::text(path)?;
            let source = SourceFile::new(path.display().to_string(), text);
            return Ok(State::Dump(replay(Catalog::empty(version), &parse(source))));
        }
        if !self.live && self.database_url.is_none() {
            return Ok(State::Replay(version));
        }
        let args = ConnectArgs {
            database_url: self.database_url.clone(),
        };
        let target = connect::target(&args, settings)?;
        let mut session = connect::open(&target, "plan").await?;
        let schema = &settings.execute.journal_schema;
        // Whoever may not read the journal may read the catalog all the same.
        let holders = holders(&mut session, schema).await.unwrap_or_default();
        let catalog = catalog::read(&mut session, settings).await?;
        let catalog = holders
            .iter()
            .fold(catalog, |catalog, holder| holder.when_through(catalog));
        let name = session
            .value::<String>("SELECT pg_catalog.current_database()::text")
            .await?;
        if let Some(asked) = self.pg_version.filter(|asked| *asked != catalog.version) {
            return Err(CliError::new(
                ErrorCode::Usage,
                format!(
                    "--pg-version {asked} is given, and the database is PostgreSQL {}",
                    catalog.version
                ),
            )
            .with_hint("Leave --pg-version out: the database says its version."));
        }
        Ok(State::Live(catalog, Database { name, holders }))
    }
}

async fn holders(session: &mut Session, schema: &Ident) -> Result<Vec<Holder>, ExecuteError> {
    match Journal::look(session, schema).await?.journal()? {
        Some(journal) => order::holders(session, &journal).await,
        None => Ok(Vec::new()),
    }
}

/// The sizes that `zdm stats` wrote, from where zdm.toml says or beside it.
pub fn sizes(config: &Config) -> Result<Option<Stats>, CliError> {
    let set = config.settings.stats.as_deref();
    let path = config.base.join(set.unwrap_or(Path::new(STATS_FILE)));
    if set.is_none() && !path.exists() {
        return Ok(None);
    }
    let failed = |why: String| {
        CliError::new(
            ErrorCode::Config,
            format!("the sizes in {} {why}", path.display()),
        )
        .with_hint("Write the file anew with `zdm stats`.")
    };
    let text = std::fs::read_to_string(&path)
        .map_err(|error| failed(format!("cannot be read: {error}")))?;
    let stats: Stats = toml::from_str(&text)
        .map_err(|error| failed(format!("cannot be read: {}", error.to_string().trim_end())))?;
    if stats.version != STATS_VERSION {
        return Err(failed(format!(
            "have version {}, and this zdm knows {STATS_VERSION}",
            stats.version
        )));
    }
    Ok(Some(stats))
}

/// A catalog after every statement of a script.
pub fn replay(mut catalog: Catalog, script: &Script) -> Catalog {
    for statement in &script.statements {
        apply(&mut catalog, statement, script.source.text());
    }
    catalog
}
