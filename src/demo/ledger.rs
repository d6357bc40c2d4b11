//! What clients were told is written, row by row.
//!
//! A client that is about to read or write a row claims it first, so that the last acknowledged
//! value of a row is always one value and not one of several. The ledger knows nothing of columns
//! or applications: an old and a new client write the same rows. Next: [`super::client`].

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The last acknowledged value of every row that a client wrote.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    rows: Mutex<HashMap<i64, Row>>,
    writes: AtomicU64,
}

#[derive(Debug, Default)]
struct Row {
    busy: bool,
    known: Known,
}

/// What is known of the value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Known {
    /// What it began with: nobody wrote it.
    #[default]
    Initial,
    /// The server acknowledged this value last.
    Written(String),
    /// A write failed; the server may or may not have taken it.
    Uncertain,
}

/// The right to read or write one row, until it is given back.
#[derive(Debug)]
pub(super) struct Claim {
    /// The row.
    pub(super) id: i64,
    /// What is known of its value.
    pub(super) known: Known,
}

impl Ledger {
    /// Claims a row; `None` when another client has it.
    pub(super) fn claim(&self, id: i64) -> Option<Claim> {
        let mut rows = self.rows();
        let row = rows.entry(id).or_default();
        if row.busy {
            return None;
        }
        row.busy = true;
        let known = row.known.clone();
        Some(Claim { id, known })
    }

    /// Gives a row back that was only read, or of which nothing certain is known any more.
    pub(super) fn give_back(&self, claim: &Claim, known: Known) {
        self.rows().insert(claim.id, Row { busy: false, known });
    }

    /// Enters the value of a row that the server has acknowledged, and gives the row back.
    pub(super) fn acknowledged(&self, id: i64, value: String) {
        self.writes.fetch_add(1, Ordering::Relaxed);
        let known = Known::Written(value);
        self.rows().insert(id, Row { busy: false, known });
    }

    /// How many writes were acknowledged.
    pub(super) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Every row with an acknowledged value, and the rows of which nothing certain is known.
    pub(super) fn all(&self) -> (Vec<(i64, String)>, Vec<i64>) {
        let (mut written, mut uncertain) = (Vec::new(), Vec::new());
        for (id, row) in self.rows().iter() {
            match &row.known {
                Known::Initial => {}
                Known::Written(value) => written.push((*id, value.clone())),
                Known::Uncertain => uncertain.push(*id),
            }
        }
        (written, uncertain)
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<i64, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_row_is_nobody_elses_until_it_is_given_back() {
        let ledger = Ledger::default();
        let claim = ledger.claim(7).unwrap();
        assert_eq!(claim.known, Known::Initial);
        assert!(ledger.claim(7).is_none());
        ledger.acknowledged(claim.id, "a".into());
        assert_eq!(ledger.claim(7).unwrap().known, Known::Written("a".into()));
    }

    #[test]
    fn only_acknowledged_values_are_listed() {
        let ledger = Ledger::default();
        let read = ledger.claim(1).unwrap();
        ledger.give_back(&read, Known::Initial);
        let failed = ledger.claim(2).unwrap();
        ledger.give_back(&failed, Known::Uncertain);
        ledger.acknowledged(3, "new".into());
        assert_eq!(ledger.all(), (vec![(3, "new".into())], vec![2]));
        assert_eq!(ledger.writes(), 1);
    }
}
