//! `[[lint.custom]]`: the rules that a project makes for itself.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Reader, Value, lint::LEVELS, list, span_of};
use crate::{
    diagnostic::{Diagnostic, Level, closest},
    lint::{
        Custom, RuleLevel,
        custom::{KEYS, Kind, LOOKS, Look, NameOf, Pattern, WantedColumn, WantedType},
        rules,
    },
    source::Span,
};

type Name<'a> = Spanned<std::borrow::Cow<'a, str>>;

/// What is known of one rule while its keys are read.
#[derive(Default)]
struct Parts {
    name: Option<String>,
    level: Option<RuleLevel>,
    message: Option<String>,
    help: Option<String>,
    paths: Vec<String>,
    tables: Option<Pattern>,
    /// Each key that says what to look for, with its place.
    looks: Vec<(&'static str, Span, Option<Look>)>,
}

impl Reader {
    /// `[[lint.custom]]`
    pub(super) fn custom(&mut self, value: &Value<'_>) {
        let shown = "`[[lint.custom]]`";
        let DeValue::Array(rules) = value.get_ref() else {
            self.wrong_type(value, shown, "a list of tables", value.get_ref());
            return;
        };
        for rule in rules {
            if let Some(keys) = self.table(rule, shown) {
                self.custom_rule(keys, span_of(rule.span()));
            }
        }
    }

    fn custom_rule(&mut self, keys: &DeTable<'_>, place: Span) {
        let before = self.mistakes.len();
        let mut parts = Parts::default();
        for (key, value) in keys {
            self.custom_key(key, value, &mut parts);
        }
        for (needed, there) in [
            ("name", keys.contains_key("name")),
            ("message", keys.contains_key("message")),
        ] {
            if !there {
                self.mistake(
                    "config-value",
                    place,
                    format!("This rule of `[[lint.custom]]` has no `{needed}`"),
                );
            }
        }
        let look = self.only_look(&mut parts, place);
        if let (Some(name), Some(message), Some(look)) = (parts.name, parts.message, look)
            && self.mistakes.len() == before
        {
            let level = parts.level.unwrap_or(RuleLevel::At(Level::Warning));
            let rule = Custom::new(name, level, message, parts.help, look);
            let rule = rule.confined(parts.paths, parts.tables);
            self.settings.lint.rules.custom.push(rule);
        }
    }

    /// The one thing that the rule looks for.
    fn only_look(&mut self, parts: &mut Parts, place: Span) -> Option<Look> {
        let words = LOOKS.map(|(key, _)| key);
        match parts.looks.as_slice() {
            [] => self.mistakes.push(
                Diagnostic::new(
                    "config-value",
                    Level::Error,
                    place,
                    "This rule of `[[lint.custom]]` does not say what to look for",
                )
                .with_help(format!("Give it one of the keys {}.", list(&words))),
            ),
            [_] => {}
            [(first, ..), (second, span, _), ..] => self.mistakes.push(
                Diagnostic::new(
                    "config-value",
                    Level::Error,
                    *span,
                    format!(
                        "A rule looks for one thing, and this one has `{first}` and `{second}`"
                    ),
                )
                .with_help("Make two rules of it, each with a name of its own."),
            ),
        }
        parts.looks.pop().and_then(|(_, _, look)| look)
    }

    fn custom_key(&mut self, key: &Name<'_>, value: &Value<'_>, parts: &mut Parts) {
        let name = key.get_ref().as_ref();
        let shown = format!("`{name}` of `[[lint.custom]]`");
        let at = span_of(key.span());
        match name {
            "name" => parts.name = self.custom_name(value, &shown),
            "message" => parts.message = self.text(value, &shown),
            "level" => parts.level = self.one_of(value, &shown, &LEVELS),
            "help" => parts.help = self.text(value, &shown),
            "paths" => parts.paths = self.texts(value, &shown).unwrap_or_default(),
            "tables" => parts.tables = self.pattern(value, &shown),
            "statements" => {
                let kinds = self.each(value, &shown, |reader, entry, text| {
                    reader.kind(entry, text)
                });
                parts
                    .looks
                    .push(("statements", at, kinds.map(Look::Statements)));
            }
            "naming" => {
                let naming = self.naming(value, &shown);
                parts.looks.push(("naming", at, naming.map(Look::Naming)));
            }
            "banned_types" => {
                let types = self.each(value, &shown, |reader, entry, text| {
                    let ty = WantedType::read(text);
                    reader.or_mistake(ty, entry, format!("`{text}` is not a type"))
                });
                parts
                    .looks
                    .push(("banned_types", at, types.map(Look::BannedTypes)));
            }
            "required_columns" => {
                let columns = self.each(value, &shown, |reader, entry, text| {
                    let column = WantedColumn::read(text);
                    let why =
                        format!("`{text}` is not a column: write a name, or a name and a type");
                    reader.or_mistake(column, entry, why)
                });
                parts
                    .looks
                    .push(("required_columns", at, columns.map(Look::RequiredColumns)));
            }
            other => {
                let known = KEYS.iter().chain(&LOOKS).map(|(key, _)| *key);
                let known: Vec<&str> = known.collect();
                let help = match closest(other, known.iter().copied()) {
                    Some(near) => format!("Did you mean `{near}`?"),
                    None => format!("The keys are {}.", list(&known)),
                };
                self.mistakes.push(
                    Diagnostic::new(
                        "unknown-key",
                        Level::Error,
                        at,
                        format!("`{other}` is not a key of `[[lint.custom]]`"),
                    )
                    .with_help(help),
                );
            }
        }
    }

