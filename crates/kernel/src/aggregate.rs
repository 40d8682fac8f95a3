use std::fmt::{Debug, Display};
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Published, Refused, Rows};

/// What names one aggregate among its kind: an id, a notice number, an order number.
///
/// Its text is durable (it stands in the store and in published events), so it must read back to an equal key.
pub trait Key: Display + FromStr + Clone + Eq + Debug + Send + Sync + 'static {}

impl<T: Display + FromStr + Clone + Eq + Debug + Send + Sync + 'static> Key for T {}

/// A thing that decides alone: what can run out, and must never be promised twice.
///
/// Its state is the fold of its events and nothing else. `decide` looks at the state and answers with what happens;
/// `evolve` makes it so. Both are pure, so the same events always give the same state, on any machine, at any time.
///
/// The serialised form of the state is used for snapshots only; a snapshot that no longer reads is thrown away and the
/// events are folded from the beginning.
pub trait Aggregate: Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The durable name of the kind, unique in its service.
    const NAME: &'static str;
    /// Whether what fell due while nobody looked happens at each instant at which it was due, one after the other, or once,
    /// now. The first is how the world goes: a meeting ended when its slot did. The second is for retries.
    const REPLAYS_TIME: bool = true;
    /// What names one of the kind.
    type Key: Key;
    /// What can be asked of it.
    type Command: Clone + Debug + Send + Sync + 'static;
    /// What can have happened to it. Its JSON is durable and changes by addition only.
    type Event: Serialize + DeserializeOwned + Clone + Debug + Send + Sync + 'static;
    /// Why it can say no.
    type Refusal: std::error::Error + Into<Refused>;

    /// Decides a command at an instant. An empty answer means that nothing needs to happen.
    ///
    /// The runtime has let [`tick`](Self::tick) pass first, so the state holds nothing that is overdue at `at`.
    ///
    /// # Errors
    /// The refusal says which rule stands in the way; nothing has happened then.
    fn decide(&self, command: Self::Command, at: Timestamp) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// Takes an event, which happened at `at`, into the state.
    fn evolve(&mut self, event: &Self::Event, at: Timestamp);

    /// The next instant at which something happens without being asked for, if there is one.
    fn wake_at(&self) -> Option<Timestamp> {
        None
    }

    /// What happens by itself because it is `at`. Called only when [`wake_at`](Self::wake_at) is not later than `at`,
    /// again and again until it is; so each answer must move `wake_at` on.
    fn tick(&self, _at: Timestamp) -> Vec<Self::Event> {
        Vec::new()
    }
}

/// How what happens to an aggregate is seen from outside it: as rows of its service's resources and as published events.
pub trait Exposed: Aggregate {
    /// The events that the service publishes.
    type Published: Published;

    /// The collection of which each row is one of these, with its key for an id. What it does to its row is the row's history, and no
    /// index has to lead there. For what has a short life: it is gone through from its end to read a part of it.
    const COLLECTION: Option<&'static str> = None;

    /// Writes the rows that `event` changes. `self` is the state *before* the event, so what leaves the state can still be read.
    fn rows(&self, _key: &Self::Key, _event: &Self::Event, _at: Timestamp, _rows: &mut Rows) {}

    /// The published form of `event`, if others may know of it. `self` is the state *after* the event.
    fn publish(&self, _key: &Self::Key, _event: &Self::Event, _at: Timestamp) -> Option<Self::Published> {
        None
    }
}
