//! Folders in which migrations are programs: those of Rails and Django.
//!
//! zdm does not run a program, but it knows that it is there, and where it stands in the order. An
//! SQL file that stands for a program, or beside the others, is a migration like any. Of a program's
//! text only Django's `dependencies` are read, because they are the order, and whether it runs
//! outside a transaction, because then the SQL that stands for it does.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    File, Folder, Layout, LayoutError, LayoutErrorKind, Migration, Wrapping,
    beside::wrapping_of_program, file_name, version,
};

/// A migration that is a program and has no SQL file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its version, as the tool's table has it.
    pub id: String,
    /// The rest of its name.
    pub name: String,
    /// The path of its file.
    pub path: String,
}

impl Layout {
    /// What runs the programs of the folder.
    pub fn runs_programs(self) -> Option<&'static str> {
        match self {
            Self::Rails => Some("bin/rails db:migrate"),
            Self::Django => Some("python manage.py migrate"),
            Self::Plain
            | Self::UpDown
            | Self::UpFolder
            | Self::Prisma
            | Self::Flyway
            | Self::Dbmate
            | Self::Goose
            | Self::SqlMigrate => None,
        }
    }
}

/// The layout of a folder that holds programs.
pub(super) fn detect(files: &[File]) -> Option<Layout> {
    let any = |layout| files.iter().any(|file| is_program(&file.path, layout));
    [Layout::Rails, Layout::Django]
        .into_iter()
        .find(|layout| any(*layout))
}

/// Whether a file is a migration that is a program: its name begins with a number.
fn is_program(path: &str, layout: Layout) -> bool {
    let end = match layout {
        Layout::Rails => ".rb",
        Layout::Django => ".py",
        _ => return false,
    };
    let name = file_name(path);
    name.ends_with(end) && name.starts_with(|c: char| c.is_ascii_digit())
}

/// Reads a folder of Rails or Django.
pub(super) fn read(files: &[File], folder: &mut Folder) {
    let layout = folder.layout;
    let mut programs: BTreeMap<String, Program> = BTreeMap::new();
    let mut dependencies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut said: BTreeMap<String, Wrapping> = BTreeMap::new();
    for file in files {
        let program = is_program(&file.path, layout);
        if !program && !super::is_sql(&file.path) {
            continue;
        }
        let Some((id, name)) = identity(&file.path, layout) else {
            folder.errors.push(LayoutError {
                kind: LayoutErrorKind::File,
                path: file.path.clone(),
                message: "This file is in no folder that is named after its app.".to_owned(),
                help: "Put it into a folder of that name: shop/0002_name.sql.".to_owned(),
            });
            continue;
        };
        if program {
            dependencies.insert(id.clone(), named_dependencies(&file.text));
            said.insert(id.clone(), wrapping_of_program(layout, &file.text));
            let path = file.path.clone();
            programs.insert(id.clone(), Program { id, name, path });
        } else {
            folder.migrations.push(Migration {
                id,
                name,
                path: file.path.clone(),
                text: file.text.clone(),
                wrapping: Wrapping::Transaction,
            });
        }
    }
    for migration in &mut folder.migrations {
        programs.remove(&migration.id);
        if let Some(said) = said.remove(&migration.id) {
            migration.wrapping = said;
        }
    }
    folder.programs = programs.into_values().collect();
    if layout == Layout::Django {
        in_order_of_dependencies(folder, &dependencies);
    } else {
        let migrations = &mut folder.migrations;
        migrations.sort_by(|a, b| super::version_order(&a.id, &b.id));
        let programs = &mut folder.programs;
        programs.sort_by(|a, b| super::version_order(&a.id, &b.id));
    }
}

/// Version and name of a file: the number of Rails; of Django the app and the whole name, as its
/// table has them.
fn identity(path: &str, layout: Layout) -> Option<(String, String)> {
    let name = file_name(path);
    let stem = name.split('.').next().unwrap_or(name);
    if layout == Layout::Rails {
        return Some(version(stem));
    }
    let app = path
        .rsplit('/')
        .skip(1)
        .find(|part| *part != "migrations" && !part.is_empty())?;
    let (_, rest) = version(stem);
    Some((format!("{app}.{stem}"), rest))
}

/// The pairs of strings in `dependencies = [("app", "0001_initial"), …]`, as `app.name`.
fn named_dependencies(text: &str) -> BTreeSet<String> {
    let Some((_, list)) = text.split_once("dependencies") else {
        return BTreeSet::new();
    };
    let list = list.split_once(']').map_or(list, |(list, _)| list);
    let strings: Vec<&str> = list.split(['"', '\'']).skip(1).step_by(2).collect();
    strings
        .chunks_exact(2)
        .map(|pair| format!("{}.{}", pair[0], pair[1]))
        .collect()
}

