//! The test provider does what its amounts say, once for a key, and remembers it beyond the process.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod common;

use std::pin::pin;
use std::sync::Arc;

use calls::{Act, Asked, CallKey, Client, ClientRules, Transport};
use clock::{Clock, ManualClock};
use common::{DAY, clock, envelope, key, meta, won, word};
use futures_util::FutureExt;
use jiff::Timestamp;
use kernel::{Call, CallError};
use payments::api::{Approve, Charge, Charged, Paid, Refund, Refunded};
use payments::{Checkout, NotOpened, Provider, TestProvider, TransactionKind};
use proptest::prelude::*;

const ORDER: &str = "order-1";

struct Given {
    clock: ManualClock,
    provider: Arc<TestProvider>,
}

impl Given {
    fn new() -> Self {
        Self::with(|provider| provider)
    }

    fn in_browser() -> Self {
        Self::with(|provider| provider.in_browser("https://shop.example/pay"))
    }

    fn with(made: impl FnOnce(TestProvider) -> TestProvider) -> Self {
        let clock = clock();
        Self { provider: Arc::new(made(TestProvider::in_memory(Arc::new(clock.clone())))), clock }
    }

    /// Sends a call; what is not answered at once is not waited for.
    fn send<C: Call>(&self, act: Act, call: &C) -> Result<C::Reply, CallError> {
        let answer = self.provider.send(envelope(act, call, &self.clock)).now_or_never();
        let answer = answer.unwrap_or_else(|| Err(CallError::TimedOut { service: C::SERVICE.into() }));
        answer.map(|reply| serde_json::from_str(&reply).unwrap())
    }

    fn act<C: Call>(&self, call: &C, key: &CallKey) -> Result<C::Reply, CallError> {
        self.send(Act::Do(key.clone()), call)
    }

    fn recall<C: Call>(&self, call: &C, key: &CallKey) -> Result<C::Reply, CallError> {
        self.send(Act::Recall(key.clone()), call)
    }

    fn cancel<C: Call>(&self, call: &C, key: &CallKey) -> Result<(), CallError> {
        let answer = self.provider.send(envelope(Act::Cancel(key.clone()), call, &self.clock));
        answer.now_or_never().unwrap().map(drop)
    }

    /// How a call ends for whoever asks by the client, with its deadline and its second try.
    fn by_client<C: Call>(&self, call: &C, key: &CallKey) -> String {
        let client = Client::new(Arc::clone(&self.provider) as _, Arc::new(self.clock.clone()), ClientRules::default());
        let mut acting = pin!(client.ask(Asked::of(call).unwrap(), Act::Do(key.clone()), meta()));
        loop {
            if let Some(answer) = acting.as_mut().now_or_never() {
                return word(&answer);
            }
            self.clock.advance(self.clock.next_wake().unwrap());
        }
    }

    fn kept(&self) -> i64 {
        self.provider.book().kept()
    }
}

fn charge(minor: i64) -> Charge {
    Charge { order: ORDER.into(), amount: won(minor), title: "Deposit".into(), until: Timestamp::MAX }
}

fn refund(payment: &str, minor: i64) -> Refund {
    Refund { order: ORDER.into(), payment: payment.into(), amount: won(minor), reason: "the guest cancelled".into() }
}

fn payment_of(charged: Charged) -> String {
    match charged {
        Charged::Paid { payment, .. } => payment,
        Charged::Pending { checkout } => panic!("it is to be paid at {checkout}"),
    }
}

#[test]
fn an_amount_says_what_happens() {
    // How it ends for a client, what a recall finds, and how much is kept.
    let check = |minor, says: &str, recalled: &str, kept| {
        let given = Given::new();
        assert_eq!(given.by_client(&charge(minor), &key("a", 0)), says, "{minor}");
        assert_eq!(word(&given.recall(&charge(minor), &key("a", 0))), recalled, "{minor}");
        assert_eq!(given.kept(), kept, "{minor}");
        assert_eq!(given.cancel(&charge(minor), &key("a", 0)), Ok(()), "{minor}");
        assert_eq!(given.kept(), 0, "{minor}");
    };
    check(10_000, "ok", "ok", 10_000);
    check(10_402, "payment-declined", "payment-declined", 0);
    check(10_408, "timed-out", "cancelled", 0);
    check(10_202, "timed-out", "ok", 10_202);
    check(10_503, "ok", "ok", 10_503);
}

