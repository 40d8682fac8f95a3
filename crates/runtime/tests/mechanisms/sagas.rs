//! Sagas come to an end, whatever happens on the way: either everything stands, or nothing does.

use std::time::Duration;

use crate::support::toy::{Buy, Do, SHOP, UNLUCKY, mended};
use crate::support::{Bench, Hold, Process, ask, buy, key, told};
use kernel::{Call, Saga};
use runtime::{Fault, Outcome, SagaRequest};
use store::{Claims, RecordKind, Store};

const DEADLINE: Duration = calls::conformance::Take::DEADLINE;

/// After so long another process has looked for what was left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(61);

/// Longer than any saga needs once its callee is back.
const SETTLED: Duration = Duration::from_secs(120);

fn under_key(seats: u32) -> SagaRequest<Buy> {
    SagaRequest { key: key("k", "f"), ..buy(seats) }
}

fn answer(started: &crate::support::Started<Outcome>) -> String {
    started.answer().map_or_else(|| "nothing yet".into(), |outcome| told(&outcome))
}

fn is_call(claims: &Claims) -> bool {
    claims.records.iter().any(|record| record.kind == RecordKind::Call)
}

/// What ends a saga touches its order.
fn is_end(claims: &Claims) -> bool {
    claims.roots.keys().any(|root| root.aggregate == "order")
}

fn nothing_stands(toy: &Process) {
    assert_eq!((toy.seats_left(), toy.ordered(1)), (10, None));
    toy.check();
}

#[test]
fn accepted_it_stands_in_both_services() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    assert_eq!(answer(&toy.begin(buy(4))), "201 orders/1");
    assert_eq!((toy.seats_left(), toy.ordered(1)), (6, Some(4)));
    toy.check();
    bench.pass(SETTLED);
    assert_eq!((toy.seats_left(), toy.ordered(1)), (6, Some(4)), "and nobody takes it back");
}

#[test]
fn refused_by_its_callee_it_ends_there() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    assert_eq!(answer(&toy.begin(buy(11))), "refused sold-out");
    nothing_stands(&toy);
}

#[test]
fn refused_at_home_what_the_callee_did_is_undone() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    assert_eq!(answer(&toy.begin(buy(UNLUCKY))), "refused too-much");
    nothing_stands(&toy);
}

#[test]
fn when_its_callee_is_unavailable_it_ends_there() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.fault("pool", Fault { down: true, ..Fault::default() });
    let saga = toy.begin(under_key(4));
    bench.pass(Duration::from_millis(100));
    assert_eq!(answer(&saga), "unavailable pool");
    nothing_stands(&toy);
    toy.faults.clear();
    assert_eq!(answer(&toy.begin(under_key(4))), "201 orders/2", "the next request is decided afresh");
}

/// Nothing begins only to be undone; what was answered before is answered the same; and afterwards it goes on by itself.
#[test]
fn while_its_callee_cannot_be_asked_it_does_not_begin() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    assert_eq!(answer(&toy.begin(under_key(1))), "201 orders/1");
    toy.fault("pool", Fault { down: true, ..Fault::default() });
    let begun = || toy.wait(toy.store.roots(SHOP, Buy::NAME, None, usize::MAX)).unwrap().len();
    // More than it takes to open a breaker.
    let tries: Vec<_> = (0..40).map(|_| toy.begin(buy(1))).collect();
    bench.pass(Duration::from_millis(30));
    assert!(tries.iter().all(|one| answer(one) == "unavailable pool"));
    let before = begun();
    assert!(before > 10, "they had begun: {before}");
    assert_eq!(answer(&toy.begin(buy(1))), "unavailable pool");
    let new = SagaRequest { key: key("other", "f"), ..buy(1) };
    assert_eq!(answer(&toy.begin(new)), "unavailable pool");
    assert_eq!(answer(&toy.begin(under_key(1))), "201 orders/1");
    assert_eq!(answer(&toy.begin(SagaRequest { key: key("k", "g"), ..buy(1) })), "KeyReused");
    assert_eq!(begun(), before);
    toy.faults.clear();
    bench.pass(Duration::from_secs(60));
    assert!(answer(&toy.begin(SagaRequest { key: key("other", "f"), ..buy(1) })).starts_with("201"));
    assert_eq!(toy.seats_left(), 8);
}

#[test]
fn when_its_callee_does_not_answer_the_call_is_cancelled_until_that_is_certain() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.fault("pool", Fault { delay: Duration::from_secs(10), ..Fault::default() });
    let saga = toy.begin(under_key(4));
    bench.pass(2 * DEADLINE);
    assert_eq!(answer(&saga), "unavailable pool", "after its call and its first cancel");
    assert_eq!(toy.wait(toy.system.unfinished_sagas()).unwrap(), ["shop/buy/b1"]);
    assert_eq!(answer(&toy.begin(under_key(4))), "InProgress", "until then its key is taken");
    bench.pass(Duration::from_secs(60));
    assert_eq!(toy.wait(toy.system.unfinished_sagas()).unwrap().len(), 1, "it does not give up");
    toy.faults.clear();
    bench.pass(SETTLED);
    nothing_stands(&toy);
    assert_eq!(answer(&toy.begin(under_key(4))), "201 orders/2");
    toy.check();
}

