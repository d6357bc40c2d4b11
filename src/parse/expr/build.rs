//! Makes an [`Expr`] from tokens or from a text of its own.
//!
//! Whether an expression is understood is what `sqlparser`'s grammar says of it; nothing else of
//! its answer is used, and no SQL is printed from its tree.

use sqlparser::{dialect::PostgreSqlDialect, parser::Parser, tokenizer};

use super::{Expr, scan};
use crate::{
    parse::{
        cursor::span_of,
        tokens::{self, Token},
    },
    source::Span,
};

/// The deepest nesting that is looked into; real expressions have a dozen levels.
const DEEPEST: usize = 40;

/// An expression from a text that holds nothing else, such as what `pg_get_expr` returns. Its
/// span covers the text.
pub fn expr_from_text(text: &str) -> Expr {
    let list = tokens::tokens(text);
    build(Span::new(0, text.len()), text.to_owned(), &list)
}

/// An expression from consecutive tokens of a source text.
pub(crate) fn expr_from_tokens(source: &str, list: &[Token]) -> Expr {
    let span = span_of(list);
    expr_from_span(span, span.of(source).to_owned())
}

/// An expression whose text was taken from `span` of a source, perhaps with comment signs
/// blanked.
pub(crate) fn expr_from_span(span: Span, text: String) -> Expr {
    let list = tokens::tokens(&text);
    build(span, text, &list)
}

fn build(span: Span, text: String, list: &[Token]) -> Expr {
    let names = scan::names(&text, list);
    let understood = names.sound && !list.is_empty() && accepted(&text, list);
    Expr {
        span,
        text,
        columns: names.columns,
        functions: names.functions,
        casts: names.casts,
        has_query: names.has_query,
        understood,
    }
}

/// Whether `sqlparser` reads the whole text as one expression.
fn accepted(text: &str, list: &[Token]) -> bool {
    if nesting(text, list) > DEEPEST {
        return false;
    }
    let dialect = PostgreSqlDialect {};
    let Ok(parser) = Parser::new(&dialect)
        .with_recursion_limit(DEEPEST * 2)
        .try_with_sql(text)
    else {
        return false;
    };
    let mut parser = parser;
    parser.parse_expr().is_ok() && parser.peek_token_ref().token == tokenizer::Token::EOF
}

