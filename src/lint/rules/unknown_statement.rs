//! `unknown-statement`: zdm does not know all that a statement does, and says so.

use crate::{
    diagnostic::Diagnostic,
    ident::ObjectName,
    lint::{blocks, context::Context, parts::has_word, rule::Rule},
    parse::statement::DataKind,
};

pub(super) const RULE: Rule = Rule::statement(
    "unknown-statement",
    include_str!("../../../lints/unknown-statement.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    if let Some(function) = called(context) {
        return vec![
            RULE.finding(
                context.statement.span,
                format!(
                    "This calls {}(), whose body changes the schema or runs SQL that it makes up: \
                     what it locks, reads or rewrites is not known.",
                    function.short()
                ),
            )
            .with_help(
                "Write the statements that it runs into the file itself, or look at them and \
                 accept it with `-- zdm: allow(unknown-statement) because …`.",
            ),
        ];
    }
    if !context.effects.unknown {
        return Vec::new();
    }
    let block = blocks::block(context.statement);
    if block.is_some_and(|block| blocks::seen_through(block, context.before)) {
        return Vec::new();
    }
    let what = context.statement.opaque().map_or_else(
        || {
            let words = context.text().split_whitespace().take(2);
            words.collect::<Vec<_>>().join(" ")
        },
        |opaque| opaque.keywords.clone(),
    );
    vec![
        RULE.finding(
            context.statement.span,
            format!(
                "zdm does not know all that this {what} does: it may lock, read or rewrite tables \
                 that are not named here."
            ),
        )
        .with_help(
            "Look at it yourself, and accept it with `-- zdm: allow(unknown-statement) because …`.",
        ),
    ]
}

/// Words with which statements begin that do more than read and write rows.
const MORE_THAN_ROWS: [&str; 9] = [
    "alter", "create", "drop", "truncate", "lock", "reindex", "cluster", "refresh", "execute",
];

/// A function that a `SELECT` calls, and that does more than read and write rows.
fn called<'a>(context: &Context<'a>) -> Option<&'a ObjectName> {
    context
        .data()
        .filter(|data| data.kind == DataKind::Select)?;
    let text = context.text().to_lowercase();
    let mut functions = context.before.functions.iter();
    let found = functions.find(|(name, overloads)| {
        is_called(&text, &name.name.as_str().to_lowercase())
            && overloads
                .iter()
                .filter_map(|function| function.source.as_deref())
                .any(|source| MORE_THAN_ROWS.iter().any(|word| has_word(source, word)))
    });
    found.map(|(name, _)| name)
}

/// Whether a text in lower case has a word with a parenthesis behind it.
fn is_called(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(name).any(|(at, _)| {
        let behind = text[at + name.len()..].trim_start_matches('"');
        !text[..at].chars().next_back().is_some_and(part) && behind.trim_start().starts_with('(')
    })
}
