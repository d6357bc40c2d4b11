//! ADD CHECK: count violators, add NOT VALID, VALIDATE.

use crate::{
    catalog::ConstraintKind,
    ident::{Ident, ObjectName},
    parse::{
        Expr, PhaseName,
        statement::{AlterActionKind, TableConstraint, TableConstraintKind},
    },
    plan::{
        Tighten,
        draft::{Draft, Element, Refusal, Touch},
        partitions, pieces,
        recipe::{Context, Recipe},
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "add-check",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let (table, AlterActionKind::AddConstraint(constraint)) = cx.alter()? else {
        return None;
    };
    match &constraint.kind {
        TableConstraintKind::Check(expr) => Some(draft_for(cx, &table, constraint, expr)),
        _ => None,
    }
}

/// The steps for a CHECK, also one that stood inline in ADD COLUMN.
pub fn draft_for(
    cx: &Context<'_>,
    table: &ObjectName,
    constraint: &TableConstraint,
    expr: &Expr,
) -> Result<Draft, Refusal> {
    partitions::table_or_tree(cx, table)?;
    let added = cx
        .added_constraint(table, constraint.name.as_ref(), |kind| {
            matches!(kind, ConstraintKind::Check { .. })
        })
        .ok_or_else(|| {
            Refusal::new(
                "unknown-table",
                format!(
                    "the name of the new CHECK of {} could not be told",
                    table.short()
                ),
                "give it a name: ADD CONSTRAINT name CHECK (…)",
            )
        })?;
    let name = &added.name;
    let columns = expr.columns.iter().map(|column| &column.name);
    let phase = tighten_phase(cx, table, columns);
    let mut definition = format!("CHECK ({})", expr.text);
    if constraint.attributes.no_inherit == Some(true) {
        definition.push_str(" NO INHERIT");
    }
    let mut draft = Draft::default();
    if constraint.attributes.enforced == Some(false) {
        let sql = format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT ENFORCED");
        let mut step = pieces::add_not_valid(table, name, &definition, "it is not enforced");
        step.sql = vec![sql];
        draft.push(PhaseName::Expand, partitions::on_tree(cx, step, table));
    } else {
        // A CHECK passes when it is NULL, so only FALSE violates it.
        let only = partitions::only(cx, table);
        let from = format!("FROM {only}{table} WHERE ({}) IS FALSE", expr.text);
        draft.push(
            phase,
            pieces::count_violators(
                cx,
                table,
                &format!("{name} ({})", expr.text),
                format!("SELECT pg_catalog.count(*) {from}"),
                Some(pieces::example_keys(cx, table, &from)),
            ),
        );
        let add = pieces::add_not_valid(
            table,
            name,
            &definition,
            "checks new rows from here on; its lock is held for a moment only",
        );
        draft.push(phase, partitions::on_tree(cx, add, table));
        if !constraint.attributes.not_valid {
            for step in partitions::validate(cx, table, name) {
                draft.push(phase, step);
            }
        }
        draft.conditions.push((
            phase,
            format!("writes that violate {name} are refused from `add {name}` on"),
        ));
    }
    draft
        .touches
        .extend(partitions::reads_partitions(cx, table));
    for column in &expr.columns {
        draft.touches.push(Touch::read(Element::Column(
            table.clone(),
            column.name.clone(),
        )));
    }
    draft.touches.push(Touch::write(
        Element::Name(table.sibling(name.clone())),
        phase,
    ));
    Ok(draft)
}

/// The phase in which a constraint on columns starts to refuse writes: as set, when one of them
/// was there before the migration; on new columns alone nobody's writes are refused.
pub fn tighten_phase<'c>(
    cx: &Context<'_>,
    table: &ObjectName,
    columns: impl IntoIterator<Item = &'c Ident>,
) -> PhaseName {
    let before = cx.input.catalog.tables.get(table);
    let existing = |column: &Ident| before.is_none_or(|known| known.column(column).is_some());
    match cx.input.settings.tighten {
        Tighten::Contract if columns.into_iter().any(existing) => PhaseName::Contract,
        Tighten::Migrate | Tighten::Contract => PhaseName::Migrate,
    }
}
