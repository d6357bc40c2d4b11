//! The decision as a table: what is seen, and what follows.

use super::*;

fn calm() -> Signals {
    Signals {
        paused: false,
        blocked: Reading::Known(0),
        lag: Reading::Known(vec![Lag::default()]),
        slot: Reading::Known(None),
        archive: Reading::Known(Archive::Off),
        autovacuum_waits: Reading::Known(0),
        wraparound: Reading::Known(0),
        active: Reading::Known(500),
        query: None,
    }
}

fn lag(bytes: u64, seconds: u64) -> Reading<Vec<Lag>> {
    let behind = Lag {
        standby: "b".to_owned(),
        bytes,
        time: Duration::from_secs(seconds),
    };
    Reading::Known(vec![Lag::default(), behind])
}

fn slot(bytes: u64) -> Reading<Option<Backlog>> {
    Reading::Known(Some(Backlog {
        slot: "s".to_owned(),
        bytes,
    }))
}

fn why(change: impl FnOnce(&mut Signals)) -> Option<Reason> {
    why_with(&Settings::default(), change)
}

fn why_with(settings: &Settings, change: impl FnOnce(&mut Signals)) -> Option<Reason> {
    let mut signals = calm();
    change(&mut signals);
    match decide(&signals, settings) {
        Verdict::Go => None,
        Verdict::Wait(reason) => Some(reason),
    }
}

#[test]
fn each_signal_alone_stops_it_beyond_its_limit_and_not_at_it() {
    assert_eq!(why(|_| ()), None);
    assert_eq!(why(|s| s.paused = true), Some(Reason::Paused));
    assert_eq!(
        why(|s| s.blocked = Reading::Known(2)),
        Some(Reason::Blocked { sessions: 2 })
    );
    assert_eq!(why(|s| s.lag = lag(256 << 20, 10)), None);
    assert_eq!(
        why(|s| s.lag = lag((256 << 20) + 1, 0)),
        Some(Reason::LagBytes {
            standby: "b".to_owned(),
            bytes: (256 << 20) + 1
        })
    );
    assert_eq!(
        why(|s| s.lag = lag(0, 11)),
        Some(Reason::LagTime {
            standby: "b".to_owned(),
            millis: 11_000
        })
    );
    assert_eq!(why(|s| s.slot = slot(8 << 30)), None);
    assert_eq!(
        why(|s| s.slot = slot(9 << 30)),
        Some(Reason::SlotBacklog {
            slot: "s".to_owned(),
            bytes: 9 << 30
        })
    );
    assert_eq!(
        why(|s| s.archive = Reading::Known(Archive::Working(2 << 30))),
        None
    );
    assert_eq!(
        why(|s| s.archive = Reading::Known(Archive::Working(3 << 30))),
        Some(Reason::ArchiveBacklog { bytes: 3 << 30 })
    );
    assert_eq!(
        why(|s| s.archive = Reading::Known(Archive::Failing("f".to_owned()))),
        Some(Reason::ArchiveFailing {
            file: "f".to_owned()
        })
    );
    assert_eq!(
        why(|s| s.autovacuum_waits = Reading::Known(1)),
        Some(Reason::AutovacuumWaits)
    );
    assert_eq!(
        why(|s| s.wraparound = Reading::Known(1)),
        Some(Reason::Wraparound)
    );
    assert_eq!(why(|s| s.query = Some(Reading::Known(true))), None);
    assert_eq!(
        why(|s| s.query = Some(Reading::Known(false))),
        Some(Reason::Query)
    );
}

#[test]
fn active_sessions_count_only_when_there_is_a_limit() {
    assert_eq!(why(|s| s.active = Reading::Known(10_000)), None);
    let settings = Settings {
        max_active: Some(20),
        ..Settings::default()
    };
    assert_eq!(why_with(&settings, |s| s.active = Reading::Known(20)), None);
    assert_eq!(
        why_with(&settings, |s| s.active = Reading::Known(21)),
        Some(Reason::Active { sessions: 21 })
    );
}

/// Each signal made unreadable, one after the other.
/// Makes one signal unreadable.
type Spoil = Box<dyn Fn(&mut Signals)>;

fn unreadable() -> Vec<Spoil> {
    fn no<T>() -> Reading<T> {
        Reading::Unreadable("no".to_owned())
    }
    vec![
        Box::new(|s| s.blocked = no()),
        Box::new(|s| s.lag = no()),
        Box::new(|s| s.slot = no()),
        Box::new(|s| s.archive = no()),
        Box::new(|s| s.autovacuum_waits = no()),
        Box::new(|s| s.wraparound = no()),
        Box::new(|s| s.active = no()),
    ]
}

#[test]
fn what_cannot_be_read_stops_it_unless_that_is_accepted() {
    let accept = Settings {
        without_monitor: WithoutMonitor::Accept,
        ..Settings::default()
    };
    for change in unreadable() {
        assert!(matches!(why(&change), Some(Reason::Unreadable { .. })));
        assert_eq!(why_with(&accept, &change), None);
    }
    // The user's own query needs no role, so its failure is never accepted.
    let broken = |s: &mut Signals| s.query = Some(Reading::Unreadable("no".to_owned()));
    assert!(matches!(why(broken), Some(Reason::Unreadable { .. })));
    assert!(matches!(
        why_with(&accept, broken),
        Some(Reason::Unreadable { .. })
    ));
}

#[test]
fn an_unreadable_signal_hides_no_other_reason_when_it_is_accepted() {
    let accept = Settings {
        without_monitor: WithoutMonitor::Accept,
        ..Settings::default()
    };
    let reason = why_with(&accept, |s| {
        s.lag = Reading::Unreadable("no".to_owned());
        s.slot = slot(u64::MAX);
    });
    assert!(matches!(reason, Some(Reason::SlotBacklog { .. })));
}
