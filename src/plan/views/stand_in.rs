//! A view that stands for a table: under another name than the table's, or in the table's place
//! with a second name for a column. It shows the same rows, and writes through it are writes of
//! the table (manual, CREATE VIEW, "Updatable Views").

use crate::{
    catalog::{PgVersion, Table, View, ViewColumn},
    ident::{Ident, ObjectName},
    plan::{draft::Refusal, recipe::Context, views},
};

/// What works with a table and not with a view of it (pitfall 74), to go before "do not work".
pub const LIMITS: &str = "COPY into it, TRUNCATE, TABLESAMPLE, MERGE before PostgreSQL 17, ctid, \
    ON CONFLICT ON CONSTRAINT, GROUP BY on the key alone, new foreign keys and \
    pg_get_serial_sequence";

/// What makes the view `name` of `over`, with the columns and the rights of `table`: `over` is
/// that table, or what it is called by then. `more` are second names of columns, behind the others.
pub fn sql(
    cx: &Context<'_>,
    table: &Table,
    name: &ObjectName,
    over: &ObjectName,
    more: &[(Ident, Ident)],
) -> Vec<String> {
    let view = view(cx, table, name, over, more);
    let mut sql = vec![views::definition(&view, false)];
    if let Some(owner) = &view.owner {
        sql.push(format!("ALTER VIEW {name} OWNER TO {owner}"));
    }
    sql.extend(views::grants(cx.before, &view));
    sql
}

/// Refuses a table whose rows are not for everybody, where a view would show them all.
pub fn refuse_row_security(cx: &Context<'_>, table: &Table, instead: &str) -> Result<(), Refusal> {
    if cx.before.version >= PgVersion::V15 || !table.row_security {
        return Ok(());
    }
    Err(Refusal::new(
        "row-security",
        format!(
            "{} has row level security, and a view of PostgreSQL 14 reads with its owner's \
             rights: clients would see rows that are not for them",
            table.name.short()
        ),
        instead,
    ))
}

fn view(
    cx: &Context<'_>,
    table: &Table,
    name: &ObjectName,
    over: &ObjectName,
    more: &[(Ident, Ident)],
) -> View {
    let columns = table.columns.iter().map(|column| column.name.quoted());
    let second = more
        .iter()
        .map(|(column, second)| format!("{column} AS {second}"));
    let columns: Vec<String> = columns.chain(second).collect();
    let query = format!("SELECT {} FROM {over}", columns.join(", "));
    let mut view = View::new(name.clone(), query);
    if cx.before.version >= PgVersion::V15 {
        view.options.push("security_invoker = true".to_owned());
    }
    view.owner.clone_from(&table.owner);
    view.acl.clone_from(&table.acl);
    if table.columns.iter().any(|column| column.acl.is_some()) {
        let own = table.columns.iter().map(|column| (column, &column.name));
        let second = more
            .iter()
            .filter_map(|(column, second)| Some((table.column(column)?, second)));
        view.columns = own
            .chain(second)
            .map(|(column, name)| ViewColumn {
                acl: column.acl.clone(),
                ..ViewColumn::new(name.clone())
            })
            .collect();
    }
    view
}
