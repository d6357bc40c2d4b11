//! How long work on whole relations takes, roughly, from their sizes.
//!
//! The rates are those of an ordinary server that reads from its disk; `docs/concepts/locks.md`
//! says what they were measured on. They tell a moment from minutes and hours, and are for
//! people: nothing is decided by them. Every time here is in milliseconds, and at least 1.

use crate::{
    catalog::Catalog,
    effects::{Effects, Scan, builder::storing},
    ident::ObjectName,
};

/// Bytes of a heap that a sequential scan reads in a millisecond (200 MB/s, from disk).
const READ_BYTES_PER_MS: u64 = 200_000;
/// Bytes of a heap from which an index is built in a millisecond: read, sorted and written.
const BUILD_BYTES_PER_MS: u64 = 100_000;
/// Bytes of a heap that are written anew in a millisecond, write-ahead log included, without the
/// indexes, each of which is built anew after it.
const REWRITE_BYTES_PER_MS: u64 = 50_000;
/// Row versions and index entries that one statement writes in a millisecond.
const ENTRIES_PER_MS: u64 = 200;
/// Rows that one statement deletes in a millisecond: their index entries stay.
const DELETES_PER_MS: u64 = 200;

/// A time span for people: `350 ms`, `12 s`, `4 min`, `2 h 5 min`.
pub fn in_words(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => match seconds % 3600 / 60 {
            0 => format!("{} h", seconds / 3600),
            minutes => format!("{} h {minutes} min", seconds / 3600),
        },
    }
}

/// How long reading that many bytes of a heap takes.
pub fn reading(bytes: u64) -> u64 {
    bytes / READ_BYTES_PER_MS + 1
}

/// How long `CREATE INDEX CONCURRENTLY` takes on a heap of that many bytes, without what it waits
/// for: it reads the table twice, sorts once, and compares.
pub fn building_concurrently(bytes: u64) -> u64 {
    2 * building(bytes)
}

/// How long building one index on a heap of that many bytes takes.
fn building(bytes: u64) -> u64 {
    bytes / BUILD_BYTES_PER_MS + 1
}

/// How long one UPDATE of all rows of a table takes, its partitions' and children's too.
pub fn updating(catalog: &Catalog, table: &ObjectName) -> Option<u64> {
    writing(catalog, table, ENTRIES_PER_MS, |indexes| 1 + indexes)
}

/// How long one DELETE of all rows of a table takes, its partitions' and children's too.
pub fn deleting(catalog: &Catalog, table: &ObjectName) -> Option<u64> {
    writing(catalog, table, DELETES_PER_MS, |_| 1)
}

fn writing(
    catalog: &Catalog,
    table: &ObjectName,
    per_ms: u64,
    entries_per_row: impl Fn(u64) -> u64,
) -> Option<u64> {
    let mut entries: u64 = 0;
    for part in storing(catalog, table) {
        let part = catalog.tables.get(&part)?;
        let per_row = entries_per_row(part.indexes.len() as u64);
        entries = entries.saturating_add(part.size.as_ref()?.rows.saturating_mul(per_row));
    }
    Some(entries / per_ms + 1)
}

impl Effects {
    /// How long the statement works on whole relations; `None` when the size of one of them is
    /// not known, or when it touches none. What it waits for is not counted, and neither are the
    /// rows that it changes one by one.
    pub fn duration(&self, catalog: &Catalog) -> Option<u64> {
        let bytes = |relation: &ObjectName| {
            let table = match catalog.tables.get(relation) {
                Some(table) => table,
                None => catalog.index(relation)?.0,
            };
            table.size.as_ref().map(|size| size.bytes)
        };
        let mut read: Vec<&ObjectName> = Vec::new();
        let mut total = 0;
        for scan in &self.scans {
            let relation = &scan.relation;
            if scan.builds_index() {
                // An index that is made anew is among the rewrites.
                if !scan.purpose.ends_with(" anew") {
                    total += building(bytes(relation)?);
                }
            } else if !read.contains(&relation) && !self.rewrites.contains(relation) {
                // One pass over the rows checks all that is to be checked.
                read.push(relation);
                total += reading(bytes(relation)?);
            }
        }
        for relation in &self.rewrites {
            total += if catalog.tables.contains_key(relation) {
                bytes(relation)? / REWRITE_BYTES_PER_MS + 1
            } else {
                building(bytes(relation)?)
            };
        }
        (total > 0).then_some(total)
    }
}

impl Scan {
    /// Whether what is read is sorted into an index, and not only looked at.
    ///
    /// The purpose says so; nothing outside of `effects` words a purpose.
    fn builds_index(&self) -> bool {
        self.purpose.starts_with("to build ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{PgVersion, Size},
        effects::effects,
        parse::parse,
        source::SourceFile,
    };

    /// A table `t` of 200 MB with two indexes, and one of which nothing is known.
    fn sized() -> Catalog {
        let schema = "CREATE TABLE t (id bigint PRIMARY KEY, a int, b text);
            CREATE INDEX t_a ON t (a);
            CREATE TABLE unknown (id bigint);";
        let mut catalog = Catalog::empty(PgVersion::V18);
        for statement in &parse(SourceFile::new("schema.sql", schema)).statements {
            crate::catalog::apply(&mut catalog, statement, schema);
        }
        let table = catalog.tables.get_mut(&ObjectName::public("t")).unwrap();
        table.size = Some(Size {
            rows: 2_000_000,
            bytes: 200_000_000,
            empty: false,
        });
        catalog
    }

    /// What a statement takes there, in milliseconds.
    fn takes(statement: &str) -> Option<u64> {
        let catalog = sized();
        let script = parse(SourceFile::new("a.sql", statement));
        effects(&script.statements[0], &catalog).duration(&catalog)
    }

    #[test]
    fn times_read_well() {
        assert_eq!(in_words(350), "350 ms");
        assert_eq!(in_words(12_000), "12 s");
        assert_eq!(in_words(240_000), "4 min");
        assert_eq!(in_words(7_500_000), "2 h 5 min");
        assert_eq!(in_words(7_200_000), "2 h");
    }

    #[test]
    fn a_pass_over_the_rows_counts_once_and_each_index_too() {
        assert_eq!(takes("ALTER TABLE t ALTER b SET NOT NULL"), Some(1001));
        assert_eq!(
            takes("ALTER TABLE t ALTER b SET NOT NULL, ADD CHECK (a > 0)"),
            Some(1001)
        );
        assert_eq!(takes("CREATE INDEX ON t (b)"), Some(2001));
        // The heap, and two indexes.
        assert_eq!(
            takes("ALTER TABLE t ALTER a TYPE bigint"),
            Some(4001 + 2 * 2001)
        );
        assert_eq!(takes("REINDEX TABLE t"), Some(2 * 2001));
        assert_eq!(
            takes("ALTER TABLE t ADD UNIQUE (b), ADD CHECK (a > 0)"),
            Some(3002)
        );
    }

    #[test]
    fn writes_count_rows_and_index_entries() {
        let catalog = sized();
        let t = ObjectName::public("t");
        assert_eq!(updating(&catalog, &t), Some(30_001));
        assert_eq!(deleting(&catalog, &t), Some(10_001));
        assert_eq!(updating(&catalog, &ObjectName::public("unknown")), None);
    }

    #[test]
    fn nothing_is_guessed_of_a_size_that_is_not_known() {
        assert_eq!(takes("CREATE INDEX ON unknown (id)"), None);
        assert_eq!(
            takes("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES unknown (id)"),
            None
        );
        assert_eq!(takes("ALTER TABLE t ADD c int"), None);
    }
}
