use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// After so long nothing that was sent is still on its way: Toss asks callers to wait up to a minute for an answer, and this is twice that.
pub(super) const SETTLED_AFTER: Duration = Duration::from_secs(120);

/// More calls than this are not remembered. One is forgotten when it is an hour old, and so many are not abandoned in an hour.
const MOST: usize = 10_000;

/// How long a call is remembered once there are too many.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// What this process knows of calls that Toss cannot be told: which are not to be made any more, and which tries were in vain.
///
/// It is lost with the process, and need not be kept. Whoever asks again waits once more, and a try is in vain once more; and a saga that
/// was told for certain sends nothing more of that call, while what the process itself had sent ends with it.
#[derive(Default)]
pub(super) struct Closed(Mutex<HashMap<String, Call>>);

#[derive(Default)]
struct Call {
    touched: Duration,
    /// Since when no confirmation is sent under its key.
    since: Option<Duration>,
    in_vain: u32,
}

impl Closed {
    /// Sees to it that no confirmation is sent under this key from now on, and tells for how long that has been so.
    pub(super) fn close(&self, key: &str, now: Duration) -> Duration {
        let mut calls = self.calls();
        let call = touch(&mut calls, key, now);
        now.saturating_sub(*call.since.get_or_insert(now))
    }

    /// Whether none is sent any more.
    pub(super) fn is_closed(&self, key: &str) -> bool {
        self.calls().get(key).is_some_and(|call| call.since.is_some())
    }

    /// How many tries under this key were answered with an error, which Toss would only repeat.
    pub(super) fn in_vain(&self, key: &str) -> u32 {
        self.calls().get(key).map_or(0, |call| call.in_vain)
    }

    /// Another was.
    pub(super) fn was_in_vain(&self, key: &str, now: Duration) {
        touch(&mut self.calls(), key, now).in_vain += 1;
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<String, Call>> {
        // A map is whole between any two of its operations.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn touch<'a>(calls: &'a mut HashMap<String, Call>, key: &str, now: Duration) -> &'a mut Call {
    if calls.len() >= MOST && !calls.contains_key(key) {
        calls.retain(|_, call| now.saturating_sub(call.touched) < REMEMBERED);
        if calls.len() >= MOST {
            calls.clear();
        }
    }
    let call = calls.entry(key.into()).or_default();
    call.touched = now;
    call
}
