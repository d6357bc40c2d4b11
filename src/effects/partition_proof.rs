//! What CHECK constraints prove of a partition's bound, so that no row need be read.
//!
//! The server proves more than this (`ConstraintImpliedByRelConstraint` in
//! `src/backend/commands/tablecmds.c`, `predicate_implied_by` in the planner); what is proven
//! here, it proves too. One column as the key, compared with constants; anything else counts as
//! not proven.

use std::cmp::Ordering;

use crate::{
    catalog::{Catalog, ConstraintKind, Table},
    effects::constraint::{about, conjuncts, depths, proves_not_null, without_parentheses},
    ident::Ident,
};

/// Whether the table's constraints say that all its rows are within the bound.
pub(super) fn implies(table: &Table, parent: &Table, bound: &str) -> bool {
    let Some((column, facts)) = known(table, parent) else {
        return false;
    };
    if takes_only_null(bound) {
        return says_null(table, column);
    }
    let Some(bound) = Bound::read(bound) else {
        return false;
    };
    if !never_null(table, column) {
        return false;
    }
    match bound {
        Bound::Range { from, to } => {
            let above = from.is_none_or(|from| facts.iter().any(|fact| fact.is_at_least(&from)));
            let below = to.is_none_or(|to| facts.iter().any(|fact| fact.is_below(&to)));
            above && below
        }
        Bound::List(values) => facts.iter().any(|fact| match fact {
            Fact::Among(known) => known.iter().all(|value| values.contains(value)),
            Fact::Compared(..) | Fact::Not(_) | Fact::Either(_) => false,
        }),
    }
}

/// Whether the table's constraints say that none of its rows is within the bound.
pub(super) fn excludes(table: &Table, parent: &Table, bound: &str) -> bool {
    let Some((column, facts)) = known(table, parent) else {
        return false;
    };
    let Some(bound) = Bound::read(bound) else {
        return false;
    };
    never_null(table, column) && facts.iter().any(|fact| fact.excludes(&bound))
}

/// The same for the bounds of all partitions that the parent has.
pub(super) fn excludes_all(table: &Table, parent: &Table, catalog: &Catalog) -> bool {
    parent.children.iter().all(|child| {
        let bound = catalog
            .tables
            .get(child)
            .and_then(|child| child.partition_bound.as_deref());
        bound.is_some_and(|bound| excludes(table, parent, bound))
    })
}

/// The parent's only key column, and what valid CHECKs of the table say of it.
fn known<'t>(table: &Table, parent: &'t Table) -> Option<(&'t Ident, Vec<Fact>)> {
    let key = parent.partition_key.as_deref()?;
    let [column] = parent.partition_columns.as_slice() else {
        return None;
    };
    // The key is the column itself, no expression over it.
    let inside = key.get(key.find('(')? + 1..key.rfind(')')?)?.trim();
    let first = inside.split_whitespace().next()?;
    if !is_column(first, column) || inside.contains(',') {
        return None;
    }
    let facts = table
        .constraints
        .iter()
        .filter(|constraint| constraint.validated)
        .filter_map(|constraint| match &constraint.kind {
            ConstraintKind::Check { expr, .. } => Some(expr),
            ConstraintKind::Unique { .. }
            | ConstraintKind::PrimaryKey { .. }
            | ConstraintKind::ForeignKey { .. }
            | ConstraintKind::Exclude { .. }
            | ConstraintKind::Other => None,
        })
        .flat_map(|expr| conjuncts(expr))
        .filter_map(|part| Fact::read(part, column))
        .collect();
    Some((column, facts))
}

/// `FOR VALUES IN (NULL)`.
fn takes_only_null(bound: &str) -> bool {
    let words = bound.to_ascii_lowercase();
    let words: String = words.split_whitespace().collect();
    words == "forvaluesin(null)"
}

/// Whether a valid CHECK says that the column is NULL in all rows.
fn says_null(table: &Table, column: &Ident) -> bool {
    table.constraints.iter().any(|constraint| {
        let ConstraintKind::Check { expr, .. } = &constraint.kind else {
            return false;
        };
        constraint.validated
            && conjuncts(expr)
                .filter_map(|part| about(part, table, column))
                .any(|words| {
                    let words: Vec<&str> = words.iter().map(String::as_str).collect();
                    matches!(words.as_slice(), ["", "is", "null"] | ["", "isnull"])
                })
    })
}

