//! What zdm has to say about a piece of source: one type for parser, lint, plan and configuration.
//!
//! A [`Diagnostic`] says *what*, *why* and *what to do*; `report` renders it.

use std::{borrow::Cow, fmt, num::NonZeroU32, ops::Deref};

use serde::{Deserialize, Serialize};

use crate::source::Span;

/// How bad it is (INTERFACES §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Advice, and strong locks held only for a moment.
    Info,
    /// A compatibility break or a real risk.
    Warning,
    /// Clients are blocked for longer than a moment, or the statement fails or loses data.
    Error,
}

impl Level {
    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The kebab-case name of a rule or of a kind of mistake: one of zdm's own, or of a rule that a
/// project has made for itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RuleName(Cow<'static, str>);

impl RuleName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for RuleName {
    fn from(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }
}

impl From<String> for RuleName {
    fn from(name: String) -> Self {
        Self(Cow::Owned(name))
    }
}

impl Deref for RuleName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for RuleName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for RuleName {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// A second place that matters, with a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// Why it matters.
    pub text: String,
}

/// One finding about one source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The rule, or the kind of mistake (`syntax`, `unknown-directive`).
    pub rule: RuleName,
    /// How bad it is.
    pub level: Level,
    /// What happens and why: one sentence or two, the objects named.
    pub message: String,
    /// What to do, starting with a verb.
    pub help: Option<String>,
    /// The bytes it is about.
    pub span: Span,
    /// Other places that matter.
    pub labels: Vec<Label>,
    /// About how many milliseconds clients wait, where the sizes tell; the message says it in
    /// words.
    pub blocks_for_ms: Option<NonZeroU32>,
}

impl Diagnostic {
    /// A finding without help or labels.
    pub fn new(
        rule: impl Into<RuleName>,
        level: Level,
        span: Span,
        message: impl Into<String>,
    ) -> Self {
        Self {
            rule: rule.into(),
            level,
            message: message.into(),
            help: None,
            span,
            labels: Vec::new(),
            blocks_for_ms: None,
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a second place.
    #[must_use]
    pub fn with_label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            text: text.into(),
        });
        self
    }
}

/// The nearest of some known words, when it is near enough to be a slip: for "did you mean".
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.84)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["expand", "migrate", "contract"];
        assert_eq!(closest("exapnd", known), Some("expand"));
        assert_eq!(closest("contact", known), Some("contract"));
        assert_eq!(closest("zebra", known), None);
    }
}
