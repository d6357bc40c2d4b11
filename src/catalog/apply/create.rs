//! CREATE TABLE, and new columns.

use crate::{
    catalog::{
        Catalog, Column, Constraint, ConstraintKind, Generated, Identity, PgVersion, Sequence,
        Table, TableKind, domain, types,
    },
    ident::{Ident, ObjectName},
    parse::{
        Expr,
        statement::{
            ColumnConstraint, ColumnConstraintKind, ColumnDef, CreateTable, Key, Persistence,
            SelectInto, TableConstraint, TableConstraintKind,
        },
    },
    source::Span,
};

use super::{constraint, index, names, query};

/// A table with the columns of a query.
fn filled(
    catalog: &mut Catalog,
    name: ObjectName,
    persistence: Persistence,
    query: &str,
    columns: &[Ident],
) {
    let Some(made) = query::made(catalog, query, columns) else {
        catalog.complete = false;
        return;
    };
    let mut table = query::table(catalog, &name, TableKind::Table, &made.columns);
    table.permanent = persistence == Persistence::Permanent;
    catalog.tables.insert(name, table);
}

/// `SELECT … INTO`: what the statement is without the clause fills it.
pub(super) fn select_into(catalog: &mut Catalog, into: &SelectInto, whole: Span, source: &str) {
    let name = catalog.in_full(&into.name);
    if into.persistence == Persistence::Temporary || catalog.has_relation(&name) {
        return;
    }
    let before = Span::new(whole.start, into.clause.start).of(source);
    let behind = Span::new(into.clause.end, whole.end).of(source);
    let query = format!("{before} {behind}");
    filled(catalog, name, into.persistence, &query, &[]);
}

/// `CREATE TABLE`.
pub(super) fn table(catalog: &mut Catalog, create: &CreateTable, source: &str) {
    if create.persistence == Persistence::Temporary {
        return;
    }
    let name = catalog.in_full(&create.name);
    if catalog.has_relation(&name) {
        return;
    }
    if let Some(as_query) = &create.as_query {
        let text = as_query.query.of(source);
        filled(catalog, name, create.persistence, text, &as_query.columns);
        return;
    }
    if create.of_type.is_some() {
        // Its columns are those of a type, which are not followed.
        catalog.complete = false;
        return;
    }
    let mut table = Table::new(name.clone());
    table.permanent = create.persistence == Persistence::Permanent;
    if let Some(by) = create.partition_by {
        table.kind = TableKind::Partitioned;
        let key = by
            .of(source)
            .trim_start_matches(|c: char| c.is_ascii_alphabetic() || c.is_whitespace());
        table.partition_key = Some(super::text::plain_key(key));
    }
    for like in &create.likes {
        copy_like(catalog, &mut table, &catalog.resolve(&like.source));
        // Which of its defaults, constraints and indexes come along is not known.
        catalog.complete = false;
    }
    let mut parents: Vec<ObjectName> = create.inherits.iter().map(|p| catalog.resolve(p)).collect();
    if let Some(part) = &create.partition_of {
        parents.push(catalog.resolve(&part.parent));
        table.partition_bound = Some(part.bound.text.clone());
    }
    for parent in &parents {
        inherit(catalog, &mut table, parent);
    }
    table.parents.clone_from(&parents);
    catalog.tables.insert(name.clone(), table);
    for parent in &parents {
        if let Some(parent) = catalog.tables.get_mut(parent) {
            parent.children.push(name.clone());
            parent.children.sort();
        } else {
            catalog.complete = false;
        }
    }
    let mut pending: Vec<Pending> = create
        .columns
        .iter()
        .flat_map(|column| define(catalog, &name, column))
        .chain(create.constraints.iter().map(of_table))
        .collect();
    // Columns and table constraints may come in any order.
    pending.sort_by_key(|one| one.span);
    add_pending(catalog, &name, &pending);
    partition_key_columns(catalog, &name);
    if create.partition_of.is_some() {
        for parent in &parents {
            clone_to_partition(catalog, parent, &name);
        }
    }
}

/// The columns of LIKE, without what its options decide.
fn copy_like(catalog: &Catalog, table: &mut Table, source: &ObjectName) {
    let Some(source) = catalog.tables.get(source) else {
        return;
    };
    for column in &source.columns {
        let mut copy = Column::new(column.name.clone(), column.ty.clone());
        copy.collation.clone_from(&column.collation);
        copy.not_null = column.not_null;
        copy.not_null_constraint
            .clone_from(&column.not_null_constraint);
        copy.not_null_domain = column.not_null_domain;
        copy.constrained_domain = column.constrained_domain;
        table.columns.push(copy);
    }
}

