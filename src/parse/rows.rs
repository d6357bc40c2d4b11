//! Statements on rows taken apart as far as batches need it: the relation whose rows are walked,
//! its alias, and the places where a range of rows can be put in.
//!
//! Everything is kept as the bytes that were written. What does not have the expected form is
//! `None`: then it is one statement and nothing else.

use crate::{
    ident::{Ident, QualifiedName},
    parse::{
        cursor::Cursor,
        expr::{self, Expr},
        tokens::{self, TokenKind},
    },
};

/// What a statement does to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsKind {
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
    /// `INSERT … SELECT`.
    Insert,
}

/// `before relation [AS alias] middle [WHERE predicate] after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsStatement {
    /// What it does.
    pub kind: RowsKind,
    /// Everything in front of the relation whose rows are walked, without `ONLY`.
    pub before: String,
    /// `ONLY` was written.
    pub only: bool,
    /// That relation: the target, or for `INSERT` the first one of the query's `FROM`.
    pub relation: QualifiedName,
    /// Its alias.
    pub alias: Option<Ident>,
    /// `SET …`, `FROM …`, `USING …`, joins: what stands between the relation and `WHERE`.
    pub middle: String,
    /// The relations of `FROM` (UPDATE) or `USING` (DELETE), as written.
    pub others: Option<String>,
    /// The condition.
    pub predicate: Option<Expr>,
    /// `ON CONFLICT …`.
    pub after: String,
    /// The relations it names besides that one; that one too, where it is named again.
    pub reads: Vec<QualifiedName>,
}

impl RowsStatement {
    /// `SET column = value`, in order; `None` when the list has another form.
    pub fn assignments(&self) -> Option<Vec<(Ident, Expr)>> {
        super::ddl::set_list(&self.middle)
    }

    /// The `WITH` list in front of it, or nothing.
    pub fn with(&self) -> &str {
        let end = self.before.len().saturating_sub("update".len());
        self.before
            .get(..end)
            .filter(|text| {
                text.get(..4)
                    .is_some_and(|w| w.eq_ignore_ascii_case("with"))
            })
            .unwrap_or_default()
    }

    /// With what it reads.
    fn reading(mut self) -> Self {
        let predicate = self.predicate.as_ref().map_or("true", |found| &found.text);
        let text = format!("{} _ {} WHERE {predicate}", self.before, self.middle);
        self.reads = super::ddl::relations_read(&text);
        self.reads.retain(|name| name.to_string() != "_");
        self
    }
}

/// Takes a statement apart.
pub fn rows_statement(sql: &str) -> Option<RowsStatement> {
    let list = tokens::tokens(sql);
    let mut cursor = Cursor::new(sql, &list);
    if cursor.eat_kw("with") {
        cursor.skip_until(|cursor| cursor.is_any_kw(&["update", "delete", "insert", "select"]));
    }
    let parts = if cursor.eat_kw("update") {
        update(sql, cursor)
    } else if cursor.eat(&["delete", "from"]) {
        delete(sql, cursor)
    } else if cursor.eat(&["insert", "into"]) {
        insert(sql, cursor)
    } else {
        None
    };
    parts.map(RowsStatement::reading)
}

/// Whether it is an `INSERT … SELECT` of one row that sums up all that it reads.
pub fn inserts_one_row(sql: &str) -> bool {
    let list = tokens::tokens(sql);
    let mut cursor = Cursor::new(sql, &list);
    if !cursor.eat(&["insert", "into"]) {
        return false;
    }
    cursor.skip_until(|cursor| cursor.is_kw("select"));
    let mut sums_up = false;
    cursor.skip_until(|cursor| {
        let called = cursor
            .peek_at(1)
            .is_some_and(|next| next.kind == TokenKind::LeftParen);
        sums_up |= called && cursor.is_any_kw(AGGREGATES);
        cursor.is_any_kw(&["from", "group", "over", "union", "intersect", "except"])
    });
    if !sums_up || !cursor.is_kw("from") {
        return false;
    }
    cursor.skip_until(|cursor| cursor.is_any_kw(&["group", "union", "intersect", "except"]));
    cursor.at_end()
}

/// The bytes from token `from` up to but without token `to`.
fn text<'a>(sql: &'a str, cursor: &Cursor<'_>, from: usize, to: usize) -> &'a str {
    crate::parse::cursor::span_of(cursor.between(from, to)).of(sql)
}