/// A migration comes after those it depends on and after the lower numbers of its app; otherwise by
/// number, then by app.
fn in_order_of_dependencies(
    folder: &mut Folder,
    dependencies: &BTreeMap<String, BTreeSet<String>>,
) {
    let key = |id: &str| {
        let (app, name) = id.split_once('.').unwrap_or(("", id));
        let digits = name.len() - name.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u64 = name[..digits].parse().unwrap_or(u64::MAX);
        (number, app.to_owned(), name.to_owned())
    };
    let mut left: BTreeSet<(u64, String, String)> = folder
        .migrations
        .iter()
        .map(|migration| key(&migration.id))
        .chain(folder.programs.iter().map(|program| key(&program.id)))
        .collect();
    let id = |(_, app, name): &(u64, String, String)| format!("{app}.{name}");
    let known: BTreeSet<String> = left.iter().map(id).collect();
    let mut before: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut last_of: BTreeMap<&str, &(u64, String, String)> = BTreeMap::new();
    for one in &left {
        let named = dependencies.get(&id(one)).into_iter().flatten();
        let mut earlier: Vec<String> = named
            .filter(|name| known.contains(*name))
            .cloned()
            .collect();
        if let Some(last) = last_of.insert(&one.1, one).filter(|last| last.0 < one.0) {
            earlier.push(id(last));
        }
        before.insert(id(one), earlier);
    }
    let mut place: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(first) = left.first().cloned() {
        let ready = |one: &&(u64, String, String)| {
            before[&id(one)]
                .iter()
                .all(|earlier| place.contains_key(earlier))
        };
        // A circle, which the tool would refuse, is left in the order of the numbers.
        let next = left.iter().find(ready).cloned().unwrap_or(first);
        left.remove(&next);
        place.insert(id(&next), place.len());
    }
    let at = |id: &str| place.get(id).copied();
    folder.migrations.sort_by_key(|migration| at(&migration.id));
    folder.programs.sort_by_key(|program| at(&program.id));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::layout;

    fn read(files: &[(&str, &str)], set: Option<Layout>) -> Folder {
        let files: Vec<File> = files
            .iter()
            .map(|(path, text)| File {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        let folder = layout::read(&files, set);
        assert_eq!(folder.errors, []);
        folder
    }

    fn ids(folder: &Folder) -> (Vec<&str>, Vec<&str>) {
        (
            folder
                .migrations
                .iter()
                .map(|one| one.id.as_str())
                .collect(),
            folder.programs.iter().map(|one| one.id.as_str()).collect(),
        )
    }

    #[test]
    fn programs_of_rails_are_known_and_sql_beside_them_is_run() {
        let folder = read(
            &[
                ("20240101120000_create_users.rb", "class CreateUsers"),
                ("20240301000000_add_age.sql", "select 1;"),
                ("20240201000000_add_name.rb", ""),
                ("20240201000000_add_name.sql", "select 1;"),
            ],
            None,
        );
        assert_eq!(folder.layout, Layout::Rails);
        assert_eq!(
            ids(&folder),
            (
                vec!["20240201000000", "20240301000000"],
                vec!["20240101120000"]
            )
        );
        assert_eq!(folder.programs[0].name, "create_users");
        assert_eq!(folder.migrations[1].name, "add_age");
    }

    #[test]
    fn migrations_of_django_come_after_what_they_depend_on() {
        let folder = read(
            &[
                ("shop/migrations/__init__.py", ""),
                (
                    "shop/migrations/0001_initial.py",
                    "class Migration:\n    dependencies = [\n        ('users', '0002_mail'),\n    ]\n    operations = ['x', 'y']",
                ),
                ("shop/migrations/0002_price.sql", "select 1;"),
                ("users/migrations/0001_initial.py", "dependencies = []"),
                (
                    "users/migrations/0002_mail.py",
                    "dependencies = [(\"users\", \"0001_initial\")]",
                ),
                ("users/migrations/0002_mail.sql", "select 1;"),
            ],
            None,
        );
        assert_eq!(folder.layout, Layout::Django);
        assert_eq!(
            ids(&folder),
            (
                vec!["users.0002_mail", "shop.0002_price"],
                vec!["users.0001_initial", "shop.0001_initial"]
            )
        );
        assert_eq!(folder.migrations[1].name, "price");
    }

    #[test]
    fn sql_alone_is_laid_out_by_app_where_the_layout_is_set() {
        let files = [
            ("b/0001_x.sql", ""),
            ("a/0002_y.sql", ""),
            ("a/0001_x.sql", ""),
        ];
        let folder = read(&files, Some(Layout::Django));
        assert_eq!(ids(&folder).0, ["a.0001_x", "b.0001_x", "a.0002_y"]);
        let nowhere = File {
            path: "0001_x.sql".to_owned(),
            text: String::new(),
        };
        assert_eq!(
            layout::read(&[nowhere], Some(Layout::Django)).errors.len(),
            1
        );
    }
}
