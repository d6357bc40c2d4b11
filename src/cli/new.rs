//! `zdm new`.

use std::{io::Write as _, path::Path};

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    cli::{CliError, ErrorCode, Exit, Format, history, output},
    config::{
        Config,
        migrations::{self, USUAL_FOLDERS},
    },
    parse::layout::{
        self,
        next::{Now, next},
    },
    report::json,
};

/// Make the file of the next migration, as the folder lays its files out.
///
/// The version goes on from the last one: the next number of the same width, or the time where
/// versions are times. Nothing is ever overwritten.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What it does, in a few words.
    #[arg(value_name = "NAME", required = true)]
    name: Vec<String>,
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

#[derive(serde::Serialize)]
struct Made<'a> {
    version: u32,
    id: &'a str,
    files: &'a [String],
}

/// Runs it.
pub(super) fn run(args: &Args, config: &Config) -> Result<Exit, CliError> {
    let set = config.settings.migrations_dir.as_deref();
    // The first migration makes the folder.
    let folder = migrations::folder(&config.base, set).unwrap_or_else(|_| {
        config
            .base
            .join(set.unwrap_or_else(|| Path::new(USUAL_FOLDERS[0])))
    });
    let files: Vec<layout::File> = if folder.is_dir() {
        migrations::files(&folder)?
            .into_iter()
            .map(|file| layout::File {
                path: file.relative,
                text: file.text,
            })
            .collect()
    } else {
        Vec::new()
    };
    let read = layout::read(&files, config.settings.layout);
    if !read.errors.is_empty() {
        return Err(history::layout_errors(&folder, &read));
    }
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let words = args.name.join(" ");
    let Some(next) = next(&read, &paths, &words, now()) else {
        return Err(CliError::new(
            ErrorCode::Usage,
            format!("{words:?} has no letter and no digit"),
        )
        .with_hint("Give a few words: zdm new add email."));
    };
    let mut made = Vec::new();
    for file in &next.files {
        let path = folder.join(&file.path);
        write_new(&path, &file.text).map_err(|source| not_written(&path, &source))?;
        made.push(path.display().to_string());
    }
    output::result(&match args.format {
        Format::Human => made.iter().map(|path| format!("{path}\n")).collect(),
        Format::Json => json::pretty(&Made {
            version: json::VERSION,
            id: &next.id,
            files: &made,
        }),
    });
    Ok(Exit::Done)
}

fn now() -> Now {
    let now = Timestamp::now();
    let digits = now
        .to_zoned(TimeZone::UTC)
        .strftime("%Y%m%d%H%M%S")
        .to_string();
    Now {
        unix: now.as_second(),
        digits: digits.parse().unwrap_or_default(),
    }
}

/// Writes a file that is not there yet.
pub(super) fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)?
        .write_all(text.as_bytes())
}

fn not_written(path: &Path, source: &std::io::Error) -> CliError {
    CliError::new(
        ErrorCode::Migrations,
        format!("cannot write {}: {source}", path.display()),
    )
    .with_hint("Check that you may write there, and that no file of that name exists.")
}
