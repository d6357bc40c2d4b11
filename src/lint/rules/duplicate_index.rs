//! `duplicate-index`: the same index is there already, or one that begins with its columns.

use crate::{
    catalog::{Index, IndexKey, Table},
    diagnostic::Diagnostic,
    lint::{context::Context, rule::Rule},
    parse::StatementKind,
};

pub(super) const RULE: Rule = Rule::statement(
    "duplicate-index",
    include_str!("../../../lints/duplicate-index.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let StatementKind::CreateIndex(create) = &context.statement.kind else {
        return Vec::new();
    };
    let name = context.before.resolve(&create.table);
    let (Some(before), Some(after)) = (
        context.before.tables.get(&name),
        context.after.tables.get(&name),
    ) else {
        return Vec::new();
    };
    let Some(made) = made(before, after) else {
        return Vec::new();
    };
    let Some((other, same)) = before
        .indexes
        .iter()
        .find_map(|other| Some((other, covers(other, made)?)))
    else {
        return Vec::new();
    };
    let what = match same {
        Covered::Same => "has the same columns",
        Covered::Beginning => "begins with the same columns, and serves the same queries",
    };
    let message = format!(
        "{} of {} {what} as {}: a second one costs time at every write and room on disk, and gains \
         nothing.",
        other.name,
        name.short(),
        made.name,
    );
    vec![
        RULE.finding(context.statement.span, message)
            .with_help(format!(
                "Leave {} out, or drop {} in its favour.",
                made.name, other.name
            )),
    ]
}

/// The index that the statement has made.
fn made<'a>(before: &Table, after: &'a Table) -> Option<&'a Index> {
    let mut new = after
        .indexes
        .iter()
        .filter(|index| before.index(&index.name).is_none());
    new.next()
}

enum Covered {
    Same,
    Beginning,
}

/// How far the other index makes this one needless.
fn covers(other: &Index, index: &Index) -> Option<Covered> {
    let plain = |index: &Index| {
        let words = index.definition.to_ascii_lowercase();
        // Orders, classes and collations make another index of the same columns.
        !["_ops", " desc", " nulls ", " collate "]
            .iter()
            .any(|word| words.contains(word))
            && index.keys.iter().all(|key| key.column.is_some())
            && index.include.is_empty()
    };
    let comparable = other.valid
        && plain(other)
        && plain(index)
        && other.method == index.method
        && other.predicate == index.predicate;
    if !comparable {
        return None;
    }
    let columns = |index: &Index| -> Vec<IndexKey> { index.keys.clone() };
    let (theirs, ours) = (columns(other), columns(index));
    if theirs == ours {
        // What is unique is more than an index.
        return (other.unique || !index.unique).then_some(Covered::Same);
    }
    let begins = theirs.starts_with(&ours) && !index.unique && index.method == "btree";
    begins.then_some(Covered::Beginning)
}
