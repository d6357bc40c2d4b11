//! Which migrations may be in flight together, and which comes after which.
//!
//! Two are independent when no write of one meets anything of the other ([`crate::plan::Sets`]).
//! One that is not waits, before anything of it has run, until the other is through; what is done
//! cannot be overtaken. It reads the journal alone, and changes nothing.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    catalog::Catalog,
    db::Session,
    execute::{
        apply::{MigrationFile, OutOfOrder, take_up::Turn},
        error::ExecuteError,
        event::in_words,
        journal::{Journal, MigrationRecord, MigrationState, MigrationSummary, Order, StepState},
        rollback::in_flight,
    },
    ident::ObjectName,
    parse::PhaseName,
    plan::{
        Plan, StepKind,
        stand_ins::{named_in, written_and_named},
    },
};

/// Where a version stands in the order of the folder; one that is not in it stands nowhere.
pub(super) fn position(files: &[MigrationFile], id: &str) -> Option<usize> {
    files.iter().position(|file| file.name.id == id)
}

/// Refuses a migration that must wait for another, and says whether it comes in its turn.
pub(super) async fn of(turn: &mut Turn<'_>, plan: &Plan) -> Result<Order, ExecuteError> {
    let (journal, files) = (turn.journal, turn.files);
    let id = turn.file.name.id.as_str();
    let mut order = Order::InOrder;
    for other in journal.migrations(turn.session).await? {
        let applied = matches!(other.state, MigrationState::Done | MigrationState::Adopted);
        let overtakes = applied && position(files, &other.id) > position(files, id);
        if other.id == id || !(overtakes || unfinished(other.state)) {
            continue;
        }
        let mut met = meets(turn.session, journal, &other.id, plan).await?;
        if unfinished(other.state) {
            met.add_named(turn.file, Some(plan));
            if !met.shared.is_empty() {
                return Err(queued(id, &other, &met, turn.runner.started));
            }
        } else if turn.request.out_of_order == OutOfOrder::Refuse {
            return Err(ExecuteError::Refused {
                code: "out-of-order",
                message: format!(
                    "{id} comes before {} ({}), which is applied, and [order] strict is set",
                    other.id, other.name
                ),
                next: format!(
                    "Give {id} a number after {}, or allow it with [order] strict = false.",
                    other.id
                ),
            });
        } else if !met.shared.is_empty() {
            return Err(ExecuteError::Refused {
                code: "out-of-order",
                message: format!(
                    "{id} comes before {} ({}), which is applied and touches {} too",
                    other.id,
                    other.name,
                    met.shared.join(", ")
                ),
                next: format!("Give {id} a number after {}.", other.id),
            });
        } else {
            order = Order::OutOfOrder;
        }
    }
    Ok(order)
}

/// How sure it must be that a file and a migration in flight meet, when there is no plan to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unplanned {
    /// The file names what a view of the other stands for.
    BesideStandIns,
    /// The file cannot be planned on what is there now, and names what the other changes.
    Refused,
}

/// Refuses a migration that names a table in whose place another one in flight has put a view: what
/// the catalog says of it now is no ground to plan on. One that is refused on that ground waits for
/// whatever changes what it names.
pub(super) async fn behind_others(
    turn: &mut Turn<'_>,
    unplanned: Unplanned,
) -> Result<(), ExecuteError> {
    let id = turn.file.name.id.as_str();
    for other in turn.journal.migrations(turn.session).await? {
        if other.id == id || !unfinished(other.state) {
            continue;
        }
        let mut met = Met {
            record: turn.journal.load(turn.session, &other.id).await?,
            shared: Vec::new(),
        };
        met.add_named(turn.file, None);
        let theirs = met.record.as_ref().and_then(|record| record.plan.as_ref());
        if let Some(sets) = theirs.and_then(|plan| plan.sets.as_ref())
            && unplanned == Unplanned::Refused
            && met.shared.is_empty()
        {
            met.shared = written_and_named(&turn.file.source, &sets.writes);
        }
        if !met.shared.is_empty() {
            return Err(queued(id, &other, &met, turn.runner.started));
        }
    }
    Ok(())
}

/// A migration in flight with views in the place of tables, for commands that only look.
#[derive(Debug, Clone)]
pub struct Holder {
    summary: MigrationSummary,
    plan: Plan,
    views: BTreeSet<ObjectName>,
}

/// Those of a database.
pub async fn holders(
    session: &mut Session,
    journal: &Journal,
) -> Result<Vec<Holder>, ExecuteError> {
    let mut found = Vec::new();
    for summary in journal.migrations(session).await? {
        if !unfinished(summary.state) {
            continue;
        }
        let record = journal.load(session, &summary.id).await?;
        let Some(plan) = record.and_then(|record| record.plan) else {
            continue;
        };
        let views = plan.stand_ins();
        if !views.is_empty() {
            found.push(Holder {
                summary,
                plan,
                views,
            });
        }
    }
    Ok(found)
}

