//! What a statement that runs as it is reads and writes, as far as the order must know.

use crate::{
    catalog::ConstraintKind,
    effects::Effects,
    ident::{Ident, ObjectName},
    parse::{PhaseName, StatementKind, statement::AlterActionKind},
    plan::{
        draft::{Element, Touch},
        recipe::Context,
        undo::created_name,
    },
};

/// See the module.
pub fn touches(cx: &Context<'_>, phase: PhaseName, effects: &Effects) -> Vec<Touch> {
    let mut touches = Vec::new();
    match &cx.op.statement.kind {
        StatementKind::AlterRelation(alter) => {
            touches.push(Touch::write(altered(cx, &cx.resolve(&alter.name)), phase));
            touches.extend(referenced(cx, &cx.resolve(&alter.name)));
        }
        StatementKind::CreateTable(create) => {
            let name = created_name(cx, &create.name);
            touches.extend(referenced(cx, &name));
            touches.push(Touch::write(Element::Relation(name), phase));
        }
        StatementKind::CreateIndex(create) => {
            touches.push(Touch::read(Element::Relation(cx.resolve(&create.table))));
        }
        StatementKind::Drop(drop) => {
            for name in drop.names.iter().chain(&drop.on) {
                touches.push(Touch::write(Element::Relation(cx.resolve(name)), phase));
            }
        }
        StatementKind::Update(update) => {
            touches.push(Touch::write(
                Element::Relation(cx.resolve(&update.table)),
                phase,
            ));
        }
        StatementKind::Data(data) => {
            for name in &data.targets {
                touches.push(Touch::write(Element::Relation(cx.resolve(name)), phase));
            }
            for name in &data.reads {
                touches.push(Touch::read(Element::Relation(cx.resolve(name))));
            }
        }
        StatementKind::Opaque(opaque) => {
            for name in &opaque.names {
                let name = cx.resolve(name);
                touches.push(if cx.before.has_relation(&name) {
                    Touch::read(Element::Relation(name))
                } else {
                    Touch::write(Element::Name(name), phase)
                });
            }
            if effects.unknown {
                touches.push(Touch::write(Element::Anything, phase));
            }
        }
        StatementKind::Transaction(_) | StatementKind::Set(_) => {}
    }
    touches
}

/// The column that an ALTER TABLE alters, if it is about one.
pub fn altered_column(cx: &Context<'_>) -> Option<(ObjectName, Ident)> {
    match cx.alter()? {
        (table, AlterActionKind::AlterColumn { name, .. }) => Some((table, name.clone())),
        _ => None,
    }
}

/// The part of a relation that an ALTER changes: a column, a constraint, or all of it.
fn altered(cx: &Context<'_>, relation: &ObjectName) -> Element {
    match cx.op.action.map(|action| &action.kind) {
        Some(AlterActionKind::AlterColumn { name, .. }) => {
            Element::Column(relation.clone(), name.clone())
        }
        Some(
            AlterActionKind::ValidateConstraint { name }
            | AlterActionKind::DropConstraint { name, .. }
            | AlterActionKind::AlterConstraint { name, .. }
            | AlterActionKind::RenameConstraint { from: name, .. },
        ) => Element::Name(relation.sibling(name.clone())),
        _ => Element::Relation(relation.clone()),
    }
}

/// The columns of other tables that new foreign keys of this one reference.
fn referenced(cx: &Context<'_>, table: &ObjectName) -> Vec<Touch> {
    let before = cx.before.tables.get(table);
    let Some(after) = cx.after_table(table) else {
        return Vec::new();
    };
    after
        .constraints
        .iter()
        .filter(|constraint| {
            before.is_none_or(|before| before.constraint(&constraint.name).is_none())
        })
        .filter_map(|constraint| match &constraint.kind {
            ConstraintKind::ForeignKey {
                references,
                referenced_columns,
                ..
            } => Some((references, referenced_columns)),
            _ => None,
        })
        .flat_map(|(peer, columns)| {
            columns
                .iter()
                .map(|column| Touch::read(Element::Column(peer.clone(), column.clone())))
        })
        .collect()
}
