//! New constraints, with the names PostgreSQL gives them.

use crate::{
    catalog::{Catalog, Constraint, ConstraintKind, Index, IndexKey, TableKind},
    ident::{Ident, ObjectName},
    parse::{
        Expr,
        statement::{
            ConstraintAttributes, Exclude, IndexColumn, Key, References, TableConstraintKind,
        },
    },
};

use super::{create, index, names};

/// What is common to all new constraints.
pub(super) struct New<'a> {
    /// The name written, if any.
    pub(super) name: Option<&'a Ident>,
    pub(super) attributes: ConstraintAttributes,
    pub(super) repeated: Repeated,
}

/// What becomes of a key that repeats another one of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeated {
    /// In one statement the two are one (`transformIndexConstraints`).
    Merged,
    /// A later statement makes a second one.
    Kept,
}

impl New<'_> {
    fn constraint(&self, name: Ident, kind: ConstraintKind, definition: String) -> Constraint {
        let attributes = self.attributes;
        let deferred = attributes.initially_deferred == Some(true);
        let unenforced = attributes.enforced == Some(false);
        let mut made = Constraint {
            name,
            no_inherit: match kind {
                ConstraintKind::Check { .. } => attributes.no_inherit == Some(true),
                // As `pg_constraint.connoinherit` has it for all others.
                ConstraintKind::Unique { .. }
                | ConstraintKind::PrimaryKey { .. }
                | ConstraintKind::ForeignKey { .. }
                | ConstraintKind::Exclude { .. }
                | ConstraintKind::Other => true,
            },
            kind,
            definition,
            validated: !attributes.not_valid && !unenforced,
            deferrable: deferred || attributes.deferrable == Some(true),
            deferred,
            comment: None,
        };
        let ending = match (unenforced, attributes.not_valid) {
            (true, _) => " NOT ENFORCED",
            (false, true) => " NOT VALID",
            (false, false) => "",
        };
        end_definition(&mut made, ending);
        made
    }
}

/// Writes the attributes at the end of a definition anew.
pub(super) fn end_definition(constraint: &mut Constraint, ending: &str) {
    const ATTRIBUTES: [&str; 5] = [
        " DEFERRABLE",
        " INITIALLY DEFERRED",
        " NO INHERIT",
        " NOT ENFORCED",
        " NOT VALID",
    ];
    let mut text = constraint.definition.as_str();
    while let Some(shorter) = ATTRIBUTES.iter().find_map(|word| text.strip_suffix(word)) {
        text = shorter;
    }
    let mut text = text.to_owned();
    let is_check = matches!(constraint.kind, ConstraintKind::Check { .. });
    for (holds, words) in [
        (constraint.deferrable, " DEFERRABLE"),
        (constraint.deferred, " INITIALLY DEFERRED"),
        (is_check && constraint.no_inherit, " NO INHERIT"),
    ] {
        if holds {
            text.push_str(words);
        }
    }
    text.push_str(ending);
    constraint.definition = text;
}

