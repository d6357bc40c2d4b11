//! Findings about statements, judged by what they do and never by their words.
//!
//! A rule sees one statement, the catalog before and after it, its effects and the transaction it
//! is in, and gives diagnostics. Rules do no IO and cannot fail. A rule's page in `lints/` is its
//! documentation, its `zdm explain` text and its test.
//! Next: [`rules`] is the one list; [`rule`] says what a rule is; [`page`] reads its page.

pub mod context;
pub mod page;
pub mod rule;
pub mod rules;
mod suppress;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::{Catalog, apply::apply},
    diagnostic::{Diagnostic, Level},
    effects::{Effects, effects, effects_of_action},
    ident::ObjectName,
    parse::{Script, Statement, StatementKind, statement::Transaction as Control},
};

pub use context::{Context, Transaction};
pub use page::Page;
pub use rule::Rule;

/// The levels of rules that differ from their pages, by name.
pub type Levels = BTreeMap<String, RuleLevel>;

/// What a rule's findings count as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleLevel {
    /// Not reported.
    Off,
    /// Reported at this level.
    At(Level),
}

/// One finding, with the statement it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is said.
    pub diagnostic: Diagnostic,
    /// The position of the statement in the script.
    pub statement: Option<usize>,
    /// What that statement does.
    pub effects: Option<Effects>,
}

/// What was found in a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linted {
    /// The findings, in the order of the text; mistakes of the parser are among them.
    pub findings: Vec<Finding>,
    /// What exists after the script.
    pub after: Catalog,
}

/// Looks at every statement of a script that is run on what exists `before`.
pub fn lint(script: &Script, before: &Catalog, levels: &Levels) -> Linted {
    let mut findings: Vec<Finding> = script
        .diagnostics
        .iter()
        .map(|diagnostic| Finding {
            diagnostic: diagnostic.clone(),
            statement: None,
            effects: None,
        })
        .collect();
    let mut catalog = before.clone();
    let mut created = BTreeSet::new();
    let mut transaction = Transaction::default();
    for (at, statement) in script.statements.iter().enumerate() {
        let before = catalog.clone();
        apply(&mut catalog, statement, script.source.text());
        let done = effects(statement, &before);
        let actions = alone(statement, &before);
        let context = Context {
            source: &script.source,
            statement,
            before: &before,
            after: &catalog,
            effects: &done,
            actions: &actions,
            transaction: &transaction,
            created: &created,
        };
        for rule in rules::ALL {
            let Some(level) = level(rule, levels) else {
                continue;
            };
            findings.extend(
                (rule.check)(&context)
                    .into_iter()
                    .map(|diagnostic| Finding {
                        diagnostic: Diagnostic {
                            level,
                            ..diagnostic
                        },
                        statement: Some(at),
                        effects: Some(done.clone()),
                    }),
            );
        }
        follow(&mut transaction, statement, &done);
        created.extend(newly_created(statement, &before));
    }
    findings = suppress::apply(script, findings, levels);
    findings.sort_by_key(|finding| (finding.diagnostic.span, finding.diagnostic.rule));
    Linted {
        findings,
        after: catalog,
    }
}

/// The level of a rule's findings, or `None` when it is switched off.
fn level(rule: &Rule, levels: &Levels) -> Option<Level> {
    match levels.get(rule.name) {
        Some(RuleLevel::Off) => None,
        Some(RuleLevel::At(level)) => Some(*level),
        None => Some(rule.level()),
    }
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

/// The table that a statement creates.
fn newly_created(statement: &Statement, before: &Catalog) -> Option<ObjectName> {
    let StatementKind::CreateTable(create) = &statement.kind else {
        return None;
    };
    let name = match &create.name.schema {
        Some(schema) => ObjectName::new(schema.clone(), create.name.name.clone()),
        None => before.in_creation_schema(&create.name.name),
    };
    (!before.has_relation(&name)).then_some(name)
}

/// What the next statement finds of its transaction.
fn follow(transaction: &mut Transaction, statement: &Statement, done: &Effects) {
    match &statement.kind {
        StatementKind::Transaction(Control::Begin) => {
            *transaction = Transaction {
                opened: Some(statement.span),
                held: Vec::new(),
            };
        }
        StatementKind::Transaction(Control::Commit | Control::Rollback) => {
            *transaction = Transaction::default();
        }
        StatementKind::Transaction(Control::Savepoint | Control::Release | Control::RollbackTo)
        | StatementKind::AlterRelation(_)
        | StatementKind::CreateTable(_)
        | StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Set(_)
        | StatementKind::Opaque(_) => {
            if transaction.opened.is_some() {
                transaction.held.extend(
                    done.locks
                        .iter()
                        .filter(|lock| lock.mode.blocks_writes())
                        .map(|lock| (lock.relation.clone(), lock.mode)),
                );
            }
        }
    }
}
