use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// After so long nothing that was sent is still on its way: Toss asks callers to wait up to a minute for an answer, and this is twice that.
const SETTLED_AFTER: Duration = Duration::from_secs(120);

/// More calls than this are not remembered. One is forgotten when it is an hour old, and so many are not abandoned in an hour.
const MOST: usize = 10_000;

/// How long a call is remembered once there are too many.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// A confirmation is sent within so long of the birth of the saga that has it sent, or never: as long as its call may take, and a little
/// more. So a process that has sent none knows when those before it can have sent theirs.
pub(super) const SENT_WITHIN: Duration = Duration::from_secs(10);

/// What this process knows of calls that Toss cannot be told: which are not to be made any more, when they were made last, and which
/// tries were in vain.
///
/// It is lost with the process, and need not be kept. What an earlier process sent is as old as its saga, a try is in vain once more, and
/// a saga that was told for certain sends nothing more of that call.
#[derive(Default)]
pub(super) struct Closed(Mutex<HashMap<String, Call>>);

#[derive(Default)]
struct Call {
    touched: Duration,
    /// Since when no confirmation is sent under its key.
    since: Option<Duration>,
    /// When one was sent last.
    sent: Option<Duration>,
    in_vain: u32,
}

/// For how long nothing has been sent any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quiet {
    /// By this process.
    here: Duration,
    /// Whether this process had sent something before.
    was_sent: bool,
}

impl Quiet {
    /// Whether nothing is on its way any more, of a call whose saga is of this age by the clock. That can be set, so it says nothing about
    /// what this process has sent itself.
    pub(super) fn is_settled(self, age: Duration) -> bool {
        self.here >= SETTLED_AFTER || !self.was_sent && age >= SENT_WITHIN + SETTLED_AFTER
    }
}

impl Closed {
    /// Sees to it that no confirmation is sent under this key from now on, and tells for how long none was.
    pub(super) fn close(&self, key: &str, now: Duration) -> Quiet {
        let mut calls = self.calls();
        let call = touch(&mut calls, key, now);
        let closed = *call.since.get_or_insert(now);
        Quiet { here: now.saturating_sub(call.sent.unwrap_or(closed)), was_sent: call.sent.is_some() }
    }

    /// Whether a confirmation may be sent under this key. It counts as sent then.
    pub(super) fn may_send(&self, key: &str, now: Duration) -> bool {
        let mut calls = self.calls();
        let call = touch(&mut calls, key, now);
        if call.since.is_none() {
            call.sent = Some(now);
        }
        call.since.is_none()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_says_nothing_about_what_this_process_has_sent() {
        let (closed, at) = (Closed::default(), Duration::from_secs);
        let settled = |key, now, age| closed.close(key, at(now)).is_settled(at(age));
        assert!(closed.may_send("sent", at(5)));
        assert_eq!([settled("sent", 10, 86_400), settled("sent", 124, 0), settled("sent", 125, 0)], [false, false, true]);
        assert_eq!([settled("unsent", 10, 129), settled("unsent", 10, 130)], [false, true]);
        assert_eq!([settled("unsent", 129, 0), settled("unsent", 130, 0)], [false, true]);
        assert!(!closed.may_send("sent", at(130)) && !closed.may_send("unsent", at(130)));
    }
}
