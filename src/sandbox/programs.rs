//! Finds PostgreSQL server programs on this machine.
//!
//! Looks where they may be and asks each `postgres` for its version. It never starts a server and
//! never installs anything. The server itself is in [`crate::sandbox`].

use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::SandboxError;

/// Where to look for server programs.
///
/// [`Search::new`] takes what it needs from the environment; the fields can then be changed.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The folder given with `--pg-bin`. When it is given nothing else is looked at.
    pub bin_dir: Option<PathBuf>,
    /// The folders of `ZDM_PG_BIN`, separated like those of `PATH`. When it is set and there is
    /// no `bin_dir`, nothing else is looked at.
    pub environment: Option<OsString>,
    /// The value of `PATH`.
    pub path: Option<OsString>,
    /// The home directory, for servers downloaded by `make`.
    pub home: Option<PathBuf>,
    /// Whether to ask `pg_config` and look in the usual folders.
    pub usual_folders: UsualFolders,
}

/// Whether [`Search`] looks beyond the folders that it was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UsualFolders {
    /// Only the given folders.
    #[default]
    Ignore,
    /// Also where packages and `make` put PostgreSQL.
    Include,
}

impl Search {
    /// Looks in `bin_dir` if it is given, else in `ZDM_PG_BIN` if it is set, else everywhere.
    pub fn new(bin_dir: Option<PathBuf>) -> Self {
        Self {
            bin_dir,
            environment: std::env::var_os("ZDM_PG_BIN").filter(|value| !value.is_empty()),
            path: std::env::var_os("PATH"),
            home: std::env::home_dir(),
            usual_folders: UsualFolders::Include,
        }
    }

    fn candidates(&self) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        if self.usual_folders == UsualFolders::Include {
            folders.extend(pg_config_bindir());
        }
        if let Some(path) = &self.path {
            folders.extend(std::env::split_paths(path).filter(|folder| folder.is_absolute()));
        }
        if self.usual_folders == UsualFolders::Include {
            folders.extend(versioned("/usr/lib/postgresql", "", "bin"));
            folders.extend(versioned("/usr", "pgsql-", "bin"));
            folders.extend(versioned("/opt/homebrew/opt", "postgresql", "bin"));
            folders.extend(versioned("/usr/local/opt", "postgresql", "bin"));
            folders.push(PathBuf::from("/usr/local/pgsql/bin"));
            // Where `.ci/setup` puts the servers that it downloads.
            folders.extend(versioned("/usr/local/lib/zdm/postgresql", "", "bin"));
            if let Some(home) = &self.home {
                folders.extend(versioned(home.join(".cache/zdm/postgresql"), "", "bin"));
            }
        }
        folders
    }
}

/// `parent/<name that starts with prefix>/last`, for every such folder.
fn versioned(parent: impl AsRef<Path>, prefix: &str, last: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(prefix) && !name.starts_with('.')
        })
        .map(|entry| entry.path().join(last))
        .filter(|folder| folder.is_dir())
        .collect();
    folders.sort();
    folders
}

fn pg_config_bindir() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| PathBuf::from(text))
}

/// The version of a PostgreSQL server, as `postgres --version` tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion {
    /// The major version, as 18.
    pub major: u32,
    /// The minor version, as 4 in 18.4; 0 for a version that is not released.
    pub minor: u32,
}

impl ServerVersion {
    /// Reads `postgres (PostgreSQL) 18.4 (Debian 18.4-1)` and the like.
    pub fn parse(output: &str) -> Option<Self> {
        let rest = output.trim().strip_prefix("postgres (PostgreSQL) ")?;
        let number = rest.split_whitespace().next()?;
        let digits = |text: &str| {
            let end = text
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len());
            text[..end].parse::<u32>().ok()
        };
        let major = digits(number)?;
        let minor = number
            .split_once('.')
            .and_then(|(_, minor)| digits(minor))
            .unwrap_or(0);
        Some(Self { major, minor })
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The server programs of one PostgreSQL installation: at least `initdb` and `postgres`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    folder: PathBuf,
    version: ServerVersion,
}

