//! Scope: the role. It sees what other sessions do; without that zdm works from `pg_locks` alone:
//! blockers without age and query, waits for every open transaction, and no replication lag.

use super::{Finding, FindingLevel, Scope};
use crate::{
    db::{DbError, Session, activity},
    execute::settings::WithoutMonitor,
    ident::quote,
};

pub(super) async fn check(
    session: &mut Session,
    scope: &Scope<'_>,
) -> Result<Vec<Finding>, DbError> {
    let sees = activity::visibility(session).await?;
    if sees == activity::Visibility::LocksOnly && scope.watches {
        let user = quote(&session.value::<String>("SELECT current_user::text").await?);
        return Ok(vec![Finding {
            check: "without-monitor",
            level: FindingLevel::Refusal,
            message: format!(
                "{user} does not see replication lag and other sessions, so a backfill could not \
                 tell when to wait; `[backfill] without_monitor = \"accept\"` lets it run without"
            ),
            fix: Some(format!("GRANT pg_monitor TO {user};")),
        }]);
    }
    match (sees, scope.without_monitor) {
        (activity::Visibility::Full, _)
        | (activity::Visibility::LocksOnly, WithoutMonitor::Accept) => return Ok(Vec::new()),
        (activity::Visibility::LocksOnly, WithoutMonitor::Warn) => {}
    }
    let user = quote(&session.value::<String>("SELECT current_user::text").await?);
    Ok(vec![Finding {
        check: "without-monitor",
        level: FindingLevel::Warning,
        message: format!(
            "{user} does not see other sessions' state, age, query and snapshots: blockers are \
             shown by pid alone, and more is waited for than necessary"
        ),
        fix: Some(format!("GRANT pg_monitor TO {user};")),
    }])
}
