//! A table, its sync trigger, and a backfill of it that can be stopped, watched and resumed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use zdm::db::{DbError, Session, Target, bind};
use zdm::execute::backfill::{
    self, BackfillError, Checkpoint, CheckpointStore, Ended, Event, Job, Order, Settings,
    StoreError, Surroundings,
};
use zdm::execute::throttle::{self, Throttle};
use zdm::ident::{Ident, ObjectName};
use zdm::parse::{ColumnRef, Expr};
use zdm::plan::backfill::{PassSettings, Work};
use zdm::plan::sync_trigger::{Down, Sync, SyncMode, Unfilled, sync_sql};
use zdm::plan::{Assignment, Backfill, Bypass};
use zdm::source::Span;

use crate::support::{Db, connect, run};

/// Where the store below keeps its one row.
const CHECKPOINT_TABLE: &str = "CREATE TABLE IF NOT EXISTS public.checkpoint \
     (one boolean PRIMARY KEY, body text NOT NULL)";

/// A backfill of one database.
pub(super) struct Rig {
    pub(super) url: String,
    pub(super) backfill: Backfill,
    pub(super) bypass: Bypass,
    pub(super) search_path: Vec<Ident>,
    pub(super) role: Option<Ident>,
    pub(super) settings: Settings,
    pub(super) throttle: throttle::Settings,
    /// Everything the backfill said, over all runs.
    pub(super) events: Arc<Mutex<Vec<Event>>>,
    /// Rows of the last checkpoint.
    pub(super) rows: Arc<AtomicU64>,
}

pub(super) fn bypass() -> Bypass {
    Bypass {
        setting: "zdm.bypass_1a2b3c4d".to_owned(),
        secret: "secret".to_owned(),
    }
}

impl Rig {
    /// A backfill that sets `column` to `value` where it is NULL.
    pub(super) async fn new(url: &str, relations: &[&str], column: &str, value: &str) -> Self {
        run(&mut connect(url).await, CHECKPOINT_TABLE).await;
        let relations: Vec<ObjectName> = relations.iter().map(ObjectName::public).collect();
        Self {
            url: url.to_owned(),
            backfill: Backfill {
                table: relations[0].clone(),
                relations,
                set: vec![Assignment {
                    column: Ident::exact(column),
                    value: value.to_owned(),
                }],
                unfilled: format!("{} IS NULL", Ident::exact(column)),
                volatile: false,
            },
            bypass: bypass(),
            search_path: vec![Ident::exact("public")],
            role: None,
            settings: Settings::default(),
            throttle: throttle::Settings::default(),
            events: Arc::default(),
            rows: Arc::default(),
        }
    }

    /// `ALTER TABLE users RENAME name TO full_name` on the way: column, trigger, backfill.
    pub(super) async fn renaming(db: &Db) -> Self {
        let name = Ident::exact("name");
        let new = Ident::exact("full_name");
        let sync = Sync {
            key: "1a2b3c4d".to_owned(),
            table: ObjectName::public("users"),
            new: new.clone(),
            up: column(&name),
            inputs: vec![name.clone()],
            down: Some(Down {
                column: name.clone(),
                expr: column(&new),
            }),
            unfilled: Unfilled::NullBesideValue { old: name },
            mode: SyncMode::Follow,
            search_path: vec![Ident::exact("public")],
        };
        let unfilled = install(db, &sync, "text").await;
        let mut rig = Self::new(&db.url, &["users"], "full_name", "name").await;
        rig.backfill.unfilled = unfilled;
        rig
    }

