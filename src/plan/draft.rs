//! What a recipe hands back: steps without numbers, what they touch, and what must be said.

use serde::{Deserialize, Serialize};

use crate::{
    diagnostic::{Diagnostic, Level},
    effects::{LockMode, RelationLock, Scan},
    ident::{Ident, ObjectName},
    parse::PhaseName,
    plan::{Guard, Step, StepKind, Undo, UndoKind, Verify},
    source::Span,
};

/// What one operation of a migration becomes.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Its steps; within a phase they keep this order.
    pub steps: Vec<DraftStep>,
    /// What it reads and writes, and when each is in its final state.
    pub touches: Vec<Touch>,
    /// What a reader must know.
    pub notes: Vec<String>,
    /// Conditions on a phase boundary, for the compatibility table.
    pub conditions: Vec<(PhaseName, String)>,
    /// The old application stops working when contract begins.
    pub breaks_old: bool,
    /// The new application cannot start before contract is over.
    pub new_after_contract: bool,
    /// Columns that got a sync trigger.
    pub synced: Vec<(ObjectName, Ident)>,
    /// What `zdm verify` counts while both shapes stand.
    pub verify: Vec<Verify>,
    /// Tables that it makes, and that nobody else may change until contract.
    pub watches: Vec<ObjectName>,
    /// Positions of other operations of the file that this draft includes.
    pub includes: Vec<usize>,
    /// A later operation of the file does what this one asks for.
    pub left_to_later: bool,
}

/// A step with the phase its recipe wants it in.
#[derive(Debug, Clone)]
pub struct DraftStep {
    /// The earliest phase it may run in.
    pub phase: PhaseName,
    /// The step; its id is given later.
    pub step: Step,
    /// The new application needs it from its first start on.
    pub new_needs_it: bool,
    /// Statements before its own, in the same transaction, that raise an error when tables are not
    /// small any more. In contract they are left out: there may be no way back to plan anew, and
    /// how long a step may hold what it locks is limited in any case.
    pub when_small: Vec<String>,
}

/// A part of the database that an operation reads or writes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Element {
    /// A relation as a whole.
    Relation(ObjectName),
    /// One column.
    Column(ObjectName, Ident),
    /// The default of one column: what it is matters to nothing else that is done to the column in
    /// the same file.
    Default(ObjectName, Ident),
    /// A constraint, index, type, function or other name.
    Name(ObjectName),
    /// The name of what goes, or is made anew, with a column. Of no concern to another column on
    /// which it hangs too, whatever becomes of that.
    Hanging(ObjectName),
    /// The rows of a table: which there are, not what their columns are.
    Rows(ObjectName),
    /// Which partitions a partitioned table has. They come and go in any order among themselves.
    Partitions(ObjectName),
    /// Not known: overlaps with everything.
    Anything,
}

impl Element {
    /// Whether both may mean the same thing.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Anything, _) | (_, Self::Anything) => true,
            (
                Self::Column(left, a) | Self::Default(left, a),
                Self::Column(right, b) | Self::Default(right, b),
            ) => left == right && a == b,
            (Self::Hanging(_), Self::Hanging(_))
            | (Self::Default(..), Self::Name(_) | Self::Hanging(_))
            | (Self::Name(_) | Self::Hanging(_), Self::Default(..))
            | (
                Self::Rows(_),
                Self::Column(..) | Self::Default(..) | Self::Name(_) | Self::Hanging(_),
            )
            | (
                Self::Column(..) | Self::Default(..) | Self::Name(_) | Self::Hanging(_),
                Self::Rows(_),
            )
            | (
                Self::Partitions(_),
                Self::Column(..)
                | Self::Default(..)
                | Self::Name(_)
                | Self::Hanging(_)
                | Self::Rows(_),
            )
            | (
                Self::Column(..)
                | Self::Default(..)
                | Self::Name(_)
                | Self::Hanging(_)
                | Self::Rows(_),
                Self::Partitions(_),
            ) => false,
            (
                Self::Relation(left),
                Self::Relation(right)
                | Self::Rows(right)
                | Self::Partitions(right)
                | Self::Name(right)
                | Self::Hanging(right)
                | Self::Column(right, _)
                | Self::Default(right, _),
            )
            | (Self::Rows(left), Self::Rows(right) | Self::Relation(right))
            | (Self::Partitions(left), Self::Partitions(right) | Self::Relation(right))
            | (
                Self::Name(left) | Self::Hanging(left),
                Self::Relation(right)
                | Self::Name(right)
                | Self::Hanging(right)
                | Self::Column(right, _),
            )
            | (Self::Default(left, _), Self::Relation(right))
            | (
                Self::Column(left, _),
                Self::Relation(right) | Self::Name(right) | Self::Hanging(right),
            ) => left == right,
        }
    }
}

/// An element with how it is touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// What.
    pub element: Element,
    /// `None` for a read; for a write, the phase in which it reaches its final state.
    pub written_in: Option<PhaseName>,
    /// Of no concern to what stands before: the last step alone writes it, in contract.
    pub at_the_end: bool,
}

impl Touch {
    /// A read.
    pub fn read(element: Element) -> Self {
        Self {
            element,
            written_in: None,
            at_the_end: false,
        }
    }

