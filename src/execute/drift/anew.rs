//! Fits a plan that was made anew to what is done of the stored one.
//!
//! Steps that are the same keep their ids, so that everything recorded of them stays true. A step
//! that is done and that the new plan does not have stands against it, unless it is an index of
//! zdm's own, which can be dropped again, or a mere look. A step that is new is still to do, and
//! every look behind it has to be taken again. It only compares: nothing is run or recorded here.

use std::collections::BTreeSet;

use crate::{
    execute::{drift::partitions::Partitions, journal::StepState},
    ident::ObjectName,
    parse::PhaseName,
    plan::{Plan, Step, StepKind},
};

/// A new plan, and what has to be done about the steps of the old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anew {
    /// The plan; steps that are as they were have the ids that they had.
    pub plan: Plan,
    /// Steps that the stored plan does not have.
    pub new: Vec<String>,
    /// Looks that were taken, and have to be taken again.
    pub again: Vec<String>,
    /// New steps that new partitions have got from their parent already.
    pub there: Vec<String>,
    /// The first phase in which something is to do.
    pub phase: PhaseName,
}

/// Why a new plan cannot be gone on with yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// These steps are done, and the plan would have others: in words.
    Done(Vec<String>),
    /// This index has been built and is needed no more: it goes first.
    TakeBack(String),
}

/// Fits `now` to what is done of `stored`. What is done on `dropped` partitions alone needs no
/// place in it.
pub fn fit(
    stored: &Plan,
    mut now: Plan,
    dropped: &Partitions,
    state: impl Fn(&str) -> StepState,
) -> Result<Anew, Misfit> {
    let mut kept: BTreeSet<String> = BTreeSet::new();
    let mut new = Vec::new();
    let mut unfilled = BTreeSet::new();
    for phase in &mut now.phases {
        let theirs: Vec<&Step> = stored
            .phases
            .iter()
            .filter(|candidate| candidate.phase == phase.phase)
            .flat_map(|candidate| &candidate.steps)
            .collect();
        let mut numbers = theirs.len();
        for step in &mut phase.steps {
            let same = theirs
                .iter()
                .find(|theirs| !kept.contains(&theirs.id) && is_same(theirs, step));
            if let Some(same) = same {
                step.id.clone_from(&same.id);
                kept.insert(same.id.clone());
                if fills_more(same, step) {
                    unfilled.insert(same.id.clone());
                    new_ones_last(same, step);
                }
            } else {
                numbers += 1;
                step.id = format!("{}-{numbers}", phase.phase.as_str());
                new.push(step.id.clone());
            }
        }
    }
    let begun = |step: &&Step| !matches!(state(&step.id), StepState::Pending | StepState::Undone);
    let left: Vec<&Step> = stored
        .steps()
        .filter(|step| !kept.contains(&step.id) && !looks_only(step))
        .filter(|step| !dropped.concerns(step))
        .filter(begun)
        .collect();
    let (indexes, others): (Vec<&Step>, Vec<&Step>) = left
        .into_iter()
        .partition(|step| matches!(step.kind, StepKind::CreateIndex { .. }));
    if !others.is_empty() {
        let words = others
            .iter()
            .map(|step| format!("{} ({}) is done, and would be another", step.id, step.title));
        return Err(Misfit::Done(words.collect()));
    }
    if let Some(index) = indexes.first() {
        return Err(Misfit::TakeBack(index.id.clone()));
    }
    let mut again = Vec::new();
    let mut changed = false;
    let mut first = None;
    for phase in &now.phases {
        for step in &phase.steps {
            let done = state(&step.id) == StepState::Done && kept.contains(&step.id);
            let more = unfilled.contains(&step.id);
            if done && !more && !(changed && looks_only(step)) {
                continue;
            }
            if done {
                again.push(step.id.clone());
            }
            changed |= !looks_only(step);
            first = first.or(Some(phase.phase));
        }
    }
    Ok(Anew {
        plan: now,
        new,
        again,
        there: Vec::new(),
        phase: first.unwrap_or(PhaseName::Contract),
    })
}

/// Whether both do the same in the same way; numbers, estimates and reasons do not count.
fn is_same(one: &Step, other: &Step) -> bool {
    if let (Some(one), Some(other)) = (walked(&one.kind), walked(&other.kind)) {
        // Whatever the partitions are through which it goes, one after the other.
        return one.1 == other.1;
    }
    one.kind == other.kind && one.sql == other.sql && one.transactional == other.transactional
}

/// The relations that a step walks, and what it does there.
fn walked(kind: &StepKind) -> Option<(Vec<ObjectName>, StepKind)> {
    let mut kind = kind.clone();
    let relations = match &mut kind {
        StepKind::Backfill { backfill } => std::mem::take(&mut backfill.relations),
        StepKind::Batches { batches } => std::mem::take(&mut batches.relations),
        _ => return None,
    };
    Some((relations, kind))
}

