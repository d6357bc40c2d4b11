//! Properties of the schedule, against a table and snapshots that are made up.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::execute::backfill::sizing::Limits;

fn schedule(end: u32) -> Schedule {
    Schedule::new(0, end, Sizing::new(Limits::default()))
}

fn fill(next: Next) -> Slice {
    match next {
        Next::Fill(slice) => slice,
        other => panic!("expected a slice, not {other:?}"),
    }
}

fn usual(rows: u64) -> Measured {
    Measured {
        rows,
        hot: Some(rows / 2),
        took: Duration::from_millis(10),
    }
}

#[test]
fn an_empty_relation_is_finished_at_once() {
    let next = schedule(0).next(None, Duration::ZERO, Growth::Bounded);
    assert_eq!(next, Next::Finished);
}

#[test]
fn the_next_pass_of_a_window_comes_when_the_last_one_is_older_than_every_snapshot() {
    let mut plan = schedule(10_000);
    let now = Duration::ZERO;
    let first = fill(plan.next(Some(100), now, Growth::Bounded));
    assert_eq!(
        (first.start, first.end, first.classes),
        (0, 25, Classes::One(0))
    );
    plan.done(&first, &usual(400), 100);
    // A snapshot still sees what transaction 100 replaced: another window is begun.
    let second = fill(plan.next(Some(100), now, Growth::Bounded));
    assert_eq!((second.start, second.classes), (25, Classes::One(0)));
    plan.done(&second, &usual(400), 101);
    let third = fill(plan.next(Some(101), now, Growth::Bounded));
    assert_eq!((third.start, third.classes), (0, Classes::One(1)));
    plan.done(&third, &usual(400), 102);
    // Nobody looks at anything any more.
    let fourth = fill(plan.next(None, now, Growth::Bounded));
    assert_eq!((fourth.start, fourth.classes), (0, Classes::One(2)));
}

#[test]
fn the_horizon_is_read_again_when_no_other_window_is_known_to_be_ready() {
    let mut plan = schedule(10_000);
    let now = Duration::ZERO;
    let first = fill(plan.next(Some(100), now, Growth::Bounded));
    assert!(!plan.is_ready_besides(&first, Some(100)));
    plan.done(&first, &usual(400), 100);
    let second = fill(plan.next(Some(100), now, Growth::Bounded));
    assert!(!plan.is_ready_besides(&second, Some(100)));
    plan.done(&second, &usual(400), 101);
    let again = fill(plan.next(Some(102), now, Growth::Bounded));
    assert_eq!(again.start, 0);
    assert!(plan.is_ready_besides(&again, Some(102)));
    assert!(!plan.is_ready_besides(&again, None));
}

#[test]
fn old_snapshots_stop_it_at_a_bound_until_growth_is_allowed() {
    let mut plan = schedule(1_000_000);
    let now = Duration::ZERO;
    let mut xid = 100;
    while let Next::Fill(slice) = plan.next(Some(50), now, Growth::Bounded) {
        plan.done(&slice, &usual(u64::from(slice.pages()) * 6), xid);
        xid += 1;
    }
    assert_eq!(plan.open_pages(), Limits::default().max_open);
    let waits = plan.next(Some(50), now, Growth::Bounded);
    assert_eq!(waits, Next::WaitForSnapshots);
    let rest = fill(plan.next(Some(50), now, Growth::Unbounded));
    assert_eq!(rest.classes, Classes::From(1));
    plan.done(&rest, &usual(1000), xid);
    assert!(plan.low_water() > 0);
}

