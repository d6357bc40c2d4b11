//! Foreign keys that the file drops, to change the type of the columns at their ends, and adds
//! again: they count as kept.
//!
//! Taken one by one, the old key would go in contract and the new one be checked only after that,
//! with nothing to guard the rows in between. So both statements are left to the change of type:
//! the new key is made on the shadow columns while the old one stands, and takes its place in the
//! swap.

use crate::{
    catalog::{Catalog, Constraint, ConstraintKind},
    effects::effects,
    ident::{Ident, ObjectName},
    parse::{
        PhaseName, StatementKind,
        statement::{
            AlterActionKind, ColumnAction, RelationKind, TableConstraint, TableConstraintKind,
        },
    },
    plan::{
        draft::{Draft, Element, Refusal, Touch},
        moves,
        operation::Operation,
        recipe::Context,
        recipes::add_foreign_key,
    },
};

use super::{
    alters,
    family::Family,
    hanging::{on_shadows, temporary},
    swap::Swap,
};

/// A foreign key that goes and comes back.
pub(super) struct Exchanged<'a> {
    /// The position of its DROP CONSTRAINT.
    drop_at: usize,
    /// The position of its ADD CONSTRAINT.
    pub(super) add_at: usize,
    /// The referencing table.
    pub(super) child: ObjectName,
    /// The referencing columns.
    pub(super) columns: Vec<Ident>,
    /// The referenced table.
    pub(super) peer: ObjectName,
    /// The referenced columns.
    pub(super) referenced: Vec<Ident>,
    /// The name of the one that goes.
    pub(super) old: Ident,
    /// The one that comes.
    added: &'a TableConstraint,
    /// Its name.
    name: &'a Ident,
}

/// All of a file's. What exists before the file decides, so that every operation sees the same.
pub(super) fn exchanged<'a>(cx: &Context<'a>) -> Vec<Exchanged<'a>> {
    let catalog = cx.input.catalog;
    let dropped = cx.ops.iter().enumerate().filter_map(|(at, op)| {
        let (child, AlterActionKind::DropConstraint { name, .. }) = altered(catalog, op)? else {
            return None;
        };
        let old = catalog.tables.get(&child)?.constraint(name)?;
        (old.validated && old.enforced()).then_some((at, child, old))
    });
    let bare = without_keys(catalog);
    dropped
        .filter_map(|(at, child, old)| comes_back(cx, &bare, at, child, old))
        .collect()
}

fn altered<'a>(catalog: &Catalog, op: &Operation<'a>) -> Option<(ObjectName, &'a AlterActionKind)> {
    let StatementKind::AlterRelation(alter) = &op.statement.kind else {
        return None;
    };
    let action = &op.action?.kind;
    (alter.kind == RelationKind::Table).then(|| (catalog.resolve(&alter.name), action))
}

/// Without foreign keys, which forbid some of the changes while they stand.
fn without_keys(catalog: &Catalog) -> Catalog {
    let mut bare = catalog.clone();
    for table in bare.tables.values_mut() {
        table
            .constraints
            .retain(|one| !matches!(one.kind, ConstraintKind::ForeignKey { .. }));
    }
    bare
}

fn comes_back<'a>(
    cx: &Context<'a>,
    bare: &Catalog,
    drop_at: usize,
    child: ObjectName,
    old: &Constraint,
) -> Option<Exchanged<'a>> {
    let ConstraintKind::ForeignKey {
        columns,
        references: peer,
        referenced_columns,
    } = &old.kind
    else {
        return None;
    };
    let (add_at, added) = cx
        .ops
        .iter()
        .enumerate()
        .skip(drop_at + 1)
        .find_map(|(at, op)| {
            let (table, AlterActionKind::AddConstraint(added)) = altered(bare, op)? else {
                return None;
            };
            (table == child
                && is_its_like(bare, added, columns, peer, referenced_columns)
                && same_actions(old, added, peer))
            .then_some((at, added))
        })?;
    let changes = cx.ops[drop_at + 1..add_at].iter().any(|op| {
        alters(bare, op).is_some_and(|(table, column, action)| {
            matches!(action, ColumnAction::Type { .. })
                && (table == child && columns.contains(column)
                    || table == *peer && referenced_columns.contains(column))
        }) && writes_anew(cx, bare, op)
    });
    if !changes {
        return None;
    }
    Some(Exchanged {
        drop_at,
        add_at,
        child,
        columns: columns.clone(),
        peer: peer.clone(),
        referenced: referenced_columns.clone(),
        old: old.name.clone(),
        added,
        name: added.name.as_ref()?,
    })
}

