//! Which slice of a relation is filled next. Pure: no clock, no connection.
//!
//! A window is a range of pages; its rows fall into classes by their place on the page, and
//! each pass fills one class. The first pass moves its rows to other pages. Once nobody can see the
//! versions it left behind, the space they took is free, and the next pass finds it: its updates
//! stay on their pages and touch no index (HOT). So a window's next pass has to wait until the
//! previous one is older than every snapshot (pitfall 56). Meanwhile other windows are begun:
//! as many as the age of the snapshots makes necessary, up to [`Limits::max_open`] pages.
//!
//! Every class of every page is filled exactly once, windows may be split between two passes,
//! and everything below [`Schedule::low_water`] is done: property-tested below.

use core::time::Duration;

use crate::plan::backfill::{Classes, Slice};

#[cfg(doc)]
use super::sizing::Limits;
use super::sizing::{Measured, Sizing};

/// Whether the table's growth is kept small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// A window's next pass waits until the previous one is older than every snapshot.
    Bounded,
    /// It does not: some snapshot is too old to wait for.
    Unbounded,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Fill this slice, then say [`Schedule::done`] or [`Schedule::failed`].
    Fill(Slice),
    /// Every window waits for snapshots to end.
    WaitForSnapshots,
    /// Rows of every window are locked by clients; try again then.
    WaitUntil(Duration),
    /// Nothing is left.
    Finished,
}

/// A range of pages that is begun and not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    start: u32,
    end: u32,
    passes: u32,
    /// The next pass.
    pass: u32,
    /// What is left is done in one pass.
    at_once: bool,
    /// The transaction of the last pass that changed rows.
    filled_by: Option<u64>,
    /// When it may be tried again.
    not_before: Duration,
    /// How often in a row it failed.
    failures: u32,
}

impl Window {
    fn pages(&self) -> u32 {
        self.end - self.start
    }

    /// Whether nobody looks at what its last pass replaced.
    fn is_older_than(&self, horizon: Option<u32>) -> bool {
        self.filled_by
            .is_none_or(|xid| horizon.is_none_or(|horizon| precedes(xid, horizon)))
    }
}

/// The order in which the slices of one relation are filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    sizing: Sizing,
    /// The first page of the next window.
    next: u32,
    end: u32,
    /// In the order of their pages.
    open: Vec<Window>,
}

impl Schedule {
    /// The pages from `start` up to but without `end`.
    pub fn new(start: u32, end: u32, sizing: Sizing) -> Self {
        Self {
            sizing,
            next: start.min(end),
            end,
            open: Vec::new(),
        }
    }

    /// What has been learned about this table's size of batches.
    pub fn sizing(&self) -> &Sizing {
        &self.sizing
    }

    /// Someone else waits for what a pass holds: shorter ones from here on.
    pub fn shrink(&mut self) {
        self.sizing.shrink();
    }

    /// One past the last page.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// How many windows are begun and not finished.
    pub fn open_windows(&self) -> usize {
        self.open.len()
    }

    /// How many pages they have together.
    pub fn open_pages(&self) -> u32 {
        self.open.iter().map(Window::pages).sum()
    }

    /// Pages done, an unfinished window's by the share of its passes, in thousandths of a page.
    pub fn done_millipages(&self) -> u64 {
        let begun: u64 = self
            .open
            .iter()
            .map(|window| {
                u64::from(window.pages()) * 1000 * u64::from(window.passes - window.pass)
                    / u64::from(window.passes)
            })
            .sum();
        (u64::from(self.next) * 1000).saturating_sub(begun)
    }

    /// Every page below it is done.
    pub fn low_water(&self) -> u32 {
        self.open.first().map_or(self.next, |window| window.start)
    }

    /// The low water mark once `slice` is done too: what its transaction records.
    pub fn low_water_after(&self, slice: &Slice) -> u32 {
        self.open
            .iter()
            .find(|window| {
                window.start != slice.start || window.pass + slice.class_count() < window.passes
            })
            .map_or(self.next, |window| window.start)
    }

    /// The newest transaction that an open window waits for.
    pub fn newest_fill(&self) -> Option<u64> {
        self.open.iter().filter_map(|window| window.filled_by).max()
    }

    /// Whether a window other than that of `slice` can be gone on with, as far as is known, so
    /// that there is no hurry to know more.
    pub fn is_ready_besides(&self, slice: &Slice, horizon: Option<u32>) -> bool {
        horizon.is_some()
            && self
                .open
                .iter()
                .any(|window| window.start != slice.start && window.is_older_than(horizon))
    }

