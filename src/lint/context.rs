//! What a rule sees: one statement and everything around it, and the judging that rules share.

use crate::{
    catalog::{Catalog, Size, Table, TableKind},
    effects::{Effects, LockMode, Scan},
    ident::ObjectName,
    lint::{
        file::{File, Held, Transaction},
        settings::Runner,
        timeout::Timeouts,
    },
    parse::{
        Statement, StatementKind,
        statement::{AlterAction, AlterRelation, DataKind},
    },
    source::{SourceFile, Span},
};

/// One statement and everything around it.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The file, whose other statements can be looked at too.
    pub file: &'a File<'a>,
    /// The position of the statement.
    pub at: usize,
    /// The text of the file.
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
    /// The transaction it is in, when it is in one that other statements may share.
    pub transaction: Option<Transaction>,
    /// The strong locks that earlier statements of that transaction hold.
    pub held: &'a [Held],
    /// The timeouts that the file has set and that are in force.
    pub timeouts: &'a Timeouts,
    /// The DO block in whose code it stands, when it does: nothing of that ends the transaction
    /// before the block does.
    pub block: Option<Span>,
}

/// A relation that clients use is read or written anew from end to end, while a lock on it
/// stops their writes at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work<'a> {
    /// The relation.
    pub relation: &'a ObjectName,
    /// The lock on it meanwhile.
    pub under: LockMode,
    /// Whether it is only read.
    pub kind: WorkKind,
    /// What for, in words (`to build index "x"`).
    pub purpose: &'a str,
}

/// What is done to a whole relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkKind {
    /// It is read.
    Scan,
    /// It is read and written anew, its indexes too.
    Rewrite,
}

/// The purpose of work that reads no row.
const COPIED: &str = "to write its file anew";

impl Work<'_> {
    /// Whether a subcommand that would do this alone does it, whatever the lock.
    pub fn is_of(&self, alone: &Effects) -> bool {
        let scanned = alone
            .scans
            .iter()
            .any(|scan| scan.relation == *self.relation && scan.purpose == self.purpose);
        scanned || (self.purpose == COPIED && alone.rewrites.contains(self.relation))
    }
}

impl<'a> Context<'a> {
    /// Whether it is in the transaction that the statements of one string make.
    pub fn in_string(&self) -> bool {
        self.file.settings.runner == Runner::OneString
            && self
                .transaction
                .is_some_and(|transaction| transaction.begin.is_none())
    }

