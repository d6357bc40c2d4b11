//! What a run of zdm consists of, set up on a fresh database: sessions, journal, lease, events.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use zdm::{
    catalog::PgVersion,
    db::{Session, Target},
    effects::{LockMode, RelationLock},
    execute::{
        Event, EventKind, Events, ExecuteSettings, GuardContext, GuardedWork, Hold, Journal,
        JournalEntry, Lease, Stop,
        journal::{Order, Start},
        lease,
    },
    ident::{Ident, ObjectName},
    parse::PhaseName,
    plan::{Bypass, Guard, MigrationName, PLAN_VERSION, Phase, Plan, Step, StepKind},
};

use super::server::{Db, fresh_database};

/// The migration of every test here.
pub(crate) const MIGRATION: &str = "0042";

/// A run that has just taken its migration up. All its steps are pending.
pub(crate) struct Runner {
    pub(crate) db: Db,
    pub(crate) target: Target,
    pub(crate) session: Session,
    pub(crate) watch: Session,
    pub(crate) journal: Journal,
    pub(crate) lease: Lease,
    pub(crate) events: Events,
    pub(crate) received: UnboundedReceiver<Event>,
    pub(crate) stop: Stop,
    pub(crate) settings: ExecuteSettings,
    pub(crate) rng: fastrand::Rng,
}

impl Runner {
    /// On a fresh database, with a plan of steps of these ids.
    pub(crate) async fn new(version: u32, setup_sql: &str, steps: &[&str]) -> Self {
        let db = fresh_database(version, setup_sql).await;
        let target = Target::from_url(&db.url).expect("a PostgreSQL URL");
        Self::on(db, target, steps).await
    }

    /// On a database, as whoever `target` connects as.
    pub(crate) async fn on(db: Db, target: Target, steps: &[&str]) -> Self {
        let mut session = Session::open(&target, "apply").await.expect("connects");
        let watch = Session::open(&target, "watch").await.expect("connects");
        let settings = ExecuteSettings::default();
        let journal = Journal::adopt_from_none(&mut session, &settings.journal_schema)
            .await
            .expect("the journal is made");
        let lease = Lease::acquire(
            &target,
            &journal,
            MIGRATION,
            "test pid 1",
            session.pid(),
            &settings.lease,
        )
        .await
        .expect("the lease is free");
        let plan = plan(steps);
        let start = Start {
            plan: &plan,
            source: "-- a migration\n",
            order: Order::InOrder,
        };
        journal
            .start(&mut session, start, &lease)
            .await
            .expect("is started");
        let (events, received) = Events::channel(MIGRATION, jiff::Timestamp::now);
        Self {
            db,
            target,
            session,
            watch,
            journal,
            lease,
            events,
            received,
            stop: Stop::new(),
            settings,
            rng: fastrand::Rng::with_seed(7),
        }
    }

    /// The guard's view of it.
    pub(crate) fn guard(&mut self) -> GuardContext<'_> {
        GuardContext {
            session: &mut self.session,
            watch: &mut self.watch,
            own: &[],
            journal: &self.journal,
            lease: &self.lease,
            events: &self.events,
            stop: &self.stop,
            settings: &self.settings,
            rng: &mut self.rng,
        }
    }

    /// The events so far.
    pub(crate) fn events(&mut self) -> Vec<EventKind> {
        std::iter::from_fn(|| self.received.try_recv().ok())
            .map(|event| event.kind)
            .collect()
    }

    /// A step's state in the journal.
    pub(crate) async fn step_state(&mut self, step: &str) -> String {
        let record = self
            .journal
            .load(&mut self.session, MIGRATION)
            .await
            .expect("reads")
            .expect("is there");
        let step = record.step(step).expect("is a step");
        step.state.as_str().to_owned()
    }

    /// How many relation locks other than ACCESS SHARE this run's sessions hold.
    pub(crate) async fn locks_held(&mut self) -> i64 {
        let (one, two) = (self.session.pid(), self.watch.pid());
        self.watch
            .value::<i64>(&format!(
                "SELECT count(*) FROM pg_locks WHERE locktype IN ('relation', 'advisory') \
                 AND mode <> 'AccessShareLock' AND pid IN ({one}, {two})"
            ))
            .await
            .expect("counts")
    }
}

/// A plan whose only phase has steps of these ids that do nothing.
pub(crate) fn plan(steps: &[&str]) -> Plan {
    let steps = steps
        .iter()
        .map(|id| Step {
            id: (*id).to_owned(),
            kind: StepKind::Ddl,
            title: String::from("a step"),
            sql: Vec::new(),
            source: None,
            transactional: true,
            guard: Guard::Ladder,
            pre: None,
            post: None,
            locks: Vec::new(),
            rewrites: Vec::new(),
            scans: Vec::new(),
            undo: Vec::new(),
            reversible: true,
            reason: String::new(),
            estimate_ms: None,
        })
        .collect();
    Plan {
        version: 1,
        plan_version: PLAN_VERSION,
        zdm_version: String::from("0.1.0"),
        pg_version: PgVersion::V18,
        database: None,
        sizes: None,
        migration: MigrationName {
            id: MIGRATION.to_owned(),
            name: String::from("it's a {schema} $1 \\ name"),
        },
        checksum: String::from("sha256:1"),
        fingerprint: [(String::from("public.t"), String::from("f"))].into(),
        compat: Vec::new(),
        phases: vec![
            Phase {
                phase: PhaseName::Expand,
                steps,
            },
            Phase {
                phase: PhaseName::Migrate,
                steps: Vec::new(),
            },
        ],
        notes: Vec::new(),
        search_path: vec![Ident::exact("public")],
        verify: Vec::new(),
        sets: None,
        bypass: Bypass {
            setting: String::from("zdm.bypass_1"),
            secret: String::from("secret"),
        },
    }
}

/// A lock on a table of `public`.
pub(crate) fn lock(table: &str, mode: LockMode) -> RelationLock {
    RelationLock {
        relation: ObjectName::public(table),
        mode,
    }
}

/// Guarded statements that record `step` as done.
pub(crate) fn work<'a>(
    step: &'a str,
    locks: &'a [RelationLock],
    statements: &'a [String],
) -> GuardedWork<'a> {
    GuardedWork {
        step,
        locks,
        guard: Guard::Ladder,
        statements,
        search_path: &[],
        hold: Hold::Short,
        record: JournalEntry::StepDone(step),
    }
}

/// Statements as owned texts.
pub(crate) fn sql<const N: usize>(statements: [&str; N]) -> [String; N] {
    statements.map(str::to_owned)
}

/// Takes the lease of the same migration once more, as another runner would.
pub(crate) async fn second_lease(runner: &mut Runner) -> Result<Lease, zdm::execute::ExecuteError> {
    let main = runner.session.pid();
    Lease::acquire(
        &runner.target,
        &runner.journal,
        MIGRATION,
        &lease::holder(jiff::Timestamp::now()),
        main,
        &runner.settings.lease,
    )
    .await
}

/// Waits until something is so, for ten seconds at most.
pub(crate) async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    for _ in 0..1000 {
        if look().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("ten seconds passed, and still not so: {what}");
}
