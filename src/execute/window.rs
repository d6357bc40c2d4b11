//! When contract may run: a weekly window, and how long both shapes stand at least.
//!
//! `Sat 02:00-05:00`, several separated by commas, each with an optional day or range of days; a
//! window past midnight belongs to the day on which it opens. Times are those of a time zone, UTC
//! unless another is named. It is given the time and never asks for it.

use std::time::Duration;

use jiff::{
    SignedDuration, Timestamp, ToSpan as _, Zoned,
    civil::{Time, Weekday},
    tz::TimeZone,
};

/// When contract may begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContractTimes {
    /// The weekly windows; none for any time.
    pub windows: Vec<Window>,
    /// The time zone they are in; UTC when it is not set.
    pub time_zone: Option<TimeZone>,
    /// How long after the end of migrate.
    pub min_age: Duration,
}

/// Some hours of some days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The days on which it opens.
    days: Vec<Weekday>,
    from: Time,
    to: Time,
}

/// Why contract may not begin now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TooEarly {
    /// Migrate ended too short a time ago.
    Young {
        /// When it is old enough.
        until: Zoned,
    },
    /// No window is open.
    Closed {
        /// When the next opens.
        opens: Zoned,
    },
}

impl std::fmt::Display for TooEarly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |at: &Zoned| at.strftime("%a %Y-%m-%d %H:%M %Z").to_string();
        match self {
            Self::Young { until } => write!(
                f,
                "both shapes have not stood for [contract] min_age, which they have on {}",
                shown(until)
            ),
            Self::Closed { opens } => write!(
                f,
                "[contract] window is closed, and opens on {}",
                shown(opens)
            ),
        }
    }
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// Windows as they are written, or what is wrong with them, as a sentence without its subject.
pub fn parse(text: &str) -> Result<Vec<Window>, String> {
    let bad = |part: &str| {
        format!(
            "needs days and hours such as \"Sat 02:00-05:00\" or \"Mon-Fri 22:00-04:00, Sun 00:00-24:00\", and \"{part}\" is none"
        )
    };
    text.split(',')
        .map(str::trim)
        .map(|part| window(part).ok_or_else(|| bad(part)))
        .collect()
}

/// A time zone by its name, or what is wrong with it. UTC is what holds without one.
pub fn time_zone(name: &str) -> Result<Option<TimeZone>, String> {
    if name == "UTC" {
        return Ok(None);
    }
    TimeZone::get(name).map(Some).map_err(|_| {
        format!(
            "needs the IANA name of a time zone, such as \"Europe/Berlin\", that this machine \
             knows, and \"{name}\" is none"
        )
    })
}

fn window(text: &str) -> Option<Window> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (days, hours) = match words.as_slice() {
        [hours] => (DAYS.map(|(_, day)| day).to_vec(), hours),
        [days, hours] => (self::days(days)?, hours),
        _ => return None,
    };
    let (from, to) = hours.split_once('-')?;
    let (from, to) = (time(from)?, time(to)?);
    // An empty window could only be a mistake; from midnight to midnight is the whole day.
    (from != to || from == Time::midnight()).then_some(Window { days, from, to })
}

fn days(text: &str) -> Option<Vec<Weekday>> {
    let day = |text: &str| {
        let text = text.to_ascii_lowercase();
        DAYS.iter().position(|(name, _)| *name == text)
    };
    match text.split_once('-') {
        None => Some(vec![DAYS[day(text)?].1]),
        Some((first, last)) => {
            let (first, last) = (day(first)?, day(last)?);
            let count = (last + 7 - first) % 7 + 1;
            Some((0..count).map(|n| DAYS[(first + n) % 7].1).collect())
        }
    }
}

fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    if hour.len() != 2 || minute.len() != 2 {
        return None;
    }
    match (hour.parse().ok()?, minute.parse().ok()?) {
        (24, 0) => Some(Time::midnight()),
        (hour, minute) => Time::new(hour, minute, 0, 0).ok(),
    }
}

impl Window {
    /// The times between which it is open when it opens on the day of `day`.
    fn on(&self, day: &Zoned) -> Option<(Zoned, Zoned)> {
        if !self.days.contains(&day.weekday()) {
            return None;
        }
        let opens = day.date().to_datetime(self.from);
        let closes = if self.to > self.from {
            day.date().to_datetime(self.to)
        } else {
            day.date().tomorrow().ok()?.to_datetime(self.to)
        };
        let zone = day.time_zone();
        Some((
            opens.to_zoned(zone.clone()).ok()?,
            closes.to_zoned(zone.clone()).ok()?,
        ))
    }
}

