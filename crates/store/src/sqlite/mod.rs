//! The embedded backend: one SQLite file, one writing thread, readers beside it.
//!
//! WAL with `synchronous=FULL`: a commit that was answered is on disk. Readers never wait for the writer. Under simulation
//! there are no threads: everything runs on one connection, where it is called, so its futures are ready at once.

mod connection;
mod ddl;
mod names;
mod read;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernel::Timestamp;

use crate::{
    Claims, Committed, Decide, Feed, HistoryEntry, OpenError, Page, Parked, Position, Query, RecordKind, RecordedEvent, RootKey, Schema,
    Shard, Store, StoreFuture,
};
use connection::Connections;

/// How a file is opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Run every statement where it is called, on one connection, without threads.
    pub inline: bool,
    /// The SQLite VFS to use instead of the operating system's.
    pub vfs: Option<String>,
}

/// A store in one SQLite file.
pub struct SqliteStore {
    connections: Connections,
    schema: Arc<Schema>,
}

impl SqliteStore {
    /// Opens the file at `path`, makes it if it is not there, and brings its tables up to `schema`.
    ///
    /// # Errors
    /// [`OpenError`] says whether the file is foreign, newer than this release, or unusable.
    pub fn open(path: &Path, schema: Schema, options: &Options) -> Result<Self, OpenError> {
        let path: PathBuf = path.into();
        let unusable = |why: rusqlite::Error| OpenError::Unusable { path: path.clone(), why: why.to_string() };
        let mut first = connection::open(&path, options).map_err(unusable)?;
        ddl::identify(&first, &path)?;
        ddl::migrate(&mut first, &schema).map_err(unusable)?;
        Ok(Self { connections: Connections::start(path.clone(), options.clone(), first), schema: Arc::new(schema) })
    }
}

impl Store for SqliteStore {
    fn write(&self, claims: Claims, decide: Decide) -> StoreFuture<'_, Committed> {
        let schema = Arc::clone(&self.schema);
        self.connections.write(move |connection| write::run(connection, &schema, &claims, decide))
    }

    fn landed(&self, batch: &str) -> StoreFuture<'_, bool> {
        let batch = batch.to_owned();
        self.connections.reopen_and(move |connection| write::landed(connection, &batch))
    }

    fn feed(&self, service: &'static str, shard: Shard, after: u64, limit: usize) -> StoreFuture<'_, Feed> {
        self.connections.read(move |connection| read::feed(connection, service, shard, after, limit))
    }

    fn heads(&self, service: &'static str) -> StoreFuture<'_, Vec<Position>> {
        self.connections.read(move |connection| read::heads(connection, service))
    }

    fn positions(&self, service: &'static str, consumer: &str, source: &str) -> StoreFuture<'_, Vec<Position>> {
        let (consumer, source) = (consumer.to_owned(), source.to_owned());
        self.connections.read(move |connection| read::positions(connection, service, &consumer, &source))
    }

    fn row(&self, service: &'static str, table: &str, id: u64) -> StoreFuture<'_, Option<String>> {
        let table = table.to_owned();
        self.connections.read(move |connection| read::row(connection, service, &table, id))
    }

    fn rows(&self, service: &'static str, table: &str, query: &Query) -> StoreFuture<'_, Page> {
        let (table, query) = (table.to_owned(), query.clone());
        self.connections.read(move |connection| read::rows(connection, service, &table, &query))
    }

    fn history(&self, service: &'static str, collection: &str, id: u64, after: u64, limit: usize) -> StoreFuture<'_, Vec<HistoryEntry>> {
        let collection = collection.to_owned();
        self.connections.read(move |connection| read::history(connection, service, &collection, id, after, limit))
    }

    fn due(&self, service: &'static str, now: Timestamp, limit: usize) -> StoreFuture<'_, Vec<RootKey>> {
        let aggregates = self.aggregates(service);
        self.connections.read(move |connection| read::due(connection, service, &aggregates, now, limit))
    }

    fn next_wake(&self, service: &'static str) -> StoreFuture<'_, Option<Timestamp>> {
        self.connections.read(move |connection| read::next_wake(connection, service))
    }

    fn roots(&self, service: &'static str, aggregate: &'static str, after: Option<&str>, limit: usize) -> StoreFuture<'_, Vec<RootKey>> {
        let after = after.map(str::to_owned);
        self.connections.read(move |connection| read::roots(connection, service, aggregate, after.as_deref(), limit))
    }

    fn events(&self, root: &RootKey) -> StoreFuture<'_, Vec<RecordedEvent>> {
        let root = root.clone();
        self.connections.read(move |connection| read::events(connection, &root, 0))
    }

    fn view_version(&self, service: &'static str, view: &str) -> StoreFuture<'_, Option<u32>> {
        let view = view.to_owned();
        self.connections.read(move |connection| read::view_version(connection, service, &view))
    }

    fn switch_view(&self, service: &'static str, view: &'static str, version: u32) -> StoreFuture<'_, ()> {
        self.connections.write(move |connection| write::switch_view(connection, service, view, version))
    }

    fn parked(&self, service: &'static str, limit: usize) -> StoreFuture<'_, Vec<Parked>> {
        self.connections.read(move |connection| read::parked(connection, service, limit))
    }

    fn prune(&self, service: &'static str, kind: RecordKind, before: Timestamp, limit: usize) -> StoreFuture<'_, usize> {
        self.connections.write(move |connection| write::prune(connection, service, kind, before, limit))
    }

    fn raise_epoch(&self) -> StoreFuture<'_, ()> {
        let schema = Arc::clone(&self.schema);
        self.connections.write(move |connection| write::raise_epoch(connection, &schema))
    }
}

impl SqliteStore {
    /// The kinds of aggregate a service has, which turn the stored names back into `'static` ones.
    fn aggregates(&self, service: &str) -> Vec<&'static str> {
        self.schema.services.iter().find(|one| one.name == service).map(|one| one.aggregates.clone()).unwrap_or_default()
    }
}
