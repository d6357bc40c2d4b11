//! Sync triggers: what keeps two shapes of a row in step while old and new applications write.
//!
//! One function, run as the first and as the last BEFORE row trigger of the table, for INSERT and
//! for UPDATE. It judges **by value, not by who writes**: the writer's search_path means nothing to
//! it, and no application need co-operate. It touches only NEW and OLD, calls nothing of zdm, only
//! `pg_catalog` and what the migration's own expressions call, and every expression is written
//! into it with its column names replaced token by token.
//!
//! The UPDATE triggers carry a WHEN clause, so a row that is filled and whose synced columns are
//! not touched costs no function call, whoever changes it (also a user's trigger, which an
//! `UPDATE OF` list would miss). The clause also lets the backfill past.
//!
//! What each rule is for: `PITFALLS` 1–8, 42–52 by number in `tests/it/live/sync_trigger.rs`.
//! The decisions behind it: `docs/design/sync-triggers.md`.

mod body;
pub mod mirror;

use crate::{
    effects::{LockMode, RelationLock},
    ident::{Ident, ObjectName, quote_literal},
    parse::Expr,
    plan::Bypass,
};

/// Sorts before every name a person would give a trigger, letters and digits alike.
const FIRST: &str = "!000_zdm_";
/// Sorts after every ASCII name that does not begin with `~` or `zzzz`.
const LAST: &str = "zzzz_zdm_";

/// How rows that have no value yet are told from rows whose value is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfilled {
    /// The new column is NULL while the old one is not: NULL is a fixed point both ways.
    NullBesideValue {
        /// The old column.
        old: Ident,
    },
    /// The new column is NULL: it must never stay so.
    Null,
    /// A helper column, true exactly in the rows that existed before the trigger (pitfall 47).
    Marker(Ident),
}

/// The old side of a two-way sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Down {
    /// The old column.
    pub column: Ident,
    /// Its value from the new row.
    pub expr: Expr,
}

/// What a sync trigger keeps in step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    /// Eight hexadecimal digits, unique for migration and column.
    pub key: String,
    /// The table.
    pub table: ObjectName,
    /// The new column.
    pub new: Ident,
    /// Its value from the old row.
    pub up: Expr,
    /// The columns of the old side that `up` reads.
    pub inputs: Vec<Ident>,
    /// The way back, if there is one.
    pub down: Option<Down>,
    /// Which rows are not filled yet.
    pub unfilled: Unfilled,
    /// How far it goes.
    pub mode: SyncMode,
    /// Where the names in `up` and `down` are looked up, whoever writes.
    pub search_path: Vec<Ident>,
}

/// How far a sync trigger goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMode {
    /// Keeps both sides in step, whichever changes.
    Follow,
    /// The new side follows the old one as long as nobody has given it a value of its own: where
    /// the old side stays after the migration, the new application may write either alone.
    FollowInStep,
    /// Only gives a value where there is none, on INSERT and UPDATE.
    Fill,
    /// The same for rows that existed before; an INSERT gets what the column's DEFAULT says.
    FillOld,
}

/// The statements a sync trigger comes and goes with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncSql {
    /// CREATE FUNCTION, CREATE TRIGGER, ENABLE ALWAYS. After the column, before any constraint.
    pub create: Vec<String>,
    /// DROP TRIGGER, DROP FUNCTION. Before, and in one transaction with, any drop of a column.
    pub drop: Vec<String>,
    /// The triggers' names.
    pub triggers: Vec<Ident>,
    /// SQL condition over the row: true exactly for rows not filled yet.
    pub unfilled: String,
}

/// The locks that creating or dropping a sync trigger takes with its column.
pub fn locks(table: &ObjectName) -> Vec<RelationLock> {
    vec![RelationLock {
        relation: table.clone(),
        mode: LockMode::AccessExclusive,
    }]
}

/// Whether a user's BEFORE row trigger of this name would run outside the pair: before the first
/// or after the last. Triggers fire in the byte order of their names (manual, section 39.1).
pub fn runs_outside(name: &Ident) -> bool {
    name.as_str() < FIRST || name.as_str() > "zzzz_zdm_z"
}

