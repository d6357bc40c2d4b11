//! Statements without structure: what can be read from their words.

use crate::{
    catalog::{
        Catalog, Function, Policy, Publication, Sequence, Trigger, View, ViewColumn, ViewHook,
        Volatility,
    },
    ident::{Ident, ObjectName, QualifiedName},
    parse::statement::{
        self, AlterAttached, AlterFunction, AttachedAction, AttachedKind, Cluster, FunctionAction,
        Opaque, Utility,
    },
};

use super::{access, alter, query, text, user_type};

/// Statements that leave nothing behind that the catalog models.
const NO_TRACE: &[&str] = &[
    "ALTER AGGREGATE",
    "ALTER COLLATION",
    "ALTER CONVERSION",
    "ALTER DATABASE",
    "ALTER EVENT TRIGGER",
    "ALTER GROUP",
    "ALTER LANGUAGE",
    "ALTER OPERATOR",
    "ALTER POLICY",
    "ALTER ROLE",
    "ALTER RULE",
    "ALTER STATISTICS",
    "ALTER SYSTEM",
    "ALTER TEXT SEARCH",
    "ALTER USER",
    "ANALYZE",
    "CHECKPOINT",
    "CLUSTER",
    "COMMENT",
    "CREATE ACCESS METHOD",
    "CREATE AGGREGATE",
    "CREATE CAST",
    "CREATE COLLATION",
    "CREATE CONVERSION",
    "CREATE DATABASE",
    "CREATE EVENT TRIGGER",
    "CREATE EXTENSION",
    "CREATE GROUP",
    "CREATE LANGUAGE",
    "CREATE OPERATOR",
    "CREATE ROLE",
    "CREATE TEXT SEARCH",
    "CREATE TRANSFORM",
    "CREATE USER",
    "DEALLOCATE",
    "DISCARD",
    "EXPLAIN",
    "GRANT",
    "LISTEN",
    "LOCK",
    "NOTIFY",
    "REFRESH",
    "REINDEX",
    "REVOKE",
    "SECURITY LABEL",
    "SHOW",
    "UNLISTEN",
    "VACUUM",
];

