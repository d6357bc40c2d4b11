//! `validate-under-strong-lock`: VALIDATE CONSTRAINT reads the rows under a weak lock, unless its
//! own statement or transaction holds a strong one already.

use crate::{
    diagnostic::Diagnostic,
    effects::LockMode,
    ident::ObjectName,
    lint::{
        context::{Context, Work, WorkKind},
        rule::Rule,
        words,
    },
    parse::statement::AlterActionKind,
};

pub(super) const RULE: Rule = Rule::statement(
    "validate-under-strong-lock",
    include_str!("../../../lints/validate-under-strong-lock.md"),
    check,
)
.explaining();

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(alter) = context.alter() else {
        return Vec::new();
    };
    context
        .subcommands()
        .filter_map(|(action, alone)| {
            let AlterActionKind::ValidateConstraint { name } = &action.kind else {
                return None;
            };
            let beside = context.work_of(alone);
            if !beside.is_empty() {
                let message = format!(
                    "VALIDATE CONSTRAINT {name} takes the strong lock of what stands beside it in \
                     this command: it {}.",
                    words::blocking(context, &beside)
                );
                let help = format!(
                    "Validate in a command and transaction of its own: `ALTER TABLE {} VALIDATE \
                     CONSTRAINT {name}`.",
                    alter.name
                );
                return Some(RULE.finding(action.span, message).with_help(help));
            }
            // What an earlier statement of the transaction holds goes on being held meanwhile.
            let held = |relation: &ObjectName| -> Option<(LockMode, usize)> {
                let of = context.held.iter().filter(|held| held.relation == *relation);
                let strongest = of.max_by_key(|held| held.mode)?;
                Some((strongest.mode, strongest.step))
            };
            let mut since = None;
            let work: Vec<Work<'_>> = alone
                .scans
                .iter()
                .filter(|scan| !context.is_new(&scan.relation) && !context.is_empty(&scan.relation))
                .filter_map(|scan| {
                    let (under, step) = held(&scan.relation)?;
                    since.get_or_insert(step);
                    Some(Work {
                        relation: &scan.relation,
                        under,
                        kind: WorkKind::Scan,
                        purpose: &scan.purpose,
                    })
                })
                .collect();
            let earlier = context.file.context(since?)?;
            let message = format!(
                "VALIDATE CONSTRAINT {name} runs in the transaction of an earlier statement, whose \
                 lock is kept to its end: it {}.",
                words::blocking(context, &work)
            );
            let help = format!(
                "COMMIT before it, so that `ALTER TABLE {} VALIDATE CONSTRAINT {name}` is in a \
                 transaction of its own.",
                alter.name
            );
            Some(
                RULE.finding(action.span, message)
                    .with_help(help)
                    .with_label(earlier.statement.span, "the strong lock is taken here"),
            )
        })
        .collect()
}