/// Columns, NOT NULL and CHECK constraints come from a parent.
fn inherit(catalog: &Catalog, table: &mut Table, parent: &ObjectName) {
    let Some(parent) = catalog.tables.get(parent) else {
        return;
    };
    for column in &parent.columns {
        if let Some(known) = table.columns.iter_mut().find(|c| c.name == column.name) {
            known.not_null |= column.not_null;
            continue;
        }
        let mut column = column.clone();
        column.inherited = true;
        column.acl = None;
        column.comment = None;
        // The names of its own sequence and of a partition's identity are the parent's.
        table.columns.push(column);
    }
    for constraint in &parent.constraints {
        if matches!(constraint.kind, ConstraintKind::Check { .. })
            && !constraint.no_inherit
            && table.constraint(&constraint.name).is_none()
        {
            table.constraints.push(Constraint {
                comment: None,
                ..constraint.clone()
            });
        }
    }
}

/// Indexes, keys, foreign keys and triggers of a partitioned table are made on a new partition.
pub(super) fn clone_to_partition(catalog: &mut Catalog, parent: &ObjectName, part: &ObjectName) {
    let Some(parent_table) = catalog.tables.get(parent).cloned() else {
        return;
    };
    for own in &parent_table.indexes {
        index::clone_to(catalog, parent, own, part);
    }
    for constraint in &parent_table.constraints {
        if matches!(constraint.kind, ConstraintKind::ForeignKey { .. }) {
            constraint::push(catalog, part, constraint.clone());
        }
    }
    if let Some(table) = catalog.tables.get_mut(part) {
        for trigger in &parent_table.triggers {
            if !table.triggers.iter().any(|t| t.name == trigger.name) {
                let mut trigger = trigger.clone();
                trigger.cloned = true;
                table.triggers.push(trigger);
            }
        }
    }
}

fn partition_key_columns(catalog: &mut Catalog, name: &ObjectName) {
    let Some(table) = catalog.tables.get_mut(name) else {
        return;
    };
    let Some(key) = &table.partition_key else {
        return;
    };
    let mentioned: Vec<Ident> = super::text::names(key).collect();
    table.partition_columns = table
        .columns
        .iter()
        .map(|column| column.name.clone())
        .filter(|column| mentioned.contains(column))
        .collect();
}

/// A constraint that waits until all columns are there.
pub(super) struct Pending<'a> {
    span: Span,
    name: Option<Ident>,
    kind: PendingKind<'a>,
    attributes: crate::parse::statement::ConstraintAttributes,
}

enum PendingKind<'a> {
    Table(&'a TableConstraintKind),
    Column(Ident, &'a ColumnConstraintKind),
}

fn of_table(constraint: &TableConstraint) -> Pending<'_> {
    Pending {
        span: constraint.span,
        name: constraint.name.clone(),
        kind: PendingKind::Table(&constraint.kind),
        attributes: constraint.attributes,
    }
}

