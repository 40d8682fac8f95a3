//! What the client guards every call with. Time is moved by hand, and the callee answers when the test says so.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use calls::{Act, Asked, BreakerState, CallKey, Client, ClientRules, Envelope, Transport};
use clock::{Clock, ManualClock};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use kernel::{Call, CallError, Refused, RefusedKind};
use serde::{Deserialize, Serialize};
use store::Meta;
use yeyak_calls as calls;

const START: i64 = 1_764_000_000;

#[derive(Clone, Serialize, Deserialize)]
struct Ask;

impl Call for Ask {
    const SERVICE: &'static str = "oracle";
    const NAME: &'static str = "ask";
    type Reply = u32;
}

#[derive(Clone, Copy, Debug)]
enum Says {
    Yes,
    No,
    Unavailable,
    /// That nobody knows.
    Unknown,
    /// That nobody knows yet.
    NotYet,
    /// Nothing, ever.
    Nothing,
}

/// Answers as it was told to, and keeps what it was sent.
#[derive(Default)]
struct Oracle {
    says: Mutex<VecDeque<Says>>,
    heard: Mutex<Vec<Envelope>>,
}

impl Transport for Oracle {
    fn send<'a>(&'a self, envelope: Envelope) -> BoxFuture<'a, Result<String, CallError>> {
        self.heard.lock().unwrap().push(envelope);
        let mut says = self.says.lock().unwrap();
        // The last thing it was told it goes on saying.
        let says = if says.len() > 1 { says.pop_front().unwrap() } else { *says.front().unwrap() };
        let service = || "oracle".to_owned();
        Box::pin(async move {
            match says {
                Says::Yes => Ok("7".into()),
                Says::No => Err(CallError::Refused(Refused::new(RefusedKind::Conflict, "no", "no"))),
                Says::Unavailable => Err(CallError::Unavailable { service: service(), why: "away".into() }),
                Says::Unknown => Err(CallError::TimedOut { service: service() }),
                Says::NotYet => Err(CallError::Undecided { service: service() }),
                Says::Nothing => std::future::pending().await,
            }
        })
    }
}

struct Given {
    clock: ManualClock,
    oracle: Arc<Oracle>,
    client: Client,
}

impl Given {
    fn new(rules: ClientRules) -> Self {
        let clock = ManualClock::at(Timestamp::from_second(START).unwrap());
        let oracle = Arc::new(Oracle::default());
        let client = Client::new(Arc::clone(&oracle) as _, Arc::new(clock.clone()), rules);
        Self { clock, oracle, client }
    }

    fn says(self, says: &[Says]) -> Self {
        self.now_says(says);
        self
    }

    fn now_says(&self, says: &[Says]) {
        *self.oracle.says.lock().unwrap() = says.iter().copied().collect();
    }

    fn heard(&self) -> usize {
        self.oracle.heard.lock().unwrap().len()
    }

    fn asking(&self) -> impl Future<Output = Result<String, CallError>> {
        let client = self.client.clone();
        async move { client.ask(asked(), Act::Do(key()), meta()).await }
    }

    /// Asks, and lets time pass until there is an answer.
    fn ask(&self) -> Result<String, CallError> {
        let mut asking = pin!(self.asking());
        loop {
            if let Some(answer) = asking.as_mut().now_or_never() {
                return answer;
            }
            self.clock.advance(self.clock.next_wake().unwrap());
        }
    }

    fn breaker(&self) -> BreakerState {
        self.client.breakers()[0].1
    }
}

/// A client that does not ask twice, so that what is counted is what was asked.
fn once() -> ClientRules {
    ClientRules { retry_after: Duration::MAX, ..ClientRules::default() }
}

fn asked() -> Asked {
    Asked::of(&Ask).unwrap()
}

fn key() -> CallKey {
    CallKey { service: "seeker".into(), saga: "seek".into(), key: "1".into(), step: 0, attempt: 0, born: Timestamp::UNIX_EPOCH }
}

fn meta() -> Meta {
    Meta { correlation: "story".into(), causation: "request".into(), caller: "somebody".into(), trace: None }
}

fn poll<T>(future: &mut Pin<&mut impl Future<Output = T>>) -> Option<T> {
    future.as_mut().now_or_never()
}

