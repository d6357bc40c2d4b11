//! What an operator may choose about a run, with the defaults.
//!
//! Plain values: `config` and the command line fill them in. Next: [`crate::execute::guard`].

use std::time::Duration;

use crate::{
    execute::{adopt::mirror, window::ContractTimes},
    ident::Ident,
};

/// Everything an operator may choose about a run, but for backfills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecuteSettings {
    /// The schema of the journal. Default `zdm`.
    pub journal_schema: Ident,
    /// The role that objects are made as, by SET LOCAL ROLE, so that they keep the application's
    /// owner. Default: the role of the connection.
    pub role: Option<Ident>,
    /// Locks.
    pub locks: LockSettings,
    /// When contract may begin. Default: at any time.
    pub contract: ContractTimes,
    /// The lease.
    pub lease: LeaseSettings,
    /// Statements outside transactions.
    pub bare: BareSettings,
    /// A role without `pg_monitor` is a refusal, or only a warning.
    pub without_monitor: WithoutMonitor,
    /// The other tool's table that is kept up. Default: none.
    pub mirror: Option<mirror::Settings>,
}

impl Default for ExecuteSettings {
    fn default() -> Self {
        Self {
            journal_schema: Ident::exact("zdm"),
            role: None,
            locks: LockSettings::default(),
            contract: ContractTimes::default(),
            lease: LeaseSettings::default(),
            bare: BareSettings::default(),
            without_monitor: WithoutMonitor::Warn,
            mirror: None,
        }
    }
}

/// What to do when the role does not see other sessions' state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WithoutMonitor {
    /// Say so, and go on with what `pg_locks` shows.
    Warn,
    /// Nothing need be said.
    Accept,
}

/// How strong locks are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockSettings {
    /// How long one step may try to get its locks. Default 10 min.
    pub budget: Duration,
    /// The first wait in a lock queue, after an attempt with NOWAIT. Default 5 ms.
    pub first_wait: Duration,
    /// The longest wait in a lock queue: nobody waits behind zdm for longer. Default 100 ms.
    pub max_wait: Duration,
    /// A lock held by a transaction at least this old is waited for by looking, not by asking.
    /// Default 1 s.
    pub look_ahead: Duration,
    /// How often to look while waiting for a blocker. Default 250 ms.
    pub poll: Duration,
    /// How often the same blockers are reported again. Default 10 s.
    pub report_every: Duration,
    /// How long one transaction may go on asking before it starts over, so that its transaction id
    /// holds nothing back. Default 3 s.
    pub transaction: Duration,
    /// How long one step's statements may hold strong locks. Default 2 s.
    pub hold: Duration,
    /// Cancel clients in the way whose transaction is older than this. Default: never.
    pub cancel_blockers_older_than: Option<Duration>,
    /// Close the connections of clients in the way whose transaction is older than this. Default:
    /// never.
    pub terminate_blockers_older_than: Option<Duration>,
}

impl Default for LockSettings {
    fn default() -> Self {
        Self {
            budget: Duration::from_mins(10),
            first_wait: Duration::from_millis(5),
            max_wait: Duration::from_millis(100),
            look_ahead: Duration::from_secs(1),
            poll: Duration::from_millis(250),
            report_every: Duration::from_secs(10),
            transaction: Duration::from_secs(3),
            hold: Duration::from_secs(2),
            cancel_blockers_older_than: None,
            terminate_blockers_older_than: None,
        }
    }
}

/// The lease of a runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseSettings {
    /// How long a lease stands without a sign of life. Default 30 s.
    pub ttl: Duration,
    /// How often a sign of life is given. Default 5 s.
    pub heartbeat: Duration,
}

impl Default for LeaseSettings {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(30),
            heartbeat: Duration::from_secs(5),
        }
    }
}

/// Statements outside transactions, as CREATE INDEX CONCURRENTLY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BareSettings {
    /// How long one may take, waits included. Default 24 h.
    pub deadline: Duration,
    /// How often its progress is looked at. Default 1 s.
    pub poll: Duration,
    /// What the first request to stop does to it. Default: it is waited for.
    pub on_stop: OnStop,
}

impl Default for BareSettings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_hours(24),
            poll: Duration::from_secs(1),
            on_stop: OnStop::Wait,
        }
    }
}

/// What the first request to stop does to a long statement that cannot be taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnStop {
    /// It runs to its end; a second request cancels it.
    Wait,
    /// It is cancelled, and what it left is removed.
    Cancel,
}