/// Adds a constraint unless one of its name is there.
pub(super) fn push(catalog: &mut Catalog, table: &ObjectName, constraint: Constraint) {
    if let Some(table) = catalog.tables.get_mut(table)
        && table.constraint(&constraint.name).is_none()
    {
        table.constraints.push(constraint);
        table.constraints.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

/// A table constraint of any kind.
pub(super) fn add(
    catalog: &mut Catalog,
    table: &ObjectName,
    new: &New<'_>,
    kind: &TableConstraintKind,
) {
    match kind {
        TableConstraintKind::Check(expr) => check(catalog, table, new, expr),
        TableConstraintKind::NotNull(column) => not_null(catalog, table, new, column),
        TableConstraintKind::Key(one) => key(catalog, table, new, one),
        TableConstraintKind::KeyUsingIndex { primary, index } => {
            using_index(catalog, table, new, *primary, index);
        }
        TableConstraintKind::ForeignKey {
            columns,
            references,
            ..
        } => foreign_key(catalog, table, new, columns, references),
        TableConstraintKind::Exclude(one) => exclude(catalog, table, new, one),
    }
}

/// `EXCLUDE`, with its index.
fn exclude(catalog: &mut Catalog, table: &ObjectName, new: &New<'_>, exclude: &Exclude) {
    let parts: Vec<&IndexColumn> = exclude.elements.iter().map(|(part, _)| part).collect();
    let name = new.name.cloned().unwrap_or_else(|| {
        let columns = index::part_names(&parts, &exclude.include);
        names::key(catalog, table, Some(&columns), "excl")
    });
    let Some(owner) = catalog.tables.get(table) else {
        return;
    };
    let own = Index {
        name: name.clone(),
        definition: format!(
            "CREATE INDEX {name} ON {table} USING {} ({})",
            exclude.method.as_ref().map_or("btree", Ident::as_str),
            exclude
                .elements
                .iter()
                .map(|(part, _)| part.expr.text.clone())
                .collect::<Vec<_>>()
                .join(", ")
        ),
        method: exclude
            .method
            .as_ref()
            .map_or_else(|| "btree".to_owned(), |method| method.as_str().to_owned()),
        keys: parts.iter().map(|part| index::key_of(part)).collect(),
        include: exclude.include.clone(),
        predicate: exclude.predicate.as_ref().map(|expr| expr.text.clone()),
        expression_columns: index::named_in_expressions(
            owner,
            parts.iter().copied(),
            exclude.predicate.as_ref(),
        ),
        unique: false,
        nulls_not_distinct: false,
        valid: true,
        constraint: Some(name.clone()),
        parent: None,
        clustered: false,
        replica_identity: false,
        comment: None,
    };
    let kind = ConstraintKind::Exclude {
        columns: parts
            .iter()
            .filter_map(|part| part.column.clone())
            .collect(),
        index: name.clone(),
    };
    push(
        catalog,
        table,
        new.constraint(name, kind, "EXCLUDE".to_owned()),
    );
    index::push(catalog, table, own.clone());
    clone_to_partitions(catalog, table, &own);
}

/// The distinct columns an expression names.
pub(super) fn columns_of(expr: &Expr) -> Vec<Ident> {
    let mut columns: Vec<Ident> = Vec::new();
    for reference in &expr.columns {
        if !columns.contains(&reference.name) {
            columns.push(reference.name.clone());
        }
    }
    columns
}

/// `CHECK`. Its own name holds the column when there is exactly one.
pub(super) fn check(catalog: &mut Catalog, table: &ObjectName, new: &New<'_>, expr: &Expr) {
    let Some(owner) = catalog.tables.get(table) else {
        return;
    };
    let mut columns = columns_of(expr);
    columns.retain(|column| owner.column(column).is_some());
    let name = new.name.cloned().unwrap_or_else(|| {
        let column = match columns.as_slice() {
            [column] => Some(column.as_str()),
            _ => None,
        };
        names::constraint(catalog, table, column, "check")
    });
    let kind = ConstraintKind::Check {
        columns,
        expr: expr.text.clone(),
    };
    let constraint = new.constraint(name, kind, format!("CHECK ({})", expr.text));
    if !constraint.no_inherit {
        let below: Vec<ObjectName> = catalog
            .family(table)
            .into_iter()
            .skip(1)
            .map(|table| table.name.clone())
            .collect();
        for child in below {
            push(catalog, &child, constraint.clone());
        }
    }
    push(catalog, table, constraint);
}

/// `NOT NULL column` as a table constraint (18).
fn not_null(catalog: &mut Catalog, table: &ObjectName, new: &New<'_>, column: &Ident) {
    let name = new
        .name
        .cloned()
        .unwrap_or_else(|| names::constraint(catalog, table, Some(column.as_str()), "not_null"));
    for member in members(catalog, table) {
        if let Some(column) = column_mut(catalog, &member, column) {
            column.not_null = true;
            if column.not_null_constraint.is_none() {
                column.not_null_constraint = Some((name.clone(), !new.attributes.not_valid));
            }
        }
    }
}

pub(super) fn members(catalog: &Catalog, table: &ObjectName) -> Vec<ObjectName> {
    catalog
        .family(table)
        .into_iter()
        .map(|table| table.name.clone())
        .collect()
}

pub(super) fn column_mut<'a>(
    catalog: &'a mut Catalog,
    table: &ObjectName,
    column: &Ident,
) -> Option<&'a mut crate::catalog::Column> {
    catalog
        .tables
        .get_mut(table)?
        .columns
        .iter_mut()
        .find(|known| known.name == *column)
}

