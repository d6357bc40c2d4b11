//! Which migrations are looked at, in which order, and on what.

use std::{collections::BTreeSet, path::Path};

use crate::{
    catalog::{Catalog, Stats},
    cli::{
        CliError, ErrorCode,
        connect::{self, ConnectArgs},
        git::Changes,
        history::{self, History, Migration},
        lint::{Args, paths, text_of},
        output,
        state::{self, State},
    },
    config::{Config, migrations},
    db::Session,
    diagnostic::{Diagnostic, Level},
    execute::journal::{Journal, MigrationState, OpenState},
    lint::{self, Folder, Judged, Released, Settings},
    source::{SourceFile, Span},
};

/// Migrations in the order in which they run, and what exists before the first.
pub(super) struct Series {
    /// What exists.
    pub catalog: Catalog,
    /// The migrations.
    pub members: Vec<Member>,
    /// Sizes of tables, where no database says them.
    pub sizes: Option<Stats>,
}

/// One migration of a series.
pub(super) struct Member {
    /// The migration.
    pub migration: Migration,
    /// What it is there for.
    pub role: Role,
    /// Whether it has run where it matters.
    released: Released,
    /// That it was released and is changed.
    pub edit: Option<Diagnostic>,
}

/// What a migration of a series is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Findings about it are wanted.
    Judged,
    /// It says what exists.
    Replayed,
    /// What it made is in the catalog already.
    There,
}

/// The name of the finding that a released migration is edited.
const EDITED: &str = "edited-migration";

/// Everything that a run looks at.
pub(super) async fn gather(
    args: &Args,
    config: &Config,
    state: State,
    changes: Option<&Changes>,
) -> Result<Vec<Series>, CliError> {
    let named = paths::expand(&args.paths)?;
    if args.stdin_filename.is_some() && !named.iter().any(|path| path == "-") {
        return Err(CliError::new(
            ErrorCode::Usage,
            "--stdin-filename needs - as a path: the text comes from standard input",
        ));
    }
    let replays = matches!(state, State::Replay(_));
    let mut series = match state {
        State::Dump(catalog) if named.is_empty() && changes.is_none() => {
            drop(catalog);
            return Err(must_be_named("a schema dump"));
        }
        State::Live(catalog, _) if named.is_empty() => {
            let pending = pending(args, config).await?;
            if pending.is_none() && changes.is_none() {
                return Err(must_be_named("a database without a journal"));
            }
            let migrations = history::load(config)?.migrations;
            let members = migrations
                .into_iter()
                .map(|migration| match &pending {
                    Some(pending) if pending.holds(&migration.name.id) => Member {
                        released: Released::No,
                        ..Member::of(migration, Role::Judged)
                    },
                    Some(_) => Member {
                        released: Released::Yes,
                        ..Member::of(migration, Role::There)
                    },
                    None => Member::of(migration, Role::Judged),
                })
                .collect();
            vec![Series::on(catalog, members)]
        }
        State::Dump(catalog) | State::Live(catalog, _) => {
            let mut members = Vec::new();
            if named.is_empty() {
                members.extend(wanted_of(history::load(config)?));
            }
            for path in &named {
                if Path::new(path).is_dir() {
                    members.extend(wanted_of(history::of_folder(Path::new(path), config)?));
                } else {
                    let file = text_of(path, args.stdin_filename.as_deref())?;
                    members.push(Member::of(history::of_file(file, config)?, Role::Judged));
                }
            }
            vec![Series::on(catalog, members)]
        }
        State::Replay(version) if named.is_empty() => {
            vec![Series::on(
                Catalog::empty(version),
                wanted_of(history::load(config)?).collect(),
            )]
        }
        State::Replay(version) => {
            let (files, folders): (Vec<&String>, Vec<&String>) =
                named.iter().partition(|path| !Path::new(path).is_dir());
            let mut found = Vec::new();
            for folder in folders {
                let history = history::of_folder(Path::new(folder), config)?;
                found.push(Series::on(
                    Catalog::empty(version),
                    wanted_of(history).collect(),
                ));
            }
            if !files.is_empty() {
                let (catalog, members) = at_their_places(&files, args, config, version)?;
                found.push(Series::on(catalog, members));
            }
            found
        }
    };
    let sizes = state::sizes(config)?;
    for series in &mut series {
        series.sizes = sizes.clone().filter(|_| !series.catalog.live);
        let Some(changes) = changes else {
            continue;
        };
        for member in &mut series.members {
            let path = Path::new(member.migration.file.name());
            let changed = changes.include(path);
            member.released = match (member.released, changed && !changes.edited(path)) {
                (Released::Unknown, true) => Released::No,
                (Released::Unknown, false) => Released::Yes,
                (known @ (Released::Yes | Released::No), _) => known,
            };
            if member.role == Role::Judged && changed {
                member.edit = edit(&member.migration, changes, config)?;
            } else if member.role == Role::Judged {
                // What did not change is in the dump or in the database, where there is one.
                member.role = if replays { Role::Replayed } else { Role::There };
            }
        }
    }
    Ok(series)
}

