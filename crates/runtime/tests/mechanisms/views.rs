//! Views: halting, and rebuilding beside the one that is served.

use std::time::Duration;

use crate::support::toy::{COUNTERS, Follow, PANICS_IN_REACT, TOY, Totals, mended, with};
use crate::support::{Bench, Process, add};
use runtime::{Fault, Faults, SystemSpec};

const LOOK: Duration = Duration::from_secs(5);

pub fn broken() -> SystemSpec {
    with::<Follow<true>, Totals<1, false>>()
}

fn second_version() -> SystemSpec {
    with::<Follow<true>, Totals<2, true>>()
}

/// While its source is stopped, a new version cannot be built.
fn source_down(faults: &Faults) {
    faults.set(&format!("{TOY}/{COUNTERS}"), Fault { down: true, ..Fault::default() });
}

fn rebuilding(toy: &Process) -> bool {
    !toy.wait(toy.system.status()).unwrap().rebuilding.is_empty()
}

#[test]
fn a_projection_that_fails_halts_and_says_so_and_goes_on_with_a_mended_rule() {
    let bench = Bench::new();
    let toy = bench.start(broken());
    for n in [1, PANICS_IN_REACT, 2] {
        toy.execute(add(1, n));
    }
    toy.execute(add(2, 1));
    bench.pass(LOOK);
    let status = toy.consumer("totals@1");
    assert!(status.halted.is_some(), "{status:?}");
    assert!(toy.wait(toy.system.status()).unwrap().is_degraded());
    assert_eq!((toy.viewed(1), toy.viewed(2)), (Some(1), None), "a view has no meaning with an event left out");
    assert_eq!(toy.heard(1), [1, PANICS_IN_REACT, 2], "others go on");
    assert!(toy.parked().is_empty());
    toy.kill();

    let toy = bench.start(mended());
    assert_eq!((toy.viewed(1), toy.viewed(2)), (Some(3 + PANICS_IN_REACT), Some(1)));
    toy.check();
}

#[test]
fn a_raised_version_is_built_beside_the_old_one_which_is_served_meanwhile() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    for n in 1..=4 {
        toy.say([add(1, n), add(2, n)]);
    }
    toy.kill();
    let toy = bench.start_with(second_version(), source_down);
    assert_eq!((toy.viewed(1), rebuilding(&toy)), (Some(10), true), "the old one is served");
    toy.faults.clear();
    bench.pass(LOOK);
    assert_eq!((toy.viewed(1), rebuilding(&toy)), (Some(20), false), "the new one is, from the first event on");
    toy.execute(add(1, 5));
    assert_eq!(toy.viewed(1), Some(30));
    toy.check();
    let old = toy.wait(store::Store::row(&*toy.store, "board", "totals@1", 1));
    assert!(old.is_err(), "the old table is gone: {old:?}");
}

#[test]
fn a_rebuilding_that_was_cut_short_goes_on_after_the_next_start() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 3));
    toy.kill();
    let toy = bench.start_with(second_version(), source_down);
    assert!(rebuilding(&toy));
    toy.kill();
    let toy = bench.start(second_version());
    assert_eq!((toy.viewed(1), rebuilding(&toy)), (Some(6), false));
    toy.check();
}

#[test]
fn a_view_is_switched_although_the_store_was_away_just_then() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 3));
    toy.kill();
    let toy = bench.start_with(second_version(), source_down);
    toy.store.fail_to_switch(3);
    toy.faults.clear();
    bench.pass(LOOK);
    assert_eq!((toy.viewed(1), rebuilding(&toy)), (Some(6), false), "nothing more has been published since");
    toy.check();
}
