//! Snapshots are a shortcut of the fold, and nothing depends on them.

use crate::support::shim::BroughtUp;
use crate::support::toy::{COUNTERS, Counter, mended};
use crate::support::{Bench, Process, add};

/// The counter's root, as the next command brings it up.
fn brought_up(toy: &Process) -> Vec<BroughtUp> {
    toy.store.seen();
    toy.execute(add(1, 1));
    let seen = toy.store.seen();
    seen.into_iter().flat_map(|seen| seen.roots).filter(|root| root.root.service == COUNTERS).collect()
}

fn from(snapshot: Option<u64>, events: usize) -> BroughtUp {
    let root = store::RootKey { service: COUNTERS, aggregate: "counter", key: "1".into() };
    BroughtUp { root, snapshot, events }
}

/// Adds one to the counter so many times.
fn count(toy: &Process, times: usize) {
    for part in (0..times).collect::<Vec<_>>().chunks(50) {
        toy.say(part.iter().map(|_| add(1, 1)));
    }
}

#[test]
fn a_long_history_loads_from_its_snapshot_and_the_tail() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    count(&toy, 600);
    toy.kill();
    let toy = bench.start(mended());
    let first = brought_up(&toy);
    let [BroughtUp { snapshot: Some(snapshot), events, .. }] = first[..] else { panic!("{first:?}") };
    assert!((512..600).contains(&snapshot) && events < 100 && snapshot as usize + events == 600, "{first:?}");
    assert_eq!(toy.total(1), Some(601), "the same state");
    assert_eq!(brought_up(&toy), [from(None, 0)]);
    assert_eq!(toy.events::<Counter>(COUNTERS, &1).len(), 602);
    toy.check();
}

#[test]
fn a_short_history_has_no_snapshot() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    count(&toy, 500);
    toy.kill();
    let toy = bench.start(mended());
    assert_eq!(brought_up(&toy), [from(None, 500)]);
}

#[test]
fn a_snapshot_that_does_not_read_is_thrown_away_and_everything_is_folded() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.store.spoil_snapshots(true);
    count(&toy, 600);
    toy.kill();
    let toy = bench.start(mended());
    // The first try gives up before it writes anything, so that it is not even seen.
    assert_eq!(brought_up(&toy), [from(None, 600)]);
    assert_eq!(toy.total(1), Some(601));
    toy.check();
    toy.kill();
    // A new one was written in its place.
    let toy = bench.start(mended());
    assert_eq!(brought_up(&toy), [from(Some(601), 0)]);
    assert_eq!(toy.total(1), Some(602));
    toy.check();
}

/// Others of the same batch do not suffer from it.
#[test]
fn an_unreadable_snapshot_delays_nobody_of_its_batch() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.store.spoil_snapshots(true);
    count(&toy, 600);
    toy.kill();
    let toy = bench.start(mended());
    toy.store.seen();
    assert_eq!(toy.say([add(2, 1), add(1, 1), add(3, 1)]), ["200 counters/2", "200 counters/1", "200 counters/3"]);
    assert_eq!(toy.store.seen()[0].events, 3, "still one transaction");
}
