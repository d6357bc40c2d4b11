//! What git says: which files changed since a revision. Run as a program; nothing else of a
//! repository is read.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::{
    cli::{CliError, ErrorCode},
    config::migrations,
};

/// What changed since the point where this branch left a revision.
#[derive(Debug, Clone)]
pub(super) struct Changes {
    /// The revision, as it was given.
    pub revision: String,
    /// The commit that both come from.
    base: String,
    /// The top of the working tree.
    top: PathBuf,
    /// Files that are new or changed, not yet committed ones as well, by their real paths.
    changed: BTreeSet<PathBuf>,
    /// Those of them that were there before.
    edited: BTreeSet<PathBuf>,
    /// Files that were there before and are not any more.
    pub removed: Vec<PathBuf>,
    /// The commit of the revision.
    tip: String,
    /// Files that the revision got after this branch left it, as paths below the top.
    gained: Vec<String>,
}

impl Changes {
    /// Asks git in a folder.
    pub(super) fn since(revision: &str, folder: &Path) -> Result<Self, CliError> {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let top = git(folder, &["rev-parse", "--show-toplevel"])
            .and_then(|output| said(&output))
            .and_then(|top| {
                Path::new(&top)
                    .canonicalize()
                    .map_err(|error| error.to_string())
            })
            .map_err(|why| {
                CliError::new(
                    ErrorCode::Usage,
                    format!("--since needs a git repository: {why}"),
                )
                .with_hint("Run it inside of the repository that holds the migrations.")
            })?;
        let commit = format!("{revision}^{{commit}}");
        let known = !revision.starts_with('-')
            && git(&top, &["rev-parse", "--verify", "--quiet", &commit])
                .is_ok_and(|output| output.status.success());
        let base = git(&top, &["merge-base", &commit, "HEAD"]).and_then(|output| said(&output));
        let base = match base {
            Ok(base) if known => base,
            _ => return Err(missing(revision, known, &top)),
        };
        let listed = |arguments: &[&str]| {
            git(&top, arguments)
                .and_then(|output| said(&output))
                .map_err(|why| CliError::new(ErrorCode::Usage, format!("git failed: {why}")))
        };
        let mut changes = Self {
            revision: revision.to_owned(),
            base: base.clone(),
            changed: BTreeSet::new(),
            edited: BTreeSet::new(),
            removed: Vec::new(),
            top: top.clone(),
            tip: commit.clone(),
            gained: Vec::new(),
        };
        let added = [
            "diff",
            "--name-only",
            "--no-renames",
            "--diff-filter=A",
            "-z",
        ];
        let added = listed(&[&added[..], &[&base, &commit, "--"]].concat())?;
        let added = added.split('\0').filter(|path| !path.is_empty());
        changes.gained = added.map(str::to_owned).collect();
        let diff = listed(&["diff", "--name-status", "--no-renames", "-z", &base, "--"])?;
        let mut fields = diff.split('\0');
        while let (Some(status), Some(path)) = (fields.next(), fields.next()) {
            if status == "D" {
                changes.removed.push(changes.top.join(path));
                continue;
            }
            if let Ok(real) = changes.top.join(path).canonicalize() {
                if status != "A" {
                    changes.edited.insert(real.clone());
                }
                changes.changed.insert(real);
            }
        }
        let new = listed(&["ls-files", "--others", "--exclude-standard", "-z"])?;
        for path in new.split('\0').filter(|path| !path.is_empty()) {
            changes
                .changed
                .extend(changes.top.join(path).canonicalize());
        }
        Ok(changes)
    }

    /// Whether a file is new or changed.
    pub(super) fn include(&self, path: &Path) -> bool {
        path.canonicalize()
            .is_ok_and(|real| self.changed.contains(&real))
    }

    /// Whether a file is changed, and not new.
    pub(super) fn edited(&self, path: &Path) -> bool {
        path.canonicalize()
            .is_ok_and(|real| self.edited.contains(&real))
    }

    /// The text that an edited file had; nothing for one that is new.
    pub(super) fn text_before(&self, path: &Path) -> Option<String> {
        let real = path.canonicalize().ok()?;
        if !self.edited.contains(&real) {
            return None;
        }
        let inside = real
            .strip_prefix(&self.top)
            .ok()?
            .to_string_lossy()
            .into_owned();
        let inside = inside.replace('\\', "/");
        self.text_at(&self.base, &inside)
    }

    /// The files in a folder that the revision got after this branch left it, by their paths below
    /// the folder, with their texts.
    pub(super) fn gained_in(&self, folder: &Path) -> Vec<(String, String)> {
        let Ok(real) = folder.canonicalize() else {
            return Vec::new();
        };
        let below = |path: &String| {
            let path = self.top.join(path);
            let below = path.strip_prefix(&real).ok()?;
            Some(below.to_string_lossy().replace('\\', "/"))
        };
        self.gained
            .iter()
            .filter_map(|path| Some((below(path)?, path)))
            .filter(|(below, _)| migrations::is_of_migration(Path::new(below)))
            .filter_map(|(below, path)| Some((below, self.text_at(&self.tip, path)?)))
            .collect()
    }

    fn text_at(&self, commit: &str, path: &str) -> Option<String> {
        let output = git(&self.top, &["show", &format!("{commit}:{path}")]).ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8(output.stdout).ok())
            .flatten()
    }
}

/// Why a revision, or the commit in common with it, is not known.
fn missing(revision: &str, known: bool, top: &Path) -> CliError {
    let shallow = git(top, &["rev-parse", "--is-shallow-repository"])
        .and_then(|output| said(&output))
        .is_ok_and(|text| text == "true");
    if shallow {
        let what = if known {
            format!("the commit that {revision} and this branch have in common")
        } else {
            revision.to_owned()
        };
        return CliError::new(
            ErrorCode::Usage,
            format!("{what} is not in this clone; set fetch-depth: 0"),
        )
        .with_hint(
            "The clone holds a part of the history: `fetch-depth: 0` of actions/checkout, \
             `GIT_DEPTH: 0` of GitLab, or `git fetch --unshallow` gets the rest.",
        );
    }
    if known {
        return CliError::new(
            ErrorCode::Usage,
            format!("{revision} and this branch have no commit in common"),
        );
    }
    CliError::new(
        ErrorCode::Usage,
        format!("git knows no revision {revision}"),
    )
    .with_hint("Fetch it, as in `git fetch origin main`, and name it as `origin/main`.")
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Output, String> {
    Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .map_err(|error| format!("git cannot be started: {error}"))
}

/// What git said to stdout, or to stderr when it failed.
fn said(output: &Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}
