//! Carries out what the machine says, one action at a time, on a live database.
//!
//! It adds nothing of its own: which action comes next is [`crate::execute::machine`]'s decision,
//! how a lock is asked for the guard's, how rows are filled the backfill's. After each action the
//! journal is read anew, so that nothing is believed that is not written down.
//! Next: [`crate::execute::apply`] and [`crate::execute::rollback`] call it.

mod back;
mod drifted;

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use drifted::Looked;

use crate::{
    db::{Session, Target, activity, get, one_value},
    execute::{
        Runner,
        adopt::mirror::{self, Mirror},
        drift::{self, MadeFrom, partitions},
        error::ExecuteError,
        event::{BlockerInfo, EventKind},
        fill,
        guard::{
            BareIndex, BareOutcome, BareWork, GuardContext, GuardedWork, Hold, JournalEntry,
            run_bare, run_guarded,
        },
        journal::{Edge, Journal, MigrationRecord, MigrationState},
        lease::Lease,
        machine::{self, Action, Goal, Progress, Refusal, Standing},
        patience::Patience,
        rows,
    },
    ident::Ident,
    parse::PhaseName,
    plan::{Plan, Step, StepKind, Verify},
};

/// What may be lost by going back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Nothing: rows that the old shape cannot keep stop the rollback.
    None,
    /// What the rollback lists.
    Given,
}

/// What going back costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// Nothing.
    None,
    /// Rows that the old shape cannot keep, which was consented to.
    Accepted,
}

/// What is done about an object that is recorded as made, and is not there when it is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// The server refuses the statement, and the run stops.
    Refused,
    /// It is gone already: that is what was wanted.
    PassedOver,
}

/// Whether a difference between database and plan stops a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftPolicy {
    /// It does.
    Refuse,
    /// It is shown, and accepted.
    Accept,
}

/// One migration being taken somewhere.
#[derive(Debug)]
pub struct Driver<'a> {
    /// What the run is made with.
    pub runner: &'a Runner,
    /// Where steps are recorded.
    pub journal: &'a Journal,
    /// The right to do so.
    pub lease: &'a Lease,
    /// The stored plan.
    pub plan: Arc<Plan>,
    /// Runs the statements.
    pub session: Session,
    /// Looks at the server meanwhile.
    pub watch: Session,
    /// What may be lost by going back.
    pub consent: Consent,
    /// What is done about objects that are gone already.
    pub absent: Absent,
    /// Whether a difference stops the run.
    pub drift: DriftPolicy,
    /// What the plan was made from, to see what a difference would change.
    pub made_from: Option<MadeFrom<'a>>,
    /// Randomness for pauses.
    pub rng: fastrand::Rng,
    /// The other tool's table that is kept up.
    mirror: Option<Mirror>,
}

impl<'a> Driver<'a> {
    /// Opens the sessions of a run.
    pub async fn open(
        runner: &'a Runner,
        journal: &'a Journal,
        lease: &'a Lease,
        plan: Plan,
    ) -> Result<Self, ExecuteError> {
        let mut session = connect(&runner.target, "run").await?;
        let asked = runner.settings.mirror.as_ref();
        let mirror = Mirror::resolve(&mut session, asked, journal).await?;
        Ok(Self {
            session,
            mirror,
            watch: connect(&runner.target, "watch").await?,
            runner,
            journal,
            lease,
            plan: Arc::new(plan),
            consent: Consent::None,
            absent: Absent::Refused,
            drift: DriftPolicy::Refuse,
            made_from: None,
            rng: fastrand::Rng::with_seed(runner.seed),
        })
    }

