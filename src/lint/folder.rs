//! A folder of migrations, in order, for rules that look across files.

use crate::{lint::settings::Settings, parse::Script};

/// The migrations of a folder, in the order in which they run.
#[derive(Debug, Clone)]
pub struct Folder<'a> {
    /// The migrations.
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