#[test]
fn a_locked_row_stops_only_its_own_page_in_the_end() {
    let mut plan = schedule(64);
    let locked = 17;
    let mut now = Duration::ZERO;
    let mut xid = 3;
    for _ in 0..2000 {
        match plan.next(None, now, Growth::Bounded) {
            Next::Fill(slice) if (slice.start..slice.end).contains(&locked) => {
                plan.failed(&slice, now);
            }
            Next::Fill(slice) => {
                plan.done(&slice, &usual(100), xid);
                xid += 1;
            }
            Next::WaitUntil(at) => now = at,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        (plan.open_windows(), plan.open_pages(), plan.low_water()),
        (1, 1, locked)
    );
    let last = fill(plan.next(None, now + pause(100), Growth::Bounded));
    assert_eq!((last.start, last.end), (locked, locked + 1));
}

#[test]
fn few_rows_take_two_passes_and_then_one() {
    let mut plan = schedule(75);
    let now = Duration::ZERO;
    let few = |rows| Measured {
        took: Duration::from_micros(100),
        ..usual(rows)
    };
    let first = fill(plan.next(None, now, Growth::Bounded));
    plan.done(&first, &few(1), 9);
    let rest = fill(plan.next(None, now, Growth::Bounded));
    assert_eq!((rest.start, rest.classes), (0, Classes::From(1)));
    plan.done(&rest, &few(9), 10);
    let second = fill(plan.next(None, now, Growth::Bounded));
    assert_eq!((second.start, second.classes), (25, Classes::From(0)));
}

#[test]
fn transactions_are_compared_around_the_end_of_their_numbers() {
    assert!(precedes(5, 6));
    assert!(!precedes(6, 6));
    assert!(!precedes(7, 6));
    assert!(precedes(u64::from(u32::MAX) - 1, 3));
    assert!(!precedes((1 << 32) + 3, u32::MAX - 1));
    assert!(precedes((7 << 32) + 3, 4));
}

#[test]
fn pauses_grow_up_to_a_bound() {
    let pauses: Vec<u128> = [1, 2, 7, 8, 1000].map(|n| pause(n).as_millis()).into();
    assert_eq!(pauses, [20, 40, 1280, 1280, 1280]);
}

/// What happens to one slice.
#[derive(Debug, Clone)]
enum Fate {
    Done {
        rows: u64,
        hot_percent: u64,
        millis: u64,
    },
    Failed,
}

fn fates() -> impl Strategy<Value = Vec<(Fate, u64, bool)>> {
    let fate = prop_oneof![
        8 => (0u64..20_000, 0u64..=100, 0u64..400)
            .prop_map(|(rows, hot_percent, millis)| Fate::Done { rows, hot_percent, millis }),
        1 => Just(Fate::Failed),
    ];
    // With each: how far snapshots lag behind, and whether growth is bounded.
    prop::collection::vec((fate, 0u64..40, prop::bool::weighted(0.9)), 1..400)
}

proptest! {
    #[test]
    fn every_class_of_every_page_is_filled_once_and_in_order(
        end in 0u32..3000,
        max_open in 1u32..500,
        passes in 1u32..13,
        fates in fates(),
    ) {
        let limits = Limits { max_open, passes, ..Limits::default() };
        let mut plan = Schedule::new(0, end, Sizing::new(limits));
        // Next pass and number of passes of each page; the last transaction on it.
        let mut pages: Vec<(u32, u32)> = vec![(0, 0); end as usize];
        let mut filled_by: HashMap<u32, u64> = HashMap::new();
        let mut xid: u64 = u64::from(u32::MAX) - 20;
        let mut now = Duration::ZERO;
        let mut low_water = 0;
        let mut round = 0;
        loop {
            // After the given ones only good things happen, so that it comes to an end.
            let (fate, lag, bounded) = fates.get(round).cloned().unwrap_or((
                Fate::Done { rows: 100, hot_percent: 50, millis: 1 }, 0, true,
            ));
            round += 1;
            prop_assert!(round < 200_000, "no end");
            let growth = if bounded { Growth::Bounded } else { Growth::Unbounded };
            let horizon = u32::try_from((xid - lag) & u64::from(u32::MAX)).expect("masked");
            let before = plan.open_pages();
            let slice = match plan.next(Some(horizon), now, growth) {
                Next::Fill(slice) => slice,
                Next::WaitForSnapshots => { xid += 1; continue; }
                Next::WaitUntil(at) => { prop_assert!(at > now); now = at; continue; }
                Next::Finished => break,
            };
            prop_assert!(slice.start < slice.end && slice.end <= end);
            if bounded {
                prop_assert!(plan.open_pages() <= max_open.max(before));
                for page in slice.start..slice.end {
                    let last = filled_by.get(&page);
                    prop_assert!(last.is_none_or(|last| precedes(*last, horizon)));
                }
            }
            let Fate::Done { rows, hot_percent, millis } = fate else {
                plan.failed(&slice, now);
                continue;
            };
            let (Classes::One(class) | Classes::From(class)) = slice.classes;
            for page in slice.start..slice.end {
                let (next, of) = pages[page as usize];
                prop_assert_eq!(next, class);
                prop_assert!(of == 0 || of == slice.passes);
                pages[page as usize] = (class + slice.class_count(), slice.passes);
                if rows > 0 { filled_by.insert(page, xid); }
            }
            let promised = plan.low_water_after(&slice);
            let measured = Measured {
                rows,
                hot: Some(rows * hot_percent / 100),
                took: Duration::from_millis(millis),
            };
            plan.done(&slice, &measured, xid);
            xid += 1;
            prop_assert_eq!(plan.low_water(), promised);
            prop_assert!(promised >= low_water);
            low_water = promised;
            for (next, of) in &pages[..low_water as usize] {
                prop_assert!(*of > 0 && next == of);
            }
            prop_assert!(plan.done_millipages() <= u64::from(end) * 1000);
        }
        prop_assert!(pages.iter().all(|(next, of)| *of > 0 && next == of));
        prop_assert_eq!(plan.low_water(), end);
    }
}
