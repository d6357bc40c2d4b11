//! `ALTER TABLE`: each subcommand that would read the table under a strong lock gets statements of
//! its own; the others stay together and come first, as PostgreSQL does them first in any case
//! (`src/backend/commands/tablecmds.c`, the passes of `ATRewriteCatalogs`).

use crate::{
    catalog::{Constraint, ConstraintKind, PgVersion, Table, TableKind},
    fix::{Segment, partitioned, words},
    ident::{Ident, ObjectName, truncate},
    lint::Context,
    parse::statement::{
        AlterAction, AlterActionKind, AlterRelation, ColumnAction, ColumnConstraint,
        ColumnConstraintKind, ColumnDef, ConstraintAttributes, Key, RelationKind, TableConstraint,
        TableConstraintKind,
    },
    source::Span,
};

/// One statement taken apart.
struct Apart<'a> {
    context: &'a Context<'a>,
    alter: &'a AlterRelation,
    table: &'a Table,
    /// `ALTER TABLE … name` with what follows it up to the first subcommand.
    head: String,
}

/// What becomes of one subcommand.
enum Becomes {
    /// It stays.
    Itself,
    /// It stays in another form, and statements follow.
    Shorter(String, Vec<Segment>),
    /// Statements stand for it.
    Statements(Vec<Segment>),
}

/// What stands for the statement.
pub(super) fn segments(context: &Context<'_>, alter: &AlterRelation) -> Option<Vec<Segment>> {
    if alter.kind != RelationKind::Table || context.blocking_scan(context.effects).is_none() {
        return None;
    }
    let table = context.before.table(&alter.name)?;
    let first = alter.actions.first()?;
    let head = context.slice(Span::new(context.statement.span.start, first.span.start));
    let head = if head.contains("--") {
        head.to_owned()
    } else {
        format!("{} ", head.trim_end())
    };
    let apart = Apart {
        context,
        alter,
        table,
        head,
    };
    let mut kept: Vec<String> = Vec::new();
    let mut after: Vec<Segment> = Vec::new();
    let mut scans = false;
    for (at, (action, alone)) in context.subcommands().enumerate() {
        let comment = apart.comment_before(at);
        let becomes = if context.blocking_scan(alone).is_some() {
            scans = true;
            apart.becomes(action, !alone.rewrites.is_empty())
        } else {
            Becomes::Itself
        };
        match becomes {
            Becomes::Itself => kept.push(format!("{comment}{}", context.slice(action.span))),
            Becomes::Shorter(text, more) => {
                kept.push(format!("{comment}{text}"));
                after.extend(more);
            }
            Becomes::Statements(mut more) => {
                if let Some(first) = more.first_mut() {
                    first.sql.insert_str(0, &comment);
                }
                after.extend(more);
            }
        }
    }
    if after.is_empty() {
        // None of them scans alone: one takes away what proves another.
        return (!scans && kept.len() > 1).then(|| {
            let each: Vec<String> = kept.iter().map(|action| apart.statement(action)).collect();
            vec![Segment::shared(each.join(";\n"))]
        });
    }
    if !kept.is_empty() {
        after.insert(0, Segment::shared(apart.statement(&kept.join(", "))));
    }
    Some(after)
}

