use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clock::{SharedClock, timeout};
use kernel::{Call, CallError, misread};
use store::Meta;
use telemetry::{Counter, Family, Histogram, Kind, Tracer};
use tokio::sync::Semaphore;

use crate::{Act, Breaker, BreakerRules, BreakerState, CallKey, Envelope, Transport};

/// How calls are guarded.
#[derive(Clone, Copy, Debug)]
pub struct ClientRules {
    /// How many calls to one service may be under way at once.
    pub at_once: usize,
    /// When the breaker of a service opens.
    pub breaker: BreakerRules,
    /// How long to wait before a call that certainly was not decided is sent once more.
    pub retry_after: Duration,
}

impl Default for ClientRules {
    fn default() -> Self {
        Self { at_once: 256, breaker: BreakerRules::default(), retry_after: Duration::from_millis(25) }
    }
}

/// The guarded door to other services. Clones share their guards.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    clock: SharedClock,
    rules: ClientRules,
    guards: Arc<Mutex<HashMap<&'static str, Arc<Guard>>>>,
    tracer: Tracer,
    outcomes: Arc<Outcomes>,
    times: Arc<Times>,
}

/// How calls ended: callee, call, what was asked of it, outcome.
pub type Outcomes = Family<(&'static str, &'static str, &'static str, &'static str), Counter>;

/// How long calls took: callee, call.
pub type Times = Family<(&'static str, &'static str), Histogram>;

/// What stands before one callee.
struct Guard {
    breaker: Breaker,
    places: Semaphore,
}

impl Client {
    /// A client that sends through `transport`.
    pub fn new(transport: Arc<dyn Transport>, clock: SharedClock, rules: ClientRules) -> Self {
        let times = Arc::new(Family::new(Histogram::of_times));
        Self { transport, clock, rules, guards: Arc::default(), tracer: Tracer::off(), outcomes: Arc::default(), times }
    }

    /// The same, with each call a span of the trace that it is part of.
    #[must_use]
    pub fn traced(self, tracer: Tracer) -> Self {
        Self { tracer, ..self }
    }

    /// Asks for something to be done, once for `key`.
    ///
    /// # Errors
    /// [`CallError`]; after [`CallError::TimedOut`] the call has to be [cancelled](Self::cancel).
    pub async fn act<C: Call>(&self, call: &C, key: &CallKey, meta: Meta) -> Result<C::Reply, CallError> {
        self.guarded::<C>(call, Act::Do(key.clone()), meta).await.and_then(|reply| decode::<C>(&reply))
    }

    /// Asks what came of the call made under `key`. If nothing has, nothing ever will: that is a refusal, `cancelled`.
    ///
    /// # Errors
    /// [`CallError`]; unless it is a refusal, it is not certain then, and has to be tried again.
    pub async fn recall<C: Call>(&self, call: &C, key: &CallKey, meta: Meta) -> Result<C::Reply, CallError> {
        self.guarded::<C>(call, Act::Recall(key.clone()), meta).await.and_then(|reply| decode::<C>(&reply))
    }

    /// Sees to it that nothing stands of the call made under `key`, now or later.
    ///
    /// # Errors
    /// [`CallError`]; it is not certain then, and has to be tried again.
    pub async fn cancel<C: Call>(&self, call: &C, key: &CallKey, meta: Meta) -> Result<(), CallError> {
        self.guarded::<C>(call, Act::Cancel(key.clone()), meta).await.map(|_| ())
    }

    /// The state of each callee's breaker, by its service.
    pub fn breakers(&self) -> Vec<(&'static str, BreakerState)> {
        let guards = self.guards.lock().unwrap_or_else(PoisonError::into_inner);
        let mut states: Vec<_> = guards.iter().map(|(service, guard)| (*service, guard.breaker.state())).collect();
        states.sort_unstable_by_key(|(service, _)| *service);
        states
    }

    /// How often each callee's breaker has opened, by its service.
    pub fn openings(&self) -> Vec<(&'static str, u64)> {
        let guards = self.guards.lock().unwrap_or_else(PoisonError::into_inner);
        let mut openings: Vec<_> = guards.iter().map(|(service, guard)| (*service, guard.breaker.opened())).collect();
        openings.sort_unstable();
        openings
    }

