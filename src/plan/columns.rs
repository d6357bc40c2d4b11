//! What the recipes for columns check and look up.

use crate::{
    catalog::{Column, ConstraintKind, Table, Volatility, apply::names_in, volatility::volatility},
    ident::{Ident, ObjectName},
    parse::{
        Expr, PhaseName, StatementKind,
        statement::{AlterActionKind, ColumnAction},
    },
    plan::{
        draft::{Draft, Refusal},
        partitions, pieces,
        recipe::Context,
        sync_trigger, touches,
    },
};

/// A column that must be there.
pub fn existing<'a>(table: &'a Table, name: &Ident) -> Result<&'a Column, Refusal> {
    table.column(name).ok_or_else(|| {
        let names: Vec<&str> = table
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        Refusal::new(
            "no-such-column",
            format!("{} has no column {name}", table.name.short()),
            format!("its columns are: {}", names.join(", ")),
        )
    })
}

/// Refuses a column of which an earlier statement of the file sets something that is copied with a
/// column and that a replay does not follow: comments, grants, statistics, options.
pub fn check_followed(cx: &Context<'_>, table: &Table, column: &Column) -> Result<(), Refusal> {
    let mut hanging: Vec<Ident> = touches::hanging_on(cx, &table.name, &column.name)
        .into_iter()
        .map(|name| name.name)
        .collect();
    hanging.push(column.name.clone());
    let names_it = |sql: &str| {
        let names: Vec<Ident> = names_in(sql).collect();
        hanging.iter().any(|name| names.contains(name))
    };
    let earlier = cx.ops[..cx.at].iter().find(|op| match &op.statement.kind {
        StatementKind::Opaque(opaque) => {
            ["COMMENT", "GRANT", "REVOKE"]
                .iter()
                .any(|word| opaque.keywords.starts_with(word))
                && names_it(&op.sql)
        }
        StatementKind::AlterRelation(_) => matches!(
            op.action.map(|action| &action.kind),
            Some(AlterActionKind::AlterColumn {
                name,
                action: ColumnAction::SetStatistics(_)
                    | ColumnAction::SetOptions(_)
                    | ColumnAction::ResetOptions(_)
            }) if *name == column.name
        ),
        StatementKind::CreateTable(_)
        | StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_) => false,
    });
    match earlier {
        None => Ok(()),
        Some(op) => Err(Refusal::new(
            "chained-change",
            format!(
                "`{}` changes what belongs to {}.{} earlier in this file, and would be missing \
                 on the column that takes its place",
                op.sql.split_whitespace().collect::<Vec<_>>().join(" "),
                table.name.short(),
                column.name
            ),
            "put that statement behind this one, or into a migration of its own",
        )),
    }
}

/// Looks, before anything is made, for rows that no UPDATE can touch: those that violate a
/// constraint which is enforced and not validated (pitfall 42). A backfill could not fill them.
pub fn count_unwritable(cx: &Context<'_>, draft: &mut Draft, table: &ObjectName) {
    let Some(known) = cx.before.tables.get(table) else {
        return;
    };
    let checks = known
        .constraints
        .iter()
        .filter_map(|constraint| match &constraint.kind {
            ConstraintKind::Check { expr, .. }
                if !constraint.validated && constraint.enforced() =>
            {
                Some((&constraint.name, format!("({expr}) IS FALSE")))
            }
            _ => None,
        });
    let nulls = known
        .columns
        .iter()
        .filter_map(|column| match &column.not_null_constraint {
            Some((name, false)) => Some((name, format!("{} IS NULL", column.name))),
            _ => None,
        });
    for (name, violates) in checks.chain(nulls) {
        let only = partitions::only(cx, table);
        let from = format!("FROM {only}{table} WHERE {violates}");
        let mut step = pieces::count_violators(
            cx,
            table,
            &name.to_string(),
            format!("SELECT pg_catalog.count(*) {from}"),
            Some(pieces::example_keys(cx, table, &from)),
        );
        "the constraint is not validated, and refuses every update of a row that violates it"
            .clone_into(&mut step.reason);
        draft.push(PhaseName::Expand, step);
    }
}

