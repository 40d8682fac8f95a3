//! What a system shows to Prometheus. What its store and its parts know already is read when it is asked for.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use calls::BreakerState;
use clock::until;
use kernel::Timestamp;
use store::{Position, SHARDS, StoreError};
use telemetry::{Exposition, Metric};

use crate::handle::ServiceHandle;
use crate::open_sagas::SagaState;
use crate::status::ConsumerState;
use crate::system::SystemHandle;

/// So many parked events are counted; more are shown as so many. Their keys are all counted, for a key is what waits.
const MOST_PARKED: usize = 1000;

const fn metric(name: &'static str, help: &'static str) -> Metric {
    Metric { name, help }
}

const STORE_UP: Metric = metric("yeyak_store_up", "Whether the store of a system could be read when this was asked for.");
const COMMANDS: Metric = metric("yeyak_commands_total", "What aggregates decided about commands, wherever these came from.");
const WORK: Metric = metric("yeyak_writer_work_total", "Pieces of work that the writer has answered, by kind and outcome.");
const BATCH_SIZE: Metric = metric("yeyak_writer_batch_size", "How many pieces of work one transaction took.");
const BATCH_TIME: Metric = metric("yeyak_writer_batch_duration_seconds", "How long the writer took for one batch, its commit included.");
const QUEUE: Metric = metric("yeyak_writer_queue_depth", "How much work waits for the writer, new or continuing something begun.");
const TURNED_AWAY: Metric = metric("yeyak_overload_refused_total", "New work that was refused because too much waited or was under way.");
const FEED_HEAD: Metric = metric("yeyak_feed_head", "How many events a service has published: the sum of its shards' last positions.");
const LAG: Metric = metric("yeyak_consumer_lag_events", "How many published events a consumer has still to handle.");
const LAG_SECONDS: Metric = metric("yeyak_consumer_lag_seconds", "How old the oldest event is that a consumer has still to handle.");
const HALTED: Metric = metric("yeyak_consumer_halted", "Whether a consumer has halted until an operator acts.");
const PARKED: Metric = metric("yeyak_parked_events", "Events that could not be handled and wait, counted up to 1000 for each service.");
const PARKED_KEYS: Metric = metric("yeyak_parked_keys", "Keys whose events wait because one could not be handled; all of them.");
const LATE: Metric = metric("yeyak_wakeup_late_seconds", "How long ago the longest overdue wake-up of a service was due.");
const STUCK: Metric = metric("yeyak_wakeups_stuck", "Aggregates whose wake-up fails, which is a fault of their rules.");
const SAGAS: Metric = metric("yeyak_sagas_open", "Sagas that have begun and not ended, by where they stand.");
const SERVED: Metric = metric("yeyak_projection_served_version", "The version of a view that readers are served.");
const CURRENT: Metric =
    metric("yeyak_projection_version", "The version of a view that this release has; it is built beside the served one.");
const STALE: Metric = metric("yeyak_projection_stale", "Whether a view is served in an old version while the new one is built.");
const CALLS: Metric = metric("yeyak_calls_total", "Calls to other services, by what was asked and how they ended.");
const CALL_TIME: Metric = metric("yeyak_call_duration_seconds", "How long calls to other services took, every try included.");
const BREAKER: Metric = metric("yeyak_breaker_state", "How the breaker before a callee stands: 1 for the state that it is in.");
const OPENED: Metric = metric("yeyak_breaker_opened_total", "How often the breaker before a callee has opened.");

fn flag(on: bool) -> f64 {
    if on { 1. } else { 0. }
}

impl SystemHandle {
    /// Adds what there is to see of it. A store that cannot be read is shown as such, and hides only what it alone knows.
    pub async fn show(&self, to: &mut Exposition) {
        self.show_work(to);
        self.show_calls(to);
        self.show_sagas(to);
        let read = self.show_stored(to).await;
        to.gauge(STORE_UP, &[("system", self.name())], flag(read.is_ok()));
    }

    fn show_work(&self, to: &mut Exposition) {
        let (system, stats) = (("system", self.name()), &self.system.stats);
        for ((service, aggregate, outcome), count) in stats.commands.all() {
            to.counter(COMMANDS, &[system, ("service", service), ("aggregate", aggregate), ("outcome", outcome)], &count);
        }
        for ((service, kind, outcome), count) in stats.work.all() {
            to.counter(WORK, &[system, ("service", service), ("kind", kind), ("outcome", outcome)], &count);
        }
        for service in self.system.handles() {
            // It is there before it happens for the first time, or the first time would be missed.
            stats.turned_away.of(&(service.name(), "waiting"));
        }
        for ((service, of), count) in stats.turned_away.all() {
            to.counter(TURNED_AWAY, &[system, ("service", service), ("too_many", of)], &count);
        }
        to.histogram(BATCH_SIZE, &[system], &stats.batch_sizes);
        to.histogram(BATCH_TIME, &[system], &stats.batch_times);
        let (new, begun) = self.system.inbox.waiting();
        to.gauge(QUEUE, &[system, ("lane", "new")], new as f64);
        to.gauge(QUEUE, &[system, ("lane", "begun")], begun as f64);
        let stuck = self.system.stuck.lock().unwrap_or_else(PoisonError::into_inner).len();
        to.gauge(STUCK, &[system], stuck as f64);
    }

