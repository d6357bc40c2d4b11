//! The bound of a partition as a CHECK: what the server must find among the valid constraints of a
//! table to attach it without reading it (`PartConstraintImpliedByRelConstraint` in
//! `src/backend/commands/tablecmds.c`; it builds the condition in `partbounds.c`).
//!
//! What has no certain CHECK is `None`: bounds that are computed, MINVALUE and MAXVALUE among several
//! columns, hash partitions by a collatable key. The server would then read every row.

use crate::{
    catalog::Table,
    ident::{Ident, ObjectName, quote_literal},
    parse::PhaseName,
    plan::{
        draft::Draft,
        partitions, pieces,
        recipe::Context,
        state::{self, Helper},
    },
};

/// The condition that a partition's rows meet, as SQL, over columns of the partitioned table.
pub fn condition(parent: &Table, bound: &str) -> Option<String> {
    let key = Key::of(parent)?;
    let words = bound.trim();
    let rest = strip_words(words, &["FOR", "VALUES"])?;
    if let Some(rest) = strip_words(rest, &["FROM"]) {
        let (from, rest) = parenthesised(rest)?;
        let (to, rest) = parenthesised(strip_words(rest, &["TO"])?)?;
        return rest.is_empty().then(|| range(&key, &from, &to)).flatten();
    }
    if let Some(rest) = strip_words(rest, &["IN"]) {
        let (values, rest) = parenthesised(rest)?;
        return rest.is_empty().then(|| list(&key, &values)).flatten();
    }
    let (numbers, rest) = parenthesised(strip_words(rest, &["WITH"])?)?;
    rest.is_empty()
        .then(|| hash(&parent.name, &key, &numbers))
        .flatten()
}

/// Whether a bound says DEFAULT.
pub fn is_default(bound: &str) -> bool {
    bound.trim().eq_ignore_ascii_case("default")
}

/// The default partition of a partitioned table.
pub fn default_of<'a>(cx: &Context<'a>, parent: &Table) -> Option<&'a Table> {
    parent
        .children
        .iter()
        .filter_map(|child| cx.before.tables.get(child))
        .find(|child| child.partition_bound.as_deref().is_some_and(is_default))
}

/// A partition to be made beside a default partition.
#[derive(Debug, Clone, Copy)]
pub struct NewPartition<'a> {
    /// The partitioned table.
    pub parent: &'a ObjectName,
    /// The partition to be.
    pub part: &'a ObjectName,
    /// The default partition.
    pub default: &'a Table,
    /// What the rows of the new partition meet.
    pub condition: &'a str,
}

/// Adds the steps that show the server that the default partition has no row of a new partition's:
/// else it would read all of it while clients wait. Returns the statement that drops the CHECK,
/// for the transaction that makes the new partition.
///
/// While the CHECK stands alone, rows of the new partition have no place at all.
pub fn shut_default(
    cx: &Context<'_>,
    draft: &mut Draft,
    new: &NewPartition<'_>,
    phase: PhaseName,
) -> String {
    let NewPartition {
        parent,
        part,
        default,
        condition,
    } = *new;
    let table = &default.name;
    let check = cx.own_name(
        &cx.key(table, &part.name),
        &Ident::exact(format!("{}_elsewhere", part.name.as_str())),
    );
    let within = format!("FROM {table} WHERE ({condition}) IS TRUE");
    draft.push(
        phase,
        pieces::count_violators(
            cx,
            table,
            &format!("the bound of {}: they would have to be there", part.short()),
            format!("SELECT pg_catalog.count(*) {within}"),
            Some(format!("SELECT ctid::pg_catalog.text {within} LIMIT 5")),
        ),
    );
    let add = pieces::add_not_valid(
        table,
        &check,
        &format!("CHECK (NOT ({condition}))"),
        "shows later that no row of the default partition belongs to the new one; from here until \
         then such rows are refused",
    );
    // It goes with the step that makes the partition, and so is missed no more from then on.
    let add = add.state(state::helped(Helper::Present(table, &check), part, parent));
    draft.push(phase, partitions::on_tree(cx, add, table));
    let valid = |of: &ObjectName| state::helped(Helper::Valid(of, &check), part, parent);
    for step in partitions::validate_as(cx, table, &check, valid) {
        draft.push(phase, step);
    }
    draft.conditions.push((
        phase,
        format!(
            "rows of {} that went to {} until now are refused from `add {check}` until {} is there",
            part.short(),
            table.short(),
            part.short()
        ),
    ));
    format!("ALTER TABLE {table} DROP CONSTRAINT {check}")
}

