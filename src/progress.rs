//! What is seen while a plan runs: bars on a terminal, plain lines elsewhere.
//!
//! Driven by events and by nothing else; a run is the same whether or not anyone watches. On a
//! terminal the lines of finished steps stay above the bar of the one that runs.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::{SignedDuration, Timestamp};

use crate::{
    execute::event::{Event, EventKind},
    report::{duration, events, thousands},
};

/// Between two plain lines about the progress of one step.
const BETWEEN_LINES: SignedDuration = SignedDuration::from_secs(10);

/// Shows events as they come.
pub enum Progress {
    /// Bars, on a terminal.
    Bars(Bars),
    /// Plain lines.
    Lines(Lines),
}

impl Progress {
    /// What suits standard error; plain lines go to `write`, one call for each.
    pub fn for_stderr(write: fn(&str)) -> Self {
        if std::io::stderr().is_terminal() {
            Self::Bars(Bars::new(ProgressDrawTarget::stderr()))
        } else {
            Self::Lines(Lines::new(write))
        }
    }

    /// Shows one event.
    pub fn show(&mut self, event: &Event) {
        match self {
            Self::Bars(bars) => bars.show(event),
            Self::Lines(lines) => lines.show(event),
        }
    }

    /// Leaves only finished lines behind.
    pub fn finish(&mut self) {
        match self {
            Self::Bars(bars) => bars.bar.finish_and_clear(),
            Self::Lines(_) => {}
        }
    }
}

/// How often something that repeats is worth a line.
enum Pace {
    /// Each time.
    Always,
    /// Once within [`BETWEEN_LINES`].
    Seldom,
}

fn pace(kind: &EventKind) -> Pace {
    match kind {
        EventKind::Waiting { .. }
        | EventKind::LockMissed { .. }
        | EventKind::IndexProgress { .. }
        | EventKind::BackfillProgress { .. }
        | EventKind::BackfillWaiting { .. } => Pace::Seldom,
        EventKind::PhaseStarted { .. }
        | EventKind::PhaseDone { .. }
        | EventKind::StepStarted { .. }
        | EventKind::StepDone { .. }
        | EventKind::StepSkipped { .. }
        | EventKind::StepFailed { .. }
        | EventKind::LockAcquired { .. }
        | EventKind::LockHeld { .. }
        | EventKind::Stopped { .. }
        | EventKind::Resumed
        | EventKind::RollbackStarted
        | EventKind::RollbackDone
        | EventKind::Refused { .. }
        | EventKind::Note { .. } => Pace::Always,
    }
}

/// Plain lines: every event, but what repeats only now and then.
pub struct Lines {
    write: fn(&str),
    last: Option<(String, Timestamp)>,
}

impl Lines {
    /// Lines that go to `write`, each with its line break.
    pub fn new(write: fn(&str)) -> Self {
        Self { write, last: None }
    }

    /// Shows one event, or leaves it out because the same was said a moment ago.
    pub fn show(&mut self, event: &Event) {
        if self.is_due(event) {
            (self.write)(&(events::line(event) + "\n"));
        }
    }

    /// Whether a line about this event is due, by the times of the events themselves.
    fn is_due(&mut self, event: &Event) -> bool {
        match pace(&event.kind) {
            Pace::Always => {
                self.last = None;
                true
            }
            Pace::Seldom => {
                let about = format!(
                    "{} {:?} {:?}",
                    event.migration,
                    event.step,
                    std::mem::discriminant(&event.kind)
                );
                let recent = self.last.as_ref().is_some_and(|(what, when)| {
                    *what == about && event.at.duration_since(*when) < BETWEEN_LINES
                });
                if !recent {
                    self.last = Some((about, event.at));
                }
                !recent
            }
        }
    }
}

/// A bar for the step that runs.
pub struct Bars {
    bar: ProgressBar,
    step: String,
    title: String,
}

impl Bars {
    /// Drawn to a target.
    pub fn new(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(spinner());
        Self {
            bar,
            step: String::new(),
            title: String::new(),
        }
    }

