//! `edited-migration`: a migration that has run says something else now.

use crate::{
    diagnostic::Diagnostic,
    lint::{
        folder::{Folder, KeptBy, Member, Original},
        rule::Rule,
    },
    parse::Script,
    source::Span,
};

pub(super) const RULE: Rule = Rule::folder(
    "edited-migration",
    include_str!("../../../lints/edited-migration.md"),
    check,
);

fn check(folder: &Folder<'_>) -> Vec<(usize, Diagnostic)> {
    let edited = folder.members.iter().enumerate().filter_map(|(at, member)| {
        let original = member.original?;
        let was = match original.kept_by {
            KeptBy::Revision(revision) => {
                format!("was there at {revision}, and its statements were others")
            }
            KeptBy::Journal => "has run in this database, with other statements".to_owned(),
        };
        let message = format!(
            "This is an edit of a released migration: {} {was}. Where it has run, it does not run \
             again, so that databases will differ, and `zdm apply` refuses a file that was changed \
             while it is under way.",
            member.title(),
        );
        let finding = RULE.finding(first_difference(member, &original), message).with_help(
            "Take the edit back, and write what is to change as a new migration.",
        );
        Some((at, finding))
    });
    edited.collect()
}

/// Where the statements begin to differ.
fn first_difference(member: &Member<'_>, original: &Original<'_>) -> Span {
    let words = |script: &Script, at: usize| {
        let statement = script.statements.get(at)?;
        let text = script.source.slice(statement.span);
        let words = text.split_whitespace().map(str::to_owned);
        Some(words.collect::<Vec<_>>())
    };
    let statements = &member.script.statements;
    let differs = (0..statements.len())
        .find(|at| words(member.script, *at) != words(original.script, *at))
        .and_then(|at| statements.get(at));
    differs
        .or(statements.last())
        .map_or_else(|| member.place(), |statement| statement.span)
}
