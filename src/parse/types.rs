//! Type names: reading them, and spelling them as PostgreSQL's `format_type` does.
//!
//! [`format_type`] is pure and knows the built-in names only; a type it does not know keeps the
//! name that was written.
//! From `src/backend/parser/gram.y` (`SimpleTypename`) and `src/backend/utils/adt/format_type.c`.

use super::{
    cursor::{Cursor, Parsed, span_of},
    statement::DataType,
    tokens::TokenKind,
};
use crate::ident::{Ident, QualifiedName};

/// The words that may follow `interval`.
const INTERVAL_FIELDS: &[&str] = &["year", "month", "day", "hour", "minute", "second"];

/// Reads a type name.
pub(crate) fn data_type(cursor: &mut Cursor<'_>) -> Parsed<DataType> {
    let start = cursor.index();
    cursor.eat_kw("setof");
    let (name, modifiers) = simple_type(cursor)?;
    let array_dimensions = array_bounds(cursor)?;
    let span = cursor.span_from(start);
    Ok(DataType {
        span,
        text: fold_space(cursor, start),
        name,
        modifiers,
        array_dimensions,
    })
}

/// The tokens from `start` to here, with one space where there was any white space or comment.
fn fold_space(cursor: &Cursor<'_>, start: usize) -> String {
    let source = cursor.source();
    let mut out = String::new();
    let mut end = None;
    for token in cursor.between(start, cursor.index()) {
        if end.is_some_and(|end| end < token.span.start) {
            out.push(' ');
        }
        out.push_str(token.text(source));
        end = Some(token.span.end);
    }
    out
}

type Named = (QualifiedName, Option<String>);

fn builtin(name: &str) -> QualifiedName {
    QualifiedName::bare(Ident::exact(name))
}

fn simple_type(cursor: &mut Cursor<'_>) -> Parsed<Named> {
    if cursor.eat(&["double", "precision"]) {
        return Ok((builtin("double precision"), None));
    }
    for (words, name) in [
        (
            &["national", "character", "varying"][..],
            "character varying",
        ),
        (&["national", "char", "varying"], "character varying"),
        (&["nchar", "varying"], "character varying"),
        (&["character", "varying"], "character varying"),
        (&["char", "varying"], "character varying"),
        (&["bit", "varying"], "bit varying"),
        (&["national", "character"], "character"),
        (&["national", "char"], "character"),
        (&["nchar"], "character"),
    ] {
        if cursor.eat(words) {
            let modifiers = type_modifiers(cursor)?;
            return Ok((builtin(name), modifiers));
        }
    }
    for word in ["timestamp", "time"] {
        if cursor.is_kw(word) && cursor.peek_at(1).is_none_or(|t| t.kind != TokenKind::Dot) {
            cursor.bump();
            let modifiers = type_modifiers(cursor)?;
            for (with, rest) in [
                ("with", " with time zone"),
                ("without", " without time zone"),
            ] {
                if cursor.eat(&[with, "time", "zone"]) {
                    return Ok((builtin(&format!("{word}{rest}")), modifiers));
                }
            }
            return Ok((builtin(word), modifiers));
        }
    }
    if cursor.is_kw("interval") && cursor.peek_at(1).is_none_or(|t| t.kind != TokenKind::Dot) {
        cursor.bump();
        let modifiers = match type_modifiers(cursor)? {
            Some(precision) => Some(precision),
            None => interval_fields(cursor)?,
        };
        return Ok((builtin("interval"), modifiers));
    }
    generic_type(cursor)
}

fn generic_type(cursor: &mut Cursor<'_>) -> Parsed<Named> {
    let quoted = cursor.kind() != Some(TokenKind::Word);
    if !quoted {
        let word = cursor.peek_label();
        if word.is_some_and(|word| super::keywords::is_fully_reserved(word.as_str())) {
            return Err(cursor.expected("a type"));
        }
    }
    let mut name = QualifiedName::bare(cursor.label("a type")?);
    while cursor.eat_kind(TokenKind::Dot) {
        name = QualifiedName::new(name.name, cursor.label("a type")?);
    }
    // The quoted name is the one-byte type, which the bare word can never mean.
    if quoted && name.schema.is_none() && name.name.as_str() == "char" {
        name.schema = Some(Ident::exact("pg_catalog"));
    }
    if cursor.is_operator("%") && cursor.is_kw_at(1, "type") {
        cursor.bump();
        cursor.bump();
        return Ok((name, None));
    }
    let modifiers = type_modifiers(cursor)?;
    Ok((name, modifiers))
}

fn type_modifiers(cursor: &mut Cursor<'_>) -> Parsed<Option<String>> {
    if cursor.kind() != Some(TokenKind::LeftParen) {
        return Ok(None);
    }
    let (from, to) = cursor.parenthesised()?;
    let inside = span_of(cursor.between(from, to)).of(cursor.source());
    Ok(Some(inside.trim().to_owned()))
}

