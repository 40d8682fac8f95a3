//! A client that expects something of a row is refused when that does not hold at the moment of the decision.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::toy::{COUNTERS, CounterRow, Do, mended};
use crate::support::{Bench, add, ask, key, start_of_time};
use kernel::Timestamp;
use runtime::{Expected, Request};

/// That counter 1 shows this total.
fn at(total: Option<u64>) -> Option<Expected> {
    Some(Expected::of(COUNTERS, 1, move |row, _| row.map(|row| serde_json::from_str::<CounterRow>(row).unwrap().total) == total))
}

#[test]
fn what_does_not_hold_is_refused_and_what_holds_is_decided() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    assert_eq!(toy.says(add(1, 5).only_if(at(Some(0)))), "Changed", "there is no row yet");
    assert_eq!(toy.says(add(1, 5).only_if(at(None))), "200 counters/1");
    assert_eq!(toy.says(add(1, 5).only_if(at(Some(4)))), "Changed");
    assert_eq!(toy.says(add(1, 5).only_if(at(Some(5)))), "200 counters/1");
    assert_eq!(toy.total(1), Some(10));
    toy.check();
}

#[test]
fn of_many_that_expect_the_same_in_one_batch_one_wins() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 1));
    let said = toy.say((0..10).map(|_| add(1, 1).only_if(at(Some(1)))));
    assert_eq!(said.iter().filter(|said| *said == "200 counters/1").count(), 1, "{said:?}");
    assert_eq!(said.iter().filter(|said| *said == "Changed").count(), 9, "{said:?}");
    assert_eq!(toy.total(1), Some(2));
}

#[test]
fn what_fell_due_counts_as_happened() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let rings = start_of_time() + Duration::from_secs(60);
    toy.execute(ask(&[(1, Do::Ring { at: rings, lazy: false })]));
    // The clock alone moves: nobody was woken yet.
    bench.clock.advance(Duration::from_secs(61));
    let rang = |times| {
        Some(Expected::of(COUNTERS, 1, move |row, _| {
            row.is_some_and(|row| serde_json::from_str::<CounterRow>(row).unwrap().rang.len() == times)
        }))
    };
    assert_eq!(toy.says(add(1, 1).only_if(rang(0))), "Changed");
    assert_eq!(toy.says(add(1, 1).only_if(rang(1))), "200 counters/1");
}

#[test]
fn it_is_asked_at_the_instant_of_the_decision() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 1));
    let asked = Arc::<Mutex<Vec<Timestamp>>>::default();
    let seen = Arc::clone(&asked);
    bench.pass(Duration::from_secs(7));
    toy.execute(add(1, 1).only_if(Some(Expected::of(COUNTERS, 1, move |_, at| {
        seen.lock().unwrap().push(at);
        true
    }))));
    assert_eq!(*asked.lock().unwrap(), [bench.now()]);
}

#[test]
fn what_was_answered_under_a_key_is_answered_again_although_it_holds_no_more() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let request = || -> Request { add(1, 5).only_if(at(None)).once(key("k", "f")) };
    assert_eq!([toy.says(request()), toy.says(request())], ["200 counters/1", "200 counters/1"]);
    assert_eq!(toy.total(1), Some(5));
    // And what was refused so is not kept.
    let later = || add(1, 1).only_if(at(Some(6))).once(key("l", "f"));
    assert_eq!(toy.says(later()), "Changed");
    toy.execute(add(1, 1));
    assert_eq!(toy.says(later()), "200 counters/1");
}
