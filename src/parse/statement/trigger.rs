//! Triggers, rules and policies: what hangs on a relation and acts on its rows.

use super::ConstraintAttributes;
use crate::{
    ident::{Ident, QualifiedName},
    parse::expr::Expr,
    source::Span,
};

/// `CREATE [OR REPLACE] [CONSTRAINT] TRIGGER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTrigger {
    /// `OR REPLACE`.
    pub or_replace: bool,
    /// `CONSTRAINT`.
    pub constraint: bool,
    /// Its name.
    pub name: Ident,
    /// When it fires.
    pub timing: TriggerTiming,
    /// What it fires for, in order.
    pub events: Vec<TriggerEvent>,
    /// The table or view.
    pub table: QualifiedName,
    /// `FROM table`, of a constraint trigger.
    pub from: Option<QualifiedName>,
    /// `DEFERRABLE` and its like, of a constraint trigger.
    pub attributes: ConstraintAttributes,
    /// `REFERENCING OLD TABLE AS name`.
    pub old_table: Option<Ident>,
    /// `REFERENCING NEW TABLE AS name`.
    pub new_table: Option<Ident>,
    /// `FOR EACH ROW` rather than `STATEMENT`.
    pub each_row: bool,
    /// `WHEN (condition)`.
    pub when: Option<Expr>,
    /// `EXECUTE FUNCTION name`.
    pub function: QualifiedName,
}

/// When a trigger fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TriggerTiming {
    /// `BEFORE`.
    Before,
    /// `AFTER`.
    After,
    /// `INSTEAD OF`.
    InsteadOf,
}

/// What a trigger fires for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TriggerEvent {
    /// `INSERT`.
    Insert,
    /// `DELETE`.
    Delete,
    /// `UPDATE [OF columns]`; no columns means any.
    Update(Vec<Ident>),
    /// `TRUNCATE`.
    Truncate,
}

/// The kinds of object that hang on a relation and have names of their own there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttachedKind {
    /// A trigger.
    Trigger,
    /// A policy.
    Policy,
    /// A rule.
    Rule,
}

/// `ALTER TRIGGER | POLICY | RULE name ON relation …`, except `ALTER POLICY`'s own changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterAttached {
    /// The word after `ALTER`.
    pub kind: AttachedKind,
    /// `IF EXISTS`, of a policy.
    pub if_exists: bool,
    /// Its name.
    pub name: Ident,
    /// The relation it hangs on.
    pub on: QualifiedName,
    /// What changes.
    pub action: AttachedAction,
}

/// What is changed about an attached object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachedAction {
    /// `RENAME TO name`.
    RenameTo(Ident),
    /// `[NO] DEPENDS ON EXTENSION name`, of a trigger.
    DependsOnExtension {
        /// `NO`.
        no: bool,
        /// The extension.
        extension: Ident,
    },
}

/// `CREATE [OR REPLACE] RULE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRule {
    /// `OR REPLACE`.
    pub or_replace: bool,
    /// Its name.
    pub name: Ident,
    /// The statement it rewrites.
    pub event: RuleEvent,
    /// The table or view.
    pub table: QualifiedName,
    /// `WHERE condition`.
    pub condition: Option<Expr>,
    /// `INSTEAD` rather than `ALSO`.
    pub instead: bool,
    /// The bytes of what it does; `None` for `NOTHING`.
    pub actions: Option<Span>,
}

/// The statement that a rule rewrites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleEvent {
    /// `SELECT`.
    Select,
    /// `INSERT`.
    Insert,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
}

/// `CREATE POLICY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatePolicy {
    /// Its name.
    pub name: Ident,
    /// The table.
    pub table: QualifiedName,
    /// `PERMISSIVE` (what it is when nothing is said) rather than `RESTRICTIVE`.
    pub permissive: bool,
    /// What it is for.
    pub command: PolicyCommand,
    /// `TO role, …`; empty means everybody.
    pub roles: Vec<Ident>,
    /// `USING (condition)`.
    pub using: Option<Expr>,
    /// `WITH CHECK (condition)`.
    pub check: Option<Expr>,
}

/// What a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyCommand {
    /// `FOR ALL`, or nothing.
    All,
    /// `FOR SELECT`.
    Select,
    /// `FOR INSERT`.
    Insert,
    /// `FOR UPDATE`.
    Update,
    /// `FOR DELETE`.
    Delete,
}

/// `ALTER POLICY name ON table [TO …] [USING …] [WITH CHECK …]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterPolicy {
    /// Its name.
    pub name: Ident,
    /// The table.
    pub table: QualifiedName,
    /// `TO role, …`, when it is given.
    pub roles: Vec<Ident>,
    /// `USING (condition)`.
    pub using: Option<Expr>,
    /// `WITH CHECK (condition)`.
    pub check: Option<Expr>,
}
