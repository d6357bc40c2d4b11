//! Statements on rows.
//!
//! Only a plain `UPDATE` of one table is taken apart; of the others zdm needs to know the tables
//! they change and read.

use super::{clause, opaque, relations, utility};
use crate::{
    ident::{Ident, QualifiedName},
    parse::{
        cursor::{Cursor, Parsed},
        expr::{self, Expr},
        statement::{Data, DataKind, StatementKind, Update},
        tokens::TokenKind,
    },
};

/// The statement, if it is of this family.
pub(super) fn data(cursor: &mut Cursor<'_>) -> Parsed<Option<StatementKind>> {
    if cursor.is_kw("update") {
        return update(cursor).map(Some);
    }
    if cursor.is_kw("truncate") {
        return truncate(cursor).map(Some);
    }
    if cursor.is_kw("copy") {
        return copy(cursor).map(Some);
    }
    let kind = match main_word(cursor) {
        Some("insert") => DataKind::Insert,
        Some("update") => DataKind::Update,
        Some("delete") => DataKind::Delete,
        Some("merge") => DataKind::Merge,
        Some(_) => DataKind::Select,
        None => return Ok(None),
    };
    head(cursor)?;
    Ok(Some(other(cursor, kind)))
}

/// The word that says what the statement is, behind a `WITH` list and parentheses.
fn main_word(cursor: &Cursor<'_>) -> Option<&'static str> {
    let mut ahead = cursor.clone();
    let with = ahead.eat_kw("with");
    if !with && ahead.kind() == Some(TokenKind::LeftParen) {
        while ahead.eat_kind(TokenKind::LeftParen) {}
        return ["select", "values", "table", "with"]
            .into_iter()
            .find(|word| ahead.is_kw(word));
    }
    loop {
        for word in [
            "insert", "update", "delete", "merge", "select", "values", "table",
        ] {
            if ahead.is_kw(word) {
                return Some(word);
            }
        }
        if !with || ahead.at_end() {
            return None;
        }
        if ahead.kind() == Some(TokenKind::LeftParen) && ahead.index() > 1 {
            ahead.skip_balanced();
        } else {
            ahead.bump();
        }
    }
}

/// Checks the first words of what is not looked into further.
fn head(cursor: &Cursor<'_>) -> Parsed<()> {
    let mut ahead = cursor.clone();
    for (word, next) in [("insert", "into"), ("delete", "from"), ("merge", "into")] {
        if ahead.eat_kw(word) {
            ahead.expect(&[next])?;
            clause::relation(&mut ahead, "a table")?;
            return Ok(());
        }
    }
    Ok(())
}

fn other(cursor: &mut Cursor<'_>, kind: DataKind) -> StatementKind {
    let source = cursor.source();
    let tokens = cursor.between(0, token_count(cursor));
    if kind == DataKind::Select && selects_into(cursor) {
        return utility::select_into(cursor)
            .unwrap_or_else(|| StatementKind::Opaque(opaque::opaque_rest(cursor)));
    }
    let found = relations::relations(source, tokens);
    // A query whose WITH list changes rows is no mere query.
    let kind = if kind == DataKind::Select && !found.targets.is_empty() {
        let changes = |word: &str| tokens.iter().any(|token| token.is_word(source, word));
        if changes("insert") {
            DataKind::Insert
        } else if changes("delete") {
            DataKind::Delete
        } else if changes("merge") {
            DataKind::Merge
        } else {
            DataKind::Update
        }
    } else {
        kind
    };
    let mut filtered = false;
    let mut from_query = false;
    let mut ahead = cursor.clone();
    let mut past_target = false;
    while let Some(token) = ahead.peek() {
        if ahead.is_kw("where") {
            filtered = true;
        }
        if kind == DataKind::Insert && ahead.is_any_kw(&["select", "table"]) {
            from_query = true;
        }
        if token.kind == TokenKind::LeftParen {
            // A column list, or a query in parentheses.
            if kind == DataKind::Insert
                && past_target
                && (ahead.is_kw_at(1, "select") || ahead.is_kw_at(1, "with"))
                && !values_before(cursor, ahead.index())
            {
                from_query = true;
            }
            ahead.skip_balanced();
        } else {
            past_target |= ahead.is_kw("into");
            ahead.bump();
        }
    }
    StatementKind::Data(Data {
        kind,
        targets: found.targets,
        reads: found.reads,
        filtered,
        from_query,
        locks_rows: locks_rows(cursor),
    })
}

/// `FOR UPDATE` and its relatives, also in a query within.
fn locks_rows(cursor: &Cursor<'_>) -> bool {
    let tokens = cursor.between(cursor.index(), token_count(cursor));
    let is = |at: usize, word| {
        let token = tokens.get(at);
        token.is_some_and(|token| token.is_word(cursor.source(), word))
    };
    (0..tokens.len()).any(|at| {
        is(at, "for")
            && ["update", "share", "no", "key"]
                .iter()
                .any(|word| is(at + 1, word))
    })
}

fn values_before(cursor: &Cursor<'_>, index: usize) -> bool {
    cursor
        .between(cursor.index(), index)
        .iter()
        .any(|token| token.is_word(cursor.source(), "values"))
}

fn token_count(cursor: &Cursor<'_>) -> usize {
    let mut ahead = cursor.clone();
    while !ahead.at_end() {
        ahead.bump();
    }
    ahead.index()
}

/// `SELECT … INTO table`: creates a table.
fn selects_into(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    while !ahead.at_end() {
        if ahead.is_kw("into") {
            return true;
        }
        if ahead.is_kw("from") {
            return false;
        }
        ahead.skip_balanced();
    }
    false
}

fn update(cursor: &mut Cursor<'_>) -> Parsed<StatementKind> {
    let whole = cursor.clone();
    cursor.expect(&["update"])?;
    let relation = clause::relation(cursor, "a table")?;
    let alias = if cursor.eat_kw("as") {
        Some(cursor.name("an alias")?)
    } else if cursor.is_kw("set") {
        None
    } else {
        cursor.peek_name().inspect(|_| cursor.bump_name())
    };
    cursor.expect(&["set"])?;
    let assignments = assignments(cursor)?;
    let mut other_clauses = false;
    let mut predicate = None;
    if cursor.eat_kw("from") {
        other_clauses = true;
        cursor.skip_until(|cursor| cursor.is_any_kw(&["where", "returning"]));
    }
    if cursor.eat_kw("where") {
        let start = cursor.index();
        cursor.skip_until(|cursor| cursor.is_kw("returning"));
        if cursor.index() == start {
            return Err(cursor.expected("a condition"));
        }
        if whole_is(cursor, start, &["current", "of"]) {
            other_clauses = true;
        }
        predicate = Some(expr::expr_from_tokens(
            cursor.source(),
            cursor.between(start, cursor.index()),
        ));
    }
    if cursor.eat_kw("returning") {
        other_clauses = true;
        cursor.skip_until(|_| false);
    }
    cursor.expect_end()?;
    if relation.only {
        // Without the children: not what a plain update of the table would be.
        let mut whole = whole;
        return Ok(other(&mut whole, DataKind::Update));
    }
    let tokens = cursor.between(0, cursor.index());
    let found = relations::relations(cursor.source(), tokens);
    Ok(StatementKind::Update(Update {
        table: relation.name,
        alias,
        assignments,
        predicate,
        other_clauses,
        reads: found.reads,
    }))
}

fn whole_is(cursor: &Cursor<'_>, start: usize, words: &[&str]) -> bool {
    let mut at = cursor.clone();
    at.seek(start);
    at.is_kws(words)
}

/// The same list from a text that begins with `SET`; `(column) = (SELECT …)` counts as
/// `column = (SELECT …)` here.
pub(crate) fn set_list(source: &str) -> Option<Vec<(Ident, Expr)>> {
    let tokens = crate::parse::tokens::tokens(source);
    let mut cursor = Cursor::new(source, &tokens);
    cursor.expect(&["set"]).ok()?;
    let parts = cursor.separated(|cursor| {
        let mut ahead = cursor.clone();
        if ahead.eat_kind(TokenKind::LeftParen)
            && let Ok(column) = ahead.name("a column")
            && ahead.eat_kind(TokenKind::RightParen)
            && ahead.eat_operator("=")
            && (ahead.is_kw_at(1, "select") || ahead.is_kw_at(1, "with"))
        {
            *cursor = ahead;
            return Ok((column, value(cursor)?));
        }
        let column = cursor.name("a column")?;
        equals(cursor)?;
        Ok((column, value(cursor)?))
    });
    parts.ok()
}

/// The list behind `SET`; `None` when it is not `column = expression` throughout.
fn assignments(cursor: &mut Cursor<'_>) -> Parsed<Option<Vec<(Ident, Expr)>>> {
    let parts = cursor.separated(|cursor| {
        if cursor.kind() == Some(TokenKind::LeftParen) {
            cursor.parenthesised()?;
            equals(cursor)?;
            value(cursor)?;
            return Ok(None);
        }
        let column = cursor.name("a column")?;
        let mut plain = true;
        loop {
            if cursor.eat_kind(TokenKind::Dot) {
                cursor.label("a field")?;
            } else if cursor.kind() == Some(TokenKind::LeftBracket) {
                cursor.skip_balanced();
            } else {
                break;
            }
            plain = false;
        }
        equals(cursor)?;
        let value = value(cursor)?;
        Ok(plain.then_some((column, value)))
    })?;
    Ok(parts.into_iter().collect())
}

fn equals(cursor: &mut Cursor<'_>) -> Parsed<()> {
    if cursor.eat_operator("=") {
        Ok(())
    } else {
        Err(cursor.expected("`=`"))
    }
}

/// The value of one assignment: up to a comma or the next clause. `FROM` is a clause unless
/// `DISTINCT` is in front of it.
fn value(cursor: &mut Cursor<'_>) -> Parsed<Expr> {
    let start = cursor.index();
    let mut expr = clause::expr_until(cursor, |cursor| {
        if cursor.is_any_kw(&["where", "returning"]) {
            return true;
        }
        let before = cursor.index().checked_sub(1);
        let distinct = before.is_some_and(|at| {
            at >= start
                && cursor
                    .between(at, at + 1)
                    .first()
                    .is_some_and(|t| t.is_word(cursor.source(), "distinct"))
        });
        cursor.is_kw("from") && !distinct
    })?;
    if expr.text.eq_ignore_ascii_case("default") {
        // The column's default is no expression of its own.
        expr.understood = false;
    }
    Ok(expr)
}

fn truncate(cursor: &mut Cursor<'_>) -> Parsed<StatementKind> {
    cursor.expect(&["truncate"])?;
    cursor.eat_kw("table");
    let targets = cursor.separated(|cursor| Ok(clause::relation(cursor, "a table")?.name))?;
    if !cursor.eat(&["restart", "identity"]) {
        cursor.eat(&["continue", "identity"]);
    }
    clause::behavior(cursor);
    cursor.expect_end()?;
    Ok(StatementKind::Data(Data {
        kind: DataKind::Truncate,
        targets,
        reads: Vec::new(),
        filtered: false,
        from_query: false,
        locks_rows: false,
    }))
}

fn copy(cursor: &mut Cursor<'_>) -> Parsed<StatementKind> {
    cursor.expect(&["copy"])?;
    cursor.eat_kw("binary");
    let mut data = Data {
        kind: DataKind::Copy,
        targets: Vec::new(),
        reads: Vec::new(),
        filtered: false,
        from_query: false,
        locks_rows: false,
    };
    if cursor.kind() == Some(TokenKind::LeftParen) {
        let (from, to) = cursor.parenthesised()?;
        let found = relations::relations(cursor.source(), cursor.between(from, to));
        data.targets = found.targets;
        data.reads = found.reads;
        data.from_query = true;
        cursor.expect(&["to"])?;
        return Ok(StatementKind::Data(data));
    }
    let table: QualifiedName = cursor.qualified("a table")?;
    if cursor.kind() == Some(TokenKind::LeftParen) {
        cursor.name_list("a column")?;
    }
    if cursor.eat_kw("from") {
        data.targets.push(table);
    } else if cursor.eat_kw("to") {
        data.reads.push(table);
    } else {
        return Err(cursor.expected("FROM or TO"));
    }
    while !cursor.at_end() {
        data.filtered |= cursor.is_kw("where");
        cursor.bump();
    }
    Ok(StatementKind::Data(data))
}

#[cfg(test)]
mod tests {
    use crate::parse::ddl::summary::{check, check_error};

    #[test]
    fn plain_updates_are_taken_apart() {
        check(&[
            ("UPDATE t SET a = 1", "update t set a=`1` reads:"),
            (
                "UPDATE s.t AS x SET a = lower(x.b), \"C\" = DEFAULT WHERE a IS DISTINCT FROM b",
                "update s.t as x set a=`lower(x.b)`; C=`DEFAULT`? where `a IS DISTINCT FROM b` reads:",
            ),
            (
                "UPDATE t x SET a = b IS DISTINCT FROM c FROM u, v WHERE u.id = x.id RETURNING *",
                "update t as x set a=`b IS DISTINCT FROM c` where `u.id = x.id` + reads:u,v",
            ),
            (
                "UPDATE t SET a = (SELECT max(b) FROM u WHERE u.id = t.id), c = extract(year from d)",
                "update t set a=`(SELECT max(b) FROM u WHERE u.id = t.id)`; c=`extract(year from d)` reads:u",
            ),
            ("UPDATE t SET (a, b) = (1, 2)", "update t set ? reads:"),
            ("UPDATE t SET a[1] = 2, b.c = 3", "update t set ? reads:"),
            ("UPDATE ONLY t SET a = 1 WHERE b", "Update t <-  filtered"),
            (
                "WITH q AS (SELECT 1) UPDATE t SET a = 1 FROM q",
                "Update t <- ",
            ),
        ]);
        check_error(&[
            ("UPDATE t a = 1", "Expected SET, found `=`."),
            (
                "UPDATE t SET a",
                "Expected `=`, but the statement ends here.",
            ),
            (
                "UPDATE t SET a = ",
                "Expected an expression, but the statement ends here.",
            ),
            (
                "UPDATE t SET a = 1 WHERE",
                "Expected a condition, but the statement ends here.",
            ),
            (
                "UPDATE t SET a = WHERE b",
                "Expected an expression, found `WHERE`.",
            ),
        ]);
    }

    #[test]
    fn other_statements_say_what_they_touch() {
        check(&[
            (
                "INSERT INTO t (a, b) VALUES (1, 2) ON CONFLICT (a) DO UPDATE SET b = 3",
                "Insert t <- ",
            ),
            (
                "INSERT INTO t SELECT a FROM u JOIN v ON u.id = v.id WHERE a > 0",
                "Insert t <- u,v filtered query",
            ),
            ("INSERT INTO t (a) (SELECT b FROM u)", "Insert t <- u query"),
            ("INSERT INTO t VALUES ((SELECT 1 FROM u))", "Insert t <- u"),
            (
                "DELETE FROM ONLY t USING u, v WHERE t.id = u.id",
                "Delete t <- u,v filtered",
            ),
            (
                "MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT VALUES (1)",
                "Merge t <- u",
            ),
            (
                "TRUNCATE TABLE ONLY a, s.b RESTART IDENTITY CASCADE",
                "Truncate a,s.b <- ",
            ),
            ("COPY t (a) FROM '/x' WHERE a > 1", "Copy t <-  filtered"),
            ("COPY t TO STDOUT", "Copy  <- t"),
            ("COPY (SELECT * FROM t) TO STDOUT", "Copy  <- t query"),
            (
                "SELECT * FROM a, LATERAL (SELECT * FROM b) x, ONLY (c), f(1), s.d LEFT JOIN e USING (id) WHERE x IN (SELECT y FROM g)",
                "Select  <- a,b,c,s.d,e,g filtered",
            ),
            (
                "SELECT extract(year FROM ts), substring(a from 1) FROM t FOR UPDATE",
                "Select  <- t",
            ),
            ("SELECT a IS DISTINCT FROM b FROM t", "Select  <- t"),
            (
                "WITH q AS (SELECT * FROM t), r AS (SELECT * FROM q) SELECT * FROM r",
                "Select  <- t",
            ),
            (
                "WITH users AS (SELECT * FROM users) SELECT * FROM users",
                "Select  <- users",
            ),
            (
                "WITH d AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM d",
                "Insert t,u <-  query",
            ),
            (
                "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
                "Delete t <- ",
            ),
            ("VALUES (1)", "Select  <- "),
            ("TABLE t", "Select  <- t"),
            ("(SELECT 1 FROM a) UNION SELECT 2 FROM b", "Select  <- a,b"),
            ("SELECT * INTO x FROM t", "SELECT INTO: x,t"),
        ]);
        check_error(&[
            ("INSERT t VALUES (1)", "Expected INTO, found `t`."),
            ("DELETE t", "Expected FROM, found `t`."),
            ("TRUNCATE", "Expected a table, but the statement ends here."),
            (
                "COPY t",
                "Expected FROM or TO, but the statement ends here.",
            ),
        ]);
    }
}
