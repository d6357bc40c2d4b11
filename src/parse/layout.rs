//! Which migrations a folder holds, in which order, by the habits of the tool that wrote it.
//!
//! Pure: it is handed paths and texts, and returns migrations and mistakes; it never reads a
//! folder and never looks at times. The parts of a file that are not its way up are blanked, so
//! that every offset stays what it is in the file.
//! Next: [`program`] is about folders of programs, [`beside`] about files that tell how a migration is run, `section` knows the tools that keep both ways in one file, [`next`] names the next one.

pub mod beside;
pub mod insert;
pub mod next;
pub mod program;

mod section;

use std::{cmp::Ordering, collections::BTreeMap};

pub use program::Program;

/// What the two files of a pair end in, before `.sql`.
const UP: &str = ".up";
const DOWN: &str = ".down";

/// How a folder names its migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// `0001_name.sql`.
    Plain,
    /// `0001_name.up.sql` and `.down.sql` (golang-migrate, sqlx).
    UpDown,
    /// `0001_name/up.sql` (diesel).
    UpFolder,
    /// `0001_name/migration.sql` (prisma).
    Prisma,
    /// `V1__name.sql` (Flyway, refinery).
    Flyway,
    /// `-- migrate:up` in the file (dbmate).
    Dbmate,
    /// `-- +goose Up` in the file.
    Goose,
    /// `-- +migrate Up` in the file (sql-migrate).
    SqlMigrate,
    /// `20240101120000_name.rb` and, for zdm, `20240101120000_name.sql` (Rails).
    Rails,
    /// `app/migrations/0001_name.py` and, for zdm, `app/0001_name.sql` (Django).
    Django,
}

impl Layout {
    /// All, in the order in which they are looked for.
    pub const ALL: [Self; 10] = [
        Self::Rails,
        Self::Django,
        Self::Prisma,
        Self::UpFolder,
        Self::UpDown,
        Self::Goose,
        Self::Dbmate,
        Self::SqlMigrate,
        Self::Flyway,
        Self::Plain,
    ];

    /// The name in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::UpDown => "up-down",
            Self::UpFolder => "diesel",
            Self::Prisma => "prisma",
            Self::Flyway => "flyway",
            Self::Dbmate => "dbmate",
            Self::Goose => "goose",
            Self::SqlMigrate => "sql-migrate",
            Self::Rails => "rails",
            Self::Django => "django",
        }
    }

    /// The layout with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.as_str() == name)
    }
}

/// Whether a file asks to run outside a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Wrapping {
    /// The tool would run it in one transaction, or says nothing.
    #[default]
    Transaction,
    /// `-- +goose NO TRANSACTION`, or `executeInTransaction=false` beside it, and the like: the tool
    /// would run its statements one by one.
    None,
    /// `-- migrate:up transaction:false`, or `run_in_transaction = false` beside it, and the like:
    /// the tool would send it as one string.
    String,
}

/// One file of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path, relative to the folder, with `/` between its parts.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The version, as the layout writes it.
    pub id: String,
    /// The rest of the file's name.
    pub name: String,
    /// The path of its file.
    pub path: String,
    /// The text with everything but the way up blanked; as long as the file.
    pub text: String,
    /// Whether it asks to run outside a transaction.
    pub wrapping: Wrapping,
}

/// A migration that runs whenever its text changes; zdm lists it and does not run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeatable {
    /// Its name.
    pub name: String,
    /// The path of its file.
    pub path: String,
}

/// A mistake in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutError {
    /// Which kind of mistake.
    pub kind: LayoutErrorKind,
    /// The file it is about.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// The kinds of mistakes in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayoutErrorKind {
    /// A file is not what the layout expects.
    File,
    /// A version is there twice.
    Twice,
}

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// How it names its migrations.
    pub layout: Layout,
    /// Its migrations, in order.
    pub migrations: Vec<Migration>,
    /// Its migrations that are programs, in order; zdm does not run them.
    pub programs: Vec<Program>,
    /// Its repeatable migrations, by name.
    pub repeatable: Vec<Repeatable>,
    /// What is wrong; the migrations are not to be run while there is anything.
    pub errors: Vec<LayoutError>,
}