fn nesting(text: &str, list: &[Token]) -> usize {
    let mut depth = 0usize;
    let mut deepest = 0;
    for token in list {
        let word = |word| token.is_word(text, word);
        if matches!(token.text(text), "(" | "[") || word("case") {
            depth += 1;
            deepest = deepest.max(depth);
        } else if matches!(token.text(text), ")" | "]") || word("end") {
            depth = depth.saturating_sub(1);
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `columns | functions | casts`, with `query` and `?` for what is not understood.
    fn summary(text: &str) -> String {
        let expr = expr_from_text(text);
        let columns: Vec<_> = expr
            .columns
            .iter()
            .map(|column| match &column.qualifier {
                Some(qualifier) => format!("{}.{}", qualifier.as_str(), column.name.as_str()),
                None => column.name.as_str().to_owned(),
            })
            .collect();
        let functions: Vec<_> = expr
            .functions
            .iter()
            .map(|function| match &function.schema {
                Some(schema) => format!("{}.{}", schema.as_str(), function.name.as_str()),
                None => function.name.as_str().to_owned(),
            })
            .collect();
        let mut out = format!(
            "{} | {} | {}",
            columns.join(" "),
            functions.join(" "),
            expr.casts.join(", ")
        );
        if expr.has_query {
            out.push_str(" | query");
        }
        if !expr.understood {
            out.push_str(" | ?");
        }
        out
    }

    fn check(cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(summary(text), *expected, "{text}");
        }
    }

    #[test]
    fn columns_are_told_from_everything_else() {
        check(&[
            ("a", "a |  | "),
            ("A + \"B\" * t.c", "a B t.c |  | "),
            ("s.t.c", "t.c |  | "),
            ("lower(name)", "name | lower | "),
            (
                "name || 'name' || $$name$$ /* name */ -- name\n",
                "name |  | ",
            ),
            ("names || name2 || name", "names name2 name |  | "),
            ("x::name", "x |  | name"),
            ("name::name", "name |  | name"),
            ("CAST(name AS name)", "name |  | name"),
            (
                "cast(date as timestamp(3) with time zone)::text",
                "date |  | timestamp(3) with time zone, text",
            ),
            ("text || type", "text type |  | "),
            ("date > date '2020-01-01'", "date |  | date"),
            (
                "timestamp < now() - interval '1 day'",
                "timestamp | now | interval",
            ),
            ("interval '1' year to month + a", "a |  | interval"),
            (
                "double precision '1.5' + timestamp with time zone 'now'",
                " |  | double precision, timestamp with time zone",
            ),
            ("\"user\" = user", "user | user | "),
            ("by > 1 AND partition = first", "by partition first |  | "),
            ("value > 0 AND year IS NOT NULL", "value year |  | "),
            ("extract(year from year)", "year | extract | "),
            (
                "extract('epoch' from ts at time zone 'utc')",
                "ts | extract | ",
            ),
            ("ts AT TIME ZONE zone", "ts zone |  | "),
            (
                "name COLLATE \"C\" < other COLLATE pg_catalog.\"de_DE\"",
                "name other |  | ",
            ),
            ("f(a => b, c := d)", "b d | f | "),
            (
                "current_timestamp + current_date",
                " | current_timestamp current_date | ",
            ),
            ("current_timestamp(3)", " | current_timestamp | "),
            ("pg_catalog.lower(s.f(x))", "x | pg_catalog.lower s.f | "),
            ("count(*) FILTER (WHERE a > 1)", "a | count | "),
            ("coalesce(a, b, 1)", "a b |  | "),
            ("nullif(a, '')", "a |  | "),
            ("row(a, b)", "a b |  | "),
            ("a IN (1, 2) OR b BETWEEN c AND d", "a b c d |  | "),
            ("a LIKE 'x%' ESCAPE '!' AND NOT b ILIKE c", "a b c |  | "),
            ("a = ANY (ARRAY['x'::text, b])", "a b |  | text"),
            ("a IS DISTINCT FROM b", "a b |  | "),
            ("a[1:2] || (b).c", "a b |  | "),
            ("CASE WHEN a THEN b ELSE c END", "a b c |  | "),
            ("trim(both 'x' from name)", "name | btrim | "),
            ("trim(leading from name)", "name | ltrim |  | ?"),
            (
                "substring(name from 1 for length)",
                "name length | substring | ",
            ),
            ("position('x' in name)", "name | position | "),
            ("overlay(a placing b from 2)", "a b | overlay | "),
            ("normalize(name, NFC)", "name | normalize | "),
            ("a ->> 'name' = data #>> '{a}'", "a data |  | "),
            ("nextval('users_id_seq'::regclass)", " | nextval | regclass"),
            ("'{}'::jsonb", " |  | jsonb"),
            ("NULL", " |  | "),
            ("ARRAY[]::text[]", " |  | text[]"),
            ("numeric(10,2) '1.0'", " |  | numeric(10,2)"),
            ("a OPERATOR(pg_catalog.+) b", "a b |  | "),
            ("a !~ '^x' AND b", "a b |  | "),
            ("(name, \"text\") = (text, x)", "name text text x |  | "),
            ("E'a\\'name' || name", "name |  | "),
            ("größe > 1", "größe |  | "),
        ]);
    }

    #[test]
    fn queries_are_seen() {
        check(&[
            (
                "(SELECT x FROM y AS z WHERE z.a = t.b)",
                "x z.a t.b |  |  | query",
            ),
            (
                "EXISTS (SELECT 1 FROM users u, orders WHERE u.id = a)",
                "u.id a |  |  | query",
            ),
            (
                "a IN (SELECT b FROM c JOIN d ON c.id = d.id ORDER BY e)",
                "a b c.id d.id e |  |  | query",
            ),
            (
                "(WITH q AS (SELECT 1 AS one) SELECT one FROM q)",
                "one |  |  | query",
            ),
        ]);
    }

    #[test]
    fn what_no_grammar_accepts_is_not_understood() {
        for text in ["", "a +", "a b c d", "(a", "a)", "'abc", "a; b", "a = {"] {
            assert!(!expr_from_text(text).understood, "{text}");
        }
        let deep = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
        assert!(!expr_from_text(&deep).understood);
    }

    #[test]
    fn renaming_touches_the_column_and_nothing_else() {
        let text = "lower(name) <> 'name' /* name */ AND (t.name)::name = names -- name";
        let renamed = expr_from_text(text).rewrite(|column| {
            (column.name.as_str() == "name").then(|| match &column.qualifier {
                Some(qualifier) => format!("{qualifier}.full_name"),
                None => "full_name".to_owned(),
            })
        });
        assert_eq!(
            renamed,
            "lower(full_name) <> 'name' /* name */ AND (t.full_name)::name = names -- name"
        );
    }
}