    fn show_calls(&self, to: &mut Exposition) {
        let (system, client) = (("system", self.name()), &self.system.client);
        for ((callee, call, act, outcome), count) in client.outcomes().all() {
            to.counter(CALLS, &[system, ("callee", callee), ("call", call), ("act", act), ("outcome", outcome)], &count);
        }
        for ((callee, call), times) in client.times().all() {
            to.histogram(CALL_TIME, &[system, ("callee", callee), ("call", call)], &times);
        }
        for (callee, state) in client.breakers() {
            for (name, one) in [("closed", BreakerState::Closed), ("open", BreakerState::Open), ("half-open", BreakerState::HalfOpen)] {
                to.gauge(BREAKER, &[system, ("callee", callee), ("state", name)], flag(state == one));
            }
        }
        for (callee, opened) in client.openings() {
            to.count(OPENED, &[system, ("callee", callee)], opened);
        }
    }

    fn show_sagas(&self, to: &mut Exposition) {
        let open = self.system.open_sagas.by_state();
        for service in self.system.handles() {
            for saga in service.service().sagas() {
                for state in SagaState::ALL {
                    let count = open.get(&(service.name(), saga, state)).copied().unwrap_or(0);
                    let labels = [("system", self.name()), ("service", service.name()), ("saga", saga), ("state", state.name())];
                    to.gauge(SAGAS, &labels, count as f64);
                }
            }
        }
    }

    async fn show_stored(&self, to: &mut Exposition) -> Result<(), StoreError> {
        let mut heads = BTreeMap::new();
        for service in self.system.handles() {
            let found = service.store().heads(service.name()).await?;
            let published: u64 = found.iter().map(|head| head.seq).sum();
            to.gauge(FEED_HEAD, &[("system", self.name()), ("service", service.name())], published as f64);
            heads.insert(service.name(), found);
            self.show_service(&service, to).await?;
        }
        let consumers = self.system.consumers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for consumer in consumers {
            let of_source = match heads.get(consumer.source) {
                Some(heads) => heads.clone(),
                None => self.system.store.heads(consumer.source).await?,
            };
            self.show_consumer(&consumer, &of_source, to).await?;
        }
        Ok(())
    }

    async fn show_service(&self, service: &ServiceHandle, to: &mut Exposition) -> Result<(), StoreError> {
        let labels = [("system", self.name()), ("service", service.name())];
        let parked = service.store().parked(service.name(), MOST_PARKED).await?;
        to.gauge(PARKED, &labels, parked.len() as f64);
        to.gauge(PARKED_KEYS, &labels, service.store().parked_keys(service.name()).await? as f64);
        let due = service.store().next_wake(service.name()).await?;
        to.gauge(LATE, &labels, due.map_or(Duration::ZERO, |due| until(due, service.now())).as_secs_f64());
        for view in &service.service().projections {
            let labels = [("system", self.name()), ("service", service.name()), ("view", view.collection)];
            let served = service.views().served(service.name(), view.collection);
            to.gauge(CURRENT, &labels, f64::from(view.version));
            to.gauge(SERVED, &labels, served.map_or(0., f64::from));
            to.gauge(STALE, &labels, flag(served != Some(view.version)));
        }
        Ok(())
    }

    async fn show_consumer(&self, consumer: &ConsumerState, heads: &[Position], to: &mut Exposition) -> Result<(), StoreError> {
        let status = consumer.status(heads);
        let labels = [("system", self.name()), ("service", status.service), ("consumer", &*status.consumer), ("source", status.source)];
        to.gauge(LAG, &labels, status.behind as f64);
        to.gauge(HALTED, &labels, flag(status.halted.is_some()));
        let reached = consumer.positions.borrow().clone();
        let mut oldest: Option<Timestamp> = None;
        for (shard, head) in (0..SHARDS).zip(heads) {
            let after = reached.get(usize::from(shard)).map_or(0, |position| position.seq);
            if head.seq > after {
                let next = self.system.store.feed(status.source, shard, after, 1).await?.events;
                oldest = oldest.into_iter().chain(next.first().map(|event| event.at)).min();
            }
        }
        let age = oldest.map_or(Duration::ZERO, |at| until(at, self.system.clock.now()));
        to.gauge(LAG_SECONDS, &labels, age.as_secs_f64());
        Ok(())
    }
}
