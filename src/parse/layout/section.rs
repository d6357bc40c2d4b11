//! Files that hold the way up and the way down: only the way up is kept.
//!
//! The tools look at lines, also within strings, and so does this.

use super::{Layout, Wrapping};

/// The way up of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Up {
    /// The text with everything else blanked; as long as the file.
    pub(super) text: String,
    /// Whether it asks to run outside a transaction.
    pub(super) wrapping: Wrapping,
}

/// The line that starts the way up.
pub(super) fn up_line(layout: Layout) -> &'static str {
    match layout {
        Layout::Dbmate => "-- migrate:up",
        Layout::SqlMigrate => "-- +migrate Up",
        Layout::Goose
        | Layout::Plain
        | Layout::UpDown
        | Layout::UpFolder
        | Layout::Prisma
        | Layout::Flyway
        | Layout::Rails
        | Layout::Django => "-- +goose Up",
    }
}

/// What a line says to the tool.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Up,
    UpWithoutTransaction(Wrapping),
    Down,
    WithoutTransaction,
    None,
}

/// The way up, if the file marks one.
pub(super) fn up(text: &str, layout: Layout) -> Option<Up> {
    let mut out = String::with_capacity(text.len());
    let mut wrapping = Wrapping::Transaction;
    let mut found = false;
    let mut keep = false;
    for line in text.split_inclusive('\n') {
        match mark(line, layout) {
            Mark::Up => {
                keep = true;
                found = true;
            }
            Mark::UpWithoutTransaction(how) => {
                keep = true;
                found = true;
                wrapping = how;
            }
            Mark::Down => keep = false,
            Mark::WithoutTransaction => wrapping = Wrapping::None,
            Mark::None => {}
        }
        if keep {
            out.push_str(line);
        } else {
            out.extend(line.chars().flat_map(|c| {
                let (blank, times) = match c {
                    '\n' | '\r' => (c, 1),
                    _ => (' ', c.len_utf8()),
                };
                std::iter::repeat_n(blank, times)
            }));
        }
    }
    found.then_some(Up {
        text: out,
        wrapping,
    })
}

fn mark(line: &str, layout: Layout) -> Mark {
    let line = line.trim_start_matches('\u{feff}').trim();
    let Some(comment) = line.strip_prefix("--") else {
        return Mark::None;
    };
    let words: Vec<String> = comment
        .split_whitespace()
        .map(str::to_ascii_lowercase)
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (layout, words.as_slice()) {
        (Layout::Goose, ["+goose", "up", ..]) => Mark::Up,
        (Layout::Goose, ["+goose", "down", ..]) | (Layout::Dbmate, ["migrate:down", ..]) => {
            Mark::Down
        }
        (Layout::Goose, ["+goose", "no", "transaction", ..]) => Mark::WithoutTransaction,
        (Layout::Dbmate, ["migrate:up", options @ ..]) => {
            if options.contains(&"transaction:false") {
                Mark::UpWithoutTransaction(Wrapping::String)
            } else {
                Mark::Up
            }
        }
        (Layout::SqlMigrate, ["+migrate", "up", options @ ..]) => {
            if options.contains(&"notransaction") {
                Mark::UpWithoutTransaction(Wrapping::None)
            } else {
                Mark::Up
            }
        }
        (Layout::SqlMigrate, ["+migrate", "down", ..]) => Mark::Down,
        _ => Mark::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_way_up_is_kept_and_offsets_stay() {
        for (layout, text, kept, wrapping) in [
            (
                Layout::Goose,
                "-- é\r\n-- +goose Up\n-- +goose StatementBegin\nselect 1;\n-- +goose StatementEnd\n-- +goose Down\ndrop ü;\n",
                "-- +goose Up\n-- +goose StatementBegin\nselect 1;\n-- +goose StatementEnd",
                Wrapping::Transaction,
            ),
            (
                Layout::Goose,
                "-- +goose NO TRANSACTION\n-- +goose Up\na;",
                "-- +goose Up\na;",
                Wrapping::None,
            ),
            (
                Layout::Dbmate,
                "-- migrate:up transaction:false\na;\n-- migrate:down\nb;",
                "-- migrate:up transaction:false\na;",
                Wrapping::String,
            ),
            (
                Layout::SqlMigrate,
                "-- +migrate Up notransaction\na;\n-- +migrate Down\nb;\n",
                "-- +migrate Up notransaction\na;",
                Wrapping::None,
            ),
        ] {
            let up = up(text, layout).expect(text);
            assert_eq!(up.text.trim(), kept);
            assert_eq!(up.text.len(), text.len());
            assert_eq!(text.find(kept), up.text.find(kept));
            assert_eq!(up.wrapping, wrapping);
        }
        assert_eq!(up("select 1;", Layout::Goose), None);
    }
}
