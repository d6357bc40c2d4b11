//! `int-key`: a key is an integer, which runs out at 2,147,483,647.
//!
//! Section 8.1.1 of the manual, Integer Types.

use crate::{
    catalog::{Catalog, Column, ConstraintKind, Table},
    diagnostic::Diagnostic,
    lint::{
        context::Context,
        made::{self, End, Whole},
        rule::Rule,
    },
    parse::{
        serial_type,
        statement::{AlterActionKind, ColumnAction, TableConstraintKind},
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "int-key",
    include_str!("../../../lints/int-key.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let end = context.file.end();
    let mut found: Vec<Diagnostic> = Vec::new();
    for made in made::columns(context) {
        let Some(last) = made.at_end(context) else {
            continue;
        };
        let Some(why) = runs_out(last.table, last.column, end) else {
            continue;
        };
        let better = match made.ty.and_then(serial_type) {
            Some(_) => "bigserial",
            None => "bigint",
        };
        let help = format!("{}.", made.instead(better));
        found.push(RULE.finding(made.place, why).with_help(help));
    }
    found.extend(made_a_key(context));
    found.extend(references(context));
    found
}

/// Why a column will run out of numbers, when it is a key that anything numbers.
fn runs_out(table: &Table, column: &Column, catalog: &Catalog) -> Option<String> {
    let whole = Whole::of(column, catalog).filter(|whole| *whole != Whole::Big)?;
    let named = End { table, column }.named();
    let ty = whole.as_str();
    let greatest = whole.greatest();
    if is_numbered(column) {
        return Some(format!(
            "{named} is {ty} and numbered by a sequence: once that is at {greatest}, counting the \
             numbers that failed INSERTs used up, every INSERT fails."
        ));
    }
    // Small numbers that nothing counts up are chosen with care.
    (whole == Whole::Integer && is_primary_key(table, column)).then(|| {
        format!(
            "{named} is {ty}, and the primary key: it ends at {greatest}, and to make room later \
             writes the table and all that references it anew."
        )
    })
}

fn is_numbered(column: &Column) -> bool {
    let next = |default: &String| default.to_ascii_lowercase().contains("nextval(");
    column.identity.is_some() || column.default.as_ref().is_some_and(next)
}

/// Whether the column alone is the primary key.
fn is_primary_key(table: &Table, column: &Column) -> bool {
    table.primary_key().is_some_and(|key| match &key.kind {
        ConstraintKind::PrimaryKey { columns, .. } => *columns == [column.name.clone()],
        ConstraintKind::Check { .. }
        | ConstraintKind::Unique { .. }
        | ConstraintKind::ForeignKey { .. }
        | ConstraintKind::Exclude { .. }
        | ConstraintKind::Other => false,
    })
}

/// Columns that were there before the file, and that become keys by this statement.
fn made_a_key(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(alter) = context.alter() else {
        return Vec::new();
    };
    let name = context.before.resolve(&alter.name);
    let Some(table) = context.after.tables.get(&name) else {
        return Vec::new();
    };
    if context.is_new(&name) {
        return Vec::new();
    }
    let found = alter.actions.iter().filter_map(|action| {
        let columns = table.columns.iter();
        let column = match &action.kind {
            AlterActionKind::AlterColumn {
                name,
                action: ColumnAction::AddIdentity { .. } | ColumnAction::SetDefault(_),
            } => table.column(name).filter(|column| is_numbered(column)),
            AlterActionKind::AddConstraint(constraint) => match &constraint.kind {
                TableConstraintKind::Key(_) | TableConstraintKind::KeyUsingIndex { .. } => columns
                    .filter(|column| !is_numbered(column))
                    .find(|column| is_primary_key(table, column)),
                TableConstraintKind::Check(_)
                | TableConstraintKind::NotNull(_)
                | TableConstraintKind::ForeignKey { .. }
                | TableConstraintKind::Exclude(_) => None,
            },
            _ => None,
        }?;
        let (table, last) = context.file.at_end(context.at, &name, Some(&column.name))?;
        let why = runs_out(table, last?, context.file.end())?;
        let help = format!(
            "First `ALTER TABLE {} ALTER COLUMN {} TYPE bigint`; `zdm plan` does that without \
             keeping clients waiting.",
            name.short(),
            column.name
        );
        Some(RULE.finding(action.span, why).with_help(help))
    });
    found.collect()
}

/// Foreign keys to a key that will run out.
fn references(context: &Context<'_>) -> Vec<Diagnostic> {
    let end = context.file.end();
    let keys = made::foreign_keys(context);
    let found = keys.iter().flat_map(|key| {
        let pairs = key.at_end(context).into_iter();
        pairs.filter_map(move |(from, to)| {
            runs_out(to.table, to.column, end)?;
            let narrow = Whole::of(from.column, end)? < Whole::Big;
            let told = runs_out(from.table, from.column, end).is_some();
            (narrow && !told).then(|| {
                let message = format!(
                    "{} references {}, which is {}: when that becomes bigint, this column has to be \
                     written anew, too.",
                    from.named(),
                    to.named(),
                    to.column.ty
                );
                let place = key.place(context, &from.column.name);
                RULE.finding(place, message).with_help(format!(
                    "Write `{} bigint`, which may reference {} as it is.",
                    from.column.name, to.column.ty
                ))
            })
        })
    });
    found.collect()
}
