//! Scope: the server. Its major version is one that zdm knows the locks of.

use super::{Finding, FindingLevel};
use crate::{
    catalog::PgVersion,
    db::{DbError, Session},
};

pub(super) async fn check(session: &mut Session) -> Result<Vec<Finding>, DbError> {
    let number = session
        .value::<i32>("SELECT pg_catalog.current_setting('server_version_num')::integer")
        .await?;
    let major = u32::try_from(number / 10_000).unwrap_or(0);
    if PgVersion::from_major(major).is_some() {
        return Ok(Vec::new());
    }
    Ok(vec![Finding {
        check: "server-version",
        level: FindingLevel::Refusal,
        message: format!(
            "PostgreSQL {major} is not supported: what its statements lock is not known"
        ),
        fix: Some("Use PostgreSQL 14 to 18.".to_owned()),
    }])
}
