//! A circuit breaker that is told the time and owns no task, timer or runtime.
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How many of the latest calls are looked at; at most 128.
    pub window: u32,
    /// It never opens on fewer calls than these.
    pub least: u32,
    /// It opens when this many of a hundred have failed.
    pub percent: u32,
    /// How long it refuses before it lets one call try.
    pub pause: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self { window: 100, least: 20, percent: 50, pause: Duration::from_secs(1) }
    }
}

/// What metrics show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Calls go through.
    Closed,
    /// Calls are refused.
    Open,
    /// One call tries whether the callee is back.
    HalfOpen,
}

#[derive(Debug, Clone, Copy)]
enum Gate {
    Closed { failed: u128, seen: u32 },
    Open { until: Duration },
    Trying { since: Duration },
}

#[derive(Debug)]
struct Inner {
    gate: Gate,
    generation: u64,
    opened: u64,
}

/// One per callee. `now` is the time since any fixed moment, and never goes back.
#[derive(Debug)]
pub struct Breaker {
    rules: Rules,
    inner: Mutex<Inner>,
}

/// The right to make one call. Dropped without `done` (the caller gave up) it says nothing about the callee.
#[derive(Debug)]
#[must_use]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    generation: u64,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(rules: Rules) -> Self {
        let rules = Rules { window: rules.window.clamp(1, 128), ..rules };
        Self { rules, inner: Mutex::new(Inner { gate: Gate::Closed { failed: 0, seen: 0 }, generation: 0, opened: 0 }) }
    }

    /// `Err` says how long to wait: the call was certainly not made.
    pub fn admit(&self, now: Duration) -> Result<Permit<'_>, Duration> {
        let mut inner = self.lock();
        match inner.gate {
            Gate::Closed { .. } => {}
            Gate::Open { until } if now < until => return Err(until - now),
            Gate::Open { .. } => {
                inner.gate = Gate::Trying { since: now };
                inner.generation += 1;
            }
            Gate::Trying { .. } => return Err(self.rules.pause),
        }
        Ok(Permit { breaker: self, generation: inner.generation })
    }

    /// How it stands.
    pub fn state(&self) -> State {
        match self.lock().gate {
            Gate::Closed { .. } => State::Closed,
            Gate::Open { .. } => State::Open,
            Gate::Trying { .. } => State::HalfOpen,
        }
    }

    /// How often it has opened: a counter for metrics.
    pub fn opened(&self) -> u64 {
        self.lock().opened
    }

    // A panic cannot leave `Inner` half written, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// `failed`: time-out or unavailable. A refusal is an answer, so it is not a failure.
    pub fn done(self, failed: bool, now: Duration) {
        let (rules, mut inner) = (self.breaker.rules, self.breaker.lock());
        // A call from before the last change tells about a callee that was.
        if inner.generation != self.generation {
            return;
        }
        inner.gate = match inner.gate {
            Gate::Closed { failed: bits, seen } => {
                let bits = (bits << 1 | u128::from(failed)) & (u128::MAX >> (128 - rules.window));
                let seen = (seen + 1).min(rules.window);
                if seen < rules.least || bits.count_ones() * 100 < seen * rules.percent {
                    inner.gate = Gate::Closed { failed: bits, seen };
                    return;
                }
                Gate::Open { until: now + rules.pause }
            }
            _ if failed => Gate::Open { until: now + rules.pause },
            _ => Gate::Closed { failed: 0, seen: 0 },
        };
        inner.generation += 1;
        inner.opened += u64::from(matches!(inner.gate, Gate::Open { .. }));
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut inner = self.breaker.lock();
        // Only a trial that was given up: after `done` the generation has moved on.
        if let Gate::Trying { since } = inner.gate
            && inner.generation == self.generation
        {
            inner.gate = Gate::Open { until: since };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }
    fn call(b: &Breaker, failed: bool, now: Duration) {
        b.admit(now).unwrap().done(failed, now)
    }

    #[test]
    fn half_of_twenty_opens_and_a_second_later_one_call_tries() {
        let b = Breaker::new(Rules::default());
        for n in 0..19 {
            call(&b, n % 2 == 0, ms(0));
            assert_eq!(b.state(), State::Closed);
        }
        call(&b, true, ms(5));
        assert_eq!((b.state(), b.opened()), (State::Open, 1));
        assert_eq!(b.admit(ms(1004)).unwrap_err(), ms(1));
        let trial = b.admit(ms(1005)).unwrap();
        assert_eq!(b.state(), State::HalfOpen);
        assert!(b.admit(ms(1005)).is_err());
        trial.done(false, ms(1006));
        assert_eq!(b.state(), State::Closed);
    }
    #[test]
    fn a_long_good_time_does_not_hide_an_outage() {
        let b = Breaker::new(Rules::default());
        for _ in 0..1000 {
            call(&b, false, ms(0));
        }
        let failures = (1..)
            .find(|_| {
                call(&b, true, ms(0));
                b.state() == State::Open
            })
            .unwrap();
        assert_eq!(failures, 50);
    }
    #[test]
    fn a_failed_trial_pauses_again_and_a_dropped_one_gives_its_place_back() {
        let b = Breaker::new(Rules::default());
        for _ in 0..20 {
            call(&b, true, ms(0));
        }
        call(&b, true, ms(1000));
        assert!(b.admit(ms(1999)).is_err());
        drop(b.admit(ms(2000)).unwrap());
        call(&b, false, ms(2000));
        assert_eq!((b.state(), b.opened()), (State::Closed, 2));
    }
    #[test]
    fn an_answer_from_before_the_outage_changes_nothing() {
        let b = Breaker::new(Rules::default());
        let (slow, slower) = (b.admit(ms(0)).unwrap(), b.admit(ms(0)).unwrap());
        for _ in 0..20 {
            call(&b, true, ms(0));
        }
        slow.done(false, ms(1));
        assert_eq!(b.state(), State::Open);
        let trial = b.admit(ms(1000)).unwrap();
        slower.done(true, ms(1001));
        assert_eq!(b.state(), State::HalfOpen);
        trial.done(false, ms(1002));
        assert_eq!(b.state(), State::Closed);
    }
}
