//! What every transport keeps together with the callee behind it, as one suite that each of them runs unchanged.
//!
//! A transport's tests put a [`Pool`] behind it that answers [`Take`] under the name [`POOL`], implement [`Backend`], and say
//! `calls::conformance!(…)` with an expression that makes a fresh one; every rule becomes a test of its own.

// A rule is broken by a panic: that is what a test's failure is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]
// A case's name is the rule that it keeps; there is no more to say of it.
#![allow(missing_docs)]

mod callee;
mod pool;

use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, ManualClock};
use futures_util::future::{BoxFuture, join, join_all};
use jiff::Timestamp;
use kernel::{Call, CallError, RefusedKind};
use store::Meta;

use crate::{Act, CallKey, Envelope, Transport};
pub use callee::Callee;
pub use pool::{POOL, Pool, PoolPublished, SEATS, SoldOut, Take, Taken};

/// A transport to be tested, with a callee behind it that answers [`Take`].
pub trait Backend: Sync {
    /// The transport.
    fn transport(&self) -> Arc<dyn Transport>;

    /// The callee's time, which nobody else moves.
    fn clock(&self) -> ManualClock;

    /// Runs a future to its end.
    fn block_on(&self, future: BoxFuture<'_, ()>);

    /// Stops the callee, or lets it go on.
    fn stop(&self, stopped: bool);
}

/// What a case is given.
pub struct Given<'a> {
    backend: &'a dyn Backend,
    transport: Arc<dyn Transport>,
}

/// Runs one case.
pub fn run(backend: &dyn Backend, case: fn(Given<'_>)) {
    case(Given { backend, transport: backend.transport() });
}

type Outcome = Result<u32, CallError>;

fn take(seats: u32) -> Take {
    Take { pool: "stalls".into(), seats }
}

impl Given<'_> {
    /// The key of somebody's call.
    fn key(&self, name: &str) -> CallKey {
        CallKey { service: "booking".into(), saga: "book".into(), key: name.into(), step: 0, attempt: 0, born: self.backend.clock().now() }
    }

    fn envelope(&self, act: Act, call: &Take) -> Envelope {
        Envelope {
            service: POOL.into(),
            call: Take::NAME.into(),
            act,
            body: serde_json::to_string(call).expect("a call is JSON"),
            deadline: self.backend.clock().now() + Duration::from_secs(1),
            meta: Meta { correlation: "story".into(), causation: "request".into(), caller: "somebody".into(), trace: None },
        }
    }

    async fn send(&self, envelope: Envelope) -> Result<String, CallError> {
        self.transport.send(envelope).await
    }

    /// How many seats are left after this many were taken under this key.
    async fn taking(&self, key: &CallKey, seats: u32) -> Outcome {
        let reply = self.send(self.envelope(Act::Do(key.clone()), &take(seats))).await?;
        Ok(serde_json::from_str::<Taken>(&reply).expect("a reply is JSON").left)
    }

    async fn cancelling(&self, key: &CallKey, seats: u32) -> Result<(), CallError> {
        self.send(self.envelope(Act::Cancel(key.clone()), &take(seats))).await.map(drop)
    }

    fn wait<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        let mut answer = None;
        self.backend.block_on(Box::pin(async { answer = Some(future.await) }));
        answer.expect("a backend runs a future to its end")
    }

    fn take(&self, key: &CallKey, seats: u32) -> Outcome {
        self.wait(self.taking(key, seats))
    }

    fn recall(&self, key: &CallKey, seats: u32) -> Outcome {
        let reply = self.wait(self.send(self.envelope(Act::Recall(key.clone()), &take(seats))))?;
        Ok(serde_json::from_str::<Taken>(&reply).expect("a reply is JSON").left)
    }

    fn cancel(&self, key: &CallKey, seats: u32) {
        self.wait(self.cancelling(key, seats)).expect("a cancel of a callee that is there is certain");
    }

    /// How many seats are left, seen by taking none of them.
    fn left(&self, probe: &str) -> u32 {
        self.take(&self.key(&format!("probe {probe}")), 0).expect("taking nothing is always accepted")
    }
}

fn refused_as(outcome: Outcome) -> String {
    match outcome {
        Err(CallError::Refused(refused)) => {
            assert_eq!(refused.kind, RefusedKind::Conflict);
            refused.code
        }
        other => panic!("{other:?} is no refusal"),
    }
}

fn is_unavailable<T: std::fmt::Debug>(outcome: Result<T, CallError>) {
    assert!(matches!(outcome, Err(CallError::Unavailable { .. })), "{outcome:?}");
}

pub fn a_call_is_answered_from_the_state_after_it(given: Given<'_>) {
    assert_eq!(given.take(&given.key("a"), 3), Ok(SEATS - 3));
    assert_eq!(given.take(&given.key("b"), 2), Ok(SEATS - 5));
}

