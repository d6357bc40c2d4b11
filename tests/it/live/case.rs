//! One migration on one fresh database, taken through its phases step by step by a test.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use zdm::{
    db::{Session, Target},
    diagnostic::Diagnostic,
    execute::{
        ExecuteError,
        apply::{ApplyError, ApplyRequest, MigrationFile, Through, apply, plan_file},
        driver::Consent,
        event::{Event, EventKind},
        journal::{Journal, MigrationRecord, MigrationState},
        rollback::rollback,
        verify::verify,
    },
    ident::Ident,
    parse::PhaseName,
    plan::{Plan, Planned},
};

use super::apply::{Run, adopt, file, request, run_on};
use crate::support::server::{self, Db};

/// A database made by a script, taken over by zdm, and one migration for it.
pub(crate) struct Case {
    pub(crate) db: Db,
    pub(crate) run: Run,
    pub(crate) files: Vec<MigrationFile>,
    pub(crate) request: ApplyRequest,
}

impl Case {
    pub(crate) async fn new(version: u32, setup: &str, migration: &str) -> Self {
        let db = server::fresh_database(version, setup).await;
        let url = db.url.clone();
        Self::on(db, &url, migration).await
    }

    /// On a database that is there, as the role of a URL.
    pub(crate) async fn on(db: Db, url: &str, migration: &str) -> Self {
        let mut run = run_on(&db);
        run.runner.target = Target::from_url(url).unwrap();
        run.runner.settings.locks.poll = Duration::from_millis(20);
        run.runner.settings.bare.poll = Duration::from_millis(20);
        adopt(&run).await;
        Self {
            db,
            run,
            files: vec![file("1", migration)],
            request: request(Through::Default),
        }
    }

    /// The plan on the database as it is now.
    pub(crate) async fn planned(&self) -> Planned {
        let mut session = Session::open(&self.run.runner.target, "test")
            .await
            .unwrap();
        let catalog = zdm::db::introspect(&mut session, &zdm::ident::Ident::exact("zdm"))
            .await
            .unwrap();
        plan_file(&self.files[0], &catalog, &self.request.plan)
    }

    /// A plan that is not refused.
    pub(crate) async fn plan(&self) -> Plan {
        let planned = self.planned().await;
        assert!(!planned.refused(), "{:#?}", planned.diagnostics);
        planned.plan
    }

    /// What the journal says of the migration.
    pub(crate) async fn record(&self) -> MigrationRecord {
        let mut session = Session::open(&self.run.runner.target, "test")
            .await
            .unwrap();
        let opened = Journal::open(&mut session, &Ident::exact("zdm"))
            .await
            .unwrap();
        let journal = opened.journal().unwrap().unwrap();
        journal.load(&mut session, "1").await.unwrap().unwrap()
    }

    /// The plan that is being run.
    pub(crate) async fn plan_of_run(&self) -> Plan {
        self.record().await.plan.unwrap()
    }

    /// What a plan is refused for.
    pub(crate) async fn refusal(&self) -> Diagnostic {
        let planned = self.planned().await;
        assert!(planned.refused(), "{:#?}", planned.plan);
        planned
            .diagnostics
            .into_iter()
            .find(|diagnostic| diagnostic.level == zdm::diagnostic::Level::Error)
            .unwrap()
    }

    pub(crate) async fn try_apply(&self, through: Through) -> Result<MigrationState, ApplyError> {
        let request = ApplyRequest {
            through,
            ..self.request.clone()
        };
        let applied = apply(&self.run.runner, &self.files, &request).await?;
        match applied.last() {
            Some(last) => Ok(last.state),
            // There was nothing left to do.
            None => Ok(self.record().await.state),
        }
    }

    async fn apply(&self, through: Through, state: MigrationState) {
        let version = self.db.version;
        match self.try_apply(through).await {
            Ok(reached) => assert_eq!(reached, state, "PostgreSQL {version}"),
            Err(error) => panic!("PostgreSQL {version}: {error}\n{error:#?}"),
        }
    }

    pub(crate) async fn expand(&self) {
        self.apply(Through::Phase(PhaseName::Expand), MigrationState::Expanded)
            .await;
    }

    /// Expand and migrate, or what is left of them.
    pub(crate) async fn migrate(&self) {
        let version = self.db.version;
        match self.try_apply(Through::Default).await {
            // Where contract has nothing to do, it is through.
            Ok(MigrationState::Migrated | MigrationState::Done) => {}
            other => panic!("PostgreSQL {version}: {other:#?}"),
        }
    }

    pub(crate) async fn contract(&self) {
        self.apply(Through::All, MigrationState::Done).await;
    }

    pub(crate) async fn try_rollback(&self, consent: Consent) -> Result<(), ExecuteError> {
        rollback(&self.run.runner, Some("1"), consent)
            .await
            .map(|_| ())
    }

    pub(crate) async fn rollback(&self) {
        self.try_rollback(Consent::None)
            .await
            .unwrap_or_else(|error| panic!("{error:#?}"));
    }

    /// Goes back after a run was killed, whose session the server may hold for a while yet.
    pub(crate) async fn rollback_after_kill(&self) {
        for tries in 0.. {
            match self.try_rollback(Consent::None).await {
                Ok(()) => return,
                Err(ExecuteError::SecondRunner { .. }) if tries < 100 => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => panic!("{error:#?}"),
            }
        }
    }

    /// Panics unless both shapes agree.
    pub(crate) async fn verify(&self) {
        let checked = verify(&self.run.runner, None).await.unwrap();
        assert!(
            checked.iter().all(|one| one.wrong.is_none()),
            "{checked:#?}"
        );
    }

    pub(crate) async fn sql(&self, script: &str) {
        self.db.run(script).await;
    }

    /// The one value of a query, as text.
    pub(crate) async fn text(&self, query: &str) -> String {
        let mut conn = self.db.connect().await;
        let text = text(&mut conn, query).await;
        conn.close().await.unwrap();
        text
    }

    pub(crate) async fn is(&self, query: &str, expected: &str) {
        let found = self.text(query).await;
        assert_eq!(found, expected, "PostgreSQL {}: {query}", self.db.version);
    }

    /// The events since the last call.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Ok(event) = self.run.events.try_recv() {
            events.push(event);
        }
        events
    }

    /// Asks the run to stop as soon as a backfill has told of its progress.
    pub(crate) fn stop_in_backfill(&mut self) -> tokio::task::JoinHandle<bool> {
        let (_, empty) = tokio::sync::mpsc::unbounded_channel();
        let mut events = std::mem::replace(&mut self.run.events, empty);
        let stop = self.run.runner.stop.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if matches!(event.kind, EventKind::BackfillProgress { .. }) {
                    stop.request();
                    return true;
                }
            }
            false
        })
    }
}

/// The one value of a query on a connection, as text.
pub(crate) async fn text(conn: &mut PgConnection, query: &str) -> String {
    let wrapped = format!("SELECT coalesce((SELECT x::text FROM ({query}) AS q(x)), 'NULL')");
    sqlx::query_scalar(AssertSqlSafe(wrapped.clone()))
        .persistent(false)
        .fetch_one(conn)
        .await
        .unwrap_or_else(|error| panic!("{error}\nin: {wrapped}"))
}
