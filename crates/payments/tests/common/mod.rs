//! Calls as the client sends them.

use std::time::Duration;

use calls::{Act, CallKey, Envelope};
use clock::{Clock, ManualClock};
use jiff::Timestamp;
use kernel::{Call, CallError, Currency, Money};
use store::Meta;

pub fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_second(1_764_000_000).unwrap())
}

pub fn won(minor: i64) -> Money {
    Money { minor, currency: Currency::Krw }
}

pub fn meta() -> Meta {
    Meta { correlation: "story".into(), causation: "request".into(), caller: "somebody".into(), trace: None }
}

/// The key of a step of a saga that begins with the clock.
pub fn key(saga: &str, step: u16) -> CallKey {
    CallKey { service: "deposit".into(), saga: "reserve".into(), key: saga.into(), step, attempt: 0, born: clock().now() }
}

pub fn envelope<C: Call>(act: Act, call: &C, clock: &ManualClock) -> Envelope {
    let deadline = clock.now() + C::DEADLINE;
    Envelope { service: C::SERVICE.into(), call: C::NAME.into(), act, body: serde_json::to_string(call).unwrap(), deadline, meta: meta() }
}

/// How a call ended, in a word: the code of a refusal, or how else it is not known.
pub fn word<T>(result: &Result<T, CallError>) -> String {
    match result {
        Ok(_) => "ok".into(),
        Err(CallError::Refused(refused)) => {
            assert_eq!(refused.kind, kernel::RefusedKind::Conflict);
            refused.code.clone()
        }
        Err(CallError::Unavailable { .. }) => "unavailable".into(),
        Err(CallError::TimedOut { .. }) => "timed-out".into(),
        Err(CallError::Undecided { .. }) => "undecided".into(),
    }
}

pub const DAY: Duration = Duration::from_secs(24 * 3600);