/// The parts of a partition key.
struct Key {
    parts: Vec<KeyPart>,
}

struct KeyPart {
    /// As SQL.
    expr: String,
    /// The type of a plain column.
    ty: Option<String>,
}

impl Key {
    /// As `pg_get_partkeydef` prints it (`RANGE (a, lower(b))`), or as it was written.
    fn of(parent: &Table) -> Option<Self> {
        let text = parent.partition_key.as_deref()?;
        let (parts, rest) = parenthesised(&text[text.find('(')?..])?;
        if !rest.is_empty() {
            return None;
        }
        let parts = parts.into_iter().map(|part| {
            // What follows a column is a collation or an operator class: then the server compares
            // otherwise than a plain condition would.
            match column_name(&part).and_then(|name| parent.column(&name)) {
                Some(column) => Some(KeyPart {
                    expr: column.name.quoted(),
                    ty: Some(column.ty.clone()),
                }),
                None if part.ends_with(')') => Some(KeyPart {
                    expr: part,
                    ty: None,
                }),
                None => None,
            }
        });
        Some(Self {
            parts: parts.collect::<Option<_>>()?,
        })
    }
}

/// The name of a column, when the text is nothing else.
fn column_name(text: &str) -> Option<Ident> {
    if let Some(quoted) = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        let bare = quoted.replace("\"\"", "");
        return (!bare.contains('"')).then(|| Ident::exact(quoted.replace("\"\"", "\"")));
    }
    let plain = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || "_$".contains(c));
    plain.then(|| Ident::folded(text))
}

impl KeyPart {
    /// A bound's value in the type of the column.
    fn value(&self, literal: &str) -> Option<String> {
        let literal = literal.trim();
        if !is_constant(literal) {
            return None;
        }
        Some(match &self.ty {
            Some(ty) => format!("({literal})::{ty}"),
            None => literal.to_owned(),
        })
    }

    fn not_null(&self) -> String {
        format!("{} IS NOT NULL", self.expr)
    }
}

/// The end of a range.
enum End {
    Lower,
    Upper,
}

fn range(key: &Key, from: &[String], to: &[String]) -> Option<String> {
    if from.len() != key.parts.len() || to.len() != key.parts.len() {
        return None;
    }
    let mut conditions: Vec<String> = key.parts.iter().map(KeyPart::not_null).collect();
    if let [part] = key.parts.as_slice() {
        let (from, to) = (from[0].trim(), to[0].trim());
        if !from.eq_ignore_ascii_case("minvalue") {
            conditions.push(format!("{} >= {}", part.expr, part.value(from)?));
        }
        if !to.eq_ignore_ascii_case("maxvalue") {
            conditions.push(format!("{} < {}", part.expr, part.value(to)?));
        }
        return Some(conditions.join(" AND "));
    }
    // Columns in which both ends are the same come first, as equal to that.
    let same = key
        .parts
        .iter()
        .zip(from.iter().zip(to))
        .take(key.parts.len() - 1)
        .take_while(|(_, (from, to))| from.trim() == to.trim())
        .count();
    for (part, from) in key.parts.iter().zip(from).take(same) {
        conditions.push(format!("{} = {}", part.expr, part.value(from)?));
    }
    conditions.push(end(&key.parts[same..], &from[same..], &End::Lower)?);
    conditions.push(end(&key.parts[same..], &to[same..], &End::Upper)?);
    Some(conditions.join(" AND "))
}