/// Replays a statement by its words. `sql` is its whole text.
pub(super) fn apply(catalog: &mut Catalog, opaque: &Opaque, sql: &str) {
    let words = &opaque.keywords;
    let starts = |prefix: &str| {
        words
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let first = opaque.names.first();
    if starts("CREATE SCHEMA") {
        if let Some(name) = first
            && !catalog.schemas.contains(&name.name)
        {
            catalog.schemas.push(name.name.clone());
            catalog.schemas.sort();
        }
    } else if starts("CREATE TYPE")
        || starts("CREATE DOMAIN")
        || starts("ALTER TYPE")
        || starts("ALTER DOMAIN")
    {
        match opaque.utility.as_deref() {
            Some(Utility::CreateType(create)) => user_type::create(catalog, create),
            Some(Utility::CreateDomain(create)) => user_type::create_domain(catalog, create),
            Some(Utility::AlterType(alter)) => user_type::alter(catalog, alter),
            Some(Utility::AlterDomain(alter)) => user_type::alter_domain(catalog, alter),
            _ => catalog.complete = false,
        }
    } else if starts("CREATE FUNCTION") || starts("CREATE PROCEDURE") {
        if let Some(name) = function_name(opaque, sql) {
            function(catalog, &name, sql);
        }
    } else if starts("ALTER FUNCTION") || starts("ALTER PROCEDURE") || starts("ALTER ROUTINE") {
        match opaque.utility.as_deref() {
            Some(Utility::AlterFunction(alter)) => alter_function(catalog, alter),
            // Its volatility or name may be another now.
            _ => catalog.complete = false,
        }
    } else if starts("CREATE SEQUENCE") {
        if let Some(name) = first {
            let name = catalog.in_full(name);
            catalog
                .sequences
                .get_or_insert_with(name.clone(), || Sequence {
                    name: name.clone(),
                    owned_by: None,
                    identity: false,
                });
            if let Some(Utility::CreateSequence(create)) = opaque.utility.as_deref() {
                for option in &create.options {
                    alter::owned_by(catalog, &name, option);
                }
            }
        }
    } else if starts("CREATE VIEW") || starts("CREATE MATERIALIZED VIEW") {
        view(catalog, opaque, sql, words.contains("MATERIALIZED"));
    } else if let Some(Utility::AlterAttached(alter)) = opaque.utility.as_deref() {
        rename_attached(catalog, alter);
    } else if let Some(Utility::Cluster(cluster)) = opaque.utility.as_deref() {
        clustered(catalog, cluster);
    } else if starts("CREATE TRIGGER") {
        trigger(catalog, opaque, sql);
    } else if starts("CREATE POLICY") {
        policy(catalog, opaque, sql);
    } else if starts("CREATE STATISTICS") || starts("CREATE RULE") {
        statistics_or_rule(catalog, opaque, sql, starts("CREATE RULE"));
    } else if starts("CREATE PUBLICATION") || starts("ALTER PUBLICATION") {
        publication(catalog, opaque, sql);
    } else if starts("ALTER DEFAULT PRIVILEGES") {
        catalog.default_privileges = true;
    } else if let Some(Utility::Comment(comment)) = opaque.utility.as_deref() {
        access::comment(catalog, comment);
    } else if let Some(Utility::Grant(grant)) = opaque.utility.as_deref() {
        access::grant(catalog, grant);
    } else if let Some(Utility::Do(block)) = opaque.utility.as_deref() {
        // Rows change, and no more, where no word of it could change a definition.
        catalog.complete &= !block.dynamic && !text::block(sql).is_none_or(defines);
    } else if !NO_TRACE.iter().any(|known| starts(known)) {
        catalog.complete = false;
    }
}

/// Which of several overloads is meant is not told: each may be as volatile as the statement says.
fn alter_function(catalog: &mut Catalog, alter: &AlterFunction) {
    let name = alter.name.clone();
    let schemas = match &name.schema {
        Some(schema) => vec![schema.clone()],
        None => catalog.search_path.clone(),
    };
    let known = schemas
        .into_iter()
        .map(|schema| ObjectName::new(schema, name.name.clone()))
        .find(|name| catalog.functions.contains_key(name));
    let Some(known) = known else {
        catalog.complete = false;
        return;
    };
    let FunctionAction::Attributes { volatility, .. } = &alter.action else {
        // Its name may be another now.
        catalog.complete &= matches!(
            alter.action,
            FunctionAction::OwnerTo(_) | FunctionAction::DependsOnExtension { .. }
        );
        return;
    };
    let volatility = match volatility {
        None => return,
        Some(statement::Volatility::Immutable) => Volatility::Immutable,
        Some(statement::Volatility::Stable) => Volatility::Stable,
        Some(statement::Volatility::Volatile) => Volatility::Volatile,
    };
    let Some(overloads) = catalog.functions.get_mut(&known) else {
        return;
    };
    let alone = overloads.len() == 1;
    for one in overloads {
        one.volatility = if alone {
            volatility
        } else {
            one.volatility.max(volatility)
        };
    }
}

/// `ALTER TRIGGER | POLICY | RULE … RENAME TO`.
fn rename_attached(catalog: &mut Catalog, alter: &AlterAttached) {
    let AttachedAction::RenameTo(to) = &alter.action else {
        return;
    };
    let on = catalog.resolve(&alter.on);
    let Some(table) = catalog.tables.get_mut(&on) else {
        return;
    };
    let name = match alter.kind {
        AttachedKind::Trigger => table
            .triggers
            .iter_mut()
            .find(|one| one.name == alter.name)
            .map(|one| &mut one.name),
        AttachedKind::Policy => table
            .policies
            .iter_mut()
            .find(|one| one.name == alter.name)
            .map(|one| &mut one.name),
        AttachedKind::Rule => table.rules.iter_mut().find(|one| **one == alter.name),
    };
    if let Some(name) = name {
        *name = to.clone();
    }
    table
        .triggers
        .sort_by(|one, other| one.name.cmp(&other.name));
    table
        .policies
        .sort_by(|one, other| one.name.cmp(&other.name));
    table.rules.sort();
}

/// The index that CLUSTER went by is the one of the next time.
fn clustered(catalog: &mut Catalog, cluster: &Cluster) {
    let (Some(table), Some(chosen)) = (&cluster.table, &cluster.index) else {
        return;
    };
    let table = catalog.resolve(table);
    if let Some(table) = catalog.tables.get_mut(&table) {
        for index in &mut table.indexes {
            index.clustered = index.name == *chosen;
        }
    }
}

/// Whether a block of code has a word that a change of the schema begins with.
fn defines(body: &str) -> bool {
    const WORDS: [&str; 9] = [
        "alter", "call", "create", "drop", "execute", "import", "into", "reassign", "security",
    ];
    text::words(body).any(|word| WORDS.contains(&word.as_str()))
}

/// The function's name is the one before its argument list; it may not be among the names found.
fn function_name(opaque: &Opaque, sql: &str) -> Option<QualifiedName> {
    if let Some(name) = opaque.names.first() {
        return Some(name.clone());
    }
    let head = &sql[..sql.find('(')?];
    let mut names: Vec<Ident> = text::names(head).collect();
    let name = names.pop()?;
    let qualified = head.trim_end().trim_end_matches('"').contains('.');
    Some(match (qualified, names.pop()) {
        (true, Some(schema)) => QualifiedName::new(schema, name),
        _ => QualifiedName::bare(name),
    })
}

fn function(catalog: &mut Catalog, name: &QualifiedName, sql: &str) {
    let full = catalog.in_full(name);
    let words: Vec<String> = text::words(sql).collect();
    let volatility = if words.iter().any(|word| word == "immutable") {
        Volatility::Immutable
    } else if words.iter().any(|word| word == "stable") {
        Volatility::Stable
    } else {
        Volatility::Volatile
    };
    let language = words
        .iter()
        .position(|word| word == "language")
        .and_then(|at| words.get(at + 1))
        .cloned()
        .unwrap_or_else(|| "sql".to_owned());
    let arguments = arguments(sql).trim().to_owned();
    let made = Function {
        arguments: arguments.clone(),
        volatility,
        language,
        source: text::body(sql).map(str::to_owned),
    };
    let overloads = catalog.functions.get_or_insert_with(full, Vec::new);
    match overloads
        .iter_mut()
        .find(|known| known.arguments == arguments)
    {
        Some(known) => *known = made,
        None => overloads.push(made),
    }
}

/// What stands in the first pair of parentheses.
fn arguments(sql: &str) -> &str {
    let Some(open) = sql.find('(') else { return "" };
    let mut depth = 0;
    for (at, c) in sql[open..].char_indices() {
        match c {
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return &sql[open + 1..open + at];
                }
            }
            _ => {}
        }
    }
    ""
}

