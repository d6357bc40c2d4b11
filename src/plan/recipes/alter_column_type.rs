//! ALTER COLUMN TYPE that would write the table anew, or read it whole, under ACCESS EXCLUSIVE: a
//! shadow column of the new type, computed by a trigger from whatever is written, filled, given
//! everything that hangs on the old column, and put in its place in one short transaction.
//!
//! Columns of one file that must change together do: those of one table, and those at both ends
//! of a foreign key. A change that is free stays one statement and is `as-is`'s.

mod exchange;
mod family;
mod hanging;
mod shadow;
mod swap;
mod values;

use crate::{
    catalog::{Catalog, ConstraintKind},
    effects::effects,
    ident::{Ident, ObjectName},
    parse::{
        PhaseName, StatementKind,
        statement::{AlterActionKind, ColumnAction, RelationKind},
    },
    plan::{
        draft::{Draft, Element, Refusal, Touch},
        operation::Operation,
        pieces,
        recipe::{Context, Recipe},
        touches,
    },
};

use family::{Family, Member};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "alter-column-type",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let Some((table, name, action)) = alters(cx.before, cx.op) else {
        return exchange::draft(cx);
    };
    match action {
        ColumnAction::Type { .. } => needs_shadow(cx, cx.op).then(|| draft_for(cx)),
        // The default of a column whose type changes is the default of the new one: it comes with
        // the swap, and until then the old one stands.
        ColumnAction::SetDefault(_) | ColumnAction::DropDefault => {
            let later = cx.ops[cx.at + 1..].iter().any(|op| {
                alters(cx.before, op).is_some_and(|(other, column, action)| {
                    other == table && column == name && matches!(action, ColumnAction::Type { .. })
                }) && needs_shadow(cx, op)
            });
            later.then(|| Ok(Draft::default()))
        }
        ColumnAction::DropNotNull
        | ColumnAction::SetNotNull
        | ColumnAction::DropExpression { .. }
        | ColumnAction::SetExpression(_)
        | ColumnAction::AddIdentity { .. }
        | ColumnAction::SetIdentity { .. }
        | ColumnAction::DropIdentity { .. }
        | ColumnAction::SetStatistics(_)
        | ColumnAction::SetOptions(_)
        | ColumnAction::ResetOptions(_)
        | ColumnAction::SetStorage(_)
        | ColumnAction::SetCompression(_) => None,
    }
}

/// The column of a table that an operation alters, and how.
fn alters<'a>(
    catalog: &Catalog,
    op: &Operation<'a>,
) -> Option<(ObjectName, &'a Ident, &'a ColumnAction)> {
    let StatementKind::AlterRelation(alter) = &op.statement.kind else {
        return None;
    };
    let AlterActionKind::AlterColumn { name, action } = &op.action?.kind else {
        return None;
    };
    (alter.kind == RelationKind::Table).then(|| (catalog.resolve(&alter.name), name, action))
}

/// Whether a change of type would write or read a table whole while clients wait. A table that is
/// empty may be written to all the same, by an application that knows the old type.
fn needs_shadow(cx: &Context<'_>, op: &Operation<'_>) -> bool {
    let used =
        |relation: &ObjectName| cx.before.tables.contains_key(relation) && !cx.is_fresh(relation);
    let effects = effects(&op.alone, cx.before);
    effects.fails.is_none()
        && (effects.rewrites.iter().any(used)
            || effects
                .scans
                .iter()
                .any(|scan| scan.under.blocks_writes() && used(&scan.relation)))
}

fn draft_for(cx: &Context<'_>) -> Result<Draft, Refusal> {
    let family = Family::of(cx)?;
    let mut draft = Draft::default();
    for table in family.tables() {
        shadow::look(cx, &family, table, &mut draft);
    }
    let mut swap = swap::Swap::default();
    for table in family.tables() {
        shadow::expand(cx, &family, table, &mut draft, &mut swap);
    }
    for table in family.tables() {
        shadow::fill(cx, &family, table, &mut draft);
    }
    for table in family.tables() {
        hanging::indexes(cx, &family, table, &mut draft, &mut swap);
        hanging::not_null(cx, &family, table, &mut draft, &mut swap);
        hanging::checks(cx, &family, table, &mut draft, &mut swap);
    }
    hanging::foreign_keys(cx, &family, &mut draft, &mut swap);
    for table in family.tables() {
        shadow::analyze(cx, table, &mut draft);
    }
    swap::contract(cx, &family, &mut draft, swap);
    say(cx, &family, &mut draft);
    draft.includes.clone_from(&family.includes);
    Ok(draft)
}

fn say(cx: &Context<'_>, family: &Family<'_>, draft: &mut Draft) {
    draft.new_after_contract = true;
    for table in family.tables() {
        let name = &table.name;
        draft.conditions.extend(pieces::new_column_conditions(name));
        draft.notes.push(format!(
            "the columns of {} stand in another order from contract on: an INSERT or COPY without \
             a column list, and SELECT *, see the changed ones behind the others",
            name.short()
        ));
    }
    let places: Vec<String> = family.members.iter().map(Member::place).collect();
    let list = places.join(", ");
    draft.conditions.push((
        PhaseName::Migrate,
        format!("the new type of {list} can be used after contract only"),
    ));
    draft.conditions.push((
        PhaseName::Contract,
        format!(
            "the old application goes on, if it can read and write the new type of {list}; \
             statements prepared before the swap, and plans that drivers keep, fail with `cached \
             plan must not change result type` until they are prepared again"
        ),
    ));
    for member in &family.members {
        values::say(cx, member, draft);
        say_unique(member, draft);
        draft
            .synced
            .push((member.table.name.clone(), member.column.name.clone()));
        touch(cx, member, draft);
    }
}

fn say_unique(member: &Member<'_>, draft: &mut Draft) {
    let column = &member.column.name;
    let unique = |index: &crate::catalog::Index| index.unique && index.names_column(column);
    if member.table.indexes.iter().any(unique) {
        draft.conditions.push((
            PhaseName::Migrate,
            format!(
                "the uniqueness of {column} is kept by two indexes until contract, and ON CONFLICT \
                 looks at one of them: when several clients insert the same key at the same \
                 moment, one may get unique_violation (23505) instead of its DO UPDATE, and must \
                 try again"
            ),
        ));
    }
}

/// What hangs on the column bears its own name again at the end only.
fn touch(cx: &Context<'_>, member: &Member<'_>, draft: &mut Draft) {
    let (table, column) = (&member.table.name, &member.column.name);
    draft.touches.extend(touches::column_and_hanging(
        cx,
        table,
        column,
        PhaseName::Contract,
    ));
    for input in &member.up.columns {
        if input.name != *column {
            draft.touches.push(Touch::read(Element::Column(
                table.clone(),
                input.name.clone(),
            )));
        }
    }
    for (child, constraint) in cx.before.inbound_foreign_keys(table) {
        if let ConstraintKind::ForeignKey {
            referenced_columns, ..
        } = &constraint.kind
            && referenced_columns.contains(column)
        {
            draft.touches.push(Touch::write(
                Element::Hanging(child.name.sibling(constraint.name.clone())),
                PhaseName::Contract,
            ));
        }
    }
}
