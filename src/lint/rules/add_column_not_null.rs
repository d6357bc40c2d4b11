//! `add-column-not-null`: a NOT NULL column without a value for the rows that are there.

use crate::{
    diagnostic::Diagnostic,
    effects::Effects,
    lint::{context::Context, rule::Rule, words},
    parse::statement::{AlterActionKind, ColumnConstraintKind, ColumnDef},
};

pub(super) const RULE: Rule = Rule::statement(
    "add-column-not-null",
    include_str!("../../../lints/add-column-not-null.md"),
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
            let AlterActionKind::AddColumn { column, .. } = &action.kind else {
                return None;
            };
            let work = context.work_of(alone);
            if work.is_empty() || !fails(column, alone) {
                return None;
            }
            let (table, name) = (&alter.name, &column.name);
            let ty = context.slice(column.ty.span);
            let message = format!(
                "This fails as soon as {table} has a row: {name} is NOT NULL and has no default. \
                 Before that it {}.",
                words::blocking(context, &work)
            );
            let help = format!(
                "Give it a constant default, `ADD COLUMN {name} {ty} NOT NULL DEFAULT …`; or add it \
                 without NOT NULL, fill it in batches, and prove it with a CHECK before SET NOT \
                 NULL. `zdm plan` does this when given `-- zdm: up <expression>`."
            );
            Some(RULE.finding(action.span, message).with_help(help))
        })
        .collect()
}

/// Whether the column would be NULL in the rows that are there, and refuses it.
pub(super) fn fails(column: &ColumnDef, alone: &Effects) -> bool {
    refuses_null(column) && leaves_null(column, alone)
}

fn refuses_null(column: &ColumnDef) -> bool {
    column.constraints.iter().any(|constraint| {
        matches!(
            constraint.kind,
            ColumnConstraintKind::NotNull | ColumnConstraintKind::PrimaryKey
        )
    })
}

/// Nothing gives the rows that are there a value.
fn leaves_null(column: &ColumnDef, alone: &Effects) -> bool {
    // A rewrite is a value of a type's own: serial, or a domain.
    !column.gives_value() && alone.rewrites.is_empty()
}