    /// How the calls ended that were made so far.
    pub fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// How long they took.
    pub fn times(&self) -> &Times {
        &self.times
    }

    fn guard(&self, service: &'static str) -> Arc<Guard> {
        let mut guards = self.guards.lock().unwrap_or_else(PoisonError::into_inner);
        let guard = || Arc::new(Guard { breaker: Breaker::new(self.rules.breaker), places: Semaphore::new(self.rules.at_once) });
        Arc::clone(guards.entry(service).or_insert_with(guard))
    }

    /// A call that is counted and traced, whatever becomes of it.
    async fn guarded<C: Call>(&self, call: &C, act: Act, meta: Meta) -> Result<String, CallError> {
        let (started, asked) = (self.clock.elapsed(), act.name());
        let mut span = self.tracer.within(meta.trace.as_ref(), Kind::Client, || format!("{asked} {}/{}", C::SERVICE, C::NAME).into());
        // Whatever the callee does is part of the call.
        let trace = span.context().cloned().or(meta.trace);
        let result = self.send::<C>(call, act, Meta { trace, ..meta }).await;
        let outcome = match &result {
            Ok(_) => "replied",
            Err(CallError::Refused(_)) => "refused",
            Err(CallError::Unavailable { .. }) => "unavailable",
            Err(CallError::TimedOut { .. }) => "timed-out",
        };
        self.outcomes.of(&(C::SERVICE, C::NAME, asked, outcome)).inc();
        self.times.of(&(C::SERVICE, C::NAME)).took(self.clock.elapsed().saturating_sub(started));
        span.set("yeyak.outcome", outcome);
        if matches!(result, Err(CallError::Unavailable { .. } | CallError::TimedOut { .. })) {
            span.fail(outcome);
        }
        result
    }

    async fn send<C: Call>(&self, call: &C, act: Act, meta: Meta) -> Result<String, CallError> {
        let unavailable = |why: &str| CallError::Unavailable { service: C::SERVICE.into(), why: why.into() };
        let body = serde_json::to_string(call).map_err(|error| unavailable(&error.to_string()))?;
        let started = self.clock.elapsed();
        let deadline = self.clock.now().checked_add(C::DEADLINE).unwrap_or(jiff::Timestamp::MAX);
        let envelope = Envelope { service: C::SERVICE.into(), call: C::NAME.into(), act, body, deadline, meta };

        let guard = self.guard(C::SERVICE);
        let _place = guard.places.try_acquire().map_err(|_| unavailable("too many calls to it are under way"))?;
        let left = || C::DEADLINE.saturating_sub(self.clock.elapsed().saturating_sub(started));
        let mut tries = 0;
        loop {
            tries += 1;
            let permit = guard.breaker.admit(self.clock.elapsed()).map_err(|_| unavailable("its breaker is open"))?;
            // The deadline lies inside the permit, so that a callee which is slow counts as one that fails.
            let result = timeout(&*self.clock, left(), self.transport.send(envelope.clone()))
                .await
                .unwrap_or_else(|_| Err(CallError::TimedOut { service: C::SERVICE.into() }));
            permit.done(matches!(result, Err(CallError::Unavailable { .. } | CallError::TimedOut { .. })), self.clock.elapsed());
            match result {
                Err(CallError::Unavailable { .. }) if tries < 2 && self.rules.retry_after < left() => {
                    self.clock.sleep(self.rules.retry_after).await;
                }
                other => return other,
            }
        }
    }
}

fn decode<C: Call>(reply: &str) -> Result<C::Reply, CallError> {
    // A reply that cannot be read was decided by someone: whatever was done has to be cancelled.
    serde_json::from_str(reply).map_err(|error| {
        tracing::error!(callee = C::SERVICE, call = C::NAME, error = misread(&error), "a reply could not be read");
        CallError::TimedOut { service: C::SERVICE.into() }
    })
}
