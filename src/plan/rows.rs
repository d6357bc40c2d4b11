//! What the recipes for statements on rows share: what is small, the steps, what they touch, and
//! how a statement is cut into batches.
//!
//! A size that is not known counts as large. A statement on many rows becomes batches only where
//! that is proved to mean the same ([`limits`]), or where each row's turn comes exactly once
//! ([`by_key`]); else it is refused with what to write.

pub mod limits;

use crate::{
    catalog::{Table, TableKind},
    effects::{Effects, LockMode, effects},
    ident::{Ident, ObjectName},
    parse::{
        DirectiveKind, PhaseName, StatementKind,
        rows::{RowsKind, RowsStatement},
    },
    plan::{
        Batches, Step, StepKind, Verb, Walk,
        backfill::{PassSettings, lock_sql},
        batches::Key,
        draft::{Draft, Element, Refusal, Touch, step},
        pieces,
        recipe::Context,
        state,
    },
};

/// One statement may change the rows of a table of at most this many.
pub const SMALL_TABLE_ROWS: u64 = 10_000;
/// Nor may its heap be larger: of a table that was never analyzed the server knows no rows.
const SMALL_TABLE_BYTES: u64 = 32 << 20;

/// Whether a table, with its partitions and children, is known to be small.
pub fn is_small(cx: &Context<'_>, table: &ObjectName) -> bool {
    is_small_family(cx, table, cx.before.family(table))
}

/// The same for a table that a statement names, which may say ONLY.
pub fn is_small_target(
    cx: &Context<'_>,
    table: &ObjectName,
    parts: Option<&RowsStatement>,
) -> bool {
    match (parts, cx.before.tables.get(table)) {
        (Some(parts), Some(known)) if parts.only => is_small_family(cx, table, vec![known]),
        _ => is_small(cx, table),
    }
}

fn is_small_family(cx: &Context<'_>, table: &ObjectName, family: Vec<&Table>) -> bool {
    if cx.is_fresh(table) {
        return true;
    }
    let (mut rows, mut bytes) = (0_u64, 0_u64);
    for part in family {
        if !part.has_storage() {
            continue;
        }
        let (Some(of_rows), Some(of_bytes)) = (cx.rows(&part.name), cx.bytes(&part.name)) else {
            return false;
        };
        rows = rows.saturating_add(of_rows);
        bytes = bytes.saturating_add(of_bytes);
    }
    cx.before.tables.contains_key(table) && rows <= SMALL_TABLE_ROWS && bytes <= SMALL_TABLE_BYTES
}

/// What looks again, just before a statement that was planned for small tables, whether they still
/// are. One that the file makes need not be looked at.
pub fn still_small<'t>(
    cx: &Context<'_>,
    tables: impl IntoIterator<Item = &'t ObjectName>,
    only: bool,
) -> Vec<String> {
    tables
        .into_iter()
        .filter(|table| !cx.is_fresh(table))
        .map(|table| state::refuse_growth(table, only, (SMALL_TABLE_ROWS, SMALL_TABLE_BYTES)))
        .collect()
}

/// Refuses a statement that changes rows of several tables, as a `WITH` can: what it does to each
/// belongs in a phase of its own.
pub fn one_target(cx: &Context<'_>) -> Result<(), Refusal> {
    let StatementKind::Data(data) = &cx.op.statement.kind else {
        return Ok(());
    };
    let mut targets: Vec<ObjectName> = data.targets.iter().map(|name| cx.resolve(name)).collect();
    targets.sort();
    targets.dedup();
    if targets.len() < 2
        || cx.phase_directive().is_some()
        || targets.iter().all(|target| cx.is_fresh(target))
    {
        return Ok(());
    }
    let names: Vec<String> = targets.iter().map(ObjectName::short).collect();
    Err(Refusal::new(
        "several-tables",
        format!(
            "one statement changes rows of {}: each of these changes has a phase and a size of its \
             own",
            names.join(" and ")
        ),
        "write a statement for each table; or say where it goes with `-- zdm: phase \
         expand|migrate|contract`: it then runs as one statement",
    ))
}

