//! `CREATE TABLE`, also typed tables, partitions and `CREATE TABLE … AS`.

use super::{alter, clause, column, constraint};
use crate::ident::Ident;
use crate::parse::{
    cursor::{Cursor, Parsed},
    statement::{
        AsQuery, ColumnDef, CreateTable, Like, LikeOption, OnCommit, PartitionOf, StatementKind,
        TableConstraint,
    },
    tokens::TokenKind,
};

/// Whether the statement is of this family.
pub(super) fn is_create_table(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    ahead.eat_kw("create") && {
        clause::persistence(&mut ahead);
        ahead.is_kw("table")
    }
}

/// The whole statement.
pub(super) fn create_table(cursor: &mut Cursor<'_>) -> Parsed<StatementKind> {
    cursor.expect(&["create"])?;
    let persistence = clause::persistence(cursor);
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
        access_method: None,
        options: Vec::new(),
        on_commit: None,
        tablespace: None,
        as_query: None,
    };
    let mut as_columns = None;
    if cursor.eat_kw("of") {
        table.of_type = Some(cursor.qualified("a type")?);
        typed_elements(cursor, &mut table)?;
    } else if cursor.eat(&["partition", "of"]) {
        let parent = cursor.qualified("a partitioned table")?;
        typed_elements(cursor, &mut table)?;
        let start = cursor.index();
        let bound = alter::partition_bound(cursor, start)?;
        table.partition_of = Some(PartitionOf { parent, bound });
    } else if cursor.kind() == Some(TokenKind::LeftParen) {
        as_columns = column_names(cursor);
        if as_columns.is_none() {
            elements(cursor, &mut table)?;
        }
    } else if !cursor.is_any_kw(&["as", "using", "with", "without", "on", "tablespace"]) {
        return Err(cursor.expected("`(`, AS, OF or PARTITION OF"));
    }
    table_clauses(cursor, &mut table)?;
    match (as_columns, &mut table.as_query) {
        (Some(columns), Some(query)) => query.columns = columns,
        (Some(_), None) => return Err(cursor.expected("AS and a query")),
        (None, _) => {}
    }
    cursor.expect_end()?;
    Ok(StatementKind::CreateTable(Box::new(table)))
}

/// `(a, b)` in front of the clauses that lead to `AS`: names only. Passes them if so.
fn column_names(cursor: &mut Cursor<'_>) -> Option<Vec<Ident>> {
    let mut ahead = cursor.clone();
    let names = ahead.name_list("a column").ok()?;
    *cursor = ahead;
    Some(names)
}

enum Element {
    Column(ColumnDef),
    Constraint(TableConstraint),
    Like(Like),
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
            return Ok(Element::Like(like(cursor)?));
        }
        Ok(Element::Column(column::column_def(cursor)?))
    })?;
    keep(elements, table);
    Ok(())
}

/// What follows `LIKE`.
fn like(cursor: &mut Cursor<'_>) -> Parsed<Like> {
    let source = cursor.qualified("a table")?;
    let mut options = Vec::new();
    loop {
        let including = if cursor.eat_kw("including") {
            true
        } else if cursor.eat_kw("excluding") {
            false
        } else {
            return Ok(Like { source, options });
        };
        let known = [
            ("comments", LikeOption::Comments),
            ("compression", LikeOption::Compression),
            ("constraints", LikeOption::Constraints),
            ("defaults", LikeOption::Defaults),
            ("generated", LikeOption::Generated),
            ("identity", LikeOption::Identity),
            ("indexes", LikeOption::Indexes),
            ("statistics", LikeOption::Statistics),
            ("storage", LikeOption::Storage),
            ("all", LikeOption::All),
        ];
        match known.into_iter().find(|(word, _)| cursor.is_kw(word)) {
            Some((_, option)) => options.push((including, option)),
            None => return Err(cursor.expected("what to include, such as ALL or DEFAULTS")),
        }
        cursor.bump();
    }
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
            table.access_method = Some(cursor.name("an access method")?);
        } else if cursor.eat_kw("with") {
            if !cursor.eat_kw("oids") {
                table.options = clause::options(cursor)?;
            }
        } else if cursor.eat(&["without", "oids"]) {
        } else if cursor.eat(&["on", "commit"]) {
            table.on_commit = Some(on_commit(cursor)?);
        } else if cursor.eat_kw("tablespace") {
            table.tablespace = Some(cursor.name("a tablespace")?);
        } else if cursor.eat_kw("as") {
            let (query, reads) = clause::query(cursor, clause::at_with_data)?;
            table.as_query = Some(AsQuery {
                columns: Vec::new(),
                query,
                reads,
                with_data: clause::with_data(cursor),
            });
        } else {
            return Ok(());
        }
    }
}

fn on_commit(cursor: &mut Cursor<'_>) -> Parsed<OnCommit> {
    for (words, action) in [
        (&["drop"][..], OnCommit::Drop),
        (&["delete", "rows"], OnCommit::DeleteRows),
        (&["preserve", "rows"], OnCommit::PreserveRows),
    ] {
        if cursor.eat(words) {
            return Ok(action);
        }
    }
    Err(cursor.expected("DROP, DELETE ROWS or PRESERVE ROWS"))
}

#[cfg(test)]
mod tests {
    use crate::parse::ddl::summary::{check, check_error};

