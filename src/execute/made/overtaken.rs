//! Whether a later statement of the same migration changed what an earlier one made: then the
//! check of the earlier one says nothing any more (`SET NOT NULL` and `DROP NOT NULL` in one file).

use std::collections::BTreeSet;

use crate::{
    ident::Ident,
    parse::{
        StatementKind, parse,
        statement::{AlterActionKind, TableConstraintKind},
    },
    plan::Step,
    source::SourceFile,
};

/// A column or a constraint, by the names of its table and its own. Schemas are left out, as steps
/// that run a statement as it is written may not name them.
type Part = (String, String);

/// Whether a step that is done later, for another statement, names a part of a table that this
/// step's statement is about.
pub(super) fn is_overtaken(step: &Step, done: &[&Step]) -> bool {
    let Some(at) = done.iter().position(|other| other.id == step.id) else {
        return false;
    };
    let own = done.iter().filter(|other| other.source == step.source);
    let own: BTreeSet<Part> = own.flat_map(|step| parts(step)).collect();
    done[at + 1..]
        .iter()
        .filter(|later| later.source != step.source)
        .any(|later| parts(later).iter().any(|part| own.contains(part)))
}

/// The columns and constraints that the statements of a step alter.
fn parts(step: &Step) -> Vec<Part> {
    let mut found = Vec::new();
    for sql in &step.sql {
        let script = parse(SourceFile::new("step.sql", sql.clone()));
        for statement in &script.statements {
            let StatementKind::AlterRelation(alter) = &statement.kind else {
                continue;
            };
            let table = alter.name.name.as_str();
            let named = alter.actions.iter().flat_map(|action| named(&action.kind));
            found.extend(named.map(|name| (table.to_owned(), name.to_owned())));
        }
    }
    found
}

/// The column or constraint of a subcommand.
fn named(action: &AlterActionKind) -> Vec<&str> {
    match action {
        AlterActionKind::AddColumn { column, .. } => vec![column.name.as_str()],
        AlterActionKind::DropColumn { name, .. }
        | AlterActionKind::AlterColumn { name, .. }
        | AlterActionKind::AlterConstraint { name, .. }
        | AlterActionKind::ValidateConstraint { name }
        | AlterActionKind::DropConstraint { name, .. } => vec![name.as_str()],
        AlterActionKind::RenameColumn { from, to }
        | AlterActionKind::RenameConstraint { from, to } => vec![from.as_str(), to.as_str()],
        AlterActionKind::AddConstraint(constraint) => {
            let mut names: Vec<&str> = constraint.name.iter().map(Ident::as_str).collect();
            if let TableConstraintKind::NotNull(column) = &constraint.kind {
                names.push(column.as_str());
            }
            names
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::{SourceRange, StepKind, draft},
        source::Position,
    };

    fn step(id: &str, line: usize, sql: &str) -> Step {
        let at = Position {
            line,
            column: 1,
            byte: 0,
        };
        Step {
            id: id.to_owned(),
            source: Some(SourceRange {
                file: "1.sql".to_owned(),
                start: at,
                end: at,
            }),
            ..draft::step(StepKind::Ddl, "", "").sql([sql.to_owned()])
        }
    }

    #[test]
    fn a_later_statement_about_the_same_column_overtakes() {
        let steps = [
            step(
                "1",
                1,
                "ALTER TABLE public.t ADD CONSTRAINT n NOT NULL a NOT VALID",
            ),
            step("2", 1, "ALTER TABLE public.t VALIDATE CONSTRAINT n"),
            step("3", 2, "ALTER TABLE t ALTER COLUMN b DROP NOT NULL"),
            step("4", 3, "ALTER TABLE t ALTER COLUMN a DROP NOT NULL"),
        ];
        let done: Vec<&Step> = steps.iter().collect();
        let overtaken = |until: usize| -> Vec<&str> {
            let done = &done[..until];
            let mut ids = Vec::new();
            for step in done {
                if is_overtaken(step, done) {
                    ids.push(step.id.as_str());
                }
            }
            ids
        };
        assert_eq!(overtaken(3), [""; 0]);
        assert_eq!(overtaken(4), ["1", "2"]);
    }
}