/// `YEAR TO MONTH`, `SECOND(3)` and so on, in lower case.
pub(crate) fn interval_fields(cursor: &mut Cursor<'_>) -> Parsed<Option<String>> {
    if !cursor.is_any_kw(INTERVAL_FIELDS) {
        return Ok(None);
    }
    let mut out = interval_field(cursor)?;
    let to_field = cursor.peek_at(1).is_some_and(|t| {
        INTERVAL_FIELDS
            .iter()
            .any(|f| t.is_word(cursor.source(), f))
    });
    if cursor.is_kw("to") && to_field {
        cursor.bump();
        out.push_str(" to ");
        out.push_str(&interval_field(cursor)?);
    }
    Ok(Some(out))
}

fn interval_field(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let mut out = cursor.label("an interval field")?.as_str().to_owned();
    if out == "second"
        && let Some(precision) = type_modifiers(cursor)?
    {
        out.push('(');
        out.push_str(&precision);
        out.push(')');
    }
    Ok(out)
}

fn array_bounds(cursor: &mut Cursor<'_>) -> Parsed<usize> {
    let mut dimensions = 0;
    if cursor.is_kw("array") {
        cursor.bump();
        dimensions = 1;
        if cursor.kind() == Some(TokenKind::LeftBracket) {
            bound(cursor)?;
        }
        return Ok(dimensions);
    }
    while cursor.kind() == Some(TokenKind::LeftBracket) {
        bound(cursor)?;
        dimensions += 1;
    }
    Ok(dimensions)
}

fn bound(cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.expect_kind(TokenKind::LeftBracket, "`[`")?;
    cursor.eat_kind(TokenKind::Number);
    cursor.expect_kind(TokenKind::RightBracket, "`]`")?;
    Ok(())
}

/// The type that a serial column really has, and `None` for every other type.
pub fn serial_type(ty: &DataType) -> Option<&'static str> {
    if ty.name.schema.is_some() || ty.array_dimensions > 0 || ty.modifiers.is_some() {
        return None;
    }
    match ty.name.name.as_str() {
        "serial" | "serial4" => Some("integer"),
        "bigserial" | "serial8" => Some("bigint"),
        "smallserial" | "serial2" => Some("smallint"),
        _ => None,
    }
}

/// The type as `format_type` spells it: `int` is `integer`, `varchar(10)` is
/// `character varying(10)`, `int[3][]` is `integer[]`, a serial type is its integer type.
///
/// A type of another schema than `pg_catalog` keeps the name and schema that were written.
pub fn format_type(ty: &DataType) -> String {
    let mut out = format_element(ty);
    if ty.array_dimensions > 0 {
        out.push_str("[]");
    }
    out
}

fn format_element(ty: &DataType) -> String {
    let in_catalog = ty
        .name
        .schema
        .as_ref()
        .is_some_and(|schema| schema.as_str() == "pg_catalog");
    if ty.name.schema.is_some() && !in_catalog {
        return with_modifiers(ty.name.to_string(), ty.modifiers.as_deref());
    }
    let name = ty.name.name.as_str();
    if in_catalog {
        match name {
            "char" => return "\"char\"".to_owned(),
            "timestamp" | "time" | "interval" | "varchar" | "numeric" | "bool" | "int2"
            | "int4" | "int8" | "float4" | "float8" | "bpchar" | "bit" | "varbit"
            | "timestamptz" | "timetz" | "json" => {}
            _ => return with_modifiers(ty.name.name.quoted(), ty.modifiers.as_deref()),
        }
    } else if let Some(integer) = serial_type(ty) {
        return integer.to_owned();
    }
    let modifiers = ty.modifiers.as_deref();
    match name {
        // A key word since 16, but spelled without quotes all the same.
        "json" => "json".to_owned(),
        "int" | "int4" | "integer" => "integer".to_owned(),
        "int2" | "smallint" => "smallint".to_owned(),
        "int8" | "bigint" => "bigint".to_owned(),
        "bool" | "boolean" => "boolean".to_owned(),
        "float4" | "real" => "real".to_owned(),
        "float8" | "double precision" => "double precision".to_owned(),
        "float" => match modifiers.and_then(|digits| digits.parse::<u32>().ok()) {
            Some(1..=24) => "real".to_owned(),
            _ => "double precision".to_owned(),
        },
        "decimal" | "dec" | "numeric" => format_numeric(modifiers),
        "varchar" | "character varying" => {
            with_modifiers("character varying".to_owned(), modifiers)
        }
        "char" | "character" => {
            with_modifiers("character".to_owned(), Some(modifiers.unwrap_or("1")))
        }
        "bpchar" => match modifiers {
            Some(length) => with_modifiers("character".to_owned(), Some(length)),
            None => "bpchar".to_owned(),
        },
        // The bare word is `bit(1)` to the grammar; the catalog's name for it has no such rule.
        "bit" if modifiers.is_none() && in_catalog => "\"bit\"".to_owned(),
        "bit" => with_modifiers("bit".to_owned(), Some(modifiers.unwrap_or("1"))),
        "varbit" | "bit varying" => with_modifiers("bit varying".to_owned(), modifiers),
        "timestamp" | "timestamp without time zone" => zoned("timestamp", modifiers, "without"),
        "timestamptz" | "timestamp with time zone" => zoned("timestamp", modifiers, "with"),
        "time" | "time without time zone" => zoned("time", modifiers, "without"),
        "timetz" | "time with time zone" => zoned("time", modifiers, "with"),
        "interval" => match modifiers {
            Some(precision) if precision.bytes().all(|b| b.is_ascii_digit()) => {
                format!("interval({precision})")
            }
            Some(fields) => format!("interval {fields}"),
            None => "interval".to_owned(),
        },
        _ => with_modifiers(ty.name.name.quoted(), modifiers),
    }
}

