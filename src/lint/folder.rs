//! A folder of migrations, in order, for rules that look across files.

use crate::{lint::settings::Settings, parse::Script, source::Span};

/// The migrations of a folder, in the order in which they run.
#[derive(Debug, Clone)]
pub struct Folder<'a> {
    /// The migrations; behind them those that only a revision has.
    pub members: Vec<Member<'a>>,
    /// What holds for this run.
    pub settings: &'a Settings,
}

/// One migration of a folder.
#[derive(Debug, Clone)]
pub struct Member<'a> {
    /// Its version, as text.
    pub id: &'a str,
    /// The rest of its name.
    pub name: &'a str,
    /// Its statements.
    pub script: &'a Script,
    /// Whether it has run where it matters.
    pub released: Released,
    /// Whether findings about it are wanted.
    pub judged: Judged,
    /// What it said when it was released, where that was something else.
    pub original: Option<Original<'a>>,
    /// The revision that has it, as it was given, where this folder does not have it.
    pub only_at: Option<&'a str>,
}

/// What a migration said when it was released.
#[derive(Debug, Clone, Copy)]
pub struct Original<'a> {
    /// Its statements.
    pub script: &'a Script,
    /// Who has kept them.
    pub kept_by: KeptBy<'a>,
}

/// Who knows what a migration said when it was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeptBy<'a> {
    /// A revision of git, as it was given.
    Revision(&'a str),
    /// The journal of a database.
    Journal,
}

impl Member<'_> {
    /// `0042 rename_name`, without a stray blank when one part is missing.
    pub fn title(&self) -> String {
        format!("{} {}", self.id, self.name).trim().to_owned()
    }

    /// The place of what is said about the whole file: the first line of its first statement.
    pub fn place(&self) -> Span {
        let Some(first) = self.script.statements.first() else {
            return Span::new(0, 0);
        };
        let text = self.script.source.slice(first.span);
        let line = text.lines().next().unwrap_or(text).trim_end();
        Span::new(first.span.start, first.span.start + line.len())
    }
}

/// Whether a migration has run where it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Released {
    /// A journal, a history or a revision says so.
    Yes,
    /// One of them says that it has not.
    No,
    /// Nothing tells.
    Unknown,
}

/// Whether findings about a migration are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Judged {
    /// They are.
    Yes,
    /// It only says what exists.
    No,
}