impl Holder {
    /// What a catalog becomes when it is through. One in which its views do not stand, not yet or
    /// not any more, is left as it is.
    pub fn when_through(&self, catalog: Catalog) -> Catalog {
        let stands = |view| catalog.views.contains_key(view);
        if self.views.iter().all(stands) {
            self.plan.after_contract(catalog)
        } else {
            catalog
        }
    }

    /// That a migration waits for it, in words, when its text names what one of the views stands
    /// for.
    pub fn keeps_back(&self, id: &str, text: &str) -> Option<String> {
        let named = named_in(text, &self.views);
        if id == self.summary.id || named.is_empty() {
            return None;
        }
        Some(format!(
            "{}: run {} first",
            waits(id, &self.summary, "", &named),
            command(self.summary.state, &self.summary.id)
        ))
    }
}

/// Whether it has begun and is not at an end; one that failed is at none.
fn unfinished(state: MigrationState) -> bool {
    in_flight(state) || state == MigrationState::Failed
}

/// Where sets meet, contract comes in the order in which the migrations were started.
pub(super) async fn contract_in_order(
    turn: &mut Turn<'_>,
    plan: &Plan,
    state: MigrationState,
    goal: PhaseName,
) -> Result<(), ExecuteError> {
    if goal != PhaseName::Contract || state == MigrationState::Contracting {
        return Ok(());
    }
    let id = turn.file.name.id.as_str();
    let all = turn.journal.migrations(turn.session).await?;
    for other in all.iter().take_while(|other| other.id != id) {
        if !unfinished(other.state) {
            continue;
        }
        let met = meets(turn.session, turn.journal, &other.id, plan).await?;
        if !met.shared.is_empty() {
            return Err(queued(id, other, &met, turn.runner.started));
        }
    }
    Ok(())
}

/// Refuses to take a migration back while a later one stands on it.
pub(in crate::execute) async fn refuse_if_depended_on(
    session: &mut Session,
    journal: &Journal,
    all: &[MigrationSummary],
    plan: &Plan,
) -> Result<(), ExecuteError> {
    let id = plan.migration.id.as_str();
    let later = all.iter().skip_while(|other| other.id != id).skip(1);
    for other in later {
        if !(unfinished(other.state) || other.state == MigrationState::Done) {
            continue;
        }
        let met = meets(session, journal, &other.id, plan).await?;
        if met.shared.is_empty() {
            continue;
        }
        return Err(ExecuteError::Refused {
            code: "depended-on",
            message: format!(
                "{} ({}) was started after {id}, is {}, and touches {} too: it would lose what it \
                 stands on",
                other.id,
                other.name,
                other.state,
                met.shared.join(", ")
            ),
            next: format!(
                "Run zdm rollback {} first; if that is refused, undo {id} by a new migration.",
                other.id
            ),
        });
    }
    Ok(())
}

/// Another migration, and what it and a plan both touch.
struct Met {
    record: Option<MigrationRecord>,
    shared: Vec<String>,
}

impl Met {
    /// Counts what one names while the other has a view in its place, also where it is in no set.
    fn add_named(&mut self, file: &MigrationFile, plan: Option<&Plan>) {
        let Some(record) = &self.record else {
            return;
        };
        let mut named = Vec::new();
        if let Some(theirs) = &record.plan {
            named.extend(named_in(&file.source, &theirs.stand_ins()));
        }
        if let Some(ours) = plan {
            named.extend(named_in(&record.source, &ours.stand_ins()));
        }
        named.retain(|name| !self.shared.contains(name));
        self.shared.extend(named);
    }
}

async fn meets(
    session: &mut Session,
    journal: &Journal,
    other: &str,
    plan: &Plan,
) -> Result<Met, ExecuteError> {
    let record = journal.load(session, other).await?;
    let shared = record
        .as_ref()
        .and_then(|record| record.plan.as_ref())
        .map_or_else(Vec::new, |theirs| shared(theirs, plan));
    Ok(Met { record, shared })
}

/// What both touch and one of them changes, in words. A plan of an older zdm has no sets: then all
/// relations count that both lock or look at.
fn shared(theirs: &Plan, ours: &Plan) -> Vec<String> {
    if let (Some(theirs), Some(ours)) = (&theirs.sets, &ours.sets) {
        return ours.shared(theirs);
    }
    let theirs = relations(theirs);
    let ours = relations(ours);
    ours.intersection(&theirs).cloned().collect()
}

fn relations(plan: &Plan) -> BTreeSet<String> {
    plan.steps()
        .flat_map(|step| &step.locks)
        .map(|lock| lock.relation.short())
        .chain(
            plan.fingerprint
                .keys()
                .map(|name| name.strip_prefix("public.").unwrap_or(name).to_owned()),
        )
        .collect()
}

fn queued(id: &str, other: &MigrationSummary, met: &Met, now: Timestamp) -> ExecuteError {
    let progress = met
        .record
        .as_ref()
        .and_then(|record| progress(record, now))
        .unwrap_or_default();
    let next = match (other.state, &other.lease) {
        (MigrationState::Failed, _) => format!("Run zdm status {}.", other.id),
        (MigrationState::Migrated | MigrationState::RollingBack, _) | (_, None) => {
            format!("Run {}.", command(other.state, &other.id))
        }
        (_, Some(_)) => format!(
            "Wait for it (zdm status {} --watch), or run zdm rollback {}.",
            other.id, other.id
        ),
    };
    ExecuteError::Queued {
        behind: other.id.clone(),
        message: waits(id, other, &progress, &met.shared),
        next,
    }
}

