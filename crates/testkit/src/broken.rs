//! Stores that break one promise: what has to be found out by any simulation that can see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kernel::Timestamp;
use store::{
    Abort, Cell, Changes, Claims, Committed, Decide, Feed, HistoryEntry, Life, LineKey, Page, Parked, ParkedLine, Place, Position, Query,
    RecordKind, RecordedEvent, RootKey, Shard, Snapshot, Store, StoreFuture, StoryEvent, Stretch, Writes,
};

/// A promise of [`Store`] that can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// What a client was answered is kept under its key.
    KeepsAnswers,
    /// The outcome of a call is kept under its key.
    KeepsCalls,
    /// A consumer's position is kept with what it did.
    KeepsPositions,
    /// Rows are written with the events that change them.
    WritesRows,
    /// Who wants to be woken is.
    Wakes,
    /// What is answered is committed.
    Commits,
    /// It does not claim that a lost commit stands when it does not. (The other way round cannot be seen on one connection, which
    /// clears a lost commit away when it is closed.)
    ClaimsNoCommit,
}

/// All promises.
pub const PROMISES: [Promise; 7] = [
    Promise::KeepsAnswers,
    Promise::KeepsCalls,
    Promise::KeepsPositions,
    Promise::WritesRows,
    Promise::Wakes,
    Promise::Commits,
    Promise::ClaimsNoCommit,
];

/// How often a promise that is not always broken is: once in so many writes.
const SELDOM: u64 = 40;

/// A store that breaks one promise and keeps all others.
pub struct Broken {
    store: Arc<dyn Store>,
    promise: Promise,
    writes: AtomicU64,
}

impl Broken {
    /// Breaks `promise` of `store`.
    pub fn new(store: Arc<dyn Store>, promise: Promise) -> Self {
        Self { store, promise, writes: AtomicU64::new(0) }
    }
}

fn without_records(writes: &mut Writes, kind: RecordKind) {
    writes.records.retain(|(key, _)| key.kind != kind);
}

