//! One file, followed from statement to statement: what each finds, and what it does.
//!
//! Next: [`Context`] is what a rule sees of one statement.

use std::collections::BTreeMap;

use crate::{
    catalog::{Catalog, Column, Lookup, Table, apply::apply},
    effects::{Effects, LockMode, effects, effects_of_action},
    ident::{Ident, ObjectName, QualifiedName},
    lint::{
        blocks,
        context::Context,
        settings::{Runner, Settings},
        temporary::Temporary,
        timeout::{Following, Timeouts},
    },
    parse::{
        Script, Statement, StatementKind,
        statement::{AlterActionKind, Transaction as Control, Utility},
    },
    source::{SourceFile, Span},
};

/// One file with everything that its statements find and do.
#[derive(Debug, Clone)]
pub struct File<'a> {
    /// The text.
    pub source: &'a SourceFile,
    /// The statements.
    pub script: &'a Script,
    /// What holds for this run.
    pub settings: &'a Settings,
    /// One for each statement, in order.
    steps: Vec<Step>,
    /// What exists after the last statement.
    end: Catalog,
    /// What its catalogs share, to be handed on to what comes after it.
    ways: Lookup,
    /// Relations that the file makes, by the position of the statement.
    created: BTreeMap<ObjectName, usize>,
    /// Strong locks of statements in transactions, in the order of the statements.
    held: Vec<Held>,
    /// The positions of statements that give a table or a column another name.
    renames: Vec<usize>,
}

/// What one statement finds and does.
#[derive(Debug, Clone)]
struct Step {
    before: Catalog,
    effects: Effects,
    actions: Vec<Effects>,
    transaction: Option<Transaction>,
    /// Which part of [`File::held`] its transaction holds.
    held: (usize, usize),
    timeouts: Timeouts,
    /// The DO block in whose code it stands.
    block: Option<Span>,
    /// It works on temporary tables only, which nobody else sees.
    temporary: bool,
}

/// The transaction a statement is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transaction {
    /// The `BEGIN`; `None` when whoever runs the file opens one around it, or sends it as a string
    /// of several statements.
    pub begin: Option<Span>,
    /// The position of its first statement, behind `BEGIN` unless that stands within a string.
    pub first: usize,
}

/// A strong lock that an earlier statement of the transaction holds until its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The relation.
    pub relation: ObjectName,
    /// The mode: one that stops writes.
    pub mode: LockMode,
    /// The position of the statement that took it.
    pub step: usize,
}

/// So many statements make a file long.
const LONG: usize = 100;