/// Whether an `up` or `down` can be written into a trigger: columns of this table only, no query,
/// nothing volatile.
pub fn check_expression(
    cx: &Context<'_>,
    table: &Table,
    expr: &Expr,
    what: &str,
) -> Result<(), Refusal> {
    if !expr.understood {
        return Err(Refusal::new(
            "expression",
            format!(
                "the {what} expression `{}` was not understood",
                expr.text.trim()
            ),
            "write an expression over columns of this table, such as `coalesce(a, '')`",
        ));
    }
    if expr.has_query {
        return Err(Refusal::new(
            "expression",
            format!("the {what} expression reads other rows; a trigger could not keep it true"),
            "write an expression over columns of the same row",
        ));
    }
    for reference in &expr.columns {
        let Some(column) = table.column(&reference.name) else {
            return Err(Refusal::new(
                "expression",
                format!(
                    "{} has no column {}, which {what} names",
                    table.name.short(),
                    reference.name
                ),
                "name columns of the table as they are before this statement",
            ));
        };
        if column.generated.is_some() {
            return Err(Refusal::new(
                "expression",
                format!(
                    "{what} reads the generated column {}, which has no value yet when a BEFORE \
                     trigger runs",
                    column.name
                ),
                "write out the generated column's own expression",
            ));
        }
    }
    if volatility(expr, cx.before) == Volatility::Volatile {
        return Err(Refusal::new(
            "expression",
            format!(
                "the {what} expression `{}` is volatile: it says something else each time",
                expr.text.trim()
            ),
            "use an expression that depends on the row alone",
        ));
    }
    Ok(())
}

/// The same for a table with its partitions, on each of which the trigger will be.
pub fn check_sync_tree(
    cx: &Context<'_>,
    table: &Table,
    helper_column: HelperColumn,
) -> Result<(), Refusal> {
    let mut members = cx.before.family(&table.name).into_iter();
    members.try_for_each(|member| check_sync_target(member, helper_column))
}

/// Whether the table lets a sync trigger do its work: no rules, no publication it would break, no
/// user trigger outside the pair.
pub fn check_sync_target(table: &Table, helper_column: HelperColumn) -> Result<(), Refusal> {
    let name = table.name.short();
    if !table.rules.is_empty() {
        return Err(Refusal::new(
            "not-yet",
            format!(
                "{name} has rules ({}), which rewrite statements before any trigger sees them",
                table.rules[0]
            ),
            "replace the rule by a trigger first",
        ));
    }
    if let Some(trigger) = table
        .triggers
        .iter()
        .find(|trigger| trigger.before_row && sync_trigger::runs_outside(&trigger.name))
    {
        return Err(Refusal::new(
            "trigger-order",
            format!(
                "the BEFORE trigger {} of {name} would run outside zdm's pair: triggers fire in \
                 the order of their names",
                trigger.name
            ),
            format!(
                "ALTER TRIGGER {} ON {} RENAME TO … (a name between 0 and z)",
                trigger.name, table.name
            ),
        ));
    }
    if table.publications.is_empty() {
        return Ok(());
    }
    let publication = &table.publications[0].name;
    if helper_column == HelperColumn::Needed {
        return Err(Refusal::new(
            "published",
            format!(
                "{name} is in the publication {publication}: the helper column that marks unfilled \
                 rows would stop its subscribers"
            ),
            "take the table out of the publication for the time of the migration",
        ));
    }
    let keyless = match table.replica_identity {
        'd' => table.primary_key().is_none(),
        'n' => true,
        _ => false,
    };
    if keyless {
        return Err(Refusal::new(
            "published",
            format!(
                "{name} is in the publication {publication} without a replica identity: the server \
                 refuses every UPDATE of it, the backfill's too"
            ),
            format!(
                "ALTER TABLE {} REPLICA IDENTITY FULL, or give it a primary key",
                table.name
            ),
        ));
    }
    Ok(())
}

/// Whether a recipe needs a column that marks unfilled rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelperColumn {
    /// It does.
    Needed,
    /// NULL says it.
    NotNeeded,
}
