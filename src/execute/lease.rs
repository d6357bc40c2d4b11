//! Who may go on with a migration: one runner at a time.
//!
//! A lease is a row with a token that grows with every change of hands. It lives as long as its
//! holder gives signs of life from a session of its own, and a journal write under an old token is
//! refused by the database ([`crate::execute::journal`]), so that a runner which was taken for dead
//! can do no harm when it wakes. Where sessions are real, a holder whose backend is gone is dead at
//! once, so that a killed run is resumed without waiting; behind a pooler only time tells.
//!
//! What runs outside transactions cannot be fenced by the journal: [`hold_session`] does it.
//! It must never wait in an advisory lock: that holds a snapshot for which CREATE INDEX
//! CONCURRENTLY waits (pitfall 15).
//! Next: [`crate::execute::guard`].

use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    db::{DbError, Failure, Session, Target, Value, bind, get},
    execute::{
        error::ExecuteError,
        event::in_words,
        journal::{Journal, MigrationSummary, in_schema, no_rights},
        settings::LeaseSettings,
        signals::Stop,
    },
    ident::Ident,
};

/// Whether a session of the client is a session of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sessions {
    /// It is.
    Real,
    /// A pooler hands its statements to changing backends.
    Pooled,
}

/// A lease that is ours. Dropping it closes its session, which frees it as well.
#[derive(Debug)]
pub struct Lease {
    migration: String,
    token: i64,
    sessions: Sessions,
    lost: watch::Receiver<Option<String>>,
    release: Option<tokio::sync::oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// Who holds a lease, in words: host, process id and start.
pub fn holder(started: jiff::Timestamp) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| String::from("unknown-host"));
    format!(
        "{host} pid {} started {}",
        std::process::id(),
        started.strftime("%Y-%m-%dT%H:%M:%SZ")
    )
}

impl Lease {
    /// Takes the lease of a migration, or says who holds it. `main` is the pid of the session that
    /// will do the work: that two open sessions share a backend gives a pooler away.
    pub async fn acquire(
        target: &Target,
        journal: &Journal,
        migration: &str,
        holder: &str,
        main: i32,
        settings: &LeaseSettings,
    ) -> Result<Self, ExecuteError> {
        let mut session = Session::open(target, "lease")
            .await
            .map_err(|error| ExecuteError::Connect { error })?;
        let pid = session
            .value::<i32>("SELECT pg_catalog.pg_backend_pid()")
            .await
            .map_err(|error| ExecuteError::from_db("taking the lease", error))?;
        let sessions = if pid == main || pid != session.pid() {
            Sessions::Pooled
        } else {
            Sessions::Real
        };
        let granted = take(&mut session, journal, migration, holder, sessions, settings).await?;
        let Some(token) = granted else {
            return Err(held_by_another(&mut session, journal, migration).await);
        };
        let (lost_sender, lost) = watch::channel(None);
        let (release, released) = tokio::sync::oneshot::channel();
        let heart = Heart {
            session: Some(session),
            target: target.clone(),
            schema: journal.schema().clone(),
            migration: migration.to_owned(),
            token,
            settings: settings.clone(),
        };
        let task = tokio::spawn(heart.beat(lost_sender, released));
        Ok(Self {
            migration: migration.to_owned(),
            token,
            sessions,
            lost,
            release: Some(release),
            task,
        })
    }

    /// The migration.
    pub fn migration(&self) -> &str {
        &self.migration
    }

    /// The token that every journal write carries.
    pub fn token(&self) -> i64 {
        self.token
    }

    /// Whether sessions are real.
    pub fn sessions(&self) -> Sessions {
        self.sessions
    }

    /// An error once the lease is known to be lost.
    pub fn check(&self) -> Result<(), ExecuteError> {
        match self.lost.borrow().as_ref() {
            None => Ok(()),
            Some(message) => Err(ExecuteError::LeaseLost {
                migration: self.migration.clone(),
                message: message.clone(),
            }),
        }
    }

