//! Queries that become relations: views, materialized views, CREATE TABLE AS.

use crate::{
    catalog::{Catalog, Column, Table, TableKind, UNKNOWN_TYPE, View, domain, types},
    ident::{Ident, ObjectName, QualifiedName},
    parse::query::{QueryShape, Relations, query_shape},
};

impl Relations for Catalog {
    fn columns(&self, relation: &QualifiedName) -> Option<Vec<(Ident, String)>> {
        let name = self.resolve(relation);
        if let Some(table) = self.tables.get(&name) {
            let columns = table.columns.iter();
            return Some(columns.map(|c| (c.name.clone(), c.ty.clone())).collect());
        }
        let view = self.views.get(&name)?;
        let columns = view.columns.iter();
        Some(columns.map(|c| (c.name.clone(), c.ty.clone())).collect())
    }

    fn type_named(&self, text: &str) -> Option<String> {
        types::spelled(text, self)
    }
}

/// What the query of a new relation says of it.
pub(super) struct Made {
    /// Its columns, under the names given.
    pub(super) columns: Vec<(Ident, String)>,
    /// What it reads, in full.
    pub(super) reads: Vec<(ObjectName, Option<Ident>)>,
}

/// Reads a query; `None` when it is not followed.
pub(super) fn made(catalog: &Catalog, query: &str, names: &[Ident]) -> Option<Made> {
    let QueryShape { columns, reads } = query_shape(query, catalog)?;
    let given = names.iter().map(Some).chain(std::iter::repeat(None));
    let columns = columns
        .into_iter()
        .zip(given)
        .map(|((own, ty), given)| {
            let name = given.cloned().unwrap_or(own);
            (name, ty.unwrap_or_else(|| UNKNOWN_TYPE.to_owned()))
        })
        .collect();
    let mut reads: Vec<_> = reads
        .into_iter()
        .map(|(relation, column)| (catalog.resolve(&relation), column))
        .collect();
    reads.sort();
    reads.dedup();
    Some(Made { columns, reads })
}

/// A table, or a materialized view, with the columns of a query.
pub(super) fn table(
    catalog: &Catalog,
    name: &ObjectName,
    kind: TableKind,
    columns: &[(Ident, String)],
) -> Table {
    let mut table = Table::new(name.clone());
    table.kind = kind;
    for (column, ty) in columns {
        let mut column = Column::new(column.clone(), ty.clone());
        if let Some(facts) = domain(ty, catalog) {
            column.not_null_domain = facts.not_null;
            column.constrained_domain = facts.constrained;
        }
        table.columns.push(column);
    }
    table
}

/// A new or replaced view, and the table that a materialized one is.
pub(super) fn view(catalog: &mut Catalog, view: View) {
    let name = view.name.clone();
    if view.materialized {
        let columns: Vec<(Ident, String)> = view
            .columns
            .iter()
            .map(|column| (column.name.clone(), column.ty.clone()))
            .collect();
        let made = table(catalog, &name, TableKind::MaterializedView, &columns);
        catalog.tables.insert(name.clone(), made);
    }
    catalog.views.insert(name, view);
}
