//! `out-of-order-migration`: a new file stands before one that has run.

use std::cmp::Ordering;

use crate::{
    diagnostic::Diagnostic,
    lint::{
        folder::{Folder, Released},
        rule::Rule,
    },
    parse::layout::version_order,
};

pub(super) const RULE: Rule = Rule::folder(
    "out-of-order-migration",
    include_str!("../../../lints/out-of-order-migration.md"),
    check,
);

fn check(folder: &Folder<'_>) -> Vec<(usize, Diagnostic)> {
    // The last one that has run, of each app that numbers its own.
    let released = folder.members.iter().enumerate();
    let released: Vec<_> = released
        .filter(|(_, member)| member.released == Released::Yes)
        .collect();
    let new = folder.members.iter().enumerate();
    let new = new.filter(|(_, member)| member.released == Released::No);
    let found = new.filter_map(|(at, member)| {
        let later = released.iter().filter(|(place, other)| {
            *place > at
                && app(other.id) == app(member.id)
                && version_order(other.id, member.id) == Ordering::Greater
        });
        let (_, last) = later.max_by(|(_, one), (_, other)| version_order(one.id, other.id))?;
        let why = match last.only_at {
            Some(revision) => format!("which {revision} got meanwhile"),
            None => "which has run".to_owned(),
        };
        let message = format!(
            "{} is new and stands before {}, {why}: a database that is up to date gets \
             them in another order than a new one. `zdm apply` takes it only when it touches \
             nothing that later ones touched, and never with `[order] strict`; other tools refuse \
             it, or pass it over for ever.",
            member.title(),
            last.title(),
        );
        let finding = RULE
            .finding(member.place(), message)
            .with_help(format!("Give it a version after {}.", last.id));
        Some((at, finding))
    });
    found.collect()
}

/// The app of a version such as `shop.0002_name`, where each app counts by itself.
fn app(id: &str) -> Option<&str> {
    let (app, _) = id.split_once('.')?;
    app.starts_with(|c: char| c.is_alphabetic() || c == '_')
        .then_some(app)
}