    /// Ends when the lease is lost.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        // The heart only goes without a word when the lease is released.
        if lost.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Gives the lease back.
    pub async fn release(mut self) {
        if let Some(release) = self.release.take() {
            // The heart may have stopped already; the row then expires by itself.
            let _ = release.send(());
        }
        // Five seconds are plenty for one statement; whoever waits longer gains nothing.
        drop(tokio::time::timeout(Duration::from_secs(5), &mut self.task).await);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes the lease if it is free: `None` when someone holds it.
async fn take(
    session: &mut Session,
    journal: &Journal,
    migration: &str,
    holder: &str,
    sessions: Sessions,
    settings: &LeaseSettings,
) -> Result<Option<i64>, ExecuteError> {
    // FOR UPDATE waits for transactions of the holder before, which have the row FOR KEY SHARE:
    // what they write still counts, and what comes after is refused.
    let begin = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '10s'";
    let insert = "INSERT INTO {schema}.leases (migration_id, token) VALUES ($1, 0) \
                  ON CONFLICT (migration_id) DO NOTHING";
    let lock = "SELECT FROM {schema}.leases WHERE migration_id = $1 FOR UPDATE";
    let update = journal.sql(
        include_str!("sql/lease_acquire.sql"),
        &[
            migration.into(),
            holder.into(),
            milliseconds(settings.ttl),
            (sessions == Sessions::Pooled).into(),
        ],
    );
    let result: Result<Option<i64>, DbError> = async {
        session.run(begin).await?;
        session
            .run(&journal.sql(insert, &[migration.into()]))
            .await?;
        session.run(&journal.sql(lock, &[migration.into()])).await?;
        let row = session.row(&update).await?;
        session.run("COMMIT").await?;
        row.map(|row| get(&row, 0)).transpose()
    }
    .await;
    match result {
        Ok(token) => Ok(token),
        // Its holder is in the middle of a transaction: very much alive.
        Err(error) if error.failure() == Failure::LockNotAvailable => Ok(None),
        // The role may read the journal and not write it.
        Err(error) if error.failure() == Failure::Privilege => {
            drop(session.run("ROLLBACK").await);
            Err(no_rights(session, journal.schema(), &error).await)
        }
        Err(error) => Err(ExecuteError::from_db("taking the lease", error)),
    }
}

async fn held_by_another(
    session: &mut Session,
    journal: &Journal,
    migration: &str,
) -> ExecuteError {
    // After a failed attempt a transaction may still be open.
    drop(session.run("ROLLBACK").await);
    let sql = journal.sql(
        "SELECT coalesce(holder, 'another runner') AS holder, \
         coalesce(acquired_at, pg_catalog.clock_timestamp())::text AS since \
         FROM {schema}.leases WHERE migration_id = $1",
        &[migration.into()],
    );
    let row = session.row(&sql).await.ok().flatten();
    let text = |column: usize| {
        row.as_ref()
            .and_then(|row| get::<String>(row, column).ok())
            .unwrap_or_else(|| String::from("unknown"))
    };
    let progress = journal
        .migrations(session)
        .await
        .ok()
        .and_then(|all| all.into_iter().find(|summary| summary.id == migration))
        .map(|summary| format!(" ({})", progress_in_words(&summary)))
        .unwrap_or_default();
    ExecuteError::SecondRunner {
        migration: migration.to_owned(),
        holder: text(0),
        since: text(1),
        progress,
    }
}

/// Where a migration stands: `migrating, 3 of 7 steps, 63 % of the rows`.
pub fn progress_in_words(summary: &MigrationSummary) -> String {
    let words = format!(
        "{}, {} of {} steps",
        summary.state, summary.steps_done, summary.steps_total
    );
    if summary.rows_total > 0 {
        let percent = (100 * summary.rows_done / summary.rows_total).clamp(0, 100);
        return format!("{words}, {percent} % of the rows");
    }
    words
}

/// Gives signs of life until it is told to stop or finds the lease gone.
struct Heart {
    session: Option<Session>,
    target: Target,
    schema: Ident,
    migration: String,
    token: i64,
    settings: LeaseSettings,
}

impl Heart {
    async fn beat(
        mut self,
        lost: watch::Sender<Option<String>>,
        mut released: tokio::sync::oneshot::Receiver<()>,
    ) {
        let mut answered = Instant::now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.settings.heartbeat) => {}
                told = &mut released => {
                    if told.is_ok() {
                        self.release().await;
                    }
                    return;
                }
            }
            let asked = Instant::now();
            // A server that does not answer must not keep the holder believing.
            let left = self.settings.ttl.saturating_sub(answered.elapsed());
            match tokio::time::timeout(left, self.one_beat()).await {
                Ok(Ok(true)) => answered = asked,
                Ok(Ok(false)) => {
                    lost.send_replace(Some(String::from("another runner has taken it over")));
                    return;
                }
                Ok(Err(_)) | Err(_) => {
                    // The next beat connects anew.
                    self.session = None;
                    if answered.elapsed() >= self.settings.ttl {
                        lost.send_replace(Some(format!(
                            "the server has not answered for {}",
                            in_words(
                                u64::try_from(answered.elapsed().as_millis()).unwrap_or(u64::MAX)
                            )
                        )));
                        return;
                    }
                }
            }
        }
    }

    async fn one_beat(&mut self) -> Result<bool, DbError> {
        if self.session.is_none() {
            self.session = Some(Session::open(&self.target, "lease").await?);
        }
        let Some(session) = self.session.as_mut() else {
            return Ok(false);
        };
        let sql = in_schema(
            &self.schema,
            include_str!("sql/lease_heartbeat.sql"),
            &[
                (&self.migration).into(),
                self.token.into(),
                milliseconds(self.settings.ttl),
                // A changed backend under the same connection gives a pooler away.
                i64::from(session.pid()).into(),
            ],
        );
        Ok(session.run(&sql).await? == 1)
    }

    async fn release(&mut self) {
        let Some(mut session) = self.session.take() else {
            return;
        };
        let sql = in_schema(
            &self.schema,
            "UPDATE {schema}.leases SET holder = NULL, expires_at = NULL \
             WHERE migration_id = $1 AND token = $2",
            &[(&self.migration).into(), self.token.into()],
        );
        // If it fails, closing the session frees the lease as well.
        drop(session.run(&sql).await);
        drop(session.close().await);
    }
}

