//! Names of database objects, and the only place that quotes them.
//!
//! An [`Ident`] is a name as the catalog stores it: folded unless it was quoted, truncated to
//! 63 bytes (`NAMEDATALEN` - 1, `src/include/pg_config_manual.h`). SQL text is made from it with
//! [`Ident::quoted`] and from nothing else.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The longest name PostgreSQL keeps, in bytes.
pub const MAX_NAME_BYTES: usize = 63;

/// One name as the catalog stores it.
///
/// Names are copied with every catalog, so a copy shares the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ident(Arc<str>);

impl Serialize for Ident {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Ident {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(deserializer)?.into()))
    }
}

impl Ident {
    /// A name as stored: taken as it is, cut to [`MAX_NAME_BYTES`].
    pub fn exact(name: impl AsRef<str>) -> Self {
        Self(truncate(name.as_ref()).into())
    }

    /// An unquoted name as written in SQL: ASCII letters folded to lower case, then cut.
    pub fn folded(name: impl AsRef<str>) -> Self {
        Self::exact(name.as_ref().to_ascii_lowercase())
    }

    /// The name itself, unquoted.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as SQL: quoted exactly when it needs to be.
    pub fn quoted(&self) -> String {
        quote(&self.0)
    }
}

impl fmt::Display for Ident {
    /// Shows the name as SQL would need it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.quoted())
    }
}

/// A name with an optional schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QualifiedName {
    /// The schema, when it was written.
    pub schema: Option<Ident>,
    /// The object's own name.
    pub name: Ident,
}

impl QualifiedName {
    /// A name without a schema.
    pub fn bare(name: Ident) -> Self {
        Self { schema: None, name }
    }

    /// A name in a schema.
    pub fn new(schema: Ident, name: Ident) -> Self {
        Self {
            schema: Some(schema),
            name,
        }
    }

    /// As people write it on a command line: `name` or `schema.name`, each part in double quotes
    /// when it holds a dot or a quote. Nothing is folded.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(name) = ObjectName::parse(text) {
            return Some(Self::new(name.schema, name.name));
        }
        let (name, rest) = leading_identifier(text)?;
        rest.is_empty().then(|| Self::bare(name))
    }

    /// The object, when its schema is written.
    pub fn with_schema(&self) -> Option<ObjectName> {
        let schema = self.schema.clone()?;
        Some(ObjectName::new(schema, self.name.clone()))
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        write!(f, "{}", self.name)
    }
}

/// An object that certainly has a schema: the key of everything in the catalog.
///
/// As text, also in JSON and as a JSON key, it is `schema.name` with each part quoted where needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The schema.
    pub schema: Ident,
    /// The object's own name.
    pub name: Ident,
}

impl ObjectName {
    /// The object `name` of `schema`.
    pub fn new(schema: Ident, name: Ident) -> Self {
        Self { schema, name }
    }

    /// An object of the schema `public`.
    pub fn public(name: impl AsRef<str>) -> Self {
        Self {
            schema: Ident::exact("public"),
            name: Ident::exact(name),
        }
    }

    /// From its text: two identifiers with a dot between them.
    pub fn parse(text: &str) -> Option<Self> {
        let (schema, rest) = leading_identifier(text)?;
        let (name, rest) = leading_identifier(rest.strip_prefix('.')?)?;
        rest.is_empty().then(|| Self::new(schema, name))
    }

    /// The same schema, another name.
    #[must_use]
    pub fn sibling(&self, name: Ident) -> Self {
        Self {
            schema: self.schema.clone(),
            name,
        }
    }

    /// For people: without the schema when it is `public`.
    pub fn short(&self) -> String {
        if self.schema.as_str() == "public" {
            self.name.quoted()
        } else {
            self.to_string()
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl Serialize for ObjectName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no name with a schema")))
    }
}

/// The identifier a text begins with, as [`quote`] writes it, and what follows it.
fn leading_identifier(text: &str) -> Option<(Ident, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        return (end > 0).then(|| (Ident::exact(&text[..end]), &text[end..]));
    };
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let (part, behind) = rest.split_once('"')?;
        name.push_str(part);
        match behind.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((Ident::exact(name), behind)),
        }
    }
}

/// `name` as an SQL identifier, in double quotes unless it is a plain lower-case word that no
/// grammar reserves. Quoting too often is harmless; too seldom is not.
pub fn quote(name: &str) -> String {
    let mut bytes = name.bytes();
    let plain = bytes
        .next()
        .is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if plain && RESERVED.binary_search(&name).is_err() {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// `text` as an SQL string constant that reads the same under either setting of
/// `standard_conforming_strings`.
pub fn quote_literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if text.contains('\\') {
        format!(" E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// Cuts a name to [`MAX_NAME_BYTES`] at a character boundary, as the server does.
pub fn truncate(name: &str) -> &str {
    truncate_to(name, MAX_NAME_BYTES)
}

/// Cuts a name to `bytes` at a character boundary.
pub fn truncate_to(name: &str, bytes: usize) -> &str {
    let mut end = name.len().min(bytes);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// Key words that are not usable as a bare column or table name, or that read as something else
/// in an expression (`src/include/parser/kwlist.h`, all categories but unreserved; sorted).
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_when_they_need_it() {
        for (name, sql) in [
            ("users", "users"),
            ("_x1", "_x1"),
            ("1x", "\"1x\""),
            ("Users", "\"Users\""),
            ("a b", "\"a b\""),
            ("a\"b", "\"a\"\"b\""),
            ("user", "\"user\""),
            ("", "\"\""),
            ("größe", "\"größe\""),
        ] {
            assert_eq!(quote(name), sql);
        }
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn names_are_cut_at_63_bytes_on_a_character() {
        let name = format!("{}é", "a".repeat(62));
        assert_eq!(Ident::exact(&name).as_str().len(), 62);
        assert_eq!(Ident::folded("ABC").as_str(), "abc");
    }

    #[test]
    fn object_names_are_text_and_come_back() {
        for (schema, name) in [("public", "t"), ("My Schema", "a\"b.c"), ("a.b", "user")] {
            let object = ObjectName::new(Ident::exact(schema), Ident::exact(name));
            let json = serde_json::to_string(&object).unwrap();
            assert_eq!(
                serde_json::from_str::<ObjectName>(&json).unwrap(),
                object,
                "{json}"
            );
        }
        assert_eq!(ObjectName::parse("public"), None);
        assert_eq!(ObjectName::parse("\"a.b"), None);
    }

    #[test]
    fn literals_survive_quotes_and_backslashes() {
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("a\\b"), " E'a\\\\b'");
    }
}
