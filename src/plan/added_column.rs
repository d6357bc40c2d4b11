//! What ADD COLUMN asks for, taken apart: type, default, NOT NULL, and constraints written inline.

use crate::{
    catalog::{Volatility, volatility::volatility},
    ident::ObjectName,
    parse::{
        Expr, PhaseName,
        statement::{
            AlterActionKind, ColumnConstraint, ColumnConstraintKind, ColumnDef, Key,
            TableConstraint, TableConstraintKind,
        },
    },
    plan::{
        Verify,
        draft::{Draft, Refusal},
        recipe::Context,
        recipes::{add_check, add_foreign_key, add_unique},
    },
};

/// An ADD COLUMN, taken apart.
#[derive(Debug, Clone)]
pub struct AddedColumn<'a> {
    /// The table.
    pub table: ObjectName,
    /// The definition.
    pub def: &'a ColumnDef,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `DEFAULT`, unless it is NULL.
    pub default: Option<&'a Expr>,
    /// The default may differ from row to row.
    pub volatile_default: bool,
    /// `NOT NULL`, or `PRIMARY KEY`.
    pub not_null: bool,
}

impl<'a> AddedColumn<'a> {
    /// The column that an operation adds, if it adds one.
    pub fn of(cx: &Context<'a>) -> Option<Self> {
        let (
            table,
            AlterActionKind::AddColumn {
                if_not_exists,
                column,
            },
        ) = cx.alter()?
        else {
            return None;
        };
        let default = column
            .constraints
            .iter()
            .find_map(|constraint| match &constraint.kind {
                ColumnConstraintKind::Default(expr) if !expr.is_null() => Some(expr),
                _ => None,
            });
        Some(Self {
            table,
            def: column,
            if_not_exists: *if_not_exists,
            default,
            volatile_default: default
                .is_some_and(|expr| volatility(expr, cx.before) == Volatility::Volatile),
            not_null: column
                .constraints
                .iter()
                .any(|constraint| matches!(constraint.kind, ColumnConstraintKind::NotNull)),
        })
    }

    /// Refuses the kinds of column that cannot be added without a rewrite yet.
    pub fn refuse_unsupported(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        let refuse = |what: &str, help: &str| {
            Err(Refusal::new(
                "rewrite",
                format!(
                    "adding {}.{} {what} writes the whole table anew while every client waits",
                    self.table.short(),
                    self.def.name
                ),
                help,
            ))
        };
        let by_hand = "add a nullable column, fill it in batches, then add the constraint";
        if self.def.ty.name.schema.is_none()
            && matches!(
                self.def.ty.name.name.as_str(),
                "serial" | "bigserial" | "smallserial" | "serial2" | "serial4" | "serial8"
            )
        {
            return refuse("as a serial", by_hand);
        }
        for constraint in &self.def.constraints {
            match &constraint.kind {
                ColumnConstraintKind::Identity { .. } => return refuse("as an identity", by_hand),
                ColumnConstraintKind::Generated { stored: true, .. } => {
                    return refuse(
                        "as a stored generated column",
                        "use a VIRTUAL column (PostgreSQL 18), or a plain column kept by a trigger",
                    );
                }
                ColumnConstraintKind::PrimaryKey => {
                    return Err(Refusal::new(
                        "not-yet",
                        "a column added as PRIMARY KEY needs a value for every existing row",
                        "add it NOT NULL with `-- zdm: up …` first, the key in a later migration",
                    ));
                }
                ColumnConstraintKind::NotNull
                | ColumnConstraintKind::Null
                | ColumnConstraintKind::Default(_)
                | ColumnConstraintKind::Check(_)
                | ColumnConstraintKind::Unique { .. }
                | ColumnConstraintKind::References(_)
                | ColumnConstraintKind::Generated { .. } => {}
            }
        }
        let domain = cx
            .after_table(&self.table)
            .and_then(|table| table.column(&self.def.name))
            .is_some_and(|column| column.constrained_domain || column.not_null_domain);
        if domain {
            return refuse("of a domain with constraints", by_hand);
        }
        Ok(())
    }

