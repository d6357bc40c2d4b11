//! Where each migration stands: the values of `zdm status`, as JSON and as a table for people.
//!
//! The types are the JSON format (INTERFACES: JSON); the engine fills them from the journal.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::{
    execute::event::BlockerInfo,
    plan::PhaseName,
    report::{BAD, BOLD, CARE, DIM, styled, thousands},
};

/// The output of `zdm status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The version of all JSON output.
    pub version: u32,
    /// The database looked at.
    pub database: Option<String>,
    /// Every migration, in order.
    pub migrations: Vec<Migration>,
}

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// The layout's version string.
    pub id: String,
    /// The rest of its name.
    pub name: String,
    /// `sha256:…`.
    pub checksum: String,
    /// Where it stands.
    pub state: State,
    /// The phase it is in, when it is in flight.
    pub phase: Option<PhaseName>,
    /// Its steps, when a plan is stored.
    pub steps: Vec<StepStatus>,
    /// What it waits for as a whole, in words, when it is queued.
    #[serde(default)]
    pub waiting_for: Option<String>,
    /// The command that takes it on, when a person has to give one.
    pub next: Option<String>,
}

/// Where a migration stands (INTERFACES: states).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not started.
    Pending,
    /// Waits for an earlier one.
    Queued,
    /// Expand runs, or stopped half-way.
    Expanding,
    /// Expand is done.
    Expanded,
    /// Migrate runs, or stopped half-way.
    Migrating,
    /// Migrate is done: both applications work.
    Migrated,
    /// Contract runs, or stopped half-way.
    Contracting,
    /// All three phases are done.
    Done,
    /// Rollback runs, or stopped half-way.
    RollingBack,
    /// Taken back.
    RolledBack,
    /// Was there before zdm.
    Adopted,
    /// A person must look.
    Failed,
}

impl State {
    /// The words for people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Expanding => "expanding",
            Self::Expanded => "expanded",
            Self::Migrating => "migrating",
            Self::Migrated => "migrated",
            Self::Contracting => "contracting",
            Self::Done => "done",
            Self::RollingBack => "rolling back",
            Self::RolledBack => "rolled back",
            Self::Adopted => "adopted",
            Self::Failed => "failed",
        }
    }

    /// Whether it is started and not at an end.
    pub fn in_flight(self) -> bool {
        match self {
            Self::Expanding
            | Self::Expanded
            | Self::Migrating
            | Self::Migrated
            | Self::Contracting
            | Self::RollingBack
            | Self::Failed => true,
            Self::Pending | Self::Queued | Self::Done | Self::RolledBack | Self::Adopted => false,
        }
    }
}

/// One step of a stored plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepStatus {
    /// The step's id in the plan.
    pub id: String,
    /// Its phase.
    pub phase: PhaseName,
    /// How it is run.
    pub kind: String,
    /// `pending`, `running`, `done`, `undone` or `failed`.
    pub state: StepState,
    /// How often it was started.
    pub attempts: u64,
    /// What it waits for, in words.
    pub waiting_for: Option<String>,
    /// How far it is.
    pub progress: Option<Progress>,
    /// The last error.
    pub error: Option<String>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not started.
    Pending,
    /// Started, not known to be done.
    Running,
    /// Done.
    Done,
    /// Done and taken back.
    Undone,
    /// Failed.
    Failed,
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// How much is done.
    pub done: u64,
    /// Of how much, when known.
    pub total: Option<u64>,
    /// Of what: `rows`, `blocks`.
    pub unit: String,
}

impl Progress {
    /// Per cent, when the total is known and not zero.
    pub fn percent(&self) -> Option<u64> {
        let total = self.total.filter(|total| *total > 0)?;
        let percent = u128::from(self.done.min(total)) * 100 / u128::from(total);
        u64::try_from(percent).ok()
    }

    fn in_words(&self) -> String {
        match (self.percent(), self.total) {
            (Some(percent), Some(total)) => format!(
                "{percent} % ({} of {} {})",
                thousands(self.done),
                thousands(total),
                self.unit
            ),
            (_, _) => format!("{} {}", thousands(self.done), self.unit),
        }
    }
}

