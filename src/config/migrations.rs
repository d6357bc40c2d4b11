//! Finding and reading the folder of migrations.
//!
//! Only this module looks at the file system for migrations; what the files mean is decided by
//! [`crate::parse`], which is handed paths and texts.

use std::path::{Path, PathBuf};

use crate::parse::layout::beside::is_beside;

/// Folders that are tried, in this order, when none is set.
pub const USUAL_FOLDERS: [&str; 4] = [
    "migrations",
    "db/migrations",
    "db/migrate",
    "prisma/migrations",
];

/// One file: its path as people know it, with `/` between the parts, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The path as shown: the folder as it was given, then the path below it.
    pub path: String,
    /// The path below the folder.
    pub relative: String,
    /// The text.
    pub text: String,
}

/// Why the folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MigrationsError {
    /// There is none.
    #[error("there is no folder of migrations: looked for {}", tried.join(", "))]
    NoFolder {
        /// The folders that were looked for.
        tried: Vec<String>,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not UTF-8.
    #[error("{} is not UTF-8 text (the first wrong byte is byte {byte})", path.display())]
    NotText {
        /// Which.
        path: PathBuf,
        /// Where the first wrong byte is, from 0.
        byte: usize,
    },
}

/// The folder to use: `set` below `base`, or the first of [`USUAL_FOLDERS`] there is.
pub fn folder(base: &Path, set: Option<&Path>) -> Result<PathBuf, MigrationsError> {
    let candidates: Vec<PathBuf> = match set {
        Some(set) => vec![base.join(set)],
        None => USUAL_FOLDERS.iter().map(|name| base.join(name)).collect(),
    };
    candidates
        .iter()
        .find(|candidate| candidate.is_dir())
        .cloned()
        .ok_or_else(|| MigrationsError::NoFolder {
            tried: candidates
                .iter()
                .map(|candidate| candidate.display().to_string())
                .collect(),
        })
}

/// Every `.sql` file in a folder and below it, every program of Rails or Django that is a
/// migration, and what stands beside one and says how it is run, in order of path; hidden ones are
/// left out.
pub fn files(folder: &Path) -> Result<Vec<File>, MigrationsError> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(directory) = todo.pop() {
        let failed = |source| MigrationsError::Read {
            path: directory.clone(),
            source,
        };
        for entry in std::fs::read_dir(&directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let hidden = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            if path.is_dir() {
                todo.push(path);
            } else if is_of_migration(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let relative = path.strip_prefix(folder).unwrap_or(&path);
            Ok(File {
                relative: slashed(relative),
                text: text(&path)?,
                path: slashed(&path),
            })
        })
        .collect()
}

/// The files beside one that say how it is run, as their names and texts.
pub fn beside(path: &Path) -> Vec<(String, String)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let names = ["metadata.toml".to_owned(), format!("{name}.conf")];
    names
        .into_iter()
        .filter_map(|name| Some((name.clone(), text(&path.with_file_name(name)).ok()?)))
        .collect()
}

/// Whether a file may be one of a migration: SQL, a program whose name begins with a number, or
/// what says how the SQL beside it is run.
pub fn is_of_migration(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if is_beside(&name) {
        return true;
    }
    let numbered = path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        name.starts_with(|c: char| c.is_ascii_digit())
    });
    path.extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("sql")
            || numbered && (extension == "rb" || extension == "py")
    })
}

/// One file's text; a byte order mark is dropped, as psql does.
pub fn text(path: &Path) -> Result<String, MigrationsError> {
    let bytes = std::fs::read(path).map_err(|source| MigrationsError::Read {
        path: path.to_owned(),
        source,
    })?;
    let text = String::from_utf8(bytes).map_err(|error| MigrationsError::NotText {
        path: path.to_owned(),
        byte: error.utf8_error().valid_up_to(),
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

fn slashed(path: &Path) -> String {
    let text = path.display().to_string();
    let text = text.strip_prefix("./").unwrap_or(&text);
    text.replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_usual_folder_is_taken_and_files_come_in_order() {
        let base = tempfile::tempdir().unwrap();
        let folder_of = base.path().join("db/migrations");
        std::fs::create_dir_all(folder_of.join("0001_a")).unwrap();
        std::fs::write(folder_of.join("0001_a/up.sql"), "\u{feff}SELECT 1;").unwrap();
        std::fs::write(folder_of.join("0002_b.SQL"), "SELECT 2;").unwrap();
        std::fs::write(folder_of.join("notes.txt"), "no").unwrap();
        std::fs::write(folder_of.join(".hidden.sql"), "no").unwrap();
        let found = folder(base.path(), None).unwrap();
        assert_eq!(found, folder_of);
        let files = files(&found).unwrap();
        let names: Vec<&str> = files.iter().map(|file| file.relative.as_str()).collect();
        assert_eq!(names, ["0001_a/up.sql", "0002_b.SQL"]);
        assert_eq!(files[0].text, "SELECT 1;");
    }

    #[test]
    fn a_missing_folder_and_a_wrong_encoding_are_said() {
        let base = tempfile::tempdir().unwrap();
        let missing = folder(base.path(), None).unwrap_err().to_string();
        assert!(missing.contains("db/migrate"), "{missing}");
        std::fs::write(base.path().join("a.sql"), b"ab\xff").unwrap();
        let wrong = files(base.path()).unwrap_err().to_string();
        assert!(wrong.contains("byte 2"), "{wrong}");
    }
}
