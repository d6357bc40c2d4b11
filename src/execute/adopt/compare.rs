//! A tool's rows against the files of the folder: what is done, what is not as it was, what is left.
//!
//! Pure. Nothing is decided here about what is acceptable; [`super`] does.

use std::collections::BTreeMap;

use super::{
    Row, Standing, Tool,
    checksum::{Of, matches},
};
use crate::{execute::apply::MigrationFile, parse::layout::version_order};

/// A migration to be marked as done.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Done {
    /// Its id: the file's, or the tool's version where there is no file.
    pub id: String,
    /// The rest of its name.
    pub name: String,
    /// zdm's checksum of the file; empty where there is none.
    pub checksum: String,
    /// The text of the file; empty where there is none.
    pub source: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// Done, and to be marked so; in the order of the folder, those without a file first.
    pub done: Vec<Done>,
    /// Begun by the tool and not ended.
    pub failed: Vec<String>,
    /// Done, but the file is not the one that was run; ids with the paths of their files.
    pub edited: Vec<(String, String)>,
    /// Done, and there is no file.
    pub without_file: Vec<String>,
    /// Done, but above the last one that was asked for.
    pub above: Vec<String>,
    /// Not done, though a later one is.
    pub below: Vec<String>,
    /// Not done.
    pub pending: Vec<String>,
}

impl From<&MigrationFile> for Done {
    fn from(file: &MigrationFile) -> Self {
        Self {
            id: file.name.id.clone(),
            name: file.name.name.clone(),
            checksum: file.checksum.clone(),
            source: file.source.clone(),
        }
    }
}

/// Compares. `files` are in order; `to` is the last one to take.
pub fn compare(tool: Tool, rows: &[Row], files: &[MigrationFile], to: Option<&str>) -> Comparison {
    let mut found = Comparison::default();
    let mut standing: BTreeMap<String, &Row> = BTreeMap::new();
    let mut baseline: Option<String> = None;
    for row in rows {
        let key = row.version.as_deref().map(|version| tool.key(version));
        match (row.standing, key) {
            (Standing::Applied | Standing::Failed, Some(key)) => {
                standing.insert(key, row);
            }
            (Standing::Removed, Some(key)) => {
                standing.remove(&key);
            }
            (Standing::Baseline, Some(key)) => baseline = Some(key),
            (Standing::Failed, None) => found.failed.push(row.shown().to_owned()),
            (Standing::Other, _)
            | (Standing::Applied | Standing::Removed | Standing::Baseline, None) => {}
        }
    }
    let end = to.and_then(|to| files.iter().position(|file| file.name.id == to));
    let mut pending: Vec<&MigrationFile> = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let key = tool.key_of_file(file);
        let row = standing.remove(&key);
        let in_baseline = baseline
            .as_ref()
            .is_some_and(|baseline| version_order(&key, baseline).is_le());
        let id = file.name.id.clone();
        match row.map(|row| row.standing) {
            // In the words of the tool, whose commands want it so.
            Some(Standing::Failed) => {
                found.failed.extend(row.map(|row| row.shown().to_owned()));
                continue;
            }
            None if !in_baseline => {
                pending.push(file);
                continue;
            }
            Some(Standing::Applied | Standing::Removed | Standing::Baseline | Standing::Other)
            | None => {}
        }
        if end.is_some_and(|end| at > end) {
            found.above.push(id);
            continue;
        }
        let recorded = row.and_then(|row| row.checksum.as_deref());
        if recorded.is_some_and(|recorded| !is_that_file(tool, &key, file, recorded)) {
            let path = file.script.source.name().to_owned();
            found.edited.push((id, path));
        }
        // Those before it were passed over.
        found
            .below
            .extend(pending.drain(..).map(|file| file.name.id.clone()));
        found.done.push(Done::from(file));
    }
    found.pending = found
        .below
        .iter()
        .cloned()
        .chain(pending.iter().map(|file| file.name.id.clone()))
        .collect();
    let known = |key: &String| files.iter().any(|file| tool.key_of_file(file) == *key);
    if tool == Tool::Migrate
        && let Some(key) = baseline.filter(|key| !known(key))
    {
        found.without_file.push(key);
    }
    let mut without = Vec::new();
    for row in standing.into_values() {
        match row.standing {
            Standing::Failed => found.failed.push(row.shown().to_owned()),
            Standing::Applied | Standing::Removed | Standing::Baseline | Standing::Other => {
                let id = row.shown().to_owned();
                without.push(Done {
                    id: id.clone(),
                    name: row.name.clone().unwrap_or_default(),
                    checksum: String::new(),
                    source: String::new(),
                });
                found.without_file.push(id);
            }
        }
    }
    without.sort_by(|a, b| version_order(&a.id, &b.id));
    found.without_file.sort_by(|a, b| version_order(a, b));
    without.append(&mut found.done);
    found.done = without;
    found
}

