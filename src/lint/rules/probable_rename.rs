//! `probable-rename`: something goes and its like comes, which may be one thing with a new name.

use crate::{
    catalog::{Column, ConstraintKind, Table, TableKind, UNKNOWN_TYPE},
    diagnostic::{Diagnostic, Level, closest},
    ident::{Ident, ObjectName},
    lint::{
        context::{Context, listed},
        file::File,
        parts::{count_words, has_word},
        rule::Rule,
    },
    parse::{
        Directive, DirectiveKind, StatementKind,
        statement::{AlterActionKind, DropKind},
    },
    source::Span,
};

pub(super) const RULE: Rule = Rule::file(
    "probable-rename",
    include_str!("../../../lints/probable-rename.md"),
    check,
);

/// With more candidates than that on a side, a question is no help.
const CANDIDATES: usize = 3;

/// A column or a table that goes or comes in the file.
#[derive(Debug, Clone)]
struct Part {
    name: Ident,
    kind: Kind,
    /// NOT NULL, of a column.
    not_null: bool,
    /// The position of the statement.
    at: usize,
    /// What drops or makes it.
    span: Span,
}

/// What two parts share when one may be the other under a new name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// A column of a table.
    Column {
        table: ObjectName,
        ty: String,
        collation: Option<String>,
        /// It counts by itself.
        serial: bool,
        /// The tables that its foreign keys lead to.
        references: Vec<ObjectName>,
    },
    /// A table in a schema, by its columns in the order of their names.
    Table {
        schema: Ident,
        columns: Vec<(Ident, String, bool)>,
    },
}

fn check(file: &File<'_>) -> Vec<Diagnostic> {
    let mut gone: Vec<Part> = file.contexts().flat_map(|c| dropped(&c)).collect();
    let mut come: Vec<Part> = file.contexts().flat_map(|c| made(&c)).collect();
    // Where values are carried over, somebody has thought of it.
    let (all_gone, all_come) = (gone.clone(), come.clone());
    gone.retain(|old| !all_come.iter().any(|new| is_filled(file, old, new)));
    come.retain(|new| !all_gone.iter().any(|old| is_filled(file, old, new)));
    let mut found = moved(&mut gone, &mut come);
    while let Some(first) = gone.first() {
        let kind = first.kind.clone();
        let olds = taken(&mut gone, &kind);
        let news = taken(&mut come, &kind);
        found.extend(asked(olds, news));
    }
    found
}

/// The questions about tables that may only be in another schema: of one name, with the same
/// columns. Takes them out.
fn moved(gone: &mut Vec<Part>, come: &mut Vec<Part>) -> Vec<Diagnostic> {
    let mut pairs: Vec<(Part, Part)> = Vec::new();
    gone.retain(|old| {
        let mut alike = come.iter().enumerate().filter(|(_, new)| is_moved(old, new));
        let Some((at, _)) = alike.next().filter(|_| alike.next().is_none()) else {
            return true;
        };
        pairs.push((old.clone(), come.remove(at)));
        false
    });
    let mut found = Vec::new();
    while let Some((first, _)) = pairs.first() {
        // A schema that goes takes all its tables along: that is one question.
        let at = first.at;
        let (these, others) = pairs.drain(..).partition(|(old, _)| old.at == at);
        pairs = others;
        found.extend(asked_of_moved(&these));
    }
    found
}

fn is_moved(old: &Part, new: &Part) -> bool {
    match (&old.kind, &new.kind) {
        (
            Kind::Table { schema, columns },
            Kind::Table {
                schema: other,
                columns: others,
            },
        ) => old.name == new.name && schema != other && columns == others,
        (Kind::Column { .. } | Kind::Table { .. }, _) => false,
    }
}