/// `UNIQUE` or `PRIMARY KEY`, with its index.
pub(super) fn key(catalog: &mut Catalog, table: &ObjectName, new: &New<'_>, key: &Key) {
    let Some(owner) = catalog.tables.get(table) else {
        return;
    };
    if new.repeated == Repeated::Merged
        && !key.primary
        && new.name.is_none()
        && repeats_a_key(owner, key, new)
    {
        return;
    }
    let name = new.name.cloned().unwrap_or_else(|| {
        if key.primary {
            names::key(catalog, table, None, "pkey")
        } else {
            let columns = key.columns.iter().chain(&key.include).map(Ident::as_str);
            names::key(catalog, table, Some(&names::addition(columns)), "key")
        }
    });
    let not_distinct = if key.nulls_not_distinct {
        " NULLS NOT DISTINCT"
    } else {
        ""
    };
    let definition = format!(
        "{}{not_distinct} ({}){}",
        if key.primary { "PRIMARY KEY" } else { "UNIQUE" },
        listed(&key.columns),
        if key.include.is_empty() {
            String::new()
        } else {
            format!(" INCLUDE ({})", listed(&key.include))
        }
    );
    let kind = if key.primary {
        ConstraintKind::PrimaryKey {
            columns: key.columns.clone(),
            index: name.clone(),
        }
    } else {
        ConstraintKind::Unique {
            columns: key.columns.clone(),
            index: name.clone(),
        }
    };
    let own = Index {
        name: name.clone(),
        definition: format!(
            "CREATE UNIQUE INDEX {name} ON {table} USING btree ({}){}",
            listed(&key.columns),
            if key.include.is_empty() {
                String::new()
            } else {
                format!(" INCLUDE ({})", listed(&key.include))
            }
        ),
        method: if key.without_overlaps {
            "gist"
        } else {
            "btree"
        }
        .to_owned(),
        keys: key
            .columns
            .iter()
            .map(|column| IndexKey {
                column: Some(column.clone()),
                expr: None,
                own_order: false,
            })
            .collect(),
        include: key.include.clone(),
        predicate: None,
        expression_columns: Vec::new(),
        unique: true,
        nulls_not_distinct: key.nulls_not_distinct,
        valid: true,
        constraint: Some(name.clone()),
        parent: None,
        clustered: false,
        replica_identity: false,
        comment: None,
    };
    push(catalog, table, new.constraint(name, kind, definition));
    index::push(catalog, table, own.clone());
    if key.primary {
        for member in members(catalog, table) {
            for column in &key.columns {
                if let Some(column) = column_mut(catalog, &member, column) {
                    column.not_null = true;
                }
            }
            create::name_not_nulls(catalog, &member);
        }
    }
    clone_to_partitions(catalog, table, &own);
}

/// A partitioned table's index is made on every partition.
pub(super) fn clone_to_partitions(catalog: &mut Catalog, table: &ObjectName, own: &Index) {
    let Some(owner) = catalog.tables.get(table) else {
        return;
    };
    if owner.kind != TableKind::Partitioned {
        return;
    }
    for part in owner.children.clone() {
        index::clone_to(catalog, table, own, &part);
    }
}