impl<'a> File<'a> {
    /// Follows a script that is run on what exists `before`.
    pub fn follow(script: &'a Script, before: &Catalog, settings: &'a Settings) -> Self {
        let source = &script.source;
        let mut file = Self {
            source,
            script,
            settings,
            steps: Vec::with_capacity(script.statements.len()),
            end: before.clone(),
            ways: before.lookup.clone(),
            created: BTreeMap::new(),
            held: Vec::new(),
            renames: Vec::new(),
        };
        let around = |first| Transaction { begin: None, first };
        // A string of one statement is that statement.
        let in_string = settings.runner == Runner::OneString && script.statements.len() > 1;
        let mut transaction = match settings.runner {
            Runner::Statements => None,
            Runner::OneTransaction => Some(around(0)),
            Runner::OneString => in_string.then(|| around(0)),
        };
        let mut held_from = 0;
        let mut timeouts = Following::default();
        // The block that is being run, and the transaction around it.
        let mut block: Option<(Span, Option<Transaction>)> = None;
        let mut temporary = Temporary::default();
        for (at, statement) in script.statements.iter().enumerate() {
            let before = file.end.clone();
            if let Some((span, around)) = block
                && statement.span.start >= span.end
            {
                transaction = around;
                block = None;
            }
            let inside = block.map(|(span, _)| span);
            let hidden = temporary.hides(statement);
            let mut done = if hidden {
                Effects::default()
            } else {
                effects(statement, &before)
            };
            if inside.is_some() {
                // It may be run only where it can be, or what it raises may be caught.
                done.fails = None;
                if transaction.is_none() {
                    transaction = Some(around(at));
                    held_from = file.held.len();
                }
            } else if blocks::block(statement).is_some() {
                block = Some((statement.span, transaction));
            }
            let step = Step {
                effects: done,
                actions: alone(statement, &before),
                transaction,
                held: (held_from, file.held.len()),
                timeouts: timeouts.now,
                block: inside,
                temporary: hidden,
                before,
            };
            match statement.control() {
                Some(Control::Begin) if transaction.is_none() => {
                    transaction = Some(Transaction {
                        begin: Some(statement.span),
                        first: at + 1,
                    });
                    held_from = file.held.len();
                }
                // It goes on with what stands before it in the string.
                Some(Control::Begin) if in_string => {
                    transaction = transaction.map(|open| Transaction {
                        begin: open.begin.or(Some(statement.span)),
                        ..open
                    });
                }
                Some(Control::Commit | Control::Rollback) => {
                    transaction = in_string.then(|| around(at + 1));
                    held_from = file.held.len();
                }
                Some(
                    Control::Begin | Control::Savepoint | Control::Release | Control::RollbackTo,
                )
                | None => {}
            }
            timeouts.follow(source, statement, transaction.is_some());
            if transaction.is_some() {
                let strong = step.effects.locks.iter();
                let strong = strong.filter(|lock| lock.mode.blocks_writes());
                file.held.extend(strong.map(|lock| Held {
                    relation: lock.relation.clone(),
                    mode: lock.mode,
                    step: at,
                }));
            }
            if !hidden {
                apply(&mut file.end, statement, source.text());
            }
            for name in file.made_by(statement, &step.before) {
                file.created.entry(name).or_insert(at);
            }
            if renames(statement).next().is_some() {
                file.renames.push(at);
            }
            file.steps.push(step);
        }
        // Rules ask both ends from anywhere between them, and those of a long file differ much.
        if script.statements.len() > LONG {
            if let Some(first) = file.steps.first_mut() {
                first.before.forget_ways();
            }
            file.end.forget_ways();
        }
        file
    }