fn zoned(name: &str, modifiers: Option<&str>, with: &str) -> String {
    format!(
        "{} {with} time zone",
        with_modifiers(name.to_owned(), modifiers)
    )
}

fn format_numeric(modifiers: Option<&str>) -> String {
    match modifiers {
        None => "numeric".to_owned(),
        Some(precision) if !precision.contains(',') => format!("numeric({precision},0)"),
        Some(both) => with_modifiers("numeric".to_owned(), Some(both)),
    }
}

fn with_modifiers(name: String, modifiers: Option<&str>) -> String {
    let Some(modifiers) = modifiers else {
        return name;
    };
    let parts: Vec<&str> = modifiers.split(',').map(str::trim).collect();
    format!("{name}({})", parts.join(","))
}

/// A type read from a text such as `character varying(10)`; `None` when it is not one.
pub fn type_from_text(text: &str) -> Option<DataType> {
    let tokens = super::tokens::tokens(text);
    let mut cursor = Cursor::new(text, &tokens);
    let ty = data_type(&mut cursor).ok()?;
    cursor.at_end().then_some(ty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_spelled_as_format_type_spells_them() {
        for (written, formatted) in [
            ("int", "integer"),
            ("INT4", "integer"),
            ("int8", "bigint"),
            ("serial", "integer"),
            ("bigserial", "bigint"),
            ("smallserial", "smallint"),
            ("bool", "boolean"),
            ("varchar(10)", "character varying(10)"),
            ("character  varying ( 10 )", "character varying(10)"),
            ("char", "character(1)"),
            ("char(3)", "character(3)"),
            ("nchar varying(3)", "character varying(3)"),
            ("bpchar", "bpchar"),
            ("\"char\"", "\"char\""),
            ("bit", "bit(1)"),
            ("bit varying(4)", "bit varying(4)"),
            ("varbit", "bit varying"),
            ("decimal(10, 2)", "numeric(10,2)"),
            ("numeric(10)", "numeric(10,0)"),
            ("numeric(3,-2)", "numeric(3,-2)"),
            ("float", "double precision"),
            ("float(24)", "real"),
            ("float8", "double precision"),
            ("real", "real"),
            ("timestamp", "timestamp without time zone"),
            ("timestamptz", "timestamp with time zone"),
            ("timestamp(3) with time zone", "timestamp(3) with time zone"),
            ("timestamptz(3)", "timestamp(3) with time zone"),
            ("time", "time without time zone"),
            ("timetz(2)", "time(2) with time zone"),
            ("interval", "interval"),
            ("interval(3)", "interval(3)"),
            ("INTERVAL DAY TO SECOND(3)", "interval day to second(3)"),
            ("interval day", "interval day"),
            ("text[]", "text[]"),
            ("int[3][]", "integer[]"),
            ("integer ARRAY[3]", "integer[]"),
            ("integer array", "integer[]"),
            ("public.mood", "public.mood"),
            ("pg_catalog.int4", "integer"),
            ("pg_catalog.text", "text"),
            ("\"Mood\"[]", "\"Mood\"[]"),
            ("geometry(Point, 4326)", "geometry(Point,4326)"),
            ("name", "name"),
            ("jsonb", "jsonb"),
            ("json", "json"),
            ("pg_catalog.json[]", "json[]"),
        ] {
            let ty = type_from_text(written).expect(written);
            assert_eq!(format_type(&ty), formatted, "{written}");
        }
    }

    #[test]
    fn parts_of_a_type_are_kept() {
        let ty = type_from_text("timestamp ( 3 )  with time zone [ ] [2]").expect("type");
        assert_eq!(ty.name.name.as_str(), "timestamp with time zone");
        assert_eq!(ty.modifiers.as_deref(), Some("3"));
        assert_eq!(ty.array_dimensions, 2);
        assert_eq!(ty.text, "timestamp ( 3 ) with time zone [ ] [2]");
        assert_eq!(
            serial_type(&type_from_text("SERIAL8").expect("type")),
            Some("bigint")
        );
        assert!(type_from_text("int not null").is_none());
        assert!(type_from_text("not").is_none());
        assert!(type_from_text("").is_none());
    }
}