/// A fill goes on behind the last relation that has a checkpoint, so what is new comes after that.
fn new_ones_last(done: &Step, now: &mut Step) {
    if let (StepKind::Backfill { backfill: done }, StepKind::Backfill { backfill: now }) =
        (&done.kind, &mut now.kind)
    {
        let place = |relation: &ObjectName| {
            let mut known = done.relations.iter();
            known.position(|one| one == relation).unwrap_or(usize::MAX)
        };
        now.relations.sort_by_key(|relation| place(relation));
    }
}

/// Whether a fill has partitions to go through that it did not have. An UPDATE or DELETE has had
/// its turn: what is written after it is none of its business, as with plain SQL.
fn fills_more(done: &Step, now: &Step) -> bool {
    match (&done.kind, &now.kind) {
        (StepKind::Backfill { backfill: done }, StepKind::Backfill { backfill: now }) => now
            .relations
            .iter()
            .any(|relation| !done.relations.contains(relation)),
        _ => false,
    }
}

fn looks_only(step: &Step) -> bool {
    matches!(
        step.kind,
        StepKind::Verify { .. } | StepKind::WaitForSnapshots
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Phase, draft};

    fn ddl(sql: &str) -> Step {
        draft::step(StepKind::Ddl, sql, "").sql([sql.to_owned()])
    }

    fn look() -> Step {
        draft::step(StepKind::WaitForSnapshots, "wait", "")
    }

    fn index(name: &str) -> Step {
        let kind = StepKind::CreateIndex {
            index: ObjectName::public(name),
            table: ObjectName::public("t"),
        };
        draft::step(kind, name, "").sql([name.to_owned()])
    }

    fn plan(phases: [Vec<Step>; 3]) -> Plan {
        let mut plan: Plan = serde_json::from_value(serde_json::json!({
            "version": 1, "plan_version": 1, "zdm_version": "0", "pg_version": 18,
            "database": null, "migration": {"id": "1", "name": "x"}, "checksum": "",
            "fingerprint": {}, "compat": [], "phases": [], "notes": [], "search_path": [],
            "bypass": {"setting": "", "secret": ""}, "verify": []
        }))
        .unwrap();
        for (phase, mut steps) in PhaseName::ALL.into_iter().zip(phases) {
            for (at, step) in steps.iter_mut().enumerate() {
                step.id = format!("{}-{}", phase.as_str(), at + 1);
            }
            plan.phases.push(Phase { phase, steps });
        }
        plan
    }

    /// Everything before contract is done.
    fn migrated(id: &str) -> StepState {
        if id.starts_with("contract") {
            StepState::Pending
        } else {
            StepState::Done
        }
    }

    fn ids(plan: &Plan) -> Vec<&str> {
        plan.steps().map(|step| step.id.as_str()).collect()
    }

    #[test]
    fn what_is_new_is_to_do_and_looks_behind_it_are_taken_again() {
        let stored = plan([
            vec![ddl("add")],
            vec![ddl("validate"), look()],
            vec![ddl("drop")],
        ]);
        let now = plan([
            vec![ddl("add")],
            vec![index("new"), ddl("validate"), look()],
            vec![ddl("swap and drop")],
        ]);
        let anew = fit(&stored, now, &Partitions::default(), migrated).unwrap();
        assert_eq!(
            ids(&anew.plan),
            [
                "expand-1",
                "migrate-3",
                "migrate-1",
                "migrate-2",
                "contract-2"
            ]
        );
        assert_eq!(anew.new, ["migrate-3", "contract-2"]);
        assert_eq!(anew.again, ["migrate-2"]);
        assert_eq!(anew.phase, PhaseName::Migrate);
    }

    #[test]
    fn a_change_of_contract_alone_begins_nothing_anew() {
        let stored = plan([vec![ddl("add")], vec![look()], vec![ddl("drop")]]);
        let now = plan([vec![ddl("add")], vec![look()], vec![ddl("other")]]);
        let anew = fit(&stored, now, &Partitions::default(), migrated).unwrap();
        assert_eq!((anew.again, anew.phase), (Vec::new(), PhaseName::Contract));
    }

    #[test]
    fn what_is_done_and_would_be_another_stands_against_it() {
        let stored = plan([vec![ddl("add")], vec![index("old")], Vec::new()]);
        let now = plan([vec![ddl("add more")], Vec::new(), Vec::new()]);
        let Err(Misfit::Done(words)) = fit(&stored, now, &Partitions::default(), migrated) else {
            panic!("it fits");
        };
        assert_eq!(words, ["expand-1 (add) is done, and would be another"]);
        let now = plan([vec![ddl("add")], Vec::new(), Vec::new()]);
        assert_eq!(
            fit(&stored, now.clone(), &Partitions::default(), migrated),
            Err(Misfit::TakeBack("migrate-1".into()))
        );
        let undone = |id: &str| match id {
            "migrate-1" => StepState::Undone,
            other => migrated(other),
        };
        assert!(fit(&stored, now, &Partitions::default(), undone).is_ok());
    }
}