pub fn a_call_is_decided_once_however_often_it_is_sent(given: Given<'_>) {
    let key = given.key("a");
    assert_eq!(given.take(&key, 3), Ok(SEATS - 3));
    assert_eq!(given.take(&given.key("b"), 1), Ok(SEATS - 4));
    assert_eq!(given.take(&key, 3), Ok(SEATS - 3), "the same reply again, whatever has happened since");
    assert_eq!(given.left("end"), SEATS - 4);
}

pub fn a_call_sent_many_times_at_once_is_decided_once(given: Given<'_>) {
    let key = given.key("a");
    let replies = given.wait(join_all((0..8).map(|_| given.taking(&key, 1))));
    assert!(replies.iter().all(|reply| *reply == Ok(SEATS - 1)), "{replies:?}");
    assert_eq!(given.left("end"), SEATS - 1);
}

pub fn the_steps_of_a_saga_are_different_calls(given: Given<'_>) {
    let first = given.key("a");
    let second = CallKey { step: 1, ..first.clone() };
    assert_eq!(given.take(&first, 1), Ok(SEATS - 1));
    assert_eq!(given.take(&second, 1), Ok(SEATS - 2));
    assert_eq!(given.take(&CallKey { attempt: 1, ..second }, 1), Ok(SEATS - 3));
}

pub fn a_refusal_travels_with_its_code_and_details(given: Given<'_>) {
    let Err(CallError::Refused(refused)) = given.take(&given.key("a"), SEATS + 1) else { panic!("more seats than there are") };
    assert_eq!((refused.kind, refused.code.as_str()), (RefusedKind::Conflict, "sold-out"));
    assert_eq!(refused.details["left"], SEATS);
}

pub fn a_refusal_is_kept_under_its_key(given: Given<'_>) {
    let (all, one) = (given.key("all"), given.key("one"));
    given.take(&all, SEATS).expect("all are there");
    assert_eq!(refused_as(given.take(&one, 1)), "sold-out");
    given.cancel(&all, SEATS);
    assert_eq!(refused_as(given.take(&one, 1)), "sold-out", "nobody may find that the call happened after all");
    assert_eq!(given.take(&given.key("another"), 1), Ok(SEATS - 1));
}

pub fn a_cancel_before_the_act_leaves_a_tombstone(given: Given<'_>) {
    let key = given.key("a");
    given.cancel(&key, 3);
    assert_eq!(refused_as(given.take(&key, 3)), "cancelled");
    assert_eq!(refused_as(given.take(&key, 3)), "cancelled", "for good");
    assert_eq!(given.left("end"), SEATS);
}

pub fn a_cancel_after_the_act_undoes_it_once(given: Given<'_>) {
    let key = given.key("a");
    given.take(&key, 3).expect("there are seats");
    given.take(&given.key("b"), 3).expect("there are seats");
    for _ in 0..3 {
        given.cancel(&key, 3);
        assert_eq!(given.left("after a cancel"), SEATS - 3);
    }
    assert_eq!(refused_as(given.take(&key, 3)), "cancelled", "what was taken back does not come again");
    assert_eq!(given.left("end"), SEATS - 3);
}

/// Whoever was left behind learns what came of a call, as often as they ask.
pub fn a_recall_tells_what_came_of_the_call(given: Given<'_>) {
    let (taken, refused) = (given.key("taken"), given.key("refused"));
    given.take(&taken, 3).expect("there are seats");
    assert_eq!(refused_as(given.take(&refused, SEATS)), "sold-out");
    for _ in 0..2 {
        assert_eq!(given.recall(&taken, 3), Ok(SEATS - 3));
        assert_eq!(refused_as(given.recall(&refused, SEATS)), "sold-out");
    }
    assert_eq!(given.left("after a recall"), SEATS - 3);
}

pub fn a_recall_before_the_act_leaves_a_tombstone(given: Given<'_>) {
    let key = given.key("a");
    assert_eq!(refused_as(given.recall(&key, 3)), "cancelled");
    assert_eq!(refused_as(given.take(&key, 3)), "cancelled", "what was recalled before it came never happens");
    assert_eq!(given.left("end"), SEATS);
}

pub fn a_refused_call_is_cancelled_without_an_effect(given: Given<'_>) {
    let key = given.key("a");
    given.take(&given.key("b"), SEATS).expect("all are there");
    refused_as(given.take(&key, 1));
    given.cancel(&key, 1);
    given.cancel(&key, 1);
    assert_eq!(given.left("end"), 0);
    refused_as(given.take(&key, 1));
}

pub fn an_undo_that_is_refused_is_certain_all_the_same(given: Given<'_>) {
    let key = given.key("a");
    given.take(&key, 2).expect("there are seats");
    // More than were taken cannot be given back: there is nothing to undo any more.
    given.cancel(&key, SEATS);
    assert_eq!(given.left("end"), SEATS - 2);
    assert_eq!(refused_as(given.take(&key, 2)), "cancelled");
}

