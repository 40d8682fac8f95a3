//! Synchronous calls between services: messages behind one guarded door.
//!
//! A [`Client`] guards every call in the same way, in one process as over a network: a deadline that travels with the call,
//! a bound on how many are under way, a breaker, and one more try where that is safe. What lies behind it is a [`Transport`].
//! Every transport passes the same `conformance` suite, unchanged.

mod breaker;
mod client;
#[cfg(feature = "conformance")]
pub mod conformance;
mod envelope;
mod in_process;

use futures_util::future::BoxFuture;
use kernel::CallError;

pub use breaker::{Breaker, Permit, Rules as BreakerRules, State as BreakerState};
pub use client::{Asked, Client, ClientRules, Outcomes, Times};
pub use envelope::{Act, CallKey, Envelope};
pub use in_process::InProcess;

/// Carries calls to the services that answer them.
pub trait Transport: Send + Sync + 'static {
    /// Sends a call and waits for the JSON of its reply. Dropping the future gives up waiting, not the call.
    ///
    /// [`CallError::Unavailable`] may be answered only when the call was certainly not decided.
    fn send<'a>(&'a self, envelope: Envelope) -> BoxFuture<'a, Result<String, CallError>>;
}
