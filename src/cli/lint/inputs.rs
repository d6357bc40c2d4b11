//! Which migrations are looked at, in which order, and on what.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{
    catalog::{Catalog, Stats},
    cli::{
        CliError, ErrorCode,
        connect::{self, ConnectArgs},
        git::Changes,
        history::{self, History, Migration, Twice},
        lint::{Args, paths, text_of},
        output,
        state::{self, State},
    },
    config::{Config, migrations},
    db::Session,
    diagnostic::Diagnostic,
    execute::journal::{Journal, MigrationState, OpenState},
    lint::{self, Folder, Judged, KeptBy, Released, Settings},
    source::SourceFile,
};

/// Migrations in the order in which they run, and what exists before the first.
pub(super) struct Series {
    /// What exists.
    pub catalog: Catalog,
    /// The migrations.
    pub members: Vec<Member>,
    /// Sizes of tables, where no database says them.
    pub sizes: Option<Stats>,
    /// What a revision has that this folder does not, with its name.
    elsewhere: Option<(String, Vec<Migration>)>,
}

/// One migration of a series.
pub(super) struct Member {
    /// The migration.
    pub migration: Migration,
    /// What it is there for.
    pub role: Role,
    /// Whether it has run where it matters.
    released: Released,
    /// What it was when it was released, where that was something else.
    original: Option<Original>,
}

/// What a migration was when it was released.
struct Original {
    migration: Migration,
    /// The revision that has it; `None` when the journal does.
    revision: Option<String>,
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
            let migrations = history::load(config, Twice::Keep)?.migrations;
            let all: Vec<&Migration> = migrations.iter().collect();
            let recorded = recorded(args, config, &all).await?;
            if recorded.is_none() && changes.is_none() {
                return Err(must_be_named("a database without a journal"));
            }
            let mut members: Vec<Member> = migrations
                .into_iter()
                .map(|migration| Member::of(migration, Role::Judged))
                .collect();
            if let Some(mut recorded) = recorded {
                for member in &mut members {
                    recorded.tell(member);
                    if member.released == Released::Yes {
                        member.role = Role::There;
                    }
                }
            }
            vec![Series::on(catalog, members)]
        }
        State::Dump(catalog) => vec![Series::on(catalog, wanted(&named, args, config)?)],
        State::Live(catalog, _) => {
            let mut members = wanted(&named, args, config)?;
            told_by_journal(args, config, &mut members).await;
            vec![Series::on(catalog, members)]
        }
        State::Replay(version) if named.is_empty() => {
            vec![Series::on(
                Catalog::empty(version),
                wanted_of(history::load(config, Twice::Keep)?).collect(),
            )]
        }
        State::Replay(version) => {
            let (files, folders): (Vec<&String>, Vec<&String>) =
                named.iter().partition(|path| !Path::new(path).is_dir());
            let mut found = Vec::new();
            for folder in folders {
                let history = history::of_folder(Path::new(folder), config, Twice::Keep)?;
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
                if let Some(original) = at_revision(&member.migration, changes, config)? {
                    member.original = Some(original);
                }
            } else if member.role == Role::Judged {
                // What did not change is in the dump or in the database, where there is one.
                member.role = if replays { Role::Replayed } else { Role::There };
            }
        }
        series.meet(changes, config)?;
    }
    Ok(series)
}

/// The files that were named, in that order; without any, those of the folder.
fn wanted(named: &[String], args: &Args, config: &Config) -> Result<Vec<Member>, CliError> {
    if named.is_empty() {
        return Ok(wanted_of(history::load(config, Twice::Keep)?).collect());
    }
    let mut members = Vec::new();
    for path in named {
        if Path::new(path).is_dir() {
            let history = history::of_folder(Path::new(path), config, Twice::Keep)?;
            members.extend(wanted_of(history));
        } else {
            let file = text_of(path, args.stdin_filename.as_deref())?;
            members.push(Member::of(history::of_file(file, config)?, Role::Judged));
        }
    }
    Ok(members)
}

