//! What a rule is: a name, a page, and a function over one statement.

use crate::{
    diagnostic::{Diagnostic, Level},
    lint::{context::Context, page::Page},
    source::Span,
};

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its one kebab-case name.
    pub name: &'static str,
    /// The text of `lints/<name>.md`.
    pub page: &'static str,
    /// Looks at one statement.
    pub check: fn(&Context<'_>) -> Vec<Diagnostic>,
}

impl Rule {
    /// Its page, taken apart; `None` never happens, as the page harness reads every page.
    pub fn read_page(&self) -> Option<Page<'static>> {
        Page::read(self.page).ok()
    }

    /// What its findings count as, when nothing else is set.
    pub fn level(&self) -> Level {
        self.read_page().map_or(Level::Error, |page| page.level)
    }

    /// A finding of this rule at its own level.
    pub fn finding(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.name, self.level(), span, message)
    }
}