/// `CREATE VIEW name [(columns)] [WITH (options)] AS query`.
fn view(catalog: &mut Catalog, opaque: &Opaque, sql: &str, materialized: bool) {
    let Some(first) = opaque.names.first() else {
        catalog.complete = false;
        return;
    };
    let name = catalog.in_full(first);
    let (head, query) = text::split_at_word(sql, "as").unwrap_or((sql, ""));
    if materialized && catalog.has_relation(&name) {
        return;
    }
    let query = without_ending(query);
    let (head, options) = match text::split_at_word(head, "with") {
        Some((head, options)) => (head, options),
        None => (head, ""),
    };
    let given: Vec<Ident> = head
        .split_once('(')
        .map(|(_, columns)| text::names(columns).collect())
        .unwrap_or_default();
    let written: Vec<ViewColumn> = given.iter().cloned().map(ViewColumn::new).collect();
    let made = query::made(catalog, query, &given);
    if made.is_none() {
        // What it reads, and which columns it has, is not known.
        catalog.complete = false;
    }
    let (columns, reads) = match made {
        Some(made) => {
            let columns = made.columns.into_iter();
            let columns = columns.map(|(name, ty)| ViewColumn {
                ty,
                ..ViewColumn::new(name)
            });
            (columns.collect(), made.reads)
        }
        None => (written, named_relations(catalog, opaque, &name)),
    };
    let options = options.trim().trim_start_matches('(').trim_end_matches(')');
    let options = options
        .split(',')
        .filter(|option| !option.trim().is_empty())
        .map(|option| {
            let option: String = option.split_whitespace().collect();
            if option.contains('=') {
                option
            } else {
                option + "=true"
            }
        });
    // CREATE OR REPLACE keeps what is not said.
    let known = catalog.views.remove(&name);
    query::view(
        catalog,
        View {
            definition: query.trim().to_owned(),
            columns,
            reads,
            options: options.collect(),
            materialized,
            ..known.unwrap_or_else(|| View::new(name, ""))
        },
    );
}

