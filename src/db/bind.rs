//! Values in SQL text.

use crate::ident::quote_literal;

/// A value to write into SQL as a literal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A text of any type; the server infers which.
    Text(&'a str),
    /// An integer.
    Int(i64),
    /// A boolean.
    Bool(bool),
    /// NULL.
    Null,
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Int(i64::from(number))
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

/// `sql` with `$1`, `$2`, … replaced by literals. Meant for zdm's own statements, whose texts hold
/// no such sequence inside a literal; one without a value stays as it is, and the server says so.
///
/// Nothing is replaced in a line comment: a value may hold a line break, which would end it.
pub fn bind(sql: &str, values: &[Value<'_>]) -> String {
    let mut out = String::with_capacity(sql.len() + 64);
    let mut rest = sql;
    while let Some(at) = rest.find('$') {
        if let Some(comment) = rest[..at].find("--") {
            let end = rest[comment..]
                .find('\n')
                .map_or(rest.len(), |line| comment + line);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
        let value = rest[1..=digits]
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1))
            .and_then(|index| values.get(index));
        match value {
            Some(Value::Text(text)) => out.push_str(&quote_literal(text)),
            Some(Value::Int(number)) => {
                out.push('(');
                out.push_str(&number.to_string());
                out.push(')');
            }
            Some(Value::Bool(flag)) => out.push_str(if *flag { "true" } else { "false" }),
            Some(Value::Null) => out.push_str("NULL"),
            None => out.push_str(&rest[..=digits]),
        }
        rest = &rest[digits + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_literals() {
        assert_eq!(
            bind(
                "select $1, $2, $3, $10 $$x$$",
                &["it's".into(), 5i64.into(), Value::Null]
            ),
            "select 'it''s', (5), NULL, $10 $$x$$"
        );
    }

    #[test]
    fn comments_are_left_alone() {
        assert_eq!(
            bind("-- id $1\nselect $1 -- $1", &["a\nb".into()]),
            "-- id $1\nselect 'a\nb' -- $1"
        );
    }
}
