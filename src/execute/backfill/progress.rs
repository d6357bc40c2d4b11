//! How far a backfill is, how fast it goes and when it will be done. Pure.

use core::time::Duration;
use std::collections::VecDeque;

/// How far back the rate looks.
const RATE_WINDOW: Duration = Duration::from_secs(10);

/// What a person wants to know while a backfill runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Rows filled so far, in all relations and all runs.
    pub rows: u64,
    /// Pages done of all relations; a page counts by the share of its passes.
    pub pages_done: u64,
    /// Pages of all relations.
    pub pages_total: u64,
    /// Rows filled per second over the last ten seconds.
    pub rows_per_second: f64,
    /// How long it will take at this rate.
    pub eta: Option<Duration>,
    /// Share of HOT updates in this relation, from 0 to 1, when the server counts them.
    pub hot_ratio: Option<f64>,
    /// Pages of the last slice.
    pub window: u32,
    /// Passes of its window.
    pub passes: u32,
    /// Windows that are begun and not finished.
    pub open_windows: usize,
}

/// Measures the rate.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    /// Time, rows, thousandths of pages.
    samples: VecDeque<(Duration, u64, u64)>,
}

impl Meter {
    /// Takes in where it stands: rows filled and thousandths of pages done at the time `now`.
    pub fn sample(&mut self, now: Duration, rows: u64, millipages: u64) {
        // The oldest sample that is kept is the youngest one outside the window.
        while self
            .samples
            .get(1)
            .is_some_and(|(at, ..)| now.saturating_sub(*at) >= RATE_WINDOW)
        {
            self.samples.pop_front();
        }
        self.samples.push_back((now, rows, millipages));
    }

    /// Rows per second.
    pub fn rows_per_second(&self) -> f64 {
        self.rate(|(_, rows, _)| *rows)
    }

    /// How long the rest takes.
    pub fn eta(&self, millipages_left: u64) -> Option<Duration> {
        let rate = self.rate(|(.., millipages)| *millipages);
        (rate > 0.0)
            .then(|| Duration::try_from_secs_f64(as_f64(millipages_left) / rate).ok())
            .flatten()
    }

    fn rate(&self, value: impl Fn(&(Duration, u64, u64)) -> u64) -> f64 {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else {
            return 0.0;
        };
        let seconds = last.0.saturating_sub(first.0).as_secs_f64();
        if seconds <= 0.0 {
            return 0.0;
        }
        as_f64(value(last).saturating_sub(value(first))) / seconds
    }
}

/// A share, when there is anything to have a share of.
pub fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| as_f64(part) / as_f64(whole))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "shown to people; 52 bits are more than they read"
)]
fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 0.001
    }

    #[test]
    fn the_rate_is_that_of_the_last_ten_seconds() {
        let mut meter = Meter::default();
        assert!(near(meter.rows_per_second(), 0.0));
        assert_eq!(meter.eta(5), None);
        // 100 rows a second for a minute, then 10.
        let mut rows = 0;
        for second in 0..60 {
            meter.sample(Duration::from_secs(second), rows, rows * 2);
            rows += 100;
        }
        assert!(near(meter.rows_per_second(), 100.0));
        assert_eq!(meter.eta(400), Some(Duration::from_secs(2)));
        for second in 60..72 {
            meter.sample(Duration::from_secs(second), rows, rows * 2);
            rows += 10;
        }
        assert!(near(meter.rows_per_second(), 10.0));
    }

    #[test]
    fn nothing_has_no_ratio() {
        assert_eq!(ratio(0, 0), None);
        assert_eq!(ratio(1, 4), Some(0.25));
    }
}
