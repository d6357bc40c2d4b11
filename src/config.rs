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
};

use crate::{
    diagnostic::{Diagnostic, Level},
    execute::{
        adopt::{Where, mirror::When},
        backfill,
        settings::ExecuteSettings,
        throttle,
    },
    lint,
    parse::layout::Layout,
    plan::{LateExpandPolicy, Sizes, Tighten},
    source::SourceFile,
};

pub use keys::Key;
pub use read::read;

/// The name of the file.
pub const FILE_NAME: &str = "zdm.toml";

/// The name of the file of sizes beside it, unless another is set.
pub const STATS_FILE: &str = "zdm-stats.toml";

/// Everything that can be set, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where to connect to, when the file says so.
    pub database_url: Option<String>,
    /// The file of sizes, as written.
    pub stats: Option<PathBuf>,
    /// The folder of migrations, as written.
    pub migrations_dir: Option<PathBuf>,
    /// The layout of the folder, when it is not to be detected.
    pub layout: Option<Layout>,
    /// Locks, role and journal of a run.
    pub execute: ExecuteSettings,
    /// How rows are filled.
    pub backfill: backfill::Settings,
    /// When a backfill makes way.
    pub throttle: throttle::Settings,
    /// When constraints on existing columns start to refuse.
    pub tighten: Tighten,
    /// What to do with a plan in which the new application has to wait for contract.
    pub late_expand: LateExpandPolicy,
    /// Which sizes of tables decide between one statement and many.
    pub sizes: Sizes,
    /// Whether a migration below the last applied one is always refused.
    pub strict_order: StrictOrder,
    /// What lint says and when it fails.
    pub lint: Lint,
    /// Directives kept outside of files that must not be touched, by migration id.
    pub directives: BTreeMap<String, Vec<DirectiveText>>,
    /// The other tool's history.
    pub history: History,
}

/// The other tool's history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// Whose, and which table.
    pub place: Where,
    /// Whether its table is kept up, and from when on a migration counts as done there.
    pub mirror: Option<When>,
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
    /// Levels, paths and options of rules.
    pub rules: lint::Settings,
    /// The file of findings that are not reported, as written.
    pub baseline: Option<PathBuf>,
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
            stats: None,
            migrations_dir: None,
            layout: None,
            execute: ExecuteSettings::default(),
            backfill: backfill::Settings::default(),
            throttle: throttle::Settings::default(),
            tighten: Tighten::default(),
            late_expand: LateExpandPolicy::default(),
            sizes: Sizes::default(),
            strict_order: StrictOrder::WhenItMatters,
            lint: Lint {
                fail_on: FailOn::Level(Level::Warning),
                rules: lint::Settings::default(),
                baseline: None,
            },
            directives: BTreeMap::new(),
            history: History::default(),
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
    /// The folder that relative paths in the file start from, or the current one.
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

/// Reads `explicit`, or the nearest `zdm.toml` at or above the current `directory`, or takes the
/// defaults.
pub fn load(explicit: Option<&Path>, directory: &Path) -> Result<Config, ConfigError> {
    let Some(path) = explicit.map(Path::to_owned).or_else(|| nearest(directory)) else {
        return Ok(Config::default());
    };
    // People know files by their way from where they are.
    let here = std::env::current_dir().is_ok_and(|here| here == directory);
    let path = match path.strip_prefix(directory) {
        Ok(relative) if here => relative.to_owned(),
        Ok(_) | Err(_) => path,
    };
    let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Read {
        path: path.clone(),
        source,
    })?;
    let file = SourceFile::new(path.display().to_string(), text);
    let (settings, diagnostics) = read(&file);
    if !diagnostics.is_empty() {
        return Err(ConfigError::Invalid {
            file: Box::new(file),
            diagnostics,
        });
    }
    Ok(Config {
        settings,
        source: Some(file),
        base: path.parent().map(Path::to_owned).unwrap_or_default(),
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
