//! `--baseline`: findings that were there when zdm came, and are not reported again.
//!
//! The file is JSON, sorted, one entry per finding, so that a change of it can be reviewed.

use std::{collections::BTreeSet, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    cli::{CliError, ErrorCode},
    report::{Shown, fingerprint, json},
};

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Baseline {
    version: u32,
    findings: Vec<Entry>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// The file, without the folders above it.
    pub file: String,
    /// The rule.
    pub rule: String,
    /// What it is known by.
    pub fingerprint: String,
}

impl Baseline {
    /// The baseline that holds these findings.
    pub(super) fn of(shown: &[Shown<'_>], fingerprints: &[String]) -> Self {
        let findings: BTreeSet<Entry> = shown
            .iter()
            .zip(fingerprints)
            .map(|(shown, fingerprint)| Entry {
                file: fingerprint::place(shown.source.name()),
                rule: shown.diagnostic.rule.to_string(),
                fingerprint: fingerprint.clone(),
            })
            .collect();
        Self {
            version: json::VERSION,
            findings: findings.into_iter().collect(),
        }
    }

    /// Reads one.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let failed = |why: String, hint: &str| {
            CliError::new(
                ErrorCode::Usage,
                format!("the baseline {} {why}", path.display()),
            )
            .with_hint(hint)
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            failed(
                format!("cannot be read: {error}"),
                "Write it with --write-baseline.",
            )
        })?;
        let baseline: Self = serde_json::from_str(&text).map_err(|error| {
            failed(
                format!("is not one of zdm: {error}"),
                "Write it anew with --write-baseline.",
            )
        })?;
        if baseline.version != json::VERSION {
            return Err(failed(
                format!("has version {}, and this zdm knows 1", baseline.version),
                "Use the zdm that wrote it, or write it anew with --write-baseline.",
            ));
        }
        Ok(baseline)
    }

    /// Writes it; entries of files that were not looked at stay as they were in `before`.
    pub(super) fn write(
        mut self,
        path: &Path,
        before: Option<&Self>,
        looked_at: &BTreeSet<String>,
    ) -> Result<usize, CliError> {
        let written = self.findings.len();
        if let Some(before) = before {
            let others = before.findings.iter();
            self.findings.extend(
                others
                    .filter(|entry| !looked_at.contains(&entry.file))
                    .cloned(),
            );
            self.findings.sort();
        }
        std::fs::write(path, json::pretty(&self)).map_err(|error| {
            CliError::new(
                ErrorCode::Usage,
                format!("cannot write {}: {error}", path.display()),
            )
            .with_hint("Check that the folder exists and that you may write there.")
        })?;
        Ok(written)
    }

    /// Whether it holds a finding.
    pub(super) fn holds(&self, fingerprint: &str) -> bool {
        self.findings
            .iter()
            .any(|entry| entry.fingerprint == fingerprint)
    }

    /// Entries of the files looked at that match no finding any more.
    pub(super) fn stale(
        &self,
        fingerprints: &[String],
        looked_at: &BTreeSet<String>,
    ) -> Vec<&Entry> {
        let found: BTreeSet<&String> = fingerprints.iter().collect();
        self.findings
            .iter()
            .filter(|entry| looked_at.contains(&entry.file) && !found.contains(&entry.fingerprint))
            .collect()
    }
}
