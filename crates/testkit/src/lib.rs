//! What tests are made of: whole systems on one thread, with time, chance, disk and faults in the hands of the test.
//!
//! - [`TestApp`]: a whole system behind its real router, for tests that tell a story
//! - [`executor`]: runs tasks in an order that a seed decides
//! - [`disk`]: a disk that forgets what was not synced
//! - [`carrier`]: a carrier that loses, delays, doubles and reorders
//! - [`broken`]: stores that break one promise, for seeing that it is found out
//! - [`sagas`]: what every saga has to survive
//! - [`links`]: follows every link that a system gives
//! - [`interleaving`]: the same story with everything handled in other orders
//! - [`simulation`]: all of it together, from a seed
//! - [`toss`]: a payment provider that guests pay at in their browser

#![allow(clippy::panic, reason = "a test that goes wrong panics")]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should"))]

pub mod app;
pub mod broken;
pub mod callers;
pub mod carrier;
pub mod disk;
pub mod executor;
pub mod interleaving;
pub mod links;
pub mod sagas;
mod settled;
pub mod simulation;
pub mod streams;
pub mod subject;
pub mod toss;
mod trace;

pub use app::{Answer, Asked, Live, Setup, TestApp, Told};
pub use subject::{Home, Outside, Subject, at};
pub use trace::Trace;
