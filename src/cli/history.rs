//! The folder of migrations, read and parsed.

use std::{borrow::Cow, path::Path};

use crate::{
    cli::{CliError, ErrorCode},
    config::{Config, DirectiveText, migrations},
    diagnostic::closest,
    lint::{self, settings::Runner},
    parse::{
        Directive, Script, checksum,
        layout::{self, LayoutErrorKind, Program, Wrapping},
        parse,
    },
    plan::MigrationName,
    source::SourceFile,
};

/// One migration of the folder, or a file that is not in it.
#[derive(Debug, Clone)]
pub struct Migration {
    /// Its version and the rest of its name.
    pub name: MigrationName,
    /// `sha256:` of its tokens and of the directives that change the plan.
    pub checksum: String,
    /// Its statements; what is not its way up is blank in its text.
    pub script: Script,
    /// The file as it is, for code frames; its offsets are those of the script.
    pub file: SourceFile,
    /// Whether its tool runs it in one transaction.
    pub wrapping: Wrapping,
}

/// Every migration of a folder, in order.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The migrations.
    pub migrations: Vec<Migration>,
    /// The migrations that are programs, which zdm does not run.
    pub programs: Vec<Program>,
    /// What runs them.
    pub runs_programs: &'static str,
}

impl Migration {
    fn new(
        name: MigrationName,
        text: String,
        file: SourceFile,
        wrapping: Wrapping,
        config: &Config,
    ) -> Result<Self, CliError> {
        let mut script = parse(SourceFile::new(file.name(), text));
        script
            .file_directives
            .extend(configured_directives(config, &name.id)?);
        Ok(Self {
            name,
            checksum: checksum(&script),
            script,
            file,
            wrapping,
        })
    }

    /// What holds for lint: a file that says that it runs outside a transaction does.
    pub fn lint_settings<'a>(&self, settings: &'a lint::Settings) -> Cow<'a, lint::Settings> {
        lint_settings(self.wrapping, settings)
    }

    /// Whether this is the migration of that file.
    pub fn is_file(&self, path: &Path) -> bool {
        let own = Path::new(self.file.name());
        match (own.canonicalize(), path.canonicalize()) {
            (Ok(own), Ok(other)) => own == other,
            (_, _) => false,
        }
    }

    /// `0042 rename_name`, without a stray blank when one part is missing.
    pub fn title(&self) -> String {
        format!("{} {}", self.name.id, self.name.name)
            .trim()
            .to_owned()
    }
}

/// What becomes of a folder in which a version is there twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Twice {
    /// It is refused: nobody could say which of the two has run.
    Refuse,
    /// Both are taken, to be looked at.
    Keep,
}

