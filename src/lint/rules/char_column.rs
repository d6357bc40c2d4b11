//! `char-column`: a column is `char(n)`, whose values are padded with spaces.
//!
//! Section 8.3 of the manual, Character Types.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, made::TypeRule, rule::Rule},
};

pub(super) const RULE: Rule = Rule::statement(
    "char-column",
    include_str!("../../../lints/char-column.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let rule = TypeRule {
        rule: &RULE,
        ty: "character",
        why: "values are padded with spaces to that length, those spaces do not count in \
              comparisons and are lost in a cast to text, and nothing is faster or smaller for it.",
        better: "text",
        besides: ", with a CHECK on its length where that matters",
    };
    rule.check(context)
}
