//! What the next migration of a folder is called, and what its files hold.
//!
//! Pure: the time is handed in.

use super::{Folder, Layout};

/// The time that a version may be made of, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Seconds since 1970.
    pub unix: i64,
    /// `YYYYMMDDHHMMSS`.
    pub digits: u64,
}

/// A file to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Its path, relative to the folder.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// The next migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// Its version.
    pub id: String,
    /// Its files, the way up first.
    pub files: Vec<NewFile>,
}

/// The next migration of a folder; `None` when nothing is left of the name. `files` are the paths
/// in the folder, which show whether ways down are kept.
pub fn next(folder: &Folder, paths: &[&str], name: &str, now: Now) -> Option<Next> {
    let name = sanitised(name)?;
    if folder.layout == Layout::Django {
        return of_app(folder, paths, &name);
    }
    let migrations = folder.migrations.iter().map(|one| one.id.as_str());
    let programs = folder.programs.iter().map(|one| one.id.as_str());
    let last = migrations
        .chain(programs)
        .max_by(|a, b| super::version_order(a, b));
    let id = match last {
        Some(last) => following(last, now),
        None => first(folder.layout, now),
    };
    // Flyway writes 1.2 as 1_2 or 1.2; a new version has no part.
    let stem = format!("{id}_{name}");
    let note = format!("-- {}\n", name.replace('_', " "));
    let file = |path: String, text: &str| NewFile {
        path,
        text: text.to_owned(),
    };
    let has = |end: &str| paths.iter().any(|path| path.ends_with(end));
    let files = match folder.layout {
        Layout::Plain | Layout::Rails | Layout::Django => {
            vec![file(format!("{stem}.sql"), &note)]
        }
        Layout::UpDown => {
            let mut files = vec![file(format!("{stem}.up.sql"), &note)];
            if has(".down.sql") || folder.migrations.is_empty() {
                files.push(file(format!("{stem}.down.sql"), &note));
            }
            files
        }
        Layout::UpFolder => {
            let mut files = vec![file(format!("{stem}/up.sql"), &note)];
            if has("/down.sql") || folder.migrations.is_empty() {
                files.push(file(format!("{stem}/down.sql"), &note));
            }
            files
        }
        Layout::Prisma => vec![file(format!("{stem}/migration.sql"), &note)],
        Layout::Flyway => vec![file(format!("V{id}__{name}.sql"), &note)],
        Layout::Dbmate => vec![file(
            format!("{stem}.sql"),
            "-- migrate:up\n\n-- migrate:down\n",
        )],
        Layout::Goose => vec![file(
            format!("{stem}.sql"),
            "-- +goose Up\n\n-- +goose Down\n",
        )],
        Layout::SqlMigrate => vec![file(
            format!("{stem}.sql"),
            "-- +migrate Up\n\n-- +migrate Down\n",
        )],
    };
    Some(Next { id, files })
}

/// The next migration of an app of Django: the first word names the app, where there is more than
/// one. Its file stands beside the others of the app.
fn of_app(folder: &Folder, paths: &[&str], name: &str) -> Option<Next> {
    let all = || {
        let migrations = folder.migrations.iter().map(|one| (&one.id, &one.path));
        migrations.chain(folder.programs.iter().map(|one| (&one.id, &one.path)))
    };
    let app_of = |id: &str| id.split_once('.').map(|(app, _)| app.to_owned());
    let mut apps: Vec<String> = all().filter_map(|(id, _)| app_of(id)).collect();
    apps.sort();
    apps.dedup();
    let (app, rest) = match (name.split_once('_'), apps.as_slice()) {
        (Some((first, rest)), _) if apps.iter().any(|app| app == first) => (first.to_owned(), rest),
        (_, [only]) => (only.clone(), name),
        (Some((first, rest)), _) => (first.to_owned(), rest),
        (None, _) => return None,
    };
    let of_app = || all().filter(|(id, _)| app_of(id).as_ref() == Some(&app));
    let number = of_app()
        .filter_map(|(id, _)| {
            let name = id.split_once('.')?.1;
            let end = name
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(name.len());
            name[..end].parse::<u64>().ok()
        })
        .max()
        .unwrap_or(0);
    let stem = format!("{:04}_{rest}", number + 1);
    let folder_of = of_app()
        .map(|(_, path)| {
            path.rsplit_once('/')
                .map_or("", |(folder, _)| folder)
                .to_owned()
        })
        .next_back()
        .unwrap_or_else(|| app.clone());
    let path = format!("{folder_of}/{stem}.sql");
    (!paths.contains(&path.as_str())).then(|| Next {
        id: format!("{app}.{stem}"),
        files: vec![NewFile {
            path,
            text: format!("-- {}\n", rest.replace('_', " ")),
        }],
    })
}

/// Letters, digits and single underscores, in lower case.
fn sanitised(name: &str) -> Option<String> {
    let words: Vec<String> = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    (!words.is_empty()).then(|| words.join("_"))
}

