//! The journal: what of each migration is done, in a schema of the database it is about.
//!
//! Every write goes through [`Journal`], is one statement, and carries the token of the runner's
//! lease: the database refuses it when the lease is no longer ours. Called inside an open
//! transaction, the entry is committed with what it records; so after a lost connection, also one
//! lost at COMMIT, the journal says what happened. It must never be written by anything else.
//! Next: [`record`] for what is in it, [`crate::execute::lease`] for who may write.

mod install;
pub mod record;

use std::collections::BTreeMap;

use crate::{
    db::{Session, Value, activity::json_rows, bind, get},
    execute::{adopt::Done, error::ExecuteError, event::Event, lease::Lease},
    ident::Ident,
    parse::PhaseName,
    plan::Plan,
};

pub(in crate::execute) use install::no_rights;
pub use install::{Adopted, DatabaseIdentity, JOURNAL_VERSION, Meta, OpenState};
pub use record::{
    BackfillRecord, Boundary, Edge, LeaseRecord, MigrationRecord, MigrationState, MigrationSummary,
    StepRecord, StepState,
};

/// The version of the journal that first says behind what a migration is queued.
const QUEUED_SINCE: i32 = 3;

/// An open journal. It holds no connection: every function is given one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    schema: Ident,
    meta: Meta,
}

/// A migration as it is taken up.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Its plan, stored as it will run.
    pub plan: &'a Plan,
    /// The text of its file, byte for byte.
    pub source: &'a str,
    /// Whether a later one is done already.
    pub order: Order,
}

/// A migration that was planned anew.
#[derive(Debug, Clone, Copy)]
pub struct Replan<'a> {
    /// The new plan; steps that stay have the ids that they had.
    pub plan: &'a Plan,
    /// The state that goes with it.
    pub state: MigrationState,
    /// Steps that are done, and have to be done again.
    pub again: &'a [String],
    /// New steps that need not be run: what they do is there.
    pub there: &'a [String],
    /// What its relations would have looked like before expand.
    pub original: &'a BTreeMap<String, String>,
    /// What its relations look like.
    pub present: &'a BTreeMap<String, String>,
}

/// A migration that waits for another.
#[derive(Debug, Clone, Copy)]
pub struct Queue<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its checksum.
    pub checksum: &'a str,
    /// The text of its file, byte for byte.
    pub source: &'a str,
    /// The other one.
    pub behind: &'a str,
    /// Why, in words.
    pub why: &'a str,
}

/// Whether a migration comes in its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// It does.
    InOrder,
    /// A later one has been applied.
    OutOfOrder,
}

impl Journal {
    /// The schema it is in.
    pub fn schema(&self) -> &Ident {
        &self.schema
    }

    /// Which journal it is, and of which database.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Every migration in the order they were started.
    pub async fn migrations(
        &self,
        session: &mut Session,
    ) -> Result<Vec<MigrationSummary>, ExecuteError> {
        let text = include_str!("sql/migrations.sql");
        let sql = if self.meta.journal_version < QUEUED_SINCE {
            self.sql(
                &text.replace("m.queued_behind", "NULL AS queued_behind"),
                &[],
            )
        } else {
            self.sql(text, &[])
        };
        json_rows(session, &sql)
            .await
            .map_err(|error| ExecuteError::from_db("reading the journal", error))
    }

    /// Everything about one migration.
    pub async fn load(
        &self,
        session: &mut Session,
        id: &str,
    ) -> Result<Option<MigrationRecord>, ExecuteError> {
        let doing = "reading the journal";
        let sql = self.sql(include_str!("sql/load.sql"), &[id.into()]);
        let row = session
            .row(&sql)
            .await
            .map_err(|error| ExecuteError::from_db(doing, error))?;
        let Some(row) = row else { return Ok(None) };
        let text: String = get(&row, 0).map_err(|error| ExecuteError::from_db(doing, error))?;
        let record = serde_json::from_str(&text).map_err(|error| ExecuteError::StateUnknown {
            message: format!("the journal's entry of {id} cannot be read: {error}"),
            next: format!("Look at {}.migrations.", self.schema),
        })?;
        Ok(Some(record))
    }

