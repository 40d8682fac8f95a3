//! Where everything durable stands. Every line of SQL is in this crate, behind [`Store`].
//!
//! A store keeps, for each service: the roots of its aggregates, their events, snapshots, the rows of its own resources and
//! of its views, counters, the positions of its consumers, what they parked, and what was answered under a key. The one way
//! to change any of it is [`Store::write`], whose deciding closure is synchronous: a transaction has no place for an await,
//! so nothing can be called from inside one.
//!
//! `sqlite` is the embedded backend. Every backend passes the same `conformance` suite, unchanged.

mod changes;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod event;
mod payload;
mod query;
mod schema;
mod snapshot;
pub mod sqlite;
mod write;

use futures_util::future::BoxFuture;
use kernel::Timestamp;

pub use changes::{Change, Changes, Place};
pub use error::{OpenError, StoreError};
pub use event::{Epoch, Feed, FeedEvent, HistoryEntry, Life, Meta, Position, RecordedEvent, SHARDS, Shard, StoryEvent, Stretch};
pub use payload::Payload;
pub use query::{Cell, Direction, Page, Query, cells};
pub use schema::{Schema, ServiceSchema, TableSchema, beside};
pub use snapshot::{HeldPosition, Snapshot, StoredEvent, StoredRoot, StoredRow};
pub use write::{
    Abort, Claims, Committed, Decide, LineKey, Loaded, LoadedRoot, NewEvent, NewHistory, NewPublished, Parked, ParkedLine, PositionKey,
    Record, RecordKey, RecordKind, RootKey, RootWrite, RowKey, RowWrite, SequenceKey, Writes,
};

