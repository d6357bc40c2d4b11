//! `blocking-statement`: whatever blocks and no other rule explains, so that nothing that blocks
//! passes silently.

use crate::{
    diagnostic::Diagnostic,
    lint::{
        context::{Context, Work, WorkKind, who},
        rule::{Check, Rule},
    },
};

pub(super) const RULE: Rule = Rule::new(
    "blocking-statement",
    include_str!("../../../lints/blocking-statement.md"),
    Check::Unexplained(check),
);

fn check(context: &Context<'_>, work: &[Work<'_>]) -> Vec<Diagnostic> {
    let Some(strongest) = work.iter().map(|work| work.under).max() else {
        return Vec::new();
    };
    let does = |kind: WorkKind, verb: &str| {
        let relations = work.iter().filter(|work| work.kind == kind);
        let mut relations: Vec<_> = relations.map(|work| work.relation).collect();
        relations.dedup();
        (!relations.is_empty()).then(|| format!("{verb} {}", context.named(relations)))
    };
    let parts: Vec<String> = [
        does(WorkKind::Rewrite, "writes all of"),
        does(WorkKind::Scan, "reads all of"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut held: Vec<String> = work
        .iter()
        .map(|work| format!("{} on {}", work.under, work.relation.short()))
        .collect();
    held.dedup();
    vec![
        RULE.finding(
            context.statement.span,
            format!(
                "This {}, while it holds {}: {} wait until that ends.",
                parts.join(" and "),
                crate::lint::context::listed(&held),
                who(strongest),
            ),
        )
        .with_help("Run it while nobody uses the table, or see what `zdm plan` makes of it."),
    ]
}
