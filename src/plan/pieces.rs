//! Steps that several recipes share: proving NOT NULL, validating, backfilling, counting.

use crate::{
    catalog::PgVersion,
    effects::{LockMode, duration},
    ident::{Ident, ObjectName, quote_literal},
    parse::{Expr, PhaseName},
    plan::{
        Assignment, Backfill, Step, StepKind, Undo, Verify,
        backfill::{PassSettings, pass_template},
        draft::{Draft, lock, step},
        partitions,
        recipe::Context,
        state,
    },
};

/// Rows a backfill fills in a millisecond, roughly.
pub const FILL_ROWS_PER_MS: u64 = 100;

/// How long reading a table takes, in milliseconds, when its size is known.
pub fn scan_estimate(cx: &Context<'_>, table: &ObjectName) -> Option<u64> {
    cx.bytes(table).map(duration::reading)
}

/// How long `CREATE INDEX CONCURRENTLY` works on a table, in milliseconds, when its size is known.
pub fn build_estimate(cx: &Context<'_>, table: &ObjectName) -> Option<u64> {
    cx.bytes(table).map(duration::building_concurrently)
}

/// A short statement under ACCESS EXCLUSIVE on one table.
pub fn short_ddl(table: &ObjectName, title: String, reason: &str, sql: Vec<String>) -> Step {
    step(StepKind::Ddl, title, reason)
        .sql(sql)
        .lock(table, LockMode::AccessExclusive)
}

/// `VALIDATE CONSTRAINT`: long, under SHARE UPDATE EXCLUSIVE.
pub fn validate(cx: &Context<'_>, table: &ObjectName, constraint: &Ident) -> Step {
    let mut step = step(
        StepKind::LongDdl,
        format!("check every row of {} against {constraint}", table.short()),
        "reads the whole table, under a lock that stops no client",
    )
    .sql([format!(
        "ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}"
    )])
    .lock(table, LockMode::ShareUpdateExclusive)
    .scan(
        table,
        LockMode::ShareUpdateExclusive,
        "to validate the constraint",
    )
    .state(state::constraint_valid(table, constraint));
    step.estimate_ms = scan_estimate(cx, table);
    step
}

/// Adds a constraint that is enforced for new rows at once and not checked for old ones.
pub fn add_not_valid(
    table: &ObjectName,
    constraint: &Ident,
    definition: &str,
    reason: &str,
) -> Step {
    short_ddl(
        table,
        format!(
            "add {constraint} to {}, not yet checked for existing rows",
            table.short()
        ),
        reason,
        vec![format!(
            "ALTER TABLE {table} ADD CONSTRAINT {constraint} {definition} NOT VALID"
        )],
    )
    .state(state::constraint_present(table, constraint))
    .undone_by(Undo::ddl(
        [format!(
            "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {constraint}"
        )],
        lock(table, LockMode::AccessExclusive),
    ))
}

/// What is left to do in contract once a column is proved free of NULLs.
#[derive(Debug, Clone, Default)]
pub struct NotNullProof {
    /// Statements for the contract transaction.
    pub contract: Vec<String>,
    /// The constraint to rename to its plain name (PostgreSQL 18), when it has another.
    pub rename: Option<Ident>,
}

/// The steps that make a column NOT NULL without a scan under a strong lock.
///
/// Before 18 a CHECK is added NOT VALID and validated, and proves the later SET NOT NULL
/// (`NotNullImpliedByRelConstraints`, `src/backend/commands/tablecmds.c`). From 18 on the NOT NULL
/// constraint itself can be NOT VALID; `name` is the name it gets there.
pub fn prove_not_null(
    draft: &mut Draft,
    cx: &Context<'_>,
    table: &ObjectName,
    column: &Ident,
    name: &Ident,
    phase: PhaseName,
) -> NotNullProof {
    let reason = "from here on a NULL is refused; the rows that are there are filled already";
    if cx.before.version >= PgVersion::V18 {
        let add = add_not_valid(table, name, &format!("NOT NULL {column}"), reason);
        draft.push(phase, partitions::on_tree(cx, add, table));
        for step in partitions::validate_not_null(cx, table, column, name) {
            draft.push(phase, step);
        }
        return NotNullProof {
            contract: Vec::new(),
            rename: Some(name.clone()),
        };
    }
    let key = cx.key(table, column);
    let check = cx.own_name(&key, &Ident::exact(format!("{}_not_null", column.as_str())));
    let definition = format!("CHECK ({column} IS NOT NULL)");
    let add = add_not_valid(table, &check, &definition, reason);
    draft.push(phase, partitions::on_tree(cx, add, table));
    for step in partitions::validate(cx, table, &check) {
        draft.push(phase, step);
    }
    NotNullProof {
        contract: vec![
            format!("ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL"),
            format!("ALTER TABLE {table} DROP CONSTRAINT {check}"),
        ],
        rename: None,
    }
}

/// Fills the unfilled rows of a table in batches.
pub fn backfill(cx: &Context<'_>, table: &ObjectName, backfill: Backfill) -> Step {
    let columns: Vec<String> = backfill
        .set
        .iter()
        .map(|assignment| assignment.column.quoted())
        .collect();
    let settings = PassSettings {
        bypass: cx.bypass,
        search_path: &cx.before.search_path,
        role: None,
    };
    let sql = pass_template(&backfill, table, &settings);
    let mut step = step(
        StepKind::Backfill { backfill },
        format!("fill {} of every row of {}", columns[0], table.short()),
        "the rows written before the trigger existed; in batches that yield to the application",
    )
    .sql(sql)
    .lock(table, LockMode::RowExclusive)
    .scan(table, LockMode::RowExclusive, "page by page, in batches");
    step = partitions::on_tree(cx, step, table);
    step.estimate_ms = cx.rows(table).map(|rows| rows / FILL_ROWS_PER_MS + 1);
    step
}

