//! The queries behind [`super::Signals`].
//!
//! A query that the role may not ask makes its signal unreadable; a lost connection is an error.

use std::time::Duration;

use crate::db::{DbError, Failure, Row, Session, bind, get};

use super::{Archive, Backlog, Lag, Reading, Settings, Signals};

const NEEDS_MONITOR: &str = "the role is not a member of pg_monitor";

/// Reads everything once.
pub(super) async fn signals(
    session: &mut Session,
    settings: &Settings,
    pid: i32,
    relation: u32,
) -> Result<Signals, DbError> {
    // Without the role the views below show NULL instead of an error (pitfall 65).
    let monitor: bool = session
        .value("SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')")
        .await?;
    let activity = activity(session, pid, relation, monitor).await?;
    Ok(Signals {
        paused: false,
        blocked: activity.blocked,
        lag: if monitor {
            lag(session).await?
        } else {
            unreadable()
        },
        slot: slot(session).await?,
        archive: archive(session).await?,
        autovacuum_waits: activity.autovacuum_waits,
        wraparound: activity.wraparound,
        active: activity.active,
        query: match &settings.query {
            Some(query) => Some(user_query(session, query).await?),
            None => None,
        },
    })
}

fn unreadable<T>() -> Reading<T> {
    Reading::Unreadable(NEEDS_MONITOR.to_owned())
}

struct Activity {
    blocked: Reading<u32>,
    autovacuum_waits: Reading<u32>,
    wraparound: Reading<u32>,
    active: Reading<u32>,
}

async fn activity(
    session: &mut Session,
    pid: i32,
    relation: u32,
    monitor: bool,
) -> Result<Activity, DbError> {
    // Who waits can be seen by everyone in pg_locks; what a session does, only with pg_monitor.
    let sql = bind(
        "WITH waiting AS MATERIALIZED (\
             SELECT DISTINCT pid FROM pg_catalog.pg_locks WHERE NOT granted), \
         activity AS MATERIALIZED (\
             SELECT pid, state, query, application_name, backend_type \
             FROM pg_catalog.pg_stat_get_activity(NULL)), \
         workers AS (\
             SELECT l.granted, a.query FROM pg_catalog.pg_locks l JOIN activity a USING (pid) \
             WHERE a.backend_type = 'autovacuum worker' AND l.locktype = 'relation' \
               AND l.relation = $2) \
         SELECT \
             (SELECT pg_catalog.count(*) FROM waiting \
              WHERE $1::int = ANY (pg_catalog.pg_blocking_pids(pid))), \
             (SELECT pg_catalog.count(*) FROM workers WHERE NOT granted), \
             (SELECT pg_catalog.count(*) FROM workers WHERE granted \
                 AND query LIKE '%(to prevent wraparound)'), \
             (SELECT pg_catalog.count(*) FROM activity WHERE backend_type = 'client backend' \
                 AND state = 'active' AND application_name NOT LIKE 'zdm %')",
        &[i64::from(pid).into(), relation.into()],
    );
    let row = session.row(&sql).await?;
    let count = |column: usize| -> Result<Reading<u32>, DbError> {
        let count: i64 = row.as_ref().map_or(Ok(0), |row| get(row, column))?;
        Ok(Reading::Known(u32::try_from(count).unwrap_or(u32::MAX)))
    };
    Ok(Activity {
        blocked: count(0)?,
        autovacuum_waits: if monitor { count(1)? } else { unreadable() },
        wraparound: if monitor { count(2)? } else { unreadable() },
        active: if monitor { count(3)? } else { unreadable() },
    })
}

