//! How many pages a window has and in how many passes it is filled. Pure.
//!
//! Two measurements steer it: how long a pass took, for the number of pages, and how many of its
//! updates were HOT, for the number of passes. Next: [`super::window`].

use core::time::Duration;

use crate::plan::backfill::Slice;

/// Bounds of a backfill's batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Pages of the very first window, before anything has been measured. Default 25.
    pub first_window: u32,
    /// Pages of a window at most. Default 1,000 (8 MB).
    pub max_window: u32,
    /// Pages of all windows that are begun and not finished, together. They bound how old client
    /// snapshots may be before the backfill has to wait for them. Default 4,000 (32 MB).
    pub max_open: u32,
    /// Passes of a window where its pages are full. The first one moves one row in `passes` to
    /// another page; the others find the place that it left. Default 10.
    pub passes: u32,
    /// How long a pass may take; nine in ten take less. It is also how long a row stays locked.
    /// Default 100 ms.
    pub target: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_window: 25,
            max_window: 1000,
            max_open: 4000,
            passes: 10,
            target: Duration::from_millis(100),
        }
    }
}

/// What one pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Rows it filled.
    pub rows: u64,
    /// How many of these updates were HOT, when the server counts them.
    pub hot: Option<u64>,
    /// How long the UPDATE took.
    pub took: Duration,
}

/// Below this many rows to fill per page, the rows are too few to be worth several readings of
/// the page: filling all of them at once grows the table by no more than their own size.
const SPARSE_ROWS_PER_PAGE: u64 = 2;

/// The present size of windows and number of passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizing {
    limits: Limits,
    /// Nanoseconds that all rows of one page take. Rises at once and falls slowly, so that it
    /// stands for the slow passes rather than for the middle ones.
    cost: Option<u64>,
    /// Pages of the largest pass that was in time, doubled: the next window is no larger.
    ceiling: u32,
    passes: u32,
}