    /// Runs to the goal; the state it ends in.
    pub async fn run(&mut self, goal: Goal) -> Result<MigrationState, ExecuteError> {
        let mut observed = None;
        loop {
            self.runner.stop.check()?;
            self.lease.check()?;
            let record = self.record().await?;
            let progress = progress(&record);
            let plan = Arc::clone(&self.plan);
            let action = machine::next(&plan, &progress, goal, observed.take());
            tracing::debug!(?progress.state, action = action_name(&action), "next");
            match action {
                Action::BeginPhase(phase) => self.begin_phase(phase, &record).await?,
                Action::EndPhase(phase) => self.end_phase(phase).await?,
                Action::Look(step) => observed = Some(self.look(step).await?),
                Action::Clean(step) => self.begin_again(step).await?,
                Action::Run(step) => self.step(step, &record).await?,
                Action::RecordDone(step) => {
                    self.journal
                        .step_done(&mut self.session, &step.id, self.lease)
                        .await?;
                    self.emit(
                        step,
                        EventKind::StepSkipped {
                            why: "it is there already".to_owned(),
                        },
                    );
                }
                Action::BeginRollback => {
                    self.runner.events.emit(None, EventKind::RollbackStarted);
                    self.set_state(MigrationState::RollingBack).await?;
                }
                Action::Undo(step) => self.undo(step).await?,
                Action::RecordUndone(step) => {
                    self.journal
                        .step_undone(&mut self.session, &step.id, self.lease)
                        .await?;
                    if !step.reversible {
                        self.runner.events.note(
                            Some(&step.id),
                            format!("stays, nothing depends on it: {}", step.title),
                        );
                    }
                }
                Action::EndRollback => {
                    self.end_rollback().await?;
                    self.runner.events.emit(None, EventKind::RollbackDone);
                }
                Action::Reached(state) => return Ok(state),
                Action::Refuse(why) => return Err(self.refusal(&why)),
            }
        }
    }

    fn emit(&self, step: &Step, kind: EventKind) {
        self.runner.events.emit(Some(&step.id), kind);
    }

    async fn record(&mut self) -> Result<MigrationRecord, ExecuteError> {
        let id = &self.plan.migration.id;
        self.journal
            .load(&mut self.watch, id)
            .await?
            .ok_or_else(|| ExecuteError::StateUnknown {
                message: format!("the journal no longer holds {id}"),
                next: format!("Look at {}.migrations.", self.journal.schema()),
            })
    }

    async fn set_state(&mut self, state: MigrationState) -> Result<(), ExecuteError> {
        let id = &self.plan.migration.id;
        self.journal
            .set_state(&mut self.session, id, state, self.lease)
            .await
    }

    async fn begin_phase(
        &mut self,
        phase: PhaseName,
        record: &MigrationRecord,
    ) -> Result<(), ExecuteError> {
        if phase == PhaseName::Contract {
            self.check_time(record)?;
        }
        if self.check_drift(record).await? == Looked::Changed {
            return Ok(());
        }
        let none = BTreeMap::new();
        self.journal
            .boundary(&mut self.session, phase, Edge::Started, &none, self.lease)
            .await?;
        self.set_state(machine::running(phase)).await?;
        self.runner
            .events
            .emit(None, EventKind::PhaseStarted { phase });
        Ok(())
    }

    /// Contract waits for its window, and for both shapes to have stood for a while.
    fn check_time(&self, record: &MigrationRecord) -> Result<(), ExecuteError> {
        let contract = self
            .plan
            .phases
            .iter()
            .find(|phase| phase.phase == PhaseName::Contract);
        if contract.is_none_or(|phase| phase.steps.is_empty()) {
            return Ok(());
        }
        let ended = record.boundaries.iter().rev();
        let migrated = ended
            .clone()
            .find(|at| at.phase == PhaseName::Migrate && at.edge == Edge::Done)
            .map(|boundary| boundary.at);
        let now = self.runner.events.now();
        let times = &self.runner.settings.contract;
        times.allow(now, migrated).map_err(|early| {
            let id = &self.plan.migration.id;
            ExecuteError::Refused {
                code: "contract-window",
                message: format!("contract of {id} may not begin yet: {early}"),
                next: format!(
                    "Run zdm apply {id} --phase contract then, or now with --ignore-window."
                ),
            }
        })
    }

    async fn end_phase(&mut self, phase: PhaseName) -> Result<(), ExecuteError> {
        let fingerprints = drift::shapes(
            &self
                .runner
                .patience()
                .catalog(&mut self.watch, &self.runner.settings.journal_schema)
                .await?,
            &self.plan,
        );
        self.journal
            .boundary(
                &mut self.session,
                phase,
                Edge::Done,
                &fingerprints,
                self.lease,
            )
            .await?;
        let state = machine::ended(phase);
        let also = self.mirrored(state).await?;
        self.set_state_and(state, also).await?;
        self.runner
            .events
            .emit(None, EventKind::PhaseDone { phase });
        Ok(())
    }