/// What a store answers, now or later.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// The durable memory of one system's services.
pub trait Store: Send + Sync + 'static {
    /// Runs one transaction: claims the batch id and everything in `claims`, lets `decide` say what is to be written, gives
    /// published events their positions as its last act, and commits. What it answers is on disk.
    ///
    /// `decide` runs at most once. When it aborts or panics, or anything else fails, nothing is written.
    ///
    /// # Errors
    /// [`StoreError::Aborted`] when `decide` said so, [`StoreError::Rejected`] when it panicked or what it wrote breaks a
    /// constraint (a version or a batch id used before, a table that is not in the schema),
    /// [`StoreError::Away`] when the store could not be reached before the commit, and [`StoreError::Unknown`] when it went
    /// away in the middle of it: then [`landed`](Self::landed) tells.
    fn write(&self, claims: Claims, decide: Decide) -> StoreFuture<'_, Committed>;

    /// Whether the transaction with this batch id stands, after an [`StoreError::Unknown`]. It waits for a lost transaction
    /// to end. When it says no, it has made sure that none with this id can ever land. Nothing else is to be written before it
    /// was asked, and it is asked again after an error. It knows the ids of the last 16 batches.
    fn landed(&self, batch: &str) -> StoreFuture<'_, bool>;

    /// Up to `limit` published events of `service` in `shard` behind `after`, in order.
    fn feed(&self, service: &'static str, shard: Shard, after: u64, limit: usize) -> StoreFuture<'_, Feed>;

    /// The last position given in each shard of `service`.
    fn heads(&self, service: &'static str) -> StoreFuture<'_, Vec<Position>>;

    /// How far a consumer of `service` has handled each shard of `source`.
    fn positions(&self, service: &'static str, consumer: &str, source: &str) -> StoreFuture<'_, Vec<Position>>;

    /// The row with this id, as JSON.
    fn row(&self, service: &'static str, table: &str, id: u64) -> StoreFuture<'_, Option<String>>;

    /// One page of a table.
    ///
    /// # Errors
    /// [`StoreError::TooCostly`] when finding it takes too long, here and in [`history`](Self::history).
    fn rows(&self, service: &'static str, table: &str, query: &Query) -> StoreFuture<'_, Page>;

    /// For each of these values the rows whose `field`, a declared one, equals it, `most` at most, in the order of their ids. All are of one
    /// instant. Null equals nothing.
    ///
    /// # Errors
    /// [`StoreError::TooCostly`] when finding them takes too long together.
    fn rows_of_each(
        &self,
        service: &'static str,
        table: &str,
        field: &'static str,
        values: Vec<Cell>,
        most: u64,
    ) -> StoreFuture<'_, Vec<Vec<String>>>;

    /// Up to `limit` rows of a followed table that changed behind `after`, and what they are now, in the order of their last changes;
    /// all that stand when it is not given. Of a row that does not match `filters` only that it changed is told.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] for a table that is not followed.
    fn changes(
        &self,
        service: &'static str,
        table: &str,
        after: Option<Place>,
        filters: &[(&'static str, Cell)],
        limit: usize,
    ) -> StoreFuture<'_, Changes>;

    /// What happened to the row `id` of `collection`, oldest first: from the service's own events when it is a resource, from
    /// what was folded into it when it is a view.
    fn history(&self, service: &'static str, collection: &str, id: u64, after: u64, limit: usize) -> StoreFuture<'_, Vec<HistoryEntry>>;

    /// The first `limit` events of the story `correlation` among those of `service` that stand at or before the place `until`, of which at
    /// most `look_at` are looked at: there is no index of stories, for every booking would have to pay for it (decision 011).
    fn story(&self, service: &'static str, correlation: &str, until: u64, look_at: u64, limit: usize) -> StoreFuture<'_, Stretch>;

    /// The first `limit` events of something's life, in order.
    fn life(&self, service: &'static str, of: Life<'_>, limit: usize) -> StoreFuture<'_, Vec<StoryEvent>>;

    /// Up to `limit` roots whose time has come at `now`, the longest overdue first. Kinds that are not in the schema are left
    /// out, here and in [`next_wake`](Self::next_wake): nobody could put off their time.
    fn due(&self, service: &'static str, now: Timestamp, limit: usize) -> StoreFuture<'_, Vec<RootKey>>;

    /// The next instant at which a root of `service` wants to be woken.
    fn next_wake(&self, service: &'static str) -> StoreFuture<'_, Option<Timestamp>>;

    /// The keys of the roots of one kind, in order, behind `after`; for verifying.
    fn roots(&self, service: &'static str, aggregate: &'static str, after: Option<&str>, limit: usize) -> StoreFuture<'_, Vec<RootKey>>;

    /// Up to `limit` roots of one kind that want to be woken, the first to be so first.
    fn waking_roots(&self, service: &'static str, aggregate: &'static str, limit: usize) -> StoreFuture<'_, Vec<RootKey>>;

    /// All events of one root from the first; for verifying.
    fn events(&self, root: &RootKey) -> StoreFuture<'_, Vec<RecordedEvent>>;

    /// The version of a view that readers are served.
    fn view_version(&self, service: &'static str, view: &str) -> StoreFuture<'_, Option<u32>>;

    /// From now on readers are served this version of a view; the tables, positions and history of all others go. A view is
    /// called by its collection, and its tables and consumers `{view}@{version}`.
    fn switch_view(&self, service: &'static str, view: &'static str, version: u32) -> StoreFuture<'_, ()>;

    /// Whether this version of a view is being built anew beside itself.
    fn is_rebuilding(&self, service: &'static str, table: &str) -> StoreFuture<'_, bool>;

    /// Begins to build a view's version, by its table `{view}@{version}`, anew: an empty table [`beside`] it, for a consumer of that name.
    /// What was built there before is gone.
    fn begin_rebuild(&self, service: &'static str, table: &str) -> StoreFuture<'_, ()>;

    /// Puts what was built beside a view's version in its place: rows, history and positions. Nothing happens when nothing was.
    fn finish_rebuild(&self, service: &'static str, table: &str) -> StoreFuture<'_, ()>;

    /// What consumers of `service` have parked, the oldest events first.
    fn parked(&self, service: &'static str, limit: usize) -> StoreFuture<'_, Vec<Parked>>;

    /// Of each line of parked events, those of one consumer, source and key, the first; up to `limit`, the soonest to be tried first.
    fn parked_heads(&self, service: &'static str, limit: usize) -> StoreFuture<'_, Vec<Parked>>;

    /// How many lines of parked events there are: keys of a source whose events wait at one consumer.
    fn parked_keys(&self, service: &'static str) -> StoreFuture<'_, u64>;

    /// The lines of parked events, in the order of their names.
    fn parked_lines(&self, service: &'static str, limit: usize) -> StoreFuture<'_, Vec<ParkedLine>>;

    /// What is parked in one line behind the place `after`, in order.
    fn parked_line(&self, line: &LineKey, after: u64, limit: usize) -> StoreFuture<'_, Vec<Parked>>;

    /// Forgets answers of one kind that were kept before `before`; how many. At most `limit` at a time.
    fn prune(&self, service: &'static str, kind: RecordKind, before: Timestamp, limit: usize) -> StoreFuture<'_, usize>;

    /// Takes away roots of one kind that want no wake-up and whose last event is from before `before`, with their events and
    /// snapshots; how many. At most `limit` at a time, and never one that published anything. They are as if they had never been
    /// written, so nobody is to hold one folded, and nothing is to come for them any more.
    fn prune_roots(&self, service: &'static str, aggregate: &'static str, before: Timestamp, limit: usize) -> StoreFuture<'_, usize>;

    /// Everything as it stands now, for verifying.
    fn snapshot(&self) -> StoreFuture<'_, Box<dyn Snapshot + '_>>;

    /// Begins a new epoch in every service, from the positions that stand now: what a restore does. It is the next one, and `at_least` this: a
    /// number that nobody has seen, however often one backup is restored.
    fn raise_epoch(&self, at_least: u32) -> StoreFuture<'_, ()>;
}