/// The question about tables that one statement drops and that come in another schema.
fn asked_of_moved(pairs: &[(Part, Part)]) -> Option<Diagnostic> {
    let full = |part: &Part| match &part.kind {
        Kind::Table { schema, .. } => {
            Some(ObjectName::new(schema.clone(), part.name.clone()).to_string())
        }
        Kind::Column { .. } => None,
    };
    let (first, _) = pairs.first()?;
    let olds: Vec<String> = pairs.iter().filter_map(|(old, _)| full(old)).collect();
    let news: Vec<String> = pairs.iter().filter_map(|(_, new)| full(new)).collect();
    let statements: Vec<String> = pairs
        .iter()
        .filter_map(|(old, new)| match &new.kind {
            Kind::Table { schema, .. } => {
                Some(format!("`ALTER TABLE {} SET SCHEMA {schema};`", full(old)?))
            }
            Kind::Column { .. } => None,
        })
        .collect();
    let one = pairs.len() == 1;
    let message = format!(
        "{} {}, and {} with the same columns {}: should {} in another schema, {} rows are lost.",
        listed(&olds),
        if one { "goes" } else { "go" },
        listed(&news),
        if one { "comes" } else { "come" },
        if one { "it be the same table" } else { "they be the same tables" },
        if one { "its" } else { "their" },
    );
    let help = format!(
        "If so, write {} instead: no row is lost. Applications that name {} fail from then on, as \
         they do with this. {NO_RENAME}",
        listed(&statements),
        listed(&olds),
    );
    let finding = RULE.finding(first.span, message).with_help(help);
    Some(pairs.iter().fold(finding, |finding, (_, new)| {
        finding.with_label(new.span, "this may be the same table")
    }))
}

/// Takes the parts of that kind out.
fn taken(parts: &mut Vec<Part>, kind: &Kind) -> Vec<Part> {
    let (these, others) = parts.drain(..).partition(|part| part.kind == *kind);
    *parts = others;
    these
}

/// The questions about parts that are alike.
fn asked(mut olds: Vec<Part>, mut news: Vec<Part>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    // One of each that agrees in NOT NULL, too, belongs together.
    for not_null in [false, true] {
        let only = |parts: &[Part]| -> Option<usize> {
            let mut fit = parts.iter().enumerate();
            let (at, _) = fit.find(|(_, part)| part.not_null == not_null)?;
            fit.all(|(_, part)| part.not_null != not_null).then_some(at)
        };
        if let (Some(old), Some(new)) = (only(&olds), only(&news)) {
            let (old, new) = (olds.remove(old), news.remove(new));
            let level = if are_akin(&old, &new) { Level::Warning } else { Level::Info };
            found.push(one(level, &old, &new));
        }
    }
    match (olds.as_slice(), news.as_slice()) {
        ([], _) | (_, []) => {}
        ([old], [new]) => found.push(one(Level::Info, old, new)),
        (olds, news) if olds.len() <= CANDIDATES && news.len() <= CANDIDATES => {
            found.extend(several(olds, news));
        }
        (_, _) => {}
    }
    found
}

/// Whether the new name speaks of what the old one does. A table with the same columns needs no
/// more to be alike.
fn are_akin(old: &Part, new: &Part) -> bool {
    match old.kind {
        Kind::Table { .. } => true,
        Kind::Column { .. } => {
            let (old, new) = (old.name.as_str(), new.name.as_str());
            let words = |name: &str| -> Vec<String> {
                let mut spaced = String::new();
                for c in name.chars() {
                    if c.is_uppercase() {
                        spaced.push('_');
                    }
                    spaced.extend(c.to_lowercase());
                }
                let words = spaced.split('_').filter(|word| word.len() > 2);
                words.map(str::to_owned).collect()
            };
            let (old_words, new_words) = (words(old), words(new));
            let within = |one: &str, other: &str| {
                let within = other.to_lowercase().contains(&one.to_lowercase());
                one.len() > 2 && within
            };
            old_words.iter().any(|word| new_words.contains(word))
                || within(old, new)
                || within(new, old)
                || closest(old, [new]).is_some()
        }
    }
}

/// How to say that it is none.
const NO_RENAME: &str = "If it is none, say so: `-- zdm: allow(probable-rename) because …`.";

/// One goes and one comes.
fn one(level: Level, old: &Part, new: &Part) -> Diagnostic {
    let message = match &old.kind {
        Kind::Column { table, ty, .. } => format!(
            "{} of {} goes, and {} of the same type, {ty}, comes: should it be the same column \
             under a new name, its values are lost.",
            old.name,
            table.short(),
            new.name
        ),
        Kind::Table { .. } => format!(
            "{} goes, and {} with the same columns comes: should it be the same table under a new \
             name, its rows are lost.",
            old.name, new.name
        ),
    };
    let mut statements = format!("`{}`", rename(old, &new.name.to_string()));
    if let Kind::Column { table, .. } = &old.kind
        && old.not_null != new.not_null
    {
        let change = if new.not_null { "SET" } else { "DROP" };
        let (table, name) = (table.short(), &new.name);
        statements.push_str(&format!(
            " and `ALTER TABLE {table} ALTER COLUMN {name} {change} NOT NULL;`"
        ));
    }
    let help = format!(
        "If it is a rename, write {statements} instead: nothing is lost, and `zdm apply` lets both \
         names work until contract. {NO_RENAME}"
    );
    RULE.finding_at(level, old.span, message)
        .with_help(help)
        .with_label(new.span, "this may be its new name")
}