    /// What tells the other tool that the migration is done, when this is the state for it.
    async fn mirrored(&mut self, state: MigrationState) -> Result<Vec<String>, ExecuteError> {
        let Some(mirror) = self.mirror.clone() else {
            return Ok(Vec::new());
        };
        let due = match mirror.when {
            mirror::When::Migrated => MigrationState::Migrated,
            mirror::When::Done => MigrationState::Done,
        };
        if state != due {
            return Ok(Vec::new());
        }
        let record = self.record().await?;
        mirror.done_sql(mirror::Migration {
            id: &record.id,
            name: &record.name,
            source: &record.source,
        })
    }

    async fn end_rollback(&mut self) -> Result<(), ExecuteError> {
        let also = match &self.mirror {
            Some(mirror) if mirror.when == mirror::When::Migrated => {
                mirror.undone_sql(&self.plan.migration.id, self.journal)?
            }
            Some(_) | None => Vec::new(),
        };
        self.set_state_and(MigrationState::RolledBack, also).await
    }

    /// Changes the state, and runs some statements, in one transaction.
    async fn set_state_and(
        &mut self,
        state: MigrationState,
        also: Vec<String>,
    ) -> Result<(), ExecuteError> {
        if also.is_empty() {
            return self.set_state(state).await;
        }
        let id = &self.plan.migration.id;
        self.journal
            .set_state_and(&mut self.session, id, state, &also, self.lease)
            .await
    }

    /// Asks where a step stands. A step without a query is always to do.
    async fn look(&mut self, step: &Step) -> Result<Standing, ExecuteError> {
        let Some(query) = &step.pre else {
            return Ok(Standing::Todo);
        };
        standing(&mut self.watch, query).await
    }

    async fn step(&mut self, step: &Step, record: &MigrationRecord) -> Result<(), ExecuteError> {
        let attempt = record.step(&step.id).map_or(1, |step| step.attempts + 1);
        self.journal
            .step_running(&mut self.session, &step.id, self.lease)
            .await?;
        self.emit(
            step,
            EventKind::StepStarted {
                title: step.title.clone(),
                attempt,
            },
        );
        let started = Instant::now();
        let result = self.carry_out(step, record).await;
        match result {
            Ok(()) => {
                let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                self.emit(step, EventKind::StepDone { took_ms });
                Ok(())
            }
            Err(error) => {
                if matches!(error, ExecuteError::StepFailed { .. })
                    && partitions::dropped(&mut self.watch, record)
                        .await?
                        .concerns(step)
                {
                    self.journal
                        .step_done(&mut self.session, &step.id, self.lease)
                        .await?;
                    let why = "its partition has been dropped".to_owned();
                    self.emit(step, EventKind::StepSkipped { why });
                    return Ok(());
                }
                self.failed(step, &error).await;
                self.take_constraint_back(step, error).await
            }
        }
    }

    /// Notes down why a step failed. If even that fails, the next run will see the step running.
    async fn failed(&mut self, step: &Step, error: &ExecuteError) {
        let message = error.to_string();
        if matches!(
            error,
            ExecuteError::StepFailed { .. } | ExecuteError::RowsFound { .. }
        ) {
            drop(
                self.journal
                    .step_failed(&mut self.watch, &step.id, &message, self.lease)
                    .await,
            );
        }
        self.emit(step, EventKind::StepFailed { message });
    }

    async fn carry_out(
        &mut self,
        step: &Step,
        record: &MigrationRecord,
    ) -> Result<(), ExecuteError> {
        match &step.kind {
            StepKind::LongDdl | StepKind::Ddl | StepKind::Rows { .. } => self.guarded(step).await,
            StepKind::Bare
            | StepKind::CreateIndex { .. }
            | StepKind::DropIndex { .. }
            | StepKind::Reindex { .. } => self.bare(step).await,
            StepKind::Backfill { backfill } => {
                fill::fill(self, step, backfill, record).await?;
                self.finish(step).await
            }
            StepKind::Batches { batches } => {
                if rows::run(self, step, batches, record).await? == rows::Recorded::No {
                    self.finish(step).await?;
                }
                Ok(())
            }
            StepKind::Verify { verify } => {
                self.verify(step, verify).await?;
                self.finish(step).await
            }
            StepKind::WaitForSnapshots => {
                self.wait_for_snapshots(step, record).await?;
                self.finish(step).await
            }
        }
    }