#[test]
fn what_fails_once_is_unavailable_at_its_first_try_alone() {
    let given = Given::new();
    for saga in ["a", "b"] {
        assert_eq!(word(&given.act(&charge(503), &key(saga, 0))), "unavailable");
        assert_eq!(word(&given.act(&charge(503), &key(saga, 0))), "ok");
    }
    assert_eq!(given.kept(), 2 * 503);
    let away = key("c", 0);
    assert_eq!(word(&given.act(&charge(503), &away)), "unavailable");
    assert_eq!(word(&given.recall(&charge(503), &away)), "cancelled", "it certainly was not decided, and now never is");
    assert_eq!(word(&given.act(&charge(503), &away)), "cancelled");
}

#[test]
fn a_late_answer_comes_after_the_deadline() {
    let given = Given::new();
    let mut answer = given.provider.send(envelope(Act::Do(key("a", 0)), &charge(202), &given.clock));
    assert!((&mut answer).now_or_never().is_none());
    given.clock.advance(Charge::DEADLINE);
    assert!((&mut answer).now_or_never().is_none());
    given.clock.advance(Charge::DEADLINE);
    assert!(answer.now_or_never().unwrap().is_ok());
}

#[test]
fn a_call_past_its_deadline_is_not_decided() {
    let given = Given::new();
    let late = envelope(Act::Do(key("a", 0)), &charge(1000), &given.clock);
    given.clock.advance(DAY);
    assert_eq!(word(&given.provider.send(late.clone()).now_or_never().unwrap()), "unavailable");
    assert_eq!(given.kept(), 0);
    let cancel = calls::Envelope { act: Act::Cancel(key("a", 0)), ..late };
    assert_eq!(word(&given.provider.send(cancel).now_or_never().unwrap()), "ok", "a cancel is wanted however late");
}

#[test]
fn what_cannot_be_meant_is_unavailable() {
    let given = Given::new();
    let check = |charge: Charge| assert_eq!(word(&given.act(&charge, &key("a", 0))), "unavailable", "{charge:?}");
    check(charge(0));
    check(charge(-1000));
    check(Charge { order: "short".into(), ..charge(1000) });
    check(Charge { order: "order/../1".into(), ..charge(1000) });
    let other = |service: &str, call: &str, body: &str| {
        let known = envelope(Act::Do(key("a", 0)), &charge(1000), &given.clock);
        let envelope = calls::Envelope { service: service.into(), call: call.into(), body: body.into(), ..known };
        assert_eq!(word(&given.provider.send(envelope).now_or_never().unwrap()), "unavailable", "{service} {call} {body}");
    };
    other("nobody", "charge", "{}");
    other("payments", "nothing", "{}");
    other("payments", "charge", "\"not what it takes\"");
    assert_eq!(given.provider.book().payments().count(), 0);
}

#[test]
fn a_refund_is_made_once_for_its_key_and_never_for_more_than_is_left() {
    let given = Given::new();
    let payment = payment_of(given.act(&charge(10_000), &key("a", 0)).unwrap());
    let at = given.clock.now();
    for _ in 0..3 {
        assert_eq!(given.act(&refund(&payment, 4000), &key("a", 1)), Ok(Refunded { at }));
        given.clock.advance(DAY);
    }
    assert_eq!(given.kept(), 6000);
    assert_eq!(word(&given.act(&refund(&payment, 6001), &key("a", 2))), "refund-refused");
    assert_eq!(word(&given.act(&refund(&payment, 1), &key("a", 2))), "refund-refused", "a refusal is kept under its key");
    assert_eq!(word(&given.act(&refund("test-nothing", 1), &key("a", 3))), "payment-not-found");
    let other = Refund { order: "order-2".into(), ..refund(&payment, 1) };
    assert_eq!(word(&given.act(&other, &key("a", 4))), "payment-mismatch");
    assert_eq!(word(&given.act(&refund(&payment, 6000), &key("a", 5))), "ok");
    assert_eq!(given.kept(), 0);
    assert_eq!(given.cancel(&charge(10_000), &key("a", 0)), Ok(()));
    assert_eq!(given.kept(), 0, "what was refunded is not given back again");
}

