//! Scope: the tables that a backfill updates. Row level security applies to their owner only when
//! it is forced; then zdm's sessions, which never read through policies, get an error instead of a
//! part of the rows (pitfall 58).

use serde::Deserialize;

use super::{Finding, FindingLevel, Scope, names};
use crate::db::{DbError, Session, activity::json_rows, bind};

#[derive(Deserialize)]
struct Secured {
    table: String,
}

pub(super) async fn check(
    session: &mut Session,
    scope: &Scope<'_>,
) -> Result<Vec<Finding>, DbError> {
    let sql = bind(
        "SELECT w.name AS table \
         FROM pg_catalog.jsonb_array_elements_text($1::jsonb) AS w (name) \
         JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(w.name) \
         WHERE c.relrowsecurity AND c.relforcerowsecurity AND pg_catalog.row_security_active(c.oid)",
        &[(&names(scope.backfilled)).into()],
    );
    let secured: Vec<Secured> = json_rows(session, &sql).await?;
    Ok(secured
        .into_iter()
        .map(|found| Finding {
            check: "row-security",
            level: FindingLevel::Refusal,
            message: format!(
                "{} forces row level security on its owner too: a backfill would not see every row",
                found.table
            ),
            fix: Some(format!(
                "Use a role with BYPASSRLS, or ALTER TABLE {} NO FORCE ROW LEVEL SECURITY; for \
                 the time of the migration.",
                found.table
            )),
        })
        .collect())
}