/// Proves that a backfill left nothing out.
pub fn verify_filled(cx: &Context<'_>, table: &ObjectName, column: &Ident, unfilled: &str) -> Step {
    let mut step = step(
        StepKind::Verify {
            verify: Verify {
                table: table.clone(),
                count: format!("SELECT pg_catalog.count(*) FROM {table} WHERE {unfilled}"),
                sample: None,
                message: format!("{{count}} rows of {} have no {column} yet", table.short()),
                help: "run `zdm apply` again: the backfill starts over for the rows that are left"
                    .to_owned(),
            },
        },
        format!("look for rows of {} without {column}", table.short()),
        "completeness is proved, not assumed",
    )
    .sql([format!(
        "SELECT pg_catalog.count(*) FROM {table} WHERE {unfilled}"
    )])
    .lock(table, LockMode::AccessShare)
    .scan(
        table,
        LockMode::AccessShare,
        "to find rows that are not filled",
    );
    step.estimate_ms = scan_estimate(cx, table);
    step
}

/// Counts rows that a constraint would refuse; goes on only when there are none.
pub fn count_violators(
    cx: &Context<'_>,
    table: &ObjectName,
    what: &str,
    count: String,
    sample: Option<String>,
) -> Step {
    let mut step = step(
        StepKind::Verify {
            verify: Verify {
                table: table.clone(),
                count: count.clone(),
                sample,
                message: format!("{{count}} rows of {} violate {what}", table.short()),
                help: "correct them, then run `zdm apply` again; nothing stands in their way yet"
                    .to_owned(),
            },
        },
        format!("count rows of {} that violate {what}", table.short()),
        "a constraint never stands while a row violates it: even NOT VALID it refuses every \
         update of such a row",
    )
    .sql([count])
    .lock(table, LockMode::AccessShare)
    .scan(table, LockMode::AccessShare, "to count violations");
    step.estimate_ms = scan_estimate(cx, table);
    step
}

/// A query for a few rows of `from`, by their primary key; where there is none, by their place.
pub fn example_keys(cx: &Context<'_>, table: &ObjectName, from: &str) -> String {
    let key = cx
        .before
        .tables
        .get(table)
        .and_then(crate::catalog::Table::primary_key);
    let columns: Vec<String> = key
        .map(crate::catalog::Constraint::columns)
        .unwrap_or_default()
        .iter()
        .map(|column| {
            let label = quote_literal(&format!("{column} = "));
            format!("{label} || {column}::pg_catalog.text")
        })
        .collect();
    let shown = if columns.is_empty() {
        "ctid::pg_catalog.text".to_owned()
    } else {
        columns.join(" || ', ' || ")
    };
    format!("SELECT {shown} {from} LIMIT 5")
}

/// Waits until nobody can see the table as it was before the last backfill commit.
pub fn wait_for_snapshots() -> Step {
    step(
        StepKind::WaitForSnapshots,
        "wait until no transaction is older than the backfill",
        "a snapshot from before it would see the new column empty",
    )
}

/// `column = value`.
pub fn assign(column: &Ident, value: impl Into<String>) -> Assignment {
    Assignment {
        column: column.clone(),
        value: value.into(),
    }
}

/// The name PostgreSQL 18 gives a column's NOT NULL constraint, from the catalog after the
/// operation, or made up as the server does it.
pub fn not_null_name(cx: &Context<'_>, table: &ObjectName, column: &Ident) -> Ident {
    cx.after_table(table)
        .and_then(|table| table.column(column))
        .and_then(|column| column.not_null_constraint.as_ref())
        .map_or_else(
            || {
                Ident::exact(format!(
                    "{}_{}_not_null",
                    table.name.as_str(),
                    column.as_str()
                ))
            },
            |(name, _)| name.clone(),
        )
}

/// What a column that appears in expand means for statements that do not name their columns
/// (pitfall 28). Plain ADD COLUMN means the same.
pub fn new_column_conditions(table: &ObjectName) -> [(PhaseName, String); 1] {
    [(
        PhaseName::Expand,
        format!(
            "statements on {} that do not name their columns see one more: a prepared SELECT * or \
             RETURNING * fails once and must be prepared again, and COPY or INSERT without a \
             column list may fail until contract",
            table.short()
        ),
    )]
}

/// What an expression inside a sync trigger means for writes of the old application.
pub fn expression_conditions(cx: &Context<'_>, up: &Expr) -> Vec<(PhaseName, String)> {
    let text = up.text.trim();
    let mut conditions = vec![(
        PhaseName::Expand,
        format!("a write of a row for which `{text}` raises an error is refused until contract"),
    )];
    let own = up.functions.iter().find(|name| {
        cx.before.functions.keys().any(|known| {
            known.name == name.name
                && name
                    .schema
                    .as_ref()
                    .is_none_or(|schema| *schema == known.schema)
        })
    });
    if let Some(function) = own {
        conditions.push((
            PhaseName::Expand,
            format!(
                "every role that writes the table must be allowed to execute {function}: the \
                 trigger calls it in the writer's name"
            ),
        ));
    }
    conditions
}
