//! The text of the sync functions, in PL/pgSQL.
//!
//! What they call and compare with is spelled out with its schema, down to the operators, so that
//! no search_path of a writer changes what they do. Values that an expression gives are stored in
//! a copy of the row first: it gives them the type of the column, as an UPDATE would, before they
//! are compared.

use crate::{
    ident::{Ident, quote_literal},
    parse::Expr,
    plan::sync_trigger::{Sync, SyncMode, Unfilled, changed, old_side, over, unfilled_in},
};

/// The body of the function, without its quotes.
pub(super) fn body(sync: &Sync) -> String {
    match sync.mode {
        SyncMode::Follow | SyncMode::FollowInStep => sync_body(sync),
        SyncMode::Fill | SyncMode::FillOld => fill_body(sync),
    }
}

fn differs(left: &str, right: &str) -> String {
    format!("pg_catalog.record_image_ne(ROW({left}), ROW({right}))")
}

/// A fingerprint of some columns of NEW.
fn hash(columns: &[Ident]) -> String {
    let fields: Vec<String> = columns
        .iter()
        .map(|column| format!("NEW.{column}"))
        .collect();
    format!(
        "pg_catalog.hashtextextended(ROW({})::pg_catalog.text, 0)",
        fields.join(", ")
    )
}

fn clear_marker(sync: &Sync) -> String {
    match &sync.unfilled {
        Unfilled::Marker(marker) => format!("  NEW.{marker} := NULL;\n"),
        Unfilled::NullBesideValue { .. } | Unfilled::Null => String::new(),
    }
}

/// What the first run leaves for the last one: a setting of the transaction, one per depth of
/// nested triggers, that begins with the place of the row it is about.
fn remembered(sync: &Sync) -> String {
    format!(
        "pg_catalog.concat({}, pg_catalog.pg_trigger_depth())",
        quote_literal(&format!("zdm.seen_{}_", sync.key))
    )
}

const IS_FIRST: &str = "TG_ARGV[0] OPERATOR(pg_catalog.=) 'first'";
const IS_INSERT: &str = "TG_OP OPERATOR(pg_catalog.=) 'INSERT'";

/// Reads what the first run left, unless it was about another row.
const RECALL: &str = "\
  zdm_row := 'insert';
  IF TG_OP OPERATOR(pg_catalog.<>) 'INSERT' THEN
    zdm_row := OLD.ctid::pg_catalog.text;
  END IF;
  IF TG_ARGV[0] OPERATOR(pg_catalog.=) 'last' THEN
    zdm_seen := pg_catalog.string_to_array(pg_catalog.current_setting(zdm_name, true), '|');
    IF NOT coalesce(zdm_seen[1] OPERATOR(pg_catalog.=) zdm_row, false) THEN
      zdm_seen := NULL;
    END IF;
  END IF;
";

/// Only fills what is missing. A volatile value is computed once; one that depends on the row is
/// computed again when a trigger in between changed the row.
fn fill_body(sync: &Sync) -> String {
    let new = &sync.new;
    let up = over(&sync.up, "NEW");
    let clear = clear_marker(sync);
    let missing = match &sync.unfilled {
        Unfilled::Marker(marker) => format!("NEW.{marker} IS NOT NULL AND NEW.{new} IS NULL"),
        Unfilled::NullBesideValue { .. } | Unfilled::Null => format!("NEW.{new} IS NULL"),
    };
    if sync.up.columns.is_empty() || sync.mode == SyncMode::FillOld {
        return format!(
            "BEGIN\n  \
             -- Rows that have no value yet get one, whoever touches them.\n  \
             IF {missing} THEN\n    NEW.{new} := {up};\n  END IF;\n\
             {clear}  RETURN NEW;\nEND\n"
        );
    }
    let name = remembered(sync);
    let filled = hash(std::slice::from_ref(new));
    format!(
        "DECLARE\n  \
         zdm_name pg_catalog.text := {name};\n  \
         zdm_row pg_catalog.text;\n  \
         zdm_seen pg_catalog.text[];\n\
         BEGIN\n\
         {RECALL}  \
         -- Rows that have no value yet get one, whoever touches them; and once more if it was\n  \
         -- the first run that gave it and a trigger in between changed the row.\n  \
         IF {missing}\n    \
         OR coalesce(zdm_seen[2] OPERATOR(pg_catalog.=) {filled}::pg_catalog.text, false) THEN\n    \
         NEW.{new} := {up};\n    \
         IF {IS_FIRST} THEN\n      \
         PERFORM pg_catalog.set_config(zdm_name, \
         pg_catalog.concat_ws('|', zdm_row, {filled}), true);\n    \
         END IF;\n  \
         ELSIF {IS_FIRST} THEN\n    \
         PERFORM pg_catalog.set_config(zdm_name, '', true);\n  \
         END IF;\n\
         {clear}  RETURN NEW;\nEND\n"
    )
}

