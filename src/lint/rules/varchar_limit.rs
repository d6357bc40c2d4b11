//! `varchar-limit`: a column is `varchar(n)`, where text with a CHECK is easier to change.
//!
//! Section 8.3 of the manual, Character Types. A higher limit changes the catalog only
//! (`varchar_support` in `src/backend/utils/adt/varchar.c`); a lower one writes the table anew.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, made, rule::Rule},
};

pub(super) const RULE: Rule = Rule::statement(
    "varchar-limit",
    include_str!("../../../lints/varchar-limit.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    made::of_type(context, "character varying")
        .filter_map(|made| {
            let limit = made.element().modifiers?;
            let message = format!(
                "{}: a longer value is refused, and nothing is faster or smaller for it. The limit \
                 can be raised at no cost; to lower it writes the table anew while clients wait.",
                made.is_of_type()
            );
            let help = format!(
                "{}, and where the length matters `CHECK (length({}) <= {limit})`, which can be \
                 exchanged for any other without writing a row.",
                made.instead("text"),
                made.column.name,
            );
            Some(RULE.finding(made.place, message).with_help(help))
        })
        .collect()
}
