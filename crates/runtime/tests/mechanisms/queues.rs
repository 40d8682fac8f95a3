//! Bounded queues and deadlines.

use std::time::Duration;

use crate::support::toy::mended;
use crate::support::{Bench, Hold, add, buy, key, told};
use runtime::SagaRequest;
use store::RecordKind;

#[test]
fn what_is_past_its_deadline_is_not_decided() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let now = bench.now();
    // It waits in the queue while the writer is held, and its time runs out there.
    toy.store.hold(Hold::Before, |_| true);
    let first = toy.hand_in(add(1, 1));
    bench.settle();
    let late = toy.hand_in(add(1, 1).before(now + Duration::from_secs(1)).once(key("k", "f")));
    let patient = toy.hand_in(add(1, 1).before(now + Duration::from_secs(9)));
    bench.pass(Duration::from_secs(2));
    toy.store.release();
    bench.settle();
    assert_eq!([first, late, patient].map(|one| told(&one.answer().unwrap())), ["200 counters/1", "Expired", "200 counters/1"]);
    assert_eq!(toy.total(1), Some(2));
    assert_eq!(toy.says(add(1, 1).once(key("k", "f"))), "200 counters/1", "its key is free");
    toy.check();
}

#[test]
fn at_its_deadline_it_still_is() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    assert_eq!(toy.says(add(1, 1).before(bench.now())), "200 counters/1");
}

#[test]
fn new_work_over_the_bound_is_refused_at_once() {
    let bench = Bench::new();
    let toy = bench.start_with_queue(4);
    toy.store.hold(Hold::Before, |_| true);
    let held = toy.hand_in(add(1, 1));
    bench.settle();
    let waiting: Vec<_> = (0..4).map(|_| toy.hand_in(add(1, 1))).collect();
    bench.settle();
    assert_eq!(toy.wait(toy.system.status()).unwrap().waiting, (4, 0));
    for _ in 0..3 {
        let refused = toy.hand_in(add(1, 1));
        bench.settle();
        assert_eq!(refused.answer().map(|outcome| told(&outcome)).as_deref(), Some("Full"));
    }
    assert!(waiting.iter().all(|one| one.answer().is_none()));
    toy.store.release();
    bench.settle();
    assert!(waiting.iter().chain([&held]).all(|one| told(&one.answer().unwrap()) == "200 counters/1"));
    assert_eq!(toy.total(1), Some(5));
    assert_eq!(toy.says(add(1, 1)), "200 counters/1", "there is room again");
    toy.check();
}

/// The saga has begun, so its call and its end have to get through although nothing new does.
#[test]
fn what_continues_something_begun_is_taken_however_much_waits() {
    let bench = Bench::new();
    let toy = bench.start_with_queue(4);
    toy.store.hold(Hold::Before, |claims| claims.records.iter().any(|record| record.kind == RecordKind::Answer));
    let saga = toy.begin(SagaRequest { key: key("k", "f"), ..buy(2) });
    let waiting: Vec<_> = (0..4).map(|_| toy.hand_in(add(1, 1))).collect();
    let refused = toy.hand_in(add(1, 1));
    bench.settle();
    assert_eq!(told(&refused.answer().unwrap()), "Full");
    toy.store.release();
    // Whatever the writer takes next, new work fills its place in the queue at once.
    bench.settle();
    assert_eq!(told(&saga.answer().unwrap()), "201 orders/1");
    assert!(waiting.iter().all(|one| one.answer().is_some()));
    toy.check();
}
