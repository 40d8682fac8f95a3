//! The edge: how requests are read and answers are written.
//!
//! A handler reads its body with [`Fields`], its query with [`query::parse`], its key with [`idempotency::key`]; it answers with [`hal`],
//! or with a [`Problem`], which is what every reader here returns when it has to say no. Those know neither store nor runtime: texts go
//! in, texts come out. What each route reads and answers is its [`contract`]. [`Routes`] brings them together with a running service, [`actuator`] with a whole process.
//!
//! **Invariant:** no input makes anything here panic, and every bad field of a request is named at once, not one a try.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should"))]

pub mod actuator;
pub mod auth;
mod caller;
pub mod client;
mod coding;
mod conditional;
pub mod contract;
mod fields;
mod finish;
#[cfg(test)]
mod fixture;
pub mod hal;
pub mod idempotency;
mod incoming;
pub mod language;
mod members;
mod metrics;
mod observer;
mod peer;
pub mod position;
mod prefer;
mod problem;
pub mod query;
pub mod request_id;
mod routes;
pub mod story;
mod stream;
mod traces;

pub use auth::{Auth, Own, Who};
pub use caller::open_caller;
pub use coding::Coding;
pub use fields::{Fault, Field, Fields, Json, Lenient, Optional, Or, OrUnset, Presence, Required, Spec, Text, optional, required};
pub use incoming::{Incoming, Reply, internal, unreadable};
pub use members::{Member, Members};
pub use observer::{Observer, named};
pub use peer::Peer;
pub use problem::{FieldError, Parts, Problem};
pub use routes::{Declared, Entry, Limits, Routes};
pub use traces::Exporter;
