//! Where a subcommand of an ALTER goes that needs no taking apart.

use super::{Place, allowed_or};
use crate::{
    ident::Ident,
    parse::{
        PhaseName, StatementKind,
        statement::{
            AlterActionKind, ColumnAction, Firing, RelationKind, RowSecurity, TableConstraintKind,
        },
    },
    plan::{draft::Refusal, operation::Operation, recipe::Context, touches},
};

/// See the module.
pub(super) fn place(cx: &Context<'_>, action: &AlterActionKind) -> Result<Place, Refusal> {
    let expand = |reason| Place {
        phase: PhaseName::Expand,
        reason,
        breaks_old: false,
    };
    let contract = |reason| Place {
        phase: PhaseName::Contract,
        reason,
        breaks_old: true,
    };
    let allowed = cx.phase_directive().is_some();
    match action {
        AlterActionKind::AlterColumn { name, action } => match action {
            ColumnAction::SetDefault(_) | ColumnAction::DropDefault
                if touches::takes_default(action) =>
            {
                Ok(match without_default(cx, name) {
                    WithoutDefault::MayBeNull => expand("only rows written from now on see it"),
                    WithoutDefault::MayBeNullThen => Place {
                        phase: PhaseName::Migrate,
                        reason: "the column may be NULL by then, so that an INSERT without it goes \
                                 through",
                        breaks_old: false,
                    },
                    WithoutDefault::Refused => contract(
                        "the old application may leave the column out of its INSERTs, which fail \
                         when it has no default",
                    ),
                })
            }
            ColumnAction::SetDefault(_) | ColumnAction::DropDefault | ColumnAction::DropNotNull => {
                Ok(expand("only rows written from now on see it"))
            }
            ColumnAction::SetStatistics(_)
            | ColumnAction::SetOptions(_)
            | ColumnAction::ResetOptions(_)
            | ColumnAction::SetStorage(_)
            | ColumnAction::SetCompression(_) => Ok(expand("changes no row")),
            ColumnAction::Type { .. } => {
                Ok(expand("a change of the catalog alone: no row changes"))
            }
            ColumnAction::DropExpression { .. } | ColumnAction::DropIdentity { .. } => {
                Ok(contract("the old application may rely on it"))
            }
            // Where the column is stored, the rewrite is refused for what it is.
            ColumnAction::SetExpression(_) => Ok(contract("the old application reads it")),
            ColumnAction::SetIdentity { .. } => {
                let always = cx
                    .op
                    .sql
                    .split_whitespace()
                    .any(|word| word.trim_end_matches(';').eq_ignore_ascii_case("always"));
                if always {
                    Ok(contract("the old application may give a value"))
                } else {
                    Ok(expand("only rows written from now on see it"))
                }
            }
            ColumnAction::SetNotNull | ColumnAction::AddIdentity { .. } => {
                allowed_or(cx, allowed, "this change of a column")
            }
        },
        AlterActionKind::ValidateConstraint { .. } => Ok(Place {
            phase: PhaseName::Migrate,
            reason: "reads the whole table under a lock that stops no client",
            breaks_old: false,
        }),
        AlterActionKind::DropConstraint { .. } => {
            Ok(contract("the old application may rely on it"))
        }
        AlterActionKind::SetOptions(_)
        | AlterActionKind::ResetOptions(_)
        | AlterActionKind::ClusterOn(_)
        | AlterActionKind::DropCluster
        | AlterActionKind::DropOids
        | AlterActionKind::OwnerTo(_)
        | AlterActionKind::ReplicaIdentity(_)
        | AlterActionKind::DependsOnExtension { .. } => Ok(expand("changes no row")),
        AlterActionKind::RenameConstraint { .. } => {
            Ok(contract("ON CONFLICT ON CONSTRAINT may name it"))
        }
        AlterActionKind::RenameTo(_) => match &cx.op.statement.kind {
            StatementKind::AlterRelation(alter) if alter.kind == RelationKind::Index => {
                let index = cx.before.index(&cx.resolve(&alter.name));
                if index.is_some_and(|(_, index)| index.constraint.is_some()) {
                    Ok(contract(
                        "its constraint is renamed with it, and ON CONFLICT ON CONSTRAINT may name \
                         that",
                    ))
                } else {
                    Ok(expand("nobody names an index"))
                }
            }
            StatementKind::AlterRelation(alter)
                if cx.before.sequences.contains_key(&cx.resolve(&alter.name)) =>
            {
                Ok(contract(
                    "the old application may take numbers from it by its name",
                ))
            }
            _ => Ok(contract(
                "the old application knows it by its old name, the new one by the new",
            )),
        },
        AlterActionKind::Trigger { firing, .. } | AlterActionKind::Rule { firing, .. } => {
            match firing {
                Firing::Disabled => Ok(contract("the old application may rely on it")),
                Firing::Origin | Firing::Replica | Firing::Always => Ok(expand("as it is")),
            }
        }
        AlterActionKind::RowSecurity(RowSecurity::Disable | RowSecurity::NoForce) => {
            Ok(expand("refuses nobody"))
        }
        AlterActionKind::RowSecurity(RowSecurity::Enable | RowSecurity::Force) => {
            Ok(contract("hides rows from the old application"))
        }
        // An index of a partition becomes a part of the partitioned table's.
        AlterActionKind::AttachPartition { bound: None, .. } => Ok(Place {
            phase: PhaseName::Migrate,
            reason: "the index is there, so this only changes the catalog",
            breaks_old: false,
        }),
        AlterActionKind::AlterConstraint { attributes, .. } => {
            if attributes.deferrable == Some(true) || attributes.initially_deferred.is_some() {
                Ok(expand(
                    "changes no row; only when the constraint is checked",
                ))
            } else {
                Ok(contract("the old application may rely on it"))
            }
        }
        AlterActionKind::SetSchema(_) => {
            Ok(contract("the old application may look for it where it was"))
        }
        AlterActionKind::AddConstraint(constraint)
            if matches!(constraint.kind, TableConstraintKind::Exclude(_)) =>
        {
            Ok(contract("the old application may write what it refuses"))
        }
        // Where these would write files anew they are refused for what they are.
        AlterActionKind::SetTablespace(_) | AlterActionKind::SetAccessMethod(_) => {
            Ok(expand("changes no row"))
        }
        AlterActionKind::AddConstraint(_)
        | AlterActionKind::AddColumn { .. }
        | AlterActionKind::DropColumn { .. }
        | AlterActionKind::RenameColumn { .. }
        | AlterActionKind::SetLogged
        | AlterActionKind::SetUnlogged
        | AlterActionKind::Inherit(_)
        | AlterActionKind::NoInherit(_)
        | AlterActionKind::OfType(_)
        | AlterActionKind::NotOf
        | AlterActionKind::AttachPartition { .. }
        | AlterActionKind::DetachPartition { .. }
        | AlterActionKind::SequenceOptions(_)
        | AlterActionKind::Other => match &cx.op.statement.kind {
            StatementKind::AlterRelation(alter) if alter.kind == RelationKind::Sequence => Ok(
                expand("changes no row; only numbers taken from now on see it"),
            ),
            _ => allowed_or(cx, allowed, "this ALTER"),
        },
    }
}