struct Walked {
    only: bool,
    relation: QualifiedName,
    alias: Option<Ident>,
}

/// `[ONLY] name [*] [[AS] alias]`; words in `clauses` are no alias.
fn walked(cursor: &mut Cursor<'_>, clauses: &[&str]) -> Option<Walked> {
    let only = cursor.eat_kw("only");
    let parenthesised = only && cursor.eat_kind(TokenKind::LeftParen);
    let relation = cursor.qualified("a table").ok()?;
    if parenthesised && !cursor.eat_kind(TokenKind::RightParen) {
        return None;
    }
    if cursor.kind() == Some(TokenKind::LeftParen) {
        // A function's rows, or a column list behind an alias.
        return None;
    }
    cursor.eat_operator("*");
    let alias = if cursor.eat_kw("as") {
        Some(cursor.name("an alias").ok()?)
    } else if cursor.is_any_kw(clauses) {
        None
    } else {
        cursor.peek_name().inspect(|_| cursor.bump_name())
    };
    if cursor.kind() == Some(TokenKind::LeftParen) {
        return None;
    }
    Some(Walked {
        only,
        relation,
        alias,
    })
}

/// The condition behind `WHERE`, up to `RETURNING`.
fn condition(sql: &str, cursor: &mut Cursor<'_>) -> Option<Expr> {
    let start = cursor.index();
    cursor.skip_until(|cursor| cursor.is_kw("returning"));
    if cursor.index() == start || is_cursor(cursor, start) {
        return None;
    }
    Some(expr::expr_from_text(text(
        sql,
        cursor,
        start,
        cursor.index(),
    )))
}

fn is_cursor(cursor: &Cursor<'_>, start: usize) -> bool {
    let mut at = cursor.clone();
    at.seek(start);
    at.is_kws(&["current", "of"])
}

fn update(sql: &str, mut cursor: Cursor<'_>) -> Option<RowsStatement> {
    let before = text(sql, &cursor, 0, cursor.index()).to_owned();
    let walked = walked(&mut cursor, &["set"])?;
    let start = cursor.index();
    if !cursor.eat_kw("set") {
        return None;
    }
    let after_distinct = |cursor: &Cursor<'_>| {
        let at = cursor.index().saturating_sub(1);
        let before = cursor.between(at, at + 1);
        before
            .first()
            .is_some_and(|token| token.is_word(cursor.source(), "distinct"))
    };
    cursor.skip_until(|cursor| {
        cursor.is_any_kw(&["where", "returning"]) || cursor.is_kw("from") && !after_distinct(cursor)
    });
    let mut others = None;
    if cursor.eat_kw("from") {
        let from = cursor.index();
        cursor.skip_until(|cursor| cursor.is_any_kw(&["where", "returning"]));
        others = Some(text(sql, &cursor, from, cursor.index()).to_owned());
    }
    let middle = text(sql, &cursor, start, cursor.index()).to_owned();
    let mut predicate = None;
    if cursor.eat_kw("where") {
        predicate = Some(condition(sql, &mut cursor)?);
    }
    cursor.at_end().then_some(RowsStatement {
        kind: RowsKind::Update,
        before,
        only: walked.only,
        relation: walked.relation,
        alias: walked.alias,
        middle,
        others,
        predicate,
        after: String::new(),
        reads: Vec::new(),
    })
}

fn delete(sql: &str, mut cursor: Cursor<'_>) -> Option<RowsStatement> {
    let before = text(sql, &cursor, 0, cursor.index()).to_owned();
    let walked = walked(&mut cursor, &["using", "where", "returning"])?;
    let start = cursor.index();
    let mut others = None;
    if cursor.eat_kw("using") {
        let from = cursor.index();
        cursor.skip_until(|cursor| cursor.is_any_kw(&["where", "returning"]));
        others = Some(text(sql, &cursor, from, cursor.index()).to_owned());
    }
    let middle = text(sql, &cursor, start, cursor.index()).to_owned();
    let mut predicate = None;
    if cursor.eat_kw("where") {
        predicate = Some(condition(sql, &mut cursor)?);
    }
    cursor.at_end().then_some(RowsStatement {
        kind: RowsKind::Delete,
        before,
        only: walked.only,
        relation: walked.relation,
        alias: walked.alias,
        middle,
        others,
        predicate,
        after: String::new(),
        reads: Vec::new(),
    })
}

