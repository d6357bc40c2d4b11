//! New migrations behind one that is cut in parts: their versions, names and texts, and the mark
//! that a file runs outside a transaction.
//!
//! Pure. A version that is there is never changed, so what comes later stays later.

use std::cmp::Ordering;

use super::{Folder, Layout, beside, next::NewFile, version_order};

/// `count` versions between that one and the next of the folder, in order; `None` when there is
/// no room.
pub fn versions_after(folder: &Folder, id: &str, count: usize) -> Option<Vec<String>> {
    let later = folder
        .migrations
        .iter()
        .find(|migration| version_order(&migration.id, id) == Ordering::Greater);
    let versions: Vec<String> = (1..=count)
        .map(|number| following(folder.layout, id, number))
        .collect::<Option<_>>()?;
    versions
        .iter()
        .all(|version| {
            version_order(version, id) == Ordering::Greater
                && later.is_none_or(|later| version_order(version, &later.id) == Ordering::Less)
        })
        .then_some(versions)
}

/// The version that many after.
fn following(layout: Layout, id: &str, number: usize) -> Option<String> {
    if layout == Layout::Flyway {
        return Some(format!("{id}.{number}"));
    }
    let digits: String = id.chars().filter(|c| *c != '-').collect();
    let dated = id.len() == 17 && digits.len() == 14;
    if digits.len() != id.len() && !dated {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    let value = value.checked_add(u64::try_from(number).ok()?)?;
    let width = digits.len();
    let text = format!("{value:0width$}");
    Some(if dated {
        format!(
            "{}-{}-{}-{}",
            &text[..4],
            &text[4..6],
            &text[6..8],
            &text[8..]
        )
    } else {
        text
    })
}

/// One more part of a migration.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Its version.
    pub id: &'a str,
    /// The rest of its name.
    pub name: &'a str,
    /// The version of the migration that it is a part of.
    pub of: &'a str,
    /// Its statements.
    pub text: &'a str,
    /// It cannot run in a transaction.
    pub alone: bool,
}

/// The files of a part. `paths` are those of the folder, which show whether ways down are kept.
pub fn files(layout: Layout, paths: &[&str], part: &Part<'_>) -> Vec<NewFile> {
    let stem = format!("{}_{}", part.id, part.name);
    let has = |end: &str| paths.iter().any(|path| path.ends_with(end));
    let file = |path: String, text: String| NewFile { path, text };
    let text = part.text.trim_end().to_owned() + "\n";
    let back = format!("-- {} takes this back.\n", part.of);
    let beside = |part: &Part<'_>, path: &str| {
        let path = part.alone.then(|| beside::path(layout, path)).flatten()?;
        let text = beside::without_transaction(layout, None)?;
        Some(NewFile { path, text })
    };
    let marked = |text: String| {
        if part.alone {
            without_transaction(layout, &text)
        } else {
            text
        }
    };
    match layout {
        Layout::Plain | Layout::Rails | Layout::Django => {
            vec![file(format!("{stem}.sql"), marked(text))]
        }
        Layout::UpDown => {
            let mut files = vec![file(format!("{stem}.up.sql"), marked(text))];
            if has(".down.sql") {
                files.push(file(format!("{stem}.down.sql"), back));
            }
            files
        }
        Layout::UpFolder => {
            let mut files = vec![file(format!("{stem}/up.sql"), text)];
            if has("/down.sql") {
                files.push(file(format!("{stem}/down.sql"), back));
            }
            files.extend(beside(part, &files[0].path));
            files
        }
        Layout::Prisma => vec![file(format!("{stem}/migration.sql"), text)],
        Layout::Flyway => {
            let path = format!("V{}__{}.sql", part.id, part.name);
            let said = beside(part, &path);
            [file(path, text)].into_iter().chain(said).collect()
        }
        Layout::Dbmate | Layout::Goose | Layout::SqlMigrate => {
            let (up, down) = match layout {
                Layout::Dbmate => ("-- migrate:up", "-- migrate:down"),
                Layout::SqlMigrate => ("-- +migrate Up", "-- +migrate Down"),
                _ => ("-- +goose Up", "-- +goose Down"),
            };
            let whole = format!("{up}\n{text}\n{down}\n{back}");
            vec![file(format!("{stem}.sql"), marked(whole))]
        }
    }
}