#[test]
fn a_cancel_that_is_answered_ends_it_within_the_request() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.fault("pool", Fault { delay: Duration::from_secs(10), ..Fault::default() });
    let saga = toy.begin(under_key(4));
    let a_moment = Duration::from_millis(1);
    bench.pass(DEADLINE - a_moment);
    toy.faults.clear();
    bench.pass(a_moment);
    assert_eq!(answer(&saga), "unavailable pool");
    nothing_stands(&toy);
    assert_eq!(answer(&toy.begin(under_key(4))), "201 orders/2");
}

#[test]
fn a_success_that_comes_too_late_is_undone() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.store.hold(Hold::After, is_call);
    let saga = toy.begin(under_key(4));
    bench.pass(2 * DEADLINE);
    assert!(toy.store.holds());
    toy.store.release();
    bench.settle();
    assert_eq!(answer(&saga), "Unheard", "that it is undone is not written yet");
    bench.pass(SETTLED);
    let pool = toy.events::<calls::conformance::Pool>("pool", &"stalls".into());
    assert_eq!(pool.len(), 2, "taken and given back: {pool:?}");
    nothing_stands(&toy);
}

/// The first transaction begins it, the second is the call, the third its end; it is killed before and after each.
#[test]
fn left_behind_by_a_crash_it_stands_whole_or_never_was() {
    for hold in [Hold::Before, Hold::After] {
        for (at, held) in [
            ("its beginning", (|claims| claims.sequences.iter().any(|one| one.name == "orders")) as fn(&Claims) -> bool),
            ("its call", is_call),
            ("its end", is_end),
        ] {
            let bench = Bench::new();
            let toy = bench.start(mended());
            toy.store.hold(hold, held);
            let saga = toy.begin(under_key(4));
            assert!(toy.store.holds() && answer(&saga) == "nothing yet");
            toy.kill();
            let toy = bench.start(mended());
            bench.pass(SETTLED);
            let stands = toy.ordered(1).is_some();
            // What the callee decided stands, although nobody heard it.
            assert_eq!(stands, at == "its end" || (at, hold) == ("its call", Hold::After), "{hold:?} {at}");
            assert_eq!(toy.seats_left(), if stands { 6 } else { 10 }, "{hold:?} {at}");
            toy.check();
            // Its key is either kept with the answer or free again.
            let again = answer(&toy.begin(under_key(4)));
            assert!(again.starts_with("201 orders/"), "{hold:?} {at}: {again}");
            assert_eq!(toy.seats_left(), 6, "{hold:?} {at}");
            toy.check();
        }
    }
}

#[test]
fn a_saga_on_its_way_is_left_alone() {
    let bench = Bench::new();
    let [one, other] = bench.start_two();
    // Something makes the other process look at all that is due while the request may still be on its way.
    let meanwhile = 2 * DEADLINE + Duration::from_millis(500);
    other.execute(ask(&[(1, Do::Ring { at: bench.now() + meanwhile, lazy: false })]));
    one.store.hold(Hold::Before, is_end);
    let saga = one.begin(buy(4));
    bench.pass(meanwhile);
    assert_eq!(other.rang(1).len(), 1);
    one.store.release();
    bench.settle();
    assert_eq!(answer(&saga), "201 orders/1");
    one.check();
}

/// Its request and the wake-up both go on with it, in two processes.
#[test]
fn raced_by_its_wake_up_it_stands_once() {
    let bench = Bench::new();
    let [one, other] = bench.start_two();
    one.store.hold(Hold::Before, is_end);
    let saga = one.begin(under_key(4));
    assert_eq!(one.seats_left(), 6);
    // The other process finds it left behind, and that its callee has accepted it.
    bench.pass(LEFT_BEHIND);
    assert_eq!((other.seats_left(), other.ordered(1)), (6, Some(4)));
    one.store.release();
    bench.pass(SETTLED);
    assert_eq!(answer(&saga), "Unheard", "the request learns that it was too late to tell");
    assert_eq!(answer(&one.begin(under_key(4))), "201 orders/1", "its key does");
    assert_eq!((one.seats_left(), one.ordered(2)), (6, None));
    one.check();
}

/// The callee has not decided yet when the other process asks what came of the call: then it never does.
#[test]
fn recalled_before_its_call_arrives_it_never_was() {
    let bench = Bench::new();
    let [one, other] = bench.start_two();
    one.store.hold(Hold::Before, is_call);
    let saga = one.begin(under_key(4));
    bench.pass(LEFT_BEHIND);
    assert_eq!((other.seats_left(), other.ordered(1)), (10, None));
    one.store.release();
    bench.pass(SETTLED);
    assert!(["Unheard", "unavailable pool"].contains(&answer(&saga).as_str()));
    nothing_stands(&one);
    assert_eq!(answer(&other.begin(under_key(4))), "201 orders/2", "the next request is decided afresh");
    one.check();
}

/// However long nobody was there to go on with it, it is gone on with once.
#[test]
fn left_behind_for_a_hundred_days_it_is_woken_once() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.store.hold(Hold::Before, is_call);
    toy.begin(under_key(4));
    toy.kill();
    bench.pass(Duration::from_secs(100 * 24 * 3600));
    let toy = bench.start(mended());
    bench.pass(SETTLED);
    assert_eq!(toy.wait(toy.system.unfinished_sagas()).unwrap(), Vec::<String>::new());
    assert_eq!(toy.wait(toy.system.status()).unwrap().stuck, 0);
    nothing_stands(&toy);
    toy.check();
}
