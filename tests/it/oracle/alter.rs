//! `ALTER` of relations.

use zdm::{
    ident::Ident,
    parse::statement::{
        AlterActionKind, AlterRelation, ColumnAction, DropBehavior, Firing, RelationKind,
        ReplicaIdentity, RowSecurity,
    },
};

use super::{
    form::{Form, word},
    names::{self, name},
    table,
};

/// The words of a kind of relation.
pub(super) fn kind(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table => "TABLE",
        RelationKind::Index => "INDEX",
        RelationKind::View => "VIEW",
        RelationKind::MaterializedView => "MATERIALIZED VIEW",
        RelationKind::Sequence => "SEQUENCE",
        RelationKind::ForeignTable => "FOREIGN TABLE",
    }
}

pub(super) fn cascade(behavior: DropBehavior) -> String {
    word(behavior == DropBehavior::Cascade, "cascade")
}

pub(super) fn relation(alter: &AlterRelation) -> Form {
    let mut form = Form::new(format!("ALTER {}", kind(alter.kind)), [name(&alter.name)]);
    form.flag(alter.if_exists, "if exists");
    form.flag(alter.only, "only");
    form.subs = alter
        .actions
        .iter()
        .map(|action| subcommand(&action.kind))
        .collect();
    form
}

fn firing(firing: Firing, what: &str, name: Option<&Ident>) -> String {
    let how = match firing {
        Firing::Origin => "enable",
        Firing::Disabled => "disable",
        Firing::Replica => "enable replica",
        Firing::Always => "enable always",
    };
    format!("{how} {what} {}", name.map_or("*", Ident::as_str))
}

fn subcommand(action: &AlterActionKind) -> String {
    let exists = |given: bool| word(given, "if exists");
    match action {
        AlterActionKind::AddColumn {
            if_not_exists,
            column,
        } => format!(
            "add column{} {}",
            word(*if_not_exists, "if not exists"),
            table::column(column)
        ),
        AlterActionKind::DropColumn {
            if_exists,
            name,
            behavior,
        } => format!(
            "drop column{} {}{}",
            exists(*if_exists),
            name.as_str(),
            cascade(*behavior)
        ),
        AlterActionKind::AlterColumn { name, action } => {
            format!("alter {} {}", name.as_str(), column(action))
        }
        AlterActionKind::AddConstraint(constraint) => {
            format!("add {}", table::constraint(constraint))
        }
        AlterActionKind::AlterConstraint { name, attributes } => {
            let mut out = format!("alter constraint {}", name.as_str());
            if let Some(enforced) = attributes.enforced {
                out.push_str(&format!(" enforced={enforced}"));
            }
            if attributes.deferrable.is_some() || attributes.initially_deferred.is_some() {
                let deferred = attributes.initially_deferred == Some(true);
                let deferrable = attributes.deferrable == Some(true) || deferred;
                out.push_str(&format!(" deferrable={deferrable} deferred={deferred}"));
            }
            if let Some(no_inherit) = attributes.no_inherit {
                out.push_str(&format!(" inherit={}", !no_inherit));
            }
            out
        }
        AlterActionKind::ValidateConstraint { name } => {
            format!("validate constraint {}", name.as_str())
        }
        AlterActionKind::DropConstraint {
            if_exists,
            name,
            behavior,
        } => format!(
            "drop constraint{} {}{}",
            exists(*if_exists),
            name.as_str(),
            cascade(*behavior)
        ),
        AlterActionKind::RenameTo(name) => format!("rename to {}", name.as_str()),
        AlterActionKind::RenameColumn { from, to } => {
            format!("rename column {} to {}", from.as_str(), to.as_str())
        }
        AlterActionKind::RenameConstraint { from, to } => {
            format!("rename constraint {} to {}", from.as_str(), to.as_str())
        }
        AlterActionKind::SetSchema(name) => format!("set schema {}", name.as_str()),
        AlterActionKind::OwnerTo(name) => format!("owner to {}", name.as_str()),
        AlterActionKind::Trigger { firing: how, name } => firing(*how, "trigger", name.as_ref()),
        AlterActionKind::Rule { firing: how, name } => firing(*how, "rule", Some(name)),
        AlterActionKind::RowSecurity(how) => format!(
            "row security {}",
            match how {
                RowSecurity::Enable => "enable",
                RowSecurity::Disable => "disable",
                RowSecurity::Force => "force",
                RowSecurity::NoForce => "no force",
            }
        ),
        AlterActionKind::ClusterOn(name) => format!("cluster on {}", name.as_str()),
        AlterActionKind::DropCluster => "set without cluster".to_owned(),
        AlterActionKind::DropOids => "set without oids".to_owned(),
        AlterActionKind::SetLogged => "set logged".to_owned(),
        AlterActionKind::SetUnlogged => "set unlogged".to_owned(),
        AlterActionKind::SetAccessMethod(method) => format!(
            "set access method {}",
            method.as_ref().map_or("default", Ident::as_str)
        ),
        AlterActionKind::SetTablespace(name) => format!("set tablespace {}", name.as_str()),
        AlterActionKind::SetOptions(list) => format!("set ({})", names::options(list)),
        AlterActionKind::ResetOptions(list) => format!("reset ({})", names::options(list)),
        AlterActionKind::Inherit(parent) => format!("inherit {}", name(parent)),
        AlterActionKind::NoInherit(parent) => format!("no inherit {}", name(parent)),
        AlterActionKind::OfType(ty) => format!("of {}", name(ty)),
        AlterActionKind::NotOf => "not of".to_owned(),
        AlterActionKind::ReplicaIdentity(identity) => match identity {
            ReplicaIdentity::Default => "replica identity default".to_owned(),
            ReplicaIdentity::Full => "replica identity full".to_owned(),
            ReplicaIdentity::Nothing => "replica identity nothing".to_owned(),
            ReplicaIdentity::Index(index) => format!("replica identity index {}", index.as_str()),
        },
        AlterActionKind::AttachPartition {
            name: partition,
            bound,
        } => format!(
            "attach partition {}{}",
            name(partition),
            word(bound.is_some(), "bound")
        ),
        AlterActionKind::DetachPartition {
            name: partition,
            concurrently,
            finalize,
        } => format!(
            "detach partition {}{}{}",
            name(partition),
            word(*concurrently, "concurrently"),
            word(*finalize, "finalize")
        ),
        AlterActionKind::DependsOnExtension { no, extension } => depends(*no, extension),
        AlterActionKind::SequenceOptions(options) => {
            table::sequence(options).trim_start().to_owned()
        }
        AlterActionKind::Other => "options".to_owned(),
    }
}

