//! Bounded queues and deadlines.

use std::time::Duration;

use crate::support::toy::{Do, mended};
use crate::support::{Bench, Hold, add, ask, buy, key, told};
use runtime::Fault;

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
    let toy = bench.start_with_queue(5);
    toy.store.hold(Hold::Before, |_| true);
    let held = toy.hand_in(add(1, 1));
    bench.settle();
    // The one that is held has a place until it is answered.
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

/// The saga has begun, so its call has to get through although nothing new does.
#[test]
fn what_continues_something_begun_is_taken_however_much_waits() {
    let bench = Bench::new();
    let toy = bench.start_with_queue(5);
    let a_moment = Duration::from_millis(100);
    toy.fault("pool", Fault { delay: a_moment, ..Fault::default() });
    let saga = toy.begin(buy(2));
    toy.store.hold(Hold::Before, |_| true);
    let held = toy.hand_in(add(1, 1));
    bench.settle();
    let waiting: Vec<_> = (0..4).map(|_| toy.hand_in(add(1, 1))).collect();
    let refused = toy.hand_in(add(1, 1));
    bench.pass(a_moment);
    assert_eq!(told(&refused.answer().unwrap()), "Full");
    assert_eq!(toy.wait(toy.system.status()).unwrap().waiting, (4, 1), "the call waits for the writer like everybody");
    toy.store.release();
    bench.settle();
    assert_eq!(told(&saga.answer().unwrap()), "201 orders/1");
    assert!(waiting.iter().chain([&held]).all(|one| one.answer().is_some()));
    toy.check();
}

#[test]
fn only_so_many_sagas_are_open_at_once() {
    let bench = Bench::new();
    let toy = bench.start_with_queue(10_000);
    toy.store.hold(Hold::Before, |_| true);
    let open: Vec<_> = (0..4096).map(|_| toy.hand_in_saga(buy(1))).collect();
    bench.settle();
    assert_eq!(told(&toy.begin(buy(1)).answer().unwrap()), "Full");
    toy.store.release();
    bench.pass(Duration::from_secs(120));
    assert!(open.iter().all(|one| one.answer().is_some()));
    assert_eq!(toy.wait(toy.system.status()).unwrap().open_sagas, 0);
    assert_eq!(told(&toy.begin(buy(0)).answer().unwrap()), "201 orders/4097", "there is room again");
    toy.check();
}

#[test]
fn what_continues_something_begun_is_served_first() {
    let bench = Bench::new();
    let toy = bench.start_with_queue(401);
    let at = bench.now() + Duration::from_secs(1);
    for id in [1, 4] {
        toy.execute(ask(&[(id, Do::Ring { at, lazy: false })]));
    }
    toy.store.hold(Hold::Before, |_| true);
    let held = toy.hand_in(add(2, 1));
    bench.settle();
    // More than one batch takes.
    let new: Vec<_> = (0..400).map(|_| toy.hand_in(add(3, 1))).collect();
    bench.pass(Duration::from_secs(1));
    assert_eq!(toy.wait(toy.system.status()).unwrap().waiting, (400, 2));
    toy.store.release();
    toy.store.seen();
    bench.settle();
    let roots: Vec<_> = toy.store.seen()[1].roots.iter().map(|root| root.root.key.clone()).collect();
    assert_eq!(roots, ["1", "3", "4"], "those that ring came last and are in the first batch");
    assert!(new.iter().chain([&held]).all(|one| one.answer().is_some()));
}
