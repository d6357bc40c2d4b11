//! A statement on rows in batches: its parts, and the statements made from them.
//!
//! A batch is the statement of the migration with a range of rows put in: of pages, where doing it
//! again does no harm, or of a key, where each row's turn comes exactly once. Nothing here decides
//! which range comes when; that is `execute::rows`.

use serde::{Deserialize, Serialize};

use crate::{
    ident::{Ident, ObjectName, quote_literal},
    plan::backfill::Slice,
};

/// A statement on many rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batches {
    /// What it does to rows.
    pub verb: Verb,
    /// The table whose rows are walked.
    pub table: ObjectName,
    /// The relations with storage; with a key, the table.
    pub relations: Vec<ObjectName>,
    /// How they are walked.
    pub walk: Walk,
    /// The statement up to the relation.
    pub before: String,
    /// What follows the relation, up to the range.
    pub after: String,
    /// What follows the range.
    pub rest: String,
    /// What a column of the walked relation is qualified with.
    pub row: Ident,
    /// It reads other tables, so that a batch has a cost which does not depend on its size.
    pub reads_others: bool,
}

/// What a statement does to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// It changes them.
    Update,
    /// It removes them.
    Delete,
    /// It adds new ones.
    Insert,
    /// Any of these.
    Merge,
}

impl Verb {
    /// The participle, for sentences about rows.
    pub fn done(self) -> &'static str {
        match self {
            Self::Update => "changed",
            Self::Delete => "deleted",
            Self::Insert => "copied",
            Self::Merge => "merged",
        }
    }
}

/// How rows are walked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Walk {
    /// In physical order, again and again, until no row is left to which it applies.
    Pages {
        /// A condition, after the relation and its alias: the rows that are left.
        left: String,
    },
    /// By a key, from below to what was its largest value at the start: each row exactly once.
    Key {
        /// The key.
        column: Ident,
        /// Its type.
        ty: String,
    },
}

impl Batches {
    /// The statement for the rows of some pages.
    pub fn slice_sql(&self, relation: &ObjectName, slice: Slice, class: Option<&str>) -> String {
        let range = self.pages(&slice.start.to_string(), &slice.end.to_string(), class);
        self.statement(relation, &range)
    }

    /// The statement for all rows that are left.
    pub fn whole_sql(&self, relation: &ObjectName) -> String {
        self.statement(relation, "true")
    }

    /// The statement for the keys above `from`, if any are done, up to and with `to`.
    pub fn key_sql(&self, key: &Key<'_>, from: Option<&str>, to: &str) -> String {
        self.statement(&self.table, &self.keys(key, from, to))
    }

    /// A query for the largest key of the next batch: one `text`, or no row.
    pub fn next_key_sql(&self, key: &Key<'_>, from: Option<&str>, end: &str, rows: u32) -> String {
        self.next_key(key, &self.keys(key, from, end), &rows.to_string())
    }

    /// The same with `{…}` for what changes from batch to batch.
    pub fn next_key_template(&self, key: &Key<'_>) -> String {
        self.next_key(key, &self.key_range(key), "{rows}")
    }

    fn next_key(&self, key: &Key<'_>, range: &str, rows: &str) -> String {
        let (table, row, column) = (&self.table, &self.row, key.column);
        format!(
            "SELECT k::pg_catalog.text FROM (SELECT {row}.{column} AS k FROM {table} AS {row} \
             WHERE {range} ORDER BY {row}.{column} LIMIT {rows}) AS batch ORDER BY k DESC LIMIT 1"
        )
    }

    fn key_range(&self, key: &Key<'_>) -> String {
        let (row, column) = (&self.row, key.column);
        format!("{row}.{column} > {{key}} AND {row}.{column} <= {{key}}")
    }

    /// A query for the largest key there is: one `text`, or no row.
    pub fn last_key_sql(&self, key: &Key<'_>) -> String {
        let (table, column) = (&self.table, key.column);
        format!(
            "SELECT {column}::pg_catalog.text FROM {table} ORDER BY {table}.{column} DESC LIMIT 1"
        )
    }