    /// Records a step whose work is not one transaction with its record, after looking once more.
    async fn finish(&mut self, step: &Step) -> Result<(), ExecuteError> {
        if let Some(query) = &step.post {
            let standing = standing(&mut self.watch, query).await?;
            if standing != Standing::Done {
                return Err(ExecuteError::StateUnknown {
                    message: format!(
                        "{} ran without an error, but its check says {standing:?}",
                        step.id
                    ),
                    next: format!("Run by hand: {query}"),
                });
            }
        }
        self.journal
            .step_done(&mut self.session, &step.id, self.lease)
            .await
    }

    /// What statements under a guard run with, and the schemas that the plan's names are looked up in.
    pub(in crate::execute) fn guard(&mut self) -> (GuardContext<'_>, &[Ident]) {
        let cx = GuardContext {
            session: &mut self.session,
            watch: &mut self.watch,
            own: &[],
            journal: self.journal,
            lease: self.lease,
            events: &self.runner.events,
            stop: &self.runner.stop,
            settings: &self.runner.settings,
            rng: &mut self.rng,
        };
        (cx, &self.plan.search_path)
    }

    async fn guarded(&mut self, step: &Step) -> Result<(), ExecuteError> {
        let hold = Hold::of(&step.kind);
        let (mut cx, search_path) = self.guard();
        let work = GuardedWork {
            step: &step.id,
            locks: &step.locks,
            guard: step.guard,
            statements: &step.sql,
            search_path,
            hold,
            record: JournalEntry::StepDone(&step.id),
        };
        run_guarded(&mut cx, &work).await?;
        Ok(())
    }

    async fn bare(&mut self, step: &Step) -> Result<(), ExecuteError> {
        let record = JournalEntry::StepDone(&step.id);
        let index = BareIndex::of(&step.kind);
        self.run_bare(&step.id, &step.sql, index, record).await?;
        Ok(())
    }

    async fn run_bare(
        &mut self,
        step: &str,
        statements: &[String],
        index: Option<BareIndex<'_>>,
        record: JournalEntry<'_>,
    ) -> Result<BareOutcome, ExecuteError> {
        let (mut cx, search_path) = self.guard();
        let work = BareWork {
            step,
            statements,
            search_path,
            index,
            record,
        };
        run_bare(&mut cx, &work).await
    }

    /// Begins again where an earlier attempt left half of it: the guard drops the INVALID index
    /// that this very step made, and builds it anew.
    async fn begin_again(&mut self, step: &Step) -> Result<(), ExecuteError> {
        let record = self.record().await?;
        self.step(step, &record).await
    }

    async fn verify(&mut self, step: &Step, verify: &Verify) -> Result<(), ExecuteError> {
        let patience = self.runner.patience();
        match rows_found(&patience, &mut self.session, verify).await? {
            None => Ok(()),
            Some((count, sample)) => Err(ExecuteError::RowsFound {
                step: step.id.clone(),
                count,
                message: verify.message.replace("{count}", &count.to_string()),
                sample,
                help: verify.help.clone(),
            }),
        }
    }

    async fn wait_for_snapshots(
        &mut self,
        step: &Step,
        record: &MigrationRecord,
    ) -> Result<(), ExecuteError> {
        let last = record
            .backfills
            .iter()
            .filter_map(|backfill| backfill.last_xid.as_ref()?.parse::<i64>().ok())
            .max();
        let Some(last) = last else { return Ok(()) };
        let mut snapshots = activity::SnapshotWatch::new(last);
        let started = Instant::now();
        let mut told: Option<Instant> = None;
        loop {
            let own = [self.session.pid(), self.watch.pid()];
            let holders = snapshots
                .poll(&mut self.watch, &own)
                .await
                .map_err(|error| ExecuteError::from_db("looking for old snapshots", error))?;
            if holders.is_empty() {
                return Ok(());
            }
            let blockers: Vec<BlockerInfo> = holders.iter().map(BlockerInfo::from).collect();
            let locks = &self.runner.settings.locks;
            if told.is_none_or(|told| told.elapsed() >= locks.report_every) {
                told = Some(Instant::now());
                self.emit(
                    step,
                    EventKind::Waiting {
                        what: "transactions older than the backfill".to_owned(),
                        blockers: blockers.clone(),
                    },
                );
            }
            if started.elapsed() >= locks.budget {
                return Err(ExecuteError::LockBudget {
                    step: step.id.clone(),
                    relations: vec!["older transactions".to_owned()],
                    budget: crate::execute::event::in_words(
                        u64::try_from(locks.budget.as_millis()).unwrap_or(u64::MAX),
                    ),
                    blockers,
                });
            }
            self.runner.stop.sleep(locks.poll).await?;
            self.lease.check()?;
        }
    }