/// `id int PRIMARY KEY UNIQUE` makes one index, not two.
fn repeats_a_key(table: &crate::catalog::Table, key: &Key, new: &New<'_>) -> bool {
    table.constraints.iter().any(|constraint| {
        let index = table.index(&constraint.name);
        matches!(
            constraint.kind,
            ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. }
        ) && constraint.columns() == key.columns
            && index.is_some_and(|index| {
                index.include == key.include && index.nulls_not_distinct == key.nulls_not_distinct
            })
            && constraint.deferrable == (new.attributes.deferrable == Some(true))
    })
}

pub(super) fn listed(columns: &[Ident]) -> String {
    columns
        .iter()
        .map(Ident::quoted)
        .collect::<Vec<_>>()
        .join(", ")
}

/// `UNIQUE | PRIMARY KEY USING INDEX`: the index takes the constraint's name.
fn using_index(
    catalog: &mut Catalog,
    table: &ObjectName,
    new: &New<'_>,
    primary: bool,
    index: &Ident,
) {
    let name = new.name.cloned().unwrap_or_else(|| index.clone());
    let Some(owner) = catalog.tables.get_mut(table) else {
        return;
    };
    let Some(own) = owner.indexes.iter_mut().find(|own| own.name == *index) else {
        return;
    };
    own.definition = super::text::renamed(&own.definition, index, &name);
    own.name = name.clone();
    own.constraint = Some(name.clone());
    let columns: Vec<Ident> = own
        .keys
        .iter()
        .filter_map(|key| key.column.clone())
        .collect();
    owner.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    if primary {
        for column in &mut owner.columns {
            column.not_null |= columns.contains(&column.name);
        }
    }
    let definition = format!(
        "{} ({})",
        if primary { "PRIMARY KEY" } else { "UNIQUE" },
        listed(&columns)
    );
    let kind = if primary {
        ConstraintKind::PrimaryKey {
            columns,
            index: name.clone(),
        }
    } else {
        ConstraintKind::Unique {
            columns,
            index: name.clone(),
        }
    };
    push(catalog, table, new.constraint(name, kind, definition));
    create::name_not_nulls(catalog, table);
}

/// `FOREIGN KEY`. Without columns on the other side it is the primary key there.
pub(super) fn foreign_key(
    catalog: &mut Catalog,
    table: &ObjectName,
    new: &New<'_>,
    columns: &[Ident],
    references: &References,
) {
    // The table itself is found by its own name even where the search path is not.
    let other = if references.table.schema.is_none() && references.table.name == table.name {
        table.clone()
    } else {
        catalog.resolve(&references.table)
    };
    let referenced_columns = if references.columns.is_empty() {
        catalog
            .tables
            .get(&other)
            .and_then(|other| other.primary_key())
            .map(|key| key.columns().to_vec())
            .unwrap_or_default()
    } else {
        references.columns.clone()
    };
    let name = new.name.cloned().unwrap_or_else(|| {
        let addition = names::addition(columns.iter().map(Ident::as_str));
        names::constraint(catalog, table, Some(&addition), "fkey")
    });
    let mut definition = format!(
        "FOREIGN KEY ({}) REFERENCES {other}({})",
        listed(columns),
        listed(&referenced_columns)
    );
    if references.match_full {
        definition.push_str(" MATCH FULL");
    }
    for (event, action) in [
        ("UPDATE", &references.on_update),
        ("DELETE", &references.on_delete),
    ] {
        if let Some(action) = action
            && action != "no action"
        {
            definition.push_str(&format_action(event, action));
        }
    }
    let kind = ConstraintKind::ForeignKey {
        columns: columns.to_vec(),
        references: other,
        referenced_columns,
    };
    let constraint = new.constraint(name, kind, definition);
    if catalog
        .tables
        .get(table)
        .is_some_and(|owner| owner.kind == TableKind::Partitioned)
    {
        for part in members(catalog, table).into_iter().skip(1) {
            push(catalog, &part, constraint.clone());
        }
    }
    push(catalog, table, constraint);
}

fn format_action(event: &str, action: &str) -> String {
    format!(" ON {event} {}", action.to_ascii_uppercase())
}