fn wanted_of(history: History) -> impl Iterator<Item = Member> {
    let migrations = history.migrations.into_iter();
    migrations.map(|migration| Member::of(migration, Role::Judged))
}

/// Files of the configured folder are judged at their place in it, others after all of it.
fn at_their_places(
    files: &[&String],
    args: &Args,
    config: &Config,
    version: crate::catalog::PgVersion,
) -> Result<(Catalog, Vec<Member>), CliError> {
    let (history, catalog) = match history::load_if_there(config)? {
        Some(history) => (history, Catalog::empty(version)),
        None => (History::default(), Catalog::unknown(version)),
    };
    let mut members: Vec<Member> = history
        .migrations
        .into_iter()
        .map(|migration| Member::of(migration, Role::Replayed))
        .collect();
    let real = |path: &str| Path::new(path).canonicalize().ok();
    let places: Vec<_> = members
        .iter()
        .map(|member| real(member.migration.file.name()))
        .collect();
    for path in files {
        let name = match path.as_str() {
            "-" => args.stdin_filename.as_deref().unwrap_or("-"),
            path => path,
        };
        let place = real(name).and_then(|real| {
            places
                .iter()
                .position(|place| place.as_ref() == Some(&real))
        });
        match (place, path.as_str()) {
            (Some(at), "-") => {
                let file: SourceFile = text_of("-", args.stdin_filename.as_deref())?;
                members[at] = Member::of(history::of_file(file, config)?, Role::Judged);
            }
            (Some(at), _) => members[at].role = Role::Judged,
            (None, path) => {
                let file = text_of(path, args.stdin_filename.as_deref())?;
                members.push(Member::of(history::of_file(file, config)?, Role::Judged));
            }
        }
    }
    Ok((catalog, members))
}

impl Series {
    fn on(catalog: Catalog, members: Vec<Member>) -> Self {
        Self {
            catalog,
            members,
            sizes: None,
        }
    }
}

impl Member {
    /// Whether it has run where it matters, or was there before and is edited.
    pub(super) fn is_released(&self) -> bool {
        self.released == Released::Yes || self.edit.is_some()
    }

    fn of(migration: Migration, role: Role) -> Self {
        Self {
            migration,
            role,
            released: Released::Unknown,
            edit: None,
        }
    }
}

/// What the rules over a folder find, by the position of the migration.
pub(super) fn across(series: &Series, settings: &Settings) -> Vec<Vec<Diagnostic>> {
    let members = series.members.iter().map(|member| lint::Member {
        id: &member.migration.name.id,
        name: &member.migration.name.name,
        script: &member.migration.script,
        released: member.released,
        judged: match member.role {
            Role::Judged => Judged::Yes,
            Role::Replayed | Role::There => Judged::No,
        },
    });
    lint::across(&Folder {
        members: members.collect(),
        settings,
    })
}