/// The key that `-- zdm: once using key` names.
pub fn once_key<'a>(cx: &Context<'a>) -> Option<&'a Ident> {
    let own = cx.op.statement.directives.iter();
    own.chain(&cx.input.script.file_directives)
        .find_map(|directive| match &directive.kind {
            DirectiveKind::Once { key } => Some(key),
            DirectiveKind::Up { .. }
            | DirectiveKind::Down { .. }
            | DirectiveKind::Phase(_)
            | DirectiveKind::Strategy(_)
            | DirectiveKind::Sync(_)
            | DirectiveKind::Allow { .. } => None,
        })
}

/// The effects of the statement; refused when the server would.
pub fn checked_effects(cx: &Context<'_>) -> Result<Effects, Refusal> {
    let effects = effects(&cx.op.alone, cx.before);
    match &effects.fails {
        Some(reason) => Err(Refusal::new(
            "fails",
            format!("the server refuses this statement: {reason}"),
            "correct it: plain execution would fail too",
        )),
        None => Ok(effects),
    }
}

/// How many rows a table has, in words.
pub fn size_in_words(cx: &Context<'_>, table: &ObjectName) -> String {
    cx.rows(table).map_or_else(
        || "its size is not known, which counts as large".to_owned(),
        |rows| format!("about {rows} rows"),
    )
}

/// Refuses a statement on many rows: why it cannot be batches, and what to write.
pub fn too_large(cx: &Context<'_>, table: &ObjectName, why: &str, help: String) -> Refusal {
    Refusal::new(
        "large-change",
        format!(
            "one statement over all rows of {} would hold the row locks that it takes until it ends \
             ({}), and it cannot be run in batches: {why}",
            table.short(),
            size_in_words(cx, table)
        ),
        help,
    )
}

/// The sentence that ends most helps: what to do about a table that is small after all.
pub fn small_after_all(phase: PhaseName) -> String {
    format!(
        "if the table is small after all, say `-- zdm: phase {}`: it then runs as one statement",
        phase.as_str()
    )
}

/// The single column of the primary key, or of a unique index that can be used as a key.
pub fn single_key(table: &Table) -> Option<&Ident> {
    let primary = table.primary_key().map(crate::catalog::Constraint::columns);
    match primary {
        Some([only]) => Some(only),
        _ => table
            .columns
            .iter()
            .map(|column| &column.name)
            .find(|name| is_key(table, name)),
    }
}

/// Whether a column is NOT NULL, unique, and ordered by an index.
fn is_key(table: &Table, column: &Ident) -> bool {
    table.column(column).is_some_and(|column| column.not_null)
        && table.indexes.iter().any(|index| {
            index.unique
                && index.valid
                && index.predicate.is_none()
                && index.method == "btree"
                && matches!(index.keys.as_slice(), [key] if key.column.as_ref() == Some(column))
        })
}

/// Words for `once using` with a key that the table has, or what it needs.
pub fn once_help(table: Option<&Table>) -> String {
    match table.and_then(single_key) {
        Some(key) => format!(
            "write `-- zdm: once using {key}` before it: it is then run by ranges of {key}, and \
             each row's turn comes exactly once"
        ),
        None => "give the table a unique NOT NULL column and write `-- zdm: once using <column>` \
                 before it: it is then run by ranges of that column, and each row's turn comes \
                 exactly once"
            .to_owned(),
    }
}

/// One statement in a short transaction.
pub fn one_statement(cx: &Context<'_>, verb: Verb, effects: &Effects, reason: &str) -> Step {
    let mut step = step(StepKind::Rows { verb }, title(cx), reason).sql([cx.op.sql.clone()]);
    for held in &effects.locks {
        step = step.lock(&held.relation, held.mode);
    }
    step.scans.clone_from(&effects.scans);
    step.irreversible()
}