/// Whether it links the same columns, and is checked from its first day on.
fn is_its_like(
    bare: &Catalog,
    added: &TableConstraint,
    columns: &[Ident],
    peer: &ObjectName,
    referenced: &[Ident],
) -> bool {
    let TableConstraintKind::ForeignKey {
        columns: own,
        references,
        period: false,
    } = &added.kind
    else {
        return false;
    };
    let key = || {
        bare.tables
            .get(peer)?
            .primary_key()
            .map(Constraint::columns)
    };
    let same_peer = bare.resolve(&references.table) == *peer
        && (references.columns == referenced
            || references.columns.is_empty() && key() == Some(referenced));
    added.name.is_some()
        && own == columns
        && same_peer
        && !references.match_full
        // ON DELETE SET NULL (column) names columns of its own.
        && !references.on_delete.as_ref().is_some_and(|action| action.contains('('))
        && !added.attributes.not_valid
        && added.attributes.enforced != Some(false)
}

/// Whether both do the same when a referenced row goes or changes: for a while both stand, and
/// what only the new one does would reach the old application.
fn same_actions(old: &Constraint, added: &TableConstraint, peer: &ObjectName) -> bool {
    let of = |definition: &str| {
        let options = moves::foreign_key_options(definition).to_ascii_uppercase();
        [
            "ON UPDATE NO ACTION",
            "ON DELETE NO ACTION",
            "NOT DEFERRABLE",
        ]
        .iter()
        .fold(options, |text, usual| text.replace(usual, ""))
        .split_whitespace()
        .map(str::to_owned)
        .collect::<Vec<_>>()
    };
    let some = [Ident::exact("c")];
    of(&old.definition) == of(&add_foreign_key::definition(&some, peer, &some, added))
}

/// Whether the change of type would write a table whole, as far as can be told before the file.
fn writes_anew(cx: &Context<'_>, bare: &Catalog, op: &Operation<'_>) -> bool {
    let effects = effects(&op.alone, bare);
    effects.fails.is_none()
        && effects
            .rewrites
            .iter()
            .any(|relation| bare.tables.contains_key(relation) && !cx.is_fresh(relation))
}

/// DROP CONSTRAINT of such a key waits for the change of type; ADD CONSTRAINT is done with it.
pub(super) fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let is_one_end = matches!(
        altered(cx.before, cx.op)?.1,
        AlterActionKind::DropConstraint { .. } | AlterActionKind::AddConstraint(_)
    );
    if !is_one_end {
        return None;
    }
    let found = exchanged(cx);
    let key = found
        .iter()
        .find(|key| key.drop_at == cx.at || key.add_at == cx.at)?;
    if key.drop_at == cx.at {
        return Some(Ok(Draft {
            left_to_later: true,
            ..Draft::default()
        }));
    }
    // Only where no change of type has taken it along.
    cx.left.contains(&key.drop_at).then(|| {
        Err(Refusal::new(
            "chained-change",
            format!(
                "the foreign key {} of {} cannot be kept over the change of type between its DROP \
                 and its ADD",
                key.old,
                key.child.short()
            ),
            "put the ADD CONSTRAINT into a migration of its own",
        ))
    })
}

impl Exchanged<'_> {
    /// Whether a column of the family is at one of its ends.
    pub(super) fn is_of(&self, family: &Family<'_>) -> bool {
        family.touches(&self.child, &self.columns) || family.touches(&self.peer, &self.referenced)
    }

    /// Whether two columns are at its two ends.
    pub(super) fn links(&self, one: &(&ObjectName, &Ident), other: &(&ObjectName, &Ident)) -> bool {
        self.columns.iter().zip(&self.referenced).any(|(from, to)| {
            let ends = ((&self.child, from), (&self.peer, to));
            ends == (*one, *other) || ends == (*other, *one)
        })
    }

    /// Whether it is this constraint, while that stands.
    pub(super) fn is(&self, child: &ObjectName, name: &Ident) -> bool {
        self.child == *child && self.old == *name
    }

    /// The new key between the shadow columns, and its exchange with the old one.
    pub(super) fn make(
        &self,
        cx: &Context<'_>,
        family: &Family<'_>,
        draft: &mut Draft,
        swap: &mut Swap,
    ) {
        let (child, peer) = (&self.child, &self.peer);
        let temporary = temporary(cx, child, self.name);
        let definition = add_foreign_key::definition(
            &on_shadows(family, child, &self.columns),
            peer,
            &on_shadows(family, peer, &self.referenced),
            self.added,
        );
        draft.push(
            PhaseName::Migrate,
            add_foreign_key::add(child, peer, &temporary, &definition, true),
        );
        draft.push(
            PhaseName::Migrate,
            add_foreign_key::validate(cx, child, peer, &temporary),
        );
        swap.exchange_key(child, peer, &self.old, &temporary, self.name);
        for name in [&self.old, self.name] {
            draft.touches.push(Touch::write(
                Element::Name(child.sibling(name.clone())),
                PhaseName::Contract,
            ));
        }
        draft.notes.push(format!(
            "the foreign key {} of {} stands until contract, when {} takes its place: at no moment \
             is there none",
            self.old,
            child.short(),
            self.name
        ));
    }
}