/// The advisory lock of the one DDL slot of a database: held only around locking steps, to the end
/// of their transaction, and only ever tried.
pub(crate) const DDL_SLOT_SQL: &str =
    "SELECT pg_catalog.pg_try_advisory_xact_lock(8021613, 1) AS slot";

/// Makes sure that no earlier runner of the migration is still at work in a session of its own,
/// and keeps later ones out, until [`release_session`]. Behind a pooler it cannot be had, and
/// nothing is done.
///
/// The lock is tried again and again: a blocking wait would hold a snapshot.
pub async fn hold_session(
    session: &mut Session,
    lease: &Lease,
    stop: &Stop,
    budget: Duration,
) -> Result<(), ExecuteError> {
    if lease.sessions() == Sessions::Pooled {
        return Ok(());
    }
    let started = Instant::now();
    let sql = bind(
        "SELECT pg_catalog.pg_try_advisory_lock(8021614, $1)",
        &[session_key(lease.migration())],
    );
    loop {
        let held = session
            .value::<bool>(&sql)
            .await
            .map_err(|error| ExecuteError::from_db("waiting for an earlier run to end", error))?;
        if held {
            return Ok(());
        }
        lease.check()?;
        if started.elapsed() > budget {
            return Err(ExecuteError::Refused {
                code: "second-runner",
                message: format!(
                    "an earlier run of {} still has a statement running",
                    lease.migration()
                ),
                next: String::from("Wait for it, or end that session."),
            });
        }
        stop.sleep(Duration::from_millis(250)).await?;
    }
}

/// Lets the next runner in.
pub async fn release_session(session: &mut Session, lease: &Lease) -> Result<(), ExecuteError> {
    if lease.sessions() == Sessions::Pooled {
        return Ok(());
    }
    let sql = bind(
        "SELECT pg_catalog.pg_advisory_unlock(8021614, $1)",
        &[session_key(lease.migration())],
    );
    session
        .run(&sql)
        .await
        .map(drop)
        .map_err(|error| ExecuteError::from_db("ending a statement", error))
}

fn session_key(migration: &str) -> Value<'static> {
    // The same for every build of zdm, and a positive integer.
    let key = Sha256::digest(migration.as_bytes())
        .iter()
        .take(4)
        .fold(0_u32, |key, byte| key << 8 | u32::from(*byte));
    Value::Int(i64::from(key >> 1))
}

fn milliseconds(duration: Duration) -> Value<'static> {
    Value::Int(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}
