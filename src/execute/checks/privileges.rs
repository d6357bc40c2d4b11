//! Scope: the tables whose rows the plan reads or writes. Their owner has these rights unless they
//! were revoked from it; then the first count or the first batch would fail in the middle.

use serde::Deserialize;

use super::{Finding, FindingLevel, Scope};
use crate::db::{DbError, Session, activity::json_rows, bind};

#[derive(Deserialize)]
struct Lacking {
    table: String,
    role: String,
    privileges: String,
}

pub(super) async fn check(
    session: &mut Session,
    scope: &Scope<'_>,
) -> Result<Vec<Finding>, DbError> {
    let sql = bind(
        "SELECT w.relation AS table, r.rolname AS role, \
           pg_catalog.string_agg(DISTINCT w.privilege, ', ') AS privileges \
         FROM pg_catalog.jsonb_to_recordset($1::jsonb) \
           AS w (relation text, privilege text, connection boolean) \
         JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(w.relation) \
         JOIN pg_catalog.pg_roles r \
           ON r.rolname = CASE WHEN w.connection THEN current_user ELSE coalesce($2, current_user) END \
         WHERE NOT pg_catalog.has_table_privilege(r.oid, c.oid, w.privilege) \
           AND (w.privilege = 'DELETE' \
                OR NOT pg_catalog.has_any_column_privilege(r.oid, c.oid, w.privilege)) \
         GROUP BY 1, 2 ORDER BY 1, 2",
        &[
            (&needs(scope)).into(),
            scope.role.map(crate::ident::Ident::as_str).into(),
        ],
    );
    let lacking: Vec<Lacking> = json_rows(session, &sql).await?;
    Ok(lacking.into_iter().map(finding).collect())
}

fn needs(scope: &Scope<'_>) -> String {
    let needs = scope.needs.iter().map(|need| {
        serde_json::json!({
            "relation": need.table.to_string(),
            "privilege": need.privilege.as_sql(),
            "connection": need.by == super::By::Connection,
        })
    });
    needs.collect::<serde_json::Value>().to_string()
}

fn finding(lacking: Lacking) -> Finding {
    let Lacking {
        table,
        role,
        privileges,
    } = lacking;
    Finding {
        check: "table-privilege",
        level: FindingLevel::Refusal,
        message: format!(
            "{role} lacks {privileges} on {table}, whose rows the migration reads or writes (the \
             owner has it until it is revoked)"
        ),
        fix: Some(format!(
            "GRANT {privileges} ON {table} TO {};",
            crate::ident::quote(&role)
        )),
    }
}
