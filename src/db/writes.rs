//! How much is written to each table, by the server's own counters.
//!
//! Only reads. The counters are written by sessions when they end a transaction, at most once a
//! second each.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use crate::{
    db::{
        activity::json_rows,
        session::{DbError, Session},
    },
    ident::{Ident, ObjectName},
};

#[derive(Deserialize)]
struct Row {
    schema: String,
    name: String,
    writes: Option<u64>,
}

/// Rows inserted, updated and deleted in each table, as far as they are counted now.
pub async fn writes(session: &mut Session) -> Result<BTreeMap<ObjectName, u64>, DbError> {
    let rows: Vec<Row> = json_rows(session, include_str!("sql/writes.sql")).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let name = ObjectName::new(Ident::exact(row.schema), Ident::exact(row.name));
            Some((name, row.writes?))
        })
        .collect())
}

/// For how long the database has counted; `None` when the server does not say (from version 15 on
/// it does only after a reset).
pub async fn counting_for(session: &mut Session) -> Result<Option<Duration>, DbError> {
    let seconds: Option<i64> = session
        .value(
            "SELECT pg_catalog.floor(extract(epoch FROM \
               pg_catalog.clock_timestamp() - d.stats_reset))::bigint \
             FROM pg_catalog.pg_stat_database d \
             WHERE d.datname = pg_catalog.current_database()",
        )
        .await?;
    Ok(seconds
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map(Duration::from_secs))
}