    /// The statement's text.
    pub fn text(&self) -> &'a str {
        self.source.slice(self.statement.span)
    }

    /// The text of a part of it.
    pub fn slice(&self, span: Span) -> &'a str {
        self.source.slice(span)
    }

    /// The statement as an `ALTER`, when it is one.
    pub fn alter(&self) -> Option<&'a AlterRelation> {
        self.statement.alter()
    }

    /// The subcommands of an `ALTER`, each with what it would do alone.
    pub fn subcommands(&self) -> impl Iterator<Item = (&'a AlterAction, &'a Effects)> + use<'a> {
        self.statement.actions().iter().zip(self.actions)
    }

    /// Whether an earlier statement of this file made the relation, or the table of that index:
    /// no client knows it yet.
    pub fn is_new(&self, relation: &ObjectName) -> bool {
        let made = |name: &ObjectName| self.file.created(name).is_some_and(|step| step < self.at);
        if made(relation) {
            return true;
        }
        !self.before.tables.contains_key(relation)
            && self
                .before
                .index(relation)
                .is_some_and(|(table, _)| made(&table.name))
    }

    /// Whether a database showed that the relation holds no row.
    pub fn is_empty(&self, relation: &ObjectName) -> bool {
        self.size(relation).is_some_and(|size| size.empty)
    }

    /// Work on relations that clients use, under locks that hold up their writes at least, in
    /// effects of this statement or of one of its subcommands.
    ///
    /// A relation that this file made has no clients, and one that is known to hold no row is
    /// read in no time.
    pub fn blocking_work<'e>(&self, effects: &'e Effects) -> Vec<Work<'e>> {
        let mut work: Vec<Work<'e>> = self
            .blocking_scans(effects)
            .map(|scan| Work {
                relation: &scan.relation,
                under: held_on(effects, scan),
                kind: if effects.rewrites.contains(&scan.relation) {
                    WorkKind::Rewrite
                } else {
                    WorkKind::Scan
                },
                purpose: &scan.purpose,
            })
            .collect();
        work.extend(self.copied(effects));
        work
    }

    /// What is written anew without being read row by row: its file is copied, or a query fills
    /// it. TRUNCATE leaves nothing to write, and the file of a sequence is one page.
    fn copied<'e>(&self, effects: &'e Effects) -> impl Iterator<Item = Work<'e>> {
        let truncates = self
            .statement
            .data()
            .is_some_and(|data| data.kind == DataKind::Truncate);
        let worked_on = |relation: &ObjectName| {
            effects.rewrites.contains(relation)
                || effects.scans.iter().any(|scan| scan.relation == *relation)
        };
        let counts = move |relation: &ObjectName| {
            if self.before.tables.contains_key(relation) {
                return !effects.scans.iter().any(|scan| scan.relation == *relation);
            }
            // An index that is made anew with its table is not counted twice.
            self.before
                .index(relation)
                .is_some_and(|(table, _)| !worked_on(&table.name))
        };
        effects
            .rewrites
            .iter()
            .filter(move |relation| {
                !truncates && !self.is_new(relation) && !self.is_empty(relation) && counts(relation)
            })
            .filter_map(|relation| {
                let under = effects.lock_on(relation)?;
                under.blocks_writes().then_some(Work {
                    relation,
                    under,
                    kind: WorkKind::Rewrite,
                    purpose: COPIED,
                })
            })
    }

    /// The part of the blocking work of an `ALTER` that is one subcommand's, by what this one
    /// would do alone. Its locks are those of the whole statement.
    pub fn work_of(&self, alone: &Effects) -> Vec<Work<'a>> {
        let mut work = self.blocking_work(self.effects);
        work.retain(|work| work.is_of(alone));
        work
    }

    /// The scans among [`Self::blocking_work`], those of rewrites included.
    pub fn blocking_scans<'e>(&self, effects: &'e Effects) -> impl Iterator<Item = &'e Scan> {
        let bare = self.bare_table();
        effects.scans.iter().filter(move |scan| {
            held_on(effects, scan).blocks_writes()
                && !self.is_refresh(scan)
                && !self.is_new(&scan.relation)
                && !self.is_empty(&scan.relation)
                && !bare
                    .as_ref()
                    .is_some_and(|table| Effects::is_of_foreign_key(scan, table))
        })
    }

    /// Nobody writes a materialized view but REFRESH, so that EXCLUSIVE on it holds up no client.
    fn is_refresh(&self, scan: &Scan) -> bool {
        let kind = |table: &Table| table.kind == TableKind::MaterializedView;
        scan.under == LockMode::Exclusive
            && self.before.tables.get(&scan.relation).is_some_and(kind)
    }

    /// The altered table, when this file made it and has put no rows into it: then there is
    /// nothing to look up on the other side of its foreign keys, which the server knows.
    fn bare_table(&self) -> Option<ObjectName> {
        let name = self.before.resolve(&self.alter()?.name);
        let made = self.file.created(&name).filter(|made| *made < self.at)?;
        let between = self.file.script.statements.get(made..self.at)?;
        let filled = between.iter().any(|statement| match &statement.kind {
            StatementKind::Data(data) => {
                data.kind != DataKind::Select
                    && data.targets.iter().any(|target| target.name == name.name)
            }
            StatementKind::CreateTable(create) => {
                create.as_query.is_some() && create.name.name == name.name
            }
            StatementKind::Opaque(_) => true,
            StatementKind::AlterRelation(_)
            | StatementKind::CreateIndex(_)
            | StatementKind::Drop(_)
            | StatementKind::Update(_)
            | StatementKind::Transaction(_)
            | StatementKind::Set(_) => false,
        });
        (!filled).then_some(name)
    }

    /// The first of [`Self::blocking_scans`].
    pub fn blocking_scan<'e>(&self, effects: &'e Effects) -> Option<&'e Scan> {
        self.blocking_scans(effects).next()
    }

    /// The locks of this statement that stop writes of relations which clients use.
    pub fn strong_locks(&self) -> impl Iterator<Item = (&'a ObjectName, LockMode)> {
        self.effects
            .locks
            .iter()
            .filter(|lock| lock.mode.blocks_writes() && !self.is_new(&lock.relation))
            .map(|lock| (&lock.relation, lock.mode))
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
        format!("{} of {} wait", who(mode), relation.short())
    }

    /// Relations with what is known of their sizes: `users (about 5 rows, 8 kB) and teams`.
    pub fn named<'n>(&self, relations: impl IntoIterator<Item = &'n ObjectName>) -> String {
        let named: Vec<String> = relations
            .into_iter()
            .map(|name| format!("{}{}", name.short(), self.size_in_words(name)))
            .collect();
        listed(&named)
    }
}

/// The lock on what is scanned: a partition's may be another than that of its parent, under which
/// the statement runs.
fn held_on(effects: &Effects, scan: &Scan) -> LockMode {
    effects.lock_on(&scan.relation).unwrap_or(scan.under)
}

/// Whose requests a lock stops: `reads and writes` or `writes`.
pub fn who(mode: LockMode) -> &'static str {
    if mode.blocks_reads() {
        "reads and writes"
    } else {
        "writes"
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
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
