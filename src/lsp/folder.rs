//! The folder of migrations as the editor has it: open files by their texts, others from disk.
//!
//! Files are parsed again when their text changes, and what exists before each is kept, so that
//! a change costs what comes behind it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use lsp_types::Uri;

use crate::{
    catalog::Catalog,
    cli::{history, state::replay},
    config::{Config, migrations},
    lint::{self, Finding, Judged, Member, Released},
    lsp::Start,
    parse::{
        Script,
        layout::{self, Wrapping},
    },
    source::SourceFile,
};

/// One migration of the folder.
struct Entry {
    path: PathBuf,
    id: String,
    name: String,
    /// The way up; everything else is blank.
    text: String,
    wrapping: Wrapping,
    script: Script,
}

/// The folder.
pub(super) struct Folder {
    start: Start,
    entries: Vec<Entry>,
    /// What exists before each, as far as it was asked for.
    before: Vec<Catalog>,
}

/// A file with what was found in it.
pub(super) struct Looked {
    /// The file as the editor has it.
    pub(super) source: SourceFile,
    /// Its statements; its offsets are those of the file.
    pub(super) script: Script,
    /// What exists before it.
    pub(super) before: Catalog,
    /// What was found.
    pub(super) findings: Vec<Finding>,
    /// What holds for it.
    pub(super) settings: lint::Settings,
}

impl Folder {
    pub(super) fn new(start: Start) -> Self {
        Self {
            start,
            entries: Vec::new(),
            before: Vec::new(),
        }
    }

    /// Reads the folder again; `open` holds the texts of files that are open.
    pub(super) fn refresh(&mut self, config: &Config, open: &BTreeMap<&Path, &str>) {
        let mut old = std::mem::take(&mut self.entries);
        let read = read(config, open).unwrap_or_default();
        let mut same = 0;
        let mut unchanged = true;
        for (path, migration) in read {
            let known = old
                .iter()
                .position(|entry| entry.path == path && entry.text == migration.text);
            unchanged &= known.is_some()
                && old
                    .get(self.entries.len())
                    .is_some_and(|entry| entry.path == path);
            let script = match known {
                // The script is taken, the entry stays, so that places do not move.
                Some(at) => std::mem::replace(&mut old[at].script, empty()),
                None => history::script(
                    SourceFile::new(name_of(&path, config), migration.text.clone()),
                    &migration.id,
                    config,
                ),
            };
            self.entries.push(Entry {
                path,
                id: migration.id,
                name: migration.name,
                text: migration.text,
                wrapping: migration.wrapping,
                script,
            });
            if unchanged {
                same += 1;
            }
        }
        self.before.truncate(same + 1);
    }

    /// Looks at an open file: at its place in the folder, or after all of it.
    pub(super) fn look(&mut self, config: &Config, path: &Path, text: &str) -> Looked {
        let source = SourceFile::new(name_of(path, config), text);
        let at = self.entries.iter().position(|entry| entry.path == path);
        let before = self.before(at.unwrap_or(self.entries.len()));
        let (script, wrapping) = match at.and_then(|at| self.entries.get(at)) {
            Some(entry) => (entry.script.clone(), entry.wrapping),
            None => match history::of_file(source.clone(), config) {
                Ok(migration) => (migration.script, migration.wrapping),
                Err(_) => (crate::parse::parse(source.clone()), Wrapping::default()),
            },
        };
        let settings = history::lint_settings(wrapping, &config.settings.lint.rules).into_owned();
        let across = at.map_or_else(Vec::new, |at| self.across(at, &settings));
        let findings = lint::lint_among(&script, &before, &settings, across).findings;
        Looked {
            source,
            script,
            before,
            findings,
            settings,
        }
    }

    /// What the rules over a folder say of one file.
    fn across(&self, at: usize, settings: &lint::Settings) -> Vec<crate::diagnostic::Diagnostic> {
        let members = self
            .entries
            .iter()
            .enumerate()
            .map(|(place, entry)| Member {
                id: &entry.id,
                name: &entry.name,
                script: &entry.script,
                released: Released::Unknown,
                judged: if place == at { Judged::Yes } else { Judged::No },
                original: None,
                only_at: None,
            });
        let mut found = lint::across(&lint::Folder {
            members: members.collect(),
            settings,
        });
        found.get_mut(at).map(std::mem::take).unwrap_or_default()
    }

    /// What exists before the file at that place.
    fn before(&mut self, at: usize) -> Catalog {
        let version = match &self.start {
            Start::Given(catalog) => return (**catalog).clone(),
            Start::Folder(version) => *version,
        };
        if self.entries.is_empty() {
            return Catalog::unknown(version);
        }
        if self.before.is_empty() {
            self.before.push(Catalog::empty(version));
        }
        while self.before.len() <= at {
            let last = self.before.len() - 1;
            let (Some(catalog), Some(entry)) = (self.before.last(), self.entries.get(last)) else {
                break;
            };
            let next = replay(catalog.clone(), &entry.script);
            self.before.push(next);
        }
        self.before
            .get(at)
            .cloned()
            .unwrap_or_else(|| Catalog::unknown(version))
    }
}

/// The migrations of the folder with their paths; `None` when there is no folder.
fn read(
    config: &Config,
    open: &BTreeMap<&Path, &str>,
) -> Option<Vec<(PathBuf, layout::Migration)>> {
    let root = migrations::folder(&config.base, config.settings.migrations_dir.as_deref()).ok()?;
    let mut paths = BTreeMap::new();
    let files: Vec<layout::File> = migrations::files(&root)
        .ok()?
        .into_iter()
        .map(|file| {
            let path = canonical(Path::new(&file.path));
            let text = open
                .get(path.as_path())
                .map_or(file.text, |text| (*text).to_owned());
            paths.insert(file.relative.clone(), path);
            layout::File {
                path: file.relative,
                text,
            }
        })
        .collect();
    let read = layout::read(&files, config.settings.layout);
    Some(
        read.migrations
            .into_iter()
            .filter_map(|migration| Some((paths.get(&migration.path)?.clone(), migration)))
            .collect(),
    )
}

/// The name by which rules know a file: its way from where the settings are, so that `paths` mean
/// the same as on the command line.
fn name_of(path: &Path, config: &Config) -> String {
    let base = canonical(if config.base.as_os_str().is_empty() {
        Path::new(".")
    } else {
        &config.base
    });
    path.strip_prefix(base)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// The path that a URI names; that of a text without a file is its own words.
pub(super) fn path_of(uri: &Uri) -> PathBuf {
    let text = uri.as_str();
    let Some(rest) = text.strip_prefix("file://") else {
        return PathBuf::from(text);
    };
    // What stands before the path is a host, which is this one.
    let path = rest.find('/').map_or(rest, |at| &rest[at..]);
    let mut bytes = Vec::with_capacity(path.len());
    let mut left = path.as_bytes();
    while let Some((first, rest)) = left.split_first() {
        let escaped = (*first == b'%')
            .then(|| std::str::from_utf8(rest.get(..2)?).ok())
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = escaped {
            bytes.push(byte);
            left = &rest[2..];
        } else {
            bytes.push(*first);
            left = rest;
        }
    }
    canonical(Path::new(&*String::from_utf8_lossy(&bytes)))
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn empty() -> Script {
    crate::parse::parse(SourceFile::new("", ""))
}