    /// `name type [COLLATE …] [STORAGE …] [COMPRESSION …]`, as written.
    pub fn bare_definition(&self, cx: &Context<'_>) -> String {
        let mut sql = format!(
            "{} {}",
            self.def.name,
            cx.input.script.source.slice(self.def.ty.span)
        );
        if let Some(collation) = &self.def.collation {
            sql.push_str(&format!(" COLLATE {collation}"));
        }
        if let Some(storage) = &self.def.storage {
            sql.push_str(&format!(" STORAGE {storage}"));
        }
        if let Some(compression) = &self.def.compression {
            sql.push_str(&format!(" COMPRESSION {compression}"));
        }
        for constraint in &self.def.constraints {
            if matches!(constraint.kind, ColumnConstraintKind::Generated { .. }) {
                sql.push(' ');
                sql.push_str(cx.input.script.source.slice(constraint.span));
            }
        }
        sql
    }

    /// The rows whose value is not what `up` says: somebody wrote it, and dropping the column would
    /// lose it.
    pub fn values_of_its_own(&self, cx: &Context<'_>, up: &Expr, unfilled: &str) -> Verify {
        let (table, column) = (&self.table, &self.def.name);
        let ty = cx.input.script.source.slice(self.def.ty.span);
        let own = format!(
            "FROM {table} WHERE NOT {unfilled} \
             AND pg_catalog.record_image_ne(ROW({column}), ROW(({})::{ty}))",
            up.text
        );
        Verify {
            table: table.clone(),
            count: format!("SELECT pg_catalog.count(*) {own}"),
            sample: Some(format!(
                "SELECT ROW({column})::pg_catalog.text {own} LIMIT 5"
            )),
            message: format!(
                "{{count}} values of {}.{column}, written by the new application, would go",
                table.short()
            ),
            help: "copy them away, or consent with --yes".to_owned(),
        }
    }

    /// Adds the steps of the constraints written inline, as if each had been an ADD CONSTRAINT.
    pub fn inline_constraints(&self, cx: &Context<'_>, draft: &mut Draft) -> Result<(), Refusal> {
        for constraint in &self.def.constraints {
            let Some(inline) = self.one_inline(cx, constraint)? else {
                continue;
            };
            draft.steps.extend(inline.steps);
            draft.conditions.extend(inline.conditions);
            draft.touches.extend(
                inline
                    .touches
                    .into_iter()
                    .filter(|touch| touch.written_in.is_some()),
            );
        }
        Ok(())
    }

    fn one_inline(
        &self,
        cx: &Context<'_>,
        constraint: &ColumnConstraint,
    ) -> Result<Option<Draft>, Refusal> {
        let column = self.def.name.clone();
        let table_constraint = |kind| TableConstraint {
            span: constraint.span,
            name: constraint.name.clone(),
            kind,
            attributes: constraint.attributes,
        };
        Ok(Some(match &constraint.kind {
            ColumnConstraintKind::Check(expr) => {
                let constraint = table_constraint(TableConstraintKind::Check(expr.clone()));
                let mut draft = add_check::draft_for(cx, &self.table, &constraint, expr)?;
                // The column is new: the constraint belongs before contract in any case.
                for step in &mut draft.steps {
                    step.phase = step.phase.min(PhaseName::Migrate);
                }
                draft
            }
            ColumnConstraintKind::Unique { nulls_not_distinct } => add_unique::draft_for(
                cx,
                &self.table,
                constraint.name.as_ref(),
                &Key {
                    primary: false,
                    columns: vec![column],
                    include: Vec::new(),
                    nulls_not_distinct: *nulls_not_distinct,
                    without_overlaps: false,
                    options: None,
                    tablespace: None,
                },
                constraint.attributes,
            )?,
            ColumnConstraintKind::References(references) => add_foreign_key::draft_for(
                cx,
                &self.table,
                &table_constraint(TableConstraintKind::ForeignKey {
                    columns: vec![column],
                    references: references.clone(),
                    period: false,
                }),
            )?,
            ColumnConstraintKind::NotNull
            | ColumnConstraintKind::Null
            | ColumnConstraintKind::Default(_)
            | ColumnConstraintKind::PrimaryKey
            | ColumnConstraintKind::Generated { .. }
            | ColumnConstraintKind::Identity { .. } => return Ok(None),
        }))
    }
}