impl ContractTimes {
    /// Whether contract may begin at `now`, when migrate ended at `migrated`; why not, otherwise.
    pub fn allow(&self, now: Timestamp, migrated: Option<Timestamp>) -> Result<(), TooEarly> {
        let zone = self.time_zone.clone().unwrap_or(TimeZone::UTC);
        if let Some(migrated) = migrated {
            let age = SignedDuration::try_from(self.min_age).unwrap_or(SignedDuration::MAX);
            let until = migrated.saturating_add(age).unwrap_or(Timestamp::MAX);
            if now < until {
                return Err(TooEarly::Young {
                    until: until.to_zoned(zone),
                });
            }
        }
        if self.windows.is_empty() {
            return Ok(());
        }
        let now = now.to_zoned(zone);
        // From yesterday, whose window may reach past midnight, to this day next week.
        let mut next: Option<Zoned> = None;
        for offset in -1_i64..=7 {
            let Ok(day) = now.checked_add(offset.days()) else {
                continue;
            };
            for (opens, closes) in self.windows.iter().filter_map(|window| window.on(&day)) {
                if opens <= now && now < closes {
                    return Ok(());
                }
                if opens > now && next.as_ref().is_none_or(|next| opens < *next) {
                    next = Some(opens);
                }
            }
        }
        match next {
            Some(opens) => Err(TooEarly::Closed { opens }),
            // The calendar ends here.
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(text: &str) -> ContractTimes {
        ContractTimes {
            windows: parse(text).unwrap(),
            time_zone: None,
            min_age: Duration::ZERO,
        }
    }

    /// `open`, or when it opens.
    fn at(times: &ContractTimes, now: &str) -> String {
        match times.allow(now.parse().unwrap(), None) {
            Ok(()) => "open".to_owned(),
            Err(TooEarly::Closed { opens }) => opens.strftime("%a %F %H:%M").to_string(),
            Err(TooEarly::Young { until }) => format!("young until {until}"),
        }
    }

    #[test]
    fn a_window_is_open_on_its_day_in_its_hours() {
        let times = times("Sat 02:00-05:00");
        // 2026-01-03 is a Saturday.
        assert_eq!(at(&times, "2026-01-03T02:00:00Z"), "open");
        assert_eq!(at(&times, "2026-01-03T04:59:59Z"), "open");
        assert_eq!(at(&times, "2026-01-03T05:00:00Z"), "Sat 2026-01-10 02:00");
        assert_eq!(at(&times, "2026-01-01T00:00:00Z"), "Sat 2026-01-03 02:00");
    }

    #[test]
    fn a_window_past_midnight_belongs_to_the_day_on_which_it_opens() {
        let times = times("Fri 22:00-02:00");
        assert_eq!(at(&times, "2026-01-03T01:00:00Z"), "open");
        assert_eq!(at(&times, "2026-01-02T01:00:00Z"), "Fri 2026-01-02 22:00");
    }

    #[test]
    fn days_have_ranges_and_windows_are_many() {
        let times = times("Sat-Mon 01:00-02:00, 12:00-13:00");
        assert_eq!(at(&times, "2026-01-04T01:30:00Z"), "open");
        assert_eq!(at(&times, "2026-01-05T01:30:00Z"), "open");
        assert_eq!(at(&times, "2026-01-06T01:30:00Z"), "Tue 2026-01-06 12:00");
        assert_eq!(parse("Sun 00:00-24:00").map(|windows| windows.len()), Ok(1));
    }

    #[test]
    fn hours_are_those_of_the_time_zone() {
        let mut times = times("Sat 02:00-05:00");
        times.time_zone = Some(TimeZone::fixed(jiff::tz::offset(1)));
        assert_eq!(at(&times, "2026-01-03T01:30:00Z"), "open");
        assert_eq!(at(&times, "2026-01-03T04:30:00Z"), "Sat 2026-01-10 02:00");
    }

    #[test]
    fn both_shapes_stand_for_a_while() {
        let times = ContractTimes {
            min_age: Duration::from_hours(24),
            ..ContractTimes::default()
        };
        let migrated = Some("2026-01-01T00:00:00Z".parse().unwrap());
        let early = "2026-01-01T23:59:00Z".parse().unwrap();
        let late = "2026-01-02T00:00:00Z".parse().unwrap();
        assert!(matches!(
            times.allow(early, migrated),
            Err(TooEarly::Young { .. })
        ));
        assert_eq!(times.allow(late, migrated), Ok(()));
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for text in [
            "",
            "Sat",
            "Sat 2:00-5:00",
            "Xyz 02:00-05:00",
            "Sat 02:00-02:00",
            "Sat 25:00-26:00",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
