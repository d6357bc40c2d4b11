//! Looking at what somebody may have locked in ACCESS EXCLUSIVE mode.
//!
//! `pg_get_viewdef`, `pg_relation_size` and a SELECT wait for such a lock without a word, some with
//! locks of their own in hand, before which others queue. So a question is asked under a short
//! `lock_timeout`, and asked again; who is in the way is told after a moment, and in the end the
//! question is given up with nothing held and nothing changed.
//! Next: [`crate::execute::guard`] for locks that a step needs.

use std::time::{Duration, Instant};

use crate::{
    catalog::Catalog,
    db::{
        DbError, Failure, Row, Session,
        activity::{self, Blocker},
        introspect::introspect,
    },
    execute::{
        error::ExecuteError,
        event::{BlockerInfo, EventKind, Events, in_words},
        settings::LockSettings,
        signals::Stop,
    },
    ident::Ident,
};

/// How long a question is asked again, and who is told meanwhile.
#[derive(Debug)]
pub struct Patience<'a> {
    /// The settings of locks: `max_wait` bounds each wait, `look_ahead` is when the first word is
    /// said, `budget` when the question is given up.
    pub locks: &'a LockSettings,
    /// Whether to stop.
    pub stop: &'a Stop,
    /// Where it is told.
    pub events: &'a Events,
}

impl Patience<'_> {
    /// The catalog of the live database.
    ///
    /// # Errors
    ///
    /// When a relation stays locked ([`ExecuteError::Locked`]), or the end is asked for.
    pub async fn catalog(
        &self,
        session: &mut Session,
        journal_schema: &Ident,
    ) -> Result<Catalog, ExecuteError> {
        let mut wait = Wait::new("reading the catalog");
        loop {
            self.timeout(session, &wait, self.locks.max_wait).await?;
            let answer = introspect(session, journal_schema).await;
            if let Some(catalog) = self.judge(session, &mut wait, answer).await? {
                return Ok(catalog);
            }
        }
    }

    /// The rows of a query; `doing` says what it is for.
    ///
    /// # Errors
    ///
    /// As [`Self::catalog`], and what the server says of the query.
    pub async fn rows(
        &self,
        session: &mut Session,
        doing: &'static str,
        sql: &str,
    ) -> Result<Vec<Row>, ExecuteError> {
        let mut wait = Wait::new(doing);
        loop {
            self.timeout(session, &wait, self.locks.max_wait).await?;
            let answer = session.rows(sql).await;
            if let Some(rows) = self.judge(session, &mut wait, answer).await? {
                return Ok(rows);
            }
        }
    }

    /// An answer that is there; or waits before the question is asked again.
    async fn judge<T>(
        &self,
        session: &mut Session,
        wait: &mut Wait,
        answer: Result<T, DbError>,
    ) -> Result<Option<T>, ExecuteError> {
        let reset = self.timeout(session, wait, Duration::ZERO).await;
        match answer {
            Err(error) if error.failure() == Failure::LockNotAvailable => reset?,
            Err(error) => return Err(ExecuteError::from_db(wait.doing, error)),
            Ok(answer) => return reset.map(|()| Some(answer)),
        }
        let blockers = self.blockers(session, wait).await?;
        if wait.started.elapsed() >= self.locks.budget {
            return Err(ExecuteError::Locked {
                doing: wait.doing,
                relations: relations(&blockers),
                waited: in_words(millis(self.locks.budget)),
                blockers: infos(&blockers),
            });
        }
        let pids: Vec<Option<i32>> = blockers.iter().map(|blocker| blocker.pid).collect();
        let known = wait
            .told
            .as_ref()
            .is_some_and(|(last, at)| *last == pids && at.elapsed() < self.locks.report_every);
        if !known && wait.started.elapsed() >= self.locks.look_ahead {
            wait.told = Some((pids, Instant::now()));
            self.tell(wait.doing, &blockers);
        }
        self.stop.sleep(self.locks.poll).await?;
        Ok(None)
    }

    fn tell(&self, doing: &str, blockers: &[Blocker]) {
        let relations = relations(blockers);
        let what = if relations.is_empty() {
            format!("{doing}: a relation is locked in ACCESS EXCLUSIVE mode")
        } else {
            format!(
                "{doing}: {} is locked in ACCESS EXCLUSIVE mode",
                relations.join(", ")
            )
        };
        self.events.emit(
            None,
            EventKind::Waiting {
                what,
                blockers: infos(blockers),
            },
        );
    }

    /// Who is in the way; nobody when even that cannot be seen.
    async fn blockers(
        &self,
        session: &mut Session,
        wait: &Wait,
    ) -> Result<Vec<Blocker>, ExecuteError> {
        // Somebody may have locked the catalog itself.
        self.timeout(session, wait, self.locks.max_wait).await?;
        let found = activity::exclusive(session).await;
        self.timeout(session, wait, Duration::ZERO).await?;
        match found {
            Ok(blockers) => Ok(blockers),
            Err(error) if error.failure() == Failure::LockNotAvailable => Ok(Vec::new()),
            Err(error) => Err(ExecuteError::from_db(wait.doing, error)),
        }
    }

    async fn timeout(
        &self,
        session: &mut Session,
        wait: &Wait,
        limit: Duration,
    ) -> Result<(), ExecuteError> {
        let sql = format!("SET lock_timeout = '{}ms'", limit.as_millis());
        session
            .run(&sql)
            .await
            .map(drop)
            .map_err(|error| ExecuteError::from_db(wait.doing, error))
    }
}

/// A question that is asked again and again.
#[derive(Debug)]
struct Wait {
    doing: &'static str,
    started: Instant,
    /// Whom the last word was about, and when it was said.
    told: Option<(Vec<Option<i32>>, Instant)>,
}

impl Wait {
    fn new(doing: &'static str) -> Self {
        Self {
            doing,
            started: Instant::now(),
            told: None,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn relations(blockers: &[Blocker]) -> Vec<String> {
    let mut relations: Vec<String> = blockers
        .iter()
        .filter_map(|blocker| blocker.relation.clone())
        .collect();
    relations.sort();
    relations.dedup();
    relations
}

/// Each session once.
fn infos(blockers: &[Blocker]) -> Vec<BlockerInfo> {
    let mut infos: Vec<BlockerInfo> = Vec::new();
    for info in blockers.iter().map(BlockerInfo::from) {
        let there =
            |known: &BlockerInfo| (known.pid, &known.application) == (info.pid, &info.application);
        if !infos.iter().any(there) {
            infos.push(info);
        }
    }
    infos
}
