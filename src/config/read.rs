//! From the text of `zdm.toml` to [`Settings`], with a place for every mistake.

mod custom;
mod lint;

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    config::{
        DirectiveText, FailOn, Key, Settings, StrictOrder, duration,
        keys::{DIRECTIVE_KEYS, sections},
    },
    diagnostic::{Diagnostic, Level, closest},
    execute::{
        adopt::{Tool, mirror::When},
        throttle::WithoutMonitor,
        window,
    },
    ident::Ident,
    lint::settings::Runner,
    parse::{PhaseName, layout::Layout},
    plan::{LateExpandPolicy, Sizes, Tighten},
    source::{SourceFile, Span},
};

type Value<'a> = Spanned<DeValue<'a>>;

/// The settings of a file, and every mistake in it. With mistakes the settings are those that
/// could be read.
pub fn read(source: &SourceFile) -> (Settings, Vec<Diagnostic>) {
    let mut reader = Reader {
        settings: Settings::default(),
        mistakes: Vec::new(),
    };
    match DeTable::parse(source.text()) {
        Ok(table) => reader.document(table.get_ref()),
        Err(error) => {
            let span = error.span().map_or(Span::new(0, 0), span_of);
            reader.mistake(
                "config-syntax",
                span,
                format!("This is not TOML: {}", error.message()),
            );
        }
    }
    reader.mistakes.sort_by_key(|mistake| mistake.span);
    (reader.settings, reader.mistakes)
}

/// Sections that will mean something one day, and nothing yet.
const RESERVED: [(&str, &str, &str); 1] = [(
    "databases",
    "`[databases]` is reserved: one run works on one database",
    "Write `[database] url`, or give each run its own --database-url.",
)];

struct Reader {
    settings: Settings,
    mistakes: Vec<Diagnostic>,
}

impl Reader {
    fn mistake(&mut self, rule: &'static str, span: Span, message: impl Into<String>) {
        self.mistakes
            .push(Diagnostic::new(rule, Level::Error, span, message));
    }

    fn document(&mut self, table: &DeTable<'_>) {
        for (name, value) in table {
            let section = name.get_ref().as_ref();
            let known = sections();
            if let Some((_, why, help)) = RESERVED.iter().find(|(name, ..)| *name == section) {
                self.mistakes.push(
                    Diagnostic::new("reserved", Level::Error, span_of(name.span()), *why)
                        .with_help(*help),
                );
                continue;
            }
            if !known.contains(&section) {
                self.unknown_section(section, span_of(name.span()), &known);
                continue;
            }
            let Some(entries) = self.table(value, &format!("`[{section}]`")) else {
                continue;
            };
            if section == "migration" {
                for (id, keys) in entries {
                    self.directives(id.get_ref().as_ref(), keys);
                }
                continue;
            }
            for (name, value) in entries {
                match Key::at(section, name.get_ref().as_ref()) {
                    Some(key) => self.set(key, value),
                    None => {
                        self.unknown_key(section, name.get_ref().as_ref(), span_of(name.span()));
                    }
                }
            }
        }
    }

