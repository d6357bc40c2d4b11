//! What to do next, as a pure function of the plan, the journal, and what was just observed.
//!
//! The machine holds nothing and does nothing: it answers with one [`Action`], the driver carries
//! it out, and the journal then says something else. Killing the driver after any action, or in
//! the middle of one, and asking again with what the journal holds reaches the same end
//! (property-tested below).
//!
//! It relies on two facts that the driver keeps: a transactional step and its journal entry are
//! one commit; and a step outside a transaction can be asked where it stands.
//! Next: [`crate::execute::driver`] carries the actions out.

use std::collections::BTreeMap;

use crate::{
    execute::journal::record::{MigrationState, StepState},
    parse::PhaseName,
    plan::{Plan, Step, StepKind},
};

/// What the journal says of one migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Its state.
    pub state: MigrationState,
    /// The state of each step by id; a step that is not in here is pending.
    pub steps: BTreeMap<String, StepState>,
}

/// Where a run is to get to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// The end of this phase.
    Apply(PhaseName),
    /// Back to before expand.
    Rollback,
}

/// Where a step stands in the database, as its own query says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing of it is there.
    Todo,
    /// Something of it is there and is of no use.
    Half,
    /// It is there.
    Done,
}

impl Standing {
    /// From the text of a state query.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "todo" => Some(Self::Todo),
            "half" => Some(Self::Half),
            "done" => Some(Self::Done),
            _ => None,
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action<'a> {
    /// Record that a phase begins, with the state that goes with it.
    BeginPhase(PhaseName),
    /// Record that a phase has ended, with the state that goes with it.
    EndPhase(PhaseName),
    /// Ask where a step stands, and ask the machine again with the answer.
    Look(&'a Step),
    /// Remove what a failed attempt left, and look again.
    Clean(&'a Step),
    /// Run a step; a transactional one records itself in its own commit.
    Run(&'a Step),
    /// The step is there already, from an attempt whose record was lost: record it.
    RecordDone(&'a Step),
    /// Record that rollback begins.
    BeginRollback,
    /// Take a step back.
    Undo(&'a Step),
    /// Nothing of the step is there: record that it is undone.
    RecordUndone(&'a Step),
    /// Record that everything is as before expand.
    EndRollback,
    /// Stop: the goal is reached.
    Reached(MigrationState),
    /// Stop: it cannot be done.
    Refuse(Refusal<'a>),
}

/// Why the machine refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// Somebody else did what this step is to do.
    DoneByOthers(&'a Step),
    /// A contract step that cannot be undone has been committed.
    ForwardOnly(&'a Step),
    /// It is being rolled back.
    RollingBack,
    /// Its state does not allow it.
    State(MigrationState),
}

/// The next action. `observed` is where the step of the last [`Action::Look`] stands, if the last
/// action was one.
pub fn next<'a>(
    plan: &'a Plan,
    progress: &Progress,
    goal: Goal,
    observed: Option<Standing>,
) -> Action<'a> {
    match goal {
        Goal::Apply(through) => forward(plan, progress, through, observed),
        Goal::Rollback => backward(plan, progress, observed),
    }
}

/// The phase a state is in or behind, and whether that phase has ended.
fn place(state: MigrationState) -> Option<(PhaseName, bool)> {
    Some(match state {
        MigrationState::Expanding => (PhaseName::Expand, false),
        MigrationState::Expanded => (PhaseName::Expand, true),
        MigrationState::Migrating => (PhaseName::Migrate, false),
        MigrationState::Migrated => (PhaseName::Migrate, true),
        MigrationState::Contracting => (PhaseName::Contract, false),
        MigrationState::Done => (PhaseName::Contract, true),
        MigrationState::Pending
        | MigrationState::Queued
        | MigrationState::RollingBack
        | MigrationState::RolledBack
        | MigrationState::Adopted
        | MigrationState::Failed => return None,
    })
}

/// The state while a phase runs.
pub fn running(phase: PhaseName) -> MigrationState {
    match phase {
        PhaseName::Expand => MigrationState::Expanding,
        PhaseName::Migrate => MigrationState::Migrating,
        PhaseName::Contract => MigrationState::Contracting,
    }
}

/// The state when a phase has ended.
pub fn ended(phase: PhaseName) -> MigrationState {
    match phase {
        PhaseName::Expand => MigrationState::Expanded,
        PhaseName::Migrate => MigrationState::Migrated,
        PhaseName::Contract => MigrationState::Done,
    }
}

fn following(phase: PhaseName) -> Option<PhaseName> {
    match phase {
        PhaseName::Expand => Some(PhaseName::Migrate),
        PhaseName::Migrate => Some(PhaseName::Contract),
        PhaseName::Contract => None,
    }
}

fn step_state(progress: &Progress, step: &Step) -> StepState {
    progress
        .steps
        .get(&step.id)
        .copied()
        .unwrap_or(StepState::Pending)
}

fn forward<'a>(
    plan: &'a Plan,
    progress: &Progress,
    through: PhaseName,
    observed: Option<Standing>,
) -> Action<'a> {
    let Some((phase, over)) = place(progress.state) else {
        return Action::Refuse(match progress.state {
            MigrationState::RollingBack => Refusal::RollingBack,
            state => Refusal::State(state),
        });
    };
    if over {
        return match following(phase) {
            Some(next) if next <= through => Action::BeginPhase(next),
            _ => Action::Reached(progress.state),
        };
    }
    if phase > through {
        return Action::Reached(progress.state);
    }
    let step = plan
        .phases
        .iter()
        .filter(|candidate| candidate.phase == phase)
        .flat_map(|candidate| &candidate.steps)
        .find(|step| step_state(progress, step) != StepState::Done);
    match step {
        None => Action::EndPhase(phase),
        Some(step) => match observed {
            None => Action::Look(step),
            Some(Standing::Todo) => Action::Run(step),
            Some(Standing::Half) => Action::Clean(step),
            // Its commit would have recorded it, so this was not us.
            Some(Standing::Done) if step.transactional => {
                Action::Refuse(Refusal::DoneByOthers(step))
            }
            // The index stands although this migration has never tried to build it.
            Some(Standing::Done) if step_state(progress, step) == StepState::Pending => {
                Action::Refuse(Refusal::DoneByOthers(step))
            }
            Some(Standing::Done) => Action::RecordDone(step),
        },
    }
}

fn backward<'a>(plan: &'a Plan, progress: &Progress, observed: Option<Standing>) -> Action<'a> {
    match progress.state {
        MigrationState::RolledBack => return Action::Reached(MigrationState::RolledBack),
        MigrationState::RollingBack => {}
        state => {
            if place(state).is_none() {
                return Action::Refuse(Refusal::State(state));
            }
            return match point_of_no_return(plan, progress) {
                Some(step) => Action::Refuse(Refusal::ForwardOnly(step)),
                None => Action::BeginRollback,
            };
        }
    }
    let step = plan.steps().rev().find(|step| {
        !matches!(
            step_state(progress, step),
            StepState::Pending | StepState::Undone
        )
    });
    let Some(step) = step else {
        return Action::EndRollback;
    };
    match (step_state(progress, step), observed) {
        (StepState::Done, _) if step.undo.is_empty() => Action::RecordUndone(step),
        (StepState::Done, _) => Action::Undo(step),
        // Begun and not recorded as done: a transaction that was not committed, or anything.
        (_, None) => Action::Look(step),
        (_, Some(Standing::Todo)) => Action::RecordUndone(step),
        (_, Some(Standing::Half | Standing::Done)) if step.undo.is_empty() => {
            Action::RecordUndone(step)
        }
        (_, Some(Standing::Half | Standing::Done)) => Action::Undo(step),
    }
}

/// The contract step after which there is no way back, if it may have taken effect.
fn point_of_no_return<'a>(plan: &'a Plan, progress: &Progress) -> Option<&'a Step> {
    plan.phases
        .iter()
        .filter(|phase| phase.phase == PhaseName::Contract)
        .flat_map(|phase| &phase.steps)
        .find(|step| {
            let begun = match step_state(progress, step) {
                StepState::Pending | StepState::Undone => false,
                StepState::Done => true,
                // A transaction that is not recorded was not committed.
                StepState::Running | StepState::Failed => !step.transactional,
            };
            let looks_only = matches!(
                step.kind,
                StepKind::Verify { .. } | StepKind::WaitForSnapshots
            );
            begun && !step.reversible && !looks_only
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        catalog::PgVersion,
        ident::ObjectName,
        plan::{Bypass, MigrationName, Phase, Undo, draft},
    };

    /// A database and its journal, as far as the machine can tell them.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct World {
        progress: Progress,
        standing: BTreeMap<String, Standing>,
    }

