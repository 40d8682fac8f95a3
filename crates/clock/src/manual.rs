use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::Clock;

/// A clock that stands still until it is moved. Its clones are handles on the same one.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    start: Timestamp,
    passed: Duration,
    /// Who waits until when. Sleepers that gave up are found by their closed channel.
    sleepers: Vec<(Duration, oneshot::Sender<()>)>,
}

impl ManualClock {
    /// A clock that shows `start`.
    pub fn at(start: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(State { start, passed: Duration::ZERO, sleepers: Vec::new() })))
    }

    /// Lets time pass; whoever waited for it goes on.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state();
        state.passed += by;
        let passed = state.passed;
        let (due, waiting) = std::mem::take(&mut state.sleepers).into_iter().partition(|(until, _)| *until <= passed);
        state.sleepers = waiting;
        drop(state);
        let mut due: Vec<_> = due;
        due.sort_by_key(|(until, _)| *until);
        for (_, sleeper) in due {
            // Whoever waited may have stopped waiting.
            let _ = sleeper.send(());
        }
    }

    /// Lets time pass until the clock shows `at`; does nothing when it does already.
    pub fn advance_to(&self, at: Timestamp) {
        self.advance(crate::until(self.now(), at));
    }

    /// How long until the first who waits goes on, if anyone waits.
    pub fn next_wake(&self) -> Option<Duration> {
        let mut state = self.state();
        state.sleepers.retain(|(_, sleeper)| !sleeper.is_closed());
        let passed = state.passed;
        state.sleepers.iter().map(|(until, _)| until.saturating_sub(passed)).min()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half-way, so a poisoned lock guards a whole state.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let state = self.state();
        let now = state.start.checked_add(state.passed).unwrap_or(Timestamp::MAX);
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    fn elapsed(&self) -> Duration {
        self.state().passed
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut state = self.state();
        if duration.is_zero() {
            return Box::pin(std::future::ready(()));
        }
        let (wake, woken) = oneshot::channel();
        let until = state.passed + duration;
        state.sleepers.push((until, wake));
        Box::pin(async move {
            // A clock that is gone never wakes anyone.
            if woken.await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Elapsed, timeout};

    #[tokio::test]
    async fn time_passes_only_when_it_is_moved() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let sleep = clock.sleep(Duration::from_secs(2));
        assert_eq!(clock.next_wake(), Some(Duration::from_secs(2)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.next_wake(), Some(Duration::from_secs(1)));
        clock.advance(Duration::from_secs(1));
        sleep.await;
        assert_eq!(clock.now().as_second(), 2);
        assert_eq!(clock.next_wake(), None);
    }

    #[tokio::test]
    async fn work_that_is_ready_beats_the_time() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        assert_eq!(timeout(&clock, Duration::ZERO, async { 1 }).await, Ok(1));
        assert_eq!(timeout(&clock, Duration::ZERO, std::future::pending::<()>()).await, Err(Elapsed));
    }
}
