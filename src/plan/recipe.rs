//! What a recipe is, and what it sees.
//!
//! A recipe looks at one operation and answers: not mine, these steps, or refused with a reason.
//! It sees the catalog before and after the operation, as if everything earlier in the file had
//! run plainly. It must not guess: what it cannot do without losing or blocking it refuses.
//! The list of recipes is [`crate::plan::recipes`].

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::{
    catalog::{Catalog, Constraint, ConstraintKind, Size, Table, TableKind},
    ident::{Ident, ObjectName, QualifiedName, truncate_to},
    parse::{
        DirectiveKind, Expr, PhaseName, StatementKind, Strategy,
        statement::{AlterActionKind, RelationKind},
    },
    plan::{
        Bypass, PlanInput, Sizes,
        draft::{Draft, Refusal},
        operation::Operation,
    },
};

/// One way to take a kind of statement apart.
#[derive(Clone, Copy)]
pub struct Recipe {
    /// Its kebab-case name: the folder of its example, and its file in `recipes/`.
    pub name: &'static str,
    /// The steps for an operation, or `None` when it is not one of its kind.
    pub draft: fn(&Context<'_>) -> Option<Result<Draft, Refusal>>,
}

/// What a recipe sees.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The operation.
    pub op: &'a Operation<'a>,
    /// Its position in `ops`.
    pub at: usize,
    /// All operations of the file.
    pub ops: &'a [Operation<'a>],
    /// What exists before it.
    pub before: &'a Catalog,
    /// What exists after it.
    pub after: &'a Catalog,
    /// What the whole plan is made from.
    pub input: &'a PlanInput<'a>,
    /// What lets the backfill past the sync triggers.
    pub bypass: &'a Bypass,
    /// Tables that this file creates: nobody uses them yet.
    pub fresh: &'a BTreeSet<ObjectName>,
    /// Positions of earlier operations that left their work to a later one.
    pub left: &'a BTreeSet<usize>,
    /// Columns that already have a sync trigger of this file.
    pub synced: &'a [(ObjectName, Ident)],
}

impl<'a> Context<'a> {
    /// The table and the subcommand, when the operation is an ALTER TABLE.
    pub fn alter(&self) -> Option<(ObjectName, &'a AlterActionKind)> {
        let StatementKind::AlterRelation(alter) = &self.op.statement.kind else {
            return None;
        };
        if alter.kind != RelationKind::Table {
            return None;
        }
        Some((self.before.resolve(&alter.name), &self.op.action?.kind))
    }

