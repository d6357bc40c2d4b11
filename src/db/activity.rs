//! Who else is at work on the server: who holds a lock in the way, who waits behind whom, which
//! snapshots are old, how far an index build has come.
//!
//! Only looks; the one exception is [`end_blocker`], which ends what it is told to. A role without
//! `pg_monitor` sees neither state nor age nor query of other roles' sessions (pitfall 65), only
//! `pg_locks`: every function then still finds the sessions, with those fields empty, and
//! [`visibility`] says so.
//! Next: `execute::guard` decides what to do about it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    db::{DbError, Row, Session, Value, bind, get},
    effects::{LockMode, RelationLock},
};

/// What the role may see of other roles' sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// State, age, query and snapshot of every session.
    Full,
    /// Only what `pg_locks` shows: which session holds what.
    LocksOnly,
}

/// A session or prepared transaction that is in the way.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Blocker {
    /// The relation it holds a lock on, as it was asked for.
    pub relation: Option<String>,
    /// The mode it holds, in the words of `pg_locks`.
    pub mode: Option<String>,
    /// Its backend; none for a prepared transaction.
    pub pid: Option<i32>,
    /// Its transaction: the same as long as that transaction lasts.
    pub virtual_transaction: Option<String>,
    /// The global id of a prepared transaction.
    pub prepared: Option<String>,
    /// Its `application_name`.
    pub application: Option<String>,
    /// Its role.
    pub user: Option<String>,
    /// `client backend`, `autovacuum worker`, …
    pub backend_type: Option<String>,
    /// When the backend started, as text: with `pid` it names one session for good.
    pub backend_start: Option<String>,
    /// `active`, `idle in transaction`, …
    pub state: Option<String>,
    /// The age of its transaction in milliseconds.
    pub age_ms: Option<i64>,
    /// Its running or last statement.
    pub query: Option<String>,
}

/// What kind of session a blocker is, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockerKind {
    /// A client, or one whose kind the role may not see.
    Client,
    /// A transaction that was prepared and has no session any more.
    Prepared,
    /// An autovacuum worker that the server cancels for whoever waits longer than
    /// `deadlock_timeout`.
    Autovacuum,
    /// An autovacuum worker that prevents wraparound: it is never cancelled (pitfall 22).
    AntiWraparound,
    /// Any other process of the server.
    Other,
}

impl Blocker {
    /// What it is.
    pub fn kind(&self) -> BlockerKind {
        if self.prepared.is_some() || self.pid.is_none() {
            return BlockerKind::Prepared;
        }
        let query = self.query.as_deref().unwrap_or("");
        match self.backend_type.as_deref() {
            Some("autovacuum worker") if query.contains("(to prevent wraparound)") => {
                BlockerKind::AntiWraparound
            }
            Some("autovacuum worker") => BlockerKind::Autovacuum,
            // Without pg_monitor the type is hidden, but a worker has no role either.
            None if self.user.is_none() && self.application.as_deref() == Some("") => {
                BlockerKind::Autovacuum
            }
            None | Some("client backend") => BlockerKind::Client,
            Some(_) => BlockerKind::Other,
        }
    }
}

/// A session that waits behind another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Waiter {
    /// Its backend.
    pub pid: i32,
    /// Its `application_name`.
    pub application: Option<String>,
    /// Its role.
    pub user: Option<String>,
    /// What it wants to run.
    pub query: Option<String>,
    /// For how long it has waited.
    pub waited_ms: i64,
}

/// What holds back the removal of dead row versions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HorizonHolder {
    /// What it is.
    pub kind: HorizonKind,
    /// Its backend, if it has one.
    pub pid: Option<i32>,
    /// `application_name`, the id of a prepared transaction, or the name of a slot.
    pub name: String,
    /// The state of the session.
    pub state: Option<String>,
    /// The age of its transaction.
    pub age_ms: Option<i64>,
    /// Its running or last statement.
    pub query: Option<String>,
    /// The oldest transaction that it may still have to see as running.
    pub xid: i64,
}

/// The kinds of [`HorizonHolder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HorizonKind {
    /// A session with a snapshot or a transaction id.
    Backend,
    /// A prepared transaction.
    Prepared,
    /// A replication slot.
    Slot,
    /// A standby that sends `hot_standby_feedback`.
    Standby,
}

/// The oldest transactions of this database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Horizon {
    /// Row versions deleted by a transaction below this id are dead to everyone, as far as can be
    /// seen.
    pub oldest: i64,
    /// What holds it back, oldest first.
    pub holders: Vec<HorizonHolder>,
    /// With [`Visibility::LocksOnly`] the snapshots of other roles are missing from it.
    pub visibility: Visibility,
}

/// How far an index build is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IndexProgress {
    /// The phase in the server's words.
    pub phase: String,
    /// Blocks, tuples or waits done.
    pub done: i64,
    /// Of how many.
    pub total: i64,
}

/// What the role may see.
pub async fn visibility(session: &mut Session) -> Result<Visibility, DbError> {
    let full = session
        .value::<bool>(include_str!("sql/visibility.sql"))
        .await?;
    Ok(if full {
        Visibility::Full
    } else {
        Visibility::LocksOnly
    })
}

