//! The embedded backend: one SQLite file, one writing thread, readers beside it.
//!
//! WAL with `synchronous=FULL`: a commit that was answered is on disk. Readers never wait for the writer. Under simulation
//! there are no threads: everything runs on one connection, where it is called, so its futures are ready at once.
//!
//! A read that an index and a limit keep short runs where it is called. One whose length depends on what is asked, or on how much
//! there is, runs on a few threads of its own; a client's only once it has turned out to be long, and no further than a fixed number of
//! steps.
//!
//! One process has a file open at a time. Another may read it, as a backup does; one that writes does no harm, but makes this
//! one wait.

mod admin;
mod append;
mod batch;
mod chain;
mod checkpoints;
mod connection;
mod connections;
mod copy;
mod ddl;
mod failure;
#[cfg(test)]
mod faults;
mod formats;
mod load;
mod names;
mod one_instant;
#[cfg(test)]
mod plans;
mod read;
mod readers;
mod row_tables;
mod scratch;
#[cfg(test)]
mod slow;
mod snapshot;
mod sql;
mod statements;
mod totals;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernel::Timestamp;

use crate::{
    Cell, Changes, Claims, Committed, Decide, Feed, HistoryEntry, Life, LineKey, OpenError, Page, Parked, ParkedLine, Place, Position,
    Query, RecordKind, RecordedEvent, RootKey, Schema, Shard, Snapshot, Store, StoreFuture, StoryEvent, Stretch,
};
use connections::Connections;
pub use copy::{CopyProgress, copy, quick_check};
use one_instant::OneInstant;
pub use scratch::{Scratch, ScratchRow};
use snapshot::SqliteSnapshot;
pub use snapshot::snapshot_of;
use sql::Sql;

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
    sql: Arc<Sql>,
}

impl SqliteStore {
    /// Opens the file at `path`, makes it if it is not there, and brings its tables up to `schema`.
    ///
    /// # Errors
    /// [`OpenError`] says whether the file is foreign, newer than this release, or unusable.
    pub fn open(path: &Path, schema: Schema, options: &Options) -> Result<Self, OpenError> {
        let path: PathBuf = path.into();
        let unusable = |why: &dyn std::fmt::Display| OpenError::Unusable { path: path.clone(), why: why.to_string() };
        let mut first = connection::open(&path, options, true).map_err(|error| unusable(&error))?;
        ddl::identify(&first, &path)?;
        connection::for_writing(&first, options).map_err(|error| unusable(&error))?;
        ddl::migrate(&mut first, &schema).map_err(|error| unusable(&error))?;
        let connections = Connections::start(path.clone(), options.clone(), first).map_err(|error| unusable(&error))?;
        Ok(Self { connections, sql: Arc::new(Sql::new(&schema)) })
    }
}

