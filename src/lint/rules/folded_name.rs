//! `folded-name`: a name in mixed case without quotes is stored in lower case.
//!
//! Section 4.1.1 of the manual, Identifiers and Key Words.

use crate::{
    diagnostic::Diagnostic,
    lint::{
        context::{Context, listed},
        names,
        rule::Rule,
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "folded-name",
    include_str!("../../../lints/folded-name.md"),
    check,
);

/// One finding for a statement: who folds one name folds all.
fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mixed = |text: &str| {
        text.bytes().any(|b| b.is_ascii_uppercase()) && text.bytes().any(|b| b.is_ascii_lowercase())
    };
    let found: Vec<_> = names::given(context.statement)
        .iter()
        .filter_map(|given| {
            let written = given.written(context)?;
            (!written.quoted && mixed(written.text)).then_some(written)
        })
        .collect();
    let Some(first) = found.first() else {
        return Vec::new();
    };
    let all: Vec<String> = found.iter().map(|one| one.text.to_owned()).collect();
    let stored: Vec<String> = found.iter().map(|one| one.name.clone()).collect();
    let (stands, is) = match found.len() {
        1 => ("stands", "is"),
        _ => ("stand", "are"),
    };
    let message = format!(
        "{} {stands} without quotes, and {is} stored as {}: a driver or a tool that quotes names, \
         as most that generate SQL do, does not find the name as it stands here.",
        listed(&all),
        listed(&stored),
    );
    let help = "Write it in lower case, with underscores between words.";
    vec![RULE.finding(first.span, message).with_help(help)]
}