/// The step for a statement in batches.
pub fn in_batches(cx: &Context<'_>, batches: Batches, effects: &Effects, reason: &str) -> Step {
    let settings = PassSettings {
        bypass: cx.bypass,
        search_path: &cx.before.search_path,
        role: None,
    };
    let mut sql = settings.begin_rows(&batches);
    sql.push("SET LOCAL lock_timeout = '{milliseconds}ms'".to_owned());
    sql.push("SET LOCAL statement_timeout = '{milliseconds}ms'".to_owned());
    match &batches.walk {
        Walk::Pages { .. } => {
            sql.push(lock_sql(
                batches.relations.first().unwrap_or(&batches.table),
            ));
        }
        Walk::Key { .. } => {}
    }
    if let Walk::Key { column, ty } = &batches.walk {
        let key = Key { column, ty };
        sql.insert(0, batches.last_key_sql(&key));
        sql.push(batches.next_key_template(&key));
    }
    sql.push(batches.template());
    sql.push("COMMIT".to_owned());
    for relation in &batches.relations {
        if let Some(left) = batches.left_sql(relation) {
            sql.push(left);
            sql.push(batches.whole_sql(relation));
        }
    }
    let table = batches.table.clone();
    let mut step = step(StepKind::Batches { batches }, title(cx), reason).sql(sql);
    for held in &effects.locks {
        step = step.lock(&held.relation, held.mode);
    }
    step = step.scan(&table, LockMode::RowExclusive, "part by part, in batches");
    step.estimate_ms = cx
        .rows(&table)
        .map(|rows| rows / pieces::FILL_ROWS_PER_MS + 1);
    step.irreversible()
}

/// The statement cut by pages: `condition` is what it applies to and what it makes untrue.
pub fn by_pages(
    cx: &Context<'_>,
    parts: &RowsStatement,
    table: &Table,
    condition: Option<&str>,
) -> Result<Batches, Refusal> {
    let family = if parts.only {
        vec![table]
    } else {
        cx.before.family(&table.name)
    };
    if let Some(foreign) = family.iter().find(|part| part.kind == TableKind::Foreign) {
        return Err(Refusal::new(
            "large-change",
            format!(
                "{} is a foreign table: zdm cannot walk its rows in batches",
                foreign.name.short()
            ),
            "change its rows on the server that holds them",
        ));
    }
    let relations: Vec<ObjectName> = family
        .iter()
        .filter(|part| part.kind == TableKind::Table)
        .map(|part| part.name.clone())
        .collect();
    let (row, alias) = naming(parts, relations != [table.name.clone()]);
    let tail = condition.map_or_else(String::new, |text| format!(" AND ({text})"));
    let filter = condition.map_or_else(|| "true".to_owned(), |text| format!("({text})"));
    let left = match &parts.others {
        Some(others) => format!(
            "{alias} WHERE EXISTS ({}SELECT FROM {others} WHERE {filter})",
            parts.with()
        ),
        None => format!("{alias} WHERE {filter}"),
    };
    Ok(Batches {
        verb: verb(parts.kind),
        table: table.name.clone(),
        relations,
        walk: Walk::Pages { left },
        before: format!("{} ONLY", parts.before),
        after: after(parts, &alias),
        rest: tail,
        row,
        reads_others: reads_others(cx, parts),
    })
}

/// The statement cut by ranges of a key.
pub fn by_key(
    cx: &Context<'_>,
    parts: &RowsStatement,
    table: &Table,
    key: &Ident,
) -> Result<Batches, Refusal> {
    let name = table.name.short();
    let refuse = |message: String, help: &str| Err(Refusal::new("once-key", message, help));
    let Some(column) = table.column(key) else {
        return refuse(
            format!("{name} has no column {key}, which `once using` names"),
            "name a column of the table whose rows are walked",
        );
    };
    if !is_key(table, key) {
        return refuse(
            format!(
                "{name}.{key} cannot be the key of `once using`: it must be NOT NULL and have a \
                 valid unique btree index on it alone"
            ),
            "name such a column, the primary key for example; a key of several columns cannot be \
             used",
        );
    }
    if !parts.only && table.kind == TableKind::Table && !table.children.is_empty() {
        return refuse(
            format!("{name} has inheritance children, in which {key} may occur again"),
            "write one statement for each table, with ONLY",
        );
    }
    let (row, alias) = naming(parts, false);
    let tail = parts
        .predicate
        .as_ref()
        .map_or_else(String::new, |condition| {
            format!(" AND ({})", condition.text)
        });
    let rest = if parts.after.is_empty() {
        tail
    } else {
        format!("{tail} {}", parts.after)
    };
    Ok(Batches {
        verb: verb(parts.kind),
        table: table.name.clone(),
        relations: vec![table.name.clone()],
        walk: Walk::Key {
            column: key.clone(),
            ty: column.ty.clone(),
        },
        before: if parts.only {
            format!("{} ONLY", parts.before)
        } else {
            parts.before.clone()
        },
        after: after(parts, &alias),
        rest,
        row,
        reads_others: reads_others(cx, parts),
    })
}