fn never_null(table: &Table, column: &Ident) -> bool {
    let declared = table.column(column).is_some_and(|column| {
        column.not_null
            && column
                .not_null_constraint
                .as_ref()
                .is_none_or(|(_, valid)| *valid)
    });
    declared || proves_not_null(table, column, &[])
}

/// A partition's bound; `None` is unbounded.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Bound {
    Range {
        from: Option<Value>,
        to: Option<Value>,
    },
    List(Vec<Value>),
}

impl Bound {
    /// Reads `FOR VALUES …`; a hash, several columns and what is no constant are not read.
    fn read(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let values = lower.find("values")? + "values".len();
        let (text, lower) = (text[values..].trim(), lower[values..].trim());
        if lower.starts_with("in") {
            let list = list(text["in".len()..].trim())?;
            return list.into_iter().collect::<Option<_>>().map(Self::List);
        }
        if !lower.starts_with("from") {
            return None;
        }
        let to = depths(text)
            .into_iter()
            .find(|(at, depth)| *depth == 0 && lower[*at..].starts_with("to"))?
            .0;
        let end = |text: &str| -> Option<Option<Value>> {
            let inside = without_parentheses(text.trim())?.trim();
            if ["minvalue", "maxvalue"].contains(&inside.to_ascii_lowercase().as_str()) {
                return Some(None);
            }
            Value::read(inside).map(Some)
        };
        Some(Self::Range {
            from: end(&text["from".len()..to])?,
            to: end(&text[to + "to".len()..])?,
        })
    }
}

/// The values of a list in parentheses, `None` for each that is no constant.
fn list(text: &str) -> Option<Vec<Option<Value>>> {
    let inside = without_parentheses(text)?;
    let mut cuts: Vec<usize> = depths(inside)
        .into_iter()
        .filter(|(at, depth)| *depth == 0 && inside.as_bytes()[*at] == b',')
        .map(|(at, _)| at)
        .collect();
    cuts.push(inside.len());
    let mut start = 0;
    let mut values = Vec::new();
    for cut in cuts {
        values.push(Value::read(&inside[start..cut]));
        start = cut + 1;
    }
    Some(values)
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Number(i128),
    Text(String),
}

impl Value {
    /// Reads a number or a literal, with the casts around it.
    fn read(text: &str) -> Option<Self> {
        let mut text = text.trim();
        loop {
            if let Some(inner) = without_parentheses(text) {
                text = inner.trim();
                continue;
            }
            let cast = depths(text)
                .into_iter()
                .rfind(|(at, depth)| *depth == 0 && text[*at..].starts_with("::"));
            match cast {
                Some((at, _)) => text = text[..at].trim(),
                None => break,
            }
        }
        if let Some(inner) = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')) {
            if inner.replace("''", "").contains('\'') {
                return None;
            }
            // A number in quotes is one where the column is.
            return Some(
                inner
                    .parse()
                    .map_or_else(|_| Self::Text(midnight(inner).to_owned()), Self::Number),
            );
        }
        text.parse().ok().map(Self::Number)
    }

    /// Which is less, where that can be told: numbers, and dates written alike.
    fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => Some(one.cmp(other)),
            (Self::Text(one), Self::Text(other)) if one == other => Some(Ordering::Equal),
            (Self::Text(one), Self::Text(other)) if is_date(one) && is_date(other) => {
                Some(one.cmp(other))
            }
            _ => None,
        }
    }
}

/// A timestamp at midnight is written as the day.
fn midnight(text: &str) -> &str {
    text.strip_suffix(" 00:00:00")
        .filter(|day| is_date(day))
        .unwrap_or(text)
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// How a column compares with a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a part of a CHECK says of the column.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fact {
    Compared(Operator, Value),
    /// It is one of these.
    Among(Vec<Value>),
    /// It is none of these.
    Not(Vec<Value>),
    /// One of these holds.
    Either(Vec<Fact>),
}

