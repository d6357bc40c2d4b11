//! `dynamic-sql`: a statement calls a function whose code builds statements when it runs.
//!
//! Section 41.5.4 of the manual, Executing Dynamic Commands.

use crate::{
    catalog::{Catalog, Function},
    diagnostic::Diagnostic,
    ident::{Ident, ObjectName},
    lint::{context::Context, rule::Rule},
    parse::{StatementKind, builds_statements, written},
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
    let mut found = Vec::new();
    for written in written::written(context.text()) {
        let calls = written.called.then(|| {
            let name = written.stored();
            dynamic(context.before, &name, &mut Vec::new())
        });
        let Some(by) = calls.flatten() else {
            continue;
        };
        let way = if by.name == written.stored() {
            "whose code builds".to_owned()
        } else {
            format!("by which {} is called, whose code builds", by.short())
        };
        let message = format!(
            "This calls {}, {way} statements when it runs: zdm cannot see what they lock, read or \
             change.",
            written.stored(),
        );
        let place = Span::new(written.span.start + start, written.span.end + start);
        found.push(RULE.finding(place, message).with_help(
            "Write the statements that it runs into the file, or look at them yourself and accept \
             this with `-- zdm: allow(dynamic-sql) because …`.",
        ));
    }
    found
}

/// The function that builds statements, when one is called by that name, or by what it calls.
fn dynamic(catalog: &Catalog, name: &Ident, seen: &mut Vec<Ident>) -> Option<ObjectName> {
    if seen.contains(name) {
        return None;
    }
    seen.push(name.clone());
    let overloads = |(known, functions): (&ObjectName, &Vec<Function>)| {
        let bodies = functions.iter().filter_map(|function| function.source.clone());
        (known.name == *name).then(|| (known.clone(), bodies.collect::<Vec<String>>()))
    };
    let all: Vec<_> = catalog.functions.iter().filter_map(overloads).collect();
    let bodies = all.iter().flat_map(|(known, bodies)| bodies.iter().map(move |body| (known, body)));
    for (known, body) in bodies {
        if builds_statements(body) {
            return Some(known.clone());
        }
        let calls = written::written(body).into_iter().filter(|one| one.called);
        for call in calls {
            if let Some(found) = dynamic(catalog, &call.stored(), seen) {
                return Some(found);
            }
        }
    }
    None
}
