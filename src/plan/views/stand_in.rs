//! A view that stands for a table: under another name than the table's, or in the table's place
//! with a second name for a column. It shows the same rows, and writes through it are writes of
//! the table (manual, CREATE VIEW, "Updatable Views").
//!
//! It has the defaults of the table, because `SET c = DEFAULT` looks for that of the view. It reads
//! with the rights of the table's owner, which are those of the view: a view with
//! `security_invoker` wants SELECT on every column that it shows, and that is more than the table
//! wants. Only row security needs to know who asks.

use crate::{
    catalog::{PgVersion, Table, View, ViewColumn},
    ident::{Ident, ObjectName},
    plan::{acl, draft::Refusal, recipe::Context, views},
};

/// What works with a table and not with a view of it (pitfall 74), to go before "do not work".
pub const LIMITS: &str = "COPY into or out of it, TRUNCATE, TABLESAMPLE, MERGE before PostgreSQL 17, \
    ctid, xmin and other system columns, WHERE CURRENT OF, ON CONFLICT ON CONSTRAINT, GROUP BY on \
    the key alone, SET … = DEFAULT of an identity or generated column, new foreign keys, \
    pg_get_serial_sequence and the look for keys and defaults in the catalogs";

/// What makes the view `name` of `over`, with the columns, the rights and the defaults of `table`:
/// `over` is that table, or what it is called by then. `more` are second names of columns, behind
/// the others; neither name of those gets a default.
pub fn sql(
    cx: &Context<'_>,
    table: &Table,
    name: &ObjectName,
    over: &ObjectName,
    more: &[(Ident, Ident)],
) -> Vec<String> {
    views::anew(cx.before, &view(table, name, over, more))
}

/// Refuses a table whose rows or columns clients could not use through a view as they do now.
pub fn refuse_rights(cx: &Context<'_>, table: &Table, instead: &str) -> Result<(), Refusal> {
    let name = table.name.short();
    let why = if table.row_security && cx.before.version < PgVersion::V15 {
        format!(
            "{name} has row level security, and a view of PostgreSQL 14 reads with its owner's \
             rights: clients would see rows that are not for them"
        )
    } else if table.row_security && table.columns.iter().any(|column| column.acl.is_some()) {
        format!(
            "{name} has row level security and grants on single columns: a view that reads with \
             the rights of who asks wants SELECT on all of them"
        )
    } else if !table.row_security && !owner_may_everything(table) {
        format!(
            "the owner of {name} has given up rights on it, and a view reads with its owner's \
             rights: nobody could use it"
        )
    } else {
        return Ok(());
    };
    Err(Refusal::new("row-security", why, instead))
}

fn owner_may_everything(table: &Table) -> bool {
    let (Some(acl), Some(owner)) = (&table.acl, &table.owner) else {
        return true;
    };
    let owner = Some(owner.quoted());
    acl.iter()
        .any(|item| acl::grantee(item) == owner && acl::is_everything(item))
}

fn view(table: &Table, name: &ObjectName, over: &ObjectName, more: &[(Ident, Ident)]) -> View {
    let own = table.columns.iter().map(|column| (column, &column.name));
    let second = more
        .iter()
        .filter_map(|(column, second)| Some((table.column(column)?, second)));
    let columns: Vec<_> = own.chain(second).collect();
    let query: Vec<String> = columns
        .iter()
        .map(|(column, name)| {
            if column.name == **name {
                name.quoted()
            } else {
                format!("{} AS {name}", column.name)
            }
        })
        .collect();
    let query = format!("SELECT {} FROM {over}", query.join(", "));
    let mut view = View::new(name.clone(), query);
    if table.row_security {
        view.options.push("security_invoker = true".to_owned());
    }
    view.owner.clone_from(&table.owner);
    view.acl.clone_from(&table.acl);
    view.columns = columns
        .into_iter()
        .map(|(column, name)| {
            let default = column.default.clone().filter(|_| {
                let has_two = more.iter().any(|(known, _)| *known == column.name);
                column.generated.is_none() && column.identity.is_none() && !has_two
            });
            ViewColumn {
                acl: column.acl.clone(),
                default,
                ..ViewColumn::new(name.clone())
            }
        })
        .collect();
    view
}