/// Says of files that were named what a journal knows of them. They can be judged without one, so
/// that one which cannot be read is only mentioned.
async fn told_by_journal(args: &Args, config: &Config, members: &mut [Member]) {
    let all: Vec<&Migration> = members.iter().map(|member| &member.migration).collect();
    match recorded(args, config, &all).await {
        Ok(None) => {}
        Ok(Some(mut recorded)) => {
            for member in members {
                recorded.tell(member);
            }
        }
        Err(why) => output::note(&format!("note: what has run is not known: {why}\n")),
    }
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
    let (history, catalog) = match history::load_if_there(config, Twice::Keep)? {
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
            elsewhere: None,
        }
    }

    /// Tells of what a revision got after this branch left it: some of it may be here as well.
    fn meet(&mut self, changes: &Changes, config: &Config) -> Result<(), CliError> {
        let Ok(folder) =
            migrations::folder(&config.base, config.settings.migrations_dir.as_deref())
        else {
            return Ok(());
        };
        let real = |path: &str| Path::new(path).canonicalize().ok();
        let root = folder.canonicalize().ok();
        let here = self.members.iter().any(|member| {
            let path = real(member.migration.file.name());
            root.as_ref()
                .zip(path)
                .is_some_and(|(root, path)| path.starts_with(root))
        });
        if !here {
            return Ok(());
        }
        let mut elsewhere = Vec::new();
        let gained = changes.gained_in(&folder);
        for migration in history::of_others(&folder, gained, config)? {
            let path = Path::new(migration.file.name());
            let same = self
                .members
                .iter_mut()
                .find(|member| member.migration.is_file(path));
            match same {
                None => elsewhere.push(migration),
                Some(member) => {
                    member.released = Released::Yes;
                    if member.migration.checksum != migration.checksum {
                        member.original = Some(Original {
                            migration,
                            revision: Some(changes.revision.clone()),
                        });
                    }
                }
            }
        }
        self.elsewhere = Some((changes.revision.clone(), elsewhere));
        Ok(())
    }
}

impl Member {
    /// Whether it has run where it matters, or was there before and is edited.
    pub(super) fn is_released(&self) -> bool {
        self.released == Released::Yes || self.original.is_some()
    }

    fn of(migration: Migration, role: Role) -> Self {
        Self {
            migration,
            role,
            released: Released::Unknown,
            original: None,
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
            // That one has changed since it ran is wanted of all.
            Role::There if member.original.is_some() => Judged::Yes,
            Role::Replayed | Role::There => Judged::No,
        },
        original: member.original.as_ref().map(|original| lint::Original {
            script: &original.migration.script,
            kept_by: match &original.revision {
                Some(revision) => KeptBy::Revision(revision),
                None => KeptBy::Journal,
            },
        }),
        only_at: None,
    });
    let elsewhere = series.elsewhere.iter().flat_map(|(revision, migrations)| {
        migrations.iter().map(|migration| lint::Member {
            id: &migration.name.id,
            name: &migration.name.name,
            script: &migration.script,
            released: Released::Yes,
            judged: Judged::No,
            original: None,
            only_at: Some(revision.as_str()),
        })
    });
    let mut found = lint::across(&Folder {
        members: members.chain(elsewhere).collect(),
        settings,
    });
    found.truncate(series.members.len());
    found
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

/// What a journal says of the migrations of a run.
struct Recorded {
    /// Those that have begun, or were adopted.
    begun: BTreeSet<String>,
    /// The texts of those of them that said something else, by id.
    originals: BTreeMap<String, Migration>,
}

impl Recorded {
    /// Says of a migration what the journal does.
    fn tell(&mut self, member: &mut Member) {
        let id = &member.migration.name.id;
        member.released = if self.begun.contains(id) {
            Released::Yes
        } else {
            Released::No
        };
        member.original = self.originals.remove(id).map(|migration| Original {
            migration,
            revision: None,
        });
    }
}

/// What the journal says of these migrations, if the database has one.
async fn recorded(
    args: &Args,
    config: &Config,
    migrations: &[&Migration],
) -> Result<Option<Recorded>, CliError> {
    let connect = ConnectArgs {
        database_url: args.state.database_url.clone(),
    };
    let target = connect::target(&connect, &config.settings)?;
    let mut session: Session = connect::open(&target, "lint").await?;
    let schema = &config.settings.execute.journal_schema;
    let journal = match Journal::look(&mut session, schema).await? {
        OpenState::Missing { .. } => return Ok(None),
        // A copy is as good as the original to look at.
        OpenState::Open(journal) | OpenState::Copied { journal, .. } => journal,
    };
    let mut recorded = Recorded {
        begun: BTreeSet::new(),
        originals: BTreeMap::new(),
    };
    for summary in journal.migrations(&mut session).await? {
        if still_to_come(summary.state) {
            continue;
        }
        let here = migrations
            .iter()
            .find(|migration| migration.name.id == summary.id);
        if let Some(here) = here
            // What was adopted without a file has no checksum.
            && !summary.checksum.is_empty()
            && summary.checksum != here.checksum
            && let Some(record) = journal.load(&mut session, &summary.id).await?
        {
            let then = SourceFile::new(here.file.name(), record.source);
            let then = history::of_file(then, config)?;
            if then.checksum != here.checksum {
                recorded.originals.insert(summary.id.clone(), then);
            }
        }
        recorded.begun.insert(summary.id);
    }
    Ok(Some(recorded))
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

/// What a migration was at a revision, when it was something else.
fn at_revision(
    migration: &Migration,
    changes: &Changes,
    config: &Config,
) -> Result<Option<Original>, CliError> {
    let name = migration.file.name();
    let Some(text) = changes.text_before(Path::new(name)) else {
        return Ok(None);
    };
    let before = history::of_file(SourceFile::new(name, text), config)?;
    Ok((before.checksum != migration.checksum).then(|| Original {
        migration: before,
        revision: Some(changes.revision.clone()),
    }))
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