    #[test]
    fn tables_with_all_their_parts() {
        check(&[
            (
                "CREATE TABLE t (id bigserial PRIMARY KEY, name text COLLATE \"C\" NOT NULL UNIQUE, \"Key\" int)",
                "Permanent t (id bigserial <primary key>; name text collate:C <not null> <unique>; Key int)",
            ),
            (
                "CREATE UNLOGGED TABLE IF NOT EXISTS s.t ()",
                "Unlogged? s.t ()",
            ),
            (
                "CREATE TEMP TABLE t (a int) ON COMMIT DELETE ROWS",
                "Temporary t (a int) on commit:DeleteRows",
            ),
            (
                "CREATE TABLE t (a int CONSTRAINT c REFERENCES p ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED NOT NULL)",
                "Permanent t (a int <c: references p() delete:cascade +deferrable +deferred> <not null>)",
            ),
            (
                "CREATE TABLE t (a int DEFAULT 1 NOT NULL, b text DEFAULT NULL NULL, c int DEFAULT -1 CHECK (c > 0) NO INHERIT)",
                "Permanent t (a int <default `1`> <not null>; b text <default `NULL`> <null>; c int <default `-1`> <check `c > 0` -inherit>)",
            ),
            (
                "CREATE TABLE t (a timestamp DEFAULT timezone('utc'::text, now())::timestamp without time zone NOT NULL, b interval DEFAULT interval '1' day NOT NULL, c text DEFAULT 'a' COLLATE \"C\")",
                "Permanent t (a timestamp <default `timezone('utc'::text, now())::timestamp without time zone`> <not null>; b interval <default `interval '1' day`> <not null>; c text collate:C <default `'a'`>)",
            ),
            (
                "CREATE TABLE t (a int DEFAULT CASE WHEN true THEN 1 ELSE 2 END UNIQUE, b int[] DEFAULT ARRAY[1, 2] NOT NULL, c jsonb DEFAULT '{}' NOT NULL, d date DEFAULT CURRENT_DATE)",
                "Permanent t (a int <default `CASE WHEN true THEN 1 ELSE 2 END`> <unique>; b int[] <default `ARRAY[1, 2]`> <not null>; c jsonb <default `'{}'`> <not null>; d date <default `CURRENT_DATE`>)",
            ),
            (
                "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY (START 5), g int GENERATED ALWAYS AS (id * 2) STORED, v int GENERATED ALWAYS AS (id) VIRTUAL, w int GENERATED ALWAYS AS (id))",
                "Permanent t (id int <identity always=true Start(\"5\")>; g int <generated `id * 2` stored>; v int <generated `id`>; w int <generated `id`>)",
            ),
            (
                "CREATE TABLE t (a text STORAGE main COMPRESSION lz4 UNIQUE NULLS NOT DISTINCT WITH (fillfactor = 70) USING INDEX TABLESPACE ts, b int CHECK (b > 0) NOT ENFORCED)",
                "Permanent t (a text storage:main compression:lz4 <unique nnd>; b int <check `b > 0` -enforced>)",
            ),
            (
                "CREATE TABLE t (LIKE u INCLUDING ALL, a int, PRIMARY KEY (a), CONSTRAINT c NOT NULL a, EXCLUDE (a WITH =)) INHERITS (p, s.q) WITH (fillfactor = 70) TABLESPACE ts",
                "Permanent t (a int; primary(a); c: not null a; exclude (a with =)) like:u+All inherits:p,s.q with(fillfactor=70) tablespace:ts",
            ),
            (
                "CREATE TABLE t (a int) PARTITION BY RANGE (a, lower(b)) USING heap",
                "Permanent t (a int) using:heap PARTITION BY RANGE (a, lower(b))",
            ),
            (
                "CREATE TABLE p PARTITION OF t FOR VALUES IN (1, 2)",
                "Permanent p () of t FOR VALUES IN (1, 2)",
            ),
            (
                "CREATE TABLE p PARTITION OF t (a DEFAULT 5, CHECK (a > 0)) DEFAULT PARTITION BY LIST (b)",
                "Permanent p (a  <default `5`>; check `a > 0`) of t DEFAULT PARTITION BY LIST (b)",
            ),
            (
                "CREATE TABLE t OF ty (a WITH OPTIONS PRIMARY KEY)",
                "Permanent t (a  <primary key>) of type ty",
            ),
            (
                "CREATE TABLE t AS SELECT * FROM u WITH NO DATA",
                "Permanent t () as() `SELECT * FROM u` reads:u no data",
            ),
            (
                "CREATE TABLE t (a, b) AS (SELECT 1, 2)",
                "Permanent t () as(a,b) `(SELECT 1, 2)` reads:",
            ),
            (
                "CREATE TABLE t (name text, type text, value int, date date, time time, year int, text text)",
                "Permanent t (name text; type text; value int; date date; time time; year int; text text)",
            ),
        ]);
    }

    #[test]
    fn mistakes_are_errors() {
        check_error(&[
            (
                "CREATE TABLE t",
                "Expected `(`, AS, OF or PARTITION OF, but the statement ends here.",
            ),
            ("CREATE TABLE t (a int,)", "Expected a column, found `)`."),
            (
                "CREATE TABLE t (a int b int)",
                "Expected `,` or `)`, found `b`.",
            ),
            (
                "CREATE TABLE t (a, b)",
                "Expected AS and a query, but the statement ends here.",
            ),
            (
                "CREATE TABLE t (a int) ENGINE = InnoDB",
                "Expected the end of the statement, found `ENGINE`.",
            ),
            (
                "CREATE TABLE t (a int AUTO_INCREMENT)",
                "Expected `,` or `)`, found `AUTO_INCREMENT`.",
            ),
        ]);
    }
}