async fn lag(session: &mut Session) -> Result<Reading<Vec<Lag>>, DbError> {
    // A base backup and a standby that is only starting have nothing to replay yet.
    let rows = attempt(
        session
            .rows(
                "SELECT coalesce(nullif(application_name, ''), client_addr::text, 'unnamed'), \
                 greatest(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), \
                     replay_lsn), 0)::bigint, \
                 (coalesce(EXTRACT(epoch FROM replay_lag), 0) * 1000)::bigint \
                 FROM pg_catalog.pg_stat_replication \
                 WHERE state IN ('catchup', 'streaming') AND replay_lsn IS NOT NULL",
            )
            .await,
    )?;
    map(rows, |rows| {
        rows.iter()
            .map(|row| {
                Ok(Lag {
                    standby: get(row, 0)?,
                    bytes: unsigned(get(row, 1)?),
                    time: Duration::from_millis(unsigned(get(row, 2)?)),
                })
            })
            .collect()
    })
}

async fn slot(session: &mut Session) -> Result<Reading<Option<Backlog>>, DbError> {
    let rows = attempt(
        session
            .rows(
                "SELECT slot_name::text, \
                 pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn)::bigint \
                 FROM pg_catalog.pg_replication_slots \
                 WHERE restart_lsn IS NOT NULL AND wal_status IS DISTINCT FROM 'lost' \
                 ORDER BY restart_lsn LIMIT 1",
            )
            .await,
    )?;
    map(rows, |rows| {
        rows.first()
            .map(|row| {
                Ok(Backlog {
                    slot: get(row, 0)?,
                    bytes: unsigned(get(row, 1)?),
                })
            })
            .transpose()
    })
}

async fn archive(session: &mut Session) -> Result<Reading<Archive>, DbError> {
    // A WAL file's name is its timeline, and its number in two halves of eight digits; the second
    // half counts the segments of 4 GB. Names of history and backup files are longer.
    let rows = attempt(
        session
            .rows(
                "WITH place AS (SELECT last_archived_wal AS wal, last_failed_wal, \
                     coalesce(last_failed_time > last_archived_time, \
                         last_failed_time IS NOT NULL) AS failing, \
                     pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')) \
                         AS segment \
                     FROM pg_catalog.pg_stat_archiver) \
                 SELECT pg_catalog.current_setting('archive_mode') <> 'off', failing, \
                     coalesce(last_failed_wal, ''), \
                     CASE WHEN wal ~ '^[0-9A-F]{24}$' THEN greatest(0, \
                         pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0') \
                         - ('x' || substr(wal, 9, 8))::bit(32)::bigint::numeric * 4294967296 \
                         - ('x' || substr(wal, 17, 8))::bit(32)::bigint * segment \
                         - segment)::bigint ELSE 0 END \
                 FROM place",
            )
            .await,
    )?;
    map(rows, |rows| {
        let Some(row) = rows.first() else {
            return Ok(Archive::Off);
        };
        let (on, failing): (bool, bool) = (get(row, 0)?, get(row, 1)?);
        Ok(match (on, failing) {
            (false, _) => Archive::Off,
            (true, true) => Archive::Failing(get(row, 2)?),
            (true, false) => Archive::Working(unsigned(get(row, 3)?)),
        })
    })
}

async fn user_query(session: &mut Session, query: &str) -> Result<Reading<bool>, DbError> {
    match session.value::<Option<bool>>(query).await {
        // NULL is no clear yes.
        Ok(answer) => Ok(Reading::Known(answer == Some(true))),
        Err(error) if error.failure() == Failure::ConnectionLost => Err(error),
        Err(error) => Ok(Reading::Unreadable(error.message)),
    }
}

/// What the role may not ask is unreadable; every other error is one.
fn attempt(result: Result<Vec<Row>, DbError>) -> Result<Reading<Vec<Row>>, DbError> {
    match result {
        Ok(rows) => Ok(Reading::Known(rows)),
        Err(error) if error.failure() == Failure::Privilege => {
            Ok(Reading::Unreadable(error.message))
        }
        Err(error) => Err(error),
    }
}

fn map<T>(
    reading: Reading<Vec<Row>>,
    read: impl FnOnce(&[Row]) -> Result<T, DbError>,
) -> Result<Reading<T>, DbError> {
    match reading {
        Reading::Known(rows) => read(&rows).map(Reading::Known),
        Reading::Unreadable(error) => Ok(Reading::Unreadable(error)),
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
