//! Refusals, lists of commands, and ids.

use crate::support::toy::{Counter, Do, LIMIT, counting, mended};
use crate::support::{Bench, add, ask, create, meta};
use kernel::Commands;
use runtime::Request;

#[test]
fn a_refusal_refuses_its_own_command_alone() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let said = toy.say([add(1, 1), add(1, LIMIT), add(1, 1)]);
    assert_eq!(said, ["200 counters/1", "refused too-much", "200 counters/1"]);
    assert_eq!(toy.total(1), Some(2));
    toy.check();
}

#[test]
fn commands_to_several_are_accepted_together_or_not_at_all() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    assert_eq!(toy.says(ask(&[(1, Do::Add(1)), (2, Do::Add(LIMIT + 1)), (3, Do::Add(1))])), "refused too-much");
    assert_eq!([1, 2, 3].map(|id| toy.total(id)), [None; 3], "not even the first");
    assert_eq!(toy.says(ask(&[(1, Do::Add(1)), (2, Do::Add(2)), (3, Do::Add(3))])), "200 counters/3");
    assert_eq!([1, 2, 3].map(|id| toy.total(id)), [Some(1), Some(2), Some(3)]);
    // A list that fails takes nothing with it either.
    assert_eq!(toy.says(ask(&[(1, Do::Add(1)), (2, Do::PanicInEvolve)])), "failed");
    assert_eq!(toy.total(1), Some(1));
    toy.check();
}

#[test]
fn two_commands_to_one_root_in_a_list_are_not_taken() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 5));
    // Both would be decided on the state before: twice the second limit would fit.
    assert_eq!(toy.says(ask(&[(1, Do::AddAt(5, LIMIT - 5)), (1, Do::AddAt(5, LIMIT - 5))])), "failed");
    assert_eq!(toy.total(1), Some(5));
    toy.check();
}

#[test]
fn ids_of_refused_commands_are_not_used_up() {
    let bench = Bench::new();
    let toy = bench.start(counting());
    let said = toy.say([create(Do::Add(1)), create(Do::Add(LIMIT + 1)), create(Do::Add(2)), create(Do::PanicInDecide)]);
    assert_eq!(said, ["201 counters/1", "refused too-much", "201 counters/2", "failed"]);
    assert_eq!(toy.says(create(Do::Add(3))), "201 counters/3");
    toy.check();
}

/// Were they counted all the same, nobody would see that their counter is wrong.
#[test]
fn ids_are_handed_out_of_what_is_counted_alone() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    assert_eq!(toy.says(create(Do::Add(1))), "failed");
    assert_eq!(toy.total(1), None);
    toy.check();
}

/// Like a counter that somebody restored too low: a new id names what is there already.
#[test]
fn a_new_id_that_is_taken_fails_and_harms_nothing() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 5));
    let undeclared = Request::make(|_| Commands::to::<Counter>(&1, Do::Add(1)), meta());
    assert_eq!(toy.says(undeclared), "failed");
    assert_eq!((toy.says(add(1, 1)), toy.total(1)), ("200 counters/1".into(), Some(6)));
    toy.check();
}