    /// A write that is in its final state once `phase` has run this operation's steps.
    pub fn write(element: Element, phase: PhaseName) -> Self {
        Self {
            element,
            written_in: Some(phase),
            at_the_end: false,
        }
    }

    /// A name that the last step takes over, in contract, from what goes there: the steps before
    /// that one need not wait.
    pub fn taken_over(element: Element) -> Self {
        Self {
            at_the_end: true,
            ..Self::write(element, PhaseName::Contract)
        }
    }
}

/// Why a statement cannot be taken apart, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A kebab-case name.
    pub rule: &'static str,
    /// What and why.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Refusal {
    /// A refusal with what to do instead.
    pub fn new(rule: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            rule,
            message: message.into(),
            help: help.into(),
        }
    }

    /// As a finding about a place in the file.
    pub fn at(self, span: Span) -> Diagnostic {
        Diagnostic::new(self.rule, Level::Error, span, self.message).with_help(self.help)
    }
}

impl Draft {
    /// Adds a step.
    pub fn push(&mut self, phase: PhaseName, step: Step) -> &mut DraftStep {
        self.steps.push(DraftStep {
            phase,
            step,
            new_needs_it: false,
            when_small: Vec::new(),
        });
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }
}

/// A step that has yet to get its id.
pub fn step(kind: StepKind, title: impl Into<String>, reason: impl Into<String>) -> Step {
    Step {
        id: String::new(),
        transactional: matches!(
            kind,
            StepKind::Ddl | StepKind::LongDdl | StepKind::Rows { .. }
        ),
        kind,
        title: title.into(),
        sql: Vec::new(),
        source: None,
        guard: Guard::None,
        pre: None,
        post: None,
        locks: Vec::new(),
        rewrites: Vec::new(),
        scans: Vec::new(),
        undo: Vec::new(),
        reversible: true,
        reason: reason.into(),
        estimate_ms: None,
    }
}

impl Step {
    /// Sets the statements.
    #[must_use]
    pub fn sql(mut self, sql: impl IntoIterator<Item = String>) -> Self {
        self.sql = sql.into_iter().collect();
        self
    }

    /// Adds a lock, keeping the stronger one, and asks for it by the ladder if it holds up anyone.
    #[must_use]
    pub fn lock(mut self, relation: &ObjectName, mode: LockMode) -> Self {
        merge_lock(&mut self.locks, relation, mode);
        if mode >= LockMode::Share && self.guard == Guard::None {
            self.guard = Guard::Ladder;
        }
        self
    }

    /// Sets the query that says where the step stands, before and after.
    #[must_use]
    pub fn state(mut self, query: String) -> Self {
        self.pre = Some(query.clone());
        self.post = Some(query);
        self
    }

    /// Adds a scan.
    #[must_use]
    pub fn scan(mut self, relation: &ObjectName, under: LockMode, purpose: &str) -> Self {
        self.scans.push(Scan {
            relation: relation.clone(),
            under,
            purpose: purpose.to_owned(),
        });
        self
    }

    /// Adds what takes it back.
    #[must_use]
    pub fn undone_by(mut self, undo: Undo) -> Self {
        self.undo.push(undo);
        self
    }

    /// Marks it as the point of no return.
    #[must_use]
    pub fn irreversible(mut self) -> Self {
        self.reversible = false;
        self
    }
}

impl Undo {
    /// Short statements in one guarded transaction.
    pub fn ddl(sql: impl IntoIterator<Item = String>, locks: Vec<RelationLock>) -> Self {
        Self {
            how: UndoKind::Ddl,
            sql: sql.into_iter().collect(),
            locks,
            loses: None,
        }
    }

    /// `DROP INDEX CONCURRENTLY`.
    pub fn drop_index(index: &ObjectName) -> Self {
        Self {
            how: UndoKind::Bare,
            sql: vec![format!("DROP INDEX CONCURRENTLY IF EXISTS {index}")],
            locks: Vec::new(),
            loses: None,
        }
    }

    /// Tightens again what was relaxed, unless `rows` are there.
    pub fn tighten(
        sql: impl IntoIterator<Item = String>,
        locks: Vec<RelationLock>,
        rows: Verify,
    ) -> Self {
        Self {
            how: UndoKind::Tighten,
            ..Self::ddl(sql, locks).losing(rows)
        }
    }

    /// States what going back would lose.
    #[must_use]
    pub fn losing(mut self, verify: Verify) -> Self {
        self.loses = Some(verify);
        self
    }
}

/// One lock as a list.
pub fn lock(relation: &ObjectName, mode: LockMode) -> Vec<RelationLock> {
    vec![RelationLock {
        relation: relation.clone(),
        mode,
    }]
}

/// Adds a lock to a list that is sorted by relation, keeping the stronger of two.
pub fn merge_lock(locks: &mut Vec<RelationLock>, relation: &ObjectName, mode: LockMode) {
    match locks.binary_search_by(|lock| lock.relation.cmp(relation)) {
        Ok(at) => locks[at].mode = locks[at].mode.max(mode),
        Err(at) => locks.insert(
            at,
            RelationLock {
                relation: relation.clone(),
                mode,
            },
        ),
    }
}
