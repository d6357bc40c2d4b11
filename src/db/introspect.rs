//! The catalog of a live database, read from `pg_catalog` in one read-only transaction.
//!
//! Every query is about all relations at once. The transaction runs with an empty search path
//! and fixed output settings, so that every definition the server prints names everything
//! outside `pg_catalog` with its schema, and prints the same in every session.
//! System schemas, temporary relations and the journal's schema are left out; so are functions and
//! types that extensions brought. It must never write.
//! Next: [`crate::catalog`] for what the facts mean, `rows` for how they are read.

mod rows;

use std::collections::BTreeMap;

use crate::{
    catalog::{Catalog, Publication, Size, Table, TableKind},
    db::{
        server::{json_rows, major_version},
        session::{DbError, Session, get},
    },
    ident::{Ident, ObjectName, quote_literal},
};

/// Makes what the server prints the same for every session, as `pg_dump` does.
const SETTINGS: &str = "SET LOCAL search_path = ''; SET LOCAL quote_all_identifiers = off; \
     SET LOCAL extra_float_digits = 3; SET LOCAL DateStyle = 'ISO'; \
     SET LOCAL IntervalStyle = 'postgres'; SET LOCAL TimeZone = 'UTC'; \
     SET LOCAL bytea_output = 'hex'";

/// Reads everything but what is in the journal's schema. The session must not be in a transaction.
pub async fn introspect(session: &mut Session, journal_schema: &Ident) -> Result<Catalog, DbError> {
    session
        .run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let outcome = read(session, journal_schema).await;
    match outcome {
        Ok(catalog) => {
            session.run("COMMIT").await?;
            Ok(catalog)
        }
        Err(error) => {
            // The first error is the one to tell; if this one fails too the connection is gone,
            // and the transaction with it.
            let _ = session.run("ROLLBACK").await;
            Err(error)
        }
    }
}

async fn read(session: &mut Session, journal_schema: &Ident) -> Result<Catalog, DbError> {
    let session_facts = session
        .rows(
            "SELECT pg_catalog.current_setting('server_version_num')::int, \
             pg_catalog.current_setting('TimeZone'), \
             pg_catalog.current_schemas(false)::text[]",
        )
        .await?;
    let Some(facts) = session_facts.first() else {
        return Err(DbError::from(sqlx::Error::RowNotFound));
    };
    let number: i32 = get(facts, 0)?;
    let version = major_version(u32::try_from(number).unwrap_or_default())?;
    let mut catalog = Catalog::empty(version);
    catalog.live = true;
    catalog.time_zone = Some(get(facts, 1)?);
    catalog.search_path = get::<Vec<String>>(facts, 2)?
        .into_iter()
        .map(Ident::exact)
        .collect();
    session.run(SETTINGS).await?;
    session
        .run(&format!(
            "SET LOCAL zdm.journal_schema = {}",
            quote_literal(journal_schema.as_str())
        ))
        .await?;

    catalog.schemas = json_rows::<rows::Schema>(session, include_str!("sql/schemas.sql"))
        .await?
        .into_iter()
        .map(|row| row.name)
        .collect();
    read_tables(session, &mut catalog).await?;
    read_other_objects(session, &mut catalog).await?;
    Ok(catalog)
}