/// The version of the first migration, as the tool would make it.
fn first(layout: Layout, now: Now) -> String {
    match layout {
        Layout::Plain | Layout::Django => "0001".to_owned(),
        Layout::Flyway => "1".to_owned(),
        Layout::UpDown => "000001".to_owned(),
        Layout::UpFolder => dated(now),
        Layout::Prisma | Layout::Dbmate | Layout::Goose | Layout::SqlMigrate | Layout::Rails => {
            now.digits.to_string()
        }
    }
}

/// `2024-01-31-235959`.
fn dated(now: Now) -> String {
    let digits = format!("{:014}", now.digits);
    format!(
        "{}-{}-{}-{}",
        &digits[..4],
        &digits[4..6],
        &digits[6..8],
        &digits[8..]
    )
}

/// The version after the last one: of the same width or the same kind of time, and always above it.
fn following(last: &str, now: Now) -> String {
    let dashes = last.len() == 17 && last.bytes().filter(|b| *b == b'-').count() == 3;
    if dashes {
        let next = dated(now);
        if next.as_str() > last {
            return next;
        }
    }
    let end = last
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(last.len());
    let (digits, rest) = last.split_at(end);
    let Ok(number) = digits.parse::<u64>() else {
        // A version without a number in front: what comes after it in the order of bytes.
        return format!("{last}_2");
    };
    if dashes || rest.starts_with('-') {
        // A date in the future: the next day of the calendar is not ours to guess.
        return format!("{last}-1");
    }
    let of_time = |time: u64| time.max(number + 1).to_string();
    match digits.len() {
        14 if (19_700_101_000_000..=99_991_231_235_959).contains(&number) => of_time(now.digits),
        12 if (197_001_010_000..=999_912_312_359).contains(&number) => of_time(now.digits / 100),
        8 if (19_700_101..=99_991_231).contains(&number) => of_time(now.digits / 1_000_000),
        // Seconds since 1970, from 2001 on.
        10 if number >= 1_000_000_000 => of_time(u64::try_from(now.unix).unwrap_or_default()),
        width => format!("{:0width$}", number + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::File, *};

    const NOW: Now = Now {
        unix: 1_750_000_000,
        digits: 20_250_615_150_640,
    };

    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let files: Vec<File> = files
            .iter()
            .map(|(path, text)| File {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        let folder = super::super::read(&files, None);
        assert_eq!(folder.errors, []);
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let found = next(&folder, &paths, "Add e-mail!", NOW).unwrap();
        let names: Vec<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(names, expected);
        // What is made is read as what comes last.
        let mut with = files.clone();
        with.extend(found.files.iter().map(|file| File {
            path: file.path.clone(),
            text: file.text.clone(),
        }));
        let read = super::super::read(&with, Some(folder.layout));
        assert_eq!(read.errors, []);
        assert_eq!(read.migrations.last().unwrap().id, found.id);
        assert_eq!(read.migrations.len(), folder.migrations.len() + 1);
    }

    #[test]
    fn the_width_of_numbers_is_kept() {
        check(&[("0009_a.sql", "")], &["0010_add_e_mail.sql"]);
        check(&[("9_a.sql", "")], &["10_add_e_mail.sql"]);
        check(&[("002b_a.sql", "")], &["003_add_e_mail.sql"]);
        check(&[], &["0001_add_e_mail.sql"]);
    }

    #[test]
    fn times_stay_times_and_above_the_last() {
        check(
            &[("20240101000000_a.sql", "")],
            &["20250615150640_add_e_mail.sql"],
        );
        check(
            &[("20990101000000_a.sql", "")],
            &["20990101000001_add_e_mail.sql"],
        );
        check(&[("1700000000_a.sql", "")], &["1750000000_add_e_mail.sql"]);
        check(&[("20240101_a.sql", "")], &["20250615_add_e_mail.sql"]);
    }

    #[test]
    fn every_layout_goes_on_as_it_is() {
        check(
            &[("000001_a.up.sql", ""), ("000001_a.down.sql", "")],
            &["000002_add_e_mail.up.sql", "000002_add_e_mail.down.sql"],
        );
        check(&[("000001_a.up.sql", "")], &["000002_add_e_mail.up.sql"]);
        check(
            &[
                ("2024-01-01-000000_a/up.sql", ""),
                ("2024-01-01-000000_a/down.sql", ""),
            ],
            &[
                "2025-06-15-150640_add_e_mail/up.sql",
                "2025-06-15-150640_add_e_mail/down.sql",
            ],
        );
        check(
            &[("20240101000000_a/migration.sql", "")],
            &["20250615150640_add_e_mail/migration.sql"],
        );
        check(&[("V007__a.sql", "")], &["V008__add_e_mail.sql"]);
        check(&[("V1_2__a.sql", "")], &["V2__add_e_mail.sql"]);
        check(
            &[("1_a.sql", "-- +goose Up\nSELECT 1;")],
            &["2_add_e_mail.sql"],
        );
        check(
            &[("1_a.sql", "-- migrate:up\nSELECT 1;")],
            &["2_add_e_mail.sql"],
        );
    }

    #[test]
    fn a_name_of_signs_is_no_name() {
        let folder = super::super::read(&[], None);
        assert_eq!(next(&folder, &[], "../!", NOW), None);
    }
}
