//! A new column that an UPDATE of the file fills from other rows.
//!
//! No trigger keeps such a column true: what it is made from changes without its row. So the UPDATE
//! does its work in migrate, in batches, on the rows in which the column is still empty, and once
//! more in contract, for those that the old application has written meanwhile (DESIGN §7). A row
//! that has had its turn is not empty any more, so batches end. What the column holds in a row is
//! thus what the other rows said at that moment, as it is with plain SQL.
//!
//! An UPDATE with a directive of its own (`phase`, `once using`) is run as its author says.

use crate::{
    catalog::Volatility,
    ident::{Ident, ObjectName},
    parse::{
        DirectiveKind, Expr, PhaseName, StatementKind,
        rows::{RowsStatement, rows_statement},
        serial_type,
        statement::{AlterActionKind, ColumnConstraintKind, ColumnDef, DataKind, RelationKind},
    },
    plan::{draft::Draft, operation::Operation, recipe::Context, rows::limits},
};

/// An UPDATE that fills new columns from other rows.
pub struct Filled {
    /// What it sets.
    pub assignments: Vec<(Ident, Expr)>,
    /// The rows that it is left to do.
    pub left: String,
}

/// Whether the column that the operation at `at` adds is filled by UPDATEs that stand on their own.
pub fn stands_apart(cx: &Context<'_>, at: usize, table: &ObjectName, column: &Ident) -> bool {
    let mut fills = (at + 1..cx.ops.len())
        .filter(|at| sets(cx, &cx.ops[*at], table, column))
        .peekable();
    fills.peek().is_some()
        && fills.all(|at| is_told(&cx.ops[at]) || filled(cx, at, table).is_some())
}

/// The same of a column that the file adds somewhere before the operation.
pub fn is_empty_until_contract(cx: &Context<'_>, table: &ObjectName, column: &Ident) -> bool {
    (0..cx.at).any(|at| {
        added(cx, &cx.ops[at], table)
            .is_some_and(|added| added.name == *column && starts_empty(added))
            && stands_apart(cx, at, table, column)
    })
}

/// Whether the file adds the column before the operation, to a table that is in use.
pub fn is_new(cx: &Context<'_>, table: &ObjectName, column: &Ident) -> bool {
    cx.ops[..cx.at]
        .iter()
        .any(|op| added(cx, op, table).is_some_and(|added| added.name == *column))
}

/// The UPDATE at `at`, if it fills new columns of the table from other rows.
pub fn filled(cx: &Context<'_>, at: usize, table: &ObjectName) -> Option<Filled> {
    let op = &cx.ops[at];
    let parts = rows_statement(&op.sql)?;
    let assignments = parts.assignments()?;
    let itself = |name| cx.resolve(name) == *table;
    if parts.reads.is_empty() || parts.reads.iter().any(itself) || is_told(op) {
        return None;
    }
    let volatile = parts
        .predicate
        .as_ref()
        .is_some_and(|predicate| limits::varying(cx, predicate, Volatility::Stable).is_some());
    let new = assignments
        .iter()
        .all(|(column, _)| is_still_empty(cx, at, table, column));
    if volatile || !new {
        return None;
    }
    Some(Filled {
        left: left(&parts, &assignments),
        assignments,
    })
}

/// The values are asked for where the condition holds and nowhere else, whatever the planner does
/// first: elsewhere they may raise an error.
fn left(parts: &RowsStatement, assignments: &[(Ident, Expr)]) -> String {
    let row = parts.alias.as_ref().unwrap_or(&parts.relation.name);
    let empty = assignments
        .iter()
        .map(|(column, _)| format!("{row}.{column} IS NULL"));
    let given: Vec<String> = assignments
        .iter()
        .map(|(_, value)| format!("({}) IS NOT NULL", value.text.trim()))
        .collect();
    let conditions: Vec<String> = parts
        .predicate
        .iter()
        .map(|predicate| format!("({})", predicate.text))
        .chain(empty)
        .collect();
    let applies = conditions.join(" AND ");
    format!(
        "{applies} AND CASE WHEN {applies} THEN {} ELSE false END",
        given.join(" OR ")
    )
}