/// `target.column := expression`, where the expression reads `record`.
fn assign(target: &str, column: &Ident, expr: &Expr, record: &str) -> String {
    format!("{target}.{column} := {};\n", over(expr, record))
}

/// Keeps both sides in step.
fn sync_body(sync: &Sync) -> String {
    let new = &sync.new;
    let old_columns = old_side(sync);
    let new_columns = std::slice::from_ref(new);
    let up_new = assign("NEW", new, &sync.up, "NEW");
    let then_up_new = assign("zdm_then", new, &sync.up, "NEW");
    let then_up_old = assign("zdm_then", new, &sync.up, "OLD");
    let new_apart = differs(&format!("zdm_then.{new}"), &format!("NEW.{new}"));
    let (follow, back, stands);
    if let Some(down) = &sync.down {
        let column = &down.column;
        let then_down = assign("zdm_then", column, &down.expr, "NEW");
        let old_apart = differs(&format!("zdm_then.{column}"), &format!("NEW.{column}"));
        follow = format!(
            "    zdm_then := NEW;\n    {then_down}    \
             -- A newer value that still maps to the old one stays as it is.\n    \
             IF {IS_INSERT} OR {old_apart} THEN\n      {up_new}    END IF;\n"
        );
        back = format!("    {}", assign("NEW", column, &down.expr, "NEW"));
        stands = format!(
            "    zdm_then := NEW;\n    {then_up_new}    {then_down}    \
             zdm_stands := {new_apart} AND {old_apart};\n"
        );
    } else {
        follow = format!("    {up_new}");
        back = "    NULL;\n".to_owned();
        stands = "    zdm_stands := zdm_new_changed;\n".to_owned();
    }
    let in_step = match sync.mode {
        SyncMode::FollowInStep => format!(
            "    -- Somebody gave the new side a value of its own: it no longer follows.\n    \
             zdm_then := OLD;\n    {then_up_old}    \
             zdm_stands := {};\n",
            differs(&format!("zdm_then.{new}"), &format!("OLD.{new}"))
        ),
        SyncMode::Follow | SyncMode::Fill | SyncMode::FillOld => String::new(),
    };
    format!(
        "DECLARE\n  \
         zdm_name pg_catalog.text := {name};\n  \
         zdm_row pg_catalog.text;\n  \
         zdm_seen pg_catalog.text[];\n  \
         zdm_then pg_catalog.record;\n  \
         zdm_old_changed pg_catalog.bool;\n  \
         zdm_new_changed pg_catalog.bool;\n  \
         zdm_stands pg_catalog.bool := false;\n\
         BEGIN\n\
         {RECALL}  \
         IF zdm_seen IS NOT NULL THEN\n    \
         -- What a trigger in between changed since the first run.\n    \
         zdm_old_changed := zdm_seen[2] OPERATOR(pg_catalog.<>) {old_hash}::pg_catalog.text;\n    \
         zdm_new_changed := zdm_seen[3] OPERATOR(pg_catalog.<>) {new_hash}::pg_catalog.text;\n    \
         zdm_stands := zdm_seen[4] OPERATOR(pg_catalog.=) 't';\n  \
         ELSIF {IS_INSERT} THEN\n    \
         -- The new side wins if it is given, else it follows the old one.\n    \
         zdm_old_changed := NEW.{new} IS NULL;\n    \
         zdm_new_changed := NEW.{new} IS NOT NULL;\n  \
         ELSE\n    \
         -- A row that was never filled counts as filled before it is judged.\n    \
         IF {unfilled} THEN\n      \
         zdm_then := OLD;\n      {then_up_old}      \
         IF NOT {carried} THEN\n        NEW.{new} := zdm_then.{new};\n      END IF;\n      \
         OLD.{new} := zdm_then.{new};\n    \
         END IF;\n    \
         zdm_old_changed := {old_changed};\n    \
         zdm_new_changed := {new_changed};\n\
         {in_step}  \
         END IF;\n  \
         IF zdm_stands OR zdm_old_changed AND zdm_new_changed\n    \
         OR NOT (zdm_old_changed OR zdm_new_changed) THEN\n    \
         -- Both were given and stand, or neither was touched.\n    \
         NULL;\n  \
         ELSIF zdm_old_changed THEN\n\
         {follow}  \
         ELSE\n\
         {back}  \
         END IF;\n  \
         IF {IS_FIRST} THEN\n\
         {stands}    \
         PERFORM pg_catalog.set_config(zdm_name, pg_catalog.concat_ws('|', zdm_row,\n      \
         {old_hash}, {new_hash}, zdm_stands), true);\n  \
         END IF;\n\
         {clear}  RETURN NEW;\nEND\n",
        name = remembered(sync),
        old_hash = hash(&old_columns),
        new_hash = hash(new_columns),
        unfilled = unfilled_in(sync, "OLD"),
        carried = differs(&format!("NEW.{new}"), &format!("OLD.{new}")),
        old_changed = changed(&old_columns),
        new_changed = changed(new_columns),
        clear = clear_marker(sync),
    )
}