/// Whichever comes first, nothing stands at the end.
pub fn an_act_and_its_cancel_at_once_leave_nothing(given: Given<'_>) {
    for n in 0..10 {
        let key = given.key(&format!("a{n}"));
        let (act, cancel) = if n % 2 == 0 {
            given.wait(join(given.taking(&key, 2), given.cancelling(&key, 2)))
        } else {
            let (cancel, act) = given.wait(join(given.cancelling(&key, 2), given.taking(&key, 2)));
            (act, cancel)
        };
        assert_eq!(cancel, Ok(()));
        assert!(act == Ok(SEATS - 2) || refused_as(act) == "cancelled");
        assert_eq!(given.left(&key.key), SEATS);
    }
}

pub fn an_unknown_service_or_call_is_unavailable(given: Given<'_>) {
    let known = given.envelope(Act::Do(given.key("a")), &take(1));
    is_unavailable(given.wait(given.send(Envelope { service: "nobody".into(), ..known.clone() })));
    is_unavailable(given.wait(given.send(Envelope { call: "nothing".into(), ..known.clone() })));
    is_unavailable(given.wait(given.send(Envelope { body: "\"not what it takes\"".into(), ..known })));
    assert_eq!(given.left("end"), SEATS);
}

pub fn a_stopped_callee_is_unavailable_and_has_not_decided(given: Given<'_>) {
    let (before, during) = (given.key("before"), given.key("during"));
    given.take(&before, 1).expect("there are seats");
    given.backend.stop(true);
    is_unavailable(given.take(&during, 1));
    is_unavailable(given.take(&before, 1));
    is_unavailable(given.wait(given.cancelling(&before, 1)));
    given.backend.stop(false);
    assert_eq!(given.left("after it is back"), SEATS - 1, "neither the call nor the cancel was decided");
    assert_eq!(given.take(&during, 1), Ok(SEATS - 2), "what was not decided can be sent again");
    assert_eq!(given.take(&before, 1), Ok(SEATS - 1), "what was decided is remembered");
}

pub fn a_call_past_its_deadline_is_not_decided(given: Given<'_>) {
    let key = given.key("a");
    let late = given.envelope(Act::Do(key.clone()), &take(1));
    given.backend.clock().advance(Duration::from_secs(2));
    is_unavailable(given.wait(given.send(late)));
    assert_eq!(given.left("end"), SEATS);
    assert_eq!(given.take(&key, 1), Ok(SEATS - 1), "nothing was kept under its key");
}

pub fn a_cancel_has_no_deadline(given: Given<'_>) {
    let key = given.key("a");
    given.take(&key, 1).expect("there are seats");
    let late = given.envelope(Act::Cancel(key), &take(1));
    given.backend.clock().advance(Duration::from_secs(3600));
    given.wait(given.send(late)).expect("it is wanted however late");
    assert_eq!(given.left("end"), SEATS);
}

/// Its record may have been forgotten, so that nobody knows whether it was decided or cancelled.
pub fn a_call_older_than_what_is_remembered_is_refused(given: Given<'_>) {
    let old = CallKey { born: Timestamp::UNIX_EPOCH, ..given.key("a") };
    assert_eq!(refused_as(given.take(&old, 1)), "call-too-old");
    assert_eq!(given.left("end"), SEATS);
}

/// Makes a test of each rule. It takes an expression that makes a fresh [`Backend`](conformance::Backend).
#[macro_export]
macro_rules! conformance {
    ($backend:expr) => {
        $crate::conformance! {
            @cases $backend;
            a_call_is_answered_from_the_state_after_it,
            a_call_is_decided_once_however_often_it_is_sent,
            a_call_sent_many_times_at_once_is_decided_once,
            the_steps_of_a_saga_are_different_calls,
            a_refusal_travels_with_its_code_and_details,
            a_refusal_is_kept_under_its_key,
            a_cancel_before_the_act_leaves_a_tombstone,
            a_cancel_after_the_act_undoes_it_once,
            a_recall_tells_what_came_of_the_call,
            a_recall_before_the_act_leaves_a_tombstone,
            a_refused_call_is_cancelled_without_an_effect,
            an_undo_that_is_refused_is_certain_all_the_same,
            an_act_and_its_cancel_at_once_leave_nothing,
            an_unknown_service_or_call_is_unavailable,
            a_stopped_callee_is_unavailable_and_has_not_decided,
            a_call_past_its_deadline_is_not_decided,
            a_cancel_has_no_deadline,
            a_call_older_than_what_is_remembered_is_refused,
        }
    };
    (@cases $backend:expr; $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                $crate::conformance::run(&$backend, $crate::conformance::$case);
            }
        )*
    };
}
