//! A batch is the unit of commit, and what fails in it fails alone.

use crate::support::toy::{COUNTERS, Counter, Do, mended};
use crate::support::{Bench, Shim, add, ask};

fn transactions(store: &Shim) -> Vec<usize> {
    store.seen().iter().map(|seen| seen.events).filter(|events| *events > 0).collect()
}

#[test]
fn what_waits_together_is_one_transaction() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.store.seen();
    let started: Vec<_> = (1..=20).map(|id| toy.hand_in(add(id, id))).collect();
    bench.settle();
    assert!(started.iter().all(|one| one.answer().is_some()));
    assert_eq!(transactions(&toy.store)[0], 20, "one commit for all of them");
    assert_eq!((toy.total(1), toy.total(20)), (Some(1), Some(20)));
    toy.check();
}

#[test]
fn commands_of_one_batch_see_each_other_in_the_order_of_arrival() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let said = toy.say([add(1, 1), ask(&[(1, Do::AddAt(1, 1))]), ask(&[(1, Do::AddAt(1, 1))]), ask(&[(1, Do::AddAt(2, 1))])]);
    assert_eq!(said, ["200 counters/1", "200 counters/1", "refused too-much", "200 counters/1"]);
    toy.check();
}

/// One command that cannot be done, among others that can.
fn a_poisoned_command(poison: Do) {
    let bench = Bench::new();
    let toy = bench.start(mended());
    assert_eq!(toy.says(add(2, 1)), "200 counters/2");
    let said = toy.say([add(1, 1), ask(&[(2, poison)]), add(2, 1), add(3, 1)]);
    assert_eq!(said, ["200 counters/1", "failed", "200 counters/2", "200 counters/3"]);
    assert_eq!([1, 2, 3].map(|id| toy.total(id)), [Some(1), Some(2), Some(1)]);
    assert_eq!(toy.events::<Counter>(COUNTERS, &2).len(), 2, "nothing of it stands");
    toy.check();
}

#[test]
fn a_panic_in_decide_fails_its_own_command_alone() {
    a_poisoned_command(Do::PanicInDecide);
}

#[test]
fn a_panic_in_evolve_fails_its_own_command_alone() {
    a_poisoned_command(Do::PanicInEvolve);
}

#[test]
fn a_broken_constraint_fails_its_own_command_alone() {
    a_poisoned_command(Do::BreakTheStore);
}

#[test]
fn folded_roots_are_kept_for_the_next_command_and_dropped_with_a_failed_batch() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let brought_up = |request| {
        toy.store.seen();
        toy.execute(request);
        let seen = toy.store.seen();
        let last = seen.iter().rev().flat_map(|seen| &seen.roots).find(|root| root.root.service == COUNTERS);
        last.unwrap().events
    };
    brought_up(add(1, 1));
    brought_up(add(1, 1));
    assert_eq!(brought_up(add(1, 1)), 0, "what is folded here is not read again");
    brought_up(ask(&[(1, Do::BreakTheStore)]));
    assert_eq!(brought_up(add(1, 1)), 3, "nobody trusts a state that a failed batch has touched");
    assert_eq!(toy.total(1), Some(4));
}
