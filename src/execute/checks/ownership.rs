//! Scope: the tables that the plan changes. The role owns them, or is a member of the role that
//! does: without that, ALTER TABLE fails in the middle of a plan.

use serde::Deserialize;

use super::{Finding, FindingLevel, Scope, names};
use crate::db::{DbError, Session, activity::json_rows, bind};

#[derive(Deserialize)]
struct Foreign {
    table: String,
    owner: String,
    role: String,
}

pub(super) async fn check(
    session: &mut Session,
    scope: &Scope<'_>,
) -> Result<Vec<Finding>, DbError> {
    let sql = bind(
        "SELECT w.name AS table, o.rolname AS owner, r.rolname AS role \
         FROM pg_catalog.jsonb_array_elements_text($1::jsonb) AS w (name) \
         JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(w.name) \
         JOIN pg_catalog.pg_roles o ON o.oid = c.relowner \
         JOIN pg_catalog.pg_roles r ON r.rolname = coalesce($2, current_user) \
         WHERE NOT pg_catalog.pg_has_role(r.oid, c.relowner, 'USAGE')",
        &[
            (&names(scope.tables)).into(),
            scope.role.map(crate::ident::Ident::as_str).into(),
        ],
    );
    let foreign: Vec<Foreign> = json_rows(session, &sql).await?;
    Ok(foreign
        .into_iter()
        .map(|found| Finding {
            check: "ownership",
            level: FindingLevel::Refusal,
            message: format!(
                "{} belongs to {}, and {} may not change it",
                found.table, found.owner, found.role
            ),
            fix: Some(format!(
                "GRANT {} TO {};",
                crate::ident::quote(&found.owner),
                crate::ident::quote(&found.role)
            )),
        })
        .collect())
}