impl Apart<'_> {
    fn statement(&self, action: &str) -> String {
        format!("{}{action}", self.head)
    }

    /// The comments between a subcommand and the one before it.
    fn comment_before(&self, at: usize) -> String {
        let Some(previous) = at.checked_sub(1).and_then(|at| self.alter.actions.get(at)) else {
            return String::new();
        };
        let Some(action) = self.alter.actions.get(at) else {
            return String::new();
        };
        let between = self
            .context
            .slice(Span::new(previous.span.end, action.span.start));
        let mut text = between.to_owned();
        if let Some(comma) = words::find_char(between, b',') {
            text.remove(comma);
        }
        match text.trim() {
            "" => String::new(),
            comment => format!("{comment}\n"),
        }
    }

    fn becomes(&self, action: &AlterAction, rewrites: bool) -> Becomes {
        let text = self.context.slice(action.span);
        let statements = match &action.kind {
            AlterActionKind::AddConstraint(constraint) => self.constraint(text, action, constraint),
            AlterActionKind::AlterColumn {
                name,
                action: ColumnAction::SetNotNull,
            } => Some(self.not_null(name, Some(text))),
            // A table that is written anew is read in any case.
            AlterActionKind::AddColumn { column, .. } if !rewrites => {
                return self.column(text, action, column).unwrap_or(Becomes::Itself);
            }
            _ => None,
        };
        statements.map_or(Becomes::Itself, Becomes::Statements)
    }

    fn constraint(
        &self,
        text: &str,
        action: &AlterAction,
        constraint: &TableConstraint,
    ) -> Option<Vec<Segment>> {
        if let TableConstraintKind::KeyUsingIndex { index, .. } = &constraint.kind {
            return self.on_index(text, index);
        }
        let name = match (&constraint.name, &constraint.kind) {
            (Some(name), _) => name.clone(),
            // Before 18 it has no name that anybody sees.
            (None, TableConstraintKind::NotNull(column)) => {
                let after = self.context.after.tables.get(&self.table.name)?;
                let made = after.column(column)?.not_null_constraint.as_ref();
                match made {
                    Some((name, _)) => name.clone(),
                    None => return Some(self.not_null(column, Some(text))),
                }
            }
            (None, _) => self.made(|made| fits(made, &constraint.kind))?,
        };
        match &constraint.kind {
            TableConstraintKind::Check(_) => {}
            TableConstraintKind::ForeignKey { .. } => {
                if self.is_partitioned() && self.context.before.version < PgVersion::V18 {
                    return None;
                }
            }
            TableConstraintKind::NotNull(column) => {
                if self.context.before.version < PgVersion::V18 {
                    return Some(self.not_null(column, Some(text)));
                }
            }
            TableConstraintKind::Key(key) => {
                return self.key(&name, key, constraint.attributes, Some(text));
            }
            TableConstraintKind::KeyUsingIndex { .. } | TableConstraintKind::Exclude(_) => {
                return None;
            }
        }
        // The name that the server would choose is written out, so that both statements agree.
        let named = if constraint.name.is_none() {
            let at = constraint.span.start - action.span.start;
            format!("{}CONSTRAINT {name} {}", &text[..at], &text[at..])
        } else {
            text.to_owned()
        };
        let end = named.len() - (action.span.end - constraint.span.end);
        let named = format!("{} NOT VALID{}", &named[..end], &named[end..]);
        Some(self.validated(&named, &name))
    }

    /// A primary key on an index that is there, after the proof that no column of it is NULL.
    fn on_index(&self, text: &str, index: &Ident) -> Option<Vec<Segment>> {
        let index = self.table.index(index)?;
        let mut segments = Vec::new();
        for column in index.keys.iter().filter_map(|key| key.column.as_ref()) {
            if !self.table.column(column)?.not_null {
                segments.extend(self.not_null(column, None));
            }
        }
        let proved = !segments.is_empty();
        segments.push(Segment::shared(self.statement(text)));
        proved.then_some(segments)
    }

    fn validated(&self, action: &str, name: &Ident) -> Vec<Segment> {
        vec![
            Segment::shared(self.statement(action)),
            Segment::shared(self.statement(&format!("VALIDATE CONSTRAINT {name}"))),
        ]
    }

    /// SET NOT NULL, proved by a CHECK that goes again.
    fn not_null(&self, column: &Ident, action: Option<&str>) -> Vec<Segment> {
        let name = self.free_name(column);
        let set = action.map_or_else(
            || format!("ALTER COLUMN {column} SET NOT NULL"),
            str::to_owned,
        );
        let each = [
            format!("VALIDATE CONSTRAINT {name}"),
            set,
            format!("DROP CONSTRAINT {name}"),
        ];
        let each: Vec<String> = each.iter().map(|action| self.statement(action)).collect();
        let check = format!("ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL) NOT VALID");
        vec![
            Segment::shared(self.statement(&check)),
            Segment::shared(each.join(";\n")),
        ]
    }

    /// A name for the CHECK that nothing has yet.
    fn free_name(&self, column: &Ident) -> Ident {
        let stem = format!("{}_{}_set", self.table.name.name.as_str(), column.as_str());
        let mut number = 0;
        loop {
            let end = if number == 0 {
                String::new()
            } else {
                number.to_string()
            };
            let cut = crate::ident::truncate_to(&stem, crate::ident::MAX_NAME_BYTES - end.len());
            let name = Ident::exact(truncate(&format!("{cut}{end}")));
            if self.table.constraint(&name).is_none() {
                return name;
            }
            number += 1;
        }
    }

    /// UNIQUE or PRIMARY KEY on an index that is built while clients write. A partitioned table
    /// takes over the keys of its partitions by the subcommand as it was written.
    fn key(
        &self,
        name: &Ident,
        key: &Key,
        attributes: ConstraintAttributes,
        written: Option<&str>,
    ) -> Option<Vec<Segment>> {
        if key.without_overlaps || self.alter.if_exists {
            return None;
        }
        let mut segments = Vec::new();
        if key.primary {
            for column in &key.columns {
                if !self.table.column(column)?.not_null {
                    segments.extend(self.not_null(column, None));
                }
            }
        }
        if self.is_partitioned() {
            let written = written?;
            if self.alter.only {
                return None;
            }
            let mut built = Vec::new();
            let mut build = |leaf: &ObjectName, part: &Ident| {
                built.push(Segment::alone(self.key_index(key, part, leaf)));
                let add = using_index(key, part, attributes);
                built.push(Segment::shared(format!("ALTER TABLE {leaf} {add}")));
            };
            partitioned::key_parts(self.context, self.table, name, key, &mut build)?;
            if built.is_empty() {
                return None;
            }
            segments.extend(built);
            segments.push(Segment::shared(self.statement(written)));
            return Some(segments);
        }
        segments.push(Segment::alone(self.key_index(key, name, &self.alter.name)));
        let add = using_index(key, name, attributes);
        segments.push(Segment::shared(self.statement(&add)));
        Some(segments)
    }

    /// The index of a key, built while clients write.
    fn key_index(&self, key: &Key, name: &Ident, table: &impl std::fmt::Display) -> String {
        let list = |columns: &[Ident]| {
            let names: Vec<String> = columns.iter().map(Ident::quoted).collect();
            names.join(", ")
        };
        let mut index = format!(
            "CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({})",
            list(&key.columns)
        );
        if !key.include.is_empty() {
            index.push_str(&format!(" INCLUDE ({})", list(&key.include)));
        }
        if key.nulls_not_distinct {
            index.push_str(" NULLS NOT DISTINCT");
        }
        if let Some(options) = key.options {
            index.push_str(&format!(" WITH {}", self.context.slice(options)));
        }
        if let Some(tablespace) = &key.tablespace {
            index.push_str(&format!(" TABLESPACE {tablespace}"));
        }
        index
    }

    /// A column without the constraints that would be checked against every row; those follow.
    fn column(&self, text: &str, action: &AlterAction, column: &ColumnDef) -> Option<Becomes> {
        let mut shorter = text.to_owned();
        let mut after = Vec::new();
        for constraint in column.constraints.iter().rev() {
            let Some(more) = self.of_column(column, constraint) else {
                continue;
            };
            let from = constraint.span.start - action.span.start;
            let to = constraint.span.end - action.span.start;
            let before = shorter[..from].trim_end().len();
            // A comment before it would swallow what follows.
            if shorter[before..from].contains('\n') || shorter[..from].contains("--") {
                return None;
            }
            shorter.replace_range(before..to, "");
            after.splice(0..0, more);
        }
        (!after.is_empty()).then_some(Becomes::Shorter(shorter, after))
    }

    fn of_column(&self, column: &ColumnDef, constraint: &ColumnConstraint) -> Option<Vec<Segment>> {
        let written = self.context.slice(constraint.span);
        // `CONSTRAINT name` is written anew, whether it stands there or not.
        let demand = |word: &str| words::find(written, word).map(|at| &written[at.start..]);
        let only = |made: &Constraint| made.columns() == std::slice::from_ref(&column.name);
        match &constraint.kind {
            ColumnConstraintKind::Check(_) => {
                let name = self.name_of(constraint, |made| {
                    matches!(made.kind, ConstraintKind::Check { .. })
                        && made.columns().contains(&column.name)
                })?;
                let check = demand("CHECK")?;
                Some(self.validated(&format!("ADD CONSTRAINT {name} {check} NOT VALID"), &name))
            }
            ColumnConstraintKind::References(_) => {
                if self.is_partitioned() && self.context.before.version < PgVersion::V18 {
                    return None;
                }
                let name = self.name_of(constraint, |made| {
                    matches!(made.kind, ConstraintKind::ForeignKey { .. }) && only(made)
                })?;
                let references = demand("REFERENCES")?;
                let add = format!(
                    "ADD CONSTRAINT {name} FOREIGN KEY ({}) {references} NOT VALID",
                    column.name
                );
                Some(self.validated(&add, &name))
            }
            ColumnConstraintKind::Unique { nulls_not_distinct } => {
                let name = self.name_of(constraint, |made| {
                    matches!(made.kind, ConstraintKind::Unique { .. }) && only(made)
                })?;
                let key = Key {
                    primary: false,
                    columns: vec![column.name.clone()],
                    include: Vec::new(),
                    nulls_not_distinct: *nulls_not_distinct,
                    without_overlaps: false,
                    options: None,
                    tablespace: None,
                };
                self.key(&name, &key, constraint.attributes, None)
            }
            ColumnConstraintKind::NotNull
            | ColumnConstraintKind::Null
            | ColumnConstraintKind::Default(_)
            | ColumnConstraintKind::PrimaryKey
            | ColumnConstraintKind::Generated { .. }
            | ColumnConstraintKind::Identity { .. } => None,
        }
    }

    fn name_of(
        &self,
        constraint: &ColumnConstraint,
        fits: impl Fn(&Constraint) -> bool,
    ) -> Option<Ident> {
        constraint.name.clone().or_else(|| self.made(fits))
    }

    /// The name of the one constraint that the statement makes and that fits.
    fn made(&self, fits: impl Fn(&Constraint) -> bool) -> Option<Ident> {
        let after = self.context.after.tables.get(&self.table.name)?;
        let mut made = after
            .constraints
            .iter()
            .filter(|made| self.table.constraint(&made.name).is_none() && fits(made));
        let only = made.next()?;
        made.next().is_none().then(|| only.name.clone())
    }

    fn is_partitioned(&self) -> bool {
        self.table.kind == TableKind::Partitioned
    }
}

/// The subcommand that makes an index a key.
fn using_index(key: &Key, name: &Ident, attributes: ConstraintAttributes) -> String {
    let kind = if key.primary { "PRIMARY KEY" } else { "UNIQUE" };
    let mut add = format!("ADD CONSTRAINT {name} {kind} USING INDEX {name}");
    let deferred = attributes.initially_deferred == Some(true);
    if deferred || attributes.deferrable == Some(true) {
        add.push_str(" DEFERRABLE");
    }
    if deferred {
        add.push_str(" INITIALLY DEFERRED");
    }
    add
}

/// Whether a constraint of the catalog is what was written.
fn fits(made: &Constraint, written: &TableConstraintKind) -> bool {
    match (written, &made.kind) {
        (TableConstraintKind::Check(_), ConstraintKind::Check { .. }) => true,
        (TableConstraintKind::ForeignKey { columns, .. }, ConstraintKind::ForeignKey { .. }) => {
            made.columns() == columns.as_slice()
        }
        (TableConstraintKind::Key(key), ConstraintKind::PrimaryKey { .. }) => key.primary,
        (TableConstraintKind::Key(key), ConstraintKind::Unique { columns, .. }) => {
            !key.primary && *columns == key.columns
        }
        (_, _) => false,
    }
}
