//! Time as an input: the only crate that reads a clock or waits for one.
//!
//! Everything else is handed a [`Clock`]. Production's follows the operating system, moved by the installation's offset;
//! that of tests and simulations stands still until it is moved.

mod manual;
mod system;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, select};
use jiff::Timestamp;

pub use manual::ManualClock;
pub use system::SystemClock;

/// Where an instant comes from, and what wakes those who wait for one.
pub trait Clock: Send + Sync + 'static {
    /// The present instant of the installation, in whole microseconds: what is stored is exactly what was decided by.
    fn now(&self) -> Timestamp;

    /// Time since a fixed moment that never goes back, for measuring how long something took.
    fn elapsed(&self) -> Duration;

    /// Is ready when this much time has passed.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// A clock that everyone shares.
pub type SharedClock = Arc<dyn Clock>;

/// The time was up first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

/// What `work` brings, if it does so within `limit`; otherwise it is dropped.
///
/// # Errors
/// [`Elapsed`] when the time was up first.
pub async fn timeout<T>(clock: &dyn Clock, limit: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    // The work is looked at first, so that one which is ready always wins.
    match select(pin!(work), clock.sleep(limit)).await {
        Either::Left((done, _)) => Ok(done),
        Either::Right(((), _)) => Err(Elapsed),
    }
}

/// How long from `now` until `at`; nothing when that is past.
pub fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
}
