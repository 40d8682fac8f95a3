//! A call as it arrives at a provider.

use calls::Envelope;
use kernel::{Call, CallError, misread};
use serde::de::DeserializeOwned;

use crate::api::{Approve, Charge, PAYMENTS, Refund, is_order};

/// What a provider is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Charge(Charge),
    Approve(Approve),
    Refund(Refund),
}

impl Asked {
    /// Reads a call. What cannot be read, or cannot be meant, is a fault of the caller; nothing is decided about it.
    pub(crate) fn read(envelope: &Envelope) -> Result<Self, CallError> {
        let asked = match (envelope.service.as_str(), envelope.call.as_str()) {
            (PAYMENTS, Charge::NAME) => Self::Charge(body(envelope)?),
            (PAYMENTS, Approve::NAME) => Self::Approve(body(envelope)?),
            (PAYMENTS, Refund::NAME) => Self::Refund(body(envelope)?),
            _ => return Err(unavailable("it knows no such call")),
        };
        let (order, amount) = match &asked {
            Self::Charge(Charge { order, amount, .. }) | Self::Approve(Approve { order, amount, .. }) => (order, amount),
            Self::Refund(Refund { order, amount, .. }) => (order, amount),
        };
        if !is_order(order) {
            return Err(unavailable("an order is named by 6 to 64 letters, digits, - and _"));
        }
        if amount.minor <= 0 {
            return Err(unavailable("an amount is more than nothing"));
        }
        Ok(asked)
    }
}

fn body<C: DeserializeOwned>(envelope: &Envelope) -> Result<C, CallError> {
    serde_json::from_str(&envelope.body).map_err(|error| unavailable(misread(&error)))
}

/// The JSON of a reply.
pub(crate) fn reply<C: Call>(reply: &C::Reply) -> Result<String, CallError> {
    // Something may have happened that cannot be told.
    serde_json::to_string(reply).map_err(|_| timed_out())
}

/// What a cancel is answered with.
pub(crate) fn nothing_stands() -> String {
    "null".into()
}

/// It was certainly not decided.
pub(crate) fn unavailable(why: impl Into<String>) -> CallError {
    CallError::Unavailable { service: PAYMENTS.into(), why: why.into() }
}

/// Nobody knows whether it was decided.
pub(crate) fn timed_out() -> CallError {
    CallError::TimedOut { service: PAYMENTS.into() }
}

/// It was answered, and nobody can tell yet what was decided.
pub(crate) fn not_yet() -> CallError {
    CallError::Undecided { service: PAYMENTS.into() }
}

/// Whoever asks to cancel a refund has a fault in its saga: money that was promised back is given back.
pub(crate) fn refunds_stand() -> CallError {
    tracing::error!("a refund was to be cancelled; it is only ever repeated");
    unavailable("a refund is only repeated, never cancelled")
}
