//! `duplicate-id`: two files have one version.

use std::collections::BTreeMap;

use crate::{
    diagnostic::Diagnostic,
    lint::{
        folder::{Folder, Judged, Member, Released},
        rule::Rule,
    },
    parse::layout::version_key,
};

pub(super) const RULE: Rule = Rule::folder(
    "duplicate-id",
    include_str!("../../../lints/duplicate-id.md"),
    check,
);

fn check(folder: &Folder<'_>) -> Vec<(usize, Diagnostic)> {
    let mut by_version: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    for (at, member) in folder.members.iter().enumerate() {
        by_version.entry(version_key(member.id)).or_default().push(at);
    }
    let shared = by_version.into_values().filter(|group| group.len() > 1);
    shared.flat_map(|group| of_group(folder, &group)).collect()
}

/// What has run keeps its version; of several that have not, the first does.
fn of_group(folder: &Folder<'_>, group: &[usize]) -> Vec<(usize, Diagnostic)> {
    let member = |at: &usize| folder.members.get(*at).map(|member| (*at, member));
    let all: Vec<(usize, &Member<'_>)> = group.iter().filter_map(member).collect();
    let mut told: Vec<&(usize, &Member<'_>)> = all
        .iter()
        .filter(|(_, member)| member.judged == Judged::Yes && member.released != Released::Yes)
        .collect();
    if told.len() == all.len() {
        told.remove(0);
    }
    let found = told.into_iter().filter_map(|(at, member)| {
        let (_, other) = all.iter().find(|(other, _)| other != at)?;
        let of = match other.only_at {
            Some(revision) => format!(" of {revision}"),
            None => String::new(),
        };
        let message = format!(
            "The version {} is there twice: {}{of} has it too. `zdm apply` refuses the folder; other \
             tools run one of the two and take the other for done.",
            member.id,
            file_name(other.script.source.name()),
        );
        let finding = RULE
            .finding(member.place(), message)
            .with_help("Give this file a version of its own, after the last one that has run.");
        Some((*at, finding))
    });
    found.collect()
}

fn file_name(path: &str) -> &str {
    let mut parts = path.rsplit('/');
    let last = parts.next().unwrap_or(path);
    // In `0001_name/up.sql` the folder has the name.
    match parts.next() {
        Some(_) if matches!(last, "up.sql" | "migration.sql") => {
            let start = path[..path.len() - last.len() - 1]
                .rfind('/')
                .map_or(0, |slash| slash + 1);
            &path[start..]
        }
        Some(_) | None => last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_so_that_it_can_be_told_from_the_other() {
        assert_eq!(file_name("db/migrations/0001_a.sql"), "0001_a.sql");
        assert_eq!(file_name("migrations/0001_a/up.sql"), "0001_a/up.sql");
        assert_eq!(file_name("0001_a.sql"), "0001_a.sql");
    }
}
