//! What the UPDATEs of a file make of a column that the file adds, as one expression over the row.
//!
//! The statements are followed one after the other, as the server would run them: each new column
//! begins as its default, or NULL; an UPDATE puts an expression in its place, under its WHERE. What
//! names a new column is given what that column holds by then. So the result names only columns
//! that were there before, and says of any row what plain execution would have made of it.

use crate::{
    catalog::{Volatility, volatility::volatility},
    ident::{Ident, ObjectName},
    parse::{
        Expr, StatementKind, expr_from_text, format_type, serial_type,
        statement::{
            AlterActionKind, ColumnAction, ColumnConstraintKind, ColumnDef, DataType, Update,
        },
    },
    plan::{draft::Refusal, operation::Operation, recipe::Context},
};

/// A new column as the UPDATEs of the file leave it.
#[derive(Debug, Clone)]
pub struct Derived {
    /// Its value, from columns that were there before.
    pub up: Expr,
    /// Positions of the UPDATEs that set it.
    pub updates: Vec<usize>,
}

/// What a new column holds at some point of the file.
#[derive(Debug, Clone)]
struct Held<'a> {
    column: &'a ColumnDef,
    value: Value,
    updates: Vec<usize>,
}

#[derive(Debug, Clone)]
enum Value {
    Null,
    /// SQL, with the columns of the table bare.
    Sql(Sql),
    /// Another in each row: from a sequence, a volatile default, or other columns.
    Unknown(&'static str),
}

#[derive(Debug, Clone)]
struct Sql {
    text: String,
    /// It is never NULL: only literals are given.
    sure: bool,
}

/// What the file's UPDATEs make of the column that the operation adds; `None` when none sets it.
pub fn derived(
    cx: &Context<'_>,
    table: &ObjectName,
    column: &Ident,
) -> Option<Result<Derived, Refusal>> {
    let sets = |op: &Operation<'_>| match &op.statement.kind {
        StatementKind::Update(update) => {
            cx.resolve(&update.table) == *table && names_as_target(update, column, &op.sql)
        }
        _ => false,
    };
    cx.ops[cx.at..]
        .iter()
        .any(sets)
        .then(|| follow(cx, table, column))
}

/// Whether the UPDATE sets the column; where its SET list is not a plain one, whether it may.
fn names_as_target(update: &Update, column: &Ident, sql: &str) -> bool {
    match &update.assignments {
        Some(assignments) => assignments.iter().any(|(name, _)| name == column),
        None => crate::catalog::apply::names_in(sql).any(|name| name == *column),
    }
}

