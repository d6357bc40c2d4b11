//! Work and locks in words, so that every rule says the same of the same.

use std::{fmt::Write as _, num::NonZeroU32};

use crate::{
    catalog::TableKind,
    diagnostic::Diagnostic,
    effects::{LockMode, duration},
    ident::ObjectName,
    lint::context::{Context, Work, WorkKind, listed, who},
    parse::statement::Utility,
};

/// `writes every row of users (about 5 rows, 8 kB) anew, while it holds ACCESS EXCLUSIVE on
/// users: reads and writes of users wait until that ends`. Of partitions the tables above are named
/// as well, which clients use.
pub fn blocking(context: &Context<'_>, work: &[Work<'_>]) -> String {
    let mut locks = above(context, work);
    locks.extend(pairs(work));
    format!(
        "{}, while it holds {}: {} wait until that ends",
        done(context, work),
        holds(locks.clone()),
        waiting(locks),
    )
}

/// The locks of the statement that stop writes of partitioned tables above what is worked on.
fn above<'c>(context: &Context<'c>, work: &[Work<'_>]) -> Vec<(&'c ObjectName, LockMode)> {
    let mut found: Vec<(&ObjectName, LockMode)> = Vec::new();
    let mut todo: Vec<&ObjectName> = work.iter().map(|work| work.relation).collect();
    while let Some(name) = todo.pop() {
        let Some(table) = context.before.tables.get(name) else {
            continue;
        };
        for parent in &table.parents {
            let known = context.before.tables.get(parent);
            let partitioned = known.is_some_and(|known| known.kind == TableKind::Partitioned);
            let mode = context.effects.lock_on(parent);
            if let Some((known, mode)) = known.zip(mode)
                && partitioned
                && mode.blocks_writes()
                && !found.iter().any(|(name, _)| *name == parent)
            {
                found.push((&known.name, mode));
                todo.push(&known.name);
            }
        }
    }
    found.reverse();
    found
}

/// `reads every row of users and teams`, `writes every row of users anew`.
pub fn done(context: &Context<'_>, work: &[Work<'_>]) -> String {
    let named = |kind: WorkKind| {
        let mut names: Vec<&ObjectName> = work
            .iter()
            .filter(|work| work.kind == kind)
            .map(|work| work.relation)
            .collect();
        names.dedup();
        (!names.is_empty()).then(|| context.named(names))
    };
    match (named(WorkKind::Rewrite), named(WorkKind::Scan)) {
        (Some(written), None) => format!("writes every row of {written} anew"),
        (None, Some(read)) => format!("reads every row of {read}"),
        (Some(written), Some(read)) => {
            format!("writes every row of {written} anew and reads every row of {read}")
        }
        (None, None) => "reads no row".to_owned(),
    }
}

/// The relations of some work with the locks on them, each once.
pub fn pairs<'w>(work: &[Work<'w>]) -> Vec<(&'w ObjectName, LockMode)> {
    let mut pairs: Vec<(&ObjectName, LockMode)> = work
        .iter()
        .map(|work| (work.relation, work.under))
        .collect();
    pairs.dedup();
    pairs
}

/// `SHARE on users and teams`, `ACCESS EXCLUSIVE on users and SHARE on teams`.
pub fn holds(locks: Vec<(&ObjectName, LockMode)>) -> String {
    let groups = grouped(locks, |mode| mode);
    let parts = groups
        .into_iter()
        .map(|(mode, names)| format!("{mode} on {}", listed(&names)));
    listed(&parts.collect::<Vec<_>>())
}

/// `reads and writes of users and writes of teams`.
pub fn waiting(locks: Vec<(&ObjectName, LockMode)>) -> String {
    let groups = grouped(locks, who);
    let parts = groups
        .into_iter()
        .map(|(who, names)| format!("{who} of {}", listed(&names)));
    listed(&parts.collect::<Vec<_>>())
}

/// The finding with a sentence on how long clients wait, in milliseconds, where the sizes tell.
pub fn lasting(context: &Context<'_>, lasts: Option<u64>, mut finding: Diagnostic) -> Diagnostic {
    let Some(lasts) = lasts else {
        return finding;
    };
    // What a query costs beyond reading its tables is not known.
    let runs_a_query = matches!(context.utility(), Some(Utility::Refresh(_)));
    let least = if runs_a_query { "at least " } else { "" };
    let _ = write!(
        finding.message,
        " Going by the sizes, that takes {least}about {}.",
        duration::in_words(lasts)
    );
    finding.blocks_for_ms = NonZeroU32::new(u32::try_from(lasts).unwrap_or(u32::MAX));
    finding
}

fn grouped<K: PartialEq>(
    locks: Vec<(&ObjectName, LockMode)>,
    key: impl Fn(LockMode) -> K,
) -> Vec<(K, Vec<String>)> {
    let mut groups: Vec<(K, Vec<String>)> = Vec::new();
    for (relation, mode) in locks {
        let (key, name) = (key(mode), relation.short());
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => groups.push((key, vec![name])),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_grouped_by_what_is_said_of_them() {
        let (t, p, q) = (
            ObjectName::public("t"),
            ObjectName::public("p"),
            ObjectName::public("q"),
        );
        let locks = || {
            vec![
                (&t, LockMode::AccessExclusive),
                (&p, LockMode::ShareRowExclusive),
                (&q, LockMode::Share),
            ]
        };
        assert_eq!(
            holds(locks()),
            "ACCESS EXCLUSIVE on t, SHARE ROW EXCLUSIVE on p and SHARE on q"
        );
        assert_eq!(
            waiting(locks()),
            "reads and writes of t and writes of p and q"
        );
    }
}
