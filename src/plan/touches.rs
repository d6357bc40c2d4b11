//! What a statement that runs as it is reads and writes, as far as the order must know.

use crate::{
    catalog::{ConstraintKind, types},
    effects::Effects,
    ident::{Ident, ObjectName},
    parse::{
        PhaseName, StatementKind,
        statement::{AlterActionKind, ColumnAction, CreateTable, DataType},
    },
    plan::{
        draft::{Element, Touch},
        recipe::Context,
        undo::created_name,
        views::redefined::created_view,
    },
};

/// See the module.
pub fn touches(cx: &Context<'_>, phase: PhaseName, effects: &Effects) -> Vec<Touch> {
    let mut touches = Vec::new();
    match &cx.op.statement.kind {
        StatementKind::AlterRelation(alter) => {
            let name = cx.resolve(&alter.name);
            touches.push(Touch::write(altered(cx, &name), phase));
            touches.extend(named_too(cx, &name, phase));
            touches.extend(changed_default(cx, phase));
            touches.extend(row_type_taken(cx));
            touches.extend(referenced(cx, &name));
            touches.extend(dropped_key(cx).map(Touch::read));
        }
        StatementKind::CreateTable(create) => {
            let name = created_name(cx, &create.name);
            touches.extend(referenced(cx, &name));
            touches.extend(copied(cx, create));
            touches.push(Touch::write(Element::Relation(name), phase));
            if let Some(of) = &create.partition_of {
                // What was done to the partitioned table before is done when it gets one more.
                touches.push(Touch::write(
                    Element::Partitions(cx.resolve(&of.parent)),
                    phase,
                ));
            }
        }
        StatementKind::CreateIndex(create) => {
            let table = cx.resolve(&create.table);
            if let Some(name) = &create.name {
                touches.push(Touch::write(
                    Element::Name(table.sibling(name.clone())),
                    phase,
                ));
            }
            touches.push(Touch::read(Element::Relation(table)));
        }
        StatementKind::Drop(drop) => {
            for name in drop.names.iter().chain(&drop.on) {
                let name = cx.resolve(name);
                // A partition goes: what is done to the partitioned table later is without it.
                let parents = cx.before.tables.get(&name).into_iter().flat_map(|table| {
                    let partition = table.partition_bound.is_some();
                    table.parents.iter().filter(move |_| partition)
                });
                touches.extend(
                    parents.map(|parent| Touch::write(Element::Partitions(parent.clone()), phase)),
                );
                touches.push(Touch::write(Element::Relation(name), phase));
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
        StatementKind::Opaque(_) if created_view(cx.op).is_some() => {
            touches.extend(view(cx, phase));
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

/// A view that is made, and the columns it reads.
fn view(cx: &Context<'_>, phase: PhaseName) -> Vec<Touch> {
    let made = cx
        .after
        .views
        .iter()
        .filter(|(name, view)| cx.before.views.get(*name) != Some(*view));
    made.flat_map(|(name, view)| {
        let reads = view.reads.iter().map(|(relation, column)| {
            Touch::read(match column {
                Some(column) => Element::Column(relation.clone(), column.clone()),
                None => Element::Relation(relation.clone()),
            })
        });
        std::iter::once(Touch::write(Element::Name(name.clone()), phase))
            .chain(reads)
            .collect::<Vec<_>>()
    })
    .collect()
}

/// What an ALTER is about beside its relation: the name it gives, the other relation, its trigger.
fn named_too(cx: &Context<'_>, relation: &ObjectName, phase: PhaseName) -> Vec<Touch> {
    let write = |element| Touch::write(element, phase);
    match cx.op.action.map(|action| &action.kind) {
        Some(AlterActionKind::RenameTo(to)) => {
            vec![write(Element::Relation(relation.sibling(to.clone())))]
        }
        Some(AlterActionKind::SetSchema(schema)) => vec![write(Element::Relation(
            ObjectName::new(schema.clone(), relation.name.clone()),
        ))],
        Some(AlterActionKind::RenameConstraint { to, .. }) => {
            vec![write(Element::Name(relation.sibling(to.clone())))]
        }
        Some(AlterActionKind::RenameColumn { to, .. }) => {
            vec![write(Element::Column(relation.clone(), to.clone()))]
        }
        Some(
            AlterActionKind::Inherit(other)
            | AlterActionKind::NoInherit(other)
            | AlterActionKind::AttachPartition { name: other, .. }
            | AlterActionKind::DetachPartition { name: other, .. },
        ) => {
            vec![write(Element::Relation(cx.resolve(other)))]
        }
        Some(AlterActionKind::ClusterOn(index)) => {
            vec![Touch::read(Element::Name(relation.sibling(index.clone())))]
        }
        _ => Vec::new(),
    }
}

/// `DROP DEFAULT`, also where it is written `SET DEFAULT NULL`.
pub fn takes_default(action: &ColumnAction) -> bool {
    match action {
        ColumnAction::DropDefault => true,
        ColumnAction::SetDefault(expr) => expr.is_null(),
        _ => false,
    }
}

/// The column that an ALTER TABLE alters, if it is about one.
pub fn altered_column(cx: &Context<'_>) -> Option<(ObjectName, Ident)> {
    match cx.alter()? {
        (table, AlterActionKind::AlterColumn { name, .. }) => Some((table, name.clone())),
        _ => None,
    }
}

/// The default that an ALTER TABLE gives or takes away.
fn changed_default(cx: &Context<'_>, phase: PhaseName) -> Option<Touch> {
    match cx.alter()? {
        (
            table,
            AlterActionKind::AlterColumn {
                name,
                action: ColumnAction::SetDefault(_) | ColumnAction::DropDefault,
            },
        ) => Some(Touch::write(Element::Default(table, name.clone()), phase)),
        _ => None,
    }
}

/// The part of a relation that an ALTER changes: a column, a constraint, or all of it.
fn altered(cx: &Context<'_>, relation: &ObjectName) -> Element {
    match cx.op.action.map(|action| &action.kind) {
        // That it has none any more is all that becomes of the column.
        Some(AlterActionKind::AlterColumn { name, action }) if takes_default(action) => {
            Element::Default(relation.clone(), name.clone())
        }
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

/// What bears a name of its own and hangs on a column: indexes, constraints, its sequence. It goes
/// or is made anew with the column, and until then its name is taken.
pub fn hanging_on(cx: &Context<'_>, table: &ObjectName, column: &Ident) -> Vec<ObjectName> {
    let Some(known) = cx.before.tables.get(table) else {
        return Vec::new();
    };
    let indexes = known
        .indexes
        .iter()
        .filter(|index| index.names_column(column))
        .map(|index| table.sibling(index.name.clone()));
    let constraints = known
        .constraints
        .iter()
        .filter(|constraint| constraint.columns().contains(column))
        .map(|constraint| table.sibling(constraint.name.clone()));
    let sequences = cx.before.sequences.values().filter(|sequence| {
        sequence
            .owned_by
            .as_ref()
            .is_some_and(|(owner, owning)| owner == table && owning == column)
    });
    let mut names: Vec<ObjectName> = indexes
        .chain(constraints)
        .chain(sequences.map(|sequence| sequence.name.clone()))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Writes of a column and of what hangs on it, which are in their final state after `phase`.
pub fn column_and_hanging(
    cx: &Context<'_>,
    table: &ObjectName,
    column: &Ident,
    phase: PhaseName,
) -> Vec<Touch> {
    let mut touches = vec![Touch::write(
        Element::Column(table.clone(), column.clone()),
        phase,
    )];
    touches.extend(
        hanging_on(cx, table, column)
            .into_iter()
            .map(|name| Touch::write(Element::Hanging(name), phase)),
    );
    touches
}

/// The primary key of the table as it was before the file, when a column of it may be NULL from
/// now on: the server refuses that while the key is there, which an earlier statement drops.
fn dropped_key(cx: &Context<'_>) -> Option<Element> {
    let (
        table,
        AlterActionKind::AlterColumn {
            name,
            action: ColumnAction::DropNotNull,
        },
    ) = cx.alter()?
    else {
        return None;
    };
    let key = cx.input.catalog.tables.get(&table)?.primary_key()?;
    key.columns()
        .contains(name)
        .then(|| Element::Name(table.sibling(key.name.clone())))
}

/// The relations whose columns a new table takes over: by LIKE, INHERITS or a query, or as a type.
fn copied(cx: &Context<'_>, create: &CreateTable) -> Vec<Touch> {
    let likes = create.likes.iter().map(|like| &like.source);
    let queried = create.as_query.iter().flat_map(|query| &query.reads);
    let named = likes.chain(&create.inherits).chain(queried);
    let relations = named
        .map(|name| cx.resolve(name))
        .filter(|name| cx.before.has_relation(name))
        .map(|name| Touch::read(Element::Relation(name)));
    let types = create
        .columns
        .iter()
        .filter_map(|def| row_type(cx, &def.ty));
    relations.chain(types).collect()
}

/// A read of the relation whose row type a type is, or an array of it.
pub fn row_type(cx: &Context<'_>, ty: &DataType) -> Option<Touch> {
    let name = types::user_type_name(&ty.name, cx.before);
    let spelled = types::canonical(ty, cx.before);
    // A relation called as a built-in type is not meant by that name alone.
    let meant = spelled.trim_end_matches("[]") == name.to_string();
    (meant && cx.before.has_relation(&name)).then(|| Touch::read(Element::Relation(name)))
}

/// A read of the relation whose row type a column gets.
fn row_type_taken(cx: &Context<'_>) -> Option<Touch> {
    match &cx.op.action?.kind {
        AlterActionKind::AddColumn { column, .. } => row_type(cx, &column.ty),
        AlterActionKind::AlterColumn {
            action: ColumnAction::Type { ty, .. },
            ..
        } => row_type(cx, ty),
        _ => None,
    }
}

/// The columns of other tables that new foreign keys of this one reference, and the keys there.
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
            let keys = cx.before.tables.get(peer).into_iter().flat_map(|peer| {
                let keys = peer.indexes.iter().filter(|index| index.unique);
                keys.filter(|index| columns.iter().all(|column| index.names_column(column)))
                    .map(|index| Element::Name(peer.name.sibling(index.name.clone())))
            });
            columns
                .iter()
                .map(|column| Element::Column(peer.clone(), column.clone()))
                .chain(keys)
                .map(Touch::read)
        })
        .collect()
}
