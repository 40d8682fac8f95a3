//! Views: halting, and rebuilding beside the one that is served.

use std::time::Duration;

use crate::support::toy::{COUNTERS, Follow, PANICS_IN_REACT, TOY, Totals, mended, with};
use crate::support::{Bench, Carries, Process, add};
use runtime::{Fault, Faults, ProjectionStatus, RetriedView, SystemSpec};

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
fn a_view_that_halts_says_how_far_it_has_got() {
    let bench = Bench::new();
    let toy = bench.start(broken());
    toy.carrier.carries(Carries::Nothing);
    for n in [1, 2, PANICS_IN_REACT, 3] {
        toy.execute(add(1, n));
    }
    bench.pass(LOOK);
    let status = toy.consumer("totals@1");
    assert!(status.halted.is_some(), "{status:?}");
    assert_eq!((toy.viewed(1), status.behind), (Some(3), 2), "what comes before the one that fails is in it");
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
    toy.check();
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
    toy.check();
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

fn totals(toy: &Process) -> ProjectionStatus {
    toy.wait(toy.service("board").projection("totals")).unwrap().unwrap()
}

fn rebuild(bench: &Bench, toy: &Process) -> bool {
    let begun = toy.wait(toy.service("board").rebuild("totals")).unwrap().unwrap();
    bench.settle();
    begun
}

/// What somebody did to a row past everything.
fn spoil(toy: &Process) {
    let row = store::RowKey { service: "board", table: "totals@1".into(), id: 1 };
    let spoilt = Some((vec![store::Cell::Null], r#"{"id":1,"total":99}"#.to_owned()));
    let writes = store::Writes { rows: vec![store::RowWrite { row, content: spoilt }], ..store::Writes::default() };
    let claims = store::Claims { batch: toy.service("board").new_id(), ..store::Claims::default() };
    toy.wait(store::Store::write(&*toy.store, claims, Box::new(move |_| Ok(writes)))).unwrap();
    assert_eq!(toy.viewed(1), Some(99));
}

#[test]
fn a_view_is_built_anew_by_hand_while_it_is_served() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.say([add(1, 1), add(1, 2), add(2, 7)]);
    spoil(&toy);
    source_down(&toy.faults);
    assert!(rebuild(&bench, &toy));
    assert!(!rebuild(&bench, &toy), "it is under way already");
    assert_eq!((totals(&toy).state(), toy.viewed(1)), ("rebuilding", Some(99)), "what there is, is served meanwhile");
    toy.faults.clear();
    bench.pass(LOOK);
    assert_eq!((totals(&toy).state(), toy.viewed(1), toy.viewed(2)), ("live", Some(3), Some(7)));
    toy.execute(add(1, 4));
    assert_eq!(toy.viewed(1), Some(7), "it is followed on");
    toy.check();
    // And once more, over what was built anew.
    spoil(&toy);
    assert!(rebuild(&bench, &toy));
    bench.pass(LOOK);
    assert_eq!(toy.viewed(1), Some(7));
    toy.check();
}

#[test]
fn a_rebuild_by_hand_that_was_cut_short_goes_on_after_the_next_start() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.say([add(1, 1), add(1, 2)]);
    spoil(&toy);
    source_down(&toy.faults);
    assert!(rebuild(&bench, &toy));
    toy.kill();
    let toy = bench.start_with(mended(), source_down);
    assert_eq!((totals(&toy).state(), toy.viewed(1)), ("rebuilding", Some(99)));
    toy.faults.clear();
    bench.pass(LOOK);
    assert_eq!((totals(&toy).state(), toy.viewed(1)), ("live", Some(3)));
    toy.check();
}

#[test]
fn what_comes_while_a_view_takes_its_place_is_neither_lost_nor_doubled() {
    for held in [crate::support::Hold::Before, crate::support::Hold::After] {
        let bench = Bench::new();
        let toy = bench.start(mended());
        toy.execute(add(1, 1));
        // A fold into what is built anew is under way while it is put in its place.
        toy.store.hold(held, |claims| claims.rows.iter().any(|row| row.table == "totals@1~"));
        toy.wait(toy.service("board").rebuild("totals")).unwrap();
        bench.settle();
        assert!(toy.store.holds());
        let asked = toy.hand_in(add(1, 2));
        bench.settle();
        toy.store.release();
        bench.pass(LOOK);
        assert!(asked.answer().is_some());
        toy.execute(add(1, 4));
        assert_eq!((toy.viewed(1), totals(&toy).state()), (Some(7), "live"));
        toy.check();
    }
}

/// The consumer that serves has handled it, and what takes its place has not.
#[test]
fn what_was_handled_by_the_old_one_alone_is_handled_again_in_the_new_one() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 1));
    toy.store.fail_to_switch(3);
    assert!(rebuild(&bench, &toy));
    toy.execute(add(1, 2));
    assert_eq!((toy.viewed(1), totals(&toy).state()), (Some(3), "live"));
    let anew = toy.wait(store::Store::positions(&*toy.store, "board", "totals@1~", COUNTERS)).unwrap();
    assert_eq!(anew.iter().map(|position| position.seq).sum::<u64>(), 1, "nothing more is folded into the new one");
    bench.pass(LOOK);
    assert_eq!(toy.viewed(1), Some(3), "nothing more has been published since");
    toy.check();
}

#[test]
fn a_view_that_has_halted_can_be_tried_again_and_built_anew() {
    let bench = Bench::new();
    let toy = bench.start(broken());
    toy.say([add(1, 1), add(1, PANICS_IN_REACT)]);
    bench.pass(LOOK);
    assert_eq!(totals(&toy).state(), "halted");
    assert_eq!(toy.service("board").retry_projection("totals"), Some(RetriedView::Follows));
    bench.pass(LOOK);
    assert_eq!(totals(&toy).state(), "halted", "nothing was mended");
    assert!(rebuild(&bench, &toy));
    bench.pass(LOOK);
    let anew = totals(&toy);
    assert!(anew.rebuilding.is_some_and(|anew| anew.halted.is_some()), "it meets the same event");
    assert_eq!(toy.viewed(1), Some(1), "and what is served stays");
    toy.kill();

    let toy = bench.start(mended());
    bench.pass(LOOK);
    assert_eq!((totals(&toy).state(), toy.viewed(1)), ("live", Some(1 + PANICS_IN_REACT)));
    assert_eq!(toy.service("board").retry_projection("totals"), Some(RetriedView::HadNotHalted));
    assert_eq!(toy.service("board").retry_projection("none"), None);
    toy.check();
}
