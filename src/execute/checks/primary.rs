//! Scope: the server. It accepts writes: not a standby, and not read-only by default.

use super::{Finding, FindingLevel};
use crate::db::{DbError, Session, get};

pub(super) async fn check(session: &mut Session) -> Result<Vec<Finding>, DbError> {
    let row = session
        .row(
            "SELECT pg_catalog.pg_is_in_recovery(), \
             pg_catalog.current_setting('default_transaction_read_only')::boolean",
        )
        .await?;
    let Some(row) = row else {
        return Ok(Vec::new());
    };
    if get::<bool>(&row, 0)? {
        return Ok(vec![Finding {
            check: "read-only-replica",
            level: FindingLevel::Refusal,
            message: "this server is a standby: it replays another server and accepts no change"
                .to_owned(),
            fix: Some(
                "Connect to the primary (with several hosts in the URL: \
                 target_session_attrs=read-write)."
                    .to_owned(),
            ),
        }]);
    }
    if get::<bool>(&row, 1)? {
        return Ok(vec![Finding {
            check: "read-only-database",
            level: FindingLevel::Refusal,
            message: "default_transaction_read_only is on for this role or database".to_owned(),
            fix: Some(
                "Use a role that may write, or ALTER ROLE … RESET default_transaction_read_only;"
                    .to_owned(),
            ),
        }]);
    }
    Ok(Vec::new())
}
