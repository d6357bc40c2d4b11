//! The oldest transaction that anyone may still look at, and who that is.
//!
//! The same sources as `ComputeXidHorizons` in `src/backend/storage/ipc/procarray.c`: running
//! transactions, snapshots of this database, standbys (directly or by a slot), prepared
//! transactions. A lazy VACUUM's snapshot counts for nobody. A snapshot in another database does
//! not matter, but a running transaction there does: every new snapshot of this database begins
//! no later than it.

use crate::db::{DbError, Row, Session, get};

/// Everything that holds the horizon back: transaction, and who it is. The functions under the
/// views are asked, because joining names to them takes three times as long, and this runs between
/// most passes.
const HELD: &str = "\
    WITH activity AS MATERIALIZED (\
        SELECT * FROM pg_catalog.pg_stat_get_activity(NULL) \
        WHERE pid <> pg_catalog.pg_backend_pid() \
          AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL) \
          AND pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_get_progress_info('VACUUM') \
               WHERE pid IS NOT NULL)), \
    held(xid, kind, pid, name, since) AS (\
        SELECT backend_xid, 'session', pid, application_name, xact_start FROM activity \
        UNION ALL \
        SELECT backend_xmin, CASE backend_type WHEN 'walsender' THEN 'standby' ELSE 'session' END,\
               pid, application_name, xact_start FROM activity \
        WHERE backend_type = 'walsender' OR datid = (SELECT oid FROM pg_catalog.pg_database \
            WHERE datname = pg_catalog.current_database()) \
        UNION ALL \
        SELECT xmin, 'slot', NULL, slot_name::text, NULL \
        FROM pg_catalog.pg_get_replication_slots() WHERE wal_status IS DISTINCT FROM 'lost' \
        UNION ALL \
        SELECT transaction, 'prepared', NULL, gid, prepared FROM pg_catalog.pg_prepared_xact()) ";

/// A query for the oldest such transaction: one `text`, or no row when there is none.
pub(super) fn horizon_sql() -> String {
    format!(
        "{HELD} SELECT xid::text FROM held WHERE xid IS NOT NULL \
         ORDER BY pg_catalog.age(xid) DESC LIMIT 1"
    )
}

/// Reads what [`horizon_sql`] returned.
pub(super) fn read_horizon(row: Option<&Row>) -> Result<Option<u32>, DbError> {
    // A transaction number that is not one is impossible; taken as 0 it would stop nothing.
    row.map(|row| get::<String>(row, 0))
        .transpose()
        .map(|text| text.and_then(|text| text.parse().ok()))
}

/// Who holds the oldest snapshot, in words.
pub(super) async fn oldest_holder(session: &mut Session) -> Result<Option<String>, DbError> {
    let row = session
        .row(&format!(
            "{HELD} SELECT CASE kind \
             WHEN 'session' THEN pg_catalog.format('session %s%s', pid, \
                 CASE WHEN name <> '' THEN ' (' || name || ')' ELSE '' END) \
             WHEN 'standby' THEN pg_catalog.format('a query on the standby %s', name) \
             WHEN 'slot' THEN pg_catalog.format('the replication slot %s', name) \
             ELSE pg_catalog.format('the prepared transaction %L', name) END \
             || CASE WHEN since IS NULL THEN '' ELSE pg_catalog.format(', for %s s', \
                 pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - since))) END \
             FROM held WHERE xid IS NOT NULL ORDER BY pg_catalog.age(xid) DESC LIMIT 1"
        ))
        .await?;
    row.as_ref().map(|row| get(row, 0)).transpose()
}