    /// Takes a migration up: stores its plan, its text and its steps, all pending, and the state
    /// *expanding*. One that was rolled back is taken up anew.
    pub async fn start(
        &self,
        session: &mut Session,
        start: Start<'_>,
        lease: &Lease,
    ) -> Result<(), ExecuteError> {
        let plan = stored(start.plan)?;
        let name = &start.plan.migration;
        let id = name.id.as_str();
        // Steps of an earlier, rolled back attempt go first, in the same message and transaction.
        let clear = self.sql(
            "DELETE FROM {schema}.steps WHERE migration_id = $1 AND {schema}.fence($1, $2) \
             AND EXISTS (SELECT FROM {schema}.migrations WHERE id = $1 \
             AND state IN ('queued', 'rolled_back'))",
            &[id.into(), lease.token().into()],
        );
        let insert = self.sql(
            include_str!("sql/start.sql"),
            &[
                id.into(),
                (&name.name).into(),
                (&start.plan.checksum).into(),
                start.source.into(),
                (&plan).into(),
                Value::Bool(start.order == Order::OutOfOrder),
                lease.token().into(),
            ],
        );
        // A plan may have no step at all, so the number of new rows says nothing.
        session
            .batch(&[clear, insert])
            .await
            .map_err(|error| ExecuteError::from_db("starting a migration", error.error))?;
        match self.load(session, id).await? {
            Some(record)
                if record.state == MigrationState::Expanding
                    && record.checksum == start.plan.checksum =>
            {
                Ok(())
            }
            Some(record) => Err(ExecuteError::StateUnknown {
                message: format!("{id} is {} already and cannot be started", record.state),
                next: format!("Run zdm status {id}."),
            }),
            None => Err(ExecuteError::StateUnknown {
                message: format!("{id} was started, but the journal does not hold it"),
                next: format!("Look at {}.migrations.", self.schema),
            }),
        }
    }

    /// Queues a migration behind another, before anything of it has run.
    pub async fn queue(
        &self,
        session: &mut Session,
        queued: Queue<'_>,
        lease: &Lease,
    ) -> Result<(), ExecuteError> {
        let sql = self.sql(
            include_str!("sql/queue.sql"),
            &[
                lease.migration().into(),
                queued.name.into(),
                queued.checksum.into(),
                queued.source.into(),
                queued.behind.into(),
                queued.why.into(),
                lease.token().into(),
            ],
        );
        self.write(session, "queueing a migration", &sql).await
    }

    /// Stores a plan that was made anew, in one transaction with what it was made from. What is
    /// recorded of the steps that stay is kept.
    pub async fn replan(
        &self,
        session: &mut Session,
        anew: Replan<'_>,
        lease: &Lease,
    ) -> Result<(), ExecuteError> {
        let id = lease.migration();
        let plan = stored(anew.plan)?;
        let ids: Vec<&str> = anew.plan.steps().map(|step| step.id.as_str()).collect();
        let ids = serde_json::json!(ids).to_string();
        let again = serde_json::json!(anew.again).to_string();
        let there = serde_json::json!(anew.there).to_string();
        let original = serde_json::json!(anew.original).to_string();
        let present = serde_json::json!(anew.present).to_string();
        let statements = [
            "BEGIN ISOLATION LEVEL READ COMMITTED".to_owned(),
            self.sql(
                "UPDATE {schema}.migrations SET plan = $2::jsonb, state = $3, \
                 changed_at = pg_catalog.clock_timestamp() \
                 WHERE id = $1 AND {schema}.fence($1, $4)",
                &[
                    id.into(),
                    (&plan).into(),
                    anew.state.as_str().into(),
                    lease.token().into(),
                ],
            ),
            self.sql(
                "DELETE FROM {schema}.steps WHERE migration_id = $1 AND NOT $2::jsonb ? step_id",
                &[id.into(), (&ids).into()],
            ),
            self.sql(
                include_str!("sql/replan.sql"),
                &[
                    id.into(),
                    (&plan).into(),
                    (&again).into(),
                    (&there).into(),
                ],
            ),
            self.sql(
                "INSERT INTO {schema}.boundaries (migration_id, phase, edge, at, wal, fingerprints) \
                 SELECT b.migration_id, b.phase, b.edge, b.at, b.wal, \
                 CASE b.edge WHEN 'done' THEN $2::jsonb ELSE $3::jsonb END \
                 FROM {schema}.boundaries b WHERE b.id IN (\
                 SELECT pg_catalog.max(l.id) FROM {schema}.boundaries l WHERE l.migration_id = $1 \
                 AND (l.edge = 'done' OR l.edge = 'started' AND l.phase = 'expand') GROUP BY l.edge)",
                &[id.into(), (&present).into(), (&original).into()],
            ),
            "COMMIT".to_owned(),
        ];
        let failed = match session.batch(&statements).await {
            Ok(batch) if batch.affected.get(1) == Some(&1) => return Ok(()),
            Ok(_) => ExecuteError::StateUnknown {
                message: format!("storing the new plan of {id}: the journal does not hold it"),
                next: format!("Look at {}.migrations.", self.schema),
            },
            Err(error) => ExecuteError::from_db("storing the new plan", error.error),
        };
        // If the connection is gone, so is the transaction.
        drop(session.run("ROLLBACK").await);
        Err(failed)
    }

