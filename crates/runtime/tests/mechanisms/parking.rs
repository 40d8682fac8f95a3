//! An event that cannot be handled steps aside with all of its key.

use std::time::Duration;

use crate::support::toy::{BREAKS_THE_STORE, PANICS_IN_DECIDE, PANICS_IN_REACT, faulty_policy, mended};
use crate::support::{Bench, Hold, Process, add};
use runtime::{NotParked, Which};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_poisoned_event_parks_its_key_and_others_go_on() {
    for poison in [PANICS_IN_REACT, PANICS_IN_DECIDE, BREAKS_THE_STORE] {
        let bench = Bench::new();
        let toy = bench.start(faulty_policy());
        toy.say([add(1, 1), add(1, poison), add(1, 2), add(2, 1), add(3, 1)]);
        toy.say([add(1, 3), add(2, 2)]);
        assert_eq!((toy.heard(1), toy.heard(2), toy.heard(3)), (vec![1], vec![1, 2], vec![1]), "{poison}");
        let parked = toy.parked();
        assert_eq!(parked.len(), 3);
        assert!(parked.iter().all(|one| one.event.key == "1" && one.consumer == "policies"));
        assert!(!parked[0].error.is_empty() && parked[1].error.is_empty() && parked[2].error.is_empty(), "one failed, two wait");
        let status = toy.consumer("policies");
        assert_eq!((status.behind, status.halted), (0, None));
        assert!(toy.wait(toy.system.status()).unwrap().is_degraded());
        assert_eq!(toy.viewed(1), Some(1 + poison + 5), "the view has nothing to do with it");
    }
}

#[test]
fn it_is_tried_again_more_and_more_rarely() {
    let bench = Bench::new();
    let toy = bench.start(faulty_policy());
    toy.execute(add(1, PANICS_IN_DECIDE));
    let mut waits = Vec::new();
    for tries in 1..=13 {
        let [parked] = &toy.parked()[..] else { panic!("one is parked") };
        assert_eq!(parked.tries, tries);
        let wait = clock::until(bench.now(), parked.next_at);
        waits.push(wait.as_secs());
        bench.pass(wait);
    }
    assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]);
}

#[test]
fn once_the_rule_is_mended_everything_of_the_key_follows_in_order() {
    for poison in [PANICS_IN_REACT, PANICS_IN_DECIDE, BREAKS_THE_STORE] {
        let bench = Bench::new();
        let toy = bench.start(faulty_policy());
        for n in [1, poison, 2, 3] {
            toy.execute(add(1, n));
        }
        bench.pass(60 * Duration::from_secs(1));
        assert_eq!(toy.heard(1), [1]);
        toy.kill();

        let toy = bench.start(mended());
        // What comes meanwhile queues behind what waits already.
        toy.execute(add(1, 4));
        assert_eq!(toy.heard(1), [1]);
        bench.pass(HOUR);
        assert_eq!(toy.heard(1), [1, poison, 2, 3, 4]);
        toy.execute(add(1, 5));
        assert_eq!(toy.heard(1), [1, poison, 2, 3, 4, 5], "the key is free again");
        toy.check();
    }
}

#[test]
fn what_is_parked_outlives_the_process() {
    let bench = Bench::new();
    let toy = bench.start(faulty_policy());
    toy.execute(add(1, PANICS_IN_DECIDE));
    toy.kill();
    let toy = bench.start(faulty_policy());
    toy.execute(add(1, 1));
    assert_eq!((toy.parked().len(), toy.heard(1)), (2, vec![]));
}

/// The line in which the events of counter 1 wait.
fn line(toy: &Process) -> store::LineKey {
    toy.parked()[0].line()
}

