//! A callee in memory, by which the suite tests itself, and which transports that need some callee can stand before.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clock::{Clock, ManualClock};
use futures_util::future::BoxFuture;
use kernel::{Aggregate, Answer, Call, CallError, Refused, RefusedKind};

use super::pool::{Pool, PoolCommand, Take};
use crate::{Act, CallKey, Envelope, Transport};

/// How long a call's outcome is remembered.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);

/// Pools in memory. What it is told is decided when its future is first looked at.
pub struct Callee {
    clock: ManualClock,
    stopped: AtomicBool,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    pools: HashMap<String, Pool>,
    records: HashMap<CallKey, Record>,
}

#[derive(Clone)]
enum Record {
    Replied(String),
    Refused(Refused),
    Cancelled,
}

fn conflict(code: &str) -> Refused {
    Refused::new(RefusedKind::Conflict, code, code)
}

impl Callee {
    /// One that has answered nobody yet.
    pub fn new(clock: ManualClock) -> Self {
        Self { clock, stopped: AtomicBool::new(false), memory: Mutex::default() }
    }

    /// Stops it, or lets it go on.
    pub fn stop(&self, stopped: bool) {
        self.stopped.store(stopped, Ordering::Release);
    }

    fn answer(&self, envelope: &Envelope) -> Result<String, CallError> {
        let unavailable = |why: &str| CallError::Unavailable { service: envelope.service.clone(), why: why.into() };
        if self.stopped.load(Ordering::Acquire) {
            return Err(unavailable("it is stopped"));
        }
        if envelope.service != Take::SERVICE || envelope.call != Take::NAME {
            return Err(unavailable("it knows no such call"));
        }
        let call: Take = serde_json::from_str(&envelope.body).map_err(|error| unavailable(&error.to_string()))?;
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        match &envelope.act {
            Act::Do(_) if envelope.deadline < self.clock.now() => Err(unavailable("its deadline has passed")),
            Act::Do(key) => match memory.act(key, &call, self.clock.now()) {
                Record::Replied(reply) => Ok(reply),
                Record::Refused(refused) => Err(CallError::Refused(refused)),
                Record::Cancelled => Err(CallError::Refused(conflict("cancelled"))),
            },
            Act::Recall(key) => match memory.recall(key) {
                Record::Replied(reply) => Ok(reply),
                Record::Refused(refused) => Err(CallError::Refused(refused)),
                Record::Cancelled => Err(CallError::Refused(conflict("cancelled"))),
            },
            Act::Cancel(key) => {
                memory.cancel(key, &call, self.clock.now());
                Ok("null".into())
            }
        }
    }
}

impl Memory {
    fn act(&mut self, key: &CallKey, call: &Take, now: jiff::Timestamp) -> Record {
        if let Some(kept) = self.records.get(key) {
            return kept.clone();
        }
        if now.duration_since(key.born) > jiff::SignedDuration::try_from(REMEMBERED).expect("a week") {
            return Record::Refused(conflict("call-too-old"));
        }
        let record = match self.command(call.command(), now) {
            Ok(after) => Record::Replied(serde_json::to_string(&call.reply(after)).expect("a reply is JSON")),
            Err(refused) => Record::Refused(refused),
        };
        self.records.insert(key.clone(), record.clone());
        record
    }

    fn recall(&mut self, key: &CallKey) -> Record {
        self.records.entry(key.clone()).or_insert(Record::Cancelled).clone()
    }

    fn cancel(&mut self, key: &CallKey, call: &Take, now: jiff::Timestamp) {
        match self.records.get(key) {
            Some(Record::Refused(_) | Record::Cancelled) => return,
            // An undo that is refused found nothing to undo.
            Some(Record::Replied(_)) => drop(self.command(call.undo(), now).map(drop)),
            None => {}
        }
        self.records.insert(key.clone(), Record::Cancelled);
    }

    fn command(&mut self, (key, command): (String, PoolCommand), now: jiff::Timestamp) -> Result<&Pool, Refused> {
        let pool = self.pools.entry(key).or_default();
        for event in pool.decide(command, now)? {
            pool.evolve(&event, now);
        }
        Ok(pool)
    }
}

impl Transport for Callee {
    fn send<'a>(&'a self, envelope: Envelope) -> BoxFuture<'a, Result<String, CallError>> {
        Box::pin(async move { self.answer(&envelope) })
    }
}
