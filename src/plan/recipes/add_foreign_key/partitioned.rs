//! A foreign key of a partitioned table.
//!
//! PostgreSQL 18 adds it NOT VALID to the whole tree at once. Before, the server refuses that
//! (pitfall 72): each leaf gets the same key, NOT VALID and then validated, and the plain ADD on
//! the partitioned table finds it there, takes it over, and reads nothing.

use crate::{
    catalog::{ConstraintKind, PgVersion, Table},
    effects::LockMode,
    ident::{Ident, ObjectName},
    parse::PhaseName,
    plan::{
        Step, StepKind, Undo,
        draft::{Draft, Refusal, lock, merge_lock, step},
        partitions::{self, Needed, Tree},
        recipe::Context,
        state,
    },
};

use super::{add, validate};

/// What the key is.
pub(super) struct NewForeignKey<'a> {
    pub(super) table: &'a ObjectName,
    pub(super) peer: &'a ObjectName,
    pub(super) name: &'a Ident,
    pub(super) definition: &'a str,
    /// Its columns and what they reference.
    pub(super) kind: &'a ConstraintKind,
    /// It is enforced.
    pub(super) enforced: bool,
    /// NOT VALID is written.
    pub(super) not_valid: bool,
}

/// Adds the steps for a key of a partitioned table.
pub(super) fn steps(
    cx: &Context<'_>,
    draft: &mut Draft,
    key: &NewForeignKey<'_>,
) -> Result<(), Refusal> {
    let tree = Tree::of(cx, key.table)?;
    if key.peer == key.table {
        return Err(Refusal::new(
            "not-yet",
            format!(
                "{} is partitioned and would reference itself: zdm cannot add such a key in steps \
                 yet",
                key.table.short()
            ),
            "add it in a maintenance window, as a file of its own with `-- zdm: phase contract`",
        ));
    }
    let phase = PhaseName::Migrate;
    // A partition that has the key already gets no second one: the server takes over that.
    let has_it = |leaf: &&Table| {
        let mut own = leaf.constraints.iter();
        own.any(|own| own.kind == *key.kind && own.validated)
    };
    if cx.before.version >= PgVersion::V18 {
        let add = add(key.table, key.peer, key.name, key.definition, key.enforced);
        let add = partitions::on_tree(cx, add, key.table);
        draft.push(phase, partitions::on_tree(cx, add, key.peer));
        if key.enforced && !key.not_valid {
            for leaf in tree.leaves().filter(|leaf| !has_it(leaf)) {
                draft.push(phase, validate(cx, &leaf.name, key.peer, key.name));
            }
            draft.push(phase, mark_validated(key));
        }
        return Ok(());
    }
    if key.not_valid {
        return Err(Refusal::new(
            "fails",
            format!(
                "before PostgreSQL 18 the server refuses NOT VALID for a foreign key of {}, because \
                 it is partitioned",
                key.table.short()
            ),
            "write it without NOT VALID: zdm adds it to each partition NOT VALID, validates it \
             there, and then adds it to the whole",
        ));
    }
    for leaf in tree.leaves().filter(|leaf| !has_it(leaf)) {
        let add = add(&leaf.name, key.peer, key.name, key.definition, true);
        draft.push(phase, partitions::on_tree(cx, add, key.peer));
        draft.push(phase, validate(cx, &leaf.name, key.peer, key.name));
    }
    let columns = match key.kind {
        ConstraintKind::ForeignKey { columns, .. } => columns.as_slice(),
        ConstraintKind::Check { .. }
        | ConstraintKind::Unique { .. }
        | ConstraintKind::PrimaryKey { .. }
        | ConstraintKind::Exclude { .. }
        | ConstraintKind::Other => &[],
    };
    let needed = Needed {
        what: "the foreign key".to_owned(),
        has: Needed::constraint(
            'f',
            columns,
            &format!(
                " AND k.convalidated AND k.confrelid = pg_catalog.to_regclass({})",
                crate::ident::quote_literal(&key.peer.to_string())
            ),
        ),
        by_hand: format!(
            "`ALTER TABLE partition ADD CONSTRAINT name {} NOT VALID`, \
             `ALTER TABLE partition VALIDATE CONSTRAINT name`",
            key.definition
        ),
    };
    draft.push(phase, needed.look(&tree));
    draft.push(phase, take_over(cx, key, needed.refuse(&tree)));
    Ok(())
}

/// After its leaves, the partitioned table has nothing to read.
fn mark_validated(key: &NewForeignKey<'_>) -> Step {
    let (table, name) = (key.table, key.name);
    step(
        StepKind::Ddl,
        format!("mark {name} of {} as checked", table.short()),
        "every partition has been checked, so nothing is read",
    )
    .sql([format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}")])
    .lock(table, LockMode::ShareUpdateExclusive)
    .state(state::constraint_valid(table, name))
}

/// The plain ADD. Taking over the keys of the leaves removes triggers of theirs from the referenced
/// table, which takes the strongest lock there.
fn take_over(cx: &Context<'_>, key: &NewForeignKey<'_>, refuse: String) -> Step {
    let (table, name) = (key.table, key.name);
    let mut undo_locks = lock(table, LockMode::AccessExclusive);
    merge_lock(&mut undo_locks, key.peer, LockMode::AccessExclusive);
    let partitioned_peer = cx
        .before
        .tables
        .get(key.peer)
        .is_some_and(|peer| !peer.children.is_empty());
    // Then the triggers on the rows that reference go as well.
    let own = if partitioned_peer {
        LockMode::AccessExclusive
    } else {
        LockMode::ShareRowExclusive
    };
    let add = step(
        StepKind::Ddl,
        format!(
            "add {name} to {}, with the keys of its partitions as parts",
            table.short()
        ),
        "every partition has the key, validated, so nothing is read",
    )
    .sql([
        refuse,
        format!(
            "ALTER TABLE {table} ADD CONSTRAINT {name} {}",
            key.definition
        ),
    ])
    .lock(table, own)
    .lock(key.peer, LockMode::AccessExclusive)
    .state(state::constraint_present(table, name))
    .undone_by(Undo::ddl(
        [format!(
            "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}"
        )],
        undo_locks,
    ));
    partitions::on_tree(cx, partitions::on_tree(cx, add, table), key.peer)
}
