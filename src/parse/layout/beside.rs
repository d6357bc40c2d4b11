//! Files that say of the migration beside them whether it runs in a transaction.
//!
//! diesel reads `metadata.toml` in the migration's folder, Flyway a file of the migration's name
//! with `.conf` behind it. Of a program of Rails or Django for which an SQL file stands, the line
//! that says the same counts. The tools take nothing else from these files that lint could use.

use super::{File, Layout, Wrapping, file_name};

/// What one tool keeps beside a migration.
struct Habit {
    key: &'static str,
    /// What the migration runs as when the key is false.
    then: Wrapping,
}

/// diesel sends the whole file as one string then (`batch_execute`).
const DIESEL: Habit = Habit {
    key: "run_in_transaction",
    then: Wrapping::String,
};

/// Flyway runs statement after statement.
const FLYWAY: Habit = Habit {
    key: "executeInTransaction",
    then: Wrapping::None,
};

/// Whether a file of that name may say something of a migration.
pub fn is_beside(name: &str) -> bool {
    name == "metadata.toml" || name.to_ascii_lowercase().ends_with(".sql.conf")
}

/// The path of the file that says how that migration is run, in a layout that has one.
pub fn path(layout: Layout, migration: &str) -> Option<String> {
    match layout {
        Layout::UpFolder => {
            let folder = migration.len() - file_name(migration).len();
            Some(format!("{}metadata.toml", &migration[..folder]))
        }
        Layout::Flyway => Some(format!("{migration}.conf")),
        Layout::Plain
        | Layout::UpDown
        | Layout::Prisma
        | Layout::Dbmate
        | Layout::Goose
        | Layout::SqlMigrate
        | Layout::Rails
        | Layout::Django => None,
    }
}

/// How that migration is run, by the file beside it.
pub(super) fn wrapping(layout: Layout, migration: &str, files: &[File]) -> Wrapping {
    let (Some(habit), Some(path)) = (habit(layout), path(layout, migration)) else {
        return Wrapping::Transaction;
    };
    let found = files.iter().find(|file| file.path == path);
    match found.and_then(|file| value(&file.text, habit.key)) {
        Some("false") => habit.then,
        Some(_) | None => Wrapping::Transaction,
    }
}

/// How an SQL file is run that stands for a program, by what the program says of itself.
pub(super) fn wrapping_of_program(layout: Layout, text: &str) -> Wrapping {
    let says = |line: &dyn Fn(&str) -> bool| {
        let code = text.lines().filter_map(|line| line.split('#').next());
        code.map(str::trim).any(line)
    };
    match layout {
        // `execute` sends a string.
        Layout::Rails if says(&|line| line == "disable_ddl_transaction!") => Wrapping::String,
        // `RunSQL` takes its statements apart.
        Layout::Django
            if says(&|line| {
                let set = line.split_once('=');
                set.is_some_and(|(name, value)| (name.trim(), value.trim()) == ("atomic", "False"))
            }) =>
        {
            Wrapping::None
        }
        _ => Wrapping::Transaction,
    }
}

/// The text of the file beside a migration which then runs outside a transaction; nothing when it
/// says so already, or when the layout has no such file.
pub fn without_transaction(layout: Layout, there: Option<&str>) -> Option<String> {
    let key = habit(layout)?.key;
    let text = there.unwrap_or_default();
    let line = match layout {
        Layout::Flyway => format!("{key}=false\n"),
        _ => format!("{key} = false\n"),
    };
    match value(text, key) {
        Some("false") => None,
        Some(_) => Some(
            text.split_inclusive('\n')
                .map(|old| match pair(old) {
                    Some((found, _)) if found == key => line.as_str(),
                    _ => old,
                })
                .collect(),
        ),
        // Before everything else: what follows a header in TOML belongs to that.
        None => Some(format!("{line}{text}")),
    }
}

fn habit(layout: Layout) -> Option<Habit> {
    match layout {
        Layout::UpFolder => Some(DIESEL),
        Layout::Flyway => Some(FLYWAY),
        Layout::Plain
        | Layout::UpDown
        | Layout::Prisma
        | Layout::Dbmate
        | Layout::Goose
        | Layout::SqlMigrate
        | Layout::Rails
        | Layout::Django => None,
    }
}

/// The value of a key at the top of a file of TOML or of properties.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines()
        .take_while(|line| !line.trim_start().starts_with('['))
        .filter_map(pair)
        .find(|(found, _)| *found == key)
        .map(|(_, value)| value)
}

/// `key = value`, without a comment.
fn pair(line: &str) -> Option<(&str, &str)> {
    let code = line.split('#').next()?;
    let (key, value) = code.split_once('=')?;
    Some((key.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for (layout, migration) in [
            (Layout::UpFolder, "m/1_a/up.sql"),
            (Layout::Flyway, "m/V1__a.sql"),
        ] {
            for there in [
                None,
                Some("# run_in_transaction = false\n"),
                Some("run_in_transaction = true # yes\nexecuteInTransaction=true\n[more]\nx = 1"),
            ] {
                let path = path(layout, migration).unwrap();
                assert!(is_beside(file_name(&path)), "{path}");
                let files = |text: &str| {
                    [File {
                        path: path.clone(),
                        text: text.to_owned(),
                    }]
                };
                let before = files(there.unwrap_or_default());
                assert_eq!(
                    wrapping(layout, migration, &before),
                    Wrapping::Transaction,
                    "{there:?}"
                );
                let text = without_transaction(layout, there).unwrap();
                let now = wrapping(layout, migration, &files(&text));
                assert_eq!(now, habit(layout).unwrap().then, "{text}");
                assert_eq!(without_transaction(layout, Some(&text)), None);
            }
        }
        assert_eq!(without_transaction(Layout::Plain, None), None);
    }

    #[test]
    fn a_program_says_it_of_itself() {
        let rails =
            "class A < ActiveRecord::Migration[7.1]\n  disable_ddl_transaction! # long\nend\n";
        assert_eq!(wrapping_of_program(Layout::Rails, rails), Wrapping::String);
        let not = rails.replace("  disable", "  # disable");
        assert_eq!(
            wrapping_of_program(Layout::Rails, &not),
            Wrapping::Transaction
        );
        let django = "class Migration(migrations.Migration):\n    atomic = False\n";
        assert_eq!(wrapping_of_program(Layout::Django, django), Wrapping::None);
    }
}
