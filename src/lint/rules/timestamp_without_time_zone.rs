//! `timestamp-without-time-zone`: a column holds what a clock shows, and not a moment.
//!
//! Section 8.5.1.3 of the manual, Time Stamps.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, made::TypeRule, rule::Rule},
};

pub(super) const RULE: Rule = Rule::statement(
    "timestamp-without-time-zone",
    include_str!("../../../lints/timestamp-without-time-zone.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let rule = TypeRule {
        rule: &RULE,
        ty: "timestamp without time zone",
        why: "it holds what a clock shows and not a moment; beside `now()` or any `timestamptz` \
              it counts as local time of whatever TimeZone the session has set.",
        better: "timestamptz",
        besides: ", which takes the same 8 bytes and is a moment wherever it is read",
    };
    rule.check(context)
}