/// Words that make one row of the result out of several rows, or cut the result off: then a part
/// of the rows does not give a part of the result.
const WHOLE: &[&str] = &[
    "group",
    "having",
    "window",
    "union",
    "intersect",
    "except",
    "order",
    "limit",
    "offset",
    "fetch",
    "for",
    "right",
    "full",
];

/// Functions that make one value of several rows.
const AGGREGATES: &[&str] = &[
    "any_value",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "every",
    "json_agg",
    "json_arrayagg",
    "json_object_agg",
    "json_objectagg",
    "jsonb_agg",
    "jsonb_object_agg",
    "max",
    "min",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "range_agg",
    "range_intersect_agg",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "var_pop",
    "var_samp",
    "variance",
    "xmlagg",
];

fn insert(sql: &str, mut cursor: Cursor<'_>) -> Option<RowsStatement> {
    cursor.qualified("a table").ok()?;
    if cursor.eat_kw("as") {
        cursor.name("an alias").ok()?;
    }
    if cursor.kind() == Some(TokenKind::LeftParen) && !cursor.is_kw_at(1, "select") {
        cursor.skip_balanced();
    }
    if cursor.eat_kw("overriding") {
        cursor.bump();
        cursor.eat_kw("value");
    }
    if !cursor.eat_kw("select") || cursor.is_kw("distinct") {
        return None;
    }
    let select = cursor.index();
    cursor.skip_until(|cursor| cursor.is_kw("from") || cursor.is_any_kw(WHOLE));
    let values = expr::expr_from_text(&format!(
        "ROW({})",
        text(sql, &cursor, select, cursor.index())
    ));
    let over = cursor
        .between(select, cursor.index())
        .iter()
        .any(|token| token.is_word(sql, "over") || token.is_word(sql, "filter"));
    let aggregates = values
        .functions
        .iter()
        .any(|name| AGGREGATES.contains(&name.name.as_str()));
    if over || aggregates || !cursor.eat_kw("from") {
        return None;
    }
    let before = text(sql, &cursor, 0, cursor.index()).to_owned();
    let clauses = [
        "where",
        "on",
        "returning",
        "join",
        "inner",
        "left",
        "cross",
        "natural",
        "lateral",
        "tablesample",
    ];
    let ends = |cursor: &Cursor<'_>| {
        cursor.is_any_kw(&["where", "returning"])
            || cursor.is_kws(&["on", "conflict"])
            || cursor.is_any_kw(WHOLE)
    };
    if cursor.is_any_kw(WHOLE) {
        return None;
    }
    let walked = walked(&mut cursor, &[&clauses[..], WHOLE].concat())?;
    let start = cursor.index();
    cursor.skip_until(ends);
    let middle = text(sql, &cursor, start, cursor.index()).to_owned();
    let mut condition = None;
    if cursor.eat_kw("where") {
        let from = cursor.index();
        cursor.skip_until(ends);
        if cursor.index() == from {
            return None;
        }
        condition = Some(expr::expr_from_text(text(
            sql,
            &cursor,
            from,
            cursor.index(),
        )));
    }
    let from = cursor.index();
    if cursor.eat(&["on", "conflict"]) {
        cursor.skip_until(|cursor| cursor.is_kw("returning"));
    }
    let after = text(sql, &cursor, from, cursor.index()).to_owned();
    cursor.at_end().then_some(RowsStatement {
        kind: RowsKind::Insert,
        before,
        only: walked.only,
        relation: walked.relation,
        alias: walked.alias,
        middle,
        others: None,
        predicate: condition,
        after,
        reads: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(sql: &str) -> String {
        rows_statement(sql).map_or_else(
            || "-".to_owned(),
            |found| {
                format!(
                    "{} | {}{}{} | {} | {} | {}",
                    found.before,
                    if found.only { "only " } else { "" },
                    found.relation,
                    found
                        .alias
                        .map_or_else(String::new, |alias| format!(" as {alias}")),
                    found.middle,
                    found
                        .predicate
                        .map_or_else(String::new, |predicate| predicate.text),
                    found.after,
                )
            },
        )
    }

    #[test]
    fn a_range_of_rows_can_be_put_in() {
        for (sql, expected) in [
            (
                "UPDATE s.t x SET a = b IS DISTINCT FROM c FROM u WHERE u.id = x.id",
                "UPDATE | s.t as x | SET a = b IS DISTINCT FROM c FROM u | u.id = x.id | ",
            ),
            (
                "WITH q AS (SELECT 1) UPDATE ONLY t SET (a, b) = (1, 2)",
                "WITH q AS (SELECT 1) UPDATE | only t | SET (a, b) = (1, 2) |  | ",
            ),
            (
                "DELETE FROM t USING u WHERE t.id = u.id AND u.x IN (SELECT 1 WHERE true)",
                "DELETE FROM | t | USING u | t.id = u.id AND u.x IN (SELECT 1 WHERE true) | ",
            ),
            (
                "DELETE FROM \"T\" AS x",
                "DELETE FROM | \"T\" as x |  |  | ",
            ),
            (
                "INSERT INTO t (a, b) SELECT x.a, count_of(b) FROM s.x WHERE a > 0 \
                 ON CONFLICT (a) DO NOTHING",
                "INSERT INTO t (a, b) SELECT x.a, count_of(b) FROM | s.x |  | a > 0 | \
                 ON CONFLICT (a) DO NOTHING",
            ),
            (
                "INSERT INTO t SELECT a FROM u v JOIN w ON v.id = w.id ON CONFLICT DO NOTHING",
                "INSERT INTO t SELECT a FROM | u as v | JOIN w ON v.id = w.id |  | \
                 ON CONFLICT DO NOTHING",
            ),
        ] {
            assert_eq!(summary(sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_relation_that_is_named_again_is_read() {
        for (sql, expected) in [
            ("DELETE FROM t WHERE t.a = 1", ""),
            (
                "DELETE FROM t WHERE NOT EXISTS (SELECT FROM u WHERE u.id = t.id)",
                "u",
            ),
            ("DELETE FROM t a USING t b WHERE a.id < b.id", "t"),
            (
                "DELETE FROM t WHERE id NOT IN (SELECT min(id) FROM t GROUP BY a)",
                "t",
            ),
            ("UPDATE t SET a = (SELECT max(b) FROM s.t x)", "s.t"),
            ("WITH q AS (SELECT a FROM t) UPDATE t SET a = 1 FROM q", "t"),
            ("INSERT INTO t SELECT a FROM u JOIN v ON true", "v"),
        ] {
            let found = rows_statement(sql).expect(sql);
            let names: Vec<String> = found.reads.iter().map(ToString::to_string).collect();
            assert_eq!(names.join(" "), expected, "{sql}");
        }
    }

    #[test]
    fn a_sum_of_all_rows_is_one_row() {
        for (sql, expected) in [
            (
                "INSERT INTO t SELECT 'n', json_agg(a)::text FROM u HAVING count(*) > 0",
                true,
            ),
            ("INSERT INTO t (a) SELECT max(a) FROM u WHERE b", true),
            ("INSERT INTO t SELECT a, max(b) FROM u GROUP BY a", false),
            ("INSERT INTO t SELECT sum(a) OVER () FROM u", false),
            ("INSERT INTO t SELECT (SELECT max(b) FROM v) FROM u", false),
            (
                "INSERT INTO t SELECT max(a) FROM u UNION ALL SELECT a FROM u",
                false,
            ),
            ("INSERT INTO t SELECT a FROM u", false),
        ] {
            assert_eq!(inserts_one_row(sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_is_more_than_its_parts_is_not_taken_apart() {
        for sql in [
            "INSERT INTO t SELECT DISTINCT a FROM u",
            "INSERT INTO t SELECT max(a) FROM u",
            "INSERT INTO t SELECT row_number() OVER () FROM u",
            "INSERT INTO t SELECT a FROM u GROUP BY a",
            "INSERT INTO t SELECT a FROM u UNION SELECT b FROM v",
            "INSERT INTO t SELECT a FROM u RIGHT JOIN v ON true",
            "INSERT INTO t SELECT a FROM u LIMIT 3",
            "INSERT INTO t SELECT * FROM generate_series(1, 3)",
            "INSERT INTO t SELECT a FROM u RETURNING a",
            "INSERT INTO t VALUES (1)",
            "INSERT INTO t SELECT 1",
            "UPDATE t SET a = 1 WHERE CURRENT OF c",
            "UPDATE t SET a = 1 RETURNING a",
            "DELETE FROM t WHERE a RETURNING b",
            "SELECT 1",
            "",
        ] {
            assert_eq!(summary(sql), "-", "{sql}");
        }
    }
}
