//! Looking before asking: which of the sessions in the way will not be gone in a moment.
//!
//! A transaction counts as long when the server says so, or, for a role that does not see ages,
//! when it has been seen with the same virtual transaction id for as long.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::{GuardContext, shown};
use crate::{
    db::activity::{self, Blocker, BlockerKind, EndBlocker},
    execute::{error::ExecuteError, event::BlockerInfo, settings::LockSettings},
};

/// What an ordinary autovacuum does when it is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Autovacuum {
    /// The server cancels it for whoever waits for SHARE UPDATE EXCLUSIVE long enough.
    Yields,
    /// SHARE UPDATE EXCLUSIVE cannot be asked for, so it must be waited for.
    Blocks,
}

#[derive(Debug)]
pub(super) struct Look {
    patience: Duration,
    report_every: Duration,
    /// When each transaction was first seen in the way.
    first_seen: HashMap<String, Instant>,
    reported: Option<(Vec<Key>, Instant)>,
    slot_reported: Option<Instant>,
    ended: Vec<(Key, EndBlocker)>,
}

/// What tells one blocker from another.
type Key = (Option<i32>, Option<String>);

fn key(blocker: &Blocker) -> Key {
    (blocker.pid, blocker.virtual_transaction.clone())
}

impl Look {
    pub(super) fn new(settings: &LockSettings) -> Self {
        Self {
            patience: settings.look_ahead,
            report_every: settings.report_every,
            first_seen: HashMap::new(),
            reported: None,
            slot_reported: None,
            ended: Vec::new(),
        }
    }

    /// The blockers that are worth waiting for without asking, oldest first.
    pub(super) fn long_ones(
        &mut self,
        blockers: Vec<Blocker>,
        autovacuum: Autovacuum,
        now: Instant,
    ) -> Vec<Blocker> {
        let present: Vec<&str> = blockers
            .iter()
            .filter_map(|blocker| blocker.virtual_transaction.as_deref())
            .collect();
        self.first_seen
            .retain(|transaction, _| present.contains(&transaction.as_str()));
        let mut long: Vec<Blocker> = blockers
            .into_iter()
            .filter(|blocker| {
                let age = self.age(blocker, now);
                match blocker.kind() {
                    BlockerKind::Prepared | BlockerKind::AntiWraparound => true,
                    BlockerKind::Autovacuum => autovacuum == Autovacuum::Blocks,
                    BlockerKind::Client | BlockerKind::Other => age >= self.patience,
                }
            })
            .collect();
        long.sort_by_key(|blocker| std::cmp::Reverse(blocker.age_ms));
        long
    }

    fn age(&mut self, blocker: &Blocker, now: Instant) -> Duration {
        let seen = blocker
            .virtual_transaction
            .clone()
            .map_or(Duration::ZERO, |transaction| {
                now.saturating_duration_since(*self.first_seen.entry(transaction).or_insert(now))
            });
        let told = blocker
            .age_ms
            .and_then(|age| u64::try_from(age).ok())
            .map_or(Duration::ZERO, Duration::from_millis);
        seen.max(told)
    }

    /// What to report: the blockers when they are others than last time, or after a while.
    pub(super) fn news(&mut self, blockers: &[Blocker], now: Instant) -> Option<Vec<BlockerInfo>> {
        let mut keys: Vec<Key> = blockers.iter().map(key).collect();
        keys.sort();
        keys.dedup();
        let known = self.reported.as_ref().is_some_and(|(last, at)| {
            *last == keys && now.saturating_duration_since(*at) < self.report_every
        });
        if known {
            return None;
        }
        self.reported = Some((keys, now));
        Some(once_each(blockers))
    }

    /// Whether to report that another runner has the DDL slot.
    pub(super) fn report_slot(&mut self, now: Instant) -> bool {
        let known = self
            .slot_reported
            .is_some_and(|at| now.saturating_duration_since(at) < self.report_every);
        if !known {
            self.slot_reported = Some(now);
        }
        !known
    }