fn must_be_named(what: &str) -> CliError {
    CliError::new(
        ErrorCode::Usage,
        format!("with {what}, the files to look at must be named"),
    )
    .with_hint(
        "Name the migrations that are not in it yet, as in \
         `zdm lint --live migrations/0042_rename.sql`; with a journal (`zdm adopt`), zdm knows \
         which are pending.",
    )
}

/// What a journal says has begun, or was adopted.
pub(super) struct Applied(BTreeSet<String>);

impl Applied {
    /// Whether a migration is still to come.
    pub(super) fn holds(&self, id: &str) -> bool {
        !self.0.contains(id)
    }
}

/// Which migrations are pending, if the database has a journal.
pub(super) async fn pending(args: &Args, config: &Config) -> Result<Option<Applied>, CliError> {
    let connect = ConnectArgs {
        database_url: args.state.database_url.clone(),
    };
    let target = connect::target(&connect, &config.settings)?;
    let mut session: Session = connect::open(&target, "lint").await?;
    let schema = &config.settings.execute.journal_schema;
    let journal = match Journal::open(&mut session, schema).await? {
        OpenState::Missing { .. } => return Ok(None),
        // A copy is as good as the original to look at.
        OpenState::Open(journal) | OpenState::Copied { journal, .. } => journal,
    };
    let recorded = journal.migrations(&mut session).await?;
    Ok(Some(Applied(
        recorded
            .into_iter()
            .filter(|summary| !still_to_come(summary.state))
            .map(|summary| summary.id)
            .collect(),
    )))
}

fn still_to_come(state: MigrationState) -> bool {
    match state {
        MigrationState::Pending | MigrationState::Queued | MigrationState::RolledBack => true,
        MigrationState::Expanding
        | MigrationState::Expanded
        | MigrationState::Migrating
        | MigrationState::Migrated
        | MigrationState::Contracting
        | MigrationState::Done
        | MigrationState::RollingBack
        | MigrationState::Adopted
        | MigrationState::Failed => false,
    }
}

/// That a migration which was there before does something else now.
fn edit(
    migration: &Migration,
    changes: &Changes,
    config: &Config,
) -> Result<Option<Diagnostic>, CliError> {
    let name = migration.file.name();
    let Some(text) = changes.text_before(Path::new(name)) else {
        return Ok(None);
    };
    let before = history::of_file(SourceFile::new(name, text), config)?;
    if before.checksum == migration.checksum {
        return Ok(None);
    }
    // Where the statements begin to differ.
    let words = |migration: &Migration, at: usize| {
        let statement = migration.script.statements.get(at)?;
        let text = migration.script.source.slice(statement.span);
        Some(
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    };
    let statements = migration.script.statements.len();
    let first = (0..statements).find(|at| words(migration, *at) != words(&before, *at));
    let span = first
        .or(statements.checked_sub(1))
        .map_or(Span::new(0, 0), |at| migration.script.statements[at].span);
    let edit = Diagnostic::new(
        EDITED,
        Level::Warning,
        span,
        format!(
            "This is an edit of a released migration: {} was there at {}, and its statements were \
             others. Where it has run, it does not run again, so that databases will differ, and \
             `zdm apply` refuses a file that was changed.",
            migration.title(),
            changes.revision
        ),
    )
    .with_help("Take the edit back, and write what is to change as a new migration.");
    Ok(Some(edit))
}

/// Tells of a file of migrations that was there before and is gone.
pub(super) fn tell_removed(path: &Path, changes: &Changes, config: &Config) {
    let sql = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("sql"));
    let folder = migrations::folder(&config.base, config.settings.migrations_dir.as_deref());
    let inside = folder
        .ok()
        .and_then(|folder| folder.canonicalize().ok())
        .and_then(|folder| path.strip_prefix(folder).ok().map(Path::to_owned));
    if let Some(inside) = inside.filter(|_| sql) {
        output::note(&format!(
            "note: {} was there at {} and is gone; databases that have run it keep what it made\n",
            inside.display(),
            changes.revision
        ));
    }
}
