//! What a statement makes: tables, and columns with the types that they get.
//!
//! Tables and columns are judged by the catalog after the statement, so that aliases, domains,
//! LIKE, CREATE TABLE AS, ADD COLUMN and ALTER COLUMN TYPE are the same to a rule. What a parent
//! makes of its children is the parent's affair; temporary tables are in no catalog.

use crate::{
    catalog::{
        Catalog, Column, Constraint, ConstraintKind, Table,
        types::{self, Element},
    },
    diagnostic::Diagnostic,
    ident::Ident,
    lint::{
        context::Context,
        custom::wanted,
        names::{self, What},
        rule::Rule,
    },
    parse::statement::{
        AlterAction, AlterActionKind, AlterRelation, ColumnAction, ColumnDef, DataType,
        TableConstraint, TableConstraintKind, Utility,
    },
    source::Span,
};

/// A column that a statement makes, or that gets another type by it.
#[derive(Debug, Clone, Copy)]
pub struct MadeColumn<'a> {
    /// Its table, after the statement.
    pub table: &'a Table,
    /// The column, after the statement.
    pub column: &'a Column,
    /// What it was before, when its type is changed.
    pub was: Option<&'a Column>,
    /// Its definition, when it has one of its own.
    pub definition: Option<&'a ColumnDef>,
    /// Its type as written, when it is.
    pub ty: Option<&'a DataType>,
    /// Where: its definition or the subcommand; the statement, when it comes from elsewhere.
    pub place: Span,
    /// What exists after the statement.
    after: &'a Catalog,
}

/// The table that a CREATE TABLE or a SELECT INTO makes.
pub fn table<'a>(context: &Context<'a>) -> Option<&'a Table> {
    let written = match (context.statement.create_table(), context.utility()) {
        (Some(create), _) => &create.name,
        (None, Some(Utility::SelectInto(into))) => &into.name,
        (None, Some(_) | None) => return None,
    };
    let name = context.before.in_full(written);
    // Behind anything else of that name there would be no such table.
    let made = context.after.tables.get(&name);
    made.filter(|_| !context.before.tables.contains_key(&name))
}

/// Where a CREATE TABLE or a SELECT INTO names the table; the statement, when it is another one.
pub fn name_of_table(context: &Context<'_>) -> Span {
    let given = names::given(context.statement);
    let named = given.first().filter(|given| given.what == What::Table);
    let written = named.and_then(|given| given.written(context));
    written.map_or(context.statement.span, |written| written.span)
}

/// The columns that a statement makes, and those whose type it changes.
pub fn columns<'a>(context: &Context<'a>) -> Vec<MadeColumn<'a>> {
    match (context.statement.create_table(), context.alter()) {
        (Some(create), _) => of_new_table(context, &create.columns),
        (None, Some(alter)) => of_alter(context, alter),
        // A SELECT INTO, if it is one.
        (None, None) => of_new_table(context, &[]),
    }
}

fn of_new_table<'a>(context: &Context<'a>, definitions: &'a [ColumnDef]) -> Vec<MadeColumn<'a>> {
    let Some(table) = table(context) else {
        return Vec::new();
    };
    let own = table.columns.iter().filter(|column| !column.inherited);
    own.map(|column| {
        let mut definitions = definitions.iter();
        let definition = definitions.find(|definition| definition.name == column.name);
        MadeColumn {
            table,
            column,
            was: None,
            definition,
            ty: definition.map(|definition| &definition.ty),
            place: definition.map_or(context.statement.span, |definition| definition.span),
            after: context.after,
        }
    })
    .collect()
}

fn of_alter<'a>(context: &Context<'a>, alter: &'a AlterRelation) -> Vec<MadeColumn<'a>> {
    let name = context.before.resolve(&alter.name);
    let (Some(before), Some(table)) = (
        context.before.tables.get(&name),
        context.after.tables.get(&name),
    ) else {
        return Vec::new();
    };
    let made = alter.actions.iter().filter_map(|action| {
        let (name, definition, ty) = match &action.kind {
            AlterActionKind::AddColumn { column, .. } => {
                (&column.name, Some(&**column), &column.ty)
            }
            AlterActionKind::AlterColumn {
                name,
                action: ColumnAction::Type { ty, .. },
            } => (name, None, ty),
            _ => return None,
        };
        let was = before.column(name);
        // ADD COLUMN IF NOT EXISTS adds nothing then.
        let adds_nothing = definition.is_some() && was.is_some();
        (!adds_nothing).then_some(MadeColumn {
            table,
            column: table.column(name)?,
            was,
            definition,
            ty: Some(ty),
            place: definition.map_or(action.span, |definition| definition.span),
            after: context.after,
        })
    });
    made.collect()
}

/// A foreign key that a statement adds.
#[derive(Debug, Clone, Copy)]
pub struct MadeForeignKey<'a> {
    /// The referencing table, after the statement.
    pub table: &'a Table,
    /// The constraint, after the statement.
    pub constraint: &'a Constraint,
}

