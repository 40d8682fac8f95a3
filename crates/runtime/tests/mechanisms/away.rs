//! The store is away for a while: clients are told, everything else waits and catches up.

use std::time::Duration;

use crate::support::toy::{Do, mended};
use crate::support::{Bench, Carries, Hold, add, ask, buy, key, told};
use runtime::SagaRequest;
use store::RecordKind;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn clients_are_told_at_once_and_nothing_has_happened() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 1));
    toy.store.away(true);
    assert_eq!(toy.say([add(1, 1).once(key("k", "f")), add(2, 1)]), ["away", "away"]);
    assert!(toy.wait(toy.service("counters").row::<crate::support::toy::CounterRow>(1)).is_err());
    toy.store.away(false);
    assert_eq!((toy.total(1), toy.total(2)), (Some(1), None));
    assert_eq!(toy.says(add(1, 1).once(key("k", "f"))), "200 counters/1");
    toy.check();
}

#[test]
fn consumers_wait_and_then_catch_up_and_nothing_is_parked() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    // The event is committed, and the wire is cut before anyone has handled it.
    toy.carrier.carries(Carries::Late);
    toy.execute(add(1, 1));
    toy.execute(add(1, 2));
    toy.carrier.carries(Carries::Everything);
    toy.execute(add(1, 3));
    toy.store.hold(Hold::After, |claims| claims.roots.keys().any(|root| root.service == "counters"));
    let asked = toy.hand_in(add(1, 4));
    bench.settle();
    toy.store.away(true);
    toy.store.release();
    bench.settle();
    assert_eq!(told(&asked.answer().unwrap()), "200 counters/1");
    bench.pass(60 * SECOND);
    toy.store.away(false);
    bench.pass(6 * SECOND);
    assert_eq!((toy.heard(1), toy.viewed(1)), (vec![1, 2, 3, 4], Some(10)));
    assert_eq!(toy.consumer("policies").halted, None);
    toy.check();
}

#[test]
fn what_falls_due_meanwhile_happens_when_it_is_back() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let at = bench.now() + 10 * SECOND;
    toy.execute(ask(&[(1, Do::Ring { at, lazy: false })]));
    toy.store.away(true);
    bench.pass(30 * SECOND);
    toy.store.away(false);
    bench.pass(SECOND);
    assert_eq!(toy.rang(1), [at]);
}

#[test]
fn a_saga_that_was_under_way_comes_to_an_end() {
    for held in [(|claims| claims.records.iter().any(|one| one.kind == RecordKind::Call)) as fn(&store::Claims) -> bool, |claims| {
        claims.roots.keys().any(|root| root.aggregate == "order")
    }] {
        let bench = Bench::new();
        let toy = bench.start(mended());
        toy.store.hold(Hold::Before, held);
        let saga = toy.begin(SagaRequest { key: key("k", "f"), ..buy(4) });
        assert!(toy.store.holds());
        toy.store.cut_what_is_held();
        bench.pass(60 * SECOND);
        let told = told(&saga.answer().unwrap());
        assert!(["away", "unavailable pool"].contains(&told.as_str()), "{told}");
        toy.store.away(false);
        bench.pass(120 * SECOND);
        // What the callee had decided stands whole; what it had not never will.
        let stands = (toy.seats_left(), toy.ordered(1));
        assert!([(10, None), (6, Some(4))].contains(&stands), "{stands:?}");
        toy.check();
    }
}
