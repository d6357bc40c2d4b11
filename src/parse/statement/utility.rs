//! What a utility statement says, for those whose grammar zdm reads and that have no kind of
//! their own.
//!
//! The words and names of such a statement stand beside this (see [`super::Opaque`]), so that
//! what only needs to name it need not know its parts.

use super::{
    AlterAttached, AlterDomain, AlterExtension, AlterFunction, AlterPolicy, AlterPublication,
    AlterSchema, AlterStatistics, AlterType, Cluster, Comment, CreateAggregate, CreateDomain,
    CreateExtension, CreateFunction, CreatePolicy, CreatePublication, CreateRule, CreateSchema,
    CreateStatistics, CreateTrigger, CreateType, CreateView, DefaultPrivileges, DoBlock, Grant,
    GrantRole, Lock, MoveAll, Persistence, Refresh, Reindex, SecurityLabel, SelectInto,
    SequenceOption, Vacuum,
};
use crate::ident::QualifiedName;

/// What a utility statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Utility {
    /// `CREATE [OR REPLACE] [MATERIALIZED] VIEW`.
    CreateView(CreateView),
    /// `SELECT … INTO`.
    SelectInto(SelectInto),
    /// `REFRESH MATERIALIZED VIEW`.
    Refresh(Refresh),
    /// `CREATE SEQUENCE`.
    CreateSequence(CreateSequence),
    /// `CREATE TYPE`.
    CreateType(CreateType),
    /// `ALTER TYPE`.
    AlterType(AlterType),
    /// `CREATE DOMAIN`.
    CreateDomain(CreateDomain),
    /// `ALTER DOMAIN`.
    AlterDomain(AlterDomain),
    /// `CREATE [CONSTRAINT] TRIGGER`.
    CreateTrigger(CreateTrigger),
    /// `CREATE RULE`.
    CreateRule(CreateRule),
    /// `CREATE POLICY`.
    CreatePolicy(CreatePolicy),
    /// `ALTER POLICY`, what it allows.
    AlterPolicy(AlterPolicy),
    /// `ALTER TRIGGER | POLICY | RULE`, its name.
    AlterAttached(AlterAttached),
    /// `CREATE FUNCTION | PROCEDURE`.
    CreateFunction(CreateFunction),
    /// `ALTER FUNCTION | PROCEDURE | ROUTINE | AGGREGATE`.
    AlterFunction(AlterFunction),
    /// `CREATE AGGREGATE`.
    CreateAggregate(CreateAggregate),
    /// `DO`.
    Do(DoBlock),
    /// `CREATE SCHEMA`.
    CreateSchema(CreateSchema),
    /// `ALTER SCHEMA`.
    AlterSchema(AlterSchema),
    /// `CREATE EXTENSION`.
    CreateExtension(CreateExtension),
    /// `ALTER EXTENSION`.
    AlterExtension(AlterExtension),
    /// `CREATE PUBLICATION`.
    CreatePublication(CreatePublication),
    /// `ALTER PUBLICATION`.
    AlterPublication(AlterPublication),
    /// `CREATE STATISTICS`.
    CreateStatistics(CreateStatistics),
    /// `ALTER STATISTICS`.
    AlterStatistics(AlterStatistics),
    /// `COMMENT ON`.
    Comment(Comment),
    /// `SECURITY LABEL ON`.
    SecurityLabel(SecurityLabel),
    /// `GRANT` or `REVOKE` on objects.
    Grant(Grant),
    /// `GRANT` or `REVOKE` of roles.
    GrantRole(GrantRole),
    /// `ALTER DEFAULT PRIVILEGES`.
    DefaultPrivileges(DefaultPrivileges),
    /// `REINDEX`.
    Reindex(Reindex),
    /// `CLUSTER`.
    Cluster(Cluster),
    /// `VACUUM` or `ANALYZE`.
    Vacuum(Vacuum),
    /// `LOCK`.
    Lock(Lock),
    /// `ALTER … ALL IN TABLESPACE`.
    MoveAll(MoveAll),
}

/// `CREATE SEQUENCE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSequence {
    /// `TEMPORARY`, `UNLOGGED` or neither.
    pub persistence: Persistence,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// The sequence.
    pub name: QualifiedName,
    /// Its options, in order.
    pub options: Vec<SequenceOption>,
}
