//! The findings of one run, and the list of formats that show them.
//!
//! Every format starts from [`Findings`] and is one file beside this one; [`render`] is the only
//! place that names them all, so a new format is a variant of [`Format`] and what the compiler
//! then asks for.

use crate::{
    diagnostic::Level,
    report::{Shown, github, gitlab, human, json, junit, markdown, sarif},
};

/// The formats of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Code frames.
    Human,
    /// zdm's own JSON.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
    /// A code quality report of GitLab.
    Gitlab,
    /// `JUnit` XML.
    Junit,
    /// A comment on a pull request.
    Markdown,
}

impl Format {
    /// All, in the order of the help.
    pub const ALL: [Self; 7] = [
        Self::Human,
        Self::Json,
        Self::Sarif,
        Self::Github,
        Self::Gitlab,
        Self::Junit,
        Self::Markdown,
    ];

    /// The word for it on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
        }
    }

    /// What it is for, as its help.
    pub fn doc(self) -> &'static str {
        match self {
            Self::Human => "For people: code frames",
            Self::Json => "For programs, with a version field",
            Self::Sarif => "SARIF 2.1.0, for code scanning",
            Self::Github => "Annotations of GitHub Actions",
            Self::Gitlab => "A code quality report of GitLab",
            Self::Junit => "JUnit XML, for CI servers that show tests",
            Self::Markdown => "A comment for a pull request, with the phased plan folded in",
        }
    }
}

/// What a rule's page says, for formats that carry it along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleDoc<'a> {
    /// The rule's name.
    pub name: &'a str,
    /// What its findings count as, when nothing else is set.
    pub level: Level,
    /// One sentence.
    pub summary: String,
    /// The page as Markdown.
    pub text: &'a str,
}

/// The plan of a migration that was looked at, as Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanText {
    /// `0042 rename_name`.
    pub title: String,
    /// The plan, or why there is none.
    pub text: String,
}

/// The findings of one run.
#[derive(Debug, Clone, Copy)]
pub struct Findings<'a> {
    /// The findings, file by file, in order of place.
    pub shown: &'a [Shown<'a>],
    /// Every file that was looked at, in order.
    pub files: &'a [&'a str],
    /// The pages of the rules that have findings.
    pub rules: &'a [RuleDoc<'a>],
    /// The database that the files were judged against.
    pub database: Option<&'a str>,
    /// The lowest level that makes the run fail; `None` is no level.
    pub fail_on: Option<Level>,
    /// Plans to fold into a comment.
    pub plans: &'a [PlanText],
}

impl Findings<'_> {
    /// Whether a finding of this level makes the run fail.
    pub fn fails(&self, level: Level) -> bool {
        self.fail_on.is_some_and(|lowest| level >= lowest)
    }
}

/// The findings in one format. Only that for people holds styles.
pub fn render(format: Format, findings: &Findings<'_>) -> String {
    match format {
        Format::Human => human::diagnostics(findings.shown),
        Format::Json => json::pretty(&json::Lint::new(findings.shown, findings.database)),
        Format::Sarif => sarif::log(findings),
        Format::Github => github::commands(findings),
        Format::Gitlab => gitlab::report(findings),
        Format::Junit => junit::report(findings),
        Format::Markdown => markdown::comment(findings),
    }
}
