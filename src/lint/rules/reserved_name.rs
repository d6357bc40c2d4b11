//! `reserved-name`: a name can stand in quotes only, everywhere and for ever.
//!
//! Section 4.1.1 of the manual, Identifiers and Key Words, and its appendix C, SQL Key Words.

use crate::{
    diagnostic::Diagnostic,
    lint::{
        context::{Context, listed},
        names::{self, Given},
        rule::Rule,
    },
    parse::written::{Quoting, must_be_quoted},
};

pub(super) const RULE: Rule = Rule::statement(
    "reserved-name",
    include_str!("../../../lints/reserved-name.md"),
    check,
);

/// One finding for a statement: what helps its first name helps all.
fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let given = names::given(context.statement);
    let found: Vec<(&Given<'_>, Quoting)> = given
        .iter()
        .filter_map(|given| Some((given, must_be_quoted(given.name.as_str())?)))
        .collect();
    let Some((first, why)) = found.first() else {
        return Vec::new();
    };
    let (why, better) = match why {
        Quoting::Reserved => (
            "is a reserved word",
            "another word, or one more (`user_account` for `user`)",
        ),
        Quoting::Capitals => (
            "has capital letters, which are folded without quotes",
            "lower case with underscores (`user_id` for `userId`)",
        ),
        Quoting::Characters => (
            "has characters that a name cannot have without quotes",
            "letters, digits and underscores",
        ),
    };
    let more: Vec<String> = found[1..]
        .iter()
        .map(|(given, _)| format!("\"{}\"", given.name.as_str()))
        .collect();
    let more = if more.is_empty() {
        String::new()
    } else {
        format!(" The same holds of {}.", listed(&more))
    };
    let place = first.written(context).map_or(first.within, |written| written.span);
    let message = format!(
        "The {} \"{}\" {why}: every statement that names it has to quote it, those typed by hand \
         too.{more}",
        first.what.word(),
        first.name.as_str(),
    );
    vec![RULE.finding(place, message).with_help(format!("Use {better}."))]
}
