//! The statements zdm knows, as plain values.
//!
//! These are zdm's own types: nothing here comes from `sqlparser`. Names are already folded and
//! cut as the server does it. Every part that may be shown or reused keeps its span; SQL text is
//! always taken from the source by span, never printed back from a tree.
//! Next: `parse::ddl` builds them, [`crate::catalog`] applies them.

mod access;
mod alter;
mod constraint;
mod database;
mod maintenance;
mod options;
mod routine;
mod table;
mod trigger;
mod user_type;
mod utility;
mod view;

use crate::{
    ident::{Ident, QualifiedName},
    parse::{directive::Directive, expr::Expr},
    source::Span,
};

pub use access::*;
pub use alter::*;
pub use constraint::*;
pub use database::*;
pub use maintenance::*;
pub use options::*;
pub use routine::*;
pub use table::*;
pub use trigger::*;
pub use user_type::*;
pub use utility::*;
pub use view::*;

/// One statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// From its first to its last token, without the semicolon. Never empty.
    pub span: Span,
    /// What it says.
    pub kind: StatementKind,
    /// The directives attached to it, in order.
    pub directives: Vec<Directive>,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementKind {
    /// `ALTER TABLE | INDEX | VIEW | MATERIALIZED VIEW | SEQUENCE | FOREIGN TABLE`.
    AlterRelation(AlterRelation),
    /// `CREATE TABLE`.
    CreateTable(Box<CreateTable>),
    /// `CREATE [UNIQUE] INDEX`.
    CreateIndex(Box<CreateIndex>),
    /// `DROP` of anything.
    Drop(Drop),
    /// `UPDATE` of one table.
    Update(Update),
    /// `INSERT`, `DELETE`, `MERGE`, `TRUNCATE`, `SELECT`, `COPY`, `WITH`.
    Data(Data),
    /// `BEGIN`, `COMMIT`, `SAVEPOINT` and their relatives.
    Transaction(Transaction),
    /// `SET`, `SET LOCAL`, `RESET`, `SELECT set_config(…)` is not one.
    Set(Set),
    /// Anything else: known by its words and, for most, its parts; never assumed safe.
    Opaque(Opaque),
}

impl Statement {
    /// The statement as an `ALTER` of a relation, when it is one.
    pub fn alter(&self) -> Option<&AlterRelation> {
        let StatementKind::AlterRelation(alter) = &self.kind else {
            return None;
        };
        Some(alter)
    }

    /// The subcommands of an `ALTER` of a relation; none of other statements.
    pub fn actions(&self) -> &[AlterAction] {
        self.alter().map_or(&[], |alter| &alter.actions)
    }

    /// The statement as a `CREATE TABLE`, when it is one.
    pub fn create_table(&self) -> Option<&CreateTable> {
        let StatementKind::CreateTable(create) = &self.kind else {
            return None;
        };
        Some(create)
    }

    /// The statement as a `CREATE INDEX`, when it is one.
    pub fn create_index(&self) -> Option<&CreateIndex> {
        let StatementKind::CreateIndex(create) = &self.kind else {
            return None;
        };
        Some(create)
    }

    /// The statement as a `DROP`, when it is one.
    pub fn as_drop(&self) -> Option<&Drop> {
        let StatementKind::Drop(drop) = &self.kind else {
            return None;
        };
        Some(drop)
    }

    /// The statement as one on rows, when it is one; an `UPDATE` of one table has a kind of its
    /// own.
    pub fn data(&self) -> Option<&Data> {
        let StatementKind::Data(data) = &self.kind else {
            return None;
        };
        Some(data)
    }

    /// The statement as transaction control, when it is that.
    pub fn control(&self) -> Option<Transaction> {
        let StatementKind::Transaction(control) = self.kind else {
            return None;
        };
        Some(control)
    }

    /// A statement without a kind of its own.
    pub fn opaque(&self) -> Option<&Opaque> {
        let StatementKind::Opaque(opaque) = &self.kind else {
            return None;
        };
        Some(opaque)
    }

    /// The parts of a statement that has no kind of its own.
    pub fn utility(&self) -> Option<&Utility> {
        self.opaque()?.utility.as_deref()
    }
}

