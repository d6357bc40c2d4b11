//! Functions, procedures, aggregates, and blocks of code.

use super::{DataType, OptionValue, Statement};
use crate::{
    ident::{Ident, QualifiedName},
    source::Span,
};

/// The kinds of routine that statements tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoutineKind {
    /// A function.
    Function,
    /// A procedure.
    Procedure,
    /// An aggregate.
    Aggregate,
    /// Any of these.
    Routine,
}

/// `CREATE [OR REPLACE] FUNCTION | PROCEDURE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateFunction {
    /// `FUNCTION` or `PROCEDURE`.
    pub kind: RoutineKind,
    /// `OR REPLACE`.
    pub or_replace: bool,
    /// Its name.
    pub name: QualifiedName,
    /// Its arguments, in order.
    pub arguments: Vec<Argument>,
    /// What it returns.
    pub returns: Returns,
    /// `LANGUAGE name`; absent when the body is SQL without quotes.
    pub language: Option<Ident>,
    /// How often it may be called in place of one call.
    pub volatility: Option<Volatility>,
    /// The other attributes.
    pub attributes: RoutineAttributes,
    /// Whether its code builds statements at run time, as [`DoBlock::dynamic`] has it.
    pub dynamic: bool,
    /// Its body.
    pub body: RoutineBody,
}

/// One argument of a routine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// `IN`, `OUT`, `INOUT` or `VARIADIC`.
    pub mode: ArgumentMode,
    /// Its name.
    pub name: Option<Ident>,
    /// Its type.
    pub ty: DataType,
    /// `DEFAULT expr` or `= expr`: the bytes of the expression.
    pub default: Option<Span>,
}

/// Which way an argument goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ArgumentMode {
    /// `IN`, or nothing.
    #[default]
    In,
    /// `OUT`.
    Out,
    /// `INOUT`.
    InOut,
    /// `VARIADIC`.
    Variadic,
}

/// What a function returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returns {
    /// Nothing is said: its `OUT` arguments, or nothing.
    Unsaid,
    /// `RETURNS [SETOF] type`.
    Type {
        /// `SETOF`.
        set: bool,
        /// The type.
        ty: DataType,
    },
    /// `RETURNS TABLE (…)`.
    Table(Vec<Argument>),
}

/// How often a function may be called in place of one call (`pg_proc.provolatile`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Volatility {
    /// `IMMUTABLE`.
    Immutable,
    /// `STABLE`.
    Stable,
    /// `VOLATILE`.
    Volatile,
}

/// Attributes of a routine besides language and volatility.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoutineAttributes {
    /// `STRICT` or `RETURNS NULL ON NULL INPUT` (true), `CALLED ON NULL INPUT` (false).
    pub strict: Option<bool>,
    /// `SECURITY DEFINER` (true) or `SECURITY INVOKER` (false).
    pub security_definer: Option<bool>,
    /// `LEAKPROOF` (true) or `NOT LEAKPROOF` (false).
    pub leakproof: Option<bool>,
    /// `WINDOW`.
    pub window: bool,
    /// `PARALLEL UNSAFE | RESTRICTED | SAFE`.
    pub parallel: Option<Ident>,
    /// `COST n`.
    pub cost: Option<String>,
    /// `ROWS n`.
    pub rows: Option<String>,
    /// `SUPPORT function`.
    pub support: Option<QualifiedName>,
    /// `SET name …` and `RESET name`: the settings, `all` for `RESET ALL`.
    pub settings: Vec<String>,
}

/// The body of a routine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoutineBody {
    /// `AS 'text'`: the bytes of the literal.
    Text(Span),
    /// `AS 'file', 'symbol'`: the bytes of both.
    Symbol(Span),
    /// `RETURN expr` or `BEGIN ATOMIC … END`: its bytes. PostgreSQL keeps it as a tree, so what
    /// it names cannot be dropped.
    Sql(Span),
}

/// `ALTER FUNCTION | PROCEDURE | ROUTINE | AGGREGATE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterFunction {
    /// The word after `ALTER`.
    pub kind: RoutineKind,
    /// The routine.
    pub name: QualifiedName,
    /// Its arguments, when they are written; `(*)` is an empty list.
    pub arguments: Option<Vec<Argument>>,
    /// What changes.
    pub action: FunctionAction,
}

/// What `ALTER FUNCTION` changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FunctionAction {
    /// `RENAME TO name`.
    RenameTo(Ident),
    /// `OWNER TO role`.
    OwnerTo(Ident),
    /// `SET SCHEMA name`.
    SetSchema(Ident),
    /// `[NO] DEPENDS ON EXTENSION name`.
    DependsOnExtension {
        /// `NO`.
        no: bool,
        /// The extension.
        extension: Ident,
    },
    /// Its attributes.
    Attributes {
        /// Volatility, when it is given.
        volatility: Option<Volatility>,
        /// The others.
        attributes: Box<RoutineAttributes>,
    },
}

/// `CREATE [OR REPLACE] AGGREGATE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateAggregate {
    /// `OR REPLACE`.
    pub or_replace: bool,
    /// Its name.
    pub name: QualifiedName,
    /// What stands between its parentheses; absent in the form with `BASETYPE`.
    pub arguments: Option<Span>,
    /// `( SFUNC = …, STYPE = …, … )`.
    pub options: Vec<OptionValue>,
}

/// `DO`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoBlock {
    /// `LANGUAGE name`; `plpgsql` when nothing is said.
    pub language: Option<Ident>,
    /// The bytes of the literal that holds the code.
    pub body: Span,
    /// Whether the code builds statements at run time (`EXECUTE` in PL/pgSQL), which no search
    /// for names can see through.
    pub dynamic: bool,
    /// What stands in the code.
    pub code: BlockCode,
}

/// What the code of a block holds, as far as it can be read without running it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockCode {
    /// The SQL commands that stand in it, constants that are executed among them, in order, their
    /// spans counted in the file. Whether and how often each runs is not known.
    pub statements: Vec<Statement>,
    /// The functions that it calls outside of those.
    pub calls: Vec<Ident>,
    /// Whether nothing but `statements` and `calls` can change or lock anything.
    pub seen_through: bool,
}
