//! `dynamic-sql`: a statement calls a function whose code builds statements when it runs, or
//! changes more than rows.
//!
//! Section 41.5.4 of the manual, Executing Dynamic Commands.

use crate::{
    catalog::{Catalog, Function},
    diagnostic::Diagnostic,
    ident::{ObjectName, QualifiedName},
    lint::{context::Context, parts::WriteKind, rule::Rule, rules::triggers_fired},
    parse::{
        Statement, StatementKind, builds_statements, commands_of_routine,
        statement::{DataKind, Persistence},
        written,
    },
    source::Span,
};

pub(super) const RULE: Rule = Rule::statement(
    "dynamic-sql",
    include_str!("../../../lints/dynamic-sql.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    // Code in DO, CALL and definitions is what `unknown-statement` speaks of.
    match context.statement.kind {
        StatementKind::Data(_) | StatementKind::Update(_) => {}
        StatementKind::AlterRelation(_)
        | StatementKind::CreateTable(_)
        | StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_)
        | StatementKind::Opaque(_) => return Vec::new(),
    }
    if context.before.functions.is_empty() || context.effects.unknown {
        return Vec::new();
    }
    let start = context.statement.span.start;
    let found = calls(context.text()).into_iter().filter_map(|call| {
        let by = dynamic(context.before, &call.name, &mut Vec::new())?;
        let way = if by.function.name == call.name.name {
            "whose".to_owned()
        } else {
            format!("by which {} is called, whose", by.function.short())
        };
        let message = format!("This calls {}, {way} code {}.", call.name, by.unseen.in_words());
        let place = Span::new(call.span.start + start, call.span.end + start);
        let help = "Write the statements that it runs into the file, or look at them yourself and \
                    accept this with `-- zdm: allow(dynamic-sql) because …`.";
        Some(RULE.finding(place, message).with_help(help))
    });
    found.chain(by_triggers(context)).collect()
}

/// What the triggers build that a write fires.
fn by_triggers(context: &Context<'_>) -> Vec<Diagnostic> {
    let (targets, kind): (Vec<&QualifiedName>, WriteKind) = match &context.statement.kind {
        StatementKind::Update(update) => (vec![&update.table], WriteKind::Update),
        StatementKind::Data(data) => {
            let kind = match data.kind {
                DataKind::Update => WriteKind::Update,
                DataKind::Delete => WriteKind::Delete,
                DataKind::Merge => WriteKind::Merge,
                DataKind::Insert | DataKind::Copy => WriteKind::Insert,
                DataKind::Truncate | DataKind::Select => return Vec::new(),
            };
            (data.targets.iter().take(1).collect(), kind)
        }
        StatementKind::AlterRelation(_)
        | StatementKind::CreateTable(_)
        | StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_)
        | StatementKind::Opaque(_) => return Vec::new(),
    };
    let tables = targets
        .into_iter()
        .filter_map(|name| context.before.table(name));
    let found = tables.flat_map(|table| {
        let triggers = table
            .triggers
            .iter()
            .filter(|trigger| matches!(trigger.enabled, 'O' | 'A'))
            .filter(|trigger| triggers_fired::fires(context, trigger, kind));
        triggers.filter_map(|trigger| {
            let by = calls(&trigger.definition)
                .into_iter()
                .find_map(|call| dynamic(context.before, &call.name, &mut Vec::new()))?;
            let message = format!(
                "This fires the trigger {} of {}, and {} {}.",
                trigger.name,
                table.name.short(),
                by.function.short(),
                by.unseen.in_words(),
            );
            let help = "Look at the statements that it runs, and accept this with `-- zdm: \
                        allow(dynamic-sql) because …`.";
            Some(RULE.finding(context.statement.span, message).with_help(help))
        })
    });
    found.collect()
}

/// A call of a function, as far as tokens show.
struct Call {
    name: QualifiedName,
    span: Span,
}

/// The names in a text that an opening parenthesis follows, those behind INTO left out.
fn calls(text: &str) -> Vec<Call> {
    let all = written::written(text);
    let mut found = Vec::new();
    for (at, one) in all.iter().enumerate().filter(|(_, one)| one.called) {
        let schema = at.checked_sub(1).and_then(|at| all.get(at));
        let schema = schema.filter(|_| one.behind_dot);
        let before = at.checked_sub(1 + usize::from(schema.is_some()));
        let into = before.and_then(|at| all.get(at));
        if into.is_some_and(|word| word.name == "into" && !word.quoted) {
            continue;
        }
        found.push(Call {
            name: QualifiedName {
                schema: schema.map(written::Written::stored),
                name: one.stored(),
            },
            span: schema.map_or(one.span, |schema| schema.span.to(one.span)),
        });
    }
    found
}

/// A function that does what the other rules do not see.
struct By {
    function: ObjectName,
    unseen: Unseen,
}

/// What the code of a function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unseen {
    /// It builds statements when it runs.
    Builds,
    /// It has statements that change more than rows.
    Changes,
}

impl Unseen {
    fn of(function: &Function) -> Option<Self> {
        let body = function.source.as_deref()?;
        if builds_statements(body) {
            return Some(Self::Builds);
        }
        commands_of_routine(body, &function.language)
            .iter()
            .any(changes_more_than_rows)
            .then_some(Self::Changes)
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Builds => {
                "builds statements when it runs: zdm cannot see what they lock, read or change"
            }
            Self::Changes => {
                "changes more than rows: zdm does not judge what it locks, reads or rewrites there"
            }
        }
    }
}

fn changes_more_than_rows(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::CreateTable(create) => create.persistence != Persistence::Temporary,
        StatementKind::Data(data) => data.kind == DataKind::Truncate,
        StatementKind::AlterRelation(_)
        | StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Opaque(_) => true,
        StatementKind::Update(_) | StatementKind::Transaction(_) | StatementKind::Set(_) => false,
    }
}

/// The function that does so, when one is called by that name, or by what it calls.
fn dynamic(catalog: &Catalog, name: &QualifiedName, seen: &mut Vec<ObjectName>) -> Option<By> {
    let schemas = match &name.schema {
        Some(schema) => std::slice::from_ref(schema),
        None => catalog.search_path.as_slice(),
    };
    for schema in schemas {
        let known = ObjectName::new(schema.clone(), name.name.clone());
        let Some(overloads) = catalog.functions.get(&known) else {
            continue;
        };
        if seen.contains(&known) {
            return None;
        }
        seen.push(known.clone());
        if let Some(unseen) = overloads.iter().find_map(Unseen::of) {
            return Some(By {
                function: known,
                unseen,
            });
        }
        for body in overloads.iter().filter_map(|one| one.source.as_deref()) {
            for call in calls(body) {
                if let Some(found) = dynamic(catalog, &call.name, seen) {
                    return Some(found);
                }
            }
        }
    }
    None
}
