use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use kernel::Timestamp;

use crate::{Cell, FeedEvent, Meta, Position, RecordedEvent, Shard};

/// The deciding half of a transaction: from what was claimed to what is written. It is synchronous and runs at most once.
pub type Decide = Box<dyn FnOnce(Loaded) -> Result<Writes, Abort> + Send>;

/// The deciding closure gives the whole transaction up.
#[derive(Clone, Debug)]
pub struct Abort(pub String);

/// What names one aggregate in a store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RootKey {
    /// Its service.
    pub service: &'static str,
    /// Its kind.
    pub aggregate: &'static str,
    /// Its key.
    pub key: String,
}

/// What names one shard's position of a consumer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PositionKey {
    /// The consuming service.
    pub service: &'static str,
    /// The consumer in it.
    pub consumer: String,
    /// The publishing service.
    pub source: String,
    /// The shard.
    pub shard: Shard,
}

/// What names a line of parked events: those of one key that wait behind each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineKey {
    /// The consuming service.
    pub service: &'static str,
    /// The consumer in it.
    pub consumer: String,
    /// The publishing service.
    pub source: String,
    /// The shard of the key.
    pub shard: Shard,
    /// The key of the events' aggregate.
    pub key: String,
}

/// What sort of answer is kept under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKind {
    /// The answer to a client that sent an idempotency key.
    Answer,
    /// The outcome of a call from another service, or its tombstone.
    Call,
}

/// What names a kept answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey {
    /// The service that keeps it.
    pub service: &'static str,
    /// What sort it is.
    pub kind: RecordKind,
    /// The key, with the scope it is valid in.
    pub key: String,
}

/// A kept answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it was kept.
    pub at: Timestamp,
    /// What was kept, JSON of the runtime's making.
    pub value: String,
}

/// What names a counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SequenceKey {
    /// Its service.
    pub service: &'static str,
    /// What it counts: a collection.
    pub name: &'static str,
}

/// What names a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey {
    /// Its service.
    pub service: &'static str,
    /// Its table.
    pub table: String,
    /// Its id.
    pub id: u64,
}

/// What a transaction takes before it decides. The sets are ordered, and a backend locks in the order of the fields and of
/// the sets, so that two transactions never wait for each other.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// The id of this batch, unlike any other's.
    pub batch: String,
    /// Kept answers.
    pub records: BTreeSet<RecordKey>,
    /// Consumers' positions.
    pub positions: BTreeSet<PositionKey>,
    /// Consumers (service, name) whose parked keys have to be known.
    pub consumers: BTreeSet<(&'static str, String)>,
    /// Lines of parked events of which the first has to be known.
    pub lines: BTreeSet<LineKey>,
    /// Roots, with the version that the caller has folded already.
    pub roots: BTreeMap<RootKey, u64>,
    /// Those of the roots that are loaded from their first event, because their snapshot does not read.
    pub whole: BTreeSet<RootKey>,
    /// Counters.
    pub sequences: BTreeSet<SequenceKey>,
    /// Rows of views.
    pub rows: BTreeSet<RowKey>,
}

/// What a transaction found.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The answers that were kept, of those claimed.
    pub records: HashMap<RecordKey, Record>,
    /// The positions claimed; one that was never written is 0.
    pub positions: HashMap<PositionKey, Position>,
    /// (service, consumer, source, key) of everything parked by the consumers claimed.
    pub parked: HashSet<(&'static str, String, String, String)>,
    /// The first event of each line claimed that has any.
    pub lines: HashMap<LineKey, Parked>,
    /// The roots claimed; one that was never written has version 0.
    pub roots: HashMap<RootKey, LoadedRoot>,
    /// The last number given by each counter claimed.
    pub sequences: HashMap<SequenceKey, u64>,
    /// The rows that stand, of those claimed.
    pub rows: HashMap<RowKey, String>,
}