/// The text of a file with the mark of its tool that it runs outside a transaction, where the
/// tool reads one from the file; [`beside`] is about those that read another.
pub fn without_transaction(layout: Layout, text: &str) -> String {
    let up = |mark: &str, word: &str| {
        text.split_inclusive('\n')
            .map(|line| {
                let bare = line.trim_end_matches(['\r', '\n']);
                let is_mark = bare.trim().to_ascii_lowercase().starts_with(mark)
                    && !bare.to_ascii_lowercase().contains(word);
                if is_mark {
                    format!("{} {word}{}", bare.trim_end(), &line[bare.len()..])
                } else {
                    line.to_owned()
                }
            })
            .collect::<String>()
    };
    let first = |mark: &str| {
        if text
            .lines()
            .any(|line| line.trim().eq_ignore_ascii_case(mark))
        {
            text.to_owned()
        } else {
            format!("{mark}\n{text}")
        }
    };
    match layout {
        Layout::Dbmate => up("-- migrate:up", "transaction:false"),
        Layout::SqlMigrate => up("-- +migrate up", "notransaction"),
        Layout::Goose => first("-- +goose NO TRANSACTION"),
        // sqlx reads it; it is a comment for every other tool.
        Layout::Plain | Layout::UpDown => first("-- no-transaction"),
        Layout::UpFolder | Layout::Prisma | Layout::Flyway | Layout::Rails | Layout::Django => {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{File, read};
    use super::*;

    fn folder(paths: &[&str], layout: Layout) -> Folder {
        let files: Vec<File> = paths
            .iter()
            .map(|path| File {
                path: (*path).to_owned(),
                text: "-- +goose Up\n".to_owned(),
            })
            .collect();
        read(&files, Some(layout))
    }

    #[test]
    fn versions_fit_between_those_that_are_there() {
        let plain = folder(&["0007_a.sql", "0010_b.sql", "0011_c.sql"], Layout::Plain);
        let after = |id, count| versions_after(&plain, id, count);
        assert_eq!(after("0007", 2).unwrap(), ["0008", "0009"]);
        assert_eq!(after("0007", 3), None, "0010 is there");
        assert_eq!(after("0010", 1), None);
        assert_eq!(after("0011", 1).unwrap(), ["0012"]);
        let flyway = folder(&["V1__a.sql", "V2__b.sql"], Layout::Flyway);
        assert_eq!(versions_after(&flyway, "1", 2).unwrap(), ["1.1", "1.2"]);
        let diesel = folder(&["2024-01-31-235900_a/up.sql"], Layout::UpFolder);
        assert_eq!(
            versions_after(&diesel, "2024-01-31-235900", 1).unwrap(),
            ["2024-01-31-235901"]
        );
    }

    #[test]
    fn each_tool_has_its_mark() {
        let part = Part {
            id: "8",
            name: "a_2",
            of: "7",
            text: "SELECT 1;",
            alone: true,
        };
        for (layout, path, start) in [
            (Layout::Plain, "8_a_2.sql", "-- no-transaction\nSELECT 1;\n"),
            (
                Layout::Goose,
                "8_a_2.sql",
                "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;\n",
            ),
            (
                Layout::Dbmate,
                "8_a_2.sql",
                "-- migrate:up transaction:false\nSELECT 1;\n",
            ),
            (
                Layout::SqlMigrate,
                "8_a_2.sql",
                "-- +migrate Up notransaction\nSELECT 1;\n",
            ),
            (Layout::Flyway, "V8__a_2.sql", "SELECT 1;\n"),
        ] {
            let made = files(layout, &[], &part);
            assert_eq!(made[0].path, path);
            assert!(made[0].text.starts_with(start), "{:?}", made[0].text);
            // What it was marked with is read back, and a second mark changes nothing.
            let again = without_transaction(layout, &made[0].text);
            assert_eq!(again, made[0].text);
        }
        let diesel = files(Layout::UpFolder, &["7_a/down.sql"], &part);
        let paths: Vec<&str> = diesel.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(
            paths,
            ["8_a_2/up.sql", "8_a_2/down.sql", "8_a_2/metadata.toml"]
        );
        let flyway = files(Layout::Flyway, &[], &part);
        let paths: Vec<&str> = flyway.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["V8__a_2.sql", "V8__a_2.sql.conf"]);
        assert_eq!(flyway[1].text, "executeInTransaction=false\n");
    }
}
