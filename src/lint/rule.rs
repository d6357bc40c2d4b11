//! What a rule is: a name, a page, and a function over a statement, a file or a folder.

use crate::{
    diagnostic::{Diagnostic, Level},
    lint::{
        context::{Context, Work},
        file::File,
        folder::Folder,
        page::Page,
        rules,
        settings::OptionValue,
    },
    source::Span,
};

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its one kebab-case name.
    pub name: &'static str,
    /// The text of `lints/<name>.md`.
    pub page: &'static str,
    /// What it looks at.
    pub check: Check,
    /// Whether its findings say what blocking work of the statement is for.
    pub explains: Explains,
    /// What can be set for it in `[lint.rules.<name>]`, besides `level` and `paths`.
    pub options: &'static [RuleOption],
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    /// Each statement, with everything around it.
    Statement(fn(&Context<'_>) -> Vec<Diagnostic>),
    /// A whole file, once; a finding belongs to the statement that its span is in.
    File(fn(&File<'_>) -> Vec<Diagnostic>),
    /// A folder of migrations, once; a finding belongs to the member at that position.
    Folder(fn(&Folder<'_>) -> Vec<(usize, Diagnostic)>),
    /// Each statement with blocking work that no finding of another rule explains.
    Unexplained(fn(&Context<'_>, &[Work<'_>]) -> Vec<Diagnostic>),
}

/// Whether a finding accounts for the blocking work at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Explains {
    /// It speaks of something else.
    Nothing,
    /// It explains the blocking work of every subcommand that its span touches; of the whole
    /// statement, when that is no ALTER or the work is nobody's alone.
    Work,
}

/// Something that can be set for a rule.
#[derive(Debug, Clone, Copy)]
pub struct RuleOption {
    /// The key.
    pub name: &'static str,
    /// What holds when it is not set; it says which kind of value is taken, too.
    pub default: OptionDefault,
    /// What it means, in a sentence.
    pub doc: &'static str,
}

/// What holds when an option is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionDefault {
    /// A whole number.
    Number(u64),
    /// A text.
    Text(&'static str),
    /// A list of texts.
    Texts(&'static [&'static str]),
}

impl Rule {
    /// A rule over statements.
    pub const fn statement(
        name: &'static str,
        page: &'static str,
        check: fn(&Context<'_>) -> Vec<Diagnostic>,
    ) -> Self {
        Self::new(name, page, Check::Statement(check))
    }

    /// A rule over whole files.
    pub const fn file(
        name: &'static str,
        page: &'static str,
        check: fn(&File<'_>) -> Vec<Diagnostic>,
    ) -> Self {
        Self::new(name, page, Check::File(check))
    }

    /// A rule over folders.
    pub const fn folder(
        name: &'static str,
        page: &'static str,
        check: fn(&Folder<'_>) -> Vec<(usize, Diagnostic)>,
    ) -> Self {
        Self::new(name, page, Check::Folder(check))
    }

    /// A rule of any kind that explains nothing and has no options.
    pub const fn new(name: &'static str, page: &'static str, check: Check) -> Self {
        Self {
            name,
            page,
            check,
            explains: Explains::Nothing,
            options: &[],
        }
    }

    /// The same, whose findings explain blocking work.
    #[must_use]
    pub const fn explaining(self) -> Self {
        Self {
            explains: Explains::Work,
            ..self
        }
    }

    /// The same, with options.
    #[must_use]
    pub const fn with_options(self, options: &'static [RuleOption]) -> Self {
        Self { options, ..self }
    }

    /// Its page, taken apart; `None` never happens, as the page harness reads every page.
    pub fn read_page(&self) -> Option<Page<'static>> {
        Page::read(self.page).ok()
    }

    /// What its findings count as, when nothing else is set.
    pub fn level(&self) -> Level {
        rules::facts(self.name).level
    }

    /// A finding of this rule at its own level.
    pub fn finding(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        self.finding_at(self.level(), span, message)
    }

    /// A finding of this rule at a level of its own; what `zdm.toml` sets for the rule wins.
    pub fn finding_at(&self, level: Level, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.name, level, span, message)
    }

    /// The value of one of its options in a file.
    pub fn option(&self, file: &File<'_>, name: &str) -> OptionValue {
        file.settings
            .option(self, name)
            .unwrap_or(OptionValue::Number(0))
    }
}