/// The table for people: a line for each migration, the steps of those in flight, and what to do.
pub fn human(status: &Status) -> String {
    let mut out = String::new();
    let id = width(status.migrations.iter().map(|m| m.id.as_str()), "id");
    let name = width(status.migrations.iter().map(|m| m.name.as_str()), "name");
    let _ = writeln!(
        out,
        "{}",
        styled(DIM, format_args!("{:<id$}  {:<name$}  state", "id", "name"))
    );
    for migration in &status.migrations {
        let state = state_in_colour(migration.state);
        let _ = writeln!(
            out,
            "{:<id$}  {:<name$}  {state}",
            migration.id, migration.name
        );
        if let Some(waiting) = &migration.waiting_for {
            let _ = writeln!(out, "  waits: {waiting}");
        }
        if migration.state.in_flight() {
            for step in &migration.steps {
                out.push_str(&self::step(step));
            }
        }
    }
    if status.migrations.is_empty() {
        out.push_str("No migrations: the folder is empty and nothing is recorded.\n");
    }
    let next: Vec<&str> = status
        .migrations
        .iter()
        .filter_map(|migration| migration.next.as_deref())
        .collect();
    match next.as_slice() {
        [] => {}
        [first, ..] => {
            let _ = writeln!(out, "\nNext: {}", styled(BOLD, first));
        }
    }
    out
}

fn state_in_colour(state: State) -> String {
    match state {
        State::Failed => styled(BAD, "failed: a person must look"),
        State::Queued | State::RollingBack | State::Contracting => styled(CARE, state.in_words()),
        State::Pending
        | State::Expanding
        | State::Expanded
        | State::Migrating
        | State::Migrated
        | State::Done
        | State::RolledBack
        | State::Adopted => state.in_words().to_owned(),
    }
}

fn step(step: &StepStatus) -> String {
    let sign = match step.state {
        StepState::Pending => "·",
        StepState::Running => "▸",
        StepState::Done => "✓",
        StepState::Undone => "↶",
        StepState::Failed => "✗",
    };
    let mut out = format!("  {sign} {} ({})", step.id, step.kind.replace('_', " "));
    if let Some(progress) = &step.progress {
        let _ = write!(out, ", {}", progress.in_words());
    }
    if step.attempts > 1 {
        let _ = write!(out, ", {} attempts", step.attempts);
    }
    if let Some(waiting) = &step.waiting_for {
        let _ = write!(out, "\n      waits for {waiting}");
    }
    if let Some(error) = &step.error {
        let _ = write!(out, "\n      last error: {error}");
    }
    out.push('\n');
    out
}

fn width<'a>(texts: impl Iterator<Item = &'a str>, heading: &'a str) -> usize {
    texts
        .chain([heading])
        .map(|text| text.chars().count())
        .max()
        .unwrap_or(0)
}