/// Tables, materialized views and views, with everything that belongs to them.
async fn read_tables(session: &mut Session, catalog: &mut Catalog) -> Result<(), DbError> {
    let mut tables: BTreeMap<i64, Table> = BTreeMap::new();
    let mut views: BTreeMap<i64, crate::catalog::View> = BTreeMap::new();
    for row in json_rows::<rows::Table>(session, include_str!("sql/tables.sql")).await? {
        if let Some(view) = row.materialized_view() {
            views.insert(row.relid, view);
        }
        tables.insert(row.relid, row.into_table());
    }
    for row in json_rows::<rows::Column>(session, include_str!("sql/columns.sql")).await? {
        if let Some(table) = tables.get_mut(&row.relid) {
            table.columns.push(row.into_column());
        }
    }
    for row in json_rows::<rows::Constraint>(session, include_str!("sql/constraints.sql")).await? {
        if let Some(table) = tables.get_mut(&row.relid) {
            table.constraints.push(row.into_constraint());
        }
    }
    for row in json_rows::<rows::Index>(session, include_str!("sql/indexes.sql")).await? {
        if let Some(table) = tables.get_mut(&row.relid) {
            table.indexes.push(row.into_index());
        }
    }
    for row in json_rows::<rows::Trigger>(session, include_str!("sql/triggers.sql")).await? {
        if let Some(table) = tables.get_mut(&row.relid) {
            table.triggers.push(row.into_trigger());
        }
    }
    for row in json_rows::<rows::Policy>(session, include_str!("sql/policies.sql")).await? {
        if let Some(table) = tables.get_mut(&row.relid) {
            table.policies.push(row.into_policy());
        }
    }
    for row in json_rows::<rows::Statistics>(session, include_str!("sql/statistics.sql")).await? {
        if let Some(table) = tables.get_mut(&row.relid) {
            table
                .statistics
                .push((ObjectName::new(row.schema, row.name), row.columns));
        }
    }
    let publications = if catalog.version < crate::catalog::PgVersion::V15 {
        include_str!("sql/publications_14.sql")
    } else {
        include_str!("sql/publications.sql")
    };
    for row in json_rows::<rows::Publication>(session, publications).await? {
        if let Some(table) = tables.get_mut(&row.relid) {
            table.publications.push(row.into_publication());
        }
    }
    for row in json_rows::<rows::View>(session, include_str!("sql/views.sql")).await? {
        views.insert(row.relid, row.into_view());
    }
    for row in json_rows::<rows::ViewColumn>(session, include_str!("sql/view_columns.sql")).await? {
        if let Some(view) = views.get_mut(&row.relid) {
            view.columns.push(row.into_column());
        }
    }
    for row in json_rows::<rows::ViewHook>(session, include_str!("sql/view_hooks.sql")).await? {
        if let Some(view) = views.get_mut(&row.relid) {
            view.has_triggers = true;
            view.hooks.push(row.into_hook());
        }
    }
    for row in json_rows::<rows::ViewRead>(session, include_str!("sql/view_reads.sql")).await? {
        if let Some(view) = views.get_mut(&row.relid) {
            view.reads
                .push((ObjectName::new(row.schema, row.name), row.column));
        }
    }
    let inheritance =
        json_rows::<rows::Inheritance>(session, include_str!("sql/inheritance.sql")).await?;
    link(&mut tables, &inheritance);

    catalog.tables = tables
        .into_values()
        .map(|table| (table.name.clone(), table))
        .collect();
    catalog.views = views
        .into_values()
        .map(|view| (view.name.clone(), view))
        .collect();
    summarise_partitions(catalog);
    Ok(())
}

/// Writes parents and children into each other.
fn link(tables: &mut BTreeMap<i64, Table>, inheritance: &[rows::Inheritance]) {
    for row in inheritance {
        let (Some(child), Some(parent)) = (
            tables.get(&row.child).map(|table| table.name.clone()),
            tables.get(&row.parent).map(|table| table.name.clone()),
        ) else {
            continue;
        };
        if let Some(table) = tables.get_mut(&row.child) {
            table.parents.push(parent);
        }
        if let Some(table) = tables.get_mut(&row.parent) {
            table.children.push(child);
        }
    }
    for table in tables.values_mut() {
        table.children.sort();
    }
}

/// A partitioned table holds what its partitions hold; a partition is published with the table
/// it is a part of.
fn summarise_partitions(catalog: &mut Catalog) {
    let partitioned: Vec<ObjectName> = catalog
        .tables
        .values()
        .filter(|table| table.kind == TableKind::Partitioned)
        .map(|table| table.name.clone())
        .collect();
    for name in partitioned {
        let family = catalog.family(&name);
        let below: Vec<ObjectName> = family.iter().skip(1).map(|t| t.name.clone()).collect();
        let mut size = Some(Size {
            rows: 0,
            bytes: 0,
            empty: true,
        });
        for leaf in family.iter().filter(|t| t.kind != TableKind::Partitioned) {
            size = match (size, leaf.size) {
                (Some(sum), Some(leaf)) => Some(Size {
                    rows: sum.rows + leaf.rows,
                    bytes: sum.bytes + leaf.bytes,
                    empty: sum.empty && leaf.empty,
                }),
                _ => None,
            };
        }
        let publications: Vec<Publication> = catalog
            .tables
            .get(&name)
            .map(|table| table.publications.clone())
            .unwrap_or_default();
        if let Some(table) = catalog.tables.get_mut(&name) {
            table.size = size;
        }
        for name in below {
            let Some(table) = catalog.tables.get_mut(&name) else {
                continue;
            };
            for publication in &publications {
                if !table
                    .publications
                    .iter()
                    .any(|p| p.name == publication.name)
                {
                    table.publications.push(publication.clone());
                }
            }
            table.publications.sort_by(|a, b| a.name.cmp(&b.name));
        }
    }
}

/// Sequences, types and functions.
async fn read_other_objects(session: &mut Session, catalog: &mut Catalog) -> Result<(), DbError> {
    for row in json_rows::<rows::Sequence>(session, include_str!("sql/sequences.sql")).await? {
        let sequence = row.into_sequence();
        catalog.sequences.insert(sequence.name.clone(), sequence);
    }
    for row in json_rows::<rows::Type>(session, include_str!("sql/types.sql")).await? {
        let ty = row.into_type();
        catalog.types.insert(ty.name.clone(), ty);
    }
    for row in json_rows::<rows::Function>(session, include_str!("sql/functions.sql")).await? {
        let (name, function) = row.into_function();
        catalog
            .functions
            .get_or_insert_with(name, Vec::new)
            .push(function);
    }
    catalog.default_privileges = session
        .value(include_str!("sql/default_privileges.sql"))
        .await?;
    Ok(())
}
