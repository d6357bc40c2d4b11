//! `money-column`: a column is `money`, which depends on the locale of the database.
//!
//! Section 8.2 of the manual, Monetary Types.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, made::TypeRule, rule::Rule},
};

pub(super) const RULE: Rule = Rule::statement(
    "money-column",
    include_str!("../../../lints/money-column.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let rule = TypeRule {
        rule: &RULE,
        ty: "money",
        why: "how it is read and shown, and how many digits of a fraction it has, follows \
              `lc_monetary`, so that a dump may not load elsewhere; it holds no currency.",
        better: "numeric",
        besides: ", with the currency in a column of its own",
    };
    rule.check(context)
}