/// Adds a column, and says which constraints it brings.
pub(super) fn define<'a>(
    catalog: &mut Catalog,
    table: &ObjectName,
    def: &'a ColumnDef,
) -> Vec<Pending<'a>> {
    if def.ty.text.is_empty() {
        return options(catalog, table, def);
    }
    let ty = types::canonical(&def.ty, catalog);
    let facts = domain(&ty, catalog);
    let mut column = Column::new(def.name.clone(), ty);
    column.collation = def.collation.as_ref().map(types::collation);
    column.storage = def.storage.as_ref().map(|s| s.as_str().to_owned());
    column.compression = def.compression.as_ref().map(|c| c.as_str().to_owned());
    if let Some(facts) = facts {
        column.not_null_domain = facts.not_null;
        column.constrained_domain = facts.constrained;
    }
    let mut pending = Vec::new();
    for constraint in &def.constraints {
        match &constraint.kind {
            ColumnConstraintKind::Default(expr) => column.default = default_of(expr, &column.ty),
            ColumnConstraintKind::Generated { expr, stored } => {
                column.generated = Some(Generated {
                    expr: expr.text.clone(),
                    stored: *stored,
                    columns: constraint::columns_of(expr),
                });
            }
            ColumnConstraintKind::Identity { always, .. } => {
                column.identity = Some(Identity { always: *always });
                column.not_null = true;
            }
            ColumnConstraintKind::NotNull => {
                column.not_null = true;
                name_not_null(&mut column, constraint);
            }
            ColumnConstraintKind::Null => {}
            ColumnConstraintKind::Check(_)
            | ColumnConstraintKind::Unique { .. }
            | ColumnConstraintKind::PrimaryKey
            | ColumnConstraintKind::References(_) => pending.push(Pending {
                span: constraint.span,
                name: constraint.name.clone(),
                kind: PendingKind::Column(def.name.clone(), &constraint.kind),
                attributes: constraint.attributes,
            }),
        }
    }
    if crate::parse::serial_type(&def.ty).is_some() {
        column.not_null = true;
        let sequence = sequence_for(catalog, table, &def.name, false);
        column.default = Some(format!(
            "nextval({}::regclass)",
            crate::ident::quote_literal(&sequence.to_string())
        ));
    } else if column.identity.is_some() {
        sequence_for(catalog, table, &def.name, true);
    }
    if let Some(table) = catalog.tables.get_mut(table) {
        match table.columns.iter_mut().find(|c| c.name == def.name) {
            // Declared here and in a parent: one column.
            Some(known) => {
                column.not_null |= known.not_null;
                column.inherited = known.inherited;
                *known = column;
            }
            None => table.columns.push(column),
        }
    }
    pending
}

/// A default as the server keeps it. NULL is none, unless the type's length makes it an
/// expression (`AddRelationNewConstraints` in `src/backend/catalog/heap.c`).
pub(super) fn default_of(expr: &Expr, ty: &str) -> Option<String> {
    let has_length = ty.contains('(') && !ty.ends_with("[]");
    (!expr.is_null() || has_length).then(|| expr.text.clone())
}

/// Options of a column that came from elsewhere: in a partition.
fn options<'a>(catalog: &mut Catalog, table: &ObjectName, def: &'a ColumnDef) -> Vec<Pending<'a>> {
    let mut pending = Vec::new();
    for constraint in &def.constraints {
        match &constraint.kind {
            ColumnConstraintKind::Default(expr) => {
                if let Some(column) = constraint::column_mut(catalog, table, &def.name) {
                    column.default = default_of(expr, &column.ty);
                }
            }
            ColumnConstraintKind::NotNull => {
                if let Some(column) = constraint::column_mut(catalog, table, &def.name) {
                    column.not_null = true;
                    name_not_null(column, constraint);
                }
            }
            ColumnConstraintKind::Null
            | ColumnConstraintKind::Generated { .. }
            | ColumnConstraintKind::Identity { .. } => {}
            ColumnConstraintKind::Check(_)
            | ColumnConstraintKind::Unique { .. }
            | ColumnConstraintKind::PrimaryKey
            | ColumnConstraintKind::References(_) => pending.push(Pending {
                span: constraint.span,
                name: constraint.name.clone(),
                kind: PendingKind::Column(def.name.clone(), &constraint.kind),
                attributes: constraint.attributes,
            }),
        }
    }
    pending
}

/// The name written for a NOT NULL constraint counts from 18 on.
fn name_not_null(column: &mut Column, constraint: &ColumnConstraint) {
    if let Some(name) = &constraint.name {
        column.not_null_constraint = Some((name.clone(), !constraint.attributes.not_valid));
    }
}

/// Makes the sequence of a serial or identity column.
pub(super) fn sequence_for(
    catalog: &mut Catalog,
    table: &ObjectName,
    column: &Ident,
    identity: bool,
) -> ObjectName {
    let name = table.sibling(names::relation(
        catalog,
        table,
        Some(column.as_str()),
        "seq",
    ));
    catalog.sequences.insert(
        name.clone(),
        Sequence {
            name: name.clone(),
            owned_by: Some((table.clone(), column.clone())),
            identity,
        },
    );
    name
}

