//! CREATE INDEX, with the name PostgreSQL gives it, and the parts on partitions.

use crate::{
    catalog::{Catalog, Constraint, ConstraintKind, Index, IndexKey, Table},
    ident::{Ident, ObjectName},
    parse::{
        Expr,
        expr::{Label, expr_from_text, label},
        statement::{CreateIndex, IndexColumn},
    },
};

use super::{constraint, names};

/// Adds an index to its table, by name.
pub(super) fn push(catalog: &mut Catalog, table: &ObjectName, index: Index) {
    if let Some(table) = catalog.tables.get_mut(table)
        && table.index(&index.name).is_none()
    {
        table.indexes.push(index);
        table.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

/// `CREATE INDEX`.
pub(super) fn create(catalog: &mut Catalog, create: &CreateIndex, source: &str) {
    let table = catalog.resolve(&create.table);
    let Some(owner) = catalog.tables.get(&table) else {
        return;
    };
    let name = if let Some(name) = &create.name {
        if catalog.has_relation(&table.sibling(name.clone())) {
            return;
        }
        name.clone()
    } else {
        let parts: Vec<&IndexColumn> = create.columns.iter().collect();
        let addition = part_names(&parts, &create.include);
        names::relation(catalog, &table, Some(&addition), "idx")
    };
    let named = named_in_expressions(owner, create.columns.iter(), create.predicate.as_ref());
    let own = Index {
        definition: format!(
            "CREATE {}INDEX {name} ON {table} {}",
            if create.unique { "UNIQUE " } else { "" },
            create.definition.of(source)
        ),
        name,
        method: create
            .method
            .as_ref()
            .map_or_else(|| "btree".to_owned(), |m| m.as_str().to_owned()),
        keys: create
            .columns
            .iter()
            .map(|part| IndexKey {
                own_order: create
                    .method
                    .as_ref()
                    .is_none_or(|method| method.as_str() == "btree")
                    && has_own_order(owner, part),
                ..key_of(part)
            })
            .collect(),
        include: create.include.clone(),
        predicate: create.predicate.as_ref().map(|expr| expr.text.clone()),
        expression_columns: named,
        unique: create.unique,
        nulls_not_distinct: create.nulls_not_distinct,
        // On the parent alone it is not valid before every partition has its part.
        valid: !(create.only && !owner.children.is_empty() && owner.partition_key.is_some()),
        constraint: None,
        parent: None,
        clustered: false,
        replica_identity: false,
        comment: None,
    };
    push(catalog, &table, own.clone());
    if !create.only {
        constraint::clone_to_partitions(catalog, &table, &own);
    }
}

/// A key part as the catalog keeps it, but for its order.
pub(super) fn key_of(part: &IndexColumn) -> IndexKey {
    IndexKey {
        column: part.column.clone(),
        expr: part.column.is_none().then(|| part.expr.text.clone()),
        own_order: false,
    }
}

/// Whether a part of a B-tree does not sort as its column does. Of operator classes those for
/// patterns are known to be none that a type has by itself.
fn has_own_order(table: &Table, part: &IndexColumn) -> bool {
    let Some(column) = part.column.as_ref().and_then(|name| table.column(name)) else {
        return false;
    };
    let of_patterns = part
        .opclass
        .as_ref()
        .is_some_and(|class| class.name.as_str().ends_with("_pattern_ops"));
    let collated = part.collation.as_ref().is_some_and(|written| {
        let own = column.collation.as_deref().unwrap_or("\"default\"");
        own.trim_start_matches("pg_catalog.") != written.name.quoted()
    });
    part.descending || part.nulls_first == Some(true) || of_patterns || collated
}

/// What the key parts and included columns contribute to an index's name.
pub(super) fn part_names(parts: &[&IndexColumn], include: &[Ident]) -> String {
    let wanted = parts
        .iter()
        .map(|part| column_name(part))
        .chain(include.iter().map(|column| column.as_str().to_owned()));
    let columns = names::index_columns(wanted);
    names::addition(columns.iter().map(String::as_str))
}

/// The columns that key expressions and the predicate name, in the table's order.
pub(super) fn named_in_expressions<'a>(
    owner: &Table,
    parts: impl Iterator<Item = &'a IndexColumn>,
    predicate: Option<&Expr>,
) -> Vec<Ident> {
    let mentioned =
        |expr: &Expr| -> Vec<Ident> { expr.columns.iter().map(|c| c.name.clone()).collect() };
    let mut named: Vec<Ident> = parts
        .filter(|part| part.column.is_none())
        .flat_map(|part| mentioned(&part.expr))
        .chain(predicate.into_iter().flat_map(mentioned))
        .collect();
    named.retain(|column| owner.column(column).is_some());
    named.sort_by_key(|column| owner.columns.iter().position(|c| c.name == *column));
    named.dedup();
    named
}

/// What a key part contributes to the index's name (`FigureIndexColname`).
fn column_name(part: &IndexColumn) -> String {
    if let Some(column) = &part.column {
        return column.as_str().to_owned();
    }
    match label(&part.expr) {
        Label::Name(name) => name,
        Label::Nothing | Label::Unknown => "expr".to_owned(),
    }
}

/// The part of a partitioned table's index on one partition, and what is below that.
pub(super) fn clone_to(catalog: &mut Catalog, table: &ObjectName, own: &Index, part: &ObjectName) {
    let Some(part_table) = catalog.tables.get(part) else {
        return;
    };
    let parent = table.sibling(own.name.clone());
    if part_table
        .indexes
        .iter()
        .any(|index| index.parent.as_ref() == Some(&parent))
    {
        return;
    }
    // An index that matches is attached rather than made anew.
    let matching = part_table
        .indexes
        .iter()
        .find(|index| {
            index.parent.is_none()
                && index.keys == own.keys
                && index.unique == own.unique
                && index.method == own.method
                && index.predicate == own.predicate
                && index.include == own.include
                && (own.constraint.is_none() || index.constraint.is_some())
        })
        .map(|index| index.name.clone());
    if let Some(matching) = matching {
        attach(catalog, part, &matching, parent);
        return;
    }
    let owner_key = catalog
        .tables
        .get(table)
        .and_then(|table| table.constraint(own.constraint.as_ref()?))
        .cloned();
    let columns = names::index_columns(
        own.keys
            .iter()
            .map(|key| match (&key.column, &key.expr) {
                (Some(column), _) => column.as_str().to_owned(),
                (None, Some(expr)) => match label(&expr_from_text(expr)) {
                    Label::Name(name) => name,
                    Label::Nothing | Label::Unknown => "expr".to_owned(),
                },
                (None, None) => "expr".to_owned(),
            })
            .chain(own.include.iter().map(|c| c.as_str().to_owned())),
    );
    let addition = names::addition(columns.iter().map(String::as_str));
    let name = match owner_key.as_ref().map(|key| &key.kind) {
        Some(ConstraintKind::PrimaryKey { .. }) => names::key(catalog, part, None, "pkey"),
        Some(ConstraintKind::Exclude { .. }) => names::key(catalog, part, Some(&addition), "excl"),
        Some(_) => names::key(catalog, part, Some(&addition), "key"),
        None => names::relation(catalog, part, Some(&addition), "idx"),
    };
    let index = Index {
        name: name.clone(),
        constraint: owner_key.as_ref().map(|_| name.clone()),
        parent: Some(parent),
        valid: true,
        comment: None,
        ..own.clone()
    };
    push(catalog, part, index.clone());
    if let Some(key) = owner_key {
        let kind = match key.kind {
            ConstraintKind::PrimaryKey { columns, .. } => ConstraintKind::PrimaryKey {
                columns,
                index: name.clone(),
            },
            ConstraintKind::Unique { columns, .. } => ConstraintKind::Unique {
                columns,
                index: name.clone(),
            },
            ConstraintKind::Exclude { columns, .. } => ConstraintKind::Exclude {
                columns,
                index: name.clone(),
            },
            other @ (ConstraintKind::Check { .. }
            | ConstraintKind::ForeignKey { .. }
            | ConstraintKind::Other) => other,
        };
        constraint::push(catalog, part, Constraint { name, kind, ..key });
    }
    constraint::clone_to_partitions(catalog, part, &index);
}

/// Makes an index a part of another.
pub(super) fn attach(catalog: &mut Catalog, table: &ObjectName, index: &Ident, parent: ObjectName) {
    if let Some(index) = catalog
        .tables
        .get_mut(table)
        .and_then(|table| table.indexes.iter_mut().find(|own| own.name == *index))
    {
        index.parent = Some(parent);
    }
}