/// The relations named in a query that is not followed, each as a whole.
fn named_relations(
    catalog: &Catalog,
    opaque: &Opaque,
    view: &ObjectName,
) -> Vec<(ObjectName, Option<Ident>)> {
    let named = opaque.names.iter().map(|name| catalog.resolve(name));
    let mut reads: Vec<_> = named
        .filter(|relation| relation != view && catalog.has_relation(relation))
        .map(|relation| (relation, None))
        .collect();
    reads.sort();
    reads.dedup();
    reads
}

/// The query without `WITH [NO] DATA` and `WITH … CHECK OPTION` behind it.
fn without_ending(query: &str) -> &str {
    let query = query.trim_end();
    let lower = query.to_ascii_lowercase();
    let words: Vec<&str> = lower.split_whitespace().rev().take(4).collect();
    let ends = match words.as_slice() {
        ["data", "with", ..] | ["data", "no", "with", ..] => true,
        ["option", "check", rest @ ..] => rest.iter().take(2).any(|word| *word == "with"),
        _ => false,
    };
    match lower.rfind("with") {
        Some(at) if ends => &query[..at],
        _ => query,
    }
}

/// The first name that is a table's.
fn table_named(catalog: &Catalog, opaque: &Opaque) -> Option<ObjectName> {
    opaque
        .names
        .iter()
        .map(|name| catalog.resolve(name))
        .find(|name| catalog.tables.contains_key(name))
}

/// Columns of the table that the text names.
fn columns_named(catalog: &Catalog, table: &ObjectName, sql: &str) -> Vec<Ident> {
    let named: Vec<Ident> = text::names(sql).collect();
    catalog
        .tables
        .get(table)
        .map(|table| {
            table
                .columns
                .iter()
                .map(|column| column.name.clone())
                .filter(|column| named.contains(column))
                .collect()
        })
        .unwrap_or_default()
}

/// The name that follows a word.
fn name_after(sql: &str, word: &str) -> Option<Ident> {
    let names: Vec<Ident> = text::names(sql).collect();
    let at = names.iter().position(|name| name.as_str() == word)?;
    names.get(at + 1).cloned()
}

