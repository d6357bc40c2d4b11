//! Statements that are kept as they are: those whose effects are known by their first words.
//!
//! Anything not listed here is unknown.

use crate::{
    catalog::{Catalog, PgVersion, TableKind, UserTypeKind, types},
    effects::{Effects, LockMode, builder::Builder},
    ident::{ObjectName, QualifiedName},
    parse::statement::Opaque,
};

/// Key words of statements that lock no relation (in the transactional sense), exact or as the
/// beginning of a longer list of words.
const HARMLESS: &[&str] = &[
    "ALTER AGGREGATE",
    "ALTER COLLATION",
    "ALTER CONVERSION",
    "ALTER DATABASE",
    "ALTER DEFAULT PRIVILEGES",
    "ALTER EVENT TRIGGER",
    "ALTER FUNCTION",
    "ALTER GROUP",
    "ALTER LANGUAGE",
    "ALTER OPERATOR",
    "ALTER PROCEDURE",
    "ALTER ROLE",
    "ALTER ROUTINE",
    "ALTER SCHEMA",
    "ALTER TEXT SEARCH",
    "ALTER USER",
    "CHECKPOINT",
    "CLOSE",
    "CREATE ACCESS METHOD",
    "CREATE AGGREGATE",
    "CREATE CAST",
    "CREATE COLLATION",
    "CREATE CONVERSION",
    "CREATE DOMAIN",
    "CREATE EXTENSION",
    "CREATE FUNCTION",
    "CREATE GROUP",
    "CREATE LANGUAGE",
    "CREATE OPERATOR",
    "CREATE PROCEDURE",
    "CREATE ROLE",
    "CREATE SCHEMA",
    "CREATE SEQUENCE",
    "CREATE TEXT SEARCH",
    "CREATE TRANSFORM",
    "CREATE TYPE",
    "CREATE USER",
    "DEALLOCATE",
    "DISCARD",
    "LISTEN",
    "NOTIFY",
    "RESET",
    "SET",
    "SHOW",
    "UNLISTEN",
];