#[test]
fn all_of_a_payment_that_was_given_back_is_not_given_back_again() {
    let given = Given::new();
    let payment = payment_of(given.act(&charge(10_000), &key("a", 0)).unwrap());
    assert_eq!(word(&given.act(&refund(&payment, 10_000), &key("a", 1))), "ok");
    let at = given.clock.now();
    given.clock.advance(DAY);
    assert_eq!(given.act(&refund(&payment, 10_000), &key("a", 2)), Ok(Refunded { at }), "it was, by another");
    assert_eq!(word(&given.act(&refund(&payment, 1), &key("a", 3))), "refund-refused", "which a part of it is not");
    assert_eq!((given.kept(), given.provider.book().payments().map(|payment| payment.refunds.len()).sum::<usize>()), (0, 1));
}

#[test]
fn a_refund_is_repeated_and_never_cancelled() {
    let given = Given::new();
    let payment = payment_of(given.act(&charge(20_000), &key("a", 0)).unwrap());
    assert_eq!(word(&given.recall(&refund(&payment, 1000), &key("a", 1))), "ok", "recalling it carries it out");
    assert_eq!(word(&given.cancel(&refund(&payment, 1000), &key("a", 1))), "unavailable");
    assert_eq!(given.kept(), 19_000);
    assert_eq!(given.by_client(&refund(&payment, 1202), &key("a", 2)), "timed-out");
    assert_eq!(given.by_client(&refund(&payment, 1202), &key("a", 2)), "ok");
    assert_eq!(word(&given.act(&refund(&payment, 1503), &key("a", 3))), "unavailable");
    assert_eq!(word(&given.act(&refund(&payment, 1503), &key("a", 3))), "ok");
    assert_eq!(word(&given.act(&refund(&payment, 1408), &key("a", 4))), "ok");
    assert_eq!(given.kept(), 19_000 - 1202 - 1503 - 1408);
}

/// What the page of an order posts when the guest agrees.
fn agreed(given: &Given) -> String {
    let checkout = Checkout {
        order: ORDER.into(),
        amount: won(10_000),
        title: "<Deposit> & more".into(),
        agreed: "https://shop.example/pay/order-1/agreed".into(),
        failed: "https://shop.example/pay/order-1/failed".into(),
    };
    let page = given.provider.checkout_page(&checkout);
    assert!(page.contains("&lt;Deposit&gt; &amp; more") && page.contains("10000 KRW"), "{page}");
    let Some((_, rest)) = page.split_once("name=\"paymentKey\" value=\"") else { return String::new() };
    rest.split_once('"').unwrap().0.into()
}

#[test]
fn a_guest_pays_in_a_browser() {
    let given = Given::in_browser();
    assert_eq!(agreed(&given), "");
    let pending = Ok(Charged::Pending { checkout: "https://shop.example/pay/order-1".into() });
    assert_eq!(given.act(&charge(10_000), &key("a", 0)), pending);
    assert_eq!(given.recall(&charge(10_000), &key("a", 0)), pending);
    assert_eq!(given.kept(), 0);
    let payment = agreed(&given);
    let approve = Approve { order: ORDER.into(), amount: won(10_000), payment: payment.clone() };
    let check =
        |other: u16, approve: Approve, says: &str| assert_eq!(word(&given.act(&approve, &key("other", other))), says, "{approve:?}");
    check(1, Approve { payment: "test-nothing".into(), ..approve.clone() }, "payment-not-found");
    check(2, Approve { amount: won(1), ..approve.clone() }, "payment-mismatch");
    check(3, Approve { order: "order-2".into(), ..approve.clone() }, "payment-mismatch");
    let at = given.clock.now();
    for _ in 0..2 {
        assert_eq!(given.act(&approve, &key("a", 1)), Ok(Paid { payment: payment.clone(), at }));
    }
    check(4, approve.clone(), "payment-not-found");
    assert_eq!((given.kept(), agreed(&given)), (10_000, String::new()));
    assert_eq!(given.cancel(&approve, &key("a", 1)), Ok(()));
    assert_eq!(given.cancel(&charge(10_000), &key("a", 0)), Ok(()));
    assert_eq!(given.kept(), 0);
    assert_eq!(word(&given.act(&approve, &key("a", 1))), "cancelled");
}

