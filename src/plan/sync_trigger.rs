//! Sync triggers: what keeps two shapes of a row in step while old and new applications write.
//!
//! One function, run as the first and as the last BEFORE row trigger of the table, for INSERT and
//! for UPDATE. It judges **by value, not by who writes**: it reads no search_path and needs no
//! co-operation of any application. It touches only NEW and OLD, calls nothing but `pg_catalog`,
//! and every expression is written into it with its column names replaced token by token.
//!
//! The UPDATE triggers carry a WHEN clause, so a row that is filled and whose synced columns are
//! not touched costs no function call, whoever changes it (also a user's trigger, which an
//! `UPDATE OF` list would miss). The clause also lets the backfill past.
//!
//! What each rule is for: `PITFALLS` 1–8, 42–52 by number in `tests/it/live/sync_trigger.rs`.
//! The decisions behind it: `docs/design/sync-triggers.md`.

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
}

/// How far a sync trigger goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMode {
    /// Keeps both sides in step, whichever changes.
    Follow,
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
    let bypass_condition = format!(
        "pg_catalog.current_setting({}, true) IS DISTINCT FROM {}",
        quote_literal(&bypass.setting),
        quote_literal(&bypass.secret)
    );
    let when_update = format!(
        "{bypass_condition} AND ({} OR {})",
        changed(&watched(sync)),
        unfilled_in(sync, "OLD")
    );
    let mut create = vec![format!(
        "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY INVOKER AS $zdm$\n\
         {}$zdm$",
        body(sync)
    )];
    // The server asks for EXECUTE when a trigger is made, not when it fires.
    create.push(format!("REVOKE ALL ON FUNCTION {function}() FROM PUBLIC"));
    let mut triggers = Vec::new();
    for (prefix, event, when) in [
        (FIRST, "INSERT", None),
        (FIRST, "UPDATE", Some(&when_update)),
        (LAST, "INSERT", None),
        (LAST, "UPDATE", Some(&when_update)),
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
        unfilled: unfilled_in(sync, ""),
    }
}

