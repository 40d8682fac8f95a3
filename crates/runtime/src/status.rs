use std::sync::{Mutex, PoisonError};

use store::Position;
use tokio::sync::watch;

/// How a running system is doing.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Its consumers.
    pub consumers: Vec<ConsumerStatus>,
    /// How many events are parked.
    pub parked: usize,
    /// How many wake-ups fail, through a fault of ours.
    pub stuck: usize,
    /// How many sagas have begun and not ended.
    pub open_sagas: usize,
    /// Views (service, collection) that are served in an old version while the new one is built.
    pub rebuilding: Vec<(&'static str, &'static str)>,
    /// How much work waits for the writer: new, begun.
    pub waiting: (usize, usize),
}

/// How one consumer is doing.
#[derive(Clone, Debug)]
pub struct ConsumerStatus {
    /// Its service.
    pub service: &'static str,
    /// Its name there: `policies`, or a view's table.
    pub consumer: String,
    /// Whom it follows.
    pub source: &'static str,
    /// How many events it has still to handle.
    pub behind: u64,
    /// Why it has halted, if it has.
    pub halted: Option<String>,
}

impl Status {
    /// Whether something needs an operator.
    pub fn is_degraded(&self) -> bool {
        self.parked > 0 || self.stuck > 0 || self.consumers.iter().any(|consumer| consumer.halted.is_some())
    }
}

/// What a consumer tells of itself.
pub(crate) struct ConsumerState {
    pub(crate) service: &'static str,
    pub(crate) consumer: String,
    pub(crate) source: &'static str,
    pub(crate) positions: watch::Sender<Vec<Position>>,
    /// Told when somebody else has moved its positions in the store.
    pub(crate) moved: watch::Sender<()>,
    halted: Mutex<Option<String>>,
}

impl ConsumerState {
    pub(crate) fn new(service: &'static str, consumer: String, source: &'static str) -> Self {
        Self {
            service,
            consumer,
            source,
            positions: watch::Sender::new(Vec::new()),
            moved: watch::Sender::new(()),
            halted: Mutex::new(None),
        }
    }

    pub(crate) fn reach(&self, positions: &[Position]) {
        self.positions.send_modify(|known| positions.clone_into(known));
    }

    pub(crate) fn halt(&self, why: String) {
        *self.halted.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    pub(crate) fn why_halted(&self) -> Option<String> {
        self.halted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn is_halted(&self) -> bool {
        self.why_halted().is_some()
    }

    /// It is to be followed again; `false` when it has not halted.
    pub(crate) fn revive(&self) -> bool {
        self.halted.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    pub(crate) fn status(&self, heads: &[Position]) -> ConsumerStatus {
        let positions = self.positions.borrow();
        let reached = |shard: usize| positions.get(shard).map_or(0, |position| position.seq);
        ConsumerStatus {
            service: self.service,
            consumer: self.consumer.clone(),
            source: self.source,
            behind: heads.iter().enumerate().map(|(shard, head)| head.seq.saturating_sub(reached(shard))).sum(),
            halted: self.halted.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