    /// A query for the number of rows of a relation that are left; none when walked by a key.
    pub fn left_sql(&self, relation: &ObjectName) -> Option<String> {
        match &self.walk {
            Walk::Pages { left } => Some(format!(
                "SELECT pg_catalog.count(*) FROM ONLY {relation}{left}"
            )),
            Walk::Key { .. } => None,
        }
    }

    /// The statement with `{…}` for what changes from batch to batch: what a plan shows.
    pub fn template(&self) -> String {
        match &self.walk {
            Walk::Pages { .. } => {
                let relation = self.relations.first().unwrap_or(&self.table);
                self.statement(relation, &self.pages("{first page}", "{end page}", None))
            }
            Walk::Key { column, ty } => {
                let key = Key { column, ty };
                self.statement(&self.table, &self.key_range(&key))
            }
        }
    }

    fn statement(&self, relation: &ObjectName, range: &str) -> String {
        format!(
            "{} {relation}{} WHERE {range}{}",
            self.before, self.after, self.rest
        )
    }

    fn pages(&self, start: &str, end: &str, class: Option<&str>) -> String {
        let row = &self.row;
        format!(
            "{row}.ctid >= '({start},0)' AND {row}.ctid < '({end},0)'{}",
            class.unwrap_or_default()
        )
    }

    fn keys(&self, key: &Key<'_>, from: Option<&str>, to: &str) -> String {
        let place = format!("{}.{}", self.row, key.column);
        let literal = |text: &str| format!("{}::{}", quote_literal(text), key.ty);
        let below = from.map_or_else(String::new, |from| {
            format!("{place} > {} AND ", literal(from))
        });
        format!("{below}{place} <= {}", literal(to))
    }
}

/// The key that rows are walked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    /// The column.
    pub column: &'a Ident,
    /// Its type.
    pub ty: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::backfill::Classes;

    fn batches(walk: Walk) -> Batches {
        Batches {
            verb: Verb::Update,
            table: ObjectName::public("T"),
            relations: vec![ObjectName::public("T")],
            walk,
            before: "UPDATE ONLY".to_owned(),
            after: " AS x SET n = n + 1".to_owned(),
            rest: " AND (n > 0 OR x.a)".to_owned(),
            row: Ident::exact("x"),
            reads_others: false,
        }
    }

    #[test]
    fn a_batch_is_the_statement_with_a_range() {
        let pages = batches(Walk::Pages {
            left: " AS x WHERE n > 0".to_owned(),
        });
        let slice = Slice {
            start: 3,
            end: 9,
            passes: 1,
            classes: Classes::From(0),
        };
        assert_eq!(
            pages.slice_sql(&pages.table, slice, None),
            "UPDATE ONLY public.\"T\" AS x SET n = n + 1 WHERE x.ctid >= '(3,0)' AND \
             x.ctid < '(9,0)' AND (n > 0 OR x.a)"
        );
        assert_eq!(
            pages.left_sql(&pages.table).unwrap(),
            "SELECT pg_catalog.count(*) FROM ONLY public.\"T\" AS x WHERE n > 0"
        );
        let column = Ident::exact("Key");
        let key = Key {
            column: &column,
            ty: "text",
        };
        let keyed = batches(Walk::Key {
            column: column.clone(),
            ty: "text".to_owned(),
        });
        assert_eq!(
            keyed.key_sql(&key, Some("o'b"), "z"),
            "UPDATE ONLY public.\"T\" AS x SET n = n + 1 WHERE x.\"Key\" > 'o''b'::text AND \
             x.\"Key\" <= 'z'::text AND (n > 0 OR x.a)"
        );
        assert!(
            keyed
                .key_sql(&key, None, "z")
                .contains("WHERE x.\"Key\" <= ")
        );
        assert_eq!(keyed.left_sql(&keyed.table), None);
    }
}