    /// The statement that records a migration as done which was run plainly: without a plan, by
    /// whoever was alone in the database.
    pub(crate) fn done_plainly_sql(&self, done: &Done) -> String {
        self.sql(
            "INSERT INTO {schema}.migrations (id, name, checksum, source, state, finished_at) \
             VALUES ($1, $2, $3, $4, 'done', pg_catalog.clock_timestamp()) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, checksum = excluded.checksum, \
             source = excluded.source, state = 'done', plan = NULL, \
             changed_at = pg_catalog.clock_timestamp(), finished_at = excluded.finished_at",
            &[
                (&done.id).into(),
                (&done.name).into(),
                (&done.checksum).into(),
                (&done.source).into(),
            ],
        )
    }

    /// Changes the state of a migration.
    pub async fn set_state(
        &self,
        session: &mut Session,
        id: &str,
        state: MigrationState,
        lease: &Lease,
    ) -> Result<(), ExecuteError> {
        let sql = self.set_state_sql(id, state, lease);
        self.write(session, "changing the state of a migration", &sql)
            .await
    }

    /// Changes the state of a migration and runs some statements, in one transaction.
    pub async fn set_state_and(
        &self,
        session: &mut Session,
        id: &str,
        state: MigrationState,
        also: &[String],
        lease: &Lease,
    ) -> Result<(), ExecuteError> {
        let mut statements = vec![
            "BEGIN ISOLATION LEVEL READ COMMITTED".to_owned(),
            self.set_state_sql(id, state, lease),
        ];
        statements.extend_from_slice(also);
        statements.push("COMMIT".to_owned());
        let failed = match session.batch(&statements).await {
            Ok(batch) if batch.affected.get(1) == Some(&1) => return Ok(()),
            // The journal does not hold it; the transaction did nothing to it.
            Ok(_) => ExecuteError::StateUnknown {
                message: format!("changing the state of {id}: the journal does not hold it"),
                next: format!("Look at {}.migrations.", self.schema),
            },
            Err(error) => {
                ExecuteError::from_db("writing the history of the other tool", error.error)
            }
        };
        // If the connection is gone, so is the transaction.
        drop(session.run("ROLLBACK").await);
        Err(failed)
    }

    /// The statement of [`Journal::set_state`].
    pub fn set_state_sql(&self, id: &str, state: MigrationState, lease: &Lease) -> String {
        self.sql(
            "UPDATE {schema}.migrations SET state = $2, changed_at = pg_catalog.clock_timestamp(), \
             finished_at = CASE WHEN $4 THEN pg_catalog.clock_timestamp() END \
             WHERE id = $1 AND {schema}.fence($1, $3)",
            &[
                id.into(),
                state.as_str().into(),
                lease.token().into(),
                state.is_final().into(),
            ],
        )
    }