impl Programs {
    /// Every installation found, the newest version first.
    ///
    /// # Errors
    ///
    /// [`SandboxError::BadBinDir`] if a folder was named and holds no server programs, and
    /// [`SandboxError::NoPrograms`] if none was named and none is found.
    pub fn find(search: &Search) -> Result<Vec<Self>, SandboxError> {
        if let Some(folder) = &search.bin_dir {
            return Ok(vec![Self::in_folder(folder)?]);
        }
        let mut found = Vec::new();
        if let Some(folders) = &search.environment {
            for folder in std::env::split_paths(folders) {
                found.push(Self::in_folder(&folder)?);
            }
        } else {
            let mut seen = HashSet::new();
            for folder in search.candidates() {
                let Ok(folder) = folder.canonicalize() else {
                    continue;
                };
                if seen.insert(folder.clone())
                    && let Ok(programs) = Self::in_folder(&folder)
                {
                    found.push(programs);
                }
            }
        }
        // The sort is stable: of two equal versions the one that was looked for first stays first.
        found.sort_by(|a, b| b.version.cmp(&a.version));
        if found.is_empty() {
            Err(SandboxError::NoPrograms)
        } else {
            Ok(found)
        }
    }

    /// The newest installation found.
    ///
    /// # Errors
    ///
    /// As [`Programs::find`].
    pub fn newest(search: &Search) -> Result<Self, SandboxError> {
        Self::find(search)?
            .into_iter()
            .next()
            .ok_or(SandboxError::NoPrograms)
    }

    /// The newest installation found of one major version.
    ///
    /// # Errors
    ///
    /// As [`Programs::find`], and [`SandboxError::NoSuchMajor`] with the versions that there are.
    pub fn of_major(search: &Search, major: u32) -> Result<Self, SandboxError> {
        let found = Self::find(search)?;
        let versions: Vec<String> = found.iter().map(|p| p.version.to_string()).collect();
        found
            .into_iter()
            .find(|programs| programs.version.major == major)
            .ok_or_else(|| SandboxError::NoSuchMajor {
                major,
                found: versions.join(", "),
            })
    }

    /// The programs in one folder.
    ///
    /// # Errors
    ///
    /// [`SandboxError::BadBinDir`] if the folder does not hold `initdb` and a `postgres` that
    /// tells its version.
    pub fn in_folder(folder: &Path) -> Result<Self, SandboxError> {
        let bad = |problem: String| SandboxError::BadBinDir {
            folder: folder.into(),
            problem,
        };
        if !folder.is_dir() {
            return Err(bad("it is not a folder".into()));
        }
        for name in ["initdb", "postgres"] {
            if !folder.join(name).is_file() {
                return Err(bad(format!("it has no program {name}")));
            }
        }
        let output = Command::new(folder.join("postgres"))
            .arg("--version")
            .output()
            .map_err(|error| bad(format!("its postgres does not run: {error}")))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = ServerVersion::parse(&text)
            .ok_or_else(|| bad(format!("its postgres does not tell its version: {text:?}")))?;
        Ok(Self {
            folder: folder.into(),
            version,
        })
    }

    /// The folder that holds the programs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The version of the server.
    pub fn version(&self) -> &ServerVersion {
        &self.version
    }

    /// The path of a program of this installation, as `pg_dump`, if it has it.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let path = self.folder.join(name);
        path.is_file().then_some(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_packaged_and_unreleased_servers() {
        let parse = |text| ServerVersion::parse(text).map(|v| (v.major, v.minor));
        assert_eq!(parse("postgres (PostgreSQL) 18.4\n"), Some((18, 4)));
        assert_eq!(
            parse("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some((15, 18))
        );
        assert_eq!(parse("postgres (PostgreSQL) 19devel"), Some((19, 0)));
        assert_eq!(parse("psql (PostgreSQL) 18.4"), None);
    }

    #[test]
    fn a_folder_without_programs_is_named_with_the_way_out() {
        let search = Search {
            bin_dir: Some("/nonexistent/bin".into()),
            ..Search::default()
        };
        let message = Programs::find(&search).unwrap_err().to_string();
        assert!(message.contains("/nonexistent/bin"), "{message}");
        assert!(message.contains("--pg-bin DIR"), "{message}");
    }

    #[test]
    fn nothing_found_says_what_to_install_or_give() {
        let message = Programs::find(&Search::default()).unwrap_err().to_string();
        assert!(
            message.starts_with("no PostgreSQL server programs found"),
            "{message}"
        );
        assert!(message.contains("--pg-bin DIR"), "{message}");
    }

    #[test]
    fn a_folder_named_in_the_environment_must_be_right() {
        let search = Search {
            environment: Some("/nonexistent/a".into()),
            ..Search::default()
        };
        let message = Programs::find(&search).unwrap_err().to_string();
        assert!(message.contains("/nonexistent/a"), "{message}");
    }
}
