//! A migration as a list of operations: one statement, or one subcommand of an ALTER TABLE.
//!
//! Subcommands are taken apart so that each gets the phase and the lock it needs (pitfall 25).
//! They keep the order in which the server itself would run them: it works in passes, drops first
//! (`AlterTablePass`, `src/backend/commands/tablecmds.c`).

use crate::{
    parse::{
        Script, Statement, StatementKind,
        statement::{AlterAction, AlterActionKind, AlterRelation, ColumnAction, RelationKind},
    },
    source::Span,
};

/// One thing a migration does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation<'a> {
    /// The statement it comes from.
    pub statement: &'a Statement,
    /// The subcommand, when the statement is an ALTER with subcommands.
    pub action: Option<&'a AlterAction>,
    /// The same as a statement of its own, to be applied to a catalog.
    pub alone: Statement,
    /// Its bytes in the file.
    pub span: Span,
    /// Its SQL as a statement of its own.
    pub sql: String,
}

/// Takes a script apart.
pub fn operations(script: &Script) -> Vec<Operation<'_>> {
    let mut found = Vec::new();
    for statement in &script.statements {
        match &statement.kind {
            StatementKind::AlterRelation(alter) => {
                let mut actions: Vec<&AlterAction> = alter.actions.iter().collect();
                actions.sort_by_key(|action| pass(&action.kind));
                let single = actions.len() == 1;
                for action in actions {
                    found.push(from_action(script, statement, alter, action, single));
                }
            }
            StatementKind::CreateTable(_)
            | StatementKind::CreateIndex(_)
            | StatementKind::Drop(_)
            | StatementKind::Update(_)
            | StatementKind::Data(_)
            | StatementKind::Transaction(_)
            | StatementKind::Set(_)
            | StatementKind::Opaque(_) => found.push(Operation {
                statement,
                action: None,
                alone: statement.clone(),
                span: statement.span,
                sql: script.source.slice(statement.span).to_owned(),
            }),
        }
    }
    found
}

fn from_action<'a>(
    script: &Script,
    statement: &'a Statement,
    alter: &'a AlterRelation,
    action: &'a AlterAction,
    single: bool,
) -> Operation<'a> {
    let sql = if single {
        script.source.slice(statement.span).to_owned()
    } else {
        format!(
            "ALTER {} {}{}{} {}",
            relation_word(alter.kind),
            if alter.if_exists { "IF EXISTS " } else { "" },
            if alter.only { "ONLY " } else { "" },
            alter.name,
            script.source.slice(action.span)
        )
    };
    let alone = Statement {
        span: statement.span,
        directives: statement.directives.clone(),
        kind: StatementKind::AlterRelation(AlterRelation {
            actions: vec![action.clone()],
            ..alter.clone()
        }),
    };
    let span = if single { statement.span } else { action.span };
    Operation {
        statement,
        action: Some(action),
        alone,
        span,
        sql,
    }
}

fn relation_word(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table => "TABLE",
        RelationKind::Index => "INDEX",
        RelationKind::View => "VIEW",
        RelationKind::MaterializedView => "MATERIALIZED VIEW",
        RelationKind::Sequence => "SEQUENCE",
        RelationKind::ForeignTable => "FOREIGN TABLE",
    }
}

/// The pass in which the server runs a subcommand; lower runs first.
fn pass(kind: &AlterActionKind) -> u8 {
    match kind {
        AlterActionKind::DropColumn { .. } | AlterActionKind::DropConstraint { .. } => 0,
        AlterActionKind::AlterColumn { action, .. } => match action {
            ColumnAction::DropDefault
            | ColumnAction::DropNotNull
            | ColumnAction::DropIdentity { .. }
            | ColumnAction::DropExpression { .. } => 0,
            ColumnAction::Type { .. } => 1,
            ColumnAction::SetExpression(_) => 3,
            ColumnAction::SetNotNull
            | ColumnAction::SetStatistics(_)
            | ColumnAction::SetOptions(_)
            | ColumnAction::ResetOptions(_)
            | ColumnAction::SetStorage(_)
            | ColumnAction::SetCompression(_) => 5,
            ColumnAction::SetDefault(_)
            | ColumnAction::AddIdentity { .. }
            | ColumnAction::SetIdentity { .. } => 7,
        },
        AlterActionKind::AddColumn { .. } => 2,
        AlterActionKind::AddConstraint(_) => 6,
        AlterActionKind::AlterConstraint { .. }
        | AlterActionKind::ValidateConstraint { .. }
        | AlterActionKind::RenameTo(_)
        | AlterActionKind::RenameColumn { .. }
        | AlterActionKind::RenameConstraint { .. }
        | AlterActionKind::SetSchema(_)
        | AlterActionKind::OwnerTo(_)
        | AlterActionKind::Trigger { .. }
        | AlterActionKind::Rule { .. }
        | AlterActionKind::RowSecurity(_)
        | AlterActionKind::ClusterOn(_)
        | AlterActionKind::DropCluster
        | AlterActionKind::DropOids
        | AlterActionKind::SetLogged
        | AlterActionKind::SetUnlogged
        | AlterActionKind::SetAccessMethod(_)
        | AlterActionKind::SetTablespace(_)
        | AlterActionKind::SetOptions(_)
        | AlterActionKind::ResetOptions(_)
        | AlterActionKind::Inherit(_)
        | AlterActionKind::NoInherit(_)
        | AlterActionKind::OfType(_)
        | AlterActionKind::NotOf
        | AlterActionKind::ReplicaIdentity(_)
        | AlterActionKind::AttachPartition { .. }
        | AlterActionKind::DetachPartition { .. }
        | AlterActionKind::DependsOnExtension { .. }
        | AlterActionKind::SequenceOptions(_)
        | AlterActionKind::Other => 8,
    }
}
