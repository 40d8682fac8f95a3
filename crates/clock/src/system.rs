use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use crate::Clock;

/// The operating system's clock, moved by the offset of the installation.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    offset: SignedDuration,
    started: Instant,
}

impl SystemClock {
    /// A clock that shows the operating system's time plus `offset`.
    #[allow(clippy::disallowed_methods, reason = "this is the one place where the clock is read")]
    pub fn with_offset(offset: SignedDuration) -> Self {
        Self { offset, started: Instant::now() }
    }

    /// The operating system's time, for fixing an offset against.
    #[allow(clippy::disallowed_methods, reason = "this is the one place where the clock is read")]
    pub fn real_now() -> Timestamp {
        Timestamp::now()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = Self::real_now().checked_add(self.offset).unwrap_or(Timestamp::MAX);
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    #[allow(clippy::disallowed_methods, reason = "this is the one place where the clock is read")]
    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    #[allow(clippy::disallowed_methods, reason = "this is the one place where time is waited for")]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
