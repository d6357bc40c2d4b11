//! Configuration: `zdm.toml`, the environment, and the folder of migrations.
//!
//! Raw input ends here: the rest of zdm sees [`Settings`], resolved once. A mistake in the file
//! is a [`Diagnostic`] with a place, shown with the same code frames as findings in SQL; an
//! unknown key is an error, never ignored.
//! Next: [`keys`] is the one list of keys, [`migrations`] reads the folder.

pub mod duration;
pub mod keys;
pub mod migrations;
mod read;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{diagnostic::Diagnostic, diagnostic::Level, ident::Ident, source::SourceFile};

pub use keys::Key;
pub(crate) use read::closest;
pub use read::read;

/// The name of the file.
pub const FILE_NAME: &str = "zdm.toml";

/// Everything that can be set, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where to connect to, when the file says so.
    pub database_url: Option<String>,
    /// The folder of migrations, as written.
    pub migrations_dir: Option<PathBuf>,
    /// The layout of the folder, when it is not to be detected.
    pub layout: Option<String>,
    /// How locks are asked for.
    pub locks: Locks,
    /// How rows are filled.
    pub backfill: Backfill,
    /// When constraints on existing columns start to refuse.
    pub tighten: Tighten,
    /// Whether a migration below the last applied one is always refused.
    pub strict_order: StrictOrder,
    /// What lint says and when it fails.
    pub lint: Lint,
    /// The role that creates objects.
    pub role: Option<Ident>,
    /// The schema of the journal.
    pub journal_schema: Ident,
    /// Directives kept outside of files that must not be touched, by migration id.
    pub directives: BTreeMap<String, Vec<DirectiveText>>,
}

/// How locks are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locks {
    /// How long to go on trying in all, for one step.
    pub budget: Duration,
    /// The longest that anyone waits behind zdm at a time.
    pub max_wait: Duration,
    /// The longest that a strong lock is held.
    pub max_hold: Duration,
    /// Cancel sessions that have been in the way for longer than this.
    pub cancel_blockers_older_than: Option<Duration>,
}

/// How rows are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backfill {
    /// How long one batch should take.
    pub batch_time: Duration,
    /// How many batches run at the same time.
    pub workers: u32,
}

/// When a constraint on an existing column starts to refuse rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tighten {
    /// In migrate, with the rest of the long work.
    Migrate,
    /// At the start of contract, when the old application is gone.
    Contract,
}

/// What happens to a migration below the last applied one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StrictOrder {
    /// It is accepted when it touches nothing that later ones touched.
    WhenItMatters,
    /// It is refused.
    Always,
}

/// What lint says and when it fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// The lowest level that makes `zdm lint` exit with 1.
    pub fail_on: FailOn,
    /// The levels of rules that differ from their pages.
    pub levels: BTreeMap<String, RuleLevel>,
}

/// From which level on findings make the exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailOn {
    /// Findings of this level or above.
    Level(Level),
    /// Never.
    Never,
}

impl FailOn {
    /// Whether a finding of this level makes the run fail.
    pub fn includes(self, level: Level) -> bool {
        match self {
            Self::Level(lowest) => level >= lowest,
            Self::Never => false,
        }
    }
}

/// What a rule's findings count as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleLevel {
    /// Not reported.
    Off,
    /// Reported at this level.
    At(Level),
}

/// A directive as it would stand in a comment behind `-- zdm:`, and where it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectiveText {
    /// `up(full_name) lower(name)`, `phase contract`, `strategy trigger`, ….
    pub text: String,
    /// Its bytes in `zdm.toml`.
    pub span: crate::source::Span,
}

impl Default for Settings {
    /// What holds without a file; [`Key::default_text`] says the same in words.
    fn default() -> Self {
        Self {
            database_url: None,
            migrations_dir: None,
            layout: None,
            locks: Locks {
                budget: Duration::from_mins(2),
                max_wait: Duration::from_millis(100),
                max_hold: Duration::from_secs(5),
                cancel_blockers_older_than: None,
            },
            backfill: Backfill {
                batch_time: Duration::from_millis(100),
                workers: 1,
            },
            tighten: Tighten::Migrate,
            strict_order: StrictOrder::WhenItMatters,
            lint: Lint {
                fail_on: FailOn::Level(Level::Warning),
                levels: BTreeMap::new(),
            },
            role: None,
            journal_schema: Ident::exact("zdm"),
            directives: BTreeMap::new(),
        }
    }
}

/// Settings with the file they came from.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The settings.
    pub settings: Settings,
    /// The text of the file, when there is one.
    pub source: Option<SourceFile>,
    /// The folder that relative paths in the file start from.
    pub base: PathBuf,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has mistakes.
    #[error("{} has {} to correct", file.name(), crate::report::count(diagnostics.len() as u64, "mistake"))]
    Invalid {
        /// The file.
        file: Box<SourceFile>,
        /// What is wrong with it.
        diagnostics: Vec<Diagnostic>,
    },
}

/// Reads `explicit`, or the nearest `zdm.toml` at or above `directory`, or takes the defaults.
pub fn load(explicit: Option<&Path>, directory: &Path) -> Result<Config, ConfigError> {
    let path = match explicit {
        Some(path) => path.to_owned(),
        None => match nearest(directory) {
            Some(path) => path,
            None => {
                return Ok(Config {
                    base: directory.to_owned(),
                    ..Config::default()
                });
            }
        },
    };
    let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Read {
        path: path.clone(),
        source,
    })?;
    let shown = path.strip_prefix(directory).unwrap_or(&path);
    let source = SourceFile::new(shown.display().to_string(), text);
    let (settings, diagnostics) = read(&source);
    if !diagnostics.is_empty() {
        return Err(ConfigError::Invalid {
            file: Box::new(source),
            diagnostics,
        });
    }
    let base = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
        .to_owned();
    Ok(Config {
        settings,
        source: Some(source),
        base,
    })
}

/// The file in `directory` or the nearest folder above it, not past the top of a repository.
fn nearest(directory: &Path) -> Option<PathBuf> {
    for folder in directory.ancestors() {
        let candidate = folder.join(FILE_NAME);
        if candidate.is_file() {
            return Some(candidate);
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}
