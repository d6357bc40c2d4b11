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

fn spinner() -> ProgressStyle {
    style("{spinner} {wide_msg}")
}

fn measured() -> ProgressStyle {
    style("{spinner} {bar:24} {percent:>3} % {wide_msg}")
}

/// A template of this file; the tests draw each of them.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("█▌░")
}