/// Adds the constraints in the server's order: checks, NOT NULL names, the primary key, other
/// keys, foreign keys.
pub(super) fn add_pending(catalog: &mut Catalog, table: &ObjectName, pending: &[Pending<'_>]) {
    let order = |pending: &Pending<'_>| match &pending.kind {
        PendingKind::Table(kind) => match kind {
            TableConstraintKind::Check(_) => 0,
            TableConstraintKind::NotNull(_) => 1,
            TableConstraintKind::Key(key) if key.primary => 2,
            TableConstraintKind::KeyUsingIndex { .. }
            | TableConstraintKind::Key(_)
            | TableConstraintKind::Exclude(_) => 3,
            TableConstraintKind::ForeignKey { .. } => 4,
        },
        PendingKind::Column(_, kind) => match kind {
            ColumnConstraintKind::PrimaryKey => 2,
            ColumnConstraintKind::Unique { .. } => 3,
            ColumnConstraintKind::References(_) => 4,
            ColumnConstraintKind::Check(_)
            | ColumnConstraintKind::NotNull
            | ColumnConstraintKind::Null
            | ColumnConstraintKind::Default(_)
            | ColumnConstraintKind::Generated { .. }
            | ColumnConstraintKind::Identity { .. } => 0,
        },
    };
    for step in 0..=4 {
        for one in pending.iter().filter(|one| order(one) == step) {
            add_one(catalog, table, one);
        }
        if step == 1 {
            // Keys bring NOT NULL constraints of their own, after those that were written.
            name_not_nulls(catalog, table);
        }
    }
    name_not_nulls(catalog, table);
}

fn add_one(catalog: &mut Catalog, table: &ObjectName, pending: &Pending<'_>) {
    let new = constraint::New {
        name: pending.name.as_ref(),
        attributes: pending.attributes,
        repeated: constraint::Repeated::Merged,
    };
    match &pending.kind {
        PendingKind::Table(kind) => constraint::add(catalog, table, &new, kind),
        PendingKind::Column(column, kind) => match kind {
            ColumnConstraintKind::Check(expr) => constraint::check(catalog, table, &new, expr),
            ColumnConstraintKind::Unique { nulls_not_distinct } => {
                constraint::key(
                    catalog,
                    table,
                    &new,
                    &single(column, false, *nulls_not_distinct),
                );
            }
            ColumnConstraintKind::PrimaryKey => {
                constraint::key(catalog, table, &new, &single(column, true, false));
            }
            ColumnConstraintKind::References(references) => constraint::foreign_key(
                catalog,
                table,
                &new,
                std::slice::from_ref(column),
                references,
            ),
            ColumnConstraintKind::NotNull
            | ColumnConstraintKind::Null
            | ColumnConstraintKind::Default(_)
            | ColumnConstraintKind::Generated { .. }
            | ColumnConstraintKind::Identity { .. } => {}
        },
    }
}

fn single(column: &Ident, primary: bool, nulls_not_distinct: bool) -> Key {
    Key {
        primary,
        columns: vec![column.clone()],
        include: Vec::new(),
        nulls_not_distinct,
        without_overlaps: false,
        options: None,
        tablespace: None,
    }
}

/// From 18 on every NOT NULL column has a named constraint; before, none has.
pub(super) fn name_not_nulls(catalog: &mut Catalog, name: &ObjectName) {
    let Some(table) = catalog.tables.get(name) else {
        return;
    };
    let named = catalog.version >= PgVersion::V18;
    let columns: Vec<Ident> = table
        .columns
        .iter()
        .filter(|column| column.not_null && column.not_null_constraint.is_none())
        .map(|column| column.name.clone())
        .collect();
    for column in columns {
        let chosen = named
            .then(|| {
                name_in_parent(catalog, name, &column).unwrap_or_else(|| {
                    names::constraint(catalog, name, Some(column.as_str()), "not_null")
                })
            })
            .map(|name| (name, true));
        set_not_null_constraint(catalog, name, &column, chosen);
    }
    if !named && let Some(table) = catalog.tables.get_mut(name) {
        for column in &mut table.columns {
            column.not_null_constraint = None;
        }
    }
}

/// What comes from a parent has the parent's name.
fn name_in_parent(catalog: &Catalog, table: &ObjectName, column: &Ident) -> Option<Ident> {
    let parents = &catalog.tables.get(table)?.parents;
    parents.iter().find_map(|parent| {
        let column = catalog.tables.get(parent)?.column(column)?;
        column
            .not_null_constraint
            .as_ref()
            .map(|(name, _)| name.clone())
    })
}

fn set_not_null_constraint(
    catalog: &mut Catalog,
    table: &ObjectName,
    column: &Ident,
    constraint: Option<(Ident, bool)>,
) {
    if let Some(column) = catalog
        .tables
        .get_mut(table)
        .and_then(|table| table.columns.iter_mut().find(|c| c.name == *column))
    {
        column.not_null_constraint = constraint;
    }
}