/// What `DROP` can name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DropKind {
    /// `DROP TABLE` or `DROP FOREIGN TABLE`.
    Table,
    /// `DROP INDEX`.
    Index,
    /// `DROP VIEW`.
    View,
    /// `DROP MATERIALIZED VIEW`.
    MaterializedView,
    /// `DROP SEQUENCE`.
    Sequence,
    /// `DROP TYPE`.
    Type,
    /// `DROP DOMAIN`.
    Domain,
    /// `DROP SCHEMA`.
    Schema,
    /// `DROP FUNCTION | PROCEDURE | AGGREGATE | ROUTINE`.
    Function,
    /// `DROP TRIGGER … ON`.
    Trigger,
    /// `DROP POLICY … ON`.
    Policy,
    /// `DROP RULE … ON`.
    Rule,
    /// `DROP EXTENSION`.
    Extension,
    /// `DROP STATISTICS`.
    Statistics,
    /// `DROP PUBLICATION`.
    Publication,
    /// Anything else, by its key words in upper case.
    Other(String),
}

/// `DROP` of anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drop {
    /// What is dropped.
    pub kind: DropKind,
    /// `CONCURRENTLY`.
    pub concurrently: bool,
    /// `IF EXISTS`.
    pub if_exists: bool,
    /// The names, in order.
    pub names: Vec<QualifiedName>,
    /// The relation of a trigger, policy or rule.
    pub on: Option<QualifiedName>,
    /// `CASCADE` or not.
    pub behavior: DropBehavior,
}

/// `UPDATE` of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The table.
    pub table: QualifiedName,
    /// Its alias.
    pub alias: Option<Ident>,
    /// `SET column = expr`, in order; `None` when the list has another form (`(a, b) = (…)`).
    pub assignments: Option<Vec<(Ident, Expr)>>,
    /// `WHERE expr`.
    pub predicate: Option<Expr>,
    /// `FROM …`, `RETURNING …` or a leading `WITH …` is present.
    pub other_clauses: bool,
    /// Every other relation that is named anywhere in it, in order.
    pub reads: Vec<QualifiedName>,
}

/// The kinds of data statement that are not `UPDATE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataKind {
    /// `INSERT`.
    Insert,
    /// `UPDATE` in a form that [`Update`] does not hold (in a `WITH`).
    Update,
    /// `DELETE`.
    Delete,
    /// `MERGE`.
    Merge,
    /// `TRUNCATE`.
    Truncate,
    /// `COPY`.
    Copy,
    /// `SELECT`, `VALUES`, `TABLE`.
    Select,
}

/// A statement on rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// Which.
    pub kind: DataKind,
    /// The tables it changes; for `SELECT`, none.
    pub targets: Vec<QualifiedName>,
    /// Every other name in relation position that was found (`FROM`, `JOIN`, `USING`).
    pub reads: Vec<QualifiedName>,
    /// Whether it has a `WHERE` of its own.
    pub filtered: bool,
    /// Whether it takes its rows from a query (`INSERT … SELECT`).
    pub from_query: bool,
    /// Whether a query in it locks the rows that it reads (`FOR UPDATE`, `FOR SHARE`).
    pub locks_rows: bool,
}

/// Transaction control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transaction {
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, `END`.
    Commit,
    /// `ROLLBACK`, `ABORT`.
    Rollback,
    /// `SAVEPOINT`.
    Savepoint,
    /// `RELEASE`.
    Release,
    /// `ROLLBACK TO`.
    RollbackTo,
}

/// `SET`, `SET LOCAL`, `RESET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// `SET LOCAL`, and the forms that last for one transaction anyway (`SET CONSTRAINTS`,
    /// `SET TRANSACTION`).
    pub local: bool,
    /// The setting, lower case (`search_path`, `role`, `lock_timeout`, `constraints`, `all`).
    pub name: String,
    /// The value as written; `None` for `RESET` and `TO DEFAULT`.
    pub value: Option<String>,
}

/// A statement known by its words: a utility statement without a kind of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opaque {
    /// Its leading key words in upper case, enough to name it (`CREATE FUNCTION`, `COMMENT`).
    pub keywords: String,
    /// Every name in the statement that could be a relation, as far as tokens show, bodies of
    /// functions and blocks included.
    pub names: Vec<QualifiedName>,
    /// What it says, when its grammar is one that zdm reads and nothing is wrong with it;
    /// without it, the words and names are all that is known.
    pub utility: Option<Box<Utility>>,
}
