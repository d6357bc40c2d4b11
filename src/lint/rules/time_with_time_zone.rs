//! `time-with-time-zone`: a column holds a time of day with an offset and without a date.
//!
//! Section 8.5.3 of the manual, Time Zones.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, made::TypeRule, rule::Rule},
};

pub(super) const RULE: Rule = Rule::statement(
    "time-with-time-zone",
    include_str!("../../../lints/time-with-time-zone.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let rule = TypeRule {
        rule: &RULE,
        ty: "time with time zone",
        why: "it has an offset and no date, so it knows no daylight saving time; the manual \
              advises against it.",
        better: "time",
        besides: ", with the name of the zone in a column of its own, or `timestamptz` for a moment",
    };
    rule.check(context)
}
