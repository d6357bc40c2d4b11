//! Whether an UPDATE may be run again and again: when doing it twice is the same as doing it once.
//!
//! Two proofs are known. Either the SET list makes the WHERE untrue, so that a row that has had
//! its turn is not found again. Or no value varies or depends on what is set, so that a second
//! turn changes nothing: then the rows left are those whose columns still differ from the values.
//! What neither proves, however harmless it looks, is no batch.

use crate::{
    catalog::{Table, Volatility, volatility::of_function},
    ident::Ident,
    parse::{Expr, expr_from_text, statement::Update},
    plan::recipe::Context,
};

/// Built-in functions that say the same for the same row whenever they are asked, though not
/// marked immutable: they depend on settings of the session only.
const STEADY: &[&str] = &[
    "concat",
    "concat_ws",
    "date_part",
    "date_trunc",
    "extract",
    "format",
    "json_build_array",
    "json_build_object",
    "jsonb_build_array",
    "jsonb_build_object",
    "array_to_string",
    "row_to_json",
    "to_char",
    "to_json",
    "to_jsonb",
    "to_timestamp",
    "to_date",
    "to_tsvector",
];

/// Functions that change nothing when applied to what they have made.
const IDEMPOTENT: &[&str] = &[
    "lower",
    "upper",
    "trim",
    "btrim",
    "ltrim",
    "rtrim",
    "initcap",
    "abs",
    "normalize",
];

/// Those of them that say in a second argument which characters they take away.
const TRIMS: &[&str] = &["btrim", "ltrim", "rtrim"];

/// The rows an UPDATE is left to do, as a condition; or why there is no telling.
pub fn rows_left(
    cx: &Context<'_>,
    update: &Update,
    table: &Table,
    row: &Ident,
) -> Result<Option<String>, String> {
    if update.other_clauses || !update.reads.is_empty() {
        return Err("it reads other tables, which change meanwhile".to_owned());
    }
    let Some(assignments) = &update.assignments else {
        return Err("its SET list is not of the form `column = value`".to_owned());
    };
    if let Some(predicate) = &update.predicate {
        check_predicate(cx, predicate)?;
        if assignments
            .iter()
            .any(|(column, value)| makes_untrue(predicate, column, value))
        {
            return Ok(Some(predicate.text.clone()));
        }
    }
    let mut differs = Vec::new();
    for (column, value) in assignments {
        check_value(cx, assignments, column, value)?;
        check_columns(table, column, value)?;
        let Some(known) = table.column(column) else {
            return Err(format!("{} has no column {column}", table.name.short()));
        };
        differs.push(format!(
            "pg_catalog.record_image_ne(ROW({row}.{column}), ROW(CAST(({}) AS {})))",
            value.text, known.ty
        ));
    }
    let differs = differs.join(" OR ");
    Ok(Some(match &update.predicate {
        Some(predicate) => format!("({}) AND ({differs})", predicate.text),
        None => differs,
    }))
}

fn check_predicate(cx: &Context<'_>, predicate: &Expr) -> Result<(), String> {
    if !predicate.understood {
        return Err("its WHERE was not understood".to_owned());
    }
    if predicate.has_query {
        return Err("its WHERE holds a query".to_owned());
    }
    match varying(cx, predicate, Volatility::Stable) {
        Some(name) => Err(format!("its WHERE calls {name}, which is volatile")),
        None => Ok(()),
    }
}

/// A function of an expression that is more volatile than `most`.
pub fn varying(cx: &Context<'_>, expr: &Expr, most: Volatility) -> Option<String> {
    expr.functions
        .iter()
        .find(|name| of_function(name, cx.before) > most)
        .map(ToString::to_string)
}