impl Store for SqliteStore {
    fn write(&self, claims: Claims, decide: Decide) -> StoreFuture<'_, Committed> {
        let sql = Arc::clone(&self.sql);
        self.connections.write(move |connection| write::run(connection, &sql, &claims, decide))
    }

    fn landed(&self, batch: &str) -> StoreFuture<'_, bool> {
        let batch = batch.to_owned();
        self.connections.write(move |connection| batch::landed(connection, &batch))
    }

    fn feed(&self, service: &'static str, shard: Shard, after: u64, limit: usize) -> StoreFuture<'_, Feed> {
        self.connections.read(move |connection| read::feed(connection, &self.sql, service, shard, after, limit))
    }

    fn heads(&self, service: &'static str) -> StoreFuture<'_, Vec<Position>> {
        self.connections.read(move |connection| read::heads(&*OneInstant::begin(connection)?, &self.sql, service))
    }

    fn positions(&self, service: &'static str, consumer: &str, source: &str) -> StoreFuture<'_, Vec<Position>> {
        let (consumer, source) = (consumer.to_owned(), source.to_owned());
        self.connections.read(move |connection| read::positions(connection, &self.sql, service, &consumer, &source))
    }

    fn row(&self, service: &'static str, table: &str, id: u64) -> StoreFuture<'_, Option<String>> {
        let table = table.to_owned();
        self.connections.read(move |connection| read::row(connection, &self.sql, service, &table, id))
    }

    fn rows(&self, service: &'static str, table: &str, query: &Query) -> StoreFuture<'_, Page> {
        let (sql, table, query) = (Arc::clone(&self.sql), table.to_owned(), query.clone());
        self.connections.read_within_budget(move |connection| read::rows(connection, &sql, service, &table, &query))
    }

    fn rows_of_each(
        &self,
        service: &'static str,
        table: &str,
        field: &'static str,
        values: Vec<Cell>,
        most: u64,
    ) -> StoreFuture<'_, Vec<Vec<String>>> {
        let rows = names::rows(service, table);
        self.connections.read_within_budget(move |connection| read::rows_of_each(connection, &rows, field, &values, most))
    }

    fn changes(
        &self,
        service: &'static str,
        table: &str,
        after: Option<Place>,
        filters: &[(&'static str, Cell)],
        limit: usize,
    ) -> StoreFuture<'_, Changes> {
        let (table, filters) = (table.to_owned(), filters.to_vec());
        self.connections.read(move |connection| read::changes(connection, &self.sql, service, &table, after, &filters, limit))
    }

    fn history(&self, service: &'static str, collection: &str, id: u64, after: u64, limit: usize) -> StoreFuture<'_, Vec<HistoryEntry>> {
        let (sql, collection) = (Arc::clone(&self.sql), collection.to_owned());
        self.connections.read_within_budget(move |connection| read::history(connection, &sql, service, &collection, id, after, limit))
    }

    fn story(&self, service: &'static str, correlation: &str, until: u64, look_at: u64, limit: usize) -> StoreFuture<'_, Stretch> {
        let (sql, correlation) = (Arc::clone(&self.sql), correlation.to_owned());
        self.connections.read_apart(move |connection| read::story(connection, &sql, service, &correlation, until, look_at, limit))
    }

    fn life(&self, service: &'static str, of: Life<'_>, limit: usize) -> StoreFuture<'_, Vec<StoryEvent>> {
        self.connections.read(move |connection| read::life(connection, &self.sql, service, &of, limit))
    }

    fn due(&self, service: &'static str, now: Timestamp, limit: usize) -> StoreFuture<'_, Vec<RootKey>> {
        self.connections.read(move |connection| read::due(connection, &self.sql, service, now, limit))
    }

    fn next_wake(&self, service: &'static str) -> StoreFuture<'_, Option<Timestamp>> {
        self.connections.read(move |connection| read::next_wake(connection, &self.sql, service))
    }

    fn roots(&self, service: &'static str, aggregate: &'static str, after: Option<&str>, limit: usize) -> StoreFuture<'_, Vec<RootKey>> {
        let after = after.map(str::to_owned);
        self.connections.read(move |connection| read::roots(connection, &self.sql, service, aggregate, after.as_deref(), limit))
    }

    fn waking_roots(&self, service: &'static str, aggregate: &'static str, limit: usize) -> StoreFuture<'_, Vec<RootKey>> {
        let sql = Arc::clone(&self.sql);
        self.connections.read_apart(move |connection| read::waking_roots(connection, &sql, service, aggregate, limit))
    }

    fn events(&self, root: &RootKey) -> StoreFuture<'_, Vec<RecordedEvent>> {
        let root = root.clone();
        self.connections.read(move |connection| read::all_events(connection, &self.sql, &root))
    }

    fn view_version(&self, service: &'static str, view: &str) -> StoreFuture<'_, Option<u32>> {
        let view = view.to_owned();
        self.connections.read(move |connection| read::view_version(connection, &self.sql, service, &view))
    }

    fn switch_view(&self, service: &'static str, view: &'static str, version: u32) -> StoreFuture<'_, ()> {
        let sql = Arc::clone(&self.sql);
        self.connections.write(move |connection| admin::switch_view(connection, &sql, service, view, version))
    }

    fn is_rebuilding(&self, service: &'static str, table: &str) -> StoreFuture<'_, bool> {
        let table = table.to_owned();
        self.connections.read(move |connection| admin::is_rebuilding(connection, service, &table))
    }

    fn begin_rebuild(&self, service: &'static str, table: &str) -> StoreFuture<'_, ()> {
        let (sql, table) = (Arc::clone(&self.sql), table.to_owned());
        self.connections.write(move |connection| admin::begin_rebuild(connection, &sql, service, &table))
    }

    fn finish_rebuild(&self, service: &'static str, table: &str) -> StoreFuture<'_, ()> {
        let table = table.to_owned();
        self.connections.write(move |connection| admin::finish_rebuild(connection, service, &table))
    }

    fn parked(&self, service: &'static str, limit: usize) -> StoreFuture<'_, Vec<Parked>> {
        self.connections.read(move |connection| read::parked(connection, &self.sql, service, limit))
    }

    fn parked_heads(&self, service: &'static str, limit: usize) -> StoreFuture<'_, Vec<Parked>> {
        let sql = Arc::clone(&self.sql);
        self.connections.read_apart(move |connection| read::parked_heads(connection, &sql, service, limit))
    }

    fn parked_keys(&self, service: &'static str) -> StoreFuture<'_, u64> {
        let sql = Arc::clone(&self.sql);
        self.connections.read_apart(move |connection| read::parked_keys(connection, &sql, service))
    }

    fn parked_lines(&self, service: &'static str, limit: usize) -> StoreFuture<'_, Vec<ParkedLine>> {
        let sql = Arc::clone(&self.sql);
        self.connections.read_apart(move |connection| read::parked_lines(connection, &sql, service, limit))
    }

    fn parked_line(&self, line: &LineKey, after: u64, limit: usize) -> StoreFuture<'_, Vec<Parked>> {
        let line = line.clone();
        self.connections.read(move |connection| read::parked_line(connection, &self.sql, &line, after, limit))
    }

    fn prune(&self, service: &'static str, kind: RecordKind, before: Timestamp, limit: usize) -> StoreFuture<'_, usize> {
        let sql = Arc::clone(&self.sql);
        self.connections.write(move |connection| admin::prune(connection, &sql, service, kind, before, limit))
    }

    fn prune_roots(&self, service: &'static str, aggregate: &'static str, before: Timestamp, limit: usize) -> StoreFuture<'_, usize> {
        let sql = Arc::clone(&self.sql);
        // There is no index by age, which every command would have to keep: a reader looks them up, so that the writer need not.
        let found = self.connections.read_apart(move |connection| read::finished(connection, &sql, service, aggregate, before, limit));
        Box::pin(async move {
            let roots = found.await?;
            if roots.is_empty() {
                return Ok(0);
            }
            let sql = Arc::clone(&self.sql);
            self.connections.write(move |connection| admin::prune_roots(connection, &sql, &roots, before)).await
        })
    }

    fn snapshot(&self) -> StoreFuture<'_, Box<dyn Snapshot + '_>> {
        let held = SqliteSnapshot::of(&self.connections, &self.sql);
        Box::pin(std::future::ready(held.map(|held| Box::new(held) as Box<dyn Snapshot + '_>).map_err(failure::reading)))
    }

    fn raise_epoch(&self, at_least: u32) -> StoreFuture<'_, ()> {
        let sql = Arc::clone(&self.sql);
        self.connections.write(move |connection| admin::raise_epoch(connection, &sql, at_least))
    }
}

/// What a panic said.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it said nothing readable")
}
