//! Lock modes: their order, their conflicts, and what each means for clients in words.
//!
//! From the manual, section 13.3.1 "Table-Level Locks", table 13.2.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A table-level lock mode, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LockMode {
    /// `ACCESS SHARE`: SELECT.
    AccessShare,
    /// `ROW SHARE`: SELECT … FOR UPDATE.
    RowShare,
    /// `ROW EXCLUSIVE`: INSERT, UPDATE, DELETE.
    RowExclusive,
    /// `SHARE UPDATE EXCLUSIVE`: VACUUM, ANALYZE, CREATE INDEX CONCURRENTLY, VALIDATE.
    ShareUpdateExclusive,
    /// `SHARE`: CREATE INDEX.
    Share,
    /// `SHARE ROW EXCLUSIVE`: CREATE TRIGGER, ADD FOREIGN KEY.
    ShareRowExclusive,
    /// `EXCLUSIVE`: REFRESH MATERIALIZED VIEW CONCURRENTLY.
    Exclusive,
    /// `ACCESS EXCLUSIVE`: most of ALTER TABLE, DROP, TRUNCATE.
    AccessExclusive,
}

impl LockMode {
    /// All, weakest first.
    pub const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// The name as `LOCK TABLE … IN … MODE` takes it.
    pub fn as_sql(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// The mode by the name `pg_locks.mode` uses (`AccessExclusiveLock`).
    pub fn from_pg_locks(mode: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|candidate| candidate.as_pg_locks() == mode)
    }

    /// The name that `pg_locks.mode` uses (`AccessExclusiveLock`).
    pub fn as_pg_locks(self) -> String {
        let mut name: String = self.as_sql().split(' ').map(capitalised).collect();
        name.push_str("Lock");
        name
    }

    /// Whether a session may not hold `self` while another holds `other`.
    pub fn conflicts_with(self, other: Self) -> bool {
        let weakest_conflict = match self {
            Self::AccessShare => return other == Self::AccessExclusive,
            Self::RowShare => Self::Exclusive,
            Self::RowExclusive => Self::Share,
            Self::ShareUpdateExclusive => Self::ShareUpdateExclusive,
            Self::Share => {
                return other >= Self::ShareRowExclusive
                    || matches!(other, Self::RowExclusive | Self::ShareUpdateExclusive);
            }
            Self::ShareRowExclusive => Self::RowExclusive,
            Self::Exclusive => Self::RowShare,
            Self::AccessExclusive => Self::AccessShare,
        };
        other >= weakest_conflict
    }

    /// Whether it stops clients that write.
    pub fn blocks_writes(self) -> bool {
        self.conflicts_with(Self::RowExclusive)
    }

    /// Whether it stops clients that read.
    pub fn blocks_reads(self) -> bool {
        self.conflicts_with(Self::AccessShare)
    }

    /// What other sessions cannot do meanwhile, in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::AccessShare | Self::RowShare | Self::RowExclusive => {
                "blocks no reads and no writes"
            }
            Self::ShareUpdateExclusive => {
                "blocks no reads and no writes, only other DDL and VACUUM"
            }
            Self::Share | Self::ShareRowExclusive => "blocks writes, not reads",
            Self::Exclusive => "blocks writes and SELECT … FOR UPDATE, not plain reads",
            Self::AccessExclusive => "blocks reads and writes",
        }
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_sql())
    }
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_string() + &chars.as_str().to_ascii_lowercase()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table 13.2 of the manual, row by row.
    #[test]
    fn conflicts_are_those_of_the_manual() {
        let table = [
            "       X", "      XX", "    XXXX", "   XXXXX", "  XX XXX", "  XXXXXX", " XXXXXXX",
            "XXXXXXXX",
        ];
        for (mode, row) in LockMode::ALL.into_iter().zip(table) {
            for (other, cell) in LockMode::ALL.into_iter().zip(row.chars()) {
                assert_eq!(
                    mode.conflicts_with(other),
                    cell == 'X',
                    "{mode} with {other}"
                );
            }
        }
    }

    #[test]
    fn modes_are_read_from_pg_locks() {
        assert_eq!(
            LockMode::from_pg_locks("ShareUpdateExclusiveLock"),
            Some(LockMode::ShareUpdateExclusive)
        );
        assert_eq!(LockMode::from_pg_locks("SIReadLock"), None);
    }
}
