//! What happens because its time has come.

use std::time::Duration;

use crate::support::toy::{Do, mended};
use crate::support::{Bench, Process, add, ask};
use kernel::Timestamp;
use runtime::Fault;

const SECOND: Duration = Duration::from_secs(1);

fn ring(toy: &Process, id: u64, at: Timestamp) {
    assert_eq!(toy.says(ask(&[(id, Do::Ring { at, lazy: false })])), format!("200 counters/{id}"));
}

#[test]
fn what_is_due_happens_without_anyone_asking_at_its_instant() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let (soon, later) = (bench.now() + 10 * SECOND, bench.now() + 3600 * SECOND);
    ring(&toy, 1, later);
    ring(&toy, 2, soon);
    bench.pass(9 * SECOND);
    assert_eq!(toy.rang(2), []);
    bench.pass(SECOND);
    assert_eq!((toy.rang(2), toy.rang(1)), (vec![soon], vec![]));
    bench.pass(3600 * SECOND);
    assert_eq!(toy.rang(1), [later]);
    toy.check();
}

#[test]
fn an_earlier_wake_up_is_not_missed_for_a_later_one() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let start = bench.now();
    ring(&toy, 1, start + 50 * SECOND);
    for n in 0..5 {
        let at = start + (40 - n) * SECOND;
        ring(&toy, u64::from(n) + 2, at);
    }
    bench.pass(36 * SECOND);
    assert_eq!(toy.rang(6), [start + 36 * SECOND]);
    assert_eq!(toy.rang(5), []);
    bench.pass(14 * SECOND);
    assert_eq!(toy.rang(1), [start + 50 * SECOND]);
}

#[test]
fn what_fell_due_while_the_process_was_away_happens_at_its_start() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let at = bench.now() + 10 * SECOND;
    ring(&toy, 1, at);
    toy.kill();
    bench.pass(100 * SECOND);
    let toy = bench.start(mended());
    assert_eq!(toy.rang(1), [at], "at the instant at which it was due");
    toy.check();
}

#[test]
fn what_is_due_happens_before_a_command_is_decided() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let at = bench.now() + 10 * SECOND;
    ring(&toy, 1, at);
    // A stopped service is not woken, so the command is the first to come.
    toy.fault("counters", Fault { down: true, ..Fault::default() });
    bench.pass(30 * SECOND);
    assert_eq!(toy.rang(1), []);
    assert_eq!(toy.says(add(1, 1)), "200 counters/1");
    assert_eq!(toy.rang(1), [at], "at the instant at which it was due");
    let events = toy.events::<crate::support::toy::Counter>("counters", &1);
    assert!(events[1].contains("rang") && events[2].contains("added"), "{events:?}");
    toy.check();
}

#[test]
fn a_refused_command_leaves_what_was_due() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let at = bench.now() + 10 * SECOND;
    ring(&toy, 1, at);
    toy.fault("counters", Fault { down: true, ..Fault::default() });
    bench.pass(30 * SECOND);
    assert_eq!(toy.says(add(1, 100_000)), "refused too-much");
    assert_eq!(toy.rang(1), [at]);
}

#[test]
fn a_service_that_is_back_is_woken_at_once() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let at = bench.now() + 10 * SECOND;
    ring(&toy, 1, at);
    toy.fault("counters", Fault { down: true, ..Fault::default() });
    bench.pass(30 * SECOND);
    toy.faults.clear();
    bench.settle();
    assert_eq!(toy.rang(1), [at]);
}

#[test]
fn a_tick_that_does_nothing_is_a_failure_that_does_not_spin() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let at = bench.now() + 10 * SECOND;
    assert_eq!(toy.says(ask(&[(1, Do::Ring { at, lazy: true })])), "200 counters/1");
    ring(&toy, 2, at);
    ring(&toy, 3, at + 5 * SECOND);
    toy.store.seen();
    // The bench fails what runs on and on while time stands still.
    bench.pass(20 * SECOND);
    assert_eq!((toy.rang(2), toy.rang(3)), (vec![at], vec![at + 5 * SECOND]), "the others are woken all the same");
    assert_eq!(toy.says(add(1, 1)), "failed", "such a root takes no command");
    assert_eq!(toy.says(add(2, 1)), "200 counters/2");
}