impl Store for Broken {
    fn write(&self, claims: Claims, decide: Decide) -> StoreFuture<'_, Committed> {
        let now = self.writes.fetch_add(1, Ordering::Relaxed) % SELDOM == SELDOM - 1;
        let promise = self.promise;
        if now && promise == Promise::Commits {
            let lost: Decide = Box::new(move |loaded| decide(loaded).and_then(|_| Err(Abort("this promise is broken".into()))));
            let write = self.store.write(claims, lost);
            return Box::pin(async move { write.await.or_else(|_| Ok(Committed::default())) });
        }
        let decide: Decide = Box::new(move |loaded| {
            let mut writes = decide(loaded)?;
            match promise {
                Promise::KeepsAnswers => without_records(&mut writes, RecordKind::Answer),
                Promise::KeepsCalls => without_records(&mut writes, RecordKind::Call),
                Promise::KeepsPositions if now => writes.positions.clear(),
                Promise::WritesRows if now => writes.rows.clear(),
                Promise::Wakes => writes.roots.iter_mut().for_each(|root| root.wake_at = None),
                _ => {}
            }
            Ok(writes)
        });
        self.store.write(claims, decide)
    }

    fn landed(&self, batch: &str) -> StoreFuture<'_, bool> {
        let landed = self.store.landed(batch);
        let promise = self.promise;
        Box::pin(async move {
            let landed = landed.await?;
            Ok(landed || promise == Promise::ClaimsNoCommit)
        })
    }

    fn feed(&self, service: &'static str, shard: Shard, after: u64, limit: usize) -> StoreFuture<'_, Feed> {
        self.store.feed(service, shard, after, limit)
    }

    fn heads(&self, service: &'static str) -> StoreFuture<'_, Vec<Position>> {
        self.store.heads(service)
    }

    fn positions(&self, service: &'static str, consumer: &str, source: &str) -> StoreFuture<'_, Vec<Position>> {
        self.store.positions(service, consumer, source)
    }

    fn row(&self, service: &'static str, table: &str, id: u64) -> StoreFuture<'_, Option<String>> {
        self.store.row(service, table, id)
    }

    fn rows(&self, service: &'static str, table: &str, query: &Query) -> StoreFuture<'_, Page> {
        self.store.rows(service, table, query)
    }

    fn rows_of_each(
        &self,
        service: &'static str,
        table: &str,
        field: &'static str,
        values: Vec<Cell>,
        most: u64,
    ) -> StoreFuture<'_, Vec<Vec<String>>> {
        self.store.rows_of_each(service, table, field, values, most)
    }

    fn changes(
        &self,
        service: &'static str,
        table: &str,
        after: Option<Place>,
        filters: &[(&'static str, Cell)],
        limit: usize,
    ) -> StoreFuture<'_, Changes> {
        self.store.changes(service, table, after, filters, limit)
    }

    fn history(&self, service: &'static str, collection: &str, id: u64, after: u64, limit: usize) -> StoreFuture<'_, Vec<HistoryEntry>> {
        self.store.history(service, collection, id, after, limit)
    }

    fn story(&self, service: &'static str, correlation: &str, until: u64, look_at: u64, limit: usize) -> StoreFuture<'_, Stretch> {
        self.store.story(service, correlation, until, look_at, limit)
    }

    fn life(&self, service: &'static str, of: Life<'_>, limit: usize) -> StoreFuture<'_, Vec<StoryEvent>> {
        self.store.life(service, of, limit)
    }

    fn due(&self, service: &'static str, now: Timestamp, limit: usize) -> StoreFuture<'_, Vec<RootKey>> {
        self.store.due(service, now, limit)
    }

    fn next_wake(&self, service: &'static str) -> StoreFuture<'_, Option<Timestamp>> {
        self.store.next_wake(service)
    }

    fn roots(&self, service: &'static str, aggregate: &'static str, after: Option<&str>, limit: usize) -> StoreFuture<'_, Vec<RootKey>> {
        self.store.roots(service, aggregate, after, limit)
    }

    fn waking_roots(&self, service: &'static str, aggregate: &'static str, limit: usize) -> StoreFuture<'_, Vec<RootKey>> {
        self.store.waking_roots(service, aggregate, limit)
    }

    fn events(&self, root: &RootKey) -> StoreFuture<'_, Vec<RecordedEvent>> {
        self.store.events(root)
    }

    fn view_version(&self, service: &'static str, view: &str) -> StoreFuture<'_, Option<u32>> {
        self.store.view_version(service, view)
    }

    fn switch_view(&self, service: &'static str, view: &'static str, version: u32) -> StoreFuture<'_, ()> {
        self.store.switch_view(service, view, version)
    }

    fn parked(&self, service: &'static str, limit: usize) -> StoreFuture<'_, Vec<Parked>> {
        self.store.parked(service, limit)
    }

    fn parked_heads(&self, service: &'static str, limit: usize) -> StoreFuture<'_, Vec<Parked>> {
        self.store.parked_heads(service, limit)
    }

    fn prune(&self, service: &'static str, kind: RecordKind, before: Timestamp, limit: usize) -> StoreFuture<'_, usize> {
        self.store.prune(service, kind, before, limit)
    }

    fn prune_roots(&self, service: &'static str, aggregate: &'static str, before: Timestamp, limit: usize) -> StoreFuture<'_, usize> {
        self.store.prune_roots(service, aggregate, before, limit)
    }

    fn is_rebuilding(&self, service: &'static str, table: &str) -> StoreFuture<'_, bool> {
        self.store.is_rebuilding(service, table)
    }

    fn begin_rebuild(&self, service: &'static str, table: &str) -> StoreFuture<'_, ()> {
        self.store.begin_rebuild(service, table)
    }

    fn finish_rebuild(&self, service: &'static str, table: &str) -> StoreFuture<'_, ()> {
        self.store.finish_rebuild(service, table)
    }

    fn parked_keys(&self, service: &'static str) -> StoreFuture<'_, u64> {
        self.store.parked_keys(service)
    }

    fn parked_lines(&self, service: &'static str, limit: usize) -> StoreFuture<'_, Vec<ParkedLine>> {
        self.store.parked_lines(service, limit)
    }

    fn parked_line(&self, line: &LineKey, after: u64, limit: usize) -> StoreFuture<'_, Vec<Parked>> {
        self.store.parked_line(line, after, limit)
    }

    fn snapshot(&self) -> StoreFuture<'_, Box<dyn Snapshot + '_>> {
        self.store.snapshot()
    }

    fn raise_epoch(&self, at_least: u32) -> StoreFuture<'_, ()> {
        self.store.raise_epoch(at_least)
    }
}