/// What a column of the walked relation is qualified with, and the alias as SQL.
fn naming(parts: &RowsStatement, parts_of_it: bool) -> (Ident, String) {
    match &parts.alias {
        Some(alias) => (alias.clone(), format!(" AS {alias}")),
        None if parts_of_it => {
            let name = &parts.relation.name;
            (name.clone(), format!(" AS {name}"))
        }
        None => (parts.relation.name.clone(), String::new()),
    }
}

fn after(parts: &RowsStatement, alias: &str) -> String {
    if parts.middle.is_empty() {
        alias.to_owned()
    } else {
        format!("{alias} {}", parts.middle)
    }
}

fn verb(kind: RowsKind) -> Verb {
    match kind {
        RowsKind::Update => Verb::Update,
        RowsKind::Delete => Verb::Delete,
        RowsKind::Insert => Verb::Insert,
    }
}

/// Other relations that the statement names.
pub fn reads(cx: &Context<'_>) -> Vec<ObjectName> {
    let names = match &cx.op.statement.kind {
        StatementKind::Update(update) => update.reads.as_slice(),
        StatementKind::Data(data) => data.reads.as_slice(),
        _ => &[],
    };
    names
        .iter()
        .map(|name| cx.resolve(name))
        .filter(|name| cx.before.has_relation(name))
        .collect()
}

/// Whether the statement looks at `table` besides walking its rows.
pub fn reads_itself(cx: &Context<'_>, parts: &RowsStatement, table: &ObjectName) -> bool {
    parts.reads.iter().any(|name| cx.resolve(name) == *table)
}

fn reads_others(cx: &Context<'_>, parts: &RowsStatement) -> bool {
    parts
        .reads
        .iter()
        .any(|name| cx.before.has_relation(&cx.resolve(name)))
}

/// What the statement reads: other relations, and columns of its own table.
pub fn read_touches(cx: &Context<'_>, parts: Option<&RowsStatement>, table: &Table) -> Vec<Touch> {
    let mut touches: Vec<Touch> = reads(cx)
        .into_iter()
        .map(|name| Touch::read(Element::Relation(name)))
        .collect();
    let mut column = |name: &Ident| {
        touches.push(Touch::read(Element::Column(
            table.name.clone(),
            name.clone(),
        )));
    };
    match parts {
        Some(parts) => {
            let middle = crate::plan::rows::limits::names(&parts.middle);
            let named = parts
                .predicate
                .iter()
                .flat_map(|condition| condition.columns.iter().map(|reference| &reference.name));
            for column_of_table in &table.columns {
                let name = &column_of_table.name;
                if middle.contains(name) || named.clone().any(|other| other == name) {
                    column(name);
                }
            }
        }
        // Not taken apart: it may read any of them.
        None => {
            for column_of_table in &table.columns {
                column(&column_of_table.name);
            }
        }
    }
    touches
}

/// Triggers of the user that fire for each row, said in the plan.
pub fn note_triggers(cx: &Context<'_>, draft: &mut Draft, table: &Table, verb: Verb) {
    let fires = |trigger: &&crate::catalog::Trigger| {
        trigger.enabled != 'D'
            && match verb {
                Verb::Update => trigger.on_update,
                Verb::Insert => trigger.on_insert,
                Verb::Delete => {
                    let head = trigger.definition.to_ascii_uppercase();
                    head.split(" ON ")
                        .next()
                        .is_some_and(|h| h.contains("DELETE"))
                }
                Verb::Merge => true,
            }
    };
    let family = cx.before.family(&table.name);
    let mut names: Vec<String> = family
        .iter()
        .flat_map(|table| &table.triggers)
        .filter(fires)
        .map(|trigger| trigger.name.to_string())
        .collect();
    names.sort();
    names.dedup();
    if !names.is_empty() {
        draft.notes.push(format!(
            "the triggers of {} fire for every row, as they would for plain SQL: {}",
            table.name.short(),
            names.join(", ")
        ));
    }
}

/// The statement on one line, shortened.
pub fn title(cx: &Context<'_>) -> String {
    let words: Vec<&str> = cx.op.sql.split_whitespace().collect();
    let text = words.join(" ");
    if text.chars().count() <= 70 {
        text
    } else {
        text.chars().take(67).collect::<String>() + "..."
    }
}
