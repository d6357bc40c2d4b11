//! Where a subcommand of an ALTER goes that needs no taking apart.

use super::{Place, allowed_or};
use crate::{
    parse::{
        PhaseName, StatementKind,
        statement::{
            AlterActionKind, ColumnAction, Firing, RelationKind, RowSecurity, TableConstraintKind,
        },
    },
    plan::{draft::Refusal, recipe::Context},
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
        AlterActionKind::AlterColumn { action, .. } => match action {
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
                Ok(expand("nobody names an index"))
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