#[test]
fn in_a_browser_the_amount_says_what_comes_of_the_approval() {
    let check = |minor, says: &str, kept| {
        let given = Given::in_browser();
        given.act(&charge(minor), &key("a", 0)).unwrap();
        let approve = Approve { order: ORDER.into(), amount: won(minor), payment: agreed(&given) };
        assert_eq!(given.by_client(&approve, &key("a", 1)), says, "{minor}");
        assert_eq!(given.kept(), kept, "{minor}");
        assert_eq!(given.cancel(&charge(minor), &key("a", 0)), Ok(()), "{minor}");
        assert_eq!(given.kept(), 0, "{minor}: what was approved of a charge goes with it");
    };
    check(10_402, "payment-declined", 0);
    check(10_408, "timed-out", 0);
    check(10_202, "timed-out", 10_202);
    check(10_503, "ok", 10_503);
}

#[test]
fn what_has_lapsed_or_was_cancelled_cannot_be_approved() {
    let given = Given::in_browser();
    let until = given.clock.now() + DAY;
    given.act(&Charge { until, ..charge(10_000) }, &key("a", 0)).unwrap();
    let approve = Approve { order: ORDER.into(), amount: won(10_000), payment: agreed(&given) };
    given.clock.advance(DAY);
    assert_eq!(word(&given.act(&approve, &key("a", 1))), "payment-not-found");
    given.act(&charge(10_000), &key("b", 0)).unwrap();
    let approve = Approve { payment: agreed(&given), ..approve };
    given.cancel(&charge(10_000), &key("b", 0)).unwrap();
    assert_eq!(word(&given.act(&approve, &key("b", 1))), "payment-not-found");
    assert_eq!(given.kept(), 0);
}

#[test]
fn it_tells_what_it_did_in_a_time() {
    let given = Given::new();
    let payment = payment_of(given.act(&charge(10_000), &key("a", 0)).unwrap());
    let paid = given.clock.now();
    given.clock.advance(DAY);
    given.act(&refund(&payment, 4000), &key("a", 1)).unwrap();
    let refunded = given.clock.now();
    let told = |from, until| {
        let told = given.provider.transactions(from, until).now_or_never().unwrap().unwrap();
        told.iter().map(|transaction| (transaction.kind, transaction.amount.minor, transaction.at)).collect::<Vec<_>>()
    };
    let (payment, refund) = ((TransactionKind::Payment, 10_000, paid), (TransactionKind::Refund, 4000, refunded));
    assert_eq!(told(Timestamp::MIN, Timestamp::MAX), [payment, refund]);
    assert_eq!(told(paid, refunded), [payment]);
    assert_eq!(told(refunded, Timestamp::MAX), [refund]);
}

fn opened(clock: &ManualClock, path: &std::path::Path) -> TestProvider {
    TestProvider::open(Arc::new(clock.clone()), path).unwrap()
}

#[test]
fn its_book_outlives_the_process_torn_off_lines_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let (path, clock) = (folder.path().join("payments.jsonl"), clock());
    let given = || Given { clock: clock.clone(), provider: Arc::new(opened(&clock, &path)) };
    let first = given();
    let paid = first.act(&charge(10_000), &key("a", 0)).unwrap();
    assert_eq!(word(&first.act(&charge(1503), &key("b", 0))), "unavailable");
    assert_eq!(word(&first.act(&charge(1402), &key("c", 0))), "payment-declined");
    first.cancel(&charge(1000), &key("d", 0)).unwrap();
    drop(first);
    // A process that was killed in the middle of a line.
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"entry\":\"paid\",\"key\":\"deposit");
    std::fs::write(&path, &text).unwrap();

    clock.advance(DAY);
    for _ in 0..2 {
        let again = given();
        assert_eq!(again.act(&charge(10_000), &key("a", 0)), Ok(paid.clone()), "the same reply, whenever");
        assert_eq!(word(&again.act(&charge(1503), &key("b", 0))), "ok");
        assert_eq!(word(&again.act(&charge(1402), &key("c", 0))), "payment-declined");
        assert_eq!(word(&again.act(&charge(1000), &key("d", 0))), "cancelled");
        assert_eq!(again.kept(), 11_503);
    }
    let names: Vec<_> = opened(&clock, &path).book().payments().map(|payment| payment.payment.clone()).collect();
    assert_eq!(names, ["test-0000000001", "test-0000000002"]);

    std::fs::write(&path, "not ours\n").unwrap();
    assert!(matches!(TestProvider::open(Arc::new(clock.clone()), &path), Err(NotOpened::Line { line: 1, .. })));
    assert!(matches!(TestProvider::open(Arc::new(clock), folder.path()), Err(NotOpened::Io(_))));
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Do,
    Recall,
    Cancel,
    /// The process ends, and another begins.
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![4 => Just(Op::Do), 2 => Just(Op::Recall), 2 => Just(Op::Cancel), 1 => Just(Op::Restart)]
}