    /// A name that nobody else has.
    fn custom_name(&mut self, value: &Value<'_>, shown: &str) -> Option<String> {
        let name = self.text(value, shown)?;
        let kebab = name.starts_with(|c: char| c.is_ascii_lowercase())
            && !name.ends_with('-')
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let why = if !kebab {
            "has to be lower-case words with hyphens between them, as in `table-names`"
        } else if rules::find(&name).is_some() {
            "is the name of a rule of zdm"
        } else if rules::ENGINE_FINDINGS.contains(&name.as_str())
            || MISTAKES.contains(&name.as_str())
        {
            "is what zdm itself calls a finding"
        } else if self.settings.lint.rules.custom(&name).is_some() {
            "is the name of a rule above"
        } else {
            return Some(name);
        };
        self.mistake(
            "config-value",
            span_of(value.span()),
            format!("`{name}` {why}"),
        );
        None
    }

    fn pattern(&mut self, value: &Value<'_>, shown: &str) -> Option<Pattern> {
        let text = self.text(value, shown)?;
        match Pattern::read(&text) {
            Ok(pattern) => Some(pattern),
            Err(why) => {
                self.mistakes.push(
                    Diagnostic::new(
                        "config-value",
                        Level::Error,
                        span_of(value.span()),
                        format!("{shown} is not a pattern: {why}"),
                    )
                    .with_help("Write a regular expression, as in `'^[a-z][a-z0-9_]*$'`."),
                );
                None
            }
        }
    }

    fn naming(&mut self, value: &Value<'_>, shown: &str) -> Option<Vec<(NameOf, Pattern)>> {
        let patterns = self.table(value, shown)?;
        let mut found = Vec::new();
        for (key, value) in patterns {
            let name = key.get_ref().as_ref();
            let of = NameOf::ALL.into_iter().find(|of| of.key() == name);
            let Some(of) = of else {
                let words = NameOf::ALL.map(NameOf::key);
                let help = match closest(name, words) {
                    Some(near) => format!("Did you mean `{near}`?"),
                    None => format!("The keys are {}.", list(&words)),
                };
                self.mistakes.push(
                    Diagnostic::new(
                        "unknown-key",
                        Level::Error,
                        span_of(key.span()),
                        format!("`{name}` is nothing that {shown} knows"),
                    )
                    .with_help(help),
                );
                continue;
            };
            if let Some(pattern) = self.pattern(value, &format!("`naming.{name}`")) {
                found.push((of, pattern));
            }
        }
        if patterns.is_empty() {
            self.mistake(
                "config-value",
                span_of(value.span()),
                format!("{shown} is empty"),
            );
        }
        Some(found)
    }

    fn kind(&mut self, entry: &Value<'_>, text: &str) -> Option<Kind> {
        let kind = Kind::from_word(text);
        if kind.is_none() {
            let words = Kind::ALL.iter().map(|kind| kind.as_str());
            let help = match closest(text, words) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => "The kinds are listed in docs/reference/configuration.md.".to_owned(),
            };
            self.mistakes.push(
                Diagnostic::new(
                    "config-value",
                    Level::Error,
                    span_of(entry.span()),
                    format!("`{text}` is no kind of statement"),
                )
                .with_help(help),
            );
        }
        kind
    }

    /// A list of texts, each read; it may not be empty.
    fn each<T>(
        &mut self,
        value: &Value<'_>,
        shown: &str,
        read: impl Fn(&mut Self, &Value<'_>, &str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let DeValue::Array(entries) = value.get_ref() else {
            self.wrong_type(value, shown, "a list of texts", value.get_ref());
            return None;
        };
        if entries.is_empty() {
            self.mistake(
                "config-value",
                span_of(value.span()),
                format!("{shown} is empty"),
            );
        }
        let mut found = Vec::new();
        for entry in entries {
            if let Some(text) = self.text(entry, shown) {
                found.extend(read(self, entry, &text));
            }
        }
        Some(found)
    }

    fn or_mistake<T>(&mut self, read: Option<T>, entry: &Value<'_>, why: String) -> Option<T> {
        if read.is_none() {
            self.mistake("config-value", span_of(entry.span()), why);
        }
        read
    }
}

/// What the parser calls its findings.
const MISTAKES: [&str; 5] = [
    "syntax",
    "unknown-directive",
    "invalid-directive",
    "copy-data",
    "psql-command",
];