/// Every migration of a folder, in the order of its layout.
pub fn of_folder(folder: &Path, config: &Config, twice: Twice) -> Result<History, CliError> {
    let found = migrations::files(folder)?;
    let files: Vec<layout::File> = found
        .iter()
        .map(|file| layout::File {
            path: file.relative.clone(),
            text: file.text.clone(),
        })
        .collect();
    let mut read = layout::read(&files, config.settings.layout);
    if twice == Twice::Keep {
        read.errors
            .retain(|error| error.kind != LayoutErrorKind::Twice);
    }
    if !read.errors.is_empty() {
        return Err(layout_errors(folder, &read));
    }
    let migrations = read
        .migrations
        .into_iter()
        .map(|migration| {
            let file = found.iter().find(|file| file.relative == migration.path);
            let (path, text) = file.map_or_else(
                || (migration.path.clone(), migration.text.clone()),
                |file| (file.path.clone(), file.text.clone()),
            );
            Migration::new(
                MigrationName {
                    id: migration.id,
                    name: migration.name,
                },
                migration.text,
                SourceFile::new(path, text),
                migration.wrapping,
                config,
            )
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(History {
        migrations,
        programs: read.programs,
        runs_programs: read.layout.runs_programs().unwrap_or_default(),
    })
}

/// The migrations among other files that a folder could have, by their paths below it; the folder
/// shows the layout.
pub fn of_others(
    folder: &Path,
    others: Vec<(String, String)>,
    config: &Config,
) -> Result<Vec<Migration>, CliError> {
    let is_other = |path: &str| others.iter().any(|(other, _)| other == path);
    let mut files: Vec<layout::File> = migrations::files(folder)?
        .into_iter()
        .filter(|file| !is_other(&file.relative))
        .map(|file| layout::File {
            path: file.relative,
            text: file.text,
        })
        .collect();
    let paths: Vec<String> = others.iter().map(|(path, _)| path.clone()).collect();
    files.extend(
        others
            .into_iter()
            .map(|(path, text)| layout::File { path, text }),
    );
    let read = layout::read(&files, config.settings.layout).migrations;
    let read = read
        .into_iter()
        .filter(|migration| paths.contains(&migration.path));
    read.map(|migration| {
        let name = MigrationName {
            id: migration.id,
            name: migration.name,
        };
        let path = folder.join(&migration.path).display().to_string();
        let file = SourceFile::new(path, migration.text.clone());
        Migration::new(name, migration.text, file, migration.wrapping, config)
    })
    .collect()
}

pub(super) fn layout_errors(folder: &Path, read: &layout::Folder) -> CliError {
    let lines: Vec<String> = read
        .errors
        .iter()
        .map(|error| format!("  {}: {} {}", error.path, error.message, error.help))
        .collect();
    CliError::new(
        ErrorCode::Migrations,
        format!(
            "{} cannot be read as a folder of migrations (layout {}):\n{}",
            folder.display(),
            read.layout.as_str(),
            lines.join("\n")
        ),
    )
    .with_hint("If the layout was not recognised, set `[migrations] layout` in zdm.toml.")
}

/// A file that is not in the folder, as a migration of its own.
pub fn of_file(file: SourceFile, config: &Config) -> Result<Migration, CliError> {
    let path = Path::new(file.name());
    // The folder's name belongs to the name of `0001_name/up.sql`.
    let parts: Vec<String> = path
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let start = parts.len().saturating_sub(2);
    let named = [parts[start..].join("/"), parts[parts.len() - 1..].join("/")];
    let beside = migrations::beside(path);
    let read = named.into_iter().find_map(|path| {
        let text = file.text().to_owned();
        let folder = path.rfind('/').map_or(0, |slash| slash + 1);
        let beside = beside.iter().map(|(name, text)| layout::File {
            path: format!("{}{name}", &path[..folder]),
            text: text.clone(),
        });
        let mut files: Vec<layout::File> = beside.collect();
        files.push(layout::File { path, text });
        let read = layout::read(&files, config.settings.layout);
        let mut migrations = read.migrations;
        (read.errors.is_empty() && migrations.len() == 1).then(|| migrations.remove(0))
    });
    let (name, text, wrapping) = match read {
        Some(migration) => (
            MigrationName {
                id: migration.id,
                name: migration.name,
            },
            migration.text,
            migration.wrapping,
        ),
        None => (
            MigrationName {
                id: path.file_stem().map_or_else(
                    || file.name().to_owned(),
                    |stem| stem.to_string_lossy().into_owned(),
                ),
                name: String::new(),
            },
            file.text().to_owned(),
            Wrapping::default(),
        ),
    };
    Migration::new(name, text, file, wrapping, config)
}

/// What holds for lint of a file that is run so.
pub fn lint_settings(wrapping: Wrapping, settings: &lint::Settings) -> Cow<'_, lint::Settings> {
    match wrapping {
        Wrapping::Transaction => Cow::Borrowed(settings),
        Wrapping::String if settings.runner != Runner::Statements => Cow::Owned(lint::Settings {
            runner: Runner::OneString,
            ..settings.clone()
        }),
        Wrapping::None | Wrapping::String => Cow::Owned(lint::Settings {
            runner: Runner::Statements,
            ..settings.clone()
        }),
    }
}

/// The statements of a migration of that id, with what zdm.toml says of it. A mistake there is told
/// by whoever runs the migration.
pub fn script(file: SourceFile, id: &str, config: &Config) -> Script {
    let mut script = parse(file);
    if let Ok(directives) = configured_directives(config, id) {
        script.file_directives.extend(directives);
    }
    script
}

/// The migrations of the configured folder.
pub fn load(config: &Config, twice: Twice) -> Result<History, CliError> {
    let dir = config.settings.migrations_dir.as_deref();
    of_folder(&migrations::folder(&config.base, dir)?, config, twice)
}

/// The migrations of the configured folder; `None` when there is none and none is configured.
pub fn load_if_there(config: &Config, twice: Twice) -> Result<Option<History>, CliError> {
    if config.settings.migrations_dir.is_none() && migrations::folder(&config.base, None).is_err() {
        return Ok(None);
    }
    load(config, twice).map(Some)
}

/// The directives that zdm.toml holds for a migration, as if each stood in its file.
fn configured_directives(config: &Config, id: &str) -> Result<Vec<Directive>, CliError> {
    let mut found = Vec::new();
    let texts = config.settings.directives.get(id).into_iter().flatten();
    for DirectiveText { text, span } in texts {
        let comment = text.replace(['\n', '\r'], " ");
        let script = parse(SourceFile::new(
            "zdm.toml",
            format!("-- zdm: file {comment}\n"),
        ));
        if let (Some(mistake), Some(file)) = (script.diagnostics.first(), &config.source) {
            let mut shown = mistake.clone();
            shown.span = *span;
            shown.labels.clear();
            return Err(CliError::new(
                ErrorCode::Config,
                format!(
                    "{} has a directive for {id} that cannot be read",
                    file.name()
                ),
            )
            .behind(crate::report::human::diagnostic(file, &shown) + "\n")
            .with_hint(
                "What a directive may say is described in docs/reference/configuration.md.",
            ));
        }
        found.extend(script.file_directives);
    }
    Ok(found)
}

/// The migration of that id.
pub fn find<'a>(migrations: &'a [Migration], id: &str) -> Result<&'a Migration, CliError> {
    if let Some(found) = migrations.iter().find(|migration| migration.name.id == id) {
        return Ok(found);
    }
    let ids = migrations
        .iter()
        .map(|migration| migration.name.id.as_str());
    let near = closest(id, ids).map_or_else(
        || match (migrations.first(), migrations.last()) {
            (Some(first), Some(last)) => format!(
                "The folder has {} to {}; a file is named by its path.",
                first.title(),
                last.title()
            ),
            (_, _) => "The folder has no migration.".to_owned(),
        },
        |near| format!("Did you mean {near}?"),
    );
    Err(CliError::new(
        ErrorCode::NoSuchMigration,
        format!("there is no migration {id}, and no file of that name"),
    )
    .with_hint(near))
}