/// Who holds a lock now that stands in the way of any of `locks`, but for the backends `own`.
pub async fn blockers(
    session: &mut Session,
    locks: &[RelationLock],
    own: &[i32],
) -> Result<Vec<Blocker>, DbError> {
    let wanted: Vec<_> = locks
        .iter()
        .map(|lock| {
            let modes: Vec<String> = LockMode::ALL
                .into_iter()
                .filter(|held| lock.mode.conflicts_with(*held))
                .map(LockMode::as_pg_locks)
                .collect();
            serde_json::json!({"relation": lock.relation.to_string(), "modes": modes})
        })
        .collect();
    let wanted = serde_json::Value::from(wanted).to_string();
    let sql = bind(
        concat!(
            include_str!("sql/blockers.sql"),
            include_str!("sql/who.sql")
        ),
        &[(&wanted).into(), (&pids(own)).into()],
    );
    json_rows(session, &sql).await
}

/// Who holds or waits for ACCESS EXCLUSIVE on a relation of users, with whom those wait for.
pub async fn exclusive(session: &mut Session) -> Result<Vec<Blocker>, DbError> {
    let sql = concat!(
        include_str!("sql/catalog_blockers.sql"),
        include_str!("sql/who.sql")
    );
    json_rows(session, sql).await
}

/// Who the backend `pid` waits for now: empty when it does not wait for a lock.
pub async fn blocking(session: &mut Session, pid: i32) -> Result<Vec<Blocker>, DbError> {
    let sql = bind(
        include_str!("sql/blocking.sql"),
        &[Value::Int(i64::from(pid))],
    );
    // pg_blocking_pids takes an integer, and a literal is a bigint only when it is large.
    json_rows(session, &sql).await
}

/// Who waits behind the backend `pid` now, longest first.
pub async fn waiting_behind(session: &mut Session, pid: i32) -> Result<Vec<Waiter>, DbError> {
    let sql = bind(
        include_str!("sql/waiting.sql"),
        &[Value::Int(i64::from(pid))],
    );
    json_rows(session, &sql).await
}

/// What keeps dead row versions of this database alive, but for the backends `own`.
pub async fn horizon(session: &mut Session, own: &[i32]) -> Result<Horizon, DbError> {
    let visibility = visibility(session).await?;
    // This session's own snapshot is gone when the query has ended.
    let mut own = own.to_vec();
    own.push(session.pid());
    let sql = bind(include_str!("sql/horizon.sql"), &[(&pids(&own)).into()]);
    let holders: Vec<HorizonHolder> = json_rows(session, &sql).await?;
    // The oldest running transaction of any role, which no privilege hides.
    let running = session
        .value::<i64>(
            "SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint",
        )
        .await?;
    let oldest = holders
        .iter()
        .map(|holder| holder.xid)
        .min()
        .map_or(running, |oldest| oldest.min(running));
    Ok(Horizon {
        oldest,
        holders,
        visibility,
    })
}

/// Waits, poll by poll, until nobody can still have a snapshot from before a transaction ended.
///
/// Sessions of other databases do not matter, they cannot read these tables; neither do vacuum
/// workers. Where the role does not see snapshots, every transaction that was open at the first
/// poll counts, which is more than needed and never less.
#[derive(Debug)]
pub struct SnapshotWatch {
    xid: i64,
    open_at_start: Option<BTreeSet<String>>,
}

impl SnapshotWatch {
    /// Waits for those older than the end of transaction `xid` (64 bits, as `pg_current_xact_id`).
    pub fn new(xid: i64) -> Self {
        Self {
            xid,
            open_at_start: None,
        }
    }

    /// Who is still older, but for the backends `own`. Empty once nobody is.
    pub async fn poll(
        &mut self,
        session: &mut Session,
        own: &[i32],
    ) -> Result<Vec<HorizonHolder>, DbError> {
        match visibility(session).await? {
            Visibility::Full => {
                let horizon = horizon(session, own).await?;
                Ok(horizon
                    .holders
                    .into_iter()
                    .filter(|holder| match holder.kind {
                        HorizonKind::Backend | HorizonKind::Prepared => holder.xid <= self.xid,
                        HorizonKind::Slot | HorizonKind::Standby => false,
                    })
                    .collect())
            }
            Visibility::LocksOnly => self.poll_locks(session, own).await,
        }
    }

    async fn poll_locks(
        &mut self,
        session: &mut Session,
        own: &[i32],
    ) -> Result<Vec<HorizonHolder>, DbError> {
        let sql = bind(
            include_str!("sql/open_transactions.sql"),
            &[(&pids(own)).into()],
        );
        let open: Vec<OpenTransaction> = json_rows(session, &sql).await?;
        let at_start = self.open_at_start.get_or_insert_with(|| {
            open.iter()
                .map(|transaction| transaction.virtual_transaction.clone())
                .collect()
        });
        Ok(open
            .into_iter()
            .filter(|transaction| at_start.contains(&transaction.virtual_transaction))
            .map(|transaction| HorizonHolder {
                kind: match transaction.pid {
                    Some(_) => HorizonKind::Backend,
                    None => HorizonKind::Prepared,
                },
                pid: transaction.pid,
                name: transaction.application.unwrap_or_default(),
                state: None,
                age_ms: None,
                query: None,
                xid: self.xid,
            })
            .collect())
    }
}