/// `(a > 1 OR a = 1 AND b >= 2)`, or with the other signs.
fn end(parts: &[KeyPart], values: &[String], end: &End) -> Option<String> {
    let (beyond, last) = match end {
        End::Lower => (">", ">="),
        End::Upper => ("<", "<"),
    };
    let values: Vec<String> = parts
        .iter()
        .zip(values)
        .map(|(part, value)| part.value(value))
        .collect::<Option<_>>()?;
    let mut ways = Vec::with_capacity(parts.len());
    for at in 0..parts.len() {
        let mut way: Vec<String> = parts[..at]
            .iter()
            .zip(&values)
            .map(|(part, value)| format!("{} = {value}", part.expr))
            .collect();
        let sign = if at + 1 == parts.len() { last } else { beyond };
        way.push(format!("{} {sign} {}", parts[at].expr, values[at]));
        ways.push(way.join(" AND "));
    }
    Some(if ways.len() == 1 {
        ways.remove(0)
    } else {
        format!("({})", ways.join(" OR "))
    })
}

fn list(key: &Key, values: &[String]) -> Option<String> {
    let [part] = key.parts.as_slice() else {
        return None;
    };
    let is_null = |value: &&String| value.trim().eq_ignore_ascii_case("null");
    let has_null = values.iter().any(|value| is_null(&value));
    let values: Vec<String> = values
        .iter()
        .filter(|value| !is_null(value))
        .map(|value| part.value(value))
        .collect::<Option<_>>()?;
    let among = format!("{} IN ({})", part.expr, values.join(", "));
    Some(match (has_null, values.is_empty()) {
        (true, true) => format!("{} IS NULL", part.expr),
        (true, false) => format!("{} IS NULL OR {among}", part.expr),
        (false, _) => format!("{} AND {among}", part.not_null()),
    })
}

/// Types whose values a hash partition's CHECK can name: for a collatable one the server's own
/// condition has no collation and is never found equal.
const UNCOLLATED: [&str; 6] = ["smallint", "integer", "bigint", "uuid", "date", "boolean"];

fn hash(parent: &ObjectName, key: &Key, numbers: &[String]) -> Option<String> {
    let number = |word: &str| {
        numbers.iter().find_map(|number| {
            let digits = strip_words(number.trim(), &[word])?.trim();
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.to_owned())
        })
    };
    let (modulus, remainder) = (number("MODULUS")?, number("REMAINDER")?);
    let plain = key.parts.iter().all(|part| {
        part.ty
            .as_deref()
            .is_some_and(|ty| UNCOLLATED.contains(&ty) || ty.starts_with("timestamp"))
    });
    if !plain {
        return None;
    }
    let parts: Vec<&str> = key.parts.iter().map(|part| part.expr.as_str()).collect();
    Some(format!(
        "pg_catalog.satisfies_hash_partition({}::pg_catalog.regclass, {modulus}, {remainder}, {})",
        quote_literal(&parent.to_string()),
        parts.join(", ")
    ))
}

/// Whether it means the same whenever it is evaluated: a number, a string, a typed string, TRUE or
/// FALSE.
fn is_constant(literal: &str) -> bool {
    let bare = literal.strip_prefix(['+', '-']).unwrap_or(literal).trim();
    let number = !bare.is_empty()
        && bare.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && bare
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_');
    if number || ["true", "false"].contains(&bare.to_ascii_lowercase().as_str()) {
        return true;
    }
    if literal.contains('\\') || literal.contains('(') && !literal.ends_with('\'') {
        return false;
    }
    let (Some(open), Some(close)) = (literal.find('\''), literal.rfind('\'')) else {
        return false;
    };
    if open == close {
        return false;
    }
    let moving = ["now", "today", "tomorrow", "yesterday", "allballs"];
    let content = literal[open + 1..close].to_ascii_lowercase();
    if moving.iter().any(|word| content.contains(word)) {
        return false;
    }
    let is_type = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || " _.\"[]".contains(c))
    };
    let (before, after) = (literal[..open].trim(), literal[close + 1..].trim());
    let cast = after.is_empty() || after.strip_prefix("::").is_some_and(is_type);
    is_type(before) && cast && !content.replace("''", "").contains('\'')
}

/// What follows the words, whatever their case.
fn strip_words<'a>(text: &'a str, words: &[&str]) -> Option<&'a str> {
    let mut rest = text.trim_start();
    for word in words {
        let head = rest.get(..word.len())?;
        if !head.eq_ignore_ascii_case(word) {
            return None;
        }
        rest = rest[word.len()..].trim_start();
    }
    Some(rest)
}