    fn unknown_section(&mut self, section: &str, span: Span, known: &[&'static str]) {
        let help = match closest(section, known.iter().copied()) {
            Some(near) => format!("Did you mean `[{near}]`?"),
            None => format!("The sections are {}.", list(known)),
        };
        self.mistakes.push(
            Diagnostic::new(
                "unknown-key",
                Level::Error,
                span,
                format!("`{section}` is not a section of zdm.toml"),
            )
            .with_help(help),
        );
    }

    fn unknown_key(&mut self, section: &str, name: &str, span: Span) {
        let here: Vec<&'static str> = Key::ALL
            .into_iter()
            .map(Key::path)
            .filter(|(of, _)| *of == section)
            .map(|(_, name)| name)
            .collect();
        let elsewhere = Key::ALL.into_iter().find(|key| key.path().1 == name);
        let help = match (closest(name, here.iter().copied()), elsewhere) {
            (Some(near), _) => format!("Did you mean `{near}`?"),
            (None, Some(key)) => format!("`{name}` belongs under `[{}]`.", key.path().0),
            (None, None) => format!("The keys of `[{section}]` are {}.", list(&here)),
        };
        self.mistakes.push(
            Diagnostic::new(
                "unknown-key",
                Level::Error,
                span,
                format!("`{name}` is not a key of `[{section}]`"),
            )
            .with_help(help),
        );
    }

    /// Sets one key. The match is the list of types.
    fn set(&mut self, key: Key, value: &Value<'_>) {
        let (section, name) = key.path();
        let shown = format!("`{section}.{name}`");
        match key {
            Key::DatabaseUrl => {
                if let Some(text) = self.text(value, &shown) {
                    self.settings.database_url = Some(text);
                }
            }
            Key::DatabaseStats => {
                if let Some(text) = self.text(value, &shown) {
                    self.settings.stats = Some(text.into());
                }
            }
            Key::LintBaseline => {
                if let Some(text) = self.text(value, &shown) {
                    self.settings.lint.baseline = Some(text.into());
                }
            }
            Key::MigrationsDir => {
                if let Some(text) = self.text(value, &shown) {
                    self.settings.migrations_dir = Some(text.into());
                }
            }
            Key::MigrationsLayout => {
                let words = Layout::ALL.map(|layout| (layout.as_str(), layout));
                if let Some(layout) = self.one_of(value, &shown, &words) {
                    self.settings.layout = Some(layout);
                }
            }
            Key::LocksBudget => {
                if let Some(time) = self.duration(value, &shown) {
                    self.settings.execute.locks.budget = time;
                }
            }
            Key::LocksMaxWait => {
                if let Some(time) = self.duration(value, &shown) {
                    self.settings.execute.locks.max_wait = time;
                }
            }
            Key::LocksMaxHold => {
                if let Some(time) = self.duration(value, &shown) {
                    self.settings.execute.locks.hold = time;
                }
            }
            Key::LocksCancel => {
                if let Some(time) = self.duration(value, &shown) {
                    self.settings.execute.locks.cancel_blockers_older_than = Some(time);
                }
            }
            Key::LocksTerminate => {
                if let Some(time) = self.duration(value, &shown) {
                    self.settings.execute.locks.terminate_blockers_older_than = Some(time);
                }
            }
            Key::BackfillBatchTime => {
                if let Some(time) = self.duration(value, &shown) {
                    self.settings.backfill.limits.target = time;
                }
            }
            Key::BackfillMaxLag => {
                if let Some(time) = self.duration(value, &shown) {
                    self.settings.throttle.max_lag = time;
                }
            }
            Key::BackfillMaxActive => {
                if let Some(sessions) = self.whole(value, &shown) {
                    self.settings.throttle.max_active = Some(sessions);
                }
            }
            Key::BackfillWithoutMonitor => {
                let words = [
                    ("refuse", WithoutMonitor::Refuse),
                    ("accept", WithoutMonitor::Accept),
                ];
                if let Some(policy) = self.one_of(value, &shown, &words) {
                    self.settings.throttle.without_monitor = policy;
                }
            }
            Key::ContractWindow => {
                if let Some(text) = self.text(value, &shown) {
                    match window::parse(&text) {
                        Ok(windows) => self.settings.execute.contract.windows = windows,
                        Err(why) => self.mistake(
                            "config-value",
                            span_of(value.span()),
                            format!("{shown} {why}"),
                        ),
                    }
                }
            }
            Key::ContractTimeZone => {
                if let Some(text) = self.text(value, &shown) {
                    match window::time_zone(&text) {
                        Ok(zone) => self.settings.execute.contract.time_zone = zone,
                        Err(why) => self.mistake(
                            "config-value",
                            span_of(value.span()),
                            format!("{shown} {why}"),
                        ),
                    }
                }
            }
            Key::ContractMinAge => {
                if let Some(time) = self.duration(value, &shown) {
                    self.settings.execute.contract.min_age = time;
                }
            }
            Key::PlanLateExpand => {
                let words = [
                    ("refuse", LateExpandPolicy::Refuse),
                    ("accept", LateExpandPolicy::Accept),
                ];
                if let Some(policy) = self.one_of(value, &shown, &words) {
                    self.settings.late_expand = policy;
                }
            }
            Key::PlanTighten => {
                let words = [
                    ("migrate", Tighten::Migrate),
                    ("contract", Tighten::Contract),
                ];
                if let Some(tighten) = self.one_of(value, &shown, &words) {
                    self.settings.tighten = tighten;
                }
            }
            Key::PlanSizes => {
                let words = [("known", Sizes::Known), ("large", Sizes::Large)];
                if let Some(sizes) = self.one_of(value, &shown, &words) {
                    self.settings.sizes = sizes;
                }
            }
            Key::OrderStrict => match value.get_ref() {
                DeValue::Boolean(true) => self.settings.strict_order = StrictOrder::Always,
                DeValue::Boolean(false) => self.settings.strict_order = StrictOrder::WhenItMatters,
                other => self.wrong_type(value, &shown, "true or false", other),
            },
            Key::LintFailOn => {
                let words = [
                    ("error", FailOn::Level(Level::Error)),
                    ("warning", FailOn::Level(Level::Warning)),
                    ("info", FailOn::Level(Level::Info)),
                    ("none", FailOn::Never),
                    ("never", FailOn::Never),
                ];
                if let Some(fail_on) = self.one_of(value, &shown, &words) {
                    self.settings.lint.fail_on = fail_on;
                }
            }
            Key::LintLevels => self.levels(value),
            Key::LintRules => self.rules(value),
            Key::LintCustom => self.custom(value),
            Key::LintSmallTable => self.small_table(value, &shown),
            Key::LintRunner => {
                let words = [
                    ("statements", Runner::Statements),
                    ("one-transaction", Runner::OneTransaction),
                    ("one-string", Runner::OneString),
                ];
                if let Some(runner) = self.one_of(value, &shown, &words) {
                    self.settings.lint.rules.runner = runner;
                }
            }
            Key::RoleName => {
                if let Some(text) = self.text(value, &shown) {
                    self.settings.execute.role = Some(Ident::exact(text));
                }
            }
            Key::JournalSchema => {
                if let Some(text) = self.text(value, &shown) {
                    self.settings.execute.journal_schema = Ident::exact(text);
                }
            }
            Key::HistoryTool => {
                let words = Tool::ALL.map(|tool| (tool.as_str(), tool));
                if let Some(tool) = self.one_of(value, &shown, &words) {
                    self.settings.history.place.tool = Some(tool);
                }
            }
            Key::HistoryTable => {
                if let Some(text) = self.text(value, &shown) {
                    self.settings.history.place.table = Some(text);
                }
            }
            Key::HistoryMirror => {
                let words = [
                    ("migrated", Some(When::Migrated)),
                    ("done", Some(When::Done)),
                ];
                self.settings.history.mirror = match value.get_ref() {
                    DeValue::Boolean(true) => Some(When::Migrated),
                    DeValue::Boolean(false) => None,
                    _ => self.one_of(value, &shown, &words).flatten(),
                };
            }
        }
    }

    /// `[migration."ID"]`: each key becomes the text of the directive it stands for.
    fn directives(&mut self, id: &str, value: &Value<'_>) {
        let Some(entries) = self.table(value, &format!("`[migration.\"{id}\"]`")) else {
            return;
        };
        let mut found = Vec::new();
        for (name, value) in entries {
            let key = name.get_ref().as_ref();
            let shown = format!("`migration.\"{id}\".{key}`");
            let span = span_of(value.span());
            match key {
                "up" | "down" => match value.get_ref() {
                    DeValue::Table(columns) => {
                        for (column, value) in columns {
                            let column = column.get_ref().as_ref();
                            if let Some(expr) = self.text(value, &format!("{shown}.{column}")) {
                                found.push(DirectiveText {
                                    text: format!("{key}({}) {expr}", Ident::exact(column)),
                                    span: span_of(value.span()),
                                });
                            }
                        }
                    }
                    _ => self.mistakes.push(
                        Diagnostic::new(
                            "config-value",
                            Level::Error,
                            span,
                            format!("{shown} does not say which column it is for"),
                        )
                        .with_help(format!("Write `{key}.<column> = \"<expression>\"`.")),
                    ),
                },
                "phase" => {
                    let words = PhaseName::ALL.map(|phase| (phase.as_str(), phase));
                    if let Some(phase) = self.one_of(value, &shown, &words) {
                        let text = format!("phase {}", phase.as_str());
                        found.push(DirectiveText { text, span });
                    }
                }
                "strategy" => {
                    let words = ["trigger", "view", "shadow"].map(|word| (word, word));
                    if let Some(strategy) = self.one_of(value, &shown, &words) {
                        let text = format!("strategy {strategy}");
                        found.push(DirectiveText { text, span });
                    }
                }
                _ => {
                    let help = match closest(key, DIRECTIVE_KEYS) {
                        Some(near) => format!("Did you mean `{near}`?"),
                        None => format!("The keys are {}.", list(&DIRECTIVE_KEYS)),
                    };
                    self.mistakes.push(
                        Diagnostic::new(
                            "unknown-key",
                            Level::Error,
                            span_of(name.span()),
                            format!("`{key}` is not a directive that zdm.toml can hold"),
                        )
                        .with_help(help),
                    );
                }
            }
        }
        self.settings.directives.insert(id.to_owned(), found);
    }

    fn wrong_type(&mut self, value: &Value<'_>, shown: &str, wanted: &str, got: &DeValue<'_>) {
        self.mistake(
            "config-value",
            span_of(value.span()),
            format!("{shown} needs {wanted}, and this is {}", type_in_words(got)),
        );
    }

    fn table<'t, 'a>(&mut self, value: &'t Value<'a>, shown: &str) -> Option<&'t DeTable<'a>> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some(table);
        }
        self.wrong_type(value, shown, "a table of keys", value.get_ref());
        None
    }

    fn text(&mut self, value: &Value<'_>, shown: &str) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) if text.is_empty() => {
                self.mistake(
                    "config-value",
                    span_of(value.span()),
                    format!("{shown} is empty; leave the key out for its default"),
                );
                None
            }
            DeValue::String(text) => Some(text.as_ref().to_owned()),
            other => {
                self.wrong_type(value, shown, "a text in quotes", other);
                None
            }
        }
    }

    fn duration(&mut self, value: &Value<'_>, shown: &str) -> Option<std::time::Duration> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.as_ref(),
            other => {
                self.wrong_type(value, shown, "a length of time such as \"10m\"", other);
                return None;
            }
        };
        match duration::parse(text) {
            Ok(time) => Some(time),
            Err(why) => {
                self.mistake(
                    "config-value",
                    span_of(value.span()),
                    format!("{shown} {why}"),
                );
                None
            }
        }
    }

    fn whole(&mut self, value: &Value<'_>, shown: &str) -> Option<u32> {
        let wanted = "a whole number of at least 1";
        if let DeValue::Integer(number) = value.get_ref() {
            match u32::from_str_radix(number.as_str(), number.radix()) {
                Ok(0) | Err(_) => self.mistake(
                    "config-value",
                    span_of(value.span()),
                    format!("{shown} needs {wanted}, and this is {}", number.as_str()),
                ),
                Ok(whole) => return Some(whole),
            }
            return None;
        }
        self.wrong_type(value, shown, wanted, value.get_ref());
        None
    }

    fn one_of<T: Copy>(
        &mut self,
        value: &Value<'_>,
        shown: &str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.text(value, shown)?;
        if let Some((_, found)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*found);
        }
        let all: Vec<&'static str> = words.iter().map(|(word, _)| *word).collect();
        let mut mistake = Diagnostic::new(
            "config-value",
            Level::Error,
            span_of(value.span()),
            format!("{shown} cannot be `{text}`; it is one of {}", list(&all)),
        );
        if let Some(near) = closest(&text, all.iter().copied()) {
            mistake = mistake.with_help(format!("Did you mean `{near}`?"));
        }
        self.mistakes.push(mistake);
        None
    }
}

fn span_of(range: Range<usize>) -> Span {
    Span::new(range.start, range.end)
}

/// `` `a`, `b` and `c` ``.
fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn type_in_words(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests;