    /// Records that a phase begins or has ended, with time, WAL position and what its relations
    /// look like.
    pub async fn boundary(
        &self,
        session: &mut Session,
        phase: PhaseName,
        edge: Edge,
        fingerprints: &BTreeMap<String, String>,
        lease: &Lease,
    ) -> Result<(), ExecuteError> {
        let fingerprints = serde_json::json!(fingerprints).to_string();
        let sql = self.sql(
            "INSERT INTO {schema}.boundaries (migration_id, phase, edge, wal, fingerprints) \
             SELECT $1, $2, $3, pg_catalog.pg_current_wal_lsn(), $4::jsonb \
             WHERE {schema}.fence($1, $5)",
            &[
                lease.migration().into(),
                phase.as_str().into(),
                edge.as_str().into(),
                (&fingerprints).into(),
                lease.token().into(),
            ],
        );
        self.write(session, "recording a phase", &sql).await
    }

    /// Records that a step begins, or begins again.
    pub async fn step_running(
        &self,
        session: &mut Session,
        step: &str,
        lease: &Lease,
    ) -> Result<(), ExecuteError> {
        let sql = self.sql(
            "UPDATE {schema}.steps SET state = 'running', attempts = attempts + 1, error = NULL, \
             started_at = coalesce(started_at, pg_catalog.clock_timestamp()), finished_at = NULL \
             WHERE migration_id = $1 AND step_id = $2 AND {schema}.fence($1, $3)",
            &[lease.migration().into(), step.into(), lease.token().into()],
        );
        self.write(session, "recording a step", &sql).await
    }

    /// Records that a step is done.
    pub async fn step_done(
        &self,
        session: &mut Session,
        step: &str,
        lease: &Lease,
    ) -> Result<(), ExecuteError> {
        let sql = self.step_done_sql(step, lease);
        self.write(session, "recording a step", &sql).await
    }

    /// The statement of [`Journal::step_done`], for a transaction that is sent as one message.
    pub fn step_done_sql(&self, step: &str, lease: &Lease) -> String {
        self.step_end_sql(step, StepState::Done, None, lease)
    }

    /// Records that a step has been taken back.
    pub async fn step_undone(
        &self,
        session: &mut Session,
        step: &str,
        lease: &Lease,
    ) -> Result<(), ExecuteError> {
        let sql = self.step_undone_sql(step, lease);
        self.write(session, "recording a step", &sql).await
    }

    /// The statement of [`Journal::step_undone`], for a transaction that is sent as one message.
    pub fn step_undone_sql(&self, step: &str, lease: &Lease) -> String {
        self.step_end_sql(step, StepState::Undone, None, lease)
    }

    /// Records that a step failed and what the server said.
    pub async fn step_failed(
        &self,
        session: &mut Session,
        step: &str,
        error: &str,
        lease: &Lease,
    ) -> Result<(), ExecuteError> {
        let sql = self.step_end_sql(step, StepState::Failed, Some(error), lease);
        self.write(session, "recording a step", &sql).await
    }

    fn step_end_sql(
        &self,
        step: &str,
        state: StepState,
        error: Option<&str>,
        lease: &Lease,
    ) -> String {
        self.sql(
            "UPDATE {schema}.steps SET state = $3, error = $4, \
             finished_at = pg_catalog.clock_timestamp() \
             WHERE migration_id = $1 AND step_id = $2 AND {schema}.fence($1, $5)",
            &[
                lease.migration().into(),
                step.into(),
                state.as_str().into(),
                error.into(),
                lease.token().into(),
            ],
        )
    }

    /// Records how far a backfill is. Inside the transaction of a pass, so that the rows and the
    /// checkpoint are committed together. Where `last_xid` is `None`, the transaction's own id is
    /// recorded.
    pub async fn checkpoint(
        &self,
        session: &mut Session,
        checkpoint: &BackfillRecord,
        lease: &Lease,
    ) -> Result<(), ExecuteError> {
        let sql = self.checkpoint_sql(checkpoint, lease);
        self.write(session, "recording a checkpoint", &sql).await
    }

