//! `contract-of-unreleased-expand`: what one new file prepares, another one already takes away.

use std::collections::BTreeMap;

use crate::{
    diagnostic::{Diagnostic, Level},
    ident::{Ident, ObjectName, QualifiedName},
    lint::{
        folder::{Folder, Released},
        rule::Rule,
    },
    parse::{
        Statement, StatementKind, serial_type,
        statement::{
            AlterActionKind, ColumnAction, ColumnDef, DataKind, DropKind,
            Persistence, TableConstraintKind,
        },
    },
    source::Span,
};

pub(super) const RULE: Rule = Rule::folder(
    "contract-of-unreleased-expand",
    include_str!("../../../lints/contract-of-unreleased-expand.md"),
    check,
);

/// A table, or a column of it. Names without a schema are in `public`: files of one series name
/// the same thing in the same way.
type Thing = (ObjectName, Option<Ident>);

/// What an unreleased file has done to something.
#[derive(Debug, Clone)]
struct Touched {
    /// The position of the file.
    by: usize,
    how: How,
}

/// What the unreleased files up to one have done.
#[derive(Debug, Default)]
struct Unreleased(BTreeMap<Thing, Touched>);

/// What was done.
#[derive(Debug, Clone)]
enum How {
    /// It was made: no application that runs knows it.
    Made(WithoutIt),
    /// It was there, and was changed, as in `DROP NOT NULL`.
    Changed,
    /// Its values were copied to something new, which is to stand for it.
    Copied(String),
}

/// What becomes of rows that name no value for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WithoutIt {
    /// There is a default, or a table that only new applications write.
    Fine,
    /// They hold NULL.
    Null,
}

/// What a statement breaks.
struct Break {
    thing: Thing,
    what: Breaking,
    span: Span,
}

/// How it breaks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breaking {
    Drop,
    Rename,
    Retype,
    NotNull,
}

fn check(folder: &Folder<'_>) -> Vec<(usize, Diagnostic)> {
    let mut found = Vec::new();
    let mut unreleased = Unreleased::default();
    for (at, member) in folder.members.iter().enumerate() {
        if member.released != Released::No {
            continue;
        }
        for statement in &member.script.statements {
            for broken in breaks(statement) {
                let finding = unreleased
                    .get(&broken.thing)
                    .filter(|touched| touched.by != at)
                    .and_then(|touched| said(folder, touched, &broken));
                found.extend(finding.map(|finding| (at, finding)));
            }
            unreleased.follow(statement, at);
        }
    }
    found
}

fn said(folder: &Folder<'_>, touched: &Touched, broken: &Break) -> Option<Diagnostic> {
    let file = folder.members.get(touched.by)?.title();
    let (table, column) = &broken.thing;
    let thing = match column {
        Some(column) => format!("{column} of {}", table.short()),
        None => table.short(),
    };
    let does = match broken.what {
        Breaking::Drop => format!("drops {thing}"),
        Breaking::Rename => format!("renames {thing}"),
        Breaking::Retype => format!("changes the type of {thing}"),
        Breaking::NotNull => format!("makes {thing} NOT NULL"),
    };
    let (done, fails) = match (&touched.how, broken.what) {
        (How::Made(WithoutIt::Null), Breaking::NotNull) => (
            "makes it".to_owned(),
            "the one that runs now writes rows without it, which fails from then on",
        ),
        (How::Made(_), _) => {
            let message = format!(
                "This {does}, which only {file} makes, and that is not released either: no \
                 application ever sees what is between the two."
            );
            let help = format!("Change {file} instead, as it has not run where it matters.");
            return Some(RULE.finding_at(Level::Info, broken.span, message).with_help(help));
        }
        (How::Changed, _) => (
            "changes it first".to_owned(),
            "the one that runs now still uses it as it was, which fails from then on",
        ),
        (How::Copied(to), _) => (
            format!("copies its values to {to}"),
            "the one that runs now still uses it, which fails from then on",
        ),
    };
    let message = format!(
        "This {does}, and {file}, which {done}, is not released either. Both go out in one \
         release, so that no application runs between the two: {fails}."
    );
    let help = format!(
        "Release {file} with an application that can do without the old shape, and this in a \
         later release."
    );
    Some(RULE.finding(broken.span, message).with_help(help))
}

fn full(name: &QualifiedName) -> ObjectName {
    name.with_schema()
        .unwrap_or_else(|| ObjectName::public(name.name.as_str()))
}