    /// Cancels or ends what the operator has allowed to.
    pub(super) async fn end_old_ones(
        &mut self,
        cx: &mut GuardContext<'_>,
        step: &str,
        blockers: &[Blocker],
    ) -> Result<(), ExecuteError> {
        let settings = &cx.settings.locks;
        let (cancel, terminate) = (
            settings.cancel_blockers_older_than,
            settings.terminate_blockers_older_than,
        );
        if cancel.is_none() && terminate.is_none() {
            return Ok(());
        }
        for blocker in blockers {
            // Replication, autovacuum and other workers are never touched, and a prepared
            // transaction has no session.
            if blocker.kind() != BlockerKind::Client {
                continue;
            }
            let age = self.age(blocker, Instant::now());
            let how = if terminate.is_some_and(|limit| age >= limit) {
                EndBlocker::Terminate
            } else if cancel.is_some_and(|limit| age >= limit) {
                EndBlocker::Cancel
            } else {
                continue;
            };
            let done = (key(blocker), how);
            if self.ended.contains(&done) {
                continue;
            }
            let ended = activity::end_blocker(cx.watch, blocker, how).await;
            self.ended.push(done);
            let who = BlockerInfo::from(blocker).in_words();
            let message = match (ended, how) {
                (Ok(true), EndBlocker::Cancel) => format!("cancelled {who}"),
                (Ok(true), EndBlocker::Terminate) => format!("ended {who}"),
                (Ok(false), _) => continue,
                (Err(error), _) => format!("could not end {who}: {error}"),
            };
            cx.events.note(Some(step), message);
        }
        Ok(())
    }
}

/// Each session once, though it may hold locks on several relations.
pub(super) fn once_each(blockers: &[Blocker]) -> Vec<BlockerInfo> {
    let mut seen: Vec<Key> = Vec::new();
    let mut once: Vec<Blocker> = Vec::new();
    for blocker in blockers {
        if !seen.contains(&key(blocker)) {
            seen.push(key(blocker));
            once.push(blocker.clone());
        }
    }
    shown(&once)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(transaction: &str, age_ms: Option<i64>) -> Blocker {
        Blocker {
            relation: Some(String::from("public.t")),
            mode: Some(String::from("AccessShareLock")),
            pid: Some(7),
            virtual_transaction: Some(transaction.to_owned()),
            prepared: None,
            application: Some(String::from("app")),
            user: Some(String::from("app")),
            backend_type: Some(String::from("client backend")),
            backend_start: None,
            state: None,
            age_ms,
            query: None,
        }
    }

    #[test]
    fn a_short_transaction_is_not_waited_for_and_a_long_one_is() {
        let now = Instant::now();
        let mut look = Look::new(&LockSettings::default());
        let blockers = vec![client("3/1", Some(20)), client("4/1", Some(1500))];
        let long = look.long_ones(blockers, Autovacuum::Yields, now);
        assert_eq!(long.len(), 1);
        assert_eq!(long[0].virtual_transaction.as_deref(), Some("4/1"));
    }

    #[test]
    fn without_ages_a_transaction_is_long_once_it_was_seen_for_long() {
        let now = Instant::now();
        let later = now + Duration::from_millis(1200);
        let mut look = Look::new(&LockSettings::default());
        let mut long = |transaction: &str, at| {
            !look
                .long_ones(vec![client(transaction, None)], Autovacuum::Yields, at)
                .is_empty()
        };
        assert!(!long("3/1", now));
        assert!(long("3/1", later));
        assert!(
            !long("3/2", later),
            "another transaction of the same session"
        );
    }

    #[test]
    fn a_vacuum_that_yields_is_no_blocker_and_one_against_wraparound_is() {
        let now = Instant::now();
        let mut look = Look::new(&LockSettings::default());
        let mut vacuum = client("5/1", Some(60_000));
        vacuum.backend_type = Some(String::from("autovacuum worker"));
        vacuum.query = Some(String::from("autovacuum: VACUUM public.t"));
        let mut blocks =
            |vacuum: &Blocker, how| !look.long_ones(vec![vacuum.clone()], how, now).is_empty();
        assert!(!blocks(&vacuum, Autovacuum::Yields));
        assert!(blocks(&vacuum, Autovacuum::Blocks));
        vacuum.query = Some(String::from(
            "autovacuum: VACUUM public.t (to prevent wraparound)",
        ));
        assert!(blocks(&vacuum, Autovacuum::Yields));
    }

    #[test]
    fn the_same_blockers_are_reported_once_in_a_while() {
        let now = Instant::now();
        let mut look = Look::new(&LockSettings::default());
        let blockers = [client("3/1", Some(2000)), client("3/1", Some(2000))];
        assert_eq!(look.news(&blockers, now).unwrap().len(), 1);
        assert!(look.news(&blockers, now).is_none());
        assert!(look.news(&[client("3/2", Some(2000))], now).is_some());
        let later = now + Duration::from_secs(11);
        assert!(look.news(&[client("3/2", Some(2000))], later).is_some());
    }
}