/// What is needed to bring a root up to date.
#[derive(Clone, Debug, Default)]
pub struct LoadedRoot {
    /// Its version.
    pub version: u64,
    /// The instant of its last event.
    pub at: Option<Timestamp>,
    /// A snapshot newer than what the caller has folded: its version and JSON.
    pub snapshot: Option<(u64, String)>,
    /// The events behind the snapshot, or behind what the caller has folded.
    pub events: Vec<RecordedEvent>,
}

/// An event to be appended.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its aggregate.
    pub root: RootKey,
    /// Its version there: the one before it, and one.
    pub version: u64,
    /// When it happened.
    pub at: Timestamp,
    /// Its JSON.
    pub data: String,
    /// The row it is about, `{collection}/{id}`, under which history finds it. None when it changed no row.
    pub subject: Option<String>,
    /// Its origin.
    pub meta: Meta,
    /// Its published form.
    pub published: Option<NewPublished>,
}

/// The published form of an event.
#[derive(Clone, Debug)]
pub struct NewPublished {
    /// The shard its key hashes to.
    pub shard: Shard,
    /// Its JSON, with `eventType`.
    pub data: String,
}

/// A root as it stands after the transaction.
#[derive(Clone, Debug)]
pub struct RootWrite {
    /// Which.
    pub root: RootKey,
    /// Its new version.
    pub version: u64,
    /// The instant of its last event.
    pub at: Timestamp,
    /// When it wants to be woken.
    pub wake_at: Option<Timestamp>,
    /// Its state as JSON, when the fold has become long.
    pub snapshot: Option<String>,
}

/// A row put in place or taken away.
#[derive(Clone, Debug)]
pub struct RowWrite {
    /// Which.
    pub row: RowKey,
    /// The indexed columns, in the order of the table's fields, and the JSON; `None` takes the row away.
    pub content: Option<(Vec<Cell>, String)>,
}

/// An event that changed a view's row.
#[derive(Clone, Debug)]
pub struct NewHistory {
    /// The view's row.
    pub row: RowKey,
    /// The event.
    pub event: Arc<FeedEvent>,
}

/// An event that a consumer could not handle, or that waits behind one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The consuming service.
    pub service: &'static str,
    /// The consumer.
    pub consumer: String,
    /// The event.
    pub event: Arc<FeedEvent>,
    /// What was found; empty for one that merely waits behind another of its key.
    pub error: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried again.
    pub next_at: Timestamp,
}

impl Parked {
    /// The line it stands in.
    pub fn line(&self) -> LineKey {
        LineKey {
            service: self.service,
            consumer: self.consumer.clone(),
            source: self.event.source.clone(),
            shard: self.event.shard,
            key: self.event.key.clone(),
        }
    }
}

/// A line of parked events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedLine {
    /// Its first event, which is the one that is tried again.
    pub first: Parked,
    /// How many wait behind it, counted up to [`Page::COUNTED`](crate::Page::COUNTED).
    pub behind: u64,
}

/// What a transaction writes.
#[derive(Debug, Default)]
pub struct Writes {
    /// Events, in the order in which they happened. A root that is not written itself is known by its events all the same.
    pub events: Vec<NewEvent>,
    /// Roots.
    pub roots: Vec<RootWrite>,
    /// Rows.
    pub rows: Vec<RowWrite>,
    /// What was folded into views' rows.
    pub history: Vec<NewHistory>,
    /// Answers to keep (`None`: to free their key).
    pub records: Vec<(RecordKey, Option<Record>)>,
    /// Positions.
    pub positions: Vec<(PositionKey, Position)>,
    /// The last number given by each counter.
    pub sequences: Vec<(SequenceKey, u64)>,
    /// Events to park, or to park again with another error, count and time.
    pub parked: Vec<Parked>,
    /// Parked events that were handled or discarded.
    pub unparked: Vec<Parked>,
    /// Lines of parked events that are discarded, each up to and with this place.
    pub discarded: Vec<(LineKey, u64)>,
}

/// What a transaction did.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// The events it published, with their positions, in order.
    pub published: Vec<Arc<FeedEvent>>,
}