/// The columns whose change matters: the new one and, where it follows, the old side's.
fn watched(sync: &Sync) -> Vec<Ident> {
    let mut columns = match sync.mode {
        SyncMode::Follow => sync.inputs.clone(),
        SyncMode::Fill | SyncMode::FillOld => Vec::new(),
    };
    if let Some(down) = &sync.down
        && !columns.contains(&down.column)
    {
        columns.push(down.column.clone());
    }
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

fn body(sync: &Sync) -> String {
    match sync.mode {
        SyncMode::Follow => sync_body(sync),
        SyncMode::Fill | SyncMode::FillOld => fill_body(sync),
    }
}

/// Only fills what is missing. The value is computed once, so it may be volatile.
fn fill_body(sync: &Sync) -> String {
    let new = &sync.new;
    let up = over(&sync.up, "NEW");
    let clear = clear_marker(sync);
    let missing = match &sync.unfilled {
        Unfilled::Marker(marker) => format!("NEW.{marker} IS NOT NULL AND NEW.{new} IS NULL"),
        Unfilled::NullBesideValue { .. } | Unfilled::Null => format!("NEW.{new} IS NULL"),
    };
    format!(
        "BEGIN\n  \
         -- Rows that have no value yet get one, whoever touches them.\n  \
         IF {missing} THEN\n    NEW.{new} := {up};\n  END IF;\n\
         {clear}  RETURN NEW;\nEND\n"
    )
}

fn clear_marker(sync: &Sync) -> String {
    match &sync.unfilled {
        Unfilled::Marker(marker) => format!("  NEW.{marker} := NULL;\n"),
        Unfilled::NullBesideValue { .. } | Unfilled::Null => String::new(),
    }
}

/// Keeps both sides in step.
fn sync_body(sync: &Sync) -> String {
    let new = &sync.new;
    let flag = quote_literal(&format!("zdm.given_{}", sync.key));
    let up_new = over(&sync.up, "NEW");
    let up_old = over(&sync.up, "OLD");
    let differs =
        |left: &str, right: &str| format!("pg_catalog.record_image_ne(ROW({left}), ROW({right}))");
    let old_side: Vec<Ident> = watched(sync)
        .into_iter()
        .filter(|column| column != new)
        .collect();
    let new_field = format!("NEW.{new}");
    // In step: the new side is what the old one says or, for a lossy down, still maps to it.
    let mut apart = differs(&up_new, &new_field);
    let mut down_on_insert = String::new();
    let mut down_on_update = String::new();
    let mut keep_newer = String::new();
    if let Some(down) = &sync.down {
        let down_new = over(&down.expr, "NEW");
        let old_field = format!("NEW.{}", down.column);
        let maps_not = differs(&down_new, &old_field);
        apart = format!("({apart} AND {maps_not})");
        keep_newer = format!(" AND {maps_not}");
        down_on_insert = format!(
            "      IF {maps_not} THEN NEW.{} := {down_new}; END IF;\n",
            down.column
        );
        down_on_update = format!("    NEW.{} := {down_new};\n", down.column);
    }
    let clear = clear_marker(sync);
    let insert_new_given = if down_on_insert.is_empty() {
        String::new()
    } else {
        format!("    ELSIF TG_ARGV[0] = 'first' THEN\n{down_on_insert}")
    };
    let update_new_changed = if down_on_update.is_empty() {
        "    NULL;\n".to_owned()
    } else {
        down_on_update
    };
    format!(
        "DECLARE\n  \
         zdm_old_changed boolean;\n  \
         zdm_new_changed boolean;\n\
         BEGIN\n  \
         IF TG_OP = 'INSERT' THEN\n    \
         -- The new side wins if it is given, else it follows the old one.\n    \
         IF {new_field} IS NULL THEN\n      {new_field} := {up_new};\n\
         {insert_new_given}    \
         ELSIF TG_ARGV[0] = 'last' AND {apart}\n      \
         AND pg_catalog.current_setting({flag}, true) IS DISTINCT FROM 'on' THEN\n      \
         -- A trigger in between changed the old side.\n      \
         {new_field} := {up_new};\n    \
         END IF;\n  \
         ELSE\n    \
         -- A row that was never filled counts as filled before it is judged.\n    \
         IF {unfilled} THEN\n      \
         IF NOT {carried} THEN\n        {new_field} := {up_old};\n      END IF;\n      \
         OLD.{new} := {up_old};\n    \
         END IF;\n    \
         zdm_old_changed := {old_changed};\n    \
         zdm_new_changed := {new_changed};\n    \
         IF zdm_old_changed AND NOT zdm_new_changed THEN\n      \
         IF true{keep_newer} THEN\n        {new_field} := {up_new};\n      END IF;\n    \
         ELSIF zdm_new_changed AND NOT zdm_old_changed THEN\n  {update_new_changed}    \
         ELSIF zdm_old_changed AND TG_ARGV[0] = 'last' AND {apart}\n      \
         AND pg_catalog.current_setting({flag}, true) IS DISTINCT FROM 'on' THEN\n      \
         -- Not the client gave both: a trigger in between changed the old side.\n      \
         {new_field} := {up_new};\n    \
         END IF;\n  \
         END IF;\n  \
         IF TG_ARGV[0] = 'first' AND {apart}\n    \
         IS DISTINCT FROM (pg_catalog.current_setting({flag}, true) IS NOT DISTINCT FROM 'on') THEN\n    \
         -- Both sides were given and stand; the last run must know.\n    \
         PERFORM pg_catalog.set_config({flag}, CASE WHEN {apart} THEN 'on' ELSE '' END, true);\n  \
         END IF;\n\
         {clear}  RETURN NEW;\nEND\n",
        unfilled = unfilled_in(sync, "OLD"),
        carried = differs(&format!("NEW.{new}"), &format!("OLD.{new}")),
        old_changed = changed(&old_side),
        new_changed = changed(std::slice::from_ref(new)),
    )
}