fn follow(cx: &Context<'_>, table: &ObjectName, wanted: &Ident) -> Result<Derived, Refusal> {
    let mut held: Vec<Held<'_>> = Vec::new();
    for (at, op) in cx.ops.iter().enumerate() {
        match &op.statement.kind {
            StatementKind::AlterRelation(alter) if cx.resolve(&alter.name) == *table => {
                match op.action.map(|action| &action.kind) {
                    Some(AlterActionKind::AddColumn { column, .. }) => {
                        held.retain(|known| known.column.name != column.name);
                        held.push(Held {
                            column,
                            value: initial(cx, column),
                            updates: Vec::new(),
                        });
                    }
                    Some(AlterActionKind::DropColumn { name, .. }) => {
                        held.retain(|known| known.column.name != *name);
                    }
                    _ => {}
                }
            }
            StatementKind::Update(update)
                if cx.resolve(&update.table) == *table
                    && names_as_target(update, wanted, &op.sql) =>
            {
                run(cx, table, wanted, update, at, &mut held)?;
            }
            StatementKind::Update(update) if cx.resolve(&update.table) == *table => {
                // Only what becomes of other new columns matters here.
                let touched = held
                    .iter()
                    .any(|known| names_as_target(update, &known.column.name, &op.sql));
                if touched && run(cx, table, wanted, update, at, &mut held).is_err() {
                    for known in &mut held {
                        if names_as_target(update, &known.column.name, &op.sql) {
                            known.value = Value::Unknown("is filled by an UPDATE of its own kind");
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let unclear = |why: &str| refuse(table, wanted, why);
    let found = held
        .into_iter()
        .find(|known| known.column.name == *wanted)
        .ok_or_else(|| unclear("was not understood"))?;
    match found.value {
        Value::Sql(sql) => Ok(Derived {
            up: expr_from_text(&never_null(cx, table, found.column, sql)),
            updates: found.updates,
        }),
        Value::Null => Ok(Derived {
            up: expr_from_text("NULL"),
            updates: found.updates,
        }),
        Value::Unknown(why) => Err(unclear(why)),
    }
}

/// What a column holds right after it was added.
fn initial(cx: &Context<'_>, column: &ColumnDef) -> Value {
    if serial_type(&column.ty).is_some() {
        return Value::Unknown("is numbered by a sequence");
    }
    let mut value = Value::Null;
    for constraint in &column.constraints {
        match &constraint.kind {
            ColumnConstraintKind::Default(expr) if expr.is_null() => {}
            ColumnConstraintKind::Default(expr) => {
                value = if volatility(expr, cx.before) == Volatility::Volatile {
                    Value::Unknown("has a default that is another one in each row")
                } else {
                    let text = expr.text.trim().to_owned();
                    Value::Sql(Sql {
                        sure: is_bool(&text),
                        text,
                    })
                };
            }
            ColumnConstraintKind::Identity { .. } => {
                return Value::Unknown("is numbered by a sequence");
            }
            ColumnConstraintKind::Generated { .. } => {
                return Value::Unknown("is generated");
            }
            ColumnConstraintKind::NotNull
            | ColumnConstraintKind::Null
            | ColumnConstraintKind::Check(_)
            | ColumnConstraintKind::Unique { .. }
            | ColumnConstraintKind::PrimaryKey
            | ColumnConstraintKind::References(_) => {}
        }
    }
    value
}

/// Runs one UPDATE on what the new columns hold.
fn run(
    cx: &Context<'_>,
    table: &ObjectName,
    wanted: &Ident,
    update: &Update,
    at: usize,
    held: &mut [Held<'_>],
) -> Result<(), Refusal> {
    let unclear = |why: &str| refuse(table, wanted, why);
    let Some(assignments) = &update.assignments else {
        return Err(unclear("does not set column by column"));
    };
    let queried = update
        .predicate
        .iter()
        .chain(assignments.iter().map(|(_, expr)| expr));
    if update.other_clauses || queried.clone().any(|expr| expr.has_query) {
        return Err(Refusal::new(
            "column-from-update",
            format!(
                "the UPDATE that fills {}.{wanted} reads other rows, or returns some: what the old application \
                 changes there until contract would never reach the new column",
                table.short()
            ),
            "put the UPDATE into the next migration, when the new application writes the column \
             itself; or say before it how it is to run: `-- zdm: phase migrate` for one statement, \
             `-- zdm: once using <key>` for ranges of a key: what the old application writes after \
             that keeps the default",
        ));
    }
    let new = |name: &Ident| held.iter().any(|known| known.column.name == *name);
    if let Some((other, _)) = assignments.iter().find(|(name, _)| !new(name)) {
        return Err(unclear(&format!(
            "also sets {other}, which was there before: split it into two"
        )));
    }
    let seen = held.to_vec();
    let over_row = |expr: &Expr| -> Result<String, Refusal> {
        if volatility(expr, cx.before) == Volatility::Volatile {
            return Err(unclear(
                "is volatile: rows written in between would get another value",
            ));
        }
        substitute(expr, &seen, table).map_err(|why| unclear(&why))
    };
    let predicate = match &update.predicate {
        Some(predicate) => Some(over_row(predicate)?),
        None => None,
    };
    for (name, expr) in assignments {
        let text = over_row(expr)?;
        let Some(target) = held.iter_mut().find(|known| known.column.name == *name) else {
            continue;
        };
        target.updates.push(at);
        let sure = is_bool(&text);
        target.value = Value::Sql(match (&predicate, &target.value) {
            (None, _) => Sql { text, sure },
            (Some(_), Value::Null)
                if update
                    .predicate
                    .as_ref()
                    .is_some_and(|predicate| is_null_test(predicate, name)) =>
            {
                Sql { text, sure }
            }
            (Some(condition), Value::Null) => Sql {
                text: format!("CASE WHEN {condition} THEN {text} END"),
                sure: false,
            },
            (Some(condition), Value::Sql(before)) => {
                // The branches must be of one type, and an UPDATE would give them the column's.
                let then = typed(cx, target.column, &text);
                let otherwise = typed(cx, target.column, &before.text);
                Sql {
                    text: format!("CASE WHEN {condition} THEN {then} ELSE {otherwise} END"),
                    sure: sure && before.sure,
                }
            }
            (Some(_), Value::Unknown(why)) => return Err(unclear(why)),
        });
    }
    Ok(())
}

/// The expression with what the new columns hold in their place, and the table's name left out.
fn substitute(expr: &Expr, held: &[Held<'_>], table: &ObjectName) -> Result<String, String> {
    let mut failed = None;
    let text = expr.rewrite(|reference| {
        let Some(known) = held
            .iter()
            .find(|known| known.column.name == reference.name)
        else {
            return Some(reference.name.quoted());
        };
        let ty = &known.column.ty.text;
        match &known.value {
            Value::Null => Some(format!("(NULL::{ty})")),
            Value::Sql(sql) if is_bool(&sql.text) => Some(sql.text.clone()),
            Value::Sql(sql) => Some(format!("(({})::{ty})", sql.text)),
            Value::Unknown(why) => {
                failed = Some(format!(
                    "reads {}.{}, which {why}",
                    table.short(),
                    reference.name
                ));
                None
            }
        }
    });
    failed.map_or(Ok(text), Err)
}

/// The type to cast a value of the column to. An explicit cast to a limited length cuts the value
/// off, where an assignment refuses it; so the length is left out.
fn cast_type(cx: &Context<'_>, ty: &DataType) -> String {
    let base = match ty.name.name.as_str() {
        _ if ty.name.schema.is_some() => None,
        "varchar" | "character varying" => Some("character varying"),
        "char" | "character" | "bpchar" => Some("pg_catalog.bpchar"),
        "bit" | "varbit" | "bit varying" => Some("bit varying"),
        _ => None,
    };
    base.map_or_else(
        || cx.input.script.source.slice(ty.span).to_owned(),
        |base| format!("{base}{}", "[]".repeat(ty.array_dimensions)),
    )
}

/// A column with a default that ends as NOT NULL gets that where the UPDATE gives NULL: plain
/// execution would have failed for such a row, but one that comes later must not be refused.
fn never_null(cx: &Context<'_>, table: &ObjectName, column: &ColumnDef, sql: Sql) -> String {
    let later = cx.ops[cx.at..].iter().any(|op| {
        let set = match op.action.map(|action| &action.kind) {
            Some(AlterActionKind::AlterColumn { name, action }) => {
                *name == column.name && matches!(action, ColumnAction::SetNotNull)
            }
            _ => false,
        };
        set && matches!(&op.statement.kind, StatementKind::AlterRelation(alter)
            if cx.resolve(&alter.name) == *table)
    });
    let not_null = later
        || column
            .constraints
            .iter()
            .any(|one| matches!(one.kind, ColumnConstraintKind::NotNull));
    match initial(cx, column) {
        Value::Sql(default) if not_null && !sql.sure => format!(
            "coalesce({}, {})",
            typed(cx, column, &sql.text),
            typed(cx, column, &default.text)
        ),
        Value::Sql(_) | Value::Null | Value::Unknown(_) => sql.text,
    }
}

fn is_bool(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

/// A value with the column's type.
fn typed(cx: &Context<'_>, column: &ColumnDef, text: &str) -> String {
    let ty = cast_type(cx, &column.ty);
    if is_bool(text) && format_type(&column.ty) == "boolean" {
        text.to_owned()
    } else {
        format!("({text})::{ty}")
    }
}

/// Whether a condition is `column IS NULL` and nothing else.
fn is_null_test(predicate: &Expr, column: &Ident) -> bool {
    let text = predicate.rewrite(|reference| Some(reference.name.quoted()));
    let words: Vec<&str> = text.split_whitespace().collect();
    words.len() == 3
        && words[0] == column.quoted()
        && words[1].eq_ignore_ascii_case("is")
        && words[2].eq_ignore_ascii_case("null")
}

fn refuse(table: &ObjectName, column: &Ident, why: &str) -> Refusal {
    Refusal::new(
        "column-from-update",
        format!("the UPDATE that fills {}.{column} {why}", table.short()),
        format!(
            "write it as UPDATE t SET {column} = <expression over the row>; or give the value as \
             `-- zdm: up({column}) …` before ADD COLUMN and leave the UPDATE out; or write `-- zdm: \
             phase migrate` before the UPDATE: it then runs once, and rows that the old application \
             writes after it keep what ADD COLUMN says"
        ),
    )
}
