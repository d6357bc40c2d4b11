//! `CREATE TABLE`, also typed tables, partitions and `CREATE TABLE … AS`.

use super::{alter, clause, column, constraint};
use crate::ident::QualifiedName;
use crate::parse::{
    cursor::{Cursor, Parsed},
    statement::{ColumnDef, CreateTable, PartitionOf, Persistence, StatementKind, TableConstraint},
    tokens::TokenKind,
};

/// Whether the statement is of this family.
pub(super) fn is_create_table(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    ahead.eat_kw("create") && {
        persistence(&mut ahead);
        ahead.is_kw("table")
    }
}

fn persistence(cursor: &mut Cursor<'_>) -> Persistence {
    if cursor.is_any_kw(&["global", "local"])
        && (cursor.is_kw_at(1, "temp") || cursor.is_kw_at(1, "temporary"))
    {
        cursor.bump();
    }
    if cursor.eat_kw("temp") || cursor.eat_kw("temporary") {
        Persistence::Temporary
    } else if cursor.eat_kw("unlogged") {
        Persistence::Unlogged
    } else {
        Persistence::Permanent
    }
}

/// The whole statement.
pub(super) fn create_table(cursor: &mut Cursor<'_>) -> Parsed<StatementKind> {
    cursor.expect(&["create"])?;
    let persistence = persistence(cursor);
    cursor.expect(&["table"])?;
    let if_not_exists = clause::if_not_exists(cursor);
    let mut table = CreateTable {
        name: cursor.qualified("a table")?,
        persistence,
        if_not_exists,
        columns: Vec::new(),
        constraints: Vec::new(),
        likes: Vec::new(),
        inherits: Vec::new(),
        partition_of: None,
        partition_by: None,
        of_type: None,
        as_query: None,
    };
    let mut as_columns = false;
    if cursor.eat_kw("of") {
        table.of_type = Some(cursor.qualified("a type")?);
        typed_elements(cursor, &mut table)?;
    } else if cursor.eat(&["partition", "of"]) {
        let parent = cursor.qualified("a partitioned table")?;
        typed_elements(cursor, &mut table)?;
        let start = cursor.index();
        alter::partition_bound(cursor)?;
        let bound = cursor.span_from(start);
        table.partition_of = Some(PartitionOf { parent, bound });
    } else if cursor.kind() == Some(TokenKind::LeftParen) {
        as_columns = column_names(cursor);
        if !as_columns {
            elements(cursor, &mut table)?;
        }
    } else if !cursor.is_any_kw(&["as", "using", "with", "without", "on", "tablespace"]) {
        return Err(cursor.expected("`(`, AS, OF or PARTITION OF"));
    }
    table_clauses(cursor, &mut table)?;
    if as_columns && table.as_query.is_none() {
        return Err(cursor.expected("AS and a query"));
    }
    cursor.expect_end()?;
    Ok(StatementKind::CreateTable(Box::new(table)))
}

/// `(a, b)` in front of the clauses that lead to `AS`: names only. Passes them if so.
fn column_names(cursor: &mut Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    if ahead.name_list("a column").is_err() {
        return false;
    }
    *cursor = ahead;
    true
}

enum Element {
    Column(ColumnDef),
    Constraint(TableConstraint),
    Like(QualifiedName),
}

fn elements(cursor: &mut Cursor<'_>, table: &mut CreateTable) -> Parsed<()> {
    let empty = cursor
        .peek_at(1)
        .is_some_and(|t| t.kind == TokenKind::RightParen);
    if empty {
        cursor.bump();
        cursor.bump();
        return Ok(());
    }
    let elements = cursor.list(|cursor| {
        if constraint::starts_constraint(cursor) {
            return Ok(Element::Constraint(constraint::table_constraint(cursor)?));
        }
        if cursor.eat_kw("like") {
            let source = cursor.qualified("a table")?;
            while cursor.eat_kw("including") || cursor.eat_kw("excluding") {
                cursor.label("what to include")?;
            }
            return Ok(Element::Like(source));
        }
        Ok(Element::Column(column::column_def(cursor)?))
    })?;
    keep(elements, table);
    Ok(())
}

/// The optional list of a typed table or partition.
fn typed_elements(cursor: &mut Cursor<'_>, table: &mut CreateTable) -> Parsed<()> {
    if cursor.kind() != Some(TokenKind::LeftParen) {
        return Ok(());
    }
    let elements = cursor.list(|cursor| {
        if constraint::starts_constraint(cursor) {
            return Ok(Element::Constraint(constraint::table_constraint(cursor)?));
        }
        Ok(Element::Column(column::column_options(cursor)?))
    })?;
    keep(elements, table);
    Ok(())
}

fn keep(elements: Vec<Element>, table: &mut CreateTable) {
    for element in elements {
        match element {
            Element::Column(column) => table.columns.push(column),
            Element::Constraint(constraint) => table.constraints.push(constraint),
            Element::Like(source) => table.likes.push(source),
        }
    }
}

fn table_clauses(cursor: &mut Cursor<'_>, table: &mut CreateTable) -> Parsed<()> {
    loop {
        if cursor.eat_kw("inherits") {
            table.inherits = cursor.list(|cursor| cursor.qualified("a table"))?;
        } else if cursor.is_kws(&["partition", "by"]) {
            let start = cursor.index();
            cursor.expect(&["partition", "by"])?;
            cursor.name("RANGE, LIST or HASH")?;
            cursor.parenthesised()?;
            table.partition_by = Some(cursor.span_from(start));
        } else if cursor.eat_kw("using") {
            cursor.name("an access method")?;
        } else if cursor.eat_kw("with") {
            if !cursor.eat_kw("oids") {
                clause::options(cursor)?;
            }
        } else if cursor.eat(&["without", "oids"]) {
        } else if cursor.eat(&["on", "commit"]) {
            if !(cursor.eat_kw("drop")
                || cursor.eat(&["delete", "rows"])
                || cursor.eat(&["preserve", "rows"]))
            {
                return Err(cursor.expected("DROP, DELETE ROWS or PRESERVE ROWS"));
            }
        } else if cursor.eat_kw("tablespace") {
            cursor.name("a tablespace")?;
        } else if cursor.eat_kw("as") {
            let start = cursor.index();
            let rows = |cursor: &Cursor<'_>| {
                (cursor.is_kws(&["with", "data"]) && cursor.peek_at(2).is_none())
                    || (cursor.is_kws(&["with", "no", "data"]) && cursor.peek_at(3).is_none())
            };
            cursor.skip_until(rows);
            let query = cursor.span_from(start);
            if query.is_empty() {
                return Err(cursor.expected("a query"));
            }
            table.as_query = Some(query);
            while cursor.is_any_kw(&["with", "no", "data"]) {
                cursor.bump();
            }
        } else {
            return Ok(());
        }
    }
}
