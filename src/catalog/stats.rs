//! Sizes without data: what `zdm stats` writes and what lint and plan read where no database is.
//!
//! The file is TOML and is committed beside `zdm.toml`. It never says that a table is empty: that
//! counts only when a database shows it at the time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    catalog::{Catalog, PgVersion, Size},
    ident::ObjectName,
};

/// The format of [`Stats`] as TOML.
pub const STATS_VERSION: u32 = 1;

/// Sizes and write rates of the tables of one database at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stats {
    /// The format.
    pub version: u32,
    /// The database.
    pub database: String,
    /// When, in UTC.
    pub taken_at: String,
    /// The major version of the server.
    pub pg_version: PgVersion,
    /// Over how many seconds writes were counted; nothing when they were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes_counted_for_seconds: Option<u64>,
    /// The tables, by `schema.name`.
    pub tables: BTreeMap<ObjectName, TableStats>,
}

/// One table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableStats {
    /// Rows as the server estimates them.
    pub rows: u64,
    /// Bytes of the heap.
    pub bytes: u64,
    /// Rows inserted, updated and deleted per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes_per_second: Option<f64>,
}

impl Stats {
    /// Gives its sizes to the tables of a catalog that have none.
    pub fn apply(&self, catalog: &mut Catalog) {
        for (name, stats) in &self.tables {
            let Some(table) = catalog.tables.get_mut(name) else {
                continue;
            };
            table.size.get_or_insert(Size {
                rows: stats.rows,
                bytes: stats.bytes,
                empty: false,
            });
        }
    }

    /// Where the sizes are from, in words.
    pub fn source(&self) -> String {
        let day = self.taken_at.split('T').next().unwrap_or_default();
        format!("sizes of the database {} on {day}", self.database)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::apply::apply, parse::parse, source::SourceFile};

    #[test]
    fn known_tables_get_sizes_and_none_becomes_empty() {
        let script = parse(SourceFile::new(
            "a",
            "CREATE TABLE users (id int); CREATE TABLE b (id int);",
        ));
        let mut catalog = Catalog::empty(PgVersion::V18);
        for statement in &script.statements {
            apply(&mut catalog, statement, script.source.text());
        }
        let stats: Stats = toml::from_str(
            "version = 1\ndatabase = \"app\"\ntaken_at = \"2026-01-02T03:04:05Z\"\npg_version = 18\n\
             [tables.\"public.users\"]\nrows = 0\nbytes = 8192\n\
             [tables.\"public.gone\"]\nrows = 1\nbytes = 1\nwrites_per_second = 0.5\n",
        )
        .unwrap();
        stats.apply(&mut catalog);
        let size = |name| catalog.tables[&ObjectName::public(name)].size;
        assert_eq!(
            size("users"),
            Some(Size {
                rows: 0,
                bytes: 8192,
                empty: false
            })
        );
        assert_eq!(size("b"), None);
        assert_eq!(stats.source(), "sizes of the database app on 2026-01-02");
    }
}
