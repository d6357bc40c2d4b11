//! Which timeouts are in force where: `SET`, `SET LOCAL`, `RESET` and `set_config` of a file.

use crate::{
    parse::{
        Statement, StatementKind,
        statement::{DataKind, Transaction as Control},
    },
    source::{SourceFile, Span},
};

/// The timeouts that this file has set, as they are before a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeouts {
    /// `lock_timeout`.
    pub lock: Option<Timeout>,
    /// `statement_timeout`.
    pub statement: Option<Timeout>,
}

/// One that was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout {
    /// Milliseconds; 0 switches it off, `None` cannot be read.
    pub millis: Option<u64>,
    /// The statement that set it.
    pub span: Span,
    /// How long it lasts.
    pub scope: Scope,
}

/// How long a setting lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// To the end of the session.
    Session,
    /// To the end of the transaction.
    Transaction,
}

impl Timeout {
    /// Whether it ends anything: it is set, and not to 0.
    pub fn is_on(&self) -> bool {
        self.millis != Some(0)
    }
}

/// A statement that sets a timeout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// `lock_timeout`, `statement_timeout` or another setting, in lower case.
    pub name: String,
    /// Milliseconds; `None` for a value that cannot be read, and for `RESET`.
    pub millis: Option<u64>,
    /// `RESET`, or `TO DEFAULT`.
    pub reset: bool,
    /// How long it is meant to last.
    pub scope: Scope,
}

/// What a statement sets, when it is a `SET`, a `RESET` or `SELECT set_config(…)`.
pub fn assignment(source: &SourceFile, statement: &Statement) -> Option<Assignment> {
    match &statement.kind {
        StatementKind::Set(set) => Some(Assignment {
            name: set.name.clone(),
            millis: set.value.as_deref().and_then(millis),
            reset: set.value.is_none(),
            scope: if set.local {
                Scope::Transaction
            } else {
                Scope::Session
            },
        }),
        StatementKind::Data(data) if data.kind == DataKind::Select => {
            set_config(source.slice(statement.span))
        }
        StatementKind::AlterRelation(_)
        | StatementKind::CreateTable(_)
        | StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Transaction(_)
        | StatementKind::Opaque(_) => None,
    }
}

/// `SELECT [pg_catalog.]set_config('name', 'value', local)` and nothing else.
fn set_config(text: &str) -> Option<Assignment> {
    let lower = text.to_ascii_lowercase();
    let call = lower.strip_prefix("select")?.trim_start();
    let call = call.strip_prefix("pg_catalog.").unwrap_or(call);
    let arguments = call.strip_prefix("set_config")?.trim_start();
    let arguments = arguments.strip_prefix('(')?.trim_end().strip_suffix(')')?;
    let mut parts = arguments.split(',').map(str::trim);
    let (name, value, local) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Assignment {
        name: name.trim_matches('\'').to_owned(),
        millis: millis(value),
        reset: false,
        scope: if local.trim_matches('\'').starts_with('t') {
            Scope::Transaction
        } else {
            Scope::Session
        },
    })
}

/// A duration as these settings take it: a number of milliseconds, or one with a unit.
pub fn millis(value: &str) -> Option<u64> {
    let value = value.trim().trim_matches('\'').trim();
    let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = value[..digits].parse().ok()?;
    let factor = match value[digits..].trim() {
        "" | "ms" => 1,
        "us" => return Some(number.div_ceil(1000)),
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// The timeouts while a file is followed from statement to statement.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Following {
    /// What holds now.
    pub(super) now: Timeouts,
    /// What holds again when the transaction ends.
    session: Timeouts,
}

impl Following {
    /// After one more statement; `within` is whether it ran in a transaction that goes on.
    pub(super) fn follow(&mut self, source: &SourceFile, statement: &Statement, within: bool) {
        if let StatementKind::Transaction(Control::Commit | Control::Rollback) = statement.kind {
            self.now = self.session;
            return;
        }
        let Some(set) = assignment(source, statement) else {
            return;
        };
        // Outside of a transaction SET LOCAL does nothing but warn.
        if set.scope == Scope::Transaction && !within {
            return;
        }
        let timeout = (!set.reset).then_some(Timeout {
            millis: set.millis,
            span: statement.span,
            scope: set.scope,
        });
        let mut targets = vec![&mut self.now];
        if set.scope == Scope::Session {
            targets.push(&mut self.session);
        }
        for timeouts in targets {
            match set.name.as_str() {
                "lock_timeout" => timeouts.lock = timeout,
                "statement_timeout" => timeouts.statement = timeout,
                "all" if set.reset => *timeouts = Timeouts::default(),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    /// The lock timeout in force behind the last statement.
    #[expect(
        clippy::option_option,
        reason = "not set, set to none, and set are three answers"
    )]
    fn lock_timeout(sql: &str) -> Option<Option<u64>> {
        let script = parse(SourceFile::new("x.sql", sql));
        let mut following = Following::default();
        let mut open = false;
        for statement in &script.statements {
            if let StatementKind::Transaction(control) = &statement.kind {
                open = *control == Control::Begin;
            }
            following.follow(&script.source, statement, open);
        }
        following.now.lock.map(|timeout| timeout.millis)
    }

    #[test]
    fn settings_last_as_long_as_on_the_server() {
        for (sql, expect) in [
            ("SET lock_timeout = '2s'", Some(Some(2000))),
            ("SET lock_timeout TO 50", Some(Some(50))),
            ("SET LOCAL lock_timeout = '1min'", None),
            ("BEGIN; SET LOCAL lock_timeout = '1min'", Some(Some(60_000))),
            ("BEGIN; SET LOCAL lock_timeout = '1min'; COMMIT", None),
            (
                "SELECT set_config('lock_timeout', '3s', false)",
                Some(Some(3000)),
            ),
            (
                "SELECT pg_catalog.set_config('lock_timeout', '3s', true)",
                None,
            ),
            ("SET lock_timeout = 5; RESET lock_timeout", None),
            ("SET lock_timeout = 0", Some(Some(0))),
            ("SET lock_timeout = 5; RESET ALL", None),
        ] {
            assert_eq!(lock_timeout(sql), expect, "{sql}");
        }
    }
}