/// Whether a value is the same each time, whatever the SET list has done.
fn check_value(
    cx: &Context<'_>,
    assignments: &[(Ident, Expr)],
    column: &Ident,
    value: &Expr,
) -> Result<(), String> {
    if !value.understood {
        return Err(format!(
            "the value `{}` of {column} was not understood",
            value.text.trim()
        ));
    }
    if value.has_query {
        return Err(format!("the value of {column} holds a query"));
    }
    let steady = |name: &crate::ident::QualifiedName| {
        of_function(name, cx.before) == Volatility::Immutable
            || (name.schema.is_none() && STEADY.contains(&name.name.as_str()))
    };
    if let Some(name) = value.functions.iter().find(|name| !steady(name)) {
        return Err(format!(
            "the value of {column} calls {name}, which may say something else each time"
        ));
    }
    if is_idempotent(value, column) {
        return Ok(());
    }
    match assignments.iter().find(|(set, _)| value.names_column(set)) {
        Some((set, _)) => Err(format!(
            "the value of {column} is made from {set}, which it sets: done twice it is not what \
             done once is"
        )),
        None => Ok(()),
    }
}

/// A name that is no column means the whole row, or where it is stored; a generated column is made
/// from others, perhaps from what is set.
fn check_columns(table: &Table, column: &Ident, value: &Expr) -> Result<(), String> {
    for reference in &value.columns {
        match table.column(&reference.name) {
            None => {
                return Err(format!(
                    "the value of {column} names {}, which is no column of {}",
                    reference.name,
                    table.name.short()
                ));
            }
            Some(known) if known.generated.is_some() => {
                return Err(format!(
                    "the value of {column} reads the generated column {}",
                    reference.name
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// `lower(column)` and its like: the value of the column itself, which a second turn leaves alone.
fn is_idempotent(value: &Expr, column: &Ident) -> bool {
    let text = value.text.trim();
    if value.columns.len() != 1 || value.columns[0].name != *column {
        return false;
    }
    let Some(call) = text.split_once('(') else {
        return false;
    };
    let (name, rest) = (call.0.trim().to_ascii_lowercase(), call.1);
    let Some(inside) = rest.strip_suffix(')') else {
        return false;
    };
    let inside = inside.trim();
    let inside = match inside.split_once(',') {
        Some((first, second))
            if TRIMS.contains(&name.as_str())
                && matches!(Constant::of(second), Some(Constant::Text(_))) =>
        {
            first.trim()
        }
        _ => inside,
    };
    if IDEMPOTENT.contains(&name.as_str()) {
        let inner = expr_from_text(inside);
        return value.functions.len() == 1
            && inner.understood
            && label_of(&inner).is_some_and(|only| only == column);
    }
    if matches!(name.as_str(), "coalesce" | "nullif") {
        let Some((first, second)) = inside.split_once(',') else {
            return false;
        };
        let first = expr_from_text(first.trim());
        return label_of(&first).is_some_and(|only| only == column)
            && Constant::of(second).is_some();
    }
    false
}

/// The column, when the expression is that and nothing else.
fn label_of(expr: &Expr) -> Option<&Ident> {
    match expr.columns.as_slice() {
        [only]
            if expr.functions.is_empty()
                && expr.casts.is_empty()
                && only.span.start == 0
                && only.span.end == expr.text.len() =>
        {
            Some(&only.name)
        }
        _ => None,
    }
}

/// A constant as far as it can be compared without a server.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Constant {
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
}

impl Constant {
    fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        match lower.as_str() {
            "null" => return Some(Self::Null),
            "true" => return Some(Self::Bool(true)),
            "false" => return Some(Self::Bool(false)),
            _ => {}
        }
        if let Ok(number) = lower.parse() {
            return Some(Self::Number(number));
        }
        let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
        (!inner.contains(['\'', '\\'])).then(|| Self::Text(inner.to_owned()))
    }

    /// Whether the two are certainly not equal, whatever the type: texts of one type may be equal
    /// under other spellings (`1` and `01`), but what differs in letters alone is told apart.
    fn differs(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a != b,
            (Self::Number(a), Self::Number(b)) => a != b,
            _ => false,
        }
    }
}

/// Whether `SET column = value` makes the condition untrue: it does when it makes one of the parts
/// untrue that AND joins.
fn makes_untrue(predicate: &Expr, column: &Ident, value: &Expr) -> bool {
    let Some(value) = Constant::of(&value.text) else {
        return false;
    };
    conjuncts(&predicate.text)
        .iter()
        .any(|part| is_untrue(part, column, &value))
}

/// The parts of a condition that AND joins at its outermost level; all of it, where OR, NOT or
/// BETWEEN stands there too.
pub fn conjuncts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_i32;
    let mut quoted = None;
    let mut word = String::new();
    let whole = || vec![text.trim().to_owned()];
    // Comments, escapes and dollar quotes are not read here.
    if ["--", "/*", "\\", "$"]
        .iter()
        .any(|mark| text.contains(mark))
    {
        return whole();
    }
    for c in text.chars().chain([' ']) {
        if let Some(end) = quoted {
            if c == end {
                quoted = None;
            }
        } else if matches!(c, '\'' | '"') {
            quoted = Some(c);
        } else if matches!(c, '(' | '[') {
            depth += 1;
        } else if matches!(c, ')' | ']') {
            depth -= 1;
        }
        let in_word = quoted.is_none() && (c.is_alphanumeric() || c == '_');
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
        if in_word {
            word.push(c);
            continue;
        }
        if depth == 0 && quoted.is_none() {
            match word.to_ascii_lowercase().as_str() {
                "or" | "between" | "case" => return whole(),
                "and" => {
                    if let Some(part) = parts.last_mut() {
                        let keep = part.len() - c.len_utf8() - word.len();
                        part.truncate(keep);
                    }
                    parts.push(c.to_string());
                }
                _ => {}
            }
        }
        word.clear();
    }
    parts
        .iter()
        .map(|part| bare(part.trim()).to_owned())
        .collect()
}

/// Without parentheses around all of it.
fn bare(text: &str) -> &str {
    let Some(inside) = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'))
    else {
        return text;
    };
    let mut depth = 0_i32;
    let closes = inside.chars().any(|c| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth < 0
    });
    if closes || inside.contains(['\'', '"']) {
        text
    } else {
        inside.trim()
    }
}

/// Whether a simple condition on the column does not hold for the value.
fn is_untrue(part: &str, column: &Ident, value: &Constant) -> bool {
    let expr = expr_from_text(part);
    let [reference] = expr.columns.as_slice() else {
        return false;
    };
    if !expr.understood || reference.name != *column || !expr.functions.is_empty() || expr.has_query
    {
        return false;
    }
    let (before, behind) = (
        part[..reference.span.start].trim().to_ascii_lowercase(),
        part[reference.span.end..].trim().to_owned(),
    );
    let lower = behind.to_ascii_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let null = *value == Constant::Null;
    match (before.as_str(), words.as_slice()) {
        ("", ["is", "null"] | ["isnull"]) => !null,
        ("", ["is", "not", "null"] | ["notnull"]) => null,
        ("", [] | ["is", "true"]) => null || *value == Constant::Bool(false),
        ("not", []) | ("", ["is", "false"]) => null || *value == Constant::Bool(true),
        ("", ["is", "not", "true"]) => *value == Constant::Bool(true),
        ("", ["is", "not", "false"]) => *value == Constant::Bool(false),
        ("", _) => compared(&behind, &lower, value),
        _ => false,
    }
}

/// `= constant`, `<> constant`, `IS [NOT] DISTINCT FROM constant`, for the value.
fn compared(behind: &str, lower: &str, value: &Constant) -> bool {
    let constant = |skip: usize| Constant::of(&behind[skip..]);
    let null = *value == Constant::Null;
    if lower.starts_with("is distinct from") {
        return constant("is distinct from".len()).is_some_and(|other| other == *value);
    }
    if lower.starts_with("is not distinct from") {
        let other = constant("is not distinct from".len());
        return other
            .is_some_and(|other| other.differs(value) || (other == Constant::Null) != null);
    }
    for operator in ["<>", "!="] {
        if behind.starts_with(operator) {
            return constant(operator.len()).is_some_and(|other| null || other == *value);
        }
    }
    if behind.starts_with('=') {
        return constant(1).is_some_and(|other| null || other.differs(value));
    }
    if behind.starts_with('<') && !behind.starts_with("<=") {
        return matches!((constant(1), value), (Some(Constant::Number(limit)), Constant::Number(value))
            if *value >= limit);
    }
    false
}

/// The names in a piece of SQL, quoted ones as they are stored.
pub fn names(sql: &str) -> Vec<Ident> {
    crate::catalog::apply::names_in(sql).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn untrue(predicate: &str, value: &str) -> bool {
        makes_untrue(
            &expr_from_text(predicate),
            &Ident::exact("a"),
            &expr_from_text(value),
        )
    }

    #[test]
    fn a_constant_that_makes_its_own_condition_untrue_is_seen() {
        for (predicate, value) in [
            ("a IS NULL", "0"),
            ("a is null and b > 3", "'x'"),
            ("b = 'x and y' AND (t.a IS NULL)", "true"),
            ("a IS NOT NULL", "NULL"),
            ("NOT a", "true"),
            ("a", "false"),
            ("a = 1", "2"),
            ("a = true AND b", "false"),
            ("a <> 'x'", "'x'"),
            ("a IS DISTINCT FROM 4", "4"),
            ("a IS NOT DISTINCT FROM 4", "5"),
            ("a < 2", "2"),
        ] {
            assert!(untrue(predicate, value), "{predicate} with {value}");
        }
    }

    #[test]
    fn what_may_still_hold_is_not_proved() {
        for (predicate, value) in [
            ("a IS NULL OR b", "0"),
            ("a IS NULL", "NULL"),
            ("a = 1", "1"),
            // One value of the type may be written in two ways.
            ("a = 'x'", "'X'"),
            ("a = '1'", "'01'"),
            ("a <= 2", "2"),
            ("lower(a) = 'x'", "NULL"),
            ("a BETWEEN 1 AND 2", "3"),
            ("b IS NULL", "1"),
            ("a IS NULL", "b"),
            ("NOT (a IS NULL AND b)", "1"),
            ("a = 1", "now()"),
        ] {
            assert!(!untrue(predicate, value), "{predicate} with {value}");
        }
    }

    #[test]
    fn conditions_are_cut_at_their_outermost_and() {
        assert_eq!(
            conjuncts("a AND (b AND c) and \"x and y\" = 'p and q'"),
            ["a", "b AND c", "\"x and y\" = 'p and q'"]
        );
        assert_eq!(conjuncts("a AND b OR c"), ["a AND b OR c"]);
        assert_eq!(conjuncts("a BETWEEN 1 AND 2"), ["a BETWEEN 1 AND 2"]);
    }

    #[test]
    fn functions_of_the_column_that_leave_their_own_result_alone() {
        let idempotent = |value: &str| is_idempotent(&expr_from_text(value), &Ident::exact("a"));
        for value in [
            "lower(a)",
            "trim(a)",
            "coalesce(a, 0)",
            "nullif(a, '')",
            "UPPER( a )",
            "rtrim(a, '/')",
            "normalize(a)",
        ] {
            assert!(idempotent(value), "{value}");
        }
        for value in [
            "a + 1",
            "lower(a) || 'x'",
            "lower(b)",
            "coalesce(a, b)",
            "replace(a, 'x', 'xx')",
            "trim(lower(a) || ' ')",
            "rtrim(a, b)",
            "rtrim(b, '/')",
            "left(a, '-1')",
            "a",
            "lower(a || 'X')",
        ] {
            assert!(!idempotent(value), "{value}");
        }
    }
}