/// The parts of a parenthesised list at the start of a text, and what follows it.
fn parenthesised(text: &str) -> Option<(Vec<String>, &str)> {
    let text = text.trim_start();
    if !text.starts_with('(') {
        return None;
    }
    let (mut depth, mut quote, mut start) = (0_usize, None, 1);
    let mut parts = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            (None, b'(' | b'[') => depth += 1,
            (None, b')' | b']') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    parts.push(text[start..at].trim().to_owned());
                    return Some((parts, text[at + 1..].trim()));
                }
            }
            (None, b',') if depth == 1 => {
                parts.push(text[start..at].trim().to_owned());
                start = at + 1;
            }
            (Some(_) | None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Column, TableKind};

    fn parent(key: &str) -> Table {
        let mut table = Table::new(ObjectName::public("t"));
        table.kind = TableKind::Partitioned;
        table.partition_key = Some(key.to_owned());
        for (name, ty) in [("a", "bigint"), ("B c", "date"), ("r", "text")] {
            table.columns.push(Column::new(Ident::exact(name), ty));
        }
        table
    }

    fn of(key: &str, bound: &str) -> String {
        condition(&parent(key), bound).unwrap_or_default()
    }

    #[test]
    fn a_range_is_the_condition_of_the_server() {
        assert_eq!(
            of("RANGE (a)", "FOR VALUES FROM (1) TO ('20')"),
            "a IS NOT NULL AND a >= (1)::bigint AND a < ('20')::bigint"
        );
        assert_eq!(
            of("(a)", "for values from (minvalue) to (-5)"),
            "a IS NOT NULL AND a < (-5)::bigint"
        );
        assert_eq!(
            of(
                "RANGE (a, \"B c\")",
                "FOR VALUES FROM (1, '2024-01-01') TO (2, '2024-02-01')"
            ),
            "a IS NOT NULL AND \"B c\" IS NOT NULL AND (a > (1)::bigint OR a = (1)::bigint AND \
             \"B c\" >= ('2024-01-01')::date) AND (a < (2)::bigint OR a = (2)::bigint AND \
             \"B c\" < ('2024-02-01')::date)"
        );
        assert_eq!(
            of(
                "RANGE (a, \"B c\")",
                "FOR VALUES FROM (1, '2024-01-01') TO (1, '2024-02-01')"
            ),
            "a IS NOT NULL AND \"B c\" IS NOT NULL AND a = (1)::bigint AND \
             \"B c\" >= ('2024-01-01')::date AND \"B c\" < ('2024-02-01')::date"
        );
    }

    #[test]
    fn a_list_and_a_hash_are_too() {
        assert_eq!(
            of("LIST (r)", "FOR VALUES IN ('a, b', 'it''s')"),
            "r IS NOT NULL AND r IN (('a, b')::text, ('it''s')::text)"
        );
        assert_eq!(
            of("LIST (r)", "FOR VALUES IN (NULL, 'x')"),
            "r IS NULL OR r IN (('x')::text)"
        );
        assert_eq!(
            of("HASH (a)", "FOR VALUES WITH (modulus 4, REMAINDER 1)"),
            "pg_catalog.satisfies_hash_partition('public.t'::pg_catalog.regclass, 4, 1, a)"
        );
    }

    #[test]
    fn what_is_not_certain_has_no_condition() {
        for (key, bound) in [
            (
                "RANGE (a, r)",
                "FOR VALUES FROM (1, MINVALUE) TO (2, MAXVALUE)",
            ),
            (
                "RANGE (\"B c\")",
                "FOR VALUES FROM ('today') TO ('2030-01-01')",
            ),
            (
                "RANGE (\"B c\")",
                "FOR VALUES FROM (CURRENT_DATE) TO ('2030-01-01')",
            ),
            (
                "RANGE (\"B c\")",
                "FOR VALUES FROM (now()) TO ('2030-01-01')",
            ),
            ("RANGE (r COLLATE \"C\")", "FOR VALUES FROM ('a') TO ('b')"),
            ("HASH (r)", "FOR VALUES WITH (MODULUS 4, REMAINDER 1)"),
            ("RANGE (a)", "DEFAULT"),
        ] {
            assert_eq!(of(key, bound), "", "{key} {bound}");
        }
        assert!(is_default(" default "));
    }
}