#[test]
fn an_operator_tries_a_line_at_once_and_is_told_what_came_of_it() {
    let bench = Bench::new();
    let toy = bench.start(faulty_policy());
    toy.say([add(1, PANICS_IN_DECIDE), add(1, 2), add(1, 3)]);
    let line = line(&toy);
    let retried = toy.wait(toy.service("board").retry_parked(&line)).unwrap();
    assert_eq!((retried.handled, retried.left), (0, 3));
    let failed = retried.failed.unwrap();
    assert_eq!((failed.tries, failed.event.position.seq), (2, 1));
    toy.kill();
    let toy = bench.start(mended());
    let retried = toy.wait(toy.service("board").retry_parked(&line)).unwrap();
    assert_eq!((retried.handled, retried.failed, retried.left), (3, None, 0));
    assert_eq!(toy.heard(1), [PANICS_IN_DECIDE, 2, 3]);
    assert!(matches!(toy.wait(toy.service("board").retry_parked(&line)), Err(NotParked::Nothing)));
    toy.check();
}

#[test]
fn what_is_discarded_has_no_effect_and_what_waits_behind_it_goes_on() {
    let bench = Bench::new();
    let toy = bench.start(faulty_policy());
    toy.say([add(1, PANICS_IN_DECIDE), add(1, 2), add(1, 3)]);
    let line = line(&toy);
    let board = toy.service("board");
    let behind = toy.wait(board.discard_parked(&line, Which::First(2)));
    assert!(matches!(behind, Err(NotParked::MovedOn(first)) if first.ends_with("/1")), "only the first can go");
    let discarded = toy.wait(board.discard_parked(&line, Which::First(1))).unwrap();
    assert_eq!((discarded.events.len(), discarded.left), (1, 2));
    bench.pass(HOUR);
    assert_eq!(toy.heard(1), [2, 3]);
    assert!(matches!(toy.wait(board.discard_parked(&line, Which::All)), Err(NotParked::Nothing)));

    toy.say([add(1, PANICS_IN_DECIDE), add(1, 4)]);
    let discarded = toy.wait(board.discard_parked(&line, Which::All)).unwrap();
    assert_eq!((discarded.events.len(), discarded.left), (2, 0));
    toy.execute(add(1, 5));
    assert_eq!(toy.heard(1), [2, 3, 5], "the key is free again");
    toy.check();
}

/// Two processes over one store may try the same event at the same time.
#[test]
fn an_event_that_two_try_at_once_is_handled_once() {
    let bench = Bench::new();
    let toy = bench.start(faulty_policy());
    toy.execute(add(1, PANICS_IN_DECIDE));
    let line = line(&toy);
    toy.kill();
    let [one, other] = bench.start_two();
    one.store.hold(Hold::Before, |claims| !claims.lines.is_empty());
    let slow = one.hand_in_retry(&line);
    bench.settle();
    assert!(one.store.holds());
    assert_eq!(other.wait(other.service("board").retry_parked(&line)).unwrap().handled, 1);
    one.store.release();
    bench.settle();
    assert!(matches!(slow.answer().unwrap(), Err(NotParked::Nothing)));
    assert_eq!(one.heard(1), [PANICS_IN_DECIDE]);
    one.check();
}

/// What failed here may have been discarded there meanwhile.
#[test]
fn an_event_that_was_discarded_while_it_was_tried_does_not_come_back() {
    let bench = Bench::new();
    let toy = bench.start(faulty_policy());
    toy.execute(add(1, PANICS_IN_DECIDE));
    let line = line(&toy);
    // The second transaction is the one that parks it again.
    toy.store.hold(Hold::Before, |claims| !claims.lines.is_empty() && claims.consumers.is_empty());
    let tried = toy.hand_in_retry(&line);
    bench.settle();
    assert!(toy.store.holds());
    let [first] = &toy.parked()[..] else { panic!("one is parked") };
    let gone = store::Writes { unparked: vec![first.clone()], ..store::Writes::default() };
    let claims = store::Claims { batch: "elsewhere".into(), ..store::Claims::default() };
    toy.wait(store::Store::write(&*toy.store, claims, Box::new(move |_| Ok(gone)))).unwrap();
    toy.store.release();
    bench.settle();
    assert!(matches!(tried.answer().unwrap(), Err(NotParked::Nothing)));
    assert!(toy.parked().is_empty());
    toy.check();
}