/// Reads a folder. Without a layout it is found from the names, then from the texts.
pub fn read(files: &[File], layout: Option<Layout>) -> Folder {
    let layout = layout.unwrap_or_else(|| detect(files));
    let mut folder = Folder {
        layout,
        migrations: Vec::new(),
        programs: Vec::new(),
        repeatable: Vec::new(),
        errors: Vec::new(),
    };
    if matches!(layout, Layout::Rails | Layout::Django) {
        program::read(files, &mut folder);
        report_twice(&mut folder);
        return folder;
    }
    for file in files.iter().filter(|file| is_sql(&file.path)) {
        take(file, files, &mut folder);
    }
    folder
        .migrations
        .sort_by(|a, b| version_order(&a.id, &b.id).then_with(|| a.path.cmp(&b.path)));
    folder.repeatable.sort_by(|a, b| a.name.cmp(&b.name));
    report_twice(&mut folder);
    folder
}

/// The order of two versions: runs of digits by value, everything else by bytes. So versions of
/// digits are in numeric order, `1.9` is before `1.10`, and dates are in order of time.
pub fn version_order(a: &str, b: &str) -> Ordering {
    by_value(a, b).then_with(|| a.cmp(b))
}

/// The same, with leading zeros making no difference.
fn by_value(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (Some(first_a), Some(first_b)) = (a.bytes().next(), b.bytes().next()) else {
            return a.len().cmp(&b.len());
        };
        if first_a.is_ascii_digit() && first_b.is_ascii_digit() {
            let (number_a, rest_a) = digits(a);
            let (number_b, rest_b) = digits(b);
            let order = number_a
                .len()
                .cmp(&number_b.len())
                .then_with(|| number_a.cmp(number_b));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (rest_a, rest_b);
        } else {
            let (char_a, char_b) = (a.chars().next(), b.chars().next());
            if char_a != char_b {
                return char_a.cmp(&char_b);
            }
            let width = char_a.map_or(0, char::len_utf8);
            (a, b) = (&a[width..], &b[width..]);
        }
    }
}

/// The digits a text starts with, without leading zeros, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}

