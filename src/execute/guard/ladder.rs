//! How long to ask for a strong lock, and how long to leave the clients alone in between. Pure.
//!
//! The first attempt does not wait at all. Each further one stands in the queue twice as long as
//! the one before, up to a cap, and is followed by a pause of two to four times that, with jitter,
//! in which everyone who came to wait behind it gets on.

use std::time::Duration;

/// The next thing to do about a strong lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// With NOWAIT.
    NoWait,
    /// With this `lock_timeout`.
    For(Duration),
}

impl Ask {
    /// The longest wait in a queue that it can cause.
    pub fn wait(self) -> Duration {
        match self {
            Self::NoWait => Duration::ZERO,
            Self::For(wait) => wait,
        }
    }
}

/// Where on the ladder the step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    first_wait: Duration,
    max_wait: Duration,
    last: Option<Ask>,
}

impl Ladder {
    /// From an attempt without waiting, then `first_wait`, up to `max_wait`. Neither is ever taken
    /// as zero, which the server would read as "for ever".
    pub fn new(first_wait: Duration, max_wait: Duration) -> Self {
        let least = Duration::from_millis(1);
        let max_wait = max_wait.max(least);
        Self {
            first_wait: first_wait.clamp(least, max_wait),
            max_wait,
            last: None,
        }
    }

    /// The next rung.
    pub fn ask(&mut self) -> Ask {
        let next = match self.last {
            None => Ask::NoWait,
            Some(Ask::NoWait) => Ask::For(self.first_wait),
            Some(Ask::For(wait)) => Ask::For((wait * 2).min(self.max_wait)),
        };
        self.last = Some(next);
        next
    }

    /// How long to pause after the last attempt.
    pub fn pause(&self, rng: &mut fastrand::Rng) -> Duration {
        let base = self
            .last
            .map_or(Duration::ZERO, Ask::wait)
            .max(self.first_wait);
        base * 2 + base.mul_f64(2.0 * rng.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn waits_grow_to_the_cap_and_no_further() {
        let mut ladder = Ladder::new(ms(5), ms(100));
        let asks: Vec<Ask> = (0..8).map(|_| ladder.ask()).collect();
        let expected: Vec<Ask> = [5, 10, 20, 40, 80, 100, 100]
            .into_iter()
            .map(|wait| Ask::For(ms(wait)))
            .collect();
        assert_eq!(asks[0], Ask::NoWait);
        assert_eq!(asks[1..], expected);
    }

    #[test]
    fn a_timeout_of_zero_is_never_asked_for() {
        let mut ladder = Ladder::new(Duration::ZERO, Duration::ZERO);
        ladder.ask();
        for _ in 0..5 {
            assert_eq!(ladder.ask(), Ask::For(ms(1)), "0 would mean for ever");
        }
    }

    #[test]
    fn pauses_leave_clients_more_time_than_they_were_held_up() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut ladder = Ladder::new(ms(5), ms(100));
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..50 {
            let ask = ladder.ask();
            let pause = ladder.pause(&mut rng);
            assert!(
                pause >= ask.wait() * 2 && pause <= ms(400),
                "{ask:?} {pause:?}"
            );
            seen.insert(pause);
        }
        assert!(seen.len() > 40, "pauses vary");
    }
}
