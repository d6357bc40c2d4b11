//! PostgreSQL's key word categories, as far as they decide what may be a name.
//!
//! From `src/include/parser/kwlist.h` of PostgreSQL 18. A name in column or table position
//! (`ColId`) may be any word but the two lists here; after a dot, or as a label, any word at all.

/// Whether a lower-case word can never be an unquoted column or table name.
pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.binary_search(&word).is_ok() || TYPE_OR_FUNCTION.binary_search(&word).is_ok()
}

/// Whether a lower-case word can be neither a name nor a type nor a function.
pub(crate) fn is_fully_reserved(word: &str) -> bool {
    RESERVED.binary_search(&word).is_ok()
}

/// `RESERVED_KEYWORD`, sorted.
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
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "current_catalog",
    "current_date",
    "current_role",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "from",
    "grant",
    "group",
    "having",
    "in",
    "initially",
    "intersect",
    "into",
    "lateral",
    "leading",
    "limit",
    "localtime",
    "localtimestamp",
    "not",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "placing",
    "primary",
    "references",
    "returning",
    "select",
    "session_user",
    "some",
    "symmetric",
    "system_user",
    "table",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "when",
    "where",
    "window",
    "with",
];

/// `TYPE_FUNC_NAME_KEYWORD`, sorted.
const TYPE_OR_FUNCTION: &[&str] = &[
    "authorization",
    "binary",
    "collation",
    "concurrently",
    "cross",
    "current_schema",
    "freeze",
    "full",
    "ilike",
    "inner",
    "is",
    "isnull",
    "join",
    "left",
    "like",
    "natural",
    "notnull",
    "outer",
    "overlaps",
    "right",
    "similar",
    "tablesample",
    "verbose",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_disjoint() {
        assert!(RESERVED.is_sorted() && TYPE_OR_FUNCTION.is_sorted());
        assert!(RESERVED.iter().all(|word| !TYPE_OR_FUNCTION.contains(word)));
        assert!(is_reserved("user") && is_reserved("left") && !is_reserved("name"));
        assert!(!is_fully_reserved("left"));
    }
}