fn is_that_file(tool: Tool, key: &str, file: &MigrationFile, recorded: &str) -> bool {
    let name = &file.name.name;
    let text = &file.source;
    matches(tool, Of { key, name, text }, recorded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        parse::{checksum, parse},
        plan::MigrationName,
        source::SourceFile,
    };

    fn file(id: &str, name: &str, sql: &str) -> MigrationFile {
        let script = parse(SourceFile::new(format!("{id}_{name}.sql"), sql));
        MigrationFile {
            name: MigrationName {
                id: id.into(),
                name: name.into(),
            },
            checksum: checksum(&script),
            script,
            source: sql.into(),
        }
    }

    fn row(version: &str, standing: Standing) -> Row {
        Row {
            version: Some(version.into()),
            name: None,
            checksum: None,
            standing,
        }
    }

    fn ids(done: &[Done]) -> Vec<&str> {
        done.iter().map(|done| done.id.as_str()).collect()
    }

    fn folder() -> Vec<MigrationFile> {
        ["001", "002", "003", "004"]
            .map(|id| file(id, "x", "SELECT 1"))
            .to_vec()
    }

    #[test]
    fn the_last_row_of_a_version_counts() {
        let rows = [
            row("1", Standing::Applied),
            row("2", Standing::Applied),
            row("2", Standing::Removed),
            row("3", Standing::Removed),
            row("3", Standing::Applied),
        ];
        let found = compare(Tool::Goose, &rows, &folder(), None);
        assert_eq!(ids(&found.done), ["001", "003"]);
        assert_eq!(found.below, ["002"], "a later one is done");
        assert_eq!(found.pending, ["002", "004"]);
    }

    #[test]
    fn one_row_may_stand_for_everything_up_to_it() {
        let found = compare(
            Tool::Migrate,
            &[row("3", Standing::Baseline)],
            &folder(),
            None,
        );
        assert_eq!(ids(&found.done), ["001", "002", "003"]);
        assert_eq!(found.pending, ["004"]);
        assert!(found.without_file.is_empty());
        let gone = compare(
            Tool::Migrate,
            &[row("9", Standing::Baseline)],
            &folder(),
            None,
        );
        assert_eq!(gone.without_file, ["9"]);
    }

    #[test]
    fn what_is_above_the_end_and_what_has_no_file_are_told() {
        let rows = ["001", "002", "003", "000"].map(|v| row(v, Standing::Applied));
        let found = compare(Tool::Dbmate, &rows, &folder(), Some("002"));
        assert_eq!(ids(&found.done), ["000", "001", "002"]);
        assert_eq!(found.above, ["003"]);
        assert_eq!(found.without_file, ["000"]);
        assert_eq!(found.pending, ["004"]);
    }

    #[test]
    fn an_edited_file_and_a_failed_one_are_told() {
        let files = [file("1", "a", "SELECT 1"), file("2", "b", "SELECT 2")];
        let mut edited = row("1", Standing::Applied);
        edited.checksum = Some("1".into());
        let found = compare(
            Tool::Flyway,
            &[edited, row("2", Standing::Failed)],
            &files,
            None,
        );
        assert_eq!(found.edited, [("1".into(), "1_a.sql".into())]);
        assert_eq!(found.failed, ["2"]);
        assert_eq!(ids(&found.done), ["1"]);
    }
}