impl Fact {
    fn read(text: &str, column: &Ident) -> Option<Self> {
        let text = text.trim();
        if let Some(inner) = without_parentheses(text) {
            return Self::read(inner, column);
        }
        let lower = text.to_ascii_lowercase();
        let tops = depths(text);
        let top = |word: &str| -> Vec<usize> {
            tops.iter()
                .filter(|(at, depth)| *depth == 0 && lower[*at..].starts_with(word))
                .map(|(at, _)| *at)
                .collect()
        };
        let ors = top(" or ");
        if !ors.is_empty() {
            if !top(" and ").is_empty() {
                return None;
            }
            let mut arms = Vec::new();
            let mut start = 0;
            for cut in ors.into_iter().chain([text.len()]) {
                arms.push(Self::read(&text[start..cut], column)?);
                start = cut + " or ".len();
            }
            return Some(Self::Either(arms));
        }
        for (word, is_in) in [(" not in ", false), (" in ", true)] {
            if let Some(at) = top(word).first() {
                if !is_column(&text[..*at], column) {
                    return None;
                }
                let values = list(text[at + word.len()..].trim())?;
                let values = values.into_iter().collect::<Option<_>>()?;
                return Some(if is_in {
                    Self::Among(values)
                } else {
                    Self::Not(values)
                });
            }
        }
        for (sign, length) in [
            ("<>", 2),
            ("!=", 2),
            (">=", 2),
            ("<=", 2),
            (">", 1),
            ("<", 1),
            ("=", 1),
        ] {
            let Some(at) = top(sign).first().copied() else {
                continue;
            };
            if !is_column(&text[..at], column) {
                return None;
            }
            let right = text[at + length..].trim();
            if let Some(values) = array(right) {
                return match sign {
                    "=" if right.to_ascii_lowercase().starts_with("any") => {
                        Some(Self::Among(values))
                    }
                    "<>" | "!=" if right.to_ascii_lowercase().starts_with("all") => {
                        Some(Self::Not(values))
                    }
                    _ => None,
                };
            }
            let value = Value::read(right)?;
            return Some(match sign {
                "<>" | "!=" => Self::Not(vec![value]),
                ">=" => Self::Compared(Operator::GreaterOrEqual, value),
                "<=" => Self::Compared(Operator::LessOrEqual, value),
                ">" => Self::Compared(Operator::Greater, value),
                "<" => Self::Compared(Operator::Less, value),
                _ => Self::Among(vec![value]),
            });
        }
        None
    }

    /// Whether it says that the column is at least that.
    fn is_at_least(&self, least: &Value) -> bool {
        match self {
            Self::Compared(Operator::GreaterOrEqual | Operator::Greater, value) => {
                value.order(least).is_some_and(Ordering::is_ge)
            }
            Self::Among(values) => values
                .iter()
                .all(|value| value.order(least).is_some_and(Ordering::is_ge)),
            Self::Compared(..) | Self::Not(_) | Self::Either(_) => false,
        }
    }

    /// Whether it says that the column is below that.
    fn is_below(&self, end: &Value) -> bool {
        match self {
            Self::Compared(Operator::Less, value) => value.order(end).is_some_and(Ordering::is_le),
            Self::Compared(Operator::LessOrEqual, value) => {
                value.order(end).is_some_and(Ordering::is_lt)
            }
            Self::Among(values) => values
                .iter()
                .all(|value| value.order(end).is_some_and(Ordering::is_lt)),
            Self::Compared(..) | Self::Not(_) | Self::Either(_) => false,
        }
    }

    /// Whether it says that the column is outside of the bound.
    fn excludes(&self, bound: &Bound) -> bool {
        match (self, bound) {
            (Self::Either(arms), _) => arms.iter().all(|arm| arm.excludes(bound)),
            (Self::Compared(..), Bound::Range { from, to }) => {
                from.as_ref().is_some_and(|from| self.is_below(from))
                    || to.as_ref().is_some_and(|to| self.is_at_least(to))
            }
            (Self::Not(known), Bound::List(values)) => {
                values.iter().all(|value| known.contains(value))
            }
            (Self::Among(known), Bound::List(values)) => {
                known.iter().all(|value| !values.contains(value))
            }
            (Self::Among(_) | Self::Not(_), Bound::Range { .. })
            | (Self::Compared(..), Bound::List(_)) => false,
        }
    }
}