/// Several go or come, so that nobody can tell which is which.
fn several(olds: &[Part], news: &[Part]) -> Option<Diagnostic> {
    let names = |parts: &[Part]| {
        let names: Vec<String> = parts.iter().map(|part| part.name.to_string()).collect();
        listed(&names)
    };
    let go = |parts: &[Part], one: &str, more: &str| {
        let verb = if parts.len() == 1 { one } else { more };
        format!("{} {verb}", names(parts))
    };
    let (goes, comes) = (go(olds, "goes", "go"), go(news, "comes", "come"));
    let first = olds.first()?;
    let (what, lost) = match &first.kind {
        Kind::Column { table, ty, .. } => (
            format!("of {}, all of type {ty}", table.short()),
            "should a column only get a new name, its values are lost",
        ),
        Kind::Table { .. } => (
            "with the same columns".to_owned(),
            "should a table only get a new name, its rows are lost",
        ),
    };
    let help = format!(
        "For each that is a rename, write `{}` instead: nothing is lost, and `zdm apply` lets both \
         names work until contract. {NO_RENAME}",
        rename(first, "…")
    );
    let finding = RULE
        .finding_at(
            Level::Info,
            first.span,
            format!("{goes} and {comes}, {what}: {lost}."),
        )
        .with_help(help);
    Some(news.iter().fold(finding, |finding, new| {
        finding.with_label(new.span, "this may be a new name")
    }))
}

fn rename(old: &Part, to: &str) -> String {
    match &old.kind {
        Kind::Column { table, .. } => {
            let (table, name) = (table.short(), &old.name);
            format!("ALTER TABLE {table} RENAME COLUMN {name} TO {to};")
        }
        Kind::Table { schema, .. } => {
            let table = ObjectName::new(schema.clone(), old.name.clone());
            format!("ALTER TABLE {} RENAME TO {to};", table.short())
        }
    }
}

/// What a statement drops that was there before the file, and is not there behind it.
fn dropped(context: &Context<'_>) -> Vec<Part> {
    let (start, end) = (context.file.start(), context.file.end());
    if let Some(alter) = context.alter() {
        let name = context.before.resolve(&alter.name);
        let (Some(was), Some(is)) = (start.tables.get(&name), end.tables.get(&name)) else {
            return Vec::new();
        };
        let gone = alter.actions.iter().filter_map(|action| {
            let AlterActionKind::DropColumn { name, .. } = &action.kind else {
                return None;
            };
            let column = was.column(name).filter(|_| is.column(name).is_none())?;
            part_of_column(was, column, context.at, action.span)
        });
        return gone.collect();
    }
    let known = |table: &Table| {
        let there = context.before.tables.contains_key(&table.name);
        there && !end.has_relation(&table.name)
    };
    if let Some(drop) = context.drop().filter(|drop| drop.kind == DropKind::Schema) {
        let within = |table: &&Table| {
            let mut schemas = drop.names.iter();
            schemas.any(|schema| schema.name == table.name.schema)
        };
        let tables = start.tables.values().filter(within);
        let gone = tables.filter(|table| known(table));
        return gone.filter_map(|table| part_of_table(table, context)).collect();
    }
    let tables = context
        .drop()
        .filter(|drop| matches!(drop.kind, DropKind::Table));
    let names = tables.into_iter().flat_map(|drop| &drop.names);
    let gone = names.filter_map(|name| {
        let name = context.before.resolve(name);
        let table = start.tables.get(&name).filter(|table| known(table))?;
        part_of_table(table, context)
    });
    gone.collect()
}

/// What a statement makes that was not there before the file, and is there behind it.
fn made(context: &Context<'_>) -> Vec<Part> {
    let (start, end) = (context.file.start(), context.file.end());
    if let Some(alter) = context.alter() {
        let name = context.before.resolve(&alter.name);
        let (Some(was), Some(is)) = (start.tables.get(&name), end.tables.get(&name)) else {
            return Vec::new();
        };
        let come = alter.actions.iter().filter_map(|action| {
            let AlterActionKind::AddColumn { column, .. } = &action.kind else {
                return None;
            };
            let new = was.column(&column.name).is_none();
            let column = is.column(&column.name).filter(|_| new)?;
            part_of_column(is, column, context.at, action.span)
        });
        return come.collect();
    }
    let StatementKind::CreateTable(create) = &context.statement.kind else {
        return Vec::new();
    };
    let name = context.after.resolve(&create.name);
    let new = !start.has_relation(&name) && !context.before.has_relation(&name);
    let table = end.tables.get(&name).filter(|_| new);
    let part = table.and_then(|table| part_of_table(table, context));
    part.into_iter().collect()
}