fn is_sql(path: &str) -> bool {
    path.len() > 4
        && path
            .get(path.len() - 4..)
            .is_some_and(|end| end.eq_ignore_ascii_case(".sql"))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn stem(path: &str) -> &str {
    let name = file_name(path);
    name.get(..name.len().saturating_sub(4)).unwrap_or(name)
}

fn parent(path: &str) -> Option<&str> {
    path.rsplit('/').nth(1).filter(|name| !name.is_empty())
}

fn detect(files: &[File]) -> Layout {
    let sql = || files.iter().filter(|file| is_sql(&file.path));
    if let Some(layout) = program::detect(files) {
        return layout;
    }
    Layout::ALL
        .into_iter()
        .find(|layout| match layout {
            Layout::Prisma => sql().any(|file| in_folder(&file.path, "migration.sql")),
            Layout::UpFolder => sql().any(|file| in_folder(&file.path, "up.sql")),
            Layout::UpDown => sql().any(|file| stem(&file.path).ends_with(UP)),
            Layout::Goose | Layout::Dbmate | Layout::SqlMigrate => {
                sql().any(|file| section::up(&file.text, *layout).is_some())
            }
            Layout::Flyway => sql().any(|file| flyway(stem(&file.path), "V").is_some()),
            Layout::Plain | Layout::Rails | Layout::Django => false,
        })
        .unwrap_or(Layout::Plain)
}

fn in_folder(path: &str, name: &str) -> bool {
    file_name(path) == name && parent(path).is_some()
}

fn take(file: &File, files: &[File], folder: &mut Folder) {
    let mut push = |(id, name): (String, String), text: String, wrapping| {
        folder.migrations.push(Migration {
            id,
            name,
            path: file.path.clone(),
            text,
            wrapping,
        });
    };
    // sqlx reads it at the very start (manual of sqlx, migrations).
    let plain = if file.text.starts_with("-- no-transaction") {
        Wrapping::String
    } else {
        Wrapping::Transaction
    };
    let path = file.path.as_str();
    match folder.layout {
        Layout::Rails | Layout::Django => {}
        Layout::Plain => push(version(stem(path)), file.text.clone(), plain),
        Layout::UpDown => {
            if let Some(up) = stem(path).strip_suffix(UP) {
                push(version(up), file.text.clone(), plain);
            } else if !stem(path).ends_with(DOWN) {
                folder.errors.push(LayoutError {
                    kind: LayoutErrorKind::File,
                    path: file.path.clone(),
                    message: "This file is neither an .up.sql nor a .down.sql.".to_owned(),
                    help: "Rename it, or move it out of the folder.".to_owned(),
                });
            }
        }
        Layout::UpFolder | Layout::Prisma => {
            let wanted = if folder.layout == Layout::Prisma {
                "migration.sql"
            } else {
                "up.sql"
            };
            if let Some(dir) = parent(path).filter(|_| file_name(path) == wanted) {
                let wrapping = beside::wrapping(folder.layout, path, files);
                push(version(dir), file.text.clone(), wrapping);
            }
        }
        Layout::Flyway => take_flyway(file, files, folder),
        Layout::Goose | Layout::Dbmate | Layout::SqlMigrate => {
            if let Some(up) = section::up(&file.text, folder.layout) {
                push(version(stem(path)), up.text, up.wrapping);
            } else {
                folder.errors.push(LayoutError {
                    kind: LayoutErrorKind::File,
                    path: file.path.clone(),
                    message: format!(
                        "This file has no line `{}`.",
                        section::up_line(folder.layout)
                    ),
                    help: "Add the line before the statements of the way up, or set the layout."
                        .to_owned(),
                });
            }
        }
    }
}

fn take_flyway(file: &File, files: &[File], folder: &mut Folder) {
    let stem_of = stem(&file.path);
    if let Some((id, name)) = flyway(stem_of, "V") {
        folder.migrations.push(Migration {
            id,
            name,
            path: file.path.clone(),
            text: file.text.clone(),
            wrapping: beside::wrapping(Layout::Flyway, &file.path, files),
        });
        return;
    }
    if let Some(name) = stem_of.strip_prefix("R__") {
        folder.repeatable.push(Repeatable {
            name: name.to_owned(),
            path: file.path.clone(),
        });
        return;
    }
    // U1__name.sql undoes V1; refinery means something else by it, and has no V1 then.
    if let Some((id, _)) = flyway(stem_of, "U")
        && files
            .iter()
            .any(|other| flyway(stem(&other.path), "V").is_some_and(|(version, _)| version == id))
    {
        return;
    }
    folder.errors.push(LayoutError {
        kind: LayoutErrorKind::File,
        path: file.path.clone(),
        message: "This file's name is not V<version>__<name>.sql.".to_owned(),
        help: "Rename it (a capital V, two underscores), or move it out of the folder.".to_owned(),
    });
}

/// `V1_2__name` as version `1.2` and name.
fn flyway(stem: &str, prefix: &str) -> Option<(String, String)> {
    let (version, name) = stem.strip_prefix(prefix)?.split_once("__")?;
    let version = version.replace('_', ".");
    let numbers = !version.is_empty()
        && version
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    numbers.then(|| (version, name.to_owned()))
}

/// The version a name starts with, and the rest; a name without a version is its own.
fn version(name: &str) -> (String, String) {
    let separator = |rest: &str| rest.is_empty() || rest.starts_with(['_', '-', '.', ' ']);
    let mut end = name
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(name.len());
    if let Some(length) = date(name) {
        end = length;
    } else if end > 0 {
        // 1.2.3_name.
        while let Some(rest) = name[end..].strip_prefix('.') {
            let more = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            if more == 0 || !separator(&rest[more..]) {
                break;
            }
            end += 1 + more;
        }
    }
    if end == 0 || !separator(&name[end..]) {
        // 0002b_name: the letters belong to the version.
        let word = name.find(['_', '-', '.', ' ']).unwrap_or(name.len());
        if end == 0 {
            return (name.to_owned(), String::new());
        }
        end = word;
    }
    let rest = name[end..].trim_start_matches(['_', '-', '.', ' ']);
    (name[..end].to_owned(), rest.to_owned())
}

/// The length of `2024-01-31` or `2024-01-31-235959` at the start of a name.
fn date(name: &str) -> Option<usize> {
    let shape = |pattern: &str| {
        let fits = name.len() >= pattern.len()
            && name.bytes().zip(pattern.bytes()).all(|(b, p)| {
                if p == b'0' {
                    b.is_ascii_digit()
                } else {
                    b == p
                }
            });
        let whole = name
            .as_bytes()
            .get(pattern.len())
            .is_none_or(|b| !b.is_ascii_alphanumeric());
        (fits && whole).then_some(pattern.len())
    };
    shape("0000-00-00-000000").or_else(|| shape("0000-00-00"))
}

/// What two files of one version share: versions that differ in leading zeros only have the same
/// place in the order.
pub fn version_key(id: &str) -> Vec<String> {
    id.split(|c: char| !c.is_ascii_alphanumeric())
        .map(|part| {
            if part.bytes().all(|b| b.is_ascii_digit()) {
                part.trim_start_matches('0').to_owned()
            } else {
                part.to_owned()
            }
        })
        .collect()
}

/// Reports every version that is there twice.
fn report_twice(folder: &mut Folder) {
    let mut first: BTreeMap<Vec<String>, &Migration> = BTreeMap::new();
    let mut errors = Vec::new();
    for migration in &folder.migrations {
        let key = version_key(&migration.id);
        if let Some(other) = first.get(&key) {
            errors.push(LayoutError {
                kind: LayoutErrorKind::Twice,
                path: migration.path.clone(),
                message: format!(
                    "The version {} is there twice: {} has it too.",
                    migration.id, other.path
                ),
                help: "Give one of them another version.".to_owned(),
            });
        } else {
            first.insert(key, migration);
        }
    }
    folder.errors.extend(errors);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> Folder {
        let files: Vec<File> = files
            .iter()
            .map(|(path, text)| File {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        read(&files, None)
    }

    fn check(paths: &[&str], layout: Layout, expected: &[&str]) {
        let files: Vec<_> = paths.iter().map(|path| (*path, "select 1;")).collect();
        let folder = folder(&files);
        assert_eq!(folder.layout, layout);
        assert_eq!(folder.errors, []);
        let found: Vec<_> = folder
            .migrations
            .iter()
            .map(|migration| format!("{} {}", migration.id, migration.name))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn layouts_are_found_from_names() {
        check(
            &["10_c.sql", "9_b.sql", "0001_a.sql", "README.md"],
            Layout::Plain,
            &["0001 a", "9 b", "10 c"],
        );
        check(
            &["2_b.up.sql", "2_b.down.sql", "1_a.up.sql"],
            Layout::UpDown,
            &["1 a", "2 b"],
        );
        check(
            &[
                "2024-01-31-120000_users/up.sql",
                "2024-01-31-120000_users/down.sql",
            ],
            Layout::UpFolder,
            &["2024-01-31-120000 users"],
        );
        check(
            &["m/20240131_init/migration.sql"],
            Layout::Prisma,
            &["20240131 init"],
        );
        check(
            &["V1_10__c.sql", "V1.9__b.sql", "V1__a.sql", "U1__a.sql"],
            Layout::Flyway,
            &["1 a", "1.9 b", "1.10 c"],
        );
        check(
            &[
                "0002b_x.sql",
                "0003_y.sql",
                "0002_w.sql",
                "0001-2fa.sql",
                "init.sql",
            ],
            Layout::Plain,
            &["0001 2fa", "0002 w", "0002b x", "0003 y", "init "],
        );
    }

    #[test]
    fn mistakes_in_names_are_reported() {
        let twice = folder(&[("1_a.sql", ""), ("001_b.sql", "")]);
        assert_eq!(twice.errors.len(), 1);
        assert!(twice.errors[0].message.contains("twice"));
        let flyway = folder(&[
            ("V1__a.sql", ""),
            ("v2__b.sql", ""),
            ("V3_c.sql", ""),
            ("U9__d.sql", ""),
            ("R__views.sql", ""),
        ]);
        let wrong: Vec<_> = flyway.errors.iter().map(|e| e.path.as_str()).collect();
        assert_eq!(wrong, ["v2__b.sql", "V3_c.sql", "U9__d.sql"]);
        assert_eq!(flyway.repeatable[0].name, "views");
        assert_eq!(folder(&[("1.up.sql", ""), ("x.sql", "")]).errors.len(), 1);
        let goose = folder(&[("1.sql", "-- +goose Up\n"), ("2.sql", "select 1;")]);
        assert_eq!(goose.errors.len(), 1);
    }

    #[test]
    fn versions_have_one_order() {
        let mut versions = [
            "10",
            "9",
            "1a",
            "01",
            "1.10",
            "1.9",
            "a",
            "é",
            "2024-01-02",
            "1",
        ];
        versions.sort_by(|a, b| version_order(a, b));
        assert_eq!(
            versions,
            [
                "01",
                "1",
                "1.9",
                "1.10",
                "1a",
                "9",
                "10",
                "2024-01-02",
                "a",
                "é"
            ]
        );
    }

    #[test]
    fn a_layout_can_be_set() {
        for layout in Layout::ALL {
            assert_eq!(Layout::from_name(layout.as_str()), Some(layout));
        }
        let files = [File {
            path: "V1__a.sql".to_owned(),
            text: String::new(),
        }];
        let folder = read(&files, Some(Layout::Plain));
        assert_eq!(folder.migrations[0].id, "V1__a");
    }
}
