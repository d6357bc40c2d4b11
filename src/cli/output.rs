//! The only place that writes to stdout and stderr.
//!
//! Styles are stripped where they are not wanted: not a terminal, `NO_COLOR`, `TERM=dumb`. A
//! reader that has gone away (`zdm plan | head`) is not an error.

use std::{fmt::Write as _, io::Write as _};

use anstyle::{AnsiColor, Style};

use crate::{
    cli::{CliError, Format},
    report::json,
};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// Writes a result to stdout.
pub fn result(text: &str) {
    let mut stdout = anstream::stdout();
    // Nothing can be done, or said, when nobody listens.
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

/// Writes anything else to stderr.
pub fn note(text: &str) {
    let mut stderr = anstream::stderr();
    // Nothing can be done, or said, when nobody listens.
    let _ = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}

/// Shows an error: as text to stderr, or as JSON to stdout, where programs look for it.
pub fn error(error: &CliError, format: Format) {
    match format {
        Format::Human => note(&in_words(error)),
        Format::Json => {
            // Code frames are for people, and they would be lost in JSON.
            if let Some(frames) = error.shown_before() {
                note(frames);
            }
            result(&json::line(&json::Error::new(
                error.code(),
                &error.to_string(),
                error.database_state(),
                error.next(),
            )));
        }
    }
}

fn in_words(error: &CliError) -> String {
    let mut text = error.shown_before().unwrap_or_default().to_owned();
    let _ = writeln!(text, "{ERROR}error:{ERROR:#} {error}");
    for hint in error.hints() {
        let _ = writeln!(text, "{HINT}Hint:{HINT:#} {hint}");
    }
    text
}