impl Sizing {
    /// Where a backfill starts.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            cost: None,
            ceiling: limits.first_window.clamp(1, limits.max_window.max(1)),
            passes: limits.passes.max(1),
        }
    }

    /// The bounds it keeps to.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many passes the next window gets.
    pub fn passes(&self) -> u32 {
        self.passes
    }

    /// How many pages a transaction may have that fills `classes` of `passes` classes.
    pub fn pages_for(&self, classes: u32, passes: u32) -> u32 {
        let Some(cost) = self.cost else {
            return self.ceiling;
        };
        // A quarter of the target leaves room for the pass that is four times slower.
        let aim = u64::try_from(self.limits.target.as_nanos() / 4).unwrap_or(u64::MAX);
        let per_page = (cost.saturating_mul(u64::from(classes)) / u64::from(passes.max(1))).max(1);
        u32::try_from(aim / per_page)
            .unwrap_or(u32::MAX)
            .clamp(1, self.ceiling)
    }

    /// Takes in what a pass did.
    pub fn measure(&mut self, slice: &Slice, measured: &Measured) {
        let pages = slice.pages().max(1);
        let classes = slice.class_count().max(1);
        let took = u64::try_from(measured.took.as_nanos()).unwrap_or(u64::MAX);
        let sample =
            (took / u64::from(pages)).saturating_mul(u64::from(slice.passes)) / u64::from(classes);
        self.cost = Some(match self.cost {
            Some(cost) if sample < cost => cost - (cost - sample) / 8,
            _ => sample,
        });
        if measured.took <= self.limits.target {
            let doubled = pages.saturating_mul(2).min(self.limits.max_window.max(1));
            self.ceiling = self.ceiling.max(doubled);
        } else {
            self.ceiling = (pages / 2).max(1);
        }
    }

    /// Someone else waits for what a pass holds: shorter ones from here on.
    pub fn shrink(&mut self) {
        self.ceiling = (self.ceiling / 2).max(1);
    }

    /// Whether so few rows of these pages need filling that the rest can be done in one go.
    pub fn is_sparse(&self, slice: &Slice, measured: &Measured) -> bool {
        let rows = measured.rows.saturating_mul(u64::from(slice.passes))
            / u64::from(slice.class_count().max(1));
        rows < SPARSE_ROWS_PER_PAGE * u64::from(slice.pages())
    }

    /// Judges the first pass of a window, the one that shows whether pages have room.
    pub fn judge_first(&mut self, slice: &Slice, measured: &Measured) {
        let most = self.limits.passes.max(1);
        if self.is_sparse(slice, measured) {
            self.passes = 1;
            return;
        }
        // A server that does not count updates gives no reason to save passes.
        let Some(hot) = measured.hot else {
            self.passes = most;
            return;
        };
        if hot.saturating_mul(20) >= measured.rows.saturating_mul(19) {
            // Nearly everything stayed on its page: fewer, larger passes still may.
            self.passes = self.passes.min(slice.passes.div_ceil(2)).max(1);
        } else if hot.saturating_mul(5) < measured.rows.saturating_mul(4) {
            self.passes = most;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::backfill::Classes;

    fn slice(pages: u32, passes: u32, classes: Classes) -> Slice {
        Slice {
            start: 0,
            end: pages,
            passes,
            classes,
        }
    }

    fn measured(rows: u64, hot: u64, millis: u64) -> Measured {
        Measured {
            rows,
            hot: Some(hot),
            took: Duration::from_millis(millis),
        }
    }

    #[test]
    fn windows_grow_by_doubling_until_a_pass_takes_a_quarter_of_the_target() {
        let mut sizing = Sizing::new(Limits::default());
        let mut sizes = vec![sizing.pages_for(1, 10)];
        for _ in 0..8 {
            let pages = sizing.pages_for(1, 10);
            // A tenth of a millisecond per page.
            let took = Duration::from_micros(u64::from(pages) * 100);
            let pass = slice(pages, 10, Classes::One(1));
            sizing.measure(
                &pass,
                &Measured {
                    rows: 1000,
                    hot: Some(1000),
                    took,
                },
            );
            sizes.push(sizing.pages_for(1, 10));
        }
        assert_eq!(sizes[..5], [25, 50, 100, 200, 250]);
        assert_eq!(sizes[8], 250);
    }

    #[test]
    fn one_slow_pass_makes_windows_small_at_once() {
        let mut sizing = Sizing::new(Limits::default());
        sizing.measure(&slice(200, 10, Classes::One(0)), &measured(1000, 0, 20));
        assert_eq!(sizing.pages_for(1, 10), 250);
        sizing.measure(&slice(200, 10, Classes::One(1)), &measured(1000, 0, 2000));
        assert_eq!(sizing.pages_for(1, 10), 2);
        // Ten times the rows in one pass: a tenth of the pages, but never none.
        assert_eq!(sizing.pages_for(10, 10), 1);
    }

    #[test]
    fn room_on_the_pages_saves_passes_and_full_pages_bring_them_back() {
        let mut sizing = Sizing::new(Limits::default());
        let mut seen = Vec::new();
        for _ in 0..5 {
            let first = slice(100, sizing.passes(), Classes::One(0));
            sizing.judge_first(&first, &measured(1000, 990, 10));
            seen.push(sizing.passes());
        }
        assert_eq!(seen, [5, 3, 2, 1, 1]);
        sizing.judge_first(&slice(100, 1, Classes::From(0)), &measured(1000, 300, 10));
        assert_eq!(sizing.passes(), 10);
    }

    #[test]
    fn few_rows_are_filled_in_one_pass() {
        let mut sizing = Sizing::new(Limits::default());
        sizing.judge_first(&slice(100, 10, Classes::One(0)), &measured(10, 0, 1));
        assert_eq!(sizing.passes(), 1);
        sizing.judge_first(&slice(100, 1, Classes::From(0)), &measured(5000, 0, 1));
        assert_eq!(sizing.passes(), 10);
    }

    #[test]
    fn a_server_without_counters_keeps_all_passes() {
        let mut sizing = Sizing::new(Limits::default());
        let blind = Measured {
            hot: None,
            ..measured(1000, 0, 1)
        };
        sizing.judge_first(&slice(100, 10, Classes::One(0)), &blind);
        assert_eq!(sizing.passes(), 10);
    }
}