/// What a statement takes away from whoever uses it.
fn breaks(statement: &Statement) -> Vec<Break> {
    match &statement.kind {
        StatementKind::AlterRelation(alter) => {
            let table = full(&alter.name);
            let broken = alter.actions.iter().filter_map(|action| {
                let (column, what) = match &action.kind {
                    AlterActionKind::DropColumn { name, .. } => (Some(name), Breaking::Drop),
                    AlterActionKind::RenameColumn { from, .. } => (Some(from), Breaking::Rename),
                    AlterActionKind::AlterColumn { name, action } => match action {
                        ColumnAction::Type { .. } => (Some(name), Breaking::Retype),
                        ColumnAction::SetNotNull => (Some(name), Breaking::NotNull),
                        _ => return None,
                    },
                    AlterActionKind::AddConstraint(constraint) => match &constraint.kind {
                        TableConstraintKind::NotNull(name) => (Some(name), Breaking::NotNull),
                        _ => return None,
                    },
                    AlterActionKind::RenameTo(_) | AlterActionKind::SetSchema(_) => {
                        (None, Breaking::Rename)
                    }
                    _ => return None,
                };
                Some(Break {
                    thing: (table.clone(), column.cloned()),
                    what,
                    span: action.span,
                })
            });
            broken.collect()
        }
        StatementKind::Drop(drop) if drop.kind == DropKind::Table => {
            let names = drop.names.iter();
            let broken = names.map(|name| Break {
                thing: (full(name), None),
                what: Breaking::Drop,
                span: statement.span,
            });
            broken.collect()
        }
        StatementKind::Drop(_)
        | StatementKind::CreateTable(_)
        | StatementKind::CreateIndex(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_)
        | StatementKind::Opaque(_) => Vec::new(),
    }
}

/// What becomes of rows without a new column.
fn without(column: &ColumnDef) -> WithoutIt {
    if column.gives_value() || serial_type(&column.ty).is_some() { WithoutIt::Fine } else { WithoutIt::Null }
}

impl Unreleased {
    /// What was done to a thing, or to the table that it is of, when that is new.
    fn get(&self, thing: &Thing) -> Option<&Touched> {
        let (table, _) = thing;
        self.0.get(thing).or_else(|| {
            let of_table = self.0.get(&(table.clone(), None));
            of_table.filter(|touched| matches!(touched.how, How::Made(_)))
        })
    }

    /// What the first file did counts.
    fn keep(&mut self, thing: Thing, by: usize, how: How) {
        self.0.entry(thing).or_insert(Touched { by, how });
    }

    /// Keeps in mind what a statement of an unreleased file does.
    fn follow(&mut self, statement: &Statement, by: usize) {
        match &statement.kind {
            StatementKind::CreateTable(create) => {
                if create.persistence != Persistence::Temporary {
                    let table = full(&create.name);
                    self.keep((table, None), by, How::Made(WithoutIt::Fine));
                }
            }
            StatementKind::AlterRelation(alter) => {
                let table = full(&alter.name);
                for action in &alter.actions {
                    self.follow_action(&table, &action.kind, by);
                }
            }
            StatementKind::Drop(drop) => {
                if drop.kind == DropKind::Table {
                    let gone: Vec<ObjectName> = drop.names.iter().map(full).collect();
                    self.0.retain(|(table, _), _| !gone.contains(table));
                }
            }
            StatementKind::Update(update) => {
                let table = full(&update.table);
                for (to, expr) in update.assignments.iter().flatten() {
                    if !self.is_made(&(table.clone(), Some(to.clone()))) {
                        continue;
                    }
                    for column in &expr.columns {
                        let from = (table.clone(), Some(column.name.clone()));
                        self.keep(from, by, How::Copied(to.to_string()));
                    }
                }
            }
            StatementKind::Data(data) => {
                let to = data.targets.first().map(full);
                if let (DataKind::Insert, true, Some(to)) = (data.kind, data.from_query, to)
                    && self.is_made(&(to.clone(), None))
                {
                    for from in &data.reads {
                        self.keep((full(from), None), by, How::Copied(to.short()));
                    }
                }
            }
            StatementKind::CreateIndex(_)
            | StatementKind::Transaction(_)
            | StatementKind::Set(_)
            | StatementKind::Opaque(_) => {}
        }
    }

    fn follow_action(&mut self, table: &ObjectName, action: &AlterActionKind, by: usize) {
        let column = |name: &Ident| (table.clone(), Some(name.clone()));
        match action {
            AlterActionKind::AddColumn { column: added, .. } => {
                self.keep(column(&added.name), by, How::Made(without(added)));
            }
            AlterActionKind::DropColumn { name, .. } => {
                self.0.remove(&column(name));
            }
            AlterActionKind::RenameColumn { from, to } => {
                let known = self.0.remove(&column(from));
                let known = known.unwrap_or(Touched { by, how: How::Changed });
                self.0.insert(column(to), known);
            }
            AlterActionKind::RenameTo(to) => {
                let known = self.0.remove(&(table.clone(), None));
                let known = known.unwrap_or(Touched { by, how: How::Changed });
                self.0.insert((table.sibling(to.clone()), None), known);
            }
            AlterActionKind::AlterColumn { name, action } => match action {
                ColumnAction::DropNotNull | ColumnAction::Type { .. } => {
                    self.keep(column(name), by, How::Changed);
                }
                // From then on rows without it are fine.
                ColumnAction::SetDefault(_) | ColumnAction::AddIdentity { .. } => {
                    if let Some(touched) = self.0.get_mut(&column(name))
                        && let How::Made(without) = &mut touched.how
                    {
                        *without = WithoutIt::Fine;
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn is_made(&self, thing: &Thing) -> bool {
        let made = self.0.get(thing);
        made.is_some_and(|touched| matches!(touched.how, How::Made(_)))
    }
}