    fn refusal(&self, why: &Refusal<'_>) -> ExecuteError {
        let id = &self.plan.migration.id;
        match why {
            Refusal::DoneByOthers(step) => ExecuteError::Refused {
                code: "done-by-others",
                message: format!(
                    "{} is to {}, but that is there already and zdm did not do it",
                    step.id, step.title
                ),
                next: "Remove what was made by hand, or roll back and change the migration."
                    .to_owned(),
            },
            Refusal::ForwardOnly(step) => ExecuteError::Refused {
                code: "forward-only",
                message: format!(
                    "{id} cannot go back: {} ({}) has been committed",
                    step.id, step.title
                ),
                next: format!("Run zdm apply {id} --phase contract to end it."),
            },
            Refusal::RollingBack => ExecuteError::Refused {
                code: "rolling-back",
                message: format!("{id} is being rolled back"),
                next: format!("Run zdm rollback {id} to end that."),
            },
            Refusal::State(state) => ExecuteError::Refused {
                code: "wrong-state",
                message: format!("{id} is {state}: there is nothing to do"),
                next: format!("Run zdm status {id}."),
            },
        }
    }
}

/// Opens a session or says that there is no connection.
pub async fn connect(target: &Target, purpose: &str) -> Result<Session, ExecuteError> {
    Session::open(target, purpose)
        .await
        .map_err(|error| ExecuteError::Connect { error })
}

/// The journal's view of a migration, for the machine.
pub fn progress(record: &MigrationRecord) -> Progress {
    Progress {
        state: record.state,
        steps: record
            .steps
            .iter()
            .map(|step| (step.step_id.clone(), step.state))
            .collect(),
    }
}

async fn standing(session: &mut Session, query: &str) -> Result<Standing, ExecuteError> {
    let text: String = session
        .value(query)
        .await
        .map_err(|error| ExecuteError::from_db("asking where a step stands", error))?;
    Standing::parse(&text).ok_or_else(|| ExecuteError::StateUnknown {
        message: format!("a step's check answered `{text}`"),
        next: format!("Run by hand: {query}"),
    })
}

/// The number of rows that must not be there, and a few of them; `None` when there are none.
pub async fn rows_found(
    patience: &Patience<'_>,
    session: &mut Session,
    verify: &Verify,
) -> Result<Option<(i64, Vec<String>)>, ExecuteError> {
    let doing = "counting rows";
    let rows = patience.rows(session, doing, &verify.count).await?;
    let count: i64 = one_value(&rows).map_err(|error| ExecuteError::from_db(doing, error))?;
    if count == 0 {
        return Ok(None);
    }
    let mut sample = Vec::new();
    if let Some(query) = &verify.sample {
        let doing = "looking for a few rows";
        let rows = patience.rows(session, doing, query).await?;
        for row in &rows {
            let text: Option<String> =
                get(row, 0).map_err(|error| ExecuteError::from_db("reading a row", error))?;
            sample.push(text.unwrap_or_else(|| "NULL".to_owned()));
        }
    }
    Ok(Some((count, sample)))
}

fn action_name(action: &Action<'_>) -> String {
    match action {
        Action::BeginPhase(phase) => format!("begin {}", phase.as_str()),
        Action::EndPhase(phase) => format!("end {}", phase.as_str()),
        Action::Look(step) => format!("look at {}", step.id),
        Action::Clean(step) => format!("clean {}", step.id),
        Action::Run(step) => format!("run {}", step.id),
        Action::RecordDone(step) => format!("record {} done", step.id),
        Action::BeginRollback => "begin rollback".to_owned(),
        Action::Undo(step) => format!("undo {}", step.id),
        Action::RecordUndone(step) => format!("record {} undone", step.id),
        Action::EndRollback => "end rollback".to_owned(),
        Action::Reached(state) => format!("reached {state}"),
        Action::Refuse(_) => "refuse".to_owned(),
    }
}