/// Whether a directive of its own says how it is to be run.
fn is_told(op: &Operation<'_>) -> bool {
    op.statement.directives.iter().any(|directive| {
        matches!(
            directive.kind,
            DirectiveKind::Phase(_) | DirectiveKind::Once { .. }
        )
    })
}

/// The column that an operation adds to the table, which had none of that name before the file
/// (`IF NOT EXISTS` may find one that holds values).
fn added<'a>(cx: &Context<'_>, op: &Operation<'a>, table: &ObjectName) -> Option<&'a ColumnDef> {
    let StatementKind::AlterRelation(alter) = &op.statement.kind else {
        return None;
    };
    let AlterActionKind::AddColumn { column, .. } = &op.action?.kind else {
        return None;
    };
    let known = cx.input.catalog.tables.get(table)?;
    (alter.kind == RelationKind::Table
        && cx.resolve(&alter.name) == *table
        && known.column(&column.name).is_none())
    .then_some(column)
}

/// Whether a column holds NULL in every row right after it was added.
fn starts_empty(column: &ColumnDef) -> bool {
    serial_type(&column.ty).is_none()
        && column.constraints.iter().all(|one| match &one.kind {
            ColumnConstraintKind::Default(expr) => expr.is_null(),
            ColumnConstraintKind::Null
            | ColumnConstraintKind::Check(_)
            | ColumnConstraintKind::Unique { .. }
            | ColumnConstraintKind::References(_) => true,
            ColumnConstraintKind::NotNull
            | ColumnConstraintKind::PrimaryKey
            | ColumnConstraintKind::Identity { .. }
            | ColumnConstraintKind::Generated { .. } => false,
        })
}

/// Whether the file adds the column, empty, and nothing has been said of it until `at`.
fn is_still_empty(cx: &Context<'_>, at: usize, table: &ObjectName, column: &Ident) -> bool {
    let from = (0..at).rev().find(|before| {
        added(cx, &cx.ops[*before], table)
            .is_some_and(|added| added.name == *column && starts_empty(added))
    });
    let Some(from) = from else { return false };
    cx.ops[from + 1..at].iter().all(|op| {
        !sets(cx, op, table, column)
            && match (&op.statement.kind, op.action.map(|action| &action.kind)) {
                (
                    StatementKind::AlterRelation(alter),
                    Some(
                        AlterActionKind::AlterColumn { name, .. }
                        | AlterActionKind::DropColumn { name, .. }
                        | AlterActionKind::RenameColumn { from: name, .. },
                    ),
                ) => cx.resolve(&alter.name) != *table || name != column,
                _ => true,
            }
    })
}

/// Whether the operation is an UPDATE that sets the column, or may.
fn sets(cx: &Context<'_>, op: &Operation<'_>, table: &ObjectName, column: &Ident) -> bool {
    let target = match &op.statement.kind {
        StatementKind::Update(update) => Some(&update.table),
        StatementKind::Data(data) if data.kind == DataKind::Update => data.targets.first(),
        _ => None,
    };
    target.is_some_and(|target| cx.resolve(target) == *table)
        && match rows_statement(&op.sql).and_then(|parts| parts.assignments()) {
            Some(list) => list.iter().any(|(name, _)| name == column),
            None => limits::names(&op.sql).contains(column),
        }
}

/// What the plan has to say of it.
pub fn say(draft: &mut Draft, table: &ObjectName, filled: &Filled) {
    let names: Vec<String> = filled
        .assignments
        .iter()
        .map(|(column, _)| format!("{}.{column}", table.short()))
        .collect();
    let list = names.join(", ");
    draft.conditions.push((
        PhaseName::Migrate,
        format!(
            "rows that the old application writes after the fill hold NULL in {list} until \
             contract fills them too; so does a row in which the new application leaves NULL"
        ),
    ));
    draft.conditions.push((
        PhaseName::Migrate,
        format!(
            "what {list} was made from may change after a row had its turn, as after the plain \
             UPDATE: from then on it is for the new application to follow, and what the old one \
             changes meanwhile does not reach it"
        ),
    ));
}