/// The constants of `ANY (ARRAY[…])` or `ALL (ARRAY[…])`.
fn array(text: &str) -> Option<Vec<Value>> {
    let open = text.find('[')?;
    let head: String = text[..open]
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    let head = head.to_ascii_lowercase();
    if !["any(array", "all(array", "any((array", "all((array"].contains(&head.as_str()) {
        return None;
    }
    let close = text.rfind(']')?;
    let values = list(&format!("({})", text.get(open + 1..close)?))?;
    values.into_iter().collect()
}

/// Whether a text is the column, in parentheses or cast to text as the server prints it.
fn is_column(text: &str, column: &Ident) -> bool {
    let text = text.trim();
    if let Some(inner) = without_parentheses(text) {
        return is_column(inner, column);
    }
    if let Some(inner) = text.strip_suffix("::text") {
        return is_column(inner, column);
    }
    let quoted = column.quoted();
    text == quoted || (!quoted.starts_with('"') && text.eq_ignore_ascii_case(&quoted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proves(check: &str, bound: &str) -> (bool, bool) {
        let column = Ident::exact("a");
        let facts: Vec<Fact> = conjuncts(check)
            .filter_map(|part| Fact::read(part, &column))
            .collect();
        let bound = Bound::read(bound).unwrap();
        let within = match &bound {
            Bound::Range { from, to } => {
                from.as_ref()
                    .is_none_or(|from| facts.iter().any(|fact| fact.is_at_least(from)))
                    && to
                        .as_ref()
                        .is_none_or(|to| facts.iter().any(|fact| fact.is_below(to)))
            }
            Bound::List(values) => facts.iter().any(
                |fact| matches!(fact, Fact::Among(known) if known.iter().all(|v| values.contains(v))),
            ),
        };
        (within, facts.iter().any(|fact| fact.excludes(&bound)))
    }

    #[test]
    fn checks_prove_bounds_as_far_as_constants_tell() {
        let range = "FOR VALUES FROM (10) TO (20)";
        let days = "FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')";
        let list = "FOR VALUES IN ('a', 'b')";
        let (within, outside, neither) = ((true, false), (false, true), (false, false));
        for (check, bound, expected) in [
            ("a >= 10 AND a < 20", range, within),
            ("((a >= 12) AND (a <= 19))", range, within),
            ("((a >= 10) AND (a <= 20))", range, neither),
            ("a >= '10'::bigint AND a < '20'::bigint", range, within),
            ("a < 10 OR a >= 20", range, outside),
            ("((a < 10) OR (a >= 19))", range, neither),
            ("a > 20", range, outside),
            ("b >= 10 AND b < 20", range, neither),
            ("f(a) >= 10 AND f(a) < 20", range, neither),
            ("a >= 10 OR a < 20", range, neither),
            ("a < 20", "FOR VALUES FROM (MINVALUE) TO (20)", within),
            (
                "a >= '2024-02-01'::date AND a < '2024-03-01'::date",
                days,
                within,
            ),
            (
                "((a >= '2024-01-01 00:00:00'::timestamp without time zone) AND (a < '2025-01-01 00:00:00'::timestamp without time zone))",
                days,
                within,
            ),
            ("a < '2024-01-01'", days, outside),
            ("a IN ('a')", list, within),
            (
                "((a)::text = ANY ((ARRAY['a'::text, 'b'::text])))",
                list,
                within,
            ),
            ("a = 'b'", list, within),
            ("a IN ('a', 'c')", list, neither),
            ("a <> ALL (ARRAY['a'::text, 'b'::text])", list, outside),
            ("a NOT IN ('a', 'b', 'c')", list, outside),
            ("a IN ('x', 'y')", list, outside),
        ] {
            assert_eq!(proves(check, bound), expected, "{check} for {bound}");
        }
    }

    #[test]
    fn what_is_no_constant_is_no_bound() {
        assert_eq!(
            Bound::read("FOR VALUES WITH (MODULUS 2, REMAINDER 0)"),
            None
        );
        assert_eq!(Bound::read("FOR VALUES FROM (1, 2) TO (3, 4)"), None);
        assert_eq!(Bound::read("FOR VALUES IN (NULL)"), None);
        assert_eq!(Bound::read("DEFAULT"), None);
    }
}