fn part_of_column(table: &Table, column: &Column, at: usize, span: Span) -> Option<Part> {
    let computed = column.generated.is_some() || column.identity.is_some();
    if computed || column.ty == UNKNOWN_TYPE {
        return None;
    }
    let references = table.constraints_on(&column.name).filter_map(|constraint| {
        let ConstraintKind::ForeignKey {
            references,
            columns,
            ..
        } = &constraint.kind
        else {
            return None;
        };
        columns.contains(&column.name).then(|| references.clone())
    });
    let mut references: Vec<ObjectName> = references.collect();
    references.sort();
    references.dedup();
    let default = column.default.as_deref().unwrap_or_default();
    Some(Part {
        name: column.name.clone(),
        kind: Kind::Column {
            table: table.name.clone(),
            ty: column.ty.clone(),
            collation: column.collation.clone(),
            serial: default.starts_with("nextval("),
            references,
        },
        not_null: column.not_null,
        at,
        span,
    })
}

/// Partitions come and go alike, and one column is no likeness.
fn part_of_table(table: &Table, context: &Context<'_>) -> Option<Part> {
    let whole = match table.kind {
        TableKind::Table | TableKind::Partitioned => table.parents.is_empty(),
        TableKind::Foreign | TableKind::MaterializedView => false,
    };
    let unknown = |column: &Column| column.ty == UNKNOWN_TYPE;
    if !whole || !table.permanent || table.columns.len() < 2 || table.columns.iter().any(unknown) {
        return None;
    }
    let columns = table.columns.iter();
    let mut columns: Vec<(Ident, String, bool)> = columns
        .map(|column| (column.name.clone(), column.ty.clone(), column.not_null))
        .collect();
    columns.sort();
    Some(Part {
        name: table.name.name.clone(),
        kind: Kind::Table {
            schema: table.name.schema.clone(),
            columns,
        },
        not_null: false,
        at: context.at,
        span: context.statement.span,
    })
}

/// Whether the file carries values from one to the other, or says that this is to be done: a
/// statement on rows, a block or a function names both, or a directive does.
fn is_filled(file: &File<'_>, old: &Part, new: &Part) -> bool {
    let of_one_table = match (&old.kind, &new.kind) {
        (Kind::Column { table, .. }, Kind::Column { table: other, .. }) => table == other,
        (Kind::Table { .. }, Kind::Table { .. }) => true,
        (Kind::Column { .. }, Kind::Table { .. }) | (Kind::Table { .. }, Kind::Column { .. }) => {
            false
        }
    };
    if !of_one_table {
        return false;
    }
    let script = file.script;
    let names_both = |text: &str| {
        if old.name == new.name {
            return count_words(text, old.name.as_str()) > 1;
        }
        has_word(text, old.name.as_str()) && has_word(text, new.name.as_str())
    };
    let by_statement = script.statements.iter().enumerate().any(|(at, statement)| {
        let carries = match &statement.kind {
            StatementKind::Update(_) | StatementKind::Data(_) | StatementKind::Opaque(_) => true,
            // A table may be made from a query over the other.
            StatementKind::CreateTable(_) => at == new.at,
            StatementKind::AlterRelation(_)
            | StatementKind::CreateIndex(_)
            | StatementKind::Drop(_)
            | StatementKind::Transaction(_)
            | StatementKind::Set(_) => false,
        };
        carries && names_both(file.source.slice(statement.span))
    });
    let said = |directive: &Directive| match &directive.kind {
        DirectiveKind::Up { column, expr } => {
            let for_new = column.as_ref().is_none_or(|name| *name == new.name);
            for_new && expr.names_column(&old.name)
        }
        DirectiveKind::Sync(text) => names_both(text),
        DirectiveKind::Down { .. }
        | DirectiveKind::Phase(_)
        | DirectiveKind::Strategy(_)
        | DirectiveKind::Once { .. }
        | DirectiveKind::Allow { .. } => false,
    };
    let adds = script.statements.get(new.at);
    let directives = adds.into_iter().flat_map(|adds| &adds.directives);
    by_statement
        || directives
            .chain(&script.file_directives)
            .any(said)
}