/// Does a call's acts in any order, and sees to it after each that the money is right.
fn holds<C: Call>(given: &mut Given, restart: &dyn Fn() -> TestProvider, call: &C, amount: i64, ops: &[Op]) {
    let key = key("a", 1);
    let (mut paid, mut over) = (false, false);
    for op in ops {
        match op {
            Op::Do | Op::Recall => {
                let answer = if matches!(op, Op::Do) { given.act(call, &key) } else { given.recall(call, &key) };
                match answer {
                    Ok(_) => {
                        assert!(!over, "it was said that nothing would ever come of it");
                        paid = true;
                    }
                    Err(CallError::Refused(_)) => {
                        assert!(!paid || over);
                        over = true;
                    }
                    Err(CallError::Unavailable { .. } | CallError::TimedOut { .. } | CallError::Undecided { .. }) => {
                        assert!(matches!(op, Op::Do), "a recall is certain")
                    }
                }
            }
            Op::Cancel => {
                given.cancel(call, &key).unwrap();
                over = true;
            }
            Op::Restart => given.provider = Arc::new(restart()),
        }
        let kept = given.kept();
        assert!(kept == 0 || kept == amount, "{kept} is kept of {amount}");
        assert!(given.provider.book().payments().count() <= 1, "it is paid once");
        assert!(!over || kept == 0, "{kept} is kept after it was over");
        assert!(over || !paid || kept == amount, "{kept} is kept though it is paid");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_any_order_money_is_kept_once_or_not_at_all(
        amount in prop_oneof![Just(10_000_i64), Just(10_402), Just(10_408), Just(10_202), Just(10_503)],
        in_browser in any::<bool>(),
        ops in proptest::collection::vec(op(), 1..12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (path, clock) = (folder.path().join("payments.jsonl"), clock());
        let restart = || {
            let provider = opened(&clock, &path);
            if in_browser { provider.in_browser("https://shop.example/pay") } else { provider }
        };
        let mut given = Given { clock: clock.clone(), provider: Arc::new(restart()) };
        if in_browser {
            given.act(&charge(amount), &key("a", 0)).unwrap();
            let approve = Approve { order: ORDER.into(), amount: won(amount), payment: agreed(&given) };
            holds(&mut given, &restart, &approve, amount, &ops);
            given.cancel(&charge(amount), &key("a", 0)).unwrap();
            prop_assert_eq!(given.kept(), 0);
        } else {
            holds(&mut given, &restart, &charge(amount), amount, &ops);
        }
    }

    #[test]
    fn refunds_in_any_order_give_back_each_once(steps in proptest::collection::vec((1_u16..6, any::<bool>()), 1..20)) {
        let given = Given::new();
        let payment = payment_of(given.act(&charge(10_000), &key("a", 0)).unwrap());
        let mut made = std::collections::BTreeSet::new();
        for (step, recalled) in steps {
            let (call, key) = (refund(&payment, 3000), key("a", step));
            let answer = if recalled { given.recall(&call, &key) } else { given.act(&call, &key) };
            if answer.is_ok() {
                made.insert(step);
            }
            prop_assert!(made.len() <= 3);
            prop_assert_eq!(given.kept(), 10_000 - 3000 * made.len() as i64);
        }
        given.cancel(&charge(10_000), &key("a", 0)).unwrap();
        prop_assert_eq!(given.kept(), 0);
    }
}