    /// When zdm dies during an action.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Death {
        Never,
        /// Before anything took effect.
        Before,
        /// A statement outside a transaction had half its effect.
        Half,
        /// The effect is there, and its record is not; for a transaction, neither or both are.
        Unrecorded,
        /// Effect and record are there.
        After,
    }

    fn step_of(kind: StepKind, phase: PhaseName, number: usize) -> Step {
        let mut step = draft::step(kind, "a step", "");
        step.id = format!("{}-{number}", phase.as_str());
        step.reversible = phase != PhaseName::Contract;
        if phase != PhaseName::Contract {
            step.undo = vec![Undo::ddl(["undo".to_owned()], Vec::new())];
        }
        step
    }

    fn plan_of(kinds: &[Vec<bool>; 3]) -> Plan {
        let phases = PhaseName::ALL
            .into_iter()
            .zip(kinds)
            .map(|(phase, kinds)| Phase {
                phase,
                steps: kinds
                    .iter()
                    .enumerate()
                    .map(|(number, transactional)| {
                        let kind = if *transactional {
                            StepKind::Ddl
                        } else {
                            StepKind::CreateIndex {
                                index: ObjectName::public(format!("i{number}")),
                                table: ObjectName::public("t"),
                            }
                        };
                        step_of(kind, phase, number + 1)
                    })
                    .collect(),
            })
            .collect();
        Plan {
            version: 1,
            plan_version: 1,
            zdm_version: String::new(),
            pg_version: PgVersion::V18,
            database: None,
            sizes: None,
            migration: MigrationName {
                id: "1".into(),
                name: "x".into(),
            },
            checksum: String::new(),
            fingerprint: BTreeMap::new(),
            compat: Vec::new(),
            phases,
            notes: Vec::new(),
            search_path: Vec::new(),
            bypass: Bypass {
                setting: String::new(),
                secret: String::new(),
            },
            verify: Vec::new(),
            sets: None,
        }
    }

    fn fresh() -> World {
        World {
            progress: Progress {
                state: MigrationState::Expanding,
                steps: BTreeMap::new(),
            },
            standing: BTreeMap::new(),
        }
    }

    impl World {
        fn stands(&self, step: &Step) -> Standing {
            self.standing
                .get(&step.id)
                .copied()
                .unwrap_or(Standing::Todo)
        }

        /// Carries an action out, dying as told. Says whether zdm is still alive.
        fn carry_out(&mut self, action: &Action<'_>, death: Death) -> bool {
            if death == Death::Before {
                return false;
            }
            match action {
                Action::BeginPhase(phase) => self.progress.state = running(*phase),
                Action::EndPhase(phase) => self.progress.state = ended(*phase),
                Action::BeginRollback => self.progress.state = MigrationState::RollingBack,
                Action::EndRollback => self.progress.state = MigrationState::RolledBack,
                Action::Look(_) | Action::Reached(_) | Action::Refuse(_) => {}
                Action::Clean(step) => {
                    self.standing.insert(step.id.clone(), Standing::Todo);
                }
                Action::RecordDone(step) => {
                    self.progress.steps.insert(step.id.clone(), StepState::Done);
                }
                Action::RecordUndone(step) => {
                    self.progress
                        .steps
                        .insert(step.id.clone(), StepState::Undone);
                }
                Action::Run(step) => {
                    let id = step.id.clone();
                    if !step.transactional {
                        self.progress.steps.insert(id.clone(), StepState::Running);
                        if death == Death::Half {
                            self.standing.insert(id, Standing::Half);
                            return false;
                        }
                    } else if death == Death::Half || death == Death::Unrecorded {
                        return false;
                    }
                    self.standing.insert(id.clone(), Standing::Done);
                    if death == Death::Unrecorded {
                        return false;
                    }
                    self.progress.steps.insert(id, StepState::Done);
                }
                Action::Undo(step) => {
                    let id = step.id.clone();
                    if step.transactional && matches!(death, Death::Half | Death::Unrecorded) {
                        return false;
                    }
                    self.standing.insert(
                        id.clone(),
                        if death == Death::Half {
                            Standing::Half
                        } else {
                            Standing::Todo
                        },
                    );
                    if matches!(death, Death::Half | Death::Unrecorded) {
                        return false;
                    }
                    self.progress.steps.insert(id, StepState::Undone);
                }
            }
            death != Death::After
        }
    }

    /// Runs to the goal, dying as told action by action and starting again each time. Returns how
    /// it ended.
    fn run(plan: &Plan, world: &mut World, goal: Goal, deaths: &mut Vec<Death>) -> String {
        let mut observed = None;
        for _ in 0..10_000 {
            let action = next(plan, &world.progress, goal, observed.take());
            match &action {
                Action::Reached(state) => return state.as_str().to_owned(),
                Action::Refuse(why) => return format!("{why:?}"),
                Action::Look(step) => observed = Some(world.stands(step)),
                _ => {}
            }
            let death = deaths.pop().unwrap_or(Death::Never);
            if !world.carry_out(&action, death) {
                // A new run knows nothing but the journal.
                observed = None;
            }
        }
        "did not end".to_owned()
    }

    fn death() -> impl Strategy<Value = Death> {
        prop_oneof![
            3 => Just(Death::Never),
            1 => Just(Death::Before),
            1 => Just(Death::Half),
            1 => Just(Death::Unrecorded),
            1 => Just(Death::After),
        ]
    }

    proptest! {
        #[test]
        fn killed_anywhere_and_resumed_it_reaches_the_same_end(
            kinds in [prop::collection::vec(any::<bool>(), 0..4),
                      prop::collection::vec(any::<bool>(), 0..4),
                      prop::collection::vec(any::<bool>(), 0..4)],
            mut deaths in prop::collection::vec(death(), 0..40),
        ) {
            let plan = plan_of(&kinds);
            let mut undisturbed = fresh();
            run(&plan, &mut undisturbed, Goal::Apply(PhaseName::Contract), &mut Vec::new());
            prop_assert_eq!(undisturbed.progress.state, MigrationState::Done);
            let mut world = fresh();
            let end = run(&plan, &mut world, Goal::Apply(PhaseName::Contract), &mut deaths);
            prop_assert_eq!(end, "done");
            prop_assert_eq!(world, undisturbed);
        }

        #[test]
        fn killed_anywhere_and_rolled_back_nothing_is_left(
            kinds in [prop::collection::vec(any::<bool>(), 0..4),
                      prop::collection::vec(any::<bool>(), 0..4),
                      prop::collection::vec(any::<bool>(), 0..4)],
            stop_after in 0_usize..40,
            mut deaths in prop::collection::vec(death(), 0..40),
        ) {
            let plan = plan_of(&kinds);
            let mut world = fresh();
            // Forward until a random action, then back, dying on the way.
            let mut observed = None;
            for _ in 0..stop_after {
                let goal = Goal::Apply(PhaseName::Migrate);
                let action = next(&plan, &world.progress, goal, observed.take());
                if let Action::Look(step) = &action {
                    observed = Some(world.stands(step));
                }
                let death = deaths.pop().unwrap_or(Death::Never);
                if !world.carry_out(&action, death) {
                    observed = None;
                }
            }
            let end = run(&plan, &mut world, Goal::Rollback, &mut deaths);
            prop_assert_eq!(end, "rolled_back");
            prop_assert!(world.standing.values().all(|standing| *standing == Standing::Todo));
        }

        #[test]
        fn after_the_point_of_no_return_rollback_refuses_and_apply_ends(
            transactional in any::<bool>(),
            death in death(),
        ) {
            let plan = plan_of(&[vec![true], vec![], vec![transactional, true]]);
            let mut world = fresh();
            run(&plan, &mut world, Goal::Apply(PhaseName::Migrate), &mut Vec::new());
            let mut observed = None;
            for _ in 0..2 {
                let goal = Goal::Apply(PhaseName::Contract);
                let action = next(&plan, &world.progress, goal, observed.take());
                world.carry_out(&action, Death::Never);
            }
            let step = plan.step("contract-1").unwrap();
            world.carry_out(&Action::Run(step), death);
            let applied = world.stands(step) != Standing::Todo;
            let end = run(&plan, &mut world, Goal::Rollback, &mut Vec::new());
            if applied {
                prop_assert!(end.starts_with("ForwardOnly"), "{}", end);
                let end =
                    run(&plan, &mut world, Goal::Apply(PhaseName::Contract), &mut Vec::new());
                prop_assert_eq!(end, "done");
            }
        }
    }

    #[test]
    fn what_somebody_else_did_is_not_taken_for_ours() {
        let plan = plan_of(&[vec![true, false], vec![], vec![]]);
        let mut world = fresh();
        world.standing.insert("expand-1".into(), Standing::Done);
        let end = run(
            &plan,
            &mut world,
            Goal::Apply(PhaseName::Expand),
            &mut Vec::new(),
        );
        assert!(end.starts_with("DoneByOthers"), "{end}");
    }
}
