//! What a rule sees: one statement and everything around it.

use std::collections::BTreeSet;

use crate::{
    catalog::{Catalog, Size},
    effects::{Effects, LockMode, Scan},
    ident::ObjectName,
    parse::Statement,
    source::{SourceFile, Span},
};

/// One statement and everything around it.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The file.
    pub source: &'a SourceFile,
    /// The statement.
    pub statement: &'a Statement,
    /// What exists before it.
    pub before: &'a Catalog,
    /// What exists after it.
    pub after: &'a Catalog,
    /// What it does.
    pub effects: &'a Effects,
    /// What each subcommand of an `ALTER` would do alone, in order; empty for other statements.
    pub actions: &'a [Effects],
    /// The transaction it is in.
    pub transaction: &'a Transaction,
    /// Tables that this file created before it: no client knows them yet.
    pub created: &'a BTreeSet<ObjectName>,
}

/// The transaction a statement is in, as far as the file shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transaction {
    /// The `BEGIN` of the file, when it has one that is still open.
    pub opened: Option<Span>,
    /// The strong locks that earlier statements of it hold until its end.
    pub held: Vec<(ObjectName, LockMode)>,
}

impl<'a> Context<'a> {
    /// The statement's text.
    pub fn text(&self) -> &'a str {
        self.source.slice(self.statement.span)
    }

    /// Whole reads of tables that clients use, under locks that hold up their writes.
    ///
    /// A table that this file made has no clients, and one that is known to hold no row is read
    /// in no time.
    pub fn blocking_scans<'e>(&self, effects: &'e Effects) -> impl Iterator<Item = &'e Scan> {
        effects.scans.iter().filter(|scan| {
            scan.under.blocks_writes()
                && !self.created.contains(&scan.relation)
                && !self.size(&scan.relation).is_some_and(|size| size.empty)
        })
    }

    /// The first of [`Self::blocking_scans`].
    pub fn blocking_scan<'e>(&self, effects: &'e Effects) -> Option<&'e Scan> {
        self.blocking_scans(effects).next()
    }

    /// Rows and bytes of a table, when a database told.
    pub fn size(&self, relation: &ObjectName) -> Option<&'a Size> {
        self.before.tables.get(relation)?.size.as_ref()
    }

    /// ` (about 1,234,567 rows, 350 MB)`, or nothing when the size is not known.
    pub fn size_in_words(&self, relation: &ObjectName) -> String {
        self.size(relation).map_or_else(String::new, |size| {
            format!(
                " (about {} rows, {})",
                thousands(size.rows),
                bytes(size.bytes)
            )
        })
    }

    /// What a lock means for clients of a relation while something goes on:
    /// `reads and writes of users wait`.
    pub fn who_waits(&self, relation: &ObjectName, mode: LockMode) -> String {
        let who = if mode.blocks_reads() {
            "reads and writes"
        } else {
            "writes"
        };
        format!("{who} of {} wait", relation.short())
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of bytes in the largest unit that leaves a whole part.
fn bytes(number: u64) -> String {
    let units = [("GB", 1_u64 << 30), ("MB", 1 << 20), ("kB", 1 << 10)];
    units
        .into_iter()
        .find(|(_, unit)| number >= *unit)
        .map_or_else(
            || format!("{number} bytes"),
            |(name, unit)| format!("{} {name}", number / unit),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_numbers_of_a_unit() {
        assert_eq!(bytes(8192), "8 kB");
        assert_eq!(bytes(3 << 30), "3 GB");
        assert_eq!(bytes(10), "10 bytes");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