    /// What a rule sees of each statement, in order.
    pub fn contexts(&self) -> impl Iterator<Item = Context<'_>> {
        self.contexts_from(0)
    }

    /// The same from a position on.
    pub fn contexts_from(&self, at: usize) -> impl Iterator<Item = Context<'_>> {
        let seen = |at: &usize| self.steps.get(*at).is_some_and(|step| !step.temporary);
        (at..self.steps.len())
            .filter(seen)
            .filter_map(|at| self.context(at))
    }

    /// What a rule sees of the statement at that position.
    pub fn context(&self, at: usize) -> Option<Context<'_>> {
        let step = self.steps.get(at)?;
        Some(Context {
            file: self,
            at,
            source: self.source,
            statement: self.script.statements.get(at)?,
            before: &step.before,
            after: self
                .steps
                .get(at + 1)
                .map_or(&self.end, |next| &next.before),
            effects: &step.effects,
            actions: &step.actions,
            transaction: step.transaction,
            held: self.held.get(step.held.0..step.held.1).unwrap_or_default(),
            timeouts: &step.timeouts,
            block: step.block,
        })
    }

    /// What exists before its first statement.
    pub fn start(&self) -> &Catalog {
        self.steps.first().map_or(&self.end, |first| &first.before)
    }

    /// What exists after its last statement.
    pub fn end(&self) -> &Catalog {
        &self.end
    }

    /// The position of the statement that made a relation, when this file did.
    pub fn created(&self, relation: &ObjectName) -> Option<usize> {
        self.created.get(relation).copied()
    }

    /// A table that is there behind the statement at that position, as it is at the end of the
    /// file, by whatever name; with one of its columns, if wanted.
    pub fn at_end(
        &self,
        behind: usize,
        table: &ObjectName,
        column: Option<&Ident>,
    ) -> Option<(&Table, Option<&Column>)> {
        let (mut table, mut column) = (table.clone(), column.cloned());
        let later = self.renames.partition_point(|at| *at <= behind);
        for context in self.renames[later..]
            .iter()
            .filter_map(|at| self.context(*at))
        {
            let alter = context.alter()?;
            if context.before.resolve(&alter.name) != table {
                continue;
            }
            for action in renames(context.statement) {
                match action {
                    AlterActionKind::RenameTo(to) => table = table.sibling(to.clone()),
                    AlterActionKind::SetSchema(schema) => {
                        table = ObjectName::new(schema.clone(), table.name);
                    }
                    AlterActionKind::RenameColumn { from, to } if column.as_ref() == Some(from) => {
                        column = Some(to.clone());
                    }
                    _ => {}
                }
            }
        }
        let table = self.end.tables.get(&table)?;
        match column {
            Some(column) => Some((table, Some(table.column(&column)?))),
            None => Some((table, None)),
        }
    }

    /// The position of the statement that a place is in.
    pub fn statement_at(&self, place: Span) -> Option<usize> {
        statement_at(self.script, place)
    }

    pub(super) fn into_end(self) -> Catalog {
        Catalog {
            lookup: self.ways,
            ..self.end
        }
    }

    /// The relations that hold rows which come into being with a statement. One that the file
    /// made keeps having no clients when it is renamed.
    fn made_by(&self, statement: &Statement, before: &Catalog) -> Vec<ObjectName> {
        let new = |name: &QualifiedName| {
            let name = before.in_full(name);
            (!before.has_relation(&name)).then_some(name)
        };
        match &statement.kind {
            StatementKind::CreateTable(create) => new(&create.name).into_iter().collect(),
            StatementKind::AlterRelation(alter) => {
                let from = before.resolve(&alter.name);
                if !self.created.contains_key(&from) {
                    return Vec::new();
                }
                let renamed = alter
                    .actions
                    .iter()
                    .filter_map(|action| match &action.kind {
                        AlterActionKind::RenameTo(to) => Some(from.sibling(to.clone())),
                        AlterActionKind::SetSchema(schema) => {
                            Some(ObjectName::new(schema.clone(), from.name.clone()))
                        }
                        _ => None,
                    });
                renamed.collect()
            }
            StatementKind::Opaque(opaque) => match opaque.utility.as_deref() {
                Some(Utility::CreateView(view)) => new(&view.name).into_iter().collect(),
                Some(Utility::SelectInto(select)) => new(&select.name).into_iter().collect(),
                Some(_) | None => Vec::new(),
            },
            StatementKind::CreateIndex(_)
            | StatementKind::Drop(_)
            | StatementKind::Update(_)
            | StatementKind::Data(_)
            | StatementKind::Transaction(_)
            | StatementKind::Set(_) => Vec::new(),
        }
    }
}

/// The position of the statement of a script that a place is in; the innermost, where one stands
/// in the code of another.
pub(super) fn statement_at(script: &Script, place: Span) -> Option<usize> {
    let statements = &script.statements;
    let next = statements.partition_point(|statement| statement.span.start <= place.start);
    let holds = |at: &usize| {
        statements
            .get(*at)
            .is_some_and(|one| one.span.start <= place.start && place.start < one.span.end)
    };
    // A block stands before the statements of its code.
    let block = |at: usize| {
        (0..=at)
            .rev()
            .find(|at| blocks::block(&statements[*at]).is_some())
    };
    let last = next.checked_sub(1);
    last.filter(holds)
        .or_else(|| block(last?).filter(holds))
        .or_else(|| {
            statements
                .get(next)
                .is_some_and(|one| one.span.start < place.end.max(place.start + 1))
                .then_some(next)
        })
}

/// The subcommands of a statement by which a table or one of its columns gets another name.
fn renames(statement: &Statement) -> impl Iterator<Item = &AlterActionKind> {
    let actions = statement.actions().iter().map(|action| &action.kind);
    actions.filter(|kind| {
        matches!(
            kind,
            AlterActionKind::RenameTo(_)
                | AlterActionKind::SetSchema(_)
                | AlterActionKind::RenameColumn { .. }
        )
    })
}

/// What each subcommand of an `ALTER` would do alone.
fn alone(statement: &Statement, before: &Catalog) -> Vec<Effects> {
    let StatementKind::AlterRelation(alter) = &statement.kind else {
        return Vec::new();
    };
    alter
        .actions
        .iter()
        .map(|action| effects_of_action(alter, action, before))
        .collect()
}