/// The foreign keys that a statement adds to the table it names, those of a partition's parent
/// left out.
pub fn foreign_keys<'a>(context: &Context<'a>) -> Vec<MadeForeignKey<'a>> {
    let adds = |action: &AlterAction| {
        matches!(
            action.kind,
            AlterActionKind::AddConstraint(_) | AlterActionKind::AddColumn { .. }
        )
    };
    let name = match (context.statement.create_table(), context.alter()) {
        (Some(create), _) => context.after.resolve(&create.name),
        (None, Some(alter)) if alter.actions.iter().any(adds) => {
            context.before.resolve(&alter.name)
        }
        (None, Some(_) | None) => return Vec::new(),
    };
    let before = context.before.tables.get(&name);
    let Some(table) = context.after.tables.get(&name) else {
        return Vec::new();
    };
    // A partition has those of its parent, which are the parent's affair.
    let of_parent = |constraint: &Constraint| {
        let mut parents = table.parents.iter();
        parents.any(|parent| {
            let parent = context.after.tables.get(parent);
            parent.is_some_and(|parent| parent.constraint(&constraint.name).is_some())
        })
    };
    let new = table.constraints.iter().filter(|constraint| {
        matches!(constraint.kind, ConstraintKind::ForeignKey { .. })
            && before.is_none_or(|before| before.constraint(&constraint.name).is_none())
            && !of_parent(constraint)
    });
    new.map(|constraint| MadeForeignKey { table, constraint })
        .collect()
}

impl<'a> MadeForeignKey<'a> {
    /// Its columns as they are at the end of the file, each with the table and the column that it
    /// references, when the constraint is there still.
    pub fn at_end(&self, context: &Context<'a>) -> Vec<(End<'a>, End<'a>)> {
        let end = |table: &'a Table, column: &Ident| {
            let column = table.column(column)?;
            Some(End { table, column })
        };
        let pairs = || {
            let (table, _) = context.file.at_end(context.at, &self.table.name, None)?;
            let constraint = table.constraint(&self.constraint.name)?;
            let ConstraintKind::ForeignKey { references, .. } = &constraint.kind else {
                return None;
            };
            let other = context.file.end().tables.get(references)?;
            let pairs = constraint.referencing().into_iter();
            let pairs = pairs.filter_map(|(one, two)| Some((end(table, one)?, end(other, two)?)));
            Some(pairs.collect())
        };
        pairs().unwrap_or_default()
    }

    /// Where a column of it is written: its definition, else the constraint, else the statement.
    pub fn place(&self, context: &Context<'a>, column: &Ident) -> Span {
        let of_constraint = |constraint: &TableConstraint| match &constraint.kind {
            TableConstraintKind::ForeignKey { columns, .. } => columns.contains(column),
            TableConstraintKind::Check(_)
            | TableConstraintKind::NotNull(_)
            | TableConstraintKind::Key(_)
            | TableConstraintKind::KeyUsingIndex { .. }
            | TableConstraintKind::Exclude(_) => false,
        };
        let in_table = || {
            let create = context.statement.create_table()?;
            let mut columns = create.columns.iter();
            let mut constraints = create.constraints.iter();
            let defined = columns.find(|definition| definition.name == *column);
            defined.map(|definition| definition.span).or_else(|| {
                let found = constraints.find(|constraint| of_constraint(constraint));
                found.map(|constraint| constraint.span)
            })
        };
        let mut actions = context.statement.actions().iter();
        let in_action = actions.find_map(|action| match &action.kind {
            AlterActionKind::AddColumn { column: new, .. } => {
                (new.name == *column).then_some(new.span)
            }
            AlterActionKind::AddConstraint(constraint) => {
                of_constraint(constraint).then_some(constraint.span)
            }
            _ => None,
        });
        let found = in_action.or_else(in_table);
        found.unwrap_or(context.statement.span)
    }
}

/// A column as it is at the end of the file.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// Its table.
    pub table: &'a Table,
    /// The column.
    pub column: &'a Column,
}

impl End<'_> {
    /// `users.email`.
    pub fn named(&self) -> String {
        format!("{}.{}", self.table.name.short(), self.column.name)
    }
}

/// The whole numbers, from the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whole {
    /// `smallint`.
    Small,
    /// `integer`.
    Integer,
    /// `bigint`.
    Big,
}

impl Whole {
    /// The kind of whole number that a column holds, below domains.
    pub fn of(column: &Column, catalog: &Catalog) -> Option<Self> {
        let element = types::element(&column.ty, catalog);
        match element.base.as_str() {
            _ if element.array => None,
            "smallint" => Some(Self::Small),
            "integer" => Some(Self::Integer),
            "bigint" => Some(Self::Big),
            _ => None,
        }
    }