fn waits(id: &str, other: &MigrationSummary, progress: &str, shared: &[String]) -> String {
    format!(
        "{id} is queued behind {} ({}), which is {}{progress} and touches {} too",
        other.id,
        other.name,
        other.state,
        shared.join(", ")
    )
}

/// The command that takes a migration on from a state.
pub fn command(state: MigrationState, id: &str) -> String {
    match state {
        MigrationState::Migrated | MigrationState::Contracting => {
            format!("zdm apply {id} --phase contract")
        }
        MigrationState::RollingBack => format!("zdm rollback {id}"),
        MigrationState::Pending
        | MigrationState::Queued
        | MigrationState::Expanding
        | MigrationState::Expanded
        | MigrationState::Migrating
        | MigrationState::Done
        | MigrationState::RolledBack
        | MigrationState::Adopted
        | MigrationState::Failed => format!("zdm apply {id}"),
    }
}

/// ` (63 %, about 2 h 10 min to go)` while a backfill is under way.
fn progress(record: &MigrationRecord, now: Timestamp) -> Option<String> {
    let plan = record.plan.as_ref()?;
    let running = record.steps.iter().find(|step| {
        step.state == StepState::Running
            && plan
                .step(&step.step_id)
                .is_some_and(|step| matches!(step.kind, StepKind::Backfill { .. }))
    })?;
    let (mut done, mut total) = (0_u64, 0_u64);
    for backfill in &record.backfills {
        if backfill.step_id == running.step_id {
            done += u64::try_from(backfill.rows_done).unwrap_or(0);
            total += u64::try_from(backfill.rows_total).unwrap_or(0);
        }
    }
    if done == 0 || total == 0 {
        return None;
    }
    let percent = done.min(total) * 100 / total;
    let elapsed = now.duration_since(running.started_at?).as_millis();
    let left = u128::try_from(elapsed).unwrap_or(0) * u128::from(total.saturating_sub(done))
        / u128::from(done);
    let left = u64::try_from(left).unwrap_or(u64::MAX);
    Some(format!(" ({percent} %, about {} to go)", in_words(left)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::journal::{BackfillRecord, StepRecord};

    fn record(rows_done: i64, started: &str) -> MigrationRecord {
        let mut plan: Plan = serde_json::from_value(serde_json::json!({
            "version": 1, "plan_version": 1, "zdm_version": "0", "pg_version": 18,
            "database": null, "migration": {"id": "0042", "name": "x"}, "checksum": "",
            "fingerprint": {}, "compat": [], "phases": [], "notes": [], "search_path": [],
            "bypass": {"setting": "", "secret": ""}, "verify": []
        }))
        .unwrap();
        let mut step = crate::plan::draft::step(
            StepKind::Backfill {
                backfill: crate::plan::Backfill {
                    table: crate::ident::ObjectName::public("t"),
                    relations: Vec::new(),
                    set: Vec::new(),
                    unfilled: String::new(),
                    volatile: false,
                },
            },
            "",
            "",
        );
        step.id = "migrate-1".into();
        plan.phases = vec![crate::plan::Phase {
            phase: PhaseName::Migrate,
            steps: vec![step],
        }];
        MigrationRecord {
            id: "0042".into(),
            name: "x".into(),
            checksum: String::new(),
            source: String::new(),
            state: MigrationState::Migrating,
            plan: Some(plan),
            out_of_order: false,
            started_at: started.parse().unwrap(),
            finished_at: None,
            queued_behind: None,
            queued_why: None,
            steps: vec![StepRecord {
                step_id: "migrate-1".into(),
                ordinal: 1,
                phase: PhaseName::Migrate,
                kind: "backfill".into(),
                state: StepState::Running,
                attempts: 1,
                started_at: Some(started.parse().unwrap()),
                finished_at: None,
                error: None,
            }],
            backfills: vec![BackfillRecord {
                step_id: "migrate-1".into(),
                relation: "public.t".into(),
                filenode: 1,
                end_block: 10,
                block: 0,
                window_pages: 1,
                passes: 1,
                pass: 0,
                rows_done,
                rows_total: 1000,
                last_xid: None,
                done: false,
                key_done: None,
                key_end: None,
            }],
            boundaries: Vec::new(),
            lease: None,
        }
    }

    #[test]
    fn a_backfill_says_how_far_it_is_and_how_long_it_takes() {
        let now = "2026-01-01T01:00:00Z".parse().unwrap();
        let at = |rows| progress(&record(rows, "2026-01-01T00:00:00Z"), now);
        assert_eq!(at(250).as_deref(), Some(" (25 %, about 3 h 0 min to go)"));
        assert_eq!(at(2000).as_deref(), Some(" (100 %, about 0 ms to go)"));
        assert_eq!(at(0), None);
    }
}