fn is_unavailable(answer: &Result<String, CallError>) -> bool {
    matches!(answer, Err(CallError::Unavailable { .. }))
}

fn is_timed_out(answer: &Result<String, CallError>) -> bool {
    matches!(answer, Err(CallError::TimedOut { .. }))
}

#[test]
fn a_call_carries_its_key_deadline_and_origin() {
    let given = Given::new(once()).says(&[Says::Yes]);
    assert_eq!(given.ask(), Ok("7".into()));
    let heard = given.oracle.heard.lock().unwrap();
    let deadline = given.clock.now() + Ask::DEADLINE;
    let expected =
        Envelope { service: "oracle".into(), call: "ask".into(), act: Act::Do(key()), body: "null".into(), deadline, meta: meta() };
    assert_eq!(*heard, [expected]);
}

#[test]
fn a_cancel_is_guarded_like_its_call() {
    let given = Given::new(once()).says(&[Says::Yes, Says::Nothing]);
    assert_eq!(given.client.ask(asked(), Act::Cancel(key()), meta()).now_or_never(), Some(Ok("7".into())));
    assert_eq!(given.oracle.heard.lock().unwrap()[0].act, Act::Cancel(key()));
    let key = key();
    let mut cancelling = pin!(given.client.ask(asked(), Act::Cancel(key), meta()));
    assert_eq!(poll(&mut cancelling), None);
    given.clock.advance(Ask::DEADLINE);
    assert!(matches!(poll(&mut cancelling), Some(Err(CallError::TimedOut { .. }))));
}

#[test]
fn whoever_cannot_tell_yet_is_there() {
    let given = Given::new(once()).says(&[Says::NotYet]);
    for _ in 0..200 {
        assert_eq!(given.ask(), Err(CallError::Undecided { service: "oracle".into() }));
    }
    assert_eq!(given.breaker(), BreakerState::Closed);
    // It says as little about whether one that failed is back.
    given.now_says(&[Says::Unavailable]);
    for _ in 0..20 {
        let _ = given.ask();
    }
    assert_eq!(given.breaker(), BreakerState::Open);
    given.clock.advance(Duration::from_secs(1));
    given.now_says(&[Says::NotYet]);
    let _ = given.ask();
    assert_eq!(given.breaker(), BreakerState::Open);
}

#[test]
fn the_breaker_opens_when_half_of_twenty_have_failed_and_sheds_at_once() {
    let given = Given::new(once());
    for n in 0..20 {
        given.now_says(&[if n % 2 == 0 { Says::Yes } else { Says::Unavailable }]);
        let _ = given.ask();
    }
    assert_eq!(given.breaker(), BreakerState::Open);
    given.now_says(&[Says::Yes]);
    assert!(is_unavailable(&given.asking().now_or_never().unwrap()), "it is told at once");
    assert_eq!(given.heard(), 20, "and the callee hears nothing");
}

#[test]
fn a_second_later_one_call_tries_and_closes_it() {
    let given = Given::new(once()).says(&[Says::Unavailable]);
    for _ in 0..20 {
        assert!(is_unavailable(&given.ask()));
    }
    given.clock.advance(Duration::from_millis(999));
    assert!(is_unavailable(&given.ask()));
    assert_eq!(given.heard(), 20);
    given.clock.advance(Duration::from_millis(1));

    given.now_says(&[Says::Nothing]);
    let mut trial = pin!(given.asking());
    assert_eq!(poll(&mut trial), None);
    assert_eq!(given.breaker(), BreakerState::HalfOpen);
    assert!(is_unavailable(&given.asking().now_or_never().unwrap()), "one call tries, not two");
    assert_eq!(given.heard(), 21);
    given.clock.advance(Ask::DEADLINE);
    assert!(is_timed_out(&poll(&mut trial).unwrap()));
    assert_eq!(given.breaker(), BreakerState::Open, "a trial that fails is followed by another pause");

    given.clock.advance(Duration::from_secs(1));
    given.now_says(&[Says::Yes]);
    assert_eq!(given.ask(), Ok("7".into()));
    assert_eq!(given.breaker(), BreakerState::Closed);
}