    pub(super) fn pass(&self) -> PassSettings<'_> {
        PassSettings {
            bypass: &self.bypass,
            search_path: &self.search_path,
            role: self.role.as_ref(),
        }
    }

    /// Runs to the end.
    pub(super) async fn fill(&self) -> Ended {
        self.run(|| Order::Run).await.expect("fills")
    }

    /// Runs until told otherwise, from the last checkpoint on.
    pub(super) async fn run(
        &self,
        order: impl Fn() -> Order + std::marker::Sync,
    ) -> Result<Ended, BackfillError> {
        self.run_with(
            order,
            &mut Store {
                fail_at: None,
                rows: Arc::clone(&self.rows),
            },
        )
        .await
    }

    pub(super) async fn run_with(
        &self,
        order: impl Fn() -> Order + std::marker::Sync,
        store: &mut Store,
    ) -> Result<Ended, BackfillError> {
        let target = Target::from_url(&self.url).expect("a URL");
        let mut session = Session::open(&target, "backfill").await?;
        let monitor = Session::open(&target, "monitor").await?;
        let mut throttle = Throttle::new(monitor, self.throttle.clone());
        let resume = self.checkpoint(&mut session).await?;
        let events = Arc::clone(&self.events);
        let job = Job {
            work: Work::Fill(&self.backfill),
            pass: self.pass(),
            resume: resume.as_ref(),
            settings: &self.settings,
        };
        let mut around = Surroundings {
            throttle: &mut throttle,
            store,
            order: &order,
            listener: &mut move |event| events.lock().expect("events").push(event),
        };
        backfill::run(&mut session, &job, &mut around).await
    }

    pub(super) async fn checkpoint(
        &self,
        session: &mut Session,
    ) -> Result<Option<Checkpoint>, DbError> {
        let row = session.row("SELECT body FROM public.checkpoint").await?;
        Ok(row.map(|row| {
            let body: String = zdm::db::get(&row, 0).expect("a text");
            serde_json::from_str(&body).expect("a checkpoint")
        }))
    }

    pub(super) fn events(&self) -> Vec<Event> {
        self.events.lock().expect("events").clone()
    }

    pub(super) fn said(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.events().iter().any(wanted)
    }

    /// One number.
    pub(super) async fn number(&self, sql: &str) -> i64 {
        number(&self.url, sql).await
    }
}

pub(super) async fn number(url: &str, sql: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_one(&mut connect(url).await)
        .await
        .unwrap_or_else(|error| panic!("{error} in {sql}"))
}

/// Adds the column and the triggers in one transaction; says which rows are unfilled.
pub(super) async fn install(db: &Db, sync: &Sync, column_type: &str) -> String {
    let sql = sync_sql(sync, &Ident::exact("public"), &bypass());
    let mut script = vec![
        "BEGIN".to_owned(),
        format!(
            "ALTER TABLE {} ADD COLUMN {} {column_type}",
            sync.table, sync.new
        ),
    ];
    script.extend(sql.create);
    script.push("COMMIT".to_owned());
    db.run(&script.join(";\n")).await;
    sql.unfilled
}

/// An expression that is one column.
pub(super) fn column(name: &Ident) -> Expr {
    let text = name.quoted();
    let span = Span::new(0, text.len());
    Expr {
        span,
        columns: vec![ColumnRef {
            span,
            qualifier: None,
            name: name.clone(),
        }],
        text,
        functions: Vec::new(),
        casts: Vec::new(),
        has_query: false,
        understood: true,
    }
}

/// Keeps the checkpoint in a table, in the pass's transaction.
pub(super) struct Store {
    /// From this many rows on, another runner has taken over.
    pub(super) fail_at: Option<u64>,
    pub(super) rows: Arc<AtomicU64>,
}

impl CheckpointStore for Store {
    async fn store(
        &mut self,
        session: &mut Session,
        checkpoint: &Checkpoint,
    ) -> Result<(), StoreError> {
        if self.fail_at.is_some_and(|at| checkpoint.rows >= at) {
            return Err(StoreError::Fenced(
                "another runner has the lease".to_owned(),
            ));
        }
        let body = serde_json::to_string(checkpoint).expect("JSON");
        session
            .run(&bind(
                "INSERT INTO public.checkpoint VALUES (true, $1) \
                 ON CONFLICT (one) DO UPDATE SET body = excluded.body",
                &[(&body).into()],
            ))
            .await?;
        self.rows.store(checkpoint.rows, Ordering::SeqCst);
        Ok(())
    }
}
