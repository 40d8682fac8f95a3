//! A commit whose end nobody saw: the store is asked, and everyone is answered truly.

use std::time::Duration;

use crate::support::toy::{Do, counting, mended};
use crate::support::{Bench, Lost, add, ask, create, key, told};

#[test]
fn one_that_stands_is_answered_as_if_nothing_had_been() {
    let bench = Bench::new();
    let toy = bench.start(counting());
    assert_eq!(toy.says(create(Do::Add(0))), "201 counters/1");
    toy.store.lose_next(Lost::Stands, 0);
    let said = toy.say([create(Do::Add(1)), create(Do::Add(5000)), add(1, 2)]);
    assert_eq!(said, ["201 counters/2", "refused too-much", "200 counters/1"]);
    assert_eq!((toy.total(2), toy.total(1)), (Some(1), Some(2)));
    // What it published was not handed to the carrier; the feed has it.
    bench.pass(Duration::from_secs(5));
    assert_eq!((toy.heard(2), toy.heard(1)), (vec![1], vec![0, 2]));
    assert_eq!(toy.says(add(2, 1)), "200 counters/2");
    toy.check();
}

#[test]
fn of_one_that_does_not_stand_nothing_has_happened() {
    let bench = Bench::new();
    let toy = bench.start(counting());
    assert_eq!(toy.says(create(Do::Add(1))), "201 counters/1");
    toy.store.lose_next(Lost::DoesNot, 0);
    let said = toy.say([create(Do::Add(1)).once(key("k", "f")), add(1, 2)]);
    assert_eq!(said, ["away", "away"]);
    assert_eq!((toy.total(2), toy.total(1)), (None, Some(1)));
    assert_eq!(toy.says(create(Do::Add(1)).once(key("k", "f"))), "201 counters/2");
    assert_eq!(toy.says(add(1, 2)), "200 counters/1");
    toy.check();
}

#[test]
fn nobody_is_answered_before_it_is_known() {
    for (lost, said) in [(Lost::Stands, "200 counters/1"), (Lost::DoesNot, "away")] {
        let bench = Bench::new();
        let toy = bench.start(mended());
        toy.store.lose_next(lost, 3);
        let asked = toy.hand_in(add(1, 1));
        bench.settle();
        assert!(asked.answer().is_none());
        bench.pass(Duration::from_millis(299));
        assert!(asked.answer().is_none(), "the store cannot tell yet");
        bench.pass(Duration::from_millis(1));
        assert_eq!(told(&asked.answer().unwrap()), said);
        toy.check();
    }
}

/// A consumer's commit that is lost is made once.
#[test]
fn a_consumer_goes_on_from_where_its_lost_commit_stands() {
    for lost in [Lost::Stands, Lost::DoesNot] {
        let bench = Bench::new();
        let toy = bench.start(mended());
        toy.execute(add(1, 1));
        let asked = toy.hand_in(add(1, 2));
        toy.store.lose_after(1, lost);
        bench.settle();
        assert_eq!(told(&asked.answer().unwrap()), "200 counters/1");
        bench.pass(Duration::from_secs(5));
        assert_eq!((toy.heard(1), toy.viewed(1)), (vec![1, 2], Some(3)), "{lost:?}");
        toy.check();
    }
}

#[test]
fn what_a_lost_commit_wants_to_be_woken_for_is_known() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let at = bench.now() + Duration::from_secs(10);
    toy.store.lose_next(Lost::Stands, 0);
    assert_eq!(toy.says(ask(&[(1, Do::Ring { at, lazy: false })])), "200 counters/1");
    bench.pass(Duration::from_secs(10));
    assert_eq!(toy.rang(1), [at]);
}
