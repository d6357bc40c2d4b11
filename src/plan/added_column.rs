//! What ADD COLUMN asks for, taken apart: type, default, NOT NULL, and constraints written inline.

use crate::{
    catalog::{PgVersion, Volatility, volatility::volatility},
    ident::{Ident, ObjectName},
    parse::{
        Expr, PhaseName, StatementKind, serial_type,
        statement::{
            AlterActionKind, ColumnConstraint, ColumnConstraintKind, ColumnDef, Key,
            TableConstraint, TableConstraintKind,
        },
    },
    plan::{
        Verify,
        draft::{Draft, Element, Refusal},
        recipe::Context,
        recipes::{add_check, add_foreign_key, add_unique},
        sync_trigger::over,
        touches,
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
    /// `DEFAULT NULL`, which the server keeps where it must be cast to the type (`varchar(39)`).
    pub null_default: Option<&'a Expr>,
    /// The default may differ from row to row.
    pub volatile_default: bool,
    /// A value of a sequence: serial or identity.
    pub numbered: Option<Numbered<'a>>,
    /// `NOT NULL`, also where serial, identity or PRIMARY KEY mean it.
    pub not_null: bool,
}

/// A column that is numbered by a sequence of its own.
#[derive(Debug, Clone, Copy)]
pub enum Numbered<'a> {
    /// `serial` and its relatives: the integer type.
    Serial(&'static str),
    /// `GENERATED … AS IDENTITY`.
    Identity(&'a ColumnConstraint),
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
        let written = column
            .constraints
            .iter()
            .find_map(|constraint| match &constraint.kind {
                ColumnConstraintKind::Default(expr) => Some(expr),
                _ => None,
            });
        let identity = column
            .constraints
            .iter()
            .find(|one| matches!(one.kind, ColumnConstraintKind::Identity { .. }));
        let numbered = serial_type(&column.ty)
            .map(Numbered::Serial)
            .or(identity.map(Numbered::Identity));
        let default = written.filter(|expr| !expr.is_null());
        Some(Self {
            table,
            def: column,
            if_not_exists: *if_not_exists,
            default,
            null_default: written.filter(|expr| expr.is_null()),
            volatile_default: default
                .is_some_and(|expr| volatility(expr, cx.before) == Volatility::Volatile),
            numbered,
            not_null: numbered.is_some()
                || column.constraints.iter().any(|constraint| {
                    matches!(
                        constraint.kind,
                        ColumnConstraintKind::NotNull | ColumnConstraintKind::PrimaryKey
                    )
                }),
        })
    }

    /// Refuses the kinds of column that cannot be added without a rewrite yet.
    pub fn refuse_unsupported(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        self.refuse_part(cx)?;
        for constraint in &self.def.constraints {
            match &constraint.kind {
                ColumnConstraintKind::Generated { expr, stored: true } => {
                    return Err(self.refuse_stored(cx, expr));
                }
                ColumnConstraintKind::NotNull
                | ColumnConstraintKind::Null
                | ColumnConstraintKind::Default(_)
                | ColumnConstraintKind::Check(_)
                | ColumnConstraintKind::Unique { .. }
                | ColumnConstraintKind::References(_)
                | ColumnConstraintKind::PrimaryKey
                | ColumnConstraintKind::Identity { .. }
                | ColumnConstraintKind::Generated { .. } => {}
            }
        }
        let domain = cx
            .after_table(&self.table)
            .and_then(|table| table.column(&self.def.name))
            .is_some_and(|column| column.constrained_domain || column.not_null_domain);
        if domain {
            return Err(Refusal::new(
                "rewrite",
                format!(
                    "adding {}.{} of a domain with constraints writes the whole table anew while \
                     every client waits",
                    self.table.short(),
                    self.def.name
                ),
                "add it with the domain's base type, and its rule as CHECK and NOT NULL",
            ));
        }
        Ok(())
    }

    /// The server wants the same columns in a partitioned table and in all of its partitions.
    fn refuse_part(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        let Some(table) = cx.before.tables.get(&self.table) else {
            return Ok(());
        };
        let only =
            matches!(&cx.op.statement.kind, StatementKind::AlterRelation(alter) if alter.only);
        let column = &self.def.name;
        if table.partition_bound.is_some() {
            return Err(Refusal::new(
                "fails",
                format!(
                    "{} is a partition: it has the columns of the table that it is part of, and \
                     the server refuses to add one to it alone",
                    self.table.short()
                ),
                format!("add {column} to the partitioned table"),
            ));
        }
        if only && !table.children.is_empty() {
            return Err(Refusal::new(
                "fails",
                format!(
                    "{} has partitions or children, which must get {column} too: the server \
                     refuses ONLY",
                    self.table.short()
                ),
                "write it without ONLY",
            ));
        }
        Ok(())
    }

    /// No version turns a plain column into a stored generated one (pitfall 71).
    fn refuse_stored(&self, cx: &Context<'_>, expr: &Expr) -> Refusal {
        let (table, column) = (&self.table, &self.def.name);
        let ty = cx.input.script.source.slice(self.def.ty.span);
        let virtual_column = if cx.before.version >= PgVersion::V18 {
            "write VIRTUAL instead of STORED, which is added without touching a row; or keep a \
             plain column by a trigger:"
                .to_owned()
        } else {
            "keep a plain column by a trigger (from PostgreSQL 18 on, a VIRTUAL column is added \
             without touching a row):"
                .to_owned()
        };
        Refusal::new(
            "rewrite",
            format!(
                "adding {}.{column} as a stored generated column writes the whole table anew while \
                 every client waits, and a plain column cannot be made one",
                table.short()
            ),
            format!(
                "{virtual_column} {}; or run it in a maintenance window",
                kept_by_trigger(table, column, ty, expr)
            ),
        )
    }

    /// `name type [COLLATE …] [STORAGE …] [COMPRESSION …]`, as written.
    pub fn bare_definition(&self, cx: &Context<'_>) -> String {
        let mut sql = format!(
            "{} {}",
            self.def.name,
            match self.numbered {
                Some(Numbered::Serial(integer)) => integer,
                Some(Numbered::Identity(_)) | None =>
                    cx.input.script.source.slice(self.def.ty.span),
            }
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

    /// Adds the steps of the constraints written inline, as if each had been an ADD CONSTRAINT, and
    /// what column and constraints read of other tables.
    pub fn inline_constraints(&self, cx: &Context<'_>, draft: &mut Draft) -> Result<(), Refusal> {
        draft.touches.extend(touches::row_type(cx, &self.def.ty));
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
                    // The column itself is written here, with what its constraints read of it.
                    .filter(|touch| touch.written_in.is_some() || self.of_another(&touch.element)),
            );
        }
        Ok(())
    }

    fn of_another(&self, element: &Element) -> bool {
        matches!(
            element,
            Element::Column(table, _) | Element::Relation(table) if *table != self.table
        )
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

/// What keeps a plain column as a generated one would be: filled for the rows that are there, and
/// set by a trigger for every row that is written.
pub fn kept_by_trigger(table: &ObjectName, column: &Ident, ty: &str, expr: &Expr) -> String {
    let value = over(expr, "NEW");
    let function = table.sibling(Ident::exact(format!("set_{}", column.as_str())));
    format!(
        "ALTER TABLE {table} ADD COLUMN {column} {ty}; UPDATE {table} SET {column} = {text}; \
         CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS \
         $$BEGIN NEW.{column} := {value}; RETURN NEW; END$$; \
         CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW \
         EXECUTE FUNCTION {function}()",
        trigger = function.name,
        text = expr.text.trim(),
    )
}