    /// Shows one event: as a line that stays, or on the bar.
    pub fn show(&mut self, event: &Event) {
        match &event.kind {
            EventKind::StepStarted { title, .. } => {
                self.step = event.step.clone().unwrap_or_default();
                self.title.clone_from(title);
                self.bar.set_style(spinner());
                self.bar.set_length(0);
                self.bar.set_position(0);
                self.bar.set_message(self.heading());
                self.bar
                    .enable_steady_tick(std::time::Duration::from_millis(120));
            }
            EventKind::StepDone { took_ms } => {
                let line = format!("✓ {} ({})", self.heading(), duration(*took_ms));
                self.bar.println(line);
                self.rest();
            }
            EventKind::StepSkipped { why } => {
                let step = event.step.as_deref().unwrap_or_default();
                self.bar.println(format!("✓ {step} nothing to do: {why}"));
            }
            EventKind::StepFailed { message } => {
                self.bar.println(format!("✗ {}: {message}", self.heading()));
                self.rest();
            }
            EventKind::BackfillProgress {
                rows_done,
                rows_total,
                rows_per_second,
                eta_ms,
                ..
            } => {
                let left =
                    eta_ms.map_or_else(String::new, |eta| format!(", {} left", duration(eta)));
                self.measure(*rows_done, *rows_total);
                self.bar.set_message(format!(
                    "{}: {} of about {} rows, {}/s{left}",
                    self.heading(),
                    thousands(*rows_done),
                    thousands(*rows_total),
                    events::rate(*rows_per_second),
                ));
            }
            EventKind::IndexProgress { phase, done, total } => {
                self.measure(*done, *total);
                self.bar.set_message(format!("{}: {phase}", self.heading()));
            }
            // Between steps no bar is drawn.
            EventKind::Waiting { .. } if event.step.is_none() => {
                self.bar.println(events::line(event));
            }
            EventKind::Waiting { .. }
            | EventKind::LockMissed { .. }
            | EventKind::BackfillWaiting { .. } => {
                let words = events::in_words(&event.kind).replace('\n', ";");
                self.bar.set_message(format!("{}: {words}", self.heading()));
            }
            EventKind::LockAcquired { .. } | EventKind::LockHeld { .. } => {
                self.bar.set_message(self.heading());
            }
            EventKind::PhaseStarted { .. }
            | EventKind::PhaseDone { .. }
            | EventKind::Stopped { .. }
            | EventKind::Resumed
            | EventKind::RollbackStarted
            | EventKind::RollbackDone
            | EventKind::Refused { .. }
            | EventKind::Note { .. } => self.bar.println(events::line(event)),
        }
    }

    fn heading(&self) -> String {
        format!("{} {}", self.step, self.title)
    }

    fn rest(&mut self) {
        self.bar.disable_steady_tick();
        self.bar.set_style(spinner());
        self.bar.set_message("");
    }

    /// Estimates may be exceeded; the bar is never more than full.
    fn measure(&self, done: u64, total: u64) {
        if total > 0 {
            self.bar.set_style(measured());
            self.bar.set_length(total.max(done));
            self.bar.set_position(done);
        }
    }
}

/// Before anything can be measured.
const SPINNER: &str = "{spinner} {wide_msg}";
/// When it is known how much there is to do.
const MEASURED: &str = "{spinner} {bar:24} {percent:>3} % {wide_msg}";

fn spinner() -> ProgressStyle {
    style(SPINNER)
}

fn measured() -> ProgressStyle {
    style(MEASURED)
}

/// A template of this file; a test reads each of them.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("█▌░")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind) -> Event {
        Event {
            version: 1,
            seq: 1,
            at: Timestamp::UNIX_EPOCH,
            migration: "0002".into(),
            step: Some("migrate-1".into()),
            kind,
        }
    }

    #[test]
    fn templates_can_be_read() {
        for template in [SPINNER, MEASURED] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_bar_shows_rows_rate_and_time_left_and_is_never_more_than_full() {
        let mut bars = Bars::new(ProgressDrawTarget::hidden());
        bars.show(&event(EventKind::StepStarted {
            title: "fill full_name".into(),
            attempt: 1,
        }));
        assert_eq!(bars.bar.message(), "migrate-1 fill full_name");
        bars.show(&event(EventKind::BackfillProgress {
            relation: "public.users".into(),
            rows_done: 1_200,
            rows_total: 1_000,
            pages_done: 1,
            pages_total: 2,
            rows_per_second: 400.4,
            eta_ms: Some(3_000),
            window_pages: 25,
            passes: 10,
            hot_ratio: None,
        }));
        assert_eq!(
            bars.bar.message(),
            "migrate-1 fill full_name: 1,200 of about 1,000 rows, 400/s, 3 s left"
        );
        assert_eq!(
            (bars.bar.position(), bars.bar.length()),
            (1_200, Some(1_200))
        );
        bars.show(&event(EventKind::BackfillWaiting {
            why: "a standby is behind".into(),
        }));
        assert!(
            bars.bar
                .message()
                .ends_with("makes way: a standby is behind")
        );
    }
}