    /// A table that must be known and must store its rows itself.
    pub fn plain_table(&self, name: &ObjectName) -> Result<&'a Table, Refusal> {
        let table = self.known_table(name)?;
        let why = match table.kind {
            TableKind::Partitioned => "is partitioned",
            TableKind::Foreign => "is a foreign table",
            TableKind::MaterializedView => "is a materialized view",
            TableKind::Table if !table.children.is_empty() => "has inheritance children",
            TableKind::Table if !table.parents.is_empty() => "is a partition or inherits",
            TableKind::Table => return Ok(table),
        };
        Err(Refusal::new(
            "not-yet",
            format!(
                "{} {why}: zdm cannot split this statement for such a table yet",
                name.short()
            ),
            "write the steps by hand, each with `-- zdm: phase expand|migrate|contract`",
        ))
    }

    /// A table that must be known and store its rows itself; it may be a partition, if nothing is
    /// below it.
    pub fn leaf_table(&self, name: &ObjectName) -> Result<&'a Table, Refusal> {
        let table = self.known_table(name)?;
        let is_leaf = table.kind == TableKind::Table
            && table.children.is_empty()
            && table.partition_bound.is_some();
        if is_leaf {
            return Ok(table);
        }
        self.plain_table(name)
    }

    /// A table that must be known.
    pub fn known_table(&self, name: &ObjectName) -> Result<&'a Table, Refusal> {
        self.before.tables.get(name).ok_or_else(|| {
            if self.before.complete {
                Refusal::new(
                    "no-such-table",
                    format!("there is no table {}", name.short()),
                    "check the name and the schema; the server would refuse this statement",
                )
            } else {
                Refusal::new(
                    "unknown-table",
                    format!("nothing is known of the table {}", name.short()),
                    "plan against a database (--database-url) or a schema dump (--schema), \
                     or put the earlier migrations in the folder",
                )
            }
        })
    }

    /// Eight hexadecimal digits for a column of this migration.
    pub fn key(&self, table: &ObjectName, column: &Ident) -> String {
        let mut hash = Sha256::new();
        for part in [
            &self.input.migration.id,
            &table.to_string(),
            column.as_str(),
        ] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.finalize()
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// A name of zdm's own beside `name` (INTERFACES §6).
    pub fn own_name(&self, key: &str, name: &Ident) -> Ident {
        let prefix = format!("_zdm_{key}_");
        let room = crate::ident::MAX_NAME_BYTES - prefix.len();
        Ident::exact(format!("{prefix}{}", truncate_to(name.as_str(), room)))
    }

    /// The directives that apply to the statement: its own, then those of the file.
    fn directives(&self) -> impl Iterator<Item = &'a DirectiveKind> {
        let own = self.op.statement.directives.iter();
        own.chain(&self.input.script.file_directives)
            .map(|directive| &directive.kind)
    }

    /// The `up` directive for a column. One of the whole file must name the column.
    pub fn up(&self, column: &Ident) -> Option<&'a Expr> {
        let own = self
            .op
            .statement
            .directives
            .iter()
            .map(|directive| &directive.kind);
        let unnamed = own.clone().find_map(|directive| match directive {
            DirectiveKind::Up { column: None, expr } => Some(expr),
            _ => None,
        });
        self.directives()
            .find_map(|directive| match directive {
                DirectiveKind::Up {
                    column: Some(named),
                    expr,
                } if named == column => Some(expr),
                _ => None,
            })
            .or(unnamed)
    }

    /// The phase a directive puts the statement in.
    pub fn phase_directive(&self) -> Option<PhaseName> {
        self.directives().find_map(|directive| match directive {
            DirectiveKind::Phase(phase) => Some(*phase),
            _ => None,
        })
    }

    /// The strategy a directive asks for.
    pub fn strategy(&self) -> Option<Strategy> {
        self.directives().find_map(|directive| match directive {
            DirectiveKind::Strategy(strategy) => Some(*strategy),
            _ => None,
        })
    }

    /// Whether the relation is created by this very file, before this operation.
    pub fn is_fresh(&self, name: &ObjectName) -> bool {
        self.fresh.contains(name)
    }

    /// The full name of a relation.
    pub fn resolve(&self, name: &QualifiedName) -> ObjectName {
        self.before.resolve(name)
    }

    /// The table after the operation.
    pub fn after_table(&self, name: &ObjectName) -> Option<&'a Table> {
        self.after.tables.get(name)
    }

    /// The constraint that this operation adds to a table, under the name plain SQL gives it:
    /// the one written, or the only new one of the wanted kind.
    pub fn added_constraint(
        &self,
        table: &ObjectName,
        written: Option<&Ident>,
        wanted: fn(&ConstraintKind) -> bool,
    ) -> Option<&'a Constraint> {
        let before = self.before.tables.get(table)?;
        let mut added = self
            .after
            .tables
            .get(table)?
            .constraints
            .iter()
            .filter(|constraint| {
                before.constraint(&constraint.name).is_none()
                    && wanted(&constraint.kind)
                    && written.is_none_or(|written| *written == constraint.name)
            });
        let first = added.next()?;
        added.next().is_none().then_some(first)
    }

    /// Bytes of a table's heap, when known.
    pub fn bytes(&self, table: &ObjectName) -> Option<u64> {
        self.size(table).map(|size| size.bytes)
    }

    /// Rows of a table, when known.
    pub fn rows(&self, table: &ObjectName) -> Option<u64> {
        self.size(table).map(|size| size.rows)
    }

    fn size(&self, table: &ObjectName) -> Option<Size> {
        match self.input.settings.sizes {
            Sizes::Known => self.before.tables.get(table)?.size,
            Sizes::Large => None,
        }
    }
}