/// Writes the statements of a sync trigger. `journal_schema` is where the function lives.
pub fn sync_sql(sync: &Sync, journal_schema: &Ident, bypass: &Bypass) -> SyncSql {
    let function = ObjectName::new(
        journal_schema.clone(),
        Ident::exact(format!("sync_{}", sync.key)),
    );
    let table = &sync.table;
    let bypass_condition = bypassed_unless(bypass);
    let unfilled = unfilled_in(sync, "OLD");
    let when_first = format!(
        "{bypass_condition} AND ({} OR {unfilled})",
        changed(&watched(sync))
    );
    // What a user's trigger makes of the old side in a row that the backfill writes must reach the
    // new side too, so the last trigger is not bypassed then.
    let when_last = match sync.mode {
        SyncMode::Follow | SyncMode::FollowInStep => format!(
            "{} OR {bypass_condition} AND ({} OR {unfilled})",
            changed(&old_side(sync)),
            changed(std::slice::from_ref(&sync.new))
        ),
        SyncMode::Fill | SyncMode::FillOld => when_first.clone(),
    };
    let body = body::body(sync);
    let quote = dollar_quote(&body);
    let mut create = vec![format!(
        "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY INVOKER{} AS \
         {quote}\n{body}{quote}",
        search_path(sync)
    )];
    // The server asks for EXECUTE when a trigger is made, not when it fires.
    create.push(format!("REVOKE ALL ON FUNCTION {function}() FROM PUBLIC"));
    let mut triggers = Vec::new();
    for (prefix, event, when) in [
        (FIRST, "INSERT", None),
        (FIRST, "UPDATE", Some(&when_first)),
        (LAST, "INSERT", None),
        (LAST, "UPDATE", Some(&when_last)),
    ] {
        if event == "INSERT" && sync.mode == SyncMode::FillOld {
            continue;
        }
        let suffix = if event == "INSERT" { "i" } else { "u" };
        let name = Ident::exact(format!("{prefix}{}{suffix}", sync.key));
        let position = if prefix == FIRST { "first" } else { "last" };
        let when = when.map_or_else(String::new, |when| format!(" WHEN ({when})"));
        create.push(format!(
            "CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW{when} \
             EXECUTE FUNCTION {function}('{position}')"
        ));
        triggers.push(name);
    }
    for name in &triggers {
        create.push(format!("ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"));
    }
    let mut drop: Vec<String> = triggers
        .iter()
        .map(|name| format!("DROP TRIGGER {name} ON {table}"))
        .collect();
    drop.push(format!("DROP FUNCTION {function}()"));
    SyncSql {
        create,
        drop,
        triggers,
        unfilled: self::unfilled(sync),
    }
}

/// True unless it is the backfill that writes.
fn bypassed_unless(bypass: &Bypass) -> String {
    format!(
        "pg_catalog.current_setting({}, true) IS DISTINCT FROM {}",
        quote_literal(&bypass.setting),
        quote_literal(&bypass.secret)
    )
}

/// A quote that the text does not hold: an expression may hold any literal (pitfall 11).
pub fn dollar_quote(text: &str) -> String {
    let mut quote = "$zdm$".to_owned();
    let mut number = 0;
    while text.contains(&quote) {
        number += 1;
        quote = format!("$zdm{number}$");
    }
    quote
}

/// Fixes where the names in the expressions are looked up. A function that names columns alone
/// needs nothing fixed, and is spared the cost.
fn search_path(sync: &Sync) -> String {
    let mut exprs = vec![&sync.up];
    exprs.extend(sync.down.as_ref().map(|down| &down.expr));
    fixed_path(&exprs, &sync.search_path)
}

/// The same for any expressions.
fn fixed_path(exprs: &[&Expr], search_path: &[Ident]) -> String {
    let plain = |expr: &&Expr| {
        expr.columns.len() == 1 && expr.rewrite(|_| Some(String::new())).trim().is_empty()
    };
    if exprs.iter().all(plain) {
        return String::new();
    }
    let mut schemas: Vec<String> = search_path.iter().map(Ident::quoted).collect();
    schemas.retain(|schema| schema != "pg_temp");
    // Otherwise it is searched before all others, and belongs to the writer.
    schemas.push("pg_temp".to_owned());
    format!(" SET search_path = {}", schemas.join(", "))
}

/// SQL condition over the row: true exactly for rows not filled yet.
pub fn unfilled(sync: &Sync) -> String {
    unfilled_in(sync, "")
}

/// The columns of the old side.
fn old_side(sync: &Sync) -> Vec<Ident> {
    let mut columns = sync.inputs.clone();
    if let Some(down) = &sync.down
        && !columns.contains(&down.column)
    {
        columns.push(down.column.clone());
    }
    columns
}

/// The columns whose change matters: the new one and, where it follows, the old side's.
fn watched(sync: &Sync) -> Vec<Ident> {
    let mut columns = match sync.mode {
        SyncMode::Follow | SyncMode::FollowInStep => old_side(sync),
        SyncMode::Fill | SyncMode::FillOld => Vec::new(),
    };
    columns.push(sync.new.clone());
    columns
}

/// `record_image_ne` over some columns: exact, NULL-safe, for any type (pitfall 46).
fn changed(columns: &[Ident]) -> String {
    if columns.is_empty() {
        return "false".to_owned();
    }
    let row = |record: &str| {
        let fields: Vec<String> = columns
            .iter()
            .map(|column| format!("{record}.{column}"))
            .collect();
        format!("ROW({})", fields.join(", "))
    };
    format!("pg_catalog.record_image_ne({}, {})", row("NEW"), row("OLD"))
}

fn unfilled_in(sync: &Sync, record: &str) -> String {
    let field = |column: &Ident| {
        if record.is_empty() {
            column.quoted()
        } else {
            format!("{record}.{column}")
        }
    };
    match &sync.unfilled {
        Unfilled::NullBesideValue { old } => {
            format!(
                "({} IS NULL AND {} IS NOT NULL)",
                field(&sync.new),
                field(old)
            )
        }
        Unfilled::Null => format!("({} IS NULL)", field(&sync.new)),
        Unfilled::Marker(marker) => format!("({} IS NOT NULL)", field(marker)),
    }
}

/// An expression over a row, its columns taken from `record`.
pub fn over(expr: &Expr, record: &str) -> String {
    format!(
        "({})",
        expr.rewrite(|column| Some(format!("{record}.{}", column.name)))
    )
}
