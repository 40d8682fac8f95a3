use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clock::{SharedClock, timeout};
use kernel::{Call, CallError};
use store::Meta;
use telemetry::{Counter, Family, Histogram, Kind, Tracer};
use tokio::sync::Semaphore;

use crate::{Act, Breaker, BreakerRules, BreakerState, Envelope, Transport};

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

/// What is asked of another service, with its types set aside.
#[derive(Clone, Debug)]
pub struct Asked {
    /// [`Call::SERVICE`].
    pub service: &'static str,
    /// [`Call::NAME`].
    pub name: &'static str,
    /// [`Call::DEADLINE`]: how long the asker waits, every try included.
    pub deadline: Duration,
    /// The call's JSON.
    pub body: String,
}

impl Asked {
    /// This call.
    ///
    /// # Errors
    /// When it has no JSON form.
    pub fn of<C: Call>(call: &C) -> serde_json::Result<Self> {
        Ok(Self { service: C::SERVICE, name: C::NAME, deadline: C::DEADLINE, body: serde_json::to_string(call)? })
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

    /// Makes a call: asks for something to be done once for a key, for what came of it, or for its undoing, as `act` says. Answers with
    /// the JSON of the reply.
    ///
    /// # Errors
    /// [`CallError`]. After [`CallError::TimedOut`] and [`CallError::Undecided`] what was to be done has to be cancelled; unless a recall or
    /// a cancel is refused, nothing is certain then, and it has to be tried again.
    pub async fn ask(&self, call: Asked, act: Act, meta: Meta) -> Result<String, CallError> {
        let (started, asked, service, name) = (self.clock.elapsed(), act.name(), call.service, call.name);
        let mut span = self.tracer.within(meta.trace.as_ref(), Kind::Client, || format!("{asked} {service}/{name}").into());
        // Whatever the callee does is part of the call.
        let trace = span.context().cloned().or(meta.trace);
        let result = self.send(call, act, Meta { trace, ..meta }).await;
        let outcome = match &result {
            Ok(_) => "replied",
            Err(CallError::Refused(_)) => "refused",
            Err(CallError::Unavailable { .. }) => "unavailable",
            Err(CallError::TimedOut { .. }) => "timed-out",
            Err(CallError::Undecided { .. }) => "undecided",
        };
        self.outcomes.of(&(service, name, asked, outcome)).inc();
        self.times.of(&(service, name)).took(self.clock.elapsed().saturating_sub(started));
        span.set("yeyak.outcome", outcome);
        if matches!(result, Err(CallError::Unavailable { .. } | CallError::TimedOut { .. })) {
            span.fail(outcome);
        }
        result
    }

    /// Whether this call to this service would be refused now without being sent. One that would is counted as not asked.
    pub fn refuses(&self, service: &'static str, name: &'static str) -> bool {
        let guards = self.guards.lock().unwrap_or_else(PoisonError::into_inner);
        let refuses = |guard: &Arc<Guard>| guard.places.available_permits() == 0 || guard.breaker.refuses(self.clock.elapsed());
        let refused = guards.get(service).is_some_and(refuses);
        if refused {
            self.outcomes.of(&(service, name, "do", "not-asked")).inc();
        }
        refused
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

    async fn send(&self, call: Asked, act: Act, meta: Meta) -> Result<String, CallError> {
        let Asked { service, name, deadline: limit, body } = call;
        let unavailable = |why: &str| CallError::Unavailable { service: service.into(), why: why.into() };
        let started = self.clock.elapsed();
        let deadline = self.clock.now().checked_add(limit).unwrap_or(jiff::Timestamp::MAX);
        let envelope = Envelope { service: service.into(), call: name.into(), act, body, deadline, meta };

        let guard = self.guard(service);
        let _place = guard.places.try_acquire().map_err(|_| unavailable("too many calls to it are under way"))?;
        let left = || limit.saturating_sub(self.clock.elapsed().saturating_sub(started));
        // Both tries are one call to the breaker: one that is to find out whether the callee is back may need its second.
        let permit = guard.breaker.admit(self.clock.elapsed()).map_err(|_| unavailable("its breaker is open"))?;
        // The deadline lies inside the permit, so that a callee which is slow counts as one that fails.
        let send = async || {
            let sent = timeout(&*self.clock, left(), self.transport.send(envelope.clone())).await;
            sent.unwrap_or_else(|_| Err(CallError::TimedOut { service: service.into() }))
        };
        let mut result = send().await;
        if matches!(result, Err(CallError::Unavailable { .. })) && self.rules.retry_after < left() {
            self.clock.sleep(self.rules.retry_after).await;
            result = send().await;
        }
        match result {
            // Whoever cannot tell yet is there, and says nothing about whether more would be done.
            Err(CallError::Undecided { .. }) => drop(permit),
            Err(CallError::Unavailable { .. } | CallError::TimedOut { .. }) => permit.done(true, self.clock.elapsed()),
            Ok(_) | Err(CallError::Refused(_)) => permit.done(false, self.clock.elapsed()),
        }
        result
    }
}