/// What a lock budget that is spent looks like at three in the morning: who is in the way, that
/// nobody else is held up, and the commands to choose from.
pub fn blocked(migration: &str, step: &str, phase: PhaseName, blockers: &[BlockerInfo]) -> String {
    let mut out = format!(
        "{} {migration} stopped before {step} ({}): a lock could not be had within the budget.\n\
         No lock is held, nobody waits behind zdm, and the application works as before.\n\n",
        styled(CARE, "Stopped safely:"),
        phase.as_str()
    );
    if blockers.is_empty() {
        out.push_str("Nobody is in the way any more.\n");
    } else {
        out.push_str("In the way:\n");
    }
    for blocker in blockers {
        let _ = writeln!(out, "  {}", blocker.in_words());
    }
    let _ = write!(
        out,
        "\nChoose one:\n\
         \x20 1. zdm apply {migration} --phase {phase} --lock-budget 10m   (try again, for longer)\n\
         \x20 2. zdm apply {migration} --phase {phase} --cancel-blockers-older-than 5m   \
         (cancel queries that have been in the way for 5 minutes)\n",
        phase = phase.as_str()
    );
    let mut number = 3;
    for pid in blockers.iter().filter_map(|blocker| blocker.pid) {
        let _ = writeln!(
            out,
            "  {number}. psql -c 'SELECT pg_terminate_backend({pid})'   (end that session yourself)"
        );
        number += 1;
    }
    let _ = writeln!(
        out,
        "  {number}. zdm rollback {migration}   (back to before expand)"
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn the_table_shows_steps_of_what_is_in_flight_and_the_next_command() {
        let status = Status {
            version: 1,
            database: Some("app".into()),
            migrations: vec![
                Migration {
                    id: "0001".into(),
                    name: "init".into(),
                    checksum: "sha256:00".into(),
                    state: State::Adopted,
                    phase: None,
                    steps: Vec::new(),
                    waiting_for: None,
                    next: None,
                },
                Migration {
                    id: "0002".into(),
                    name: "rename_name".into(),
                    checksum: "sha256:01".into(),
                    state: State::Migrating,
                    phase: Some(PhaseName::Migrate),
                    steps: vec![
                        StepStatus {
                            id: "expand-1".into(),
                            phase: PhaseName::Expand,
                            kind: "ddl".into(),
                            state: StepState::Done,
                            attempts: 3,
                            waiting_for: None,
                            progress: None,
                            error: None,
                        },
                        StepStatus {
                            id: "migrate-1".into(),
                            phase: PhaseName::Migrate,
                            kind: "backfill".into(),
                            state: StepState::Running,
                            attempts: 1,
                            waiting_for: Some("replication lag of 12 s".into()),
                            progress: Some(Progress {
                                done: 630_000,
                                total: Some(1_000_000),
                                unit: "rows".into(),
                            }),
                            error: None,
                        },
                    ],
                    waiting_for: None,
                    next: Some("zdm apply 0002".into()),
                },
                Migration {
                    id: "0003".into(),
                    name: "index".into(),
                    checksum: "sha256:02".into(),
                    state: State::Queued,
                    phase: None,
                    steps: Vec::new(),
                    waiting_for: Some("0003 is queued behind 0002".into()),
                    next: Some("zdm apply 0002".into()),
                },
            ],
        };
        insta::assert_snapshot!(plain(&human(&status)), @r"
        id    name         state
        0001  init         adopted
        0002  rename_name  migrating
          ✓ expand-1 (ddl), 3 attempts
          ▸ migrate-1 (backfill), 63 % (630,000 of 1,000,000 rows)
              waits for replication lag of 12 s
        0003  index        queued
          waits: 0003 is queued behind 0002

        Next: zdm apply 0002
        ");
    }

    #[test]
    fn a_spent_budget_names_who_is_in_the_way_and_what_to_do() {
        let text = plain(&blocked(
            "0002",
            "contract-1",
            PhaseName::Contract,
            &[BlockerInfo {
                pid: Some(4242),
                application: Some("reports".into()),
                user: Some("bi".into()),
                age_ms: Some(7_500_000),
                state: Some("idle in transaction".into()),
                query: Some("SELECT *\n  FROM users".into()),
            }],
        ));
        insta::assert_snapshot!(text, @r"
        Stopped safely: 0002 stopped before contract-1 (contract): a lock could not be had within the budget.
        No lock is held, nobody waits behind zdm, and the application works as before.

        In the way:
          pid 4242 (reports, role bi, idle in transaction, 2 h 5 min): SELECT * FROM users

        Choose one:
          1. zdm apply 0002 --phase contract --lock-budget 10m   (try again, for longer)
          2. zdm apply 0002 --phase contract --cancel-blockers-older-than 5m   (cancel queries that have been in the way for 5 minutes)
          3. psql -c 'SELECT pg_terminate_backend(4242)'   (end that session yourself)
          4. zdm rollback 0002   (back to before expand)
        ");
    }
}
