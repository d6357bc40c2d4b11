//! `[lint]`: levels, paths and options of rules.
//!
//! Next: `custom` reads the rules that a project makes for itself.

use toml::de::DeValue;

use super::{Reader, Value, span_of};
use crate::{
    diagnostic::{Diagnostic, Level, closest},
    lint::{
        RuleLevel,
        rule::{OptionDefault, Rule},
        rules,
        settings::OptionValue,
    },
};

/// The words for levels.
pub(super) const LEVELS: [(&str, RuleLevel); 4] = [
    ("error", RuleLevel::At(Level::Error)),
    ("warning", RuleLevel::At(Level::Warning)),
    ("info", RuleLevel::At(Level::Info)),
    ("off", RuleLevel::Off),
];

impl Reader {
    /// `[lint.levels]`
    pub(super) fn levels(&mut self, value: &Value<'_>) {
        let Some(entries) = self.table(value, "`[lint.levels]`") else {
            return;
        };
        for (name, value) in entries {
            let Some(rule) = self.rule(name) else {
                continue;
            };
            let shown = format!("`lint.levels.{}`", rule.name);
            self.level(rule, value, &shown);
        }
    }

    /// `[lint.rules.<name>]`
    pub(super) fn rules(&mut self, value: &Value<'_>) {
        let Some(entries) = self.table(value, "`[lint.rules]`") else {
            return;
        };
        for (name, value) in entries {
            let Some(rule) = self.rule(name) else {
                continue;
            };
            let section = format!("lint.rules.{}", rule.name);
            let Some(keys) = self.table(value, &format!("`[{section}]`")) else {
                continue;
            };
            for (key, value) in keys {
                let shown = format!("`{section}.{}`", key.get_ref());
                match key.get_ref().as_ref() {
                    "level" => self.level(rule, value, &shown),
                    "paths" => {
                        if let Some(paths) = self.texts(value, &shown) {
                            let all = &mut self.settings.lint.rules.paths;
                            all.insert(rule.name.to_owned(), paths);
                        }
                    }
                    option => self.option(rule, option, span_of(key.span()), value, &shown),
                }
            }
        }
    }

    /// `lint.small_table`: bytes, with or without a unit.
    pub(super) fn small_table(&mut self, value: &Value<'_>, shown: &str) {
        let bytes = match value.get_ref() {
            DeValue::String(text) => bytes(text),
            DeValue::Integer(number) => number.as_str().parse().ok(),
            DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        match bytes {
            Some(bytes) => self.settings.lint.rules.small_table = bytes,
            None => self.wrong_type(value, shown, "a size such as \"1MB\"", value.get_ref()),
        }
    }

    fn rule(&mut self, name: &toml::Spanned<std::borrow::Cow<'_, str>>) -> Option<&'static Rule> {
        let rule = name.get_ref().as_ref();
        let found = rules::find(rule);
        if found.is_none() {
            let help = match closest(rule, rules::names()) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => "List the rules with `zdm explain --list`.".to_owned(),
            };
            self.mistakes.push(
                Diagnostic::new(
                    "unknown-rule",
                    Level::Error,
                    span_of(name.span()),
                    format!("There is no rule `{rule}`"),
                )
                .with_help(help),
            );
        }
        found
    }

    fn level(&mut self, rule: &Rule, value: &Value<'_>, shown: &str) {
        if let Some(level) = self.one_of(value, shown, &LEVELS) {
            let levels = &mut self.settings.lint.rules.levels;
            levels.insert(rule.name.to_owned(), level);
        }
    }

    fn option(
        &mut self,
        rule: &Rule,
        name: &str,
        at: crate::source::Span,
        value: &Value<'_>,
        shown: &str,
    ) {
        let Some(option) = rule.options.iter().find(|option| option.name == name) else {
            let known = rule.options.iter().map(|option| option.name);
            let known: Vec<&str> = ["level", "paths"].into_iter().chain(known).collect();
            let help = match closest(name, known.iter().copied()) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => format!("It has {}.", known.join(", ")),
            };
            self.mistakes.push(
                Diagnostic::new(
                    "unknown-key",
                    Level::Error,
                    at,
                    format!("The rule `{}` has no option `{name}`", rule.name),
                )
                .with_help(help),
            );
            return;
        };
        let read = match option.default {
            OptionDefault::Number(_) => match value.get_ref() {
                DeValue::Integer(number) => number.as_str().parse().ok().map(OptionValue::Number),
                other => {
                    self.wrong_type(value, shown, "a whole number", other);
                    return;
                }
            },
            OptionDefault::Text(_) => self.text(value, shown).map(OptionValue::Text),
            OptionDefault::Texts(_) => self.texts(value, shown).map(OptionValue::Texts),
        };
        if let Some(read) = read {
            let key = (rule.name.to_owned(), name.to_owned());
            self.settings.lint.rules.options.insert(key, read);
        }
    }

    pub(super) fn texts(&mut self, value: &Value<'_>, shown: &str) -> Option<Vec<String>> {
        let DeValue::Array(list) = value.get_ref() else {
            self.wrong_type(value, shown, "a list of texts", value.get_ref());
            return None;
        };
        list.iter().map(|entry| self.text(entry, shown)).collect()
    }
}

/// `512kB`, `1MB`, `2 GB` or a number of bytes.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim() {
        "" => 1,
        "kB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit)
}