fn trigger(catalog: &mut Catalog, opaque: &Opaque, sql: &str) {
    let (Some(table), Some(name)) = (table_named(catalog, opaque), name_after(sql, "trigger"))
    else {
        if let Some(view) = opaque
            .names
            .iter()
            .map(|name| catalog.resolve(name))
            .find(|name| catalog.views.contains_key(name))
            && let Some(view) = catalog.views.get_mut(&view)
        {
            view.has_triggers = true;
            view.hooks.push(ViewHook {
                name: name_after(sql, "trigger").unwrap_or_else(|| view.name.name.clone()),
                trigger: true,
                definition: sql.to_owned(),
                comment: None,
            });
        } else {
            catalog.complete = false;
        }
        return;
    };
    let words: Vec<String> = text::words(sql).collect();
    let head: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .take_while(|word| *word != "execute")
        .collect();
    let has = |word: &str| head.contains(&word);
    let of = |from: &str, to: &[&str]| -> Vec<Ident> {
        let start = head.iter().position(|word| *word == from);
        let Some(start) = start else {
            return Vec::new();
        };
        let listed: Vec<Ident> = head[start + 1..]
            .iter()
            .take_while(|word| !to.contains(word))
            .map(Ident::folded)
            .collect();
        columns_named(catalog, &table, &list_text(&listed))
    };
    let made = Trigger {
        name: name.clone(),
        definition: sql.to_owned(),
        before_row: has("before") && has("row"),
        on_insert: has("insert"),
        on_update: has("update"),
        columns: of("of", &["on", "or"]),
        when_columns: of("when", &[]),
        enabled: 'O',
        function_source: None,
        cloned: false,
    };
    for (at, member) in super::constraint::members(catalog, &table)
        .into_iter()
        .enumerate()
    {
        let Some(owner) = catalog.tables.get_mut(&member) else {
            continue;
        };
        // Row triggers reach partitions, not children by INHERITS.
        if at > 0 && (owner.partition_bound.is_none() || !has("row")) {
            continue;
        }
        owner.triggers.retain(|known| known.name != name);
        owner.triggers.push(Trigger {
            cloned: at > 0,
            ..made.clone()
        });
        owner.triggers.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

fn list_text(columns: &[Ident]) -> String {
    columns
        .iter()
        .map(Ident::quoted)
        .collect::<Vec<_>>()
        .join(" ")
}

fn policy(catalog: &mut Catalog, opaque: &Opaque, sql: &str) {
    let (Some(table), Some(name)) = (table_named(catalog, opaque), name_after(sql, "policy"))
    else {
        catalog.complete = false;
        return;
    };
    let columns = columns_named(catalog, &table, sql);
    if let Some(owner) = catalog.tables.get_mut(&table) {
        owner.policies.push(Policy { name, columns });
        owner.policies.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

fn statistics_or_rule(catalog: &mut Catalog, opaque: &Opaque, sql: &str, rule: bool) {
    let word = if rule { "rule" } else { "statistics" };
    let (Some(table), Some(name)) = (table_named(catalog, opaque), name_after(sql, word)) else {
        catalog.complete = false;
        return;
    };
    let columns = columns_named(catalog, &table, sql);
    let statistics = table.sibling(name.clone());
    if let Some(owner) = catalog.tables.get_mut(&table) {
        if rule {
            owner.rules.push(name);
            owner.rules.sort();
        } else {
            owner.statistics.push((statistics, columns));
        }
    }
}

/// The tables named are published; so are all for ALL TABLES. Lists and filters are not told
/// apart: every column is taken for one of a filter.
fn publication(catalog: &mut Catalog, opaque: &Opaque, sql: &str) {
    let Some(name) = name_after(sql, "publication") else {
        return;
    };
    let words: Vec<String> = text::words(sql).collect();
    let has = |word: &str| words.iter().any(|known| known == word);
    if has("drop") || has("set") || has("rename") {
        catalog.complete = false;
        return;
    }
    let everything = has("all") || has("schema");
    let named: Vec<ObjectName> = opaque
        .names
        .iter()
        .map(|name| catalog.resolve(name))
        .filter(|name| catalog.tables.contains_key(name))
        .collect();
    let filtered = has("where") || sql.contains('(');
    let tables = &mut catalog.tables;
    for table in tables.values_mut_if(|table| everything || named.contains(&table.name)) {
        let columns: Vec<Ident> = if filtered {
            table.columns.iter().map(|c| c.name.clone()).collect()
        } else {
            Vec::new()
        };
        table.publications.push(Publication {
            name: name.clone(),
            columns: (filtered && !has("where")).then(|| columns.clone()),
            filter_columns: if has("where") { columns } else { Vec::new() },
        });
    }
}