/// The effects of a statement without structure.
pub(super) fn effects(opaque: &Opaque, catalog: &Catalog) -> Effects {
    let mut builder = Builder::new(catalog);
    let words = &opaque.keywords;
    let starts = |prefix: &str| {
        words
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    if starts("COMMENT") || starts("SECURITY LABEL") {
        lock_named(&mut builder, opaque, LockMode::ShareUpdateExclusive);
    } else if starts("GRANT") || starts("REVOKE") {
        if catalog.version >= PgVersion::V18 {
            lock_named(&mut builder, opaque, LockMode::AccessShare);
        }
    } else if starts("CREATE TRIGGER") {
        on_table(&mut builder, opaque, LockMode::ShareRowExclusive);
    } else if starts("CREATE RULE")
        || starts("CREATE POLICY")
        || starts("ALTER POLICY")
        || starts("ALTER TRIGGER")
        || starts("ALTER RULE")
    {
        on_table(&mut builder, opaque, LockMode::AccessExclusive);
    } else if starts("CREATE STATISTICS")
        || starts("ALTER STATISTICS")
        || starts("ANALYZE")
        || starts("CREATE PUBLICATION")
        || starts("ALTER PUBLICATION")
    {
        lock_named(&mut builder, opaque, LockMode::ShareUpdateExclusive);
    } else if starts("CREATE VIEW") || starts("CREATE TEMP VIEW") || starts("CREATE TEMPORARY VIEW")
    {
        view(&mut builder, opaque);
    } else if starts("CREATE MATERIALIZED VIEW") || starts("SELECT INTO") {
        for name in known(&builder, opaque) {
            builder.lock_family(&name, LockMode::AccessShare);
            builder.scan_family(&name, LockMode::AccessShare, "to read the rows to keep");
        }
    } else if starts("REFRESH MATERIALIZED VIEW") {
        refresh(&mut builder, opaque, words.contains("CONCURRENTLY"));
    } else if starts("LOCK") {
        for name in known_or_named(&builder, opaque) {
            builder.lock_family(&name, LockMode::AccessExclusive);
        }
    } else if starts("ALTER TYPE ADD VALUE") || starts("ALTER TYPE RENAME VALUE") {
        // Labels of an enum: no table is touched.
    } else if starts("ALTER TYPE") {
        alter_type(&mut builder, opaque);
    } else if starts("ALTER DOMAIN") {
        alter_domain(&mut builder, opaque);
    } else if starts("VACUUM") || starts("CLUSTER") || starts("REINDEX") {
        maintenance(&mut builder, opaque, words);
    } else if !HARMLESS.iter().any(|harmless| starts(harmless)) {
        builder.effects.unknown = true;
    }
    builder.done()
}

/// The named relations that the catalog holds. A name may also be `table.column`.
fn known(builder: &Builder<'_>, opaque: &Opaque) -> Vec<ObjectName> {
    opaque
        .names
        .iter()
        .filter_map(|name| {
            let full = builder.catalog.resolve(name);
            if builder.catalog.has_relation(&full) {
                return Some(full);
            }
            let table = QualifiedName::bare(name.schema.clone()?);
            let table = builder.catalog.resolve(&table);
            builder.catalog.tables.contains_key(&table).then_some(table)
        })
        .collect()
}

/// Those, or every name there is when the catalog does not hold everything.
fn known_or_named(builder: &Builder<'_>, opaque: &Opaque) -> Vec<ObjectName> {
    let known = known(builder, opaque);
    if known.is_empty() && !builder.catalog.complete {
        return opaque
            .names
            .iter()
            .map(|n| builder.catalog.resolve(n))
            .collect();
    }
    known
}

fn lock_named(builder: &mut Builder<'_>, opaque: &Opaque, mode: LockMode) {
    for name in known_or_named(builder, opaque) {
        builder.lock(&name, mode);
    }
}

/// A trigger, policy or rule: the table is the first relation named.
fn on_table(builder: &mut Builder<'_>, opaque: &Opaque, mode: LockMode) {
    let names = known_or_named(builder, opaque);
    for name in &names {
        let partitioned = builder
            .catalog
            .tables
            .get(name)
            .is_some_and(|table| table.kind == TableKind::Partitioned);
        if partitioned && mode == LockMode::ShareRowExclusive {
            builder.lock_family(name, mode);
        } else {
            builder.lock(name, mode);
        }
    }
    if names.is_empty() {
        builder.effects.unknown = true;
    }
}

fn view(builder: &mut Builder<'_>, opaque: &Opaque) {
    let replaced = opaque
        .names
        .first()
        .map(|name| builder.catalog.resolve(name));
    for name in known(builder, opaque) {
        if Some(&name) == replaced.as_ref() && builder.catalog.views.contains_key(&name) {
            builder.lock(&name, LockMode::AccessExclusive);
        } else {
            builder.lock(&name, LockMode::AccessShare);
        }
    }
}

fn refresh(builder: &mut Builder<'_>, opaque: &Opaque, concurrently: bool) {
    let Some(name) = opaque.names.first() else {
        builder.effects.unknown = true;
        return;
    };
    let name = builder.catalog.resolve(name);
    let mode = if concurrently {
        LockMode::Exclusive
    } else {
        LockMode::AccessExclusive
    };
    builder.lock(&name, mode);
    let Some(view) = builder.catalog.tables.get(&name) else {
        return;
    };
    if concurrently {
        builder.scan(&name, mode, "to compare the old rows with the new ones");
    } else {
        builder.effects.rewrites.push(name.clone());
        if !view.indexes.is_empty() {
            builder.scan(&name, mode, "to build its indexes anew");
        }
        for index in &view.indexes {
            builder
                .effects
                .rewrites
                .push(name.sibling(index.name.clone()));
            builder.lock_index(view, index, LockMode::AccessExclusive);
        }
    }
    let mut reads: Vec<ObjectName> = builder
        .catalog
        .views
        .get(&name)
        .map(|view| view.reads.iter().map(|(read, _)| read.clone()).collect())
        .unwrap_or_default();
    reads.dedup();
    for read in reads {
        builder.lock_family(&read, LockMode::AccessShare);
        builder.scan_family(
            &read,
            LockMode::AccessShare,
            "to fill the materialized view",
        );
    }
}

/// Enum labels lock no table; attributes of a composite type lock the tables made of it.
fn alter_type(builder: &mut Builder<'_>, opaque: &Opaque) {
    let is_enum = opaque.names.first().is_some_and(|name| {
        let name = types::user_type_name(name, builder.catalog);
        builder
            .catalog
            .types
            .get(&name)
            .is_some_and(|ty| matches!(ty.kind, UserTypeKind::Enum { .. }))
    });
    builder.effects.unknown = !is_enum;
}

/// Adding or validating a constraint reads every table with a column of the domain; the other
/// subcommands read none, but are not told apart.
fn alter_domain(builder: &mut Builder<'_>, opaque: &Opaque) {
    let Some(name) = opaque.names.first() else {
        builder.effects.unknown = true;
        return;
    };
    let name = types::user_type_name(name, builder.catalog);
    builder.effects.unknown = !builder.catalog.types.contains_key(&name);
    let ty = name.to_string();
    for table in builder.catalog.tables.values() {
        if table.columns.iter().any(|column| column.ty == ty) {
            builder.lock(&table.name, LockMode::Share);
            if table.has_storage() {
                builder.scan(
                    &table.name,
                    LockMode::Share,
                    "to check the domain's constraint",
                );
            }
        }
    }
}

/// VACUUM, CLUSTER, REINDEX. Options in parentheses are not told apart, so the worst is assumed.
fn maintenance(builder: &mut Builder<'_>, opaque: &Opaque, words: &str) {
    let concurrently = words.contains("CONCURRENTLY");
    let plain_vacuum = words == "VACUUM" || words == "VACUUM ANALYZE";
    let in_transaction = words.starts_with("CLUSTER")
        || words.starts_with("REINDEX INDEX")
        || words.starts_with("REINDEX TABLE");
    builder.effects.outside_transaction = !in_transaction || concurrently;
    builder.effects.waits_for_snapshots = concurrently;
    builder.effects.unknown = opaque.names.is_empty() || plain_vacuum;
    for name in known_or_named(builder, opaque) {
        let catalog = builder.catalog;
        if words.starts_with("REINDEX") {
            let table = catalog.index(&name).map(|(table, _)| table.name.clone());
            let mode = if concurrently {
                LockMode::ShareUpdateExclusive
            } else {
                LockMode::Share
            };
            if let Some(table) = table {
                builder.lock(&table, mode);
                builder.scan(&table, mode, "to build the index anew");
                builder.lock(
                    &name,
                    if concurrently {
                        mode
                    } else {
                        LockMode::AccessExclusive
                    },
                );
                builder.effects.rewrites.push(name);
            } else {
                builder.lock_family(&name, mode);
                builder.scan_family(&name, mode, "to build the indexes anew");
                if let Some(table) = catalog.tables.get(&name) {
                    for index in &table.indexes {
                        builder
                            .effects
                            .rewrites
                            .push(name.sibling(index.name.clone()));
                        if !concurrently {
                            builder.lock_index(table, index, LockMode::AccessExclusive);
                        }
                    }
                }
            }
        } else if plain_vacuum {
            builder.lock(&name, LockMode::ShareUpdateExclusive);
        } else if catalog.tables.contains_key(&name) || !catalog.complete {
            builder.lock(&name, LockMode::AccessExclusive);
            builder.rewrite(&name, "to write every row anew");
        } else {
            builder.lock(&name, LockMode::AccessExclusive);
        }
    }
}