/// Says that a DROP DEFAULT is left out, because the file gives the column another default later:
/// in between an INSERT would find none.
pub(super) fn default_given_later(cx: &Context<'_>) -> Option<String> {
    let (table, AlterActionKind::AlterColumn { name, action }) = cx.alter()? else {
        return None;
    };
    if !touches::takes_default(action) {
        return None;
    }
    let given = cx.ops[cx.at + 1..].iter().any(|op| {
        let of_table = matches!(&op.statement.kind, StatementKind::AlterRelation(alter)
            if cx.resolve(&alter.name) == table);
        of_table
            && matches!(op.action.map(|action| &action.kind),
                Some(AlterActionKind::AlterColumn { name: other, action: ColumnAction::SetDefault(expr) })
                    if other == name && !expr.is_null())
    });
    given.then(|| {
        format!(
            "the default of {}.{name} stays until this file gives it another",
            table.short()
        )
    })
}

/// What becomes of an INSERT that leaves a column out when it has no default any more.
enum WithoutDefault {
    /// It writes NULL.
    MayBeNull,
    /// It writes NULL once this file has dropped NOT NULL; before that it is refused.
    MayBeNullThen,
    /// It is refused.
    Refused,
}

fn without_default(cx: &Context<'_>, name: &Ident) -> WithoutDefault {
    let Some((table, _)) = cx.alter() else {
        return WithoutDefault::MayBeNull;
    };
    let column = cx.before.tables.get(&table).and_then(|t| t.column(name));
    let now = match column {
        // Without one it is refused already.
        Some(column) if column.default.is_none() => return WithoutDefault::MayBeNull,
        Some(column) => column.not_null || column.not_null_domain,
        // Not known: it may be NOT NULL.
        None => true,
    };
    let of_table = |op: &&Operation<'_>| {
        matches!(&op.statement.kind, StatementKind::AlterRelation(alter)
            if cx.resolve(&alter.name) == table)
    };
    let later = cx.ops[cx.at + 1..]
        .iter()
        .filter(of_table)
        .filter_map(|op| match &op.action?.kind {
            AlterActionKind::AlterColumn {
                name: other,
                action,
            } if other == name => match action {
                ColumnAction::SetNotNull => Some(true),
                ColumnAction::DropNotNull => Some(false),
                _ => None,
            },
            AlterActionKind::AddConstraint(constraint) => match &constraint.kind {
                TableConstraintKind::NotNull(other) => (other == name).then_some(true),
                TableConstraintKind::Key(key) => {
                    (key.primary && key.columns.contains(name)).then_some(true)
                }
                _ => None,
            },
            _ => None,
        })
        .next_back();
    match (now, later.unwrap_or(now)) {
        (_, true) => WithoutDefault::Refused,
        (true, false) => WithoutDefault::MayBeNullThen,
        (false, false) => WithoutDefault::MayBeNull,
    }
}
