//! `CREATE [UNIQUE] INDEX`.

use super::{clause, constraint};
use crate::parse::{
    cursor::{Cursor, Parsed},
    expr,
    statement::{CreateIndex, IndexColumn, StatementKind},
    tokens::TokenKind,
};

/// Whether the statement is of this family.
pub(super) fn is_create_index(cursor: &Cursor<'_>) -> bool {
    cursor.is_kws(&["create", "index"]) || cursor.is_kws(&["create", "unique", "index"])
}

/// The whole statement.
pub(super) fn create_index(cursor: &mut Cursor<'_>) -> Parsed<StatementKind> {
    cursor.expect(&["create"])?;
    let unique = cursor.eat_kw("unique");
    cursor.expect(&["index"])?;
    let concurrently = cursor.eat_kw("concurrently");
    let if_not_exists = clause::if_not_exists(cursor);
    let name = if cursor.is_kw("on") && !if_not_exists {
        None
    } else {
        Some(cursor.name("an index name or ON")?)
    };
    cursor.expect(&["on"])?;
    let relation = clause::relation(cursor, "a table")?;
    let start = cursor.index();
    let method = if cursor.eat_kw("using") {
        Some(cursor.name("an index method")?)
    } else {
        None
    };
    let columns = cursor.list(index_column)?;
    let include = if cursor.eat_kw("include") {
        cursor.name_list("a column")?
    } else {
        Vec::new()
    };
    let nulls_not_distinct = constraint::nulls_not_distinct(cursor)?;
    let options = if cursor.eat_kw("with") {
        let start = cursor.index();
        clause::options(cursor)?;
        Some(cursor.span_from(start))
    } else {
        None
    };
    let tablespace = if cursor.eat_kw("tablespace") {
        Some(cursor.name("a tablespace")?)
    } else {
        None
    };
    let predicate = if cursor.eat_kw("where") {
        let from = cursor.index();
        while !cursor.at_end() {
            cursor.bump();
        }
        if cursor.index() == from {
            return Err(cursor.expected("a condition"));
        }
        Some(expr::expr_from_tokens(
            cursor.source(),
            cursor.between(from, cursor.index()),
        ))
    } else {
        None
    };
    cursor.expect_end()?;
    Ok(StatementKind::CreateIndex(Box::new(CreateIndex {
        unique,
        concurrently,
        if_not_exists,
        name,
        only: relation.only,
        table: relation.name,
        method,
        columns,
        include,
        nulls_not_distinct,
        options,
        tablespace,
        predicate,
        definition: cursor.span_from(start),
    })))
}

/// `column | function(…) | (expression)`, then collation, operator class and order.
pub(super) fn index_column(cursor: &mut Cursor<'_>) -> Parsed<IndexColumn> {
    let start = cursor.index();
    let mut column = None;
    let expr = if cursor.kind() == Some(TokenKind::LeftParen) {
        // The parentheses belong to the expression: the definition needs them.
        cursor.parenthesised()?;
        expr::expr_from_tokens(cursor.source(), cursor.between(start, cursor.index()))
    } else {
        let plain = cursor.peek_name();
        let value = clause::is_value_function(cursor);
        cursor.label("a column or expression")?;
        let mut qualified = false;
        while cursor.eat_kind(TokenKind::Dot) {
            cursor.label("a name")?;
            qualified = true;
        }
        if cursor.kind() == Some(TokenKind::LeftParen) {
            cursor.parenthesised()?;
        } else if qualified {
            return Err(cursor.expected("`(`"));
        } else if plain.is_none() && !value {
            cursor.seek(start);
            return Err(cursor.expected("a column or expression"));
        } else {
            column = plain;
        }
        expr::expr_from_tokens(cursor.source(), cursor.between(start, cursor.index()))
    };
    let collation = if cursor.eat_kw("collate") {
        Some(cursor.qualified("a collation")?)
    } else {
        None
    };
    let opclass = if cursor.peek_name().is_some() && !cursor.is_kw("nulls") {
        let opclass = cursor.qualified("an operator class")?;
        if cursor.kind() == Some(TokenKind::LeftParen) {
            clause::options(cursor)?;
        }
        Some(opclass)
    } else {
        None
    };
    let descending = cursor.eat_kw("desc");
    if !descending {
        cursor.eat_kw("asc");
    }
    let nulls_first = if cursor.eat(&["nulls", "first"]) {
        Some(true)
    } else if cursor.eat(&["nulls", "last"]) {
        Some(false)
    } else {
        None
    };
    Ok(IndexColumn {
        span: cursor.span_from(start),
        column,
        expr,
        collation,
        opclass,
        descending,
        nulls_first,
    })
}

#[cfg(test)]
mod tests {
    use crate::parse::ddl::summary::{check, check_error};

    #[test]
    fn indexes_with_all_their_parts() {
        check(&[
            ("CREATE INDEX i ON t (a)", "i on t - (a) | (a)"),
            ("CREATE INDEX ON t (a)", "- on t - (a) | (a)"),
            (
                "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s.t USING gin (a, b)",
                "unique concurrently ? i on only s.t gin (a; b) | USING gin (a, b)",
            ),
            (
                "CREATE INDEX i ON t (lower(a) COLLATE \"C\" text_pattern_ops DESC NULLS LAST, (a + b), x.f(c) DESC, d gist_trgm_ops(siglen=32) ASC)",
                "i on t - (`lower(a)` collate:C text_pattern_ops desc nulls_first=false; `(a + b)`; `x.f(c)` desc; d gist_trgm_ops) | (lower(a) COLLATE \"C\" text_pattern_ops DESC NULLS LAST, (a + b), x.f(c) DESC, d gist_trgm_ops(siglen=32) ASC)",
            ),
            (
                "CREATE UNIQUE INDEX i ON t (a) INCLUDE (b, c) NULLS NOT DISTINCT WITH (fillfactor = 70) TABLESPACE ts WHERE b IS NULL",
                "unique i on t - (a) include(b,c) nnd with(fillfactor = 70) in ts where `b IS NULL` | (a) INCLUDE (b, c) NULLS NOT DISTINCT WITH (fillfactor = 70) TABLESPACE ts WHERE b IS NULL",
            ),
            (
                "CREATE INDEX name ON t (name, date NULLS FIRST)",
                "name on t - (name; date nulls_first=true) | (name, date NULLS FIRST)",
            ),
        ]);
    }

    #[test]
    fn mistakes_are_errors() {
        check_error(&[
            (
                "CREATE INDEX i ON t",
                "Expected `(`, but the statement ends here.",
            ),
            ("CREATE INDEX i t (a)", "Expected ON, found `t`."),
            (
                "CREATE INDEX IF NOT EXISTS ON t (a)",
                "Expected an index name or ON, found `ON`.",
            ),
            (
                "CREATE INDEX i ON t (table)",
                "Expected a column or expression, found `table`.",
            ),
            (
                "CREATE INDEX i ON t (a) WHERE",
                "Expected a condition, but the statement ends here.",
            ),
        ]);
    }
}
