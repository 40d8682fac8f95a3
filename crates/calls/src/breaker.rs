//! A circuit breaker that is told the time and owns no task, timer or runtime (decision 005).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls go through.
    Closed,
    /// Calls are refused.
    Open,
    /// One call tries whether the callee is back.
    HalfOpen,
}

#[derive(Clone, Copy, Debug)]
enum Gate {
    /// The latest calls, a bit for each that failed, and how many they are.
    Closed {
        failed: u128,
        seen: u32,
    },
    Open {
        until: Duration,
    },
    Trying {
        since: Duration,
    },
}

#[derive(Debug)]
struct Inner {
    gate: Gate,
    /// Raised with every change of the gate, so that permits from before it are known.
    generation: u64,
    opened: u64,
}

/// The breaker before one callee. What it is told as `now` is the time since any fixed moment, which never goes back.
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

    /// Asks to make one call.
    ///
    /// # Errors
    /// How long to wait before asking again: the call may not be made.
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

    /// Whether it would refuse a call now. Asking takes nothing from whoever makes one.
    pub fn refuses(&self, now: Duration) -> bool {
        match self.lock().gate {
            Gate::Closed { .. } => false,
            Gate::Open { until } => now < until,
            Gate::Trying { .. } => true,
        }
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
    /// The call has ended. It has `failed` when it timed out or its callee was unavailable; a refusal is an answer.
    pub fn done(self, failed: bool, now: Duration) {
        let (rules, mut inner) = (self.breaker.rules, self.breaker.lock());
        // A call from before the last change tells about a callee that was.
        if inner.generation != self.generation {
            return;
        }
        inner.gate = match inner.gate {
            Gate::Closed { failed: bits, seen } => {
                let bits = ((bits << 1) | u128::from(failed)) & (u128::MAX >> (128 - rules.window));
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

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn call(breaker: &Breaker, failed: bool, now: Duration) {
        breaker.admit(now).unwrap().done(failed, now);
    }

    #[test]
    fn half_of_twenty_opens_and_a_second_later_one_call_tries() {
        let breaker = Breaker::new(Rules::default());
        for n in 0..19 {
            call(&breaker, n % 2 == 0, ms(0));
            assert_eq!(breaker.state(), State::Closed);
        }
        call(&breaker, true, ms(5));
        assert_eq!((breaker.state(), breaker.opened()), (State::Open, 1));
        assert_eq!(breaker.admit(ms(1004)).unwrap_err(), ms(1));
        assert_eq!([ms(1004), ms(1005)].map(|now| breaker.refuses(now)), [true, false]);
        let trial = breaker.admit(ms(1005)).unwrap();
        assert_eq!(breaker.state(), State::HalfOpen);
        assert!(breaker.admit(ms(1005)).is_err() && breaker.refuses(ms(1005)));
        trial.done(false, ms(1006));
        assert!(!breaker.refuses(ms(1006)));
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn fewer_than_half_never_open() {
        let breaker = Breaker::new(Rules::default());
        for n in 0..1000 {
            call(&breaker, n % 20 > 10, ms(0));
        }
        assert_eq!((breaker.state(), breaker.opened()), (State::Closed, 0));
    }

    #[test]
    fn a_long_good_time_does_not_hide_an_outage() {
        let breaker = Breaker::new(Rules::default());
        for _ in 0..1000 {
            call(&breaker, false, ms(0));
        }
        let failures = (1..).find(|_| {
            call(&breaker, true, ms(0));
            breaker.state() == State::Open
        });
        assert_eq!(failures, Some(50));
    }

    #[test]
    fn a_failed_trial_pauses_again_and_a_dropped_one_gives_its_place_back() {
        let breaker = Breaker::new(Rules::default());
        for _ in 0..20 {
            call(&breaker, true, ms(0));
        }
        call(&breaker, true, ms(1000));
        assert!(breaker.admit(ms(1999)).is_err());
        drop(breaker.admit(ms(2000)).unwrap());
        call(&breaker, false, ms(2000));
        assert_eq!((breaker.state(), breaker.opened()), (State::Closed, 2));
    }

    #[test]
    fn an_answer_from_before_the_outage_changes_nothing() {
        let breaker = Breaker::new(Rules::default());
        let (slow, slower) = (breaker.admit(ms(0)).unwrap(), breaker.admit(ms(0)).unwrap());
        for _ in 0..20 {
            call(&breaker, true, ms(0));
        }
        slow.done(false, ms(1));
        assert_eq!(breaker.state(), State::Open);
        let trial = breaker.admit(ms(1000)).unwrap();
        slower.done(true, ms(1001));
        assert_eq!(breaker.state(), State::HalfOpen);
        trial.done(false, ms(1002));
        assert_eq!(breaker.state(), State::Closed);
    }
}