/// Who may still have a snapshot from before the end of transaction `xid`, but for the backends
/// `own`: one look, for a role that sees snapshots. See [`SnapshotWatch`] for waiting.
pub async fn snapshots_older_than(
    session: &mut Session,
    xid: i64,
    own: &[i32],
) -> Result<Vec<HorizonHolder>, DbError> {
    SnapshotWatch::new(xid).poll(session, own).await
}

/// How far the CREATE INDEX of the backend `pid` is; none when it runs none.
pub async fn index_progress(
    session: &mut Session,
    pid: i32,
) -> Result<Option<IndexProgress>, DbError> {
    let sql = bind(
        include_str!("sql/index_progress.sql"),
        &[Value::Int(i64::from(pid))],
    );
    Ok(json_rows(session, &sql).await?.into_iter().next())
}

/// How a session in the way is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndBlocker {
    /// `pg_cancel_backend`: its running statement fails.
    Cancel,
    /// `pg_terminate_backend`: its connection is closed.
    Terminate,
}

/// Ends a client session that is in the way, if it is still in the transaction it was seen in.
/// Returns whether it was.
pub async fn end_blocker(
    session: &mut Session,
    blocker: &Blocker,
    how: EndBlocker,
) -> Result<bool, DbError> {
    let (Some(pid), Some(start), Some(transaction)) = (
        blocker.pid,
        blocker.backend_start.as_deref(),
        blocker.virtual_transaction.as_deref(),
    ) else {
        return Ok(false);
    };
    let sql = bind(
        include_str!("sql/end_blocker.sql"),
        &[
            Value::Int(i64::from(pid)),
            start.into(),
            transaction.into(),
            Value::Bool(how == EndBlocker::Terminate),
        ],
    );
    session
        .row(&sql)
        .await?
        .map_or(Ok(false), |row| get::<bool>(&row, 0))
}

/// Cancels whatever the backend `pid`, one of zdm's own, is running.
pub async fn cancel_own(session: &mut Session, pid: i32) -> Result<(), DbError> {
    let sql = bind(
        "SELECT pg_catalog.pg_cancel_backend($1)",
        &[Value::Int(i64::from(pid))],
    );
    session.run(&sql).await.map(drop)
}

#[derive(Debug, Deserialize)]
struct OpenTransaction {
    virtual_transaction: String,
    pid: Option<i32>,
    application: Option<String>,
}

/// The rows of a query, each read from its JSON form.
pub(crate) async fn json_rows<T: DeserializeOwned>(
    session: &mut Session,
    sql: &str,
) -> Result<Vec<T>, DbError> {
    let rows = session.rows(&as_json(sql)).await?;
    from_json(&rows)
}

/// A query whose rows are those of another in their JSON form.
pub(crate) fn as_json(sql: &str) -> String {
    format!("SELECT pg_catalog.to_jsonb(q)::text FROM (\n{sql}\n) AS q")
}

/// Rows of [`as_json`].
pub(crate) fn from_json<T: DeserializeOwned>(rows: &[Row]) -> Result<Vec<T>, DbError> {
    rows.iter()
        .map(|row| {
            let text: String = get(row, 0)?;
            serde_json::from_str(&text).map_err(|error| DbError {
                message: format!("a row of zdm's own query is not as expected: {error}"),
                sqlstate: Some("XX000".to_owned()),
                detail: Some(text),
                statement: None,
            })
        })
        .collect()
}

fn pids(pids: &[i32]) -> String {
    let list: Vec<String> = pids.iter().map(ToString::to_string).collect();
    format!("{{{}}}", list.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocker(backend_type: Option<&str>, query: &str) -> Blocker {
        Blocker {
            relation: None,
            mode: None,
            pid: Some(1),
            virtual_transaction: None,
            prepared: None,
            application: Some(String::from("app")),
            user: None,
            backend_type: backend_type.map(str::to_owned),
            backend_start: None,
            state: None,
            age_ms: None,
            query: Some(query.to_owned()),
        }
    }

    #[test]
    fn a_wraparound_vacuum_is_told_from_an_ordinary_one() {
        let worker = Some("autovacuum worker");
        assert_eq!(
            blocker(worker, "autovacuum: VACUUM public.t").kind(),
            BlockerKind::Autovacuum
        );
        assert_eq!(
            blocker(
                worker,
                "autovacuum: VACUUM public.t (to prevent wraparound)"
            )
            .kind(),
            BlockerKind::AntiWraparound
        );
        assert_eq!(blocker(None, "").kind(), BlockerKind::Client);
        assert_eq!(blocker(Some("walsender"), "").kind(), BlockerKind::Other);
        let mut prepared = blocker(None, "");
        prepared.pid = None;
        prepared.prepared = Some(String::from("p1"));
        assert_eq!(prepared.kind(), BlockerKind::Prepared);
    }
}
