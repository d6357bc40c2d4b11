//! `DROP` of anything.

use super::{clause, opaque};
use crate::{
    ident::{Ident, QualifiedName},
    parse::{
        cursor::{Cursor, Parsed},
        statement::{Drop, DropKind, StatementKind},
        tokens::TokenKind,
    },
};

/// How the names of a kind are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// `a, b.c`.
    Plain,
    /// `f(int, text), g`.
    Signatures,
    /// `name ON relation`.
    On,
}

/// The whole statement.
pub(super) fn drop(cursor: &mut Cursor<'_>) -> Parsed<StatementKind> {
    cursor.expect(&["drop"])?;
    for (words, kind, names) in [
        (&["table"][..], DropKind::Table, Names::Plain),
        (&["foreign", "table"], DropKind::Table, Names::Plain),
        (&["index"], DropKind::Index, Names::Plain),
        (&["view"], DropKind::View, Names::Plain),
        (
            &["materialized", "view"],
            DropKind::MaterializedView,
            Names::Plain,
        ),
        (&["sequence"], DropKind::Sequence, Names::Plain),
        (&["type"], DropKind::Type, Names::Plain),
        (&["domain"], DropKind::Domain, Names::Plain),
        (&["schema"], DropKind::Schema, Names::Plain),
        (&["function"], DropKind::Function, Names::Signatures),
        (&["procedure"], DropKind::Function, Names::Signatures),
        (&["aggregate"], DropKind::Function, Names::Signatures),
        (&["routine"], DropKind::Function, Names::Signatures),
        (&["trigger"], DropKind::Trigger, Names::On),
        (&["policy"], DropKind::Policy, Names::On),
        (&["rule"], DropKind::Rule, Names::On),
        (&["extension"], DropKind::Extension, Names::Plain),
        (&["statistics"], DropKind::Statistics, Names::Plain),
        (&["publication"], DropKind::Publication, Names::Plain),
    ] {
        if cursor.eat(words) {
            return named(cursor, kind, names);
        }
    }
    other(cursor)
}

fn named(cursor: &mut Cursor<'_>, kind: DropKind, form: Names) -> Parsed<StatementKind> {
    let concurrently = kind == DropKind::Index && cursor.eat_kw("concurrently");
    let if_exists = clause::if_exists(cursor);
    let names = cursor.separated(|cursor| {
        let name = cursor.qualified("a name")?;
        if form == Names::Signatures && cursor.kind() == Some(TokenKind::LeftParen) {
            cursor.parenthesised()?;
        }
        Ok(name)
    })?;
    let on = if form == Names::On {
        cursor.expect(&["on"])?;
        Some(cursor.qualified("a relation")?)
    } else {
        None
    };
    let behavior = clause::behavior(cursor);
    cursor.expect_end()?;
    Ok(StatementKind::Drop(Drop {
        kind,
        concurrently,
        if_exists,
        names,
        on,
        behavior,
    }))
}

/// Kinds that hold no relation: their key words, and the names as far as tokens show.
fn other(cursor: &mut Cursor<'_>) -> Parsed<StatementKind> {
    let Some(words) = opaque::object_words(cursor) else {
        return Err(opaque::unknown_object(cursor, "DROP"));
    };
    for _ in 0..words.split(' ').count() {
        cursor.bump();
    }
    let if_exists = clause::if_exists(cursor);
    let names_follow = !matches!(
        words.as_str(),
        "CAST" | "TRANSFORM" | "OPERATOR" | "USER MAPPING"
    );
    let mut names = Vec::new();
    if names_follow {
        names = cursor.separated(|cursor| cursor.qualified("a name"))?;
    } else if words == "USER MAPPING" {
        cursor.expect(&["for"])?;
        names.push(QualifiedName::bare(Ident::exact(
            clause::role(cursor)
                .or_else(|_| cursor.label("a role"))?
                .as_str(),
        )));
    } else if cursor.at_end() {
        return Err(cursor.expected("a name"));
    }
    let mut behavior = clause::behavior(cursor);
    while !cursor.at_end() {
        // Operand types, an access method, WITH (FORCE): nothing zdm needs.
        if cursor.is_kw("cascade") {
            behavior = clause::behavior(cursor);
        } else {
            cursor.skip_balanced();
        }
    }
    Ok(StatementKind::Drop(Drop {
        kind: DropKind::Other(words),
        concurrently: false,
        if_exists,
        names,
        on: None,
        behavior,
    }))
}

#[cfg(test)]
mod tests {
    use crate::parse::ddl::summary::{check, check_error};

    #[test]
    fn everything_can_be_dropped() {
        check(&[
            (
                "DROP TABLE IF EXISTS a, s.b CASCADE",
                "Table? a,s.b cascade",
            ),
            ("DROP FOREIGN TABLE a", "Table a"),
            (
                "DROP INDEX CONCURRENTLY IF EXISTS i",
                "Index concurrently? i",
            ),
            ("DROP MATERIALIZED VIEW v RESTRICT", "MaterializedView v"),
            ("DROP FUNCTION f(int, text), g", "Function f,g"),
            (
                "DROP TRIGGER IF EXISTS tg ON s.t CASCADE",
                "Trigger? tg on s.t cascade",
            ),
            ("DROP POLICY p ON t", "Policy p on t"),
            ("DROP TYPE mood", "Type mood"),
            ("DROP SCHEMA s CASCADE", "Schema s cascade"),
            ("DROP EXTENSION hstore", "Extension hstore"),
            (
                "DROP TEXT SEARCH CONFIGURATION c",
                "Other(\"TEXT SEARCH CONFIGURATION\") c",
            ),
            (
                "DROP OPERATOR FAMILY f USING btree CASCADE",
                "Other(\"OPERATOR FAMILY\") f cascade",
            ),
            ("DROP CAST (text AS int)", "Other(\"CAST\") "),
            (
                "DROP USER MAPPING FOR CURRENT_USER SERVER s",
                "Other(\"USER MAPPING\") current_user",
            ),
            ("DROP ROLE IF EXISTS r", "Other(\"ROLE\")? r"),
            ("DROP OWNED BY r", "DROP OWNED: r"),
        ]);
    }

    #[test]
    fn mistakes_are_errors() {
        check_error(&[
            (
                "DROP TABLE",
                "Expected a name, but the statement ends here.",
            ),
            (
                "DROP TABLE a b",
                "Expected the end of the statement, found `b`.",
            ),
            (
                "DROP TRIGGER tg",
                "Expected ON, but the statement ends here.",
            ),
            (
                "DROP INDX i",
                "Expected what to DROP, found `INDX`. Did you mean INDEX?",
            ),
        ]);
    }
}