    /// The statement of [`Journal::checkpoint`], for a transaction that is sent as one message.
    pub fn checkpoint_sql(&self, checkpoint: &BackfillRecord, lease: &Lease) -> String {
        self.sql(
            include_str!("sql/checkpoint.sql"),
            &[
                lease.migration().into(),
                (&checkpoint.step_id).into(),
                (&checkpoint.relation).into(),
                checkpoint.filenode.into(),
                checkpoint.end_block.into(),
                checkpoint.block.into(),
                checkpoint.window_pages.into(),
                checkpoint.passes.into(),
                checkpoint.pass.into(),
                checkpoint.rows_done.into(),
                checkpoint.rows_total.into(),
                checkpoint.last_xid.as_deref().into(),
                lease.token().into(),
                checkpoint.done.into(),
                checkpoint.key_done.as_deref().into(),
                checkpoint.key_end.as_deref().into(),
            ],
        )
    }

    /// Forgets how far the backfills of a step are: it will begin anew.
    pub async fn forget_backfills(
        &self,
        session: &mut Session,
        step: &str,
        lease: &Lease,
    ) -> Result<(), ExecuteError> {
        let sql = self.sql(
            "DELETE FROM {schema}.backfills WHERE migration_id = $1 AND step_id = $2 \
             AND {schema}.fence($1, $3)",
            &[lease.migration().into(), step.into(), lease.token().into()],
        );
        session
            .run(&sql)
            .await
            .map(drop)
            .map_err(|error| ExecuteError::from_db("forgetting a backfill", error))
    }

    /// Keeps an event.
    pub async fn record_event(
        &self,
        session: &mut Session,
        event: &Event,
        lease: &Lease,
    ) -> Result<(), ExecuteError> {
        let json = serde_json::to_string(event).unwrap_or_default();
        let sql = self.sql(
            "INSERT INTO {schema}.events (migration_id, step_id, event) \
             SELECT $1, $2, $3::jsonb WHERE {schema}.fence($1, $4)",
            &[
                lease.migration().into(),
                event.step.as_deref().into(),
                (&json).into(),
                lease.token().into(),
            ],
        );
        self.write(session, "recording an event", &sql).await
    }

    /// The statement that asserts that the lease is ours, and keeps it so to the end of the
    /// transaction.
    pub(crate) fn fence_sql(&self, lease: &Lease) -> String {
        self.sql(
            "SELECT {schema}.fence($1, $2)",
            &[lease.migration().into(), lease.token().into()],
        )
    }

    /// `sql` with the schema and the values put in.
    pub(crate) fn sql(&self, sql: &str, values: &[Value<'_>]) -> String {
        in_schema(&self.schema, sql, values)
    }

    /// Runs a statement that must write exactly one row.
    async fn write(
        &self,
        session: &mut Session,
        doing: &'static str,
        sql: &str,
    ) -> Result<(), ExecuteError> {
        let rows = session
            .run(sql)
            .await
            .map_err(|error| ExecuteError::from_db(doing, error))?;
        if rows == 1 {
            return Ok(());
        }
        Err(ExecuteError::StateUnknown {
            message: format!("{doing}: the journal has {rows} entries where there must be one"),
            next: format!("Look at the tables of {}.", self.schema),
        })
    }
}

/// A plan as the journal holds it.
fn stored(plan: &Plan) -> Result<String, ExecuteError> {
    serde_json::to_string(plan).map_err(|error| ExecuteError::Refused {
        code: "plan-unstorable",
        message: format!("the plan cannot be stored: {error}"),
        next: String::from("Report this plan."),
    })
}

/// `sql` with the journal's schema and the values put in.
pub(crate) fn in_schema(schema: &Ident, sql: &str, values: &[Value<'_>]) -> String {
    // The schema first: a value may well hold the placeholder.
    bind(&sql.replace("{schema}", &schema.quoted()), values)
}
