//! Scope: the tables that the plan changes. Logical replication: a backfill's UPDATE of a published
//! table without a replica identity fails; a helper column stops subscribers that do not have it;
//! a column list blocks DROP COLUMN (pitfall 60).

use serde::Deserialize;

use super::{Finding, FindingLevel, Scope, names};
use crate::db::{DbError, Session, activity::json_rows, bind};

#[derive(Deserialize)]
struct Published {
    table: String,
    publications: String,
    updates: bool,
    identity: bool,
}

pub(super) async fn check(
    session: &mut Session,
    scope: &Scope<'_>,
) -> Result<Vec<Finding>, DbError> {
    let sql = bind(
        include_str!("../sql/published.sql"),
        &[(&names(scope.tables)).into()],
    );
    let published: Vec<Published> = json_rows(session, &sql).await?;
    let is_one_of = |tables: &[crate::ident::ObjectName], name: &str| {
        tables.iter().any(|table| table.to_string() == name)
    };
    let mut findings = Vec::new();
    for found in published {
        let Published {
            table,
            publications,
            updates,
            identity,
        } = &found;
        if *updates && !identity && is_one_of(scope.backfilled, table) {
            findings.push(Finding {
                check: "replica-identity",
                level: FindingLevel::Refusal,
                message: format!(
                    "{table} is published by {publications} without a replica identity: the \
                     server refuses every UPDATE of it, the backfill's too"
                ),
                fix: Some(format!("ALTER TABLE {table} REPLICA IDENTITY FULL;")),
            });
        }
        if is_one_of(scope.reshaped, table) {
            findings.push(Finding {
                check: "published-table",
                level: FindingLevel::Warning,
                message: format!(
                    "{table} is published by {publications}: a subscriber without the new column \
                     stops with \"missing replicated column\", and a column list blocks DROP COLUMN"
                ),
                fix: Some(
                    "Add the new columns on the subscribers first, and take dropped ones out of \
                     column lists."
                        .to_owned(),
                ),
            });
        }
    }
    Ok(findings)
}
