use kernel::Timestamp;

use crate::{Cell, Feed, Parked, Position, Record, RecordKind, RootKey, Shard, StoreError};

/// A store as it stood at one instant: whatever is written meanwhile is not seen. It is for verifying, so it is read in parts, in
/// order, and everything is shown as it stands, sound or not.
///
/// Its reads take as long as they take, on the caller's thread; while one is held, the store's log cannot begin anew.
pub trait Snapshot: Send {
    /// What the backend itself finds wrong with its file, up to `limit` sentences; nothing when it is whole.
    fn faults(&self, limit: usize) -> Result<Vec<String>, StoreError>;

    /// Whether the store knows `service`: one that was added by a release is not in a file that this release has not opened yet.
    fn has_service(&self, service: &'static str) -> Result<bool, StoreError>;

    /// Whether there is a table of rows of this name.
    fn has_table(&self, service: &'static str, table: &str) -> Result<bool, StoreError>;

    /// About how many events `service` has: the number of the last.
    fn size(&self, service: &'static str) -> Result<u64, StoreError>;

    /// Roots of one kind in the order of their keys, behind `after`.
    fn roots(
        &self,
        service: &'static str,
        aggregate: &'static str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredRoot>, StoreError>;

    /// Events of one root behind the version `after`.
    fn events(&self, root: &RootKey, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError>;

    /// Kind and key of events, and of snapshots, that belong to no root, or are not found from it.
    fn strays(&self, service: &'static str, limit: usize) -> Result<Vec<(String, String)>, StoreError>;

    /// The last number given by each counter.
    fn sequences(&self, service: &'static str) -> Result<Vec<(String, u64)>, StoreError>;

    /// Rows of a table in the order of their ids, behind `after`.
    fn rows(&self, service: &'static str, table: &str, after: Option<u64>, limit: usize) -> Result<Vec<StoredRow>, StoreError>;

    /// How many rows a table is said to have; `None` when nobody keeps it, as in a file that an older release wrote.
    fn total(&self, service: &'static str, table: &str) -> Result<Option<u64>, StoreError>;

    /// Of how many events the rows of a view keep the history: their ids behind `after` in order, and how many.
    fn histories(&self, service: &'static str, table: &str, after: Option<u64>, limit: usize) -> Result<Vec<(u64, u64)>, StoreError>;

    /// As [`Store::feed`](crate::Store::feed).
    fn feed(&self, service: &'static str, shard: Shard, after: u64, limit: usize) -> Result<Feed, StoreError>;

    /// As [`Store::heads`](crate::Store::heads).
    fn heads(&self, service: &'static str) -> Result<Vec<Position>, StoreError>;

    /// The positions of all consumers of `service`.
    fn positions(&self, service: &'static str) -> Result<Vec<HeldPosition>, StoreError>;

    /// Kept answers of one kind in the order of their keys, behind `after`.
    fn records(&self, service: &'static str, kind: RecordKind, after: &str, limit: usize) -> Result<Vec<(String, Record)>, StoreError>;

    /// What consumers of `service` have parked, the oldest events first; up to `limit`.
    fn parked(&self, service: &'static str, limit: usize) -> Result<Vec<Parked>, StoreError>;

    /// The version of a view that readers are served.
    fn view_version(&self, service: &'static str, view: &str) -> Result<Option<u32>, StoreError>;
}

/// A root as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRoot {
    /// Its key.
    pub key: String,
    /// Its version.
    pub version: u64,
    /// The instant of its last event.
    pub at: Timestamp,
    /// When it wants to be woken.
    pub wake_at: Option<Timestamp>,
    /// Its snapshot: the version and the JSON.
    pub snapshot: Option<(u64, String)>,
}

/// An event as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Which one of its aggregate, from 1.
    pub version: u64,
    /// When it happened.
    pub at: Timestamp,
    /// Its JSON.
    pub data: String,
    /// What directly led to it.
    pub causation: String,
    /// Who.
    pub caller: String,
    /// Where it was published.
    pub published: Option<(Shard, Position)>,
    /// The JSON that was published.
    pub form: Option<String>,
}

/// A row as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRow {
    /// Its id.
    pub id: u64,
    /// Its JSON.
    pub json: String,
    /// Its indexed columns, in the order of the table's fields.
    pub cells: Vec<Cell>,
}

/// How far a consumer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPosition {
    /// The consumer.
    pub consumer: String,
    /// Whom it follows.
    pub source: String,
    /// The shard.
    pub shard: Shard,
    /// The last event it has handled.
    pub position: Position,
}
