//! `add-column-rewrite`: a new column with another value in each row writes the table anew.

use crate::{
    catalog::{Volatility, domain, types::canonical, volatility},
    diagnostic::Diagnostic,
    lint::{
        context::{Context, WorkKind},
        rule::Rule,
        words,
    },
    parse::{
        serial_type,
        statement::{AlterActionKind, ColumnConstraintKind, ColumnDef},
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "add-column-rewrite",
    include_str!("../../../lints/add-column-rewrite.md"),
    check,
)
.explaining();

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(alter) = context.alter() else {
        return Vec::new();
    };
    let table = &alter.name;
    context
        .subcommands()
        .filter_map(|(action, alone)| {
            let AlterActionKind::AddColumn { column, .. } = &action.kind else {
                return None;
            };
            let mut work = context.work_of(alone);
            work.retain(|work| work.kind == WorkKind::Rewrite);
            if work.is_empty() {
                return None;
            }
            let (cause, help) = cause(context, column, &table.to_string());
            let message = format!("This {}. {cause}", words::blocking(context, &work));
            Some(RULE.finding(action.span, message).with_help(help))
        })
        .collect()
}

/// Why each row gets a value of its own, and what to do instead.
fn cause(context: &Context<'_>, column: &ColumnDef, table: &str) -> (String, String) {
    let name = &column.name;
    let ty = context.slice(column.ty.span);
    let add = |ty: &str| format!("Add it alone, `ALTER TABLE {table} ADD COLUMN {name} {ty}`");
    if let Some(real) = serial_type(&column.ty) {
        return (
            format!("The column {name} is {ty}: every row gets the next number of its sequence."),
            format!(
                "{}, then set a sequence as its default and fill the old rows in batches. \
                 `zdm plan` does this.",
                add(real)
            ),
        );
    }
    for constraint in &column.constraints {
        match &constraint.kind {
            ColumnConstraintKind::Identity { .. } => {
                return (
                    format!("{name} is an identity column: every row gets the next number."),
                    format!(
                        "{}, fill the old rows in batches, and `ADD GENERATED … AS IDENTITY` when \
                         all have one. `zdm plan` does this.",
                        add(ty)
                    ),
                );
            }
            ColumnConstraintKind::Generated { stored: true, expr } => {
                return (
                    format!("{name} is generated and stored: it is computed for every row."),
                    format!(
                        "{}, let a trigger set it to `{}`, and fill the old rows in batches; or \
                         compute it in a view.",
                        add(ty),
                        expr.text.trim(),
                    ),
                );
            }
            ColumnConstraintKind::Default(expr)
                if volatility(expr, context.before) == Volatility::Volatile =>
            {
                return (
                    format!(
                        "The default of {name}, `{}`, is volatile: every row gets a value of its \
                         own.",
                        expr.text.trim()
                    ),
                    format!(
                        "{}, then `ALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT {}`, and \
                         fill the old rows in batches. `zdm plan` does this.",
                        add(ty),
                        expr.text.trim()
                    ),
                );
            }
            ColumnConstraintKind::Default(_)
            | ColumnConstraintKind::Generated { stored: false, .. }
            | ColumnConstraintKind::NotNull
            | ColumnConstraintKind::Null
            | ColumnConstraintKind::Check(_)
            | ColumnConstraintKind::Unique { .. }
            | ColumnConstraintKind::PrimaryKey
            | ColumnConstraintKind::References(_) => {}
        }
    }
    let constrained = domain(&canonical(&column.ty, context.before), context.before)
        .is_some_and(|domain| domain.constrained);
    let cause = if constrained {
        format!("{ty} is a domain with a constraint, which is checked for every row.")
    } else {
        format!("The default of the type {ty} may differ from row to row.")
    };
    (
        cause,
        "Add the column with the type below the domain and without a default, and a CHECK that is \
         NOT VALID; validate it in a transaction of its own."
            .to_owned(),
    )
}
