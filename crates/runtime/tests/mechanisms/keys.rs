//! Idempotency keys.

use crate::support::toy::{Do, LIMIT, UNLUCKY, counting, mended};
use crate::support::{Bench, Hold, add, buy, create, key, told};
use runtime::{Fault, Outcome, SagaRequest};
use store::RecordKind;

#[test]
fn the_same_request_again_is_answered_as_before() {
    let bench = Bench::new();
    let toy = bench.start(counting());
    let first = toy.execute(create(Do::Add(5)).once(key("k", "f")));
    toy.execute(add(1, 1));
    let again = toy.execute(create(Do::Add(5)).once(key("k", "f")));
    let (Outcome::Accepted(first), Outcome::Accepted(again)) = (first, again) else { panic!("both are accepted") };
    assert_eq!((first.status, first.at, first.shown), (again.status, again.at, again.shown), "the row as it was then");
    assert_eq!((toy.total(1), toy.total(2)), (Some(6), None));
    toy.check();
}

#[test]
fn twice_in_one_batch_is_once() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let said = toy.say([add(1, 5).once(key("k", "f")), add(1, 5).once(key("k", "f"))]);
    assert_eq!(said, ["200 counters/1", "200 counters/1"]);
    assert_eq!(toy.total(1), Some(5));
}

#[test]
fn another_request_under_the_same_key_is_told_apart() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 5).once(key("k", "f")));
    assert_eq!(toy.says(add(1, 6).once(key("k", "g"))), "KeyReused");
    assert_eq!(toy.says(add(1, 6).once(key("l", "g"))), "200 counters/1");
    assert_eq!(toy.total(1), Some(11));
}

#[test]
fn a_kept_answer_outlives_the_process() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 5).once(key("k", "f")));
    toy.kill();
    let toy = bench.start(mended());
    assert_eq!(toy.says(add(1, 5).once(key("k", "f"))), "200 counters/1");
    assert_eq!(toy.total(1), Some(5));
}

#[test]
fn a_refusal_is_not_kept() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 5));
    assert_eq!(toy.says(add(1, LIMIT).once(key("k", "f"))), "refused too-much");
    // The way is free, and the key is too; the same words are decided afresh.
    assert_eq!(toy.says(add(2, LIMIT).once(key("k", "f"))), "200 counters/2");
}

#[test]
fn the_same_key_means_something_else_in_another_service() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 5).once(key("k", "f")));
    let request = SagaRequest { key: key("k", "f"), ..buy(2) };
    assert_eq!(told(&toy.begin(request).answer().unwrap()), "201 orders/1");
}

#[test]
fn a_saga_under_way_answers_in_progress_and_its_end_is_kept() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let request = || SagaRequest { key: key("k", "f"), ..buy(2) };
    toy.store.hold(Hold::Before, |claims| claims.records.iter().any(|record| record.kind == RecordKind::Call));
    let first = toy.begin(request());
    let second = toy.begin(request());
    // The writer is at the call, so the second one is decided behind it.
    assert!(first.answer().is_none() && second.answer().is_none());
    toy.store.release();
    bench.settle();
    assert_eq!(told(&first.answer().unwrap()), "201 orders/1");
    assert_eq!(told(&second.answer().unwrap()), "InProgress");
    assert_eq!(told(&toy.begin(request()).answer().unwrap()), "201 orders/1", "once it has ended");
    assert_eq!((toy.seats_left(), toy.ordered(2)), (8, None));
    toy.check();
}

#[test]
fn another_request_under_the_key_of_an_open_saga_is_told_apart() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.store.hold(Hold::Before, |claims| claims.records.iter().any(|record| record.kind == RecordKind::Call));
    let first = toy.begin(SagaRequest { key: key("k", "f"), ..buy(2) });
    let second = toy.begin(SagaRequest { key: key("k", "g"), ..buy(3) });
    toy.store.release();
    bench.settle();
    assert_eq!(told(&first.answer().unwrap()), "201 orders/1");
    assert_eq!(told(&second.answer().unwrap()), "KeyReused");
}

#[test]
fn a_saga_that_comes_to_nothing_frees_its_key() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let said = |seats| told(&toy.begin(SagaRequest { key: key("k", "f"), ..buy(seats) }).answer().unwrap());
    assert_eq!(said(11), "refused sold-out");
    assert_eq!(said(UNLUCKY), "refused too-much");
    toy.fault("pool", Fault { down: true, ..Fault::default() });
    let unreachable = toy.begin(SagaRequest { key: key("k", "f"), ..buy(2) });
    bench.pass(calls::ClientRules::default().retry_after);
    assert_eq!(told(&unreachable.answer().unwrap()), "unavailable pool");
    toy.faults.clear();
    assert_eq!(said(2), "201 orders/4");
    assert_eq!(said(2), "201 orders/4");
    assert_eq!(toy.seats_left(), 8);
    toy.check();
}
