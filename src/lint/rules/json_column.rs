//! `json-column`: a column is `json`, where `jsonb` does more.
//!
//! Section 8.14 of the manual, JSON Types.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, made::TypeRule, rule::Rule},
};

pub(super) const RULE: Rule = Rule::statement(
    "json-column",
    include_str!("../../../lints/json-column.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let rule = TypeRule {
        rule: &RULE,
        ty: "json",
        why: "it is kept as text that each access reads anew, it has no equality, so that \
              DISTINCT, GROUP BY and UNION of it fail, and no GIN index can serve a search in \
              it.",
        better: "jsonb",
        besides: "; `json` is for text whose white space, order of keys and repeated keys are to \
              stay",
    };
    rule.check(context)
}
