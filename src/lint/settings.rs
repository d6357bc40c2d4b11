//! What can be set for lint: levels, paths and options of rules, and what counts as small.

use std::collections::BTreeMap;

use crate::{
    diagnostic::Level,
    lint::{
        custom::Custom,
        paths,
        rule::{OptionDefault, Rule},
        rules,
    },
};

/// The levels of rules that differ from their pages, by name.
pub type Levels = BTreeMap<String, RuleLevel>;

/// What a rule's findings count as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleLevel {
    /// Not reported.
    Off,
    /// Reported at this level.
    At(Level),
}

/// What is set for lint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The levels of rules that differ from their pages.
    pub levels: Levels,
    /// The paths that a rule is confined to, by its name.
    pub paths: BTreeMap<String, Vec<String>>,
    /// The options of rules that differ from their defaults, by rule and option.
    pub options: BTreeMap<(String, String), OptionValue>,
    /// Work on tables of at most so many bytes is over in a moment, so that what blocks while it
    /// is done is no error.
    pub small_table: u64,
    /// How the files are run.
    pub runner: Runner,
    /// The project's own rules.
    pub custom: Vec<Custom>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            levels: Levels::new(),
            paths: BTreeMap::new(),
            options: BTreeMap::new(),
            small_table: 1 << 20,
            runner: Runner::Statements,
            custom: Vec::new(),
        }
    }
}

/// How the files are run, as far as transactions go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Runner {
    /// Each statement in a transaction of its own, unless the file opens one; so does zdm.
    Statements,
    /// Each file in one transaction.
    OneTransaction,
    /// Each file as one string: several statements of it make one transaction, as far as they are
    /// not between `BEGIN` and `COMMIT` (manual, "Multiple Statements in a Simple Query").
    OneString,
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionValue {
    /// A whole number.
    Number(u64),
    /// A text.
    Text(String),
    /// A list of texts.
    Texts(Vec<String>),
}

impl OptionValue {
    /// The number; 0 for what is none.
    pub fn number(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(_) | Self::Texts(_) => 0,
        }
    }

    /// The texts; one text is a list of one.
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Self::Number(_) => Vec::new(),
            Self::Text(text) => vec![text],
            Self::Texts(texts) => texts.iter().map(String::as_str).collect(),
        }
    }
}

impl From<OptionDefault> for OptionValue {
    fn from(default: OptionDefault) -> Self {
        match default {
            OptionDefault::Number(number) => Self::Number(number),
            OptionDefault::Text(text) => Self::Text(text.to_owned()),
            OptionDefault::Texts(texts) => {
                Self::Texts(texts.iter().map(|text| (*text).to_owned()).collect())
            }
        }
    }
}

impl Settings {
    /// Only levels.
    pub fn of_levels(levels: Levels) -> Self {
        Self {
            levels,
            ..Self::default()
        }
    }

    /// What becomes of a rule's finding of that level in that file; `None` leaves it out.
    pub fn level(&self, rule: &Rule, found: Level, file: &str) -> Option<Level> {
        let outside = self
            .paths
            .get(rule.name)
            .is_some_and(|paths| !paths::matches(paths, file));
        if outside {
            return None;
        }
        match self.levels.get(rule.name) {
            Some(RuleLevel::Off) => None,
            Some(RuleLevel::At(level)) => Some(*level),
            None => rules::facts(rule.name).on.then_some(found),
        }
    }

    /// The project's own rule of that name.
    pub fn custom(&self, name: &str) -> Option<&Custom> {
        self.custom.iter().find(|rule| rule.name == name)
    }

    /// Whether there is a rule of that name, zdm's or the project's.
    pub fn knows(&self, rule: &str) -> bool {
        rules::find(rule).is_some() || self.custom(rule).is_some()
    }

    /// The names of all rules, the project's last.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let own: Vec<&str> = rules::names().collect();
        let custom = self.custom.iter().map(|rule| rule.name.as_str());
        own.into_iter().chain(custom)
    }

    /// Whether findings of the rule of that name may be shown at all.
    pub fn is_on(&self, rule: &str) -> bool {
        if let Some(custom) = self.custom(rule) {
            return custom.level != RuleLevel::Off;
        }
        match self.levels.get(rule) {
            Some(RuleLevel::Off) => false,
            Some(RuleLevel::At(_)) => true,
            None => rules::find(rule).is_none_or(|rule| rules::facts(rule.name).on),
        }
    }

    /// The value of an option that the rule declares.
    pub fn option(&self, rule: &Rule, name: &str) -> Option<OptionValue> {
        let declared = rule.options.iter().find(|option| option.name == name)?;
        let set = self
            .options
            .get(&(rule.name.to_owned(), name.to_owned()))
            .cloned();
        Some(set.unwrap_or_else(|| declared.default.into()))
    }
}