pub(super) fn depends(no: bool, extension: &Ident) -> String {
    format!(
        "{}depends on extension {}",
        if no { "no " } else { "" },
        extension.as_str()
    )
}

fn column(action: &ColumnAction) -> String {
    match action {
        ColumnAction::SetDefault(_) => "set default".to_owned(),
        ColumnAction::DropDefault => "drop default".to_owned(),
        ColumnAction::SetNotNull => "set not null".to_owned(),
        ColumnAction::DropNotNull => "drop not null".to_owned(),
        ColumnAction::Type {
            collation, using, ..
        } => format!(
            "type{}{}",
            collation
                .as_ref()
                .map_or(String::new(), |collation| format!(
                    " collate:{}",
                    name(collation)
                )),
            word(using.is_some(), "using")
        ),
        ColumnAction::SetStatistics(target) => format!(
            "set statistics {}",
            target.map_or("default".to_owned(), |target| target.to_string())
        ),
        ColumnAction::SetOptions(list) => format!("set ({})", names::options(list)),
        ColumnAction::ResetOptions(list) => format!("reset ({})", names::options(list)),
        ColumnAction::SetStorage(mode) => format!("set storage {}", mode.as_str()),
        ColumnAction::SetCompression(method) => format!("set compression {}", method.as_str()),
        ColumnAction::AddIdentity { always, options } => format!(
            "add identity {}{}",
            table::when(*always),
            table::sequence(options)
        ),
        ColumnAction::SetIdentity { always, options } => format!(
            "set identity{}{}",
            always.map_or(String::new(), |always| format!(" {}", table::when(always))),
            table::sequence(options)
        ),
        ColumnAction::DropIdentity { if_exists } => {
            format!("drop identity{}", word(*if_exists, "if exists"))
        }
        ColumnAction::SetExpression(_) => "set expression".to_owned(),
        ColumnAction::DropExpression { if_exists } => {
            format!("drop expression{}", word(*if_exists, "if exists"))
        }
    }
}