#[test]
fn refusals_never_open_it() {
    let given = Given::new(once()).says(&[Says::No]);
    for _ in 0..200 {
        assert!(matches!(given.ask(), Err(CallError::Refused(_))));
    }
    assert_eq!((given.breaker(), given.heard()), (BreakerState::Closed, 200));
}

#[test]
fn a_slow_callee_counts_as_one_that_fails() {
    let given = Given::new(once()).says(&[Says::Nothing]);
    for _ in 0..20 {
        assert!(is_timed_out(&given.ask()));
    }
    assert_eq!(given.breaker(), BreakerState::Open);
}

#[test]
fn whoever_gives_up_waiting_says_nothing_of_the_callee() {
    let given = Given::new(once()).says(&[Says::Nothing]);
    for _ in 0..100 {
        assert_eq!(given.asking().now_or_never(), None);
    }
    assert_eq!(given.breaker(), BreakerState::Closed);
}

#[test]
fn more_calls_than_have_a_place_are_unavailable_at_once() {
    let given = Given::new(ClientRules { at_once: 2, ..once() }).says(&[Says::Nothing]);
    let (mut first, mut second) = (pin!(given.asking()), Box::pin(given.asking()));
    assert_eq!((poll(&mut first), second.as_mut().now_or_never()), (None, None));
    assert!(is_unavailable(&given.asking().now_or_never().unwrap()));
    assert_eq!(given.heard(), 2);
    // Who gives up gives the place back.
    drop(second);
    assert_eq!(given.asking().now_or_never(), None);
    assert_eq!(given.heard(), 3);
}

#[test]
fn without_an_answer_by_the_deadline_it_has_timed_out() {
    let given = Given::new(ClientRules::default()).says(&[Says::Nothing]);
    let mut asking = pin!(given.asking());
    assert_eq!(poll(&mut asking), None);
    given.clock.advance(Ask::DEADLINE - Duration::from_micros(1));
    assert_eq!(poll(&mut asking), None);
    given.clock.advance(Duration::from_micros(1));
    assert!(is_timed_out(&poll(&mut asking).unwrap()));
    assert_eq!(given.heard(), 1, "what may have been decided is not asked again");
}

#[test]
fn what_was_certainly_not_decided_is_asked_once_more() {
    let given = Given::new(ClientRules::default()).says(&[Says::Unavailable, Says::Yes]);
    let mut asking = pin!(given.asking());
    assert_eq!(poll(&mut asking), None);
    assert_eq!(given.heard(), 1, "not before a pause");
    given.clock.advance(ClientRules::default().retry_after);
    assert_eq!(poll(&mut asking), Some(Ok("7".into())));
    let heard = given.oracle.heard.lock().unwrap();
    assert_eq!(heard[0], heard[1], "with the same key and the same deadline");
}

#[test]
fn it_is_not_asked_a_third_time() {
    let given = Given::new(ClientRules::default()).says(&[Says::Unavailable]);
    assert!(is_unavailable(&given.ask()));
    assert_eq!(given.heard(), 2);
}

#[test]
fn neither_a_refusal_nor_silence_is_asked_again() {
    for says in [Says::No, Says::Nothing, Says::Unknown] {
        let given = Given::new(ClientRules::default()).says(&[says, Says::Yes]);
        assert!(given.ask().is_err(), "{says:?}");
        assert_eq!(given.heard(), 1, "{says:?}");
    }
}

#[test]
fn it_is_asked_again_only_within_the_deadline() {
    let rules = ClientRules { retry_after: Ask::DEADLINE, ..ClientRules::default() };
    let given = Given::new(rules).says(&[Says::Unavailable, Says::Yes]);
    assert!(is_unavailable(&given.asking().now_or_never().unwrap()));
    assert_eq!(given.heard(), 1);

    // The second try gets what the first has left.
    let given = Given::new(ClientRules::default()).says(&[Says::Unavailable, Says::Nothing]);
    let mut asking = pin!(given.asking());
    assert_eq!(poll(&mut asking), None);
    given.clock.advance(ClientRules::default().retry_after);
    assert_eq!(poll(&mut asking), None);
    given.clock.advance(Ask::DEADLINE - ClientRules::default().retry_after);
    assert!(is_timed_out(&poll(&mut asking).unwrap()));
}
