//! What tests are made of: whole systems on one thread, with time, chance, disk and faults in the hands of the test.
//!
//! - [`executor`]: runs tasks in an order that a seed decides
//! - [`disk`]: a disk that forgets what was not synced

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should"))]

pub mod disk;
pub mod executor;
mod trace;

pub use trace::Trace;