    /// Chooses. `horizon` is the oldest transaction that any snapshot may still look at, if there
    /// is one; `now` is the time since some fixed moment.
    pub fn next(&mut self, horizon: Option<u32>, now: Duration, growth: Growth) -> Next {
        let free = |window: &Window| match growth {
            Growth::Unbounded => true,
            Growth::Bounded => window.is_older_than(horizon),
        };
        let ready = self
            .open
            .iter()
            .position(|window| window.not_before <= now && free(window));
        if let Some(at) = ready {
            return Next::Fill(self.slice_of(at, growth));
        }
        let room = self.sizing.limits().max_open.max(1);
        if self.next < self.end && self.open_pages() < room {
            return Next::Fill(self.open_window(growth));
        }
        if self.open.is_empty() {
            return Next::Finished;
        }
        let retry = self
            .open
            .iter()
            .filter(|window| free(window))
            .map(|window| window.not_before)
            .min();
        match retry {
            Some(at) => Next::WaitUntil(at),
            None => Next::WaitForSnapshots,
        }
    }

    /// The slice was filled and committed by the transaction `xid`.
    pub fn done(&mut self, slice: &Slice, measured: &Measured, xid: u64) {
        self.sizing.measure(slice, measured);
        let first = matches!(slice.classes, Classes::One(0) | Classes::From(0));
        if first {
            self.sizing.judge_first(slice, measured);
        }
        let sparse = self.sizing.is_sparse(slice, measured);
        let Some(at) = self.position(slice) else {
            return;
        };
        let window = &mut self.open[at];
        window.pass += slice.class_count();
        window.failures = 0;
        window.not_before = Duration::ZERO;
        if measured.rows > 0 {
            window.filled_by = Some(xid);
        }
        if first && sparse {
            window.at_once = true;
        }
        if window.pass >= window.passes {
            self.open.remove(at);
        }
    }

    /// The slice was rolled back because of a lock or a deadlock. Its window is split, so that the
    /// part without the locked row goes on, and tried again after a pause that grows.
    pub fn failed(&mut self, slice: &Slice, now: Duration) {
        let Some(at) = self.position(slice) else {
            return;
        };
        let window = &mut self.open[at];
        window.failures += 1;
        window.not_before = now + pause(window.failures);
        if window.pages() > 1 {
            let half = window.pages() / 2;
            self.split(at, half);
        }
    }

    fn position(&self, slice: &Slice) -> Option<usize> {
        self.open
            .iter()
            .position(|window| window.start == slice.start && window.end == slice.end)
    }

    fn open_window(&mut self, growth: Growth) -> Slice {
        let passes = match growth {
            Growth::Bounded => self.sizing.passes(),
            // Without free space to find, passes only cost.
            Growth::Unbounded => 1,
        };
        let limits = self.sizing.limits();
        let room = match growth {
            Growth::Bounded => limits
                .max_open
                .max(1)
                .saturating_sub(self.open_pages())
                .max(1),
            Growth::Unbounded => u32::MAX,
        };
        let pages = self
            .sizing
            .pages_for(1, passes)
            .min(room)
            .min(self.end - self.next);
        self.open.push(Window {
            start: self.next,
            end: self.next + pages,
            passes,
            pass: 0,
            at_once: passes == 1,
            filled_by: None,
            not_before: Duration::ZERO,
            failures: 0,
        });
        self.next += pages;
        self.slice_of(self.open.len() - 1, growth)
    }

    /// The next slice of a window, which is split first if it has become too large.
    fn slice_of(&mut self, at: usize, growth: Growth) -> Slice {
        let window = self.open[at];
        let classes = if window.at_once || growth == Growth::Unbounded {
            Classes::From(window.pass)
        } else {
            Classes::One(window.pass)
        };
        let slice = Slice {
            start: window.start,
            end: window.end,
            passes: window.passes,
            classes,
        };
        let most = self.sizing.pages_for(slice.class_count(), slice.passes);
        if slice.pages() <= most.saturating_mul(2) {
            return slice;
        }
        self.split(at, most);
        Slice {
            end: window.start + most,
            ..slice
        }
    }

    /// Splits a window after its first `pages` pages.
    fn split(&mut self, at: usize, pages: u32) {
        let mut rest = self.open[at];
        let middle = rest.start + pages;
        self.open[at].end = middle;
        rest.start = middle;
        self.open.insert(at + 1, rest);
    }
}

/// Whether a transaction is older than `horizon`, which is known by its lower 32 bits only. The
/// same arithmetic as `TransactionIdPrecedes` (src/backend/access/transam/transam.c).
pub fn precedes(xid: u64, horizon: u32) -> bool {
    let low = u32::try_from(xid & u64::from(u32::MAX)).unwrap_or_default();
    low.wrapping_sub(horizon) > u32::MAX / 2
}

/// How long to leave rows alone that someone has locked: 20 ms, doubled up to 1.28 s.
pub fn pause(failures: u32) -> Duration {
    Duration::from_millis(20 << failures.saturating_sub(1).min(6))
}

#[cfg(test)]
mod tests;