    /// The name of the type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Small => "smallint",
            Self::Integer => "integer",
            Self::Big => "bigint",
        }
    }

    /// The greatest number.
    pub fn greatest(self) -> &'static str {
        match self {
            Self::Small => "32,767",
            Self::Integer => "2,147,483,647",
            Self::Big => "9,223,372,036,854,775,807",
        }
    }
}

impl<'a> MadeColumn<'a> {
    /// What its values are.
    pub fn element(&self) -> Element {
        types::element(&self.column.ty, self.after)
    }

    /// The column as it is at the end of the file, by whatever name; none of a partition's, which
    /// are its parent's affair.
    pub fn at_end(&self, context: &Context<'a>) -> Option<End<'a>> {
        let names = (&self.table.name, Some(&self.column.name));
        let (table, column) = context.file.at_end(context.at, names.0, names.1)?;
        if table.partition_bound.is_some() {
            return None;
        }
        Some(End {
            table,
            column: column?,
        })
    }

    /// `users.email`.
    pub fn named(&self) -> String {
        format!("{}.{}", self.table.name.short(), self.column.name)
    }

    /// `users.email is json`, `users.email is of the domain document, which is json`.
    pub fn is_of_type(&self) -> String {
        let element = self.element();
        if element.domain {
            let ty = self.column.ty.trim_start_matches("public.");
            format!(
                "{} is of the domain {ty}, below which is {}",
                self.named(),
                element.base
            )
        } else {
            format!("{} is {}", self.named(), self.column.ty)
        }
    }

    /// What to write to have another type instead: `Write `data jsonb``.
    pub fn instead(&self, better: &str) -> String {
        let element = self.element();
        let (table, column) = (self.table.name.short(), &self.column.name);
        if element.domain {
            return format!("Make the domain over {better}, or write `{column} {better}`");
        }
        let array = if element.array { "[]" } else { "" };
        match (self.definition, self.was) {
            (Some(_), _) => format!("Write `{column} {better}{array}`"),
            (None, Some(was)) => {
                let before = types::element(&was.ty, self.after).base;
                if types::spelled(better, self.after).is_some_and(|better| better == before) {
                    return format!("Leave it {better}{array}");
                }
                format!("Write `ALTER TABLE {table} ALTER COLUMN {column} TYPE {better}{array}`")
            }
            (None, None) => format!(
                "While {table} is new, `ALTER TABLE {table} ALTER COLUMN {column} TYPE \
                 {better}{array}`"
            ),
        }
    }
}

/// A rule about columns of one type.
pub struct TypeRule<'r> {
    /// The rule.
    pub rule: &'r Rule,
    /// The type, as the catalog spells it, without modifiers.
    pub ty: &'r str,
    /// Why it is a bad choice; a sentence behind a colon.
    pub why: &'r str,
    /// What to take instead.
    pub better: &'r str,
    /// What there is to say of that, behind a semicolon; may be empty.
    pub besides: &'r str,
}

impl TypeRule<'_> {
    /// The columns of that type that a statement makes, and that have it at the end of the file.
    pub fn check(&self, context: &Context<'_>) -> Vec<Diagnostic> {
        let columns = of_type(context, self.ty).map(|made| {
            let message = format!("{}: {}", made.is_of_type(), self.why);
            let help = format!("{}{}.", made.instead(self.better), self.besides);
            self.rule.finding(made.place, message).with_help(help)
        });
        columns.chain(self.attributes(context)).collect()
    }

    /// The same of attributes of composite types, which columns get from there.
    fn attributes(&self, context: &Context<'_>) -> Vec<Diagnostic> {
        let attributes = wanted::attributes(context.utility());
        let found = attributes.into_iter().filter_map(|attribute| {
            let ty = types::canonical(&attribute.ty, context.after);
            let element = types::element(&ty, context.after);
            if element.base != self.ty {
                return None;
            }
            let (name, array) = (&attribute.name, if element.array { "[]" } else { "" });
            let message = format!("The attribute {name} is {ty}: {}", self.why);
            let help = format!("Write `{name} {}{array}`{}.", self.better, self.besides);
            Some(
                self.rule
                    .finding(attribute.ty.span, message)
                    .with_help(help),
            )
        });
        found.collect()
    }
}

/// The columns that a statement makes of a type, or changes to it from another, and that have it
/// at the end of the file.
pub fn of_type<'a, 'c>(
    context: &'c Context<'a>,
    ty: &'c str,
) -> impl Iterator<Item = MadeColumn<'a>> + use<'a, 'c> {
    let word = ty.split(' ').next().unwrap_or(ty);
    let is = move |column: &Column, catalog: &Catalog| {
        // A look at the first word spares most columns the rest; a type with a schema may be a
        // domain.
        (column.ty.starts_with(word) || column.ty.contains('.'))
            && types::element(&column.ty, catalog).base == ty
    };
    columns(context).into_iter().filter(move |made| {
        is(made.column, context.after)
            && !made.was.is_some_and(|was| is(was, context.before))
            && made
                .at_end(context)
                .is_some_and(|end| is(end.column, context.file.end()))
    })
}
