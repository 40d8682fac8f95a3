//! A store whose wire the test holds: it can be cut, lose a commit's end, and be held at a commit.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use kernel::Timestamp;
use store::{
    Cell, Changes, Claims, Committed, Decide, Feed, HistoryEntry, Life, LineKey, Page, Parked, ParkedLine, Place, Position, Query,
    RecordKind, RecordedEvent, RootKey, Shard, Snapshot, Store, StoreError, StoreFuture, StoryEvent, Stretch,
};
use tokio::sync::watch;

/// Where a commit is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Before anything of it happens.
    Before,
    /// When it stands and nobody knows.
    After,
}

/// How a lost commit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    Stands,
    DoesNot,
}

/// What a root was brought up from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BroughtUp {
    pub root: RootKey,
    pub snapshot: Option<u64>,
    pub events: usize,
}

/// One transaction, as it was seen from outside.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub events: usize,
    pub roots: Vec<BroughtUp>,
}

type Wanted = Box<dyn Fn(&Claims) -> bool + Send + Sync>;

pub struct Shim {
    inner: Arc<dyn Store>,
    away: AtomicBool,
    lost: Mutex<Option<(usize, Lost)>>,
    /// How often it cannot tell how a lost commit ended.
    mute: AtomicUsize,
    hold: Mutex<Option<(Hold, Wanted)>>,
    released: watch::Sender<bool>,
    fails_to_switch: AtomicUsize,
    spoil_snapshots: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Shim {
    pub fn over(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            away: AtomicBool::new(false),
            lost: Mutex::default(),
            mute: AtomicUsize::new(0),
            hold: Mutex::default(),
            released: watch::Sender::new(true),
            fails_to_switch: AtomicUsize::new(0),
            spoil_snapshots: Arc::default(),
            seen: Arc::default(),
        })
    }

    /// Cuts the wire, or mends it.
    pub fn away(&self, away: bool) {
        self.away.store(away, Ordering::Release);
    }

    /// Loses the end of the next commit, and says so many times that it cannot tell how it ended.
    pub fn lose_next(&self, lost: Lost, mute: usize) {
        self.lose_after(0, lost);
        self.mute.store(mute, Ordering::Release);
    }

    /// Loses the end of a commit after so many others.
    pub fn lose_after(&self, others: usize, lost: Lost) {
        *self.lost.lock().unwrap() = Some((others, lost));
    }

    fn is_lost(&self) -> Option<Lost> {
        let mut lost = self.lost.lock().unwrap();
        if let Some((others @ 1.., _)) = lost.as_mut() {
            *others -= 1;
            return None;
        }
        lost.take().map(|(_, lost)| lost)
    }

    /// Holds the first commit with these claims.
    pub fn hold(&self, hold: Hold, wanted: impl Fn(&Claims) -> bool + Send + Sync + 'static) {
        self.released.send_replace(false);
        *self.hold.lock().unwrap() = Some((hold, Box::new(wanted)));
    }

    /// Lets what is held go on.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    /// Cuts the wire before what is held.
    pub fn cut_what_is_held(&self) {
        self.away(true);
        self.release();
    }

    /// Whether a commit is held now.
    pub fn holds(&self) -> bool {
        self.hold.lock().unwrap().is_none() && !*self.released.borrow()
    }

    /// Is away for so many of the next changes of a view's version.
    pub fn fail_to_switch(&self, times: usize) {
        self.fails_to_switch.store(times, Ordering::Release);
    }

    fn fails_to_switch(&self) -> bool {
        let fails = self.fails_to_switch.load(Ordering::Acquire);
        self.fails_to_switch.store(fails.saturating_sub(1), Ordering::Release);
        fails > 0
    }

    /// From now on every snapshot that is written cannot be read.
    pub fn spoil_snapshots(&self, spoil: bool) {
        self.spoil_snapshots.store(spoil, Ordering::Release);
    }

    /// The transactions that were decided since the last look.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    fn cut(&self) -> Option<StoreError> {
        self.away.load(Ordering::Acquire).then(|| StoreError::Away("the wire is cut".into()))
    }

    fn read<'a, T: Send + 'a>(&'a self, work: impl FnOnce(&'a dyn Store) -> StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        match self.cut() {
            Some(error) => Box::pin(std::future::ready(Err(error))),
            None => work(&*self.inner),
        }
    }

    /// The transaction, told to whoever wants to see it.
    fn watched(&self, decide: Decide) -> Decide {
        let (seen, spoil) = (Arc::clone(&self.seen), Arc::clone(&self.spoil_snapshots));
        Box::new(move |loaded| {
            let mut roots: Vec<_> = loaded
                .roots
                .iter()
                .map(|(root, found)| BroughtUp {
                    root: root.clone(),
                    snapshot: found.snapshot.as_ref().map(|(version, _)| *version),
                    events: found.events.len(),
                })
                .collect();
            roots.sort_by(|a, b| a.root.cmp(&b.root));
            let mut writes = decide(loaded)?;
            seen.lock().unwrap().push(Seen { events: writes.events.len(), roots });
            for root in writes.roots.iter_mut().filter(|_| spoil.load(Ordering::Acquire)) {
                root.snapshot = root.snapshot.take().map(|_| "\"of another form\"".into());
            }
            Ok(writes)
        })
    }

    async fn until_released(&self) {
        let mut released = self.released.subscribe();
        released.wait_for(|released| *released).await.unwrap();
    }
}

impl Store for Shim {
    fn write(&self, claims: Claims, decide: Decide) -> StoreFuture<'_, Committed> {
        Box::pin(async move {
            let held = self.hold.lock().unwrap().take_if(|(_, wanted)| wanted(&claims)).map(|(hold, _)| hold);
            if held == Some(Hold::Before) {
                self.until_released().await;
            }
            if let Some(error) = self.cut() {
                return Err(error);
            }
            let lost = self.is_lost();
            let unknown = || StoreError::Unknown("the wire was cut".into());
            if lost == Some(Lost::DoesNot) {
                return Err(unknown());
            }
            let committed = self.inner.write(claims, self.watched(decide)).await?;
            if held == Some(Hold::After) {
                self.until_released().await;
            }
            if lost == Some(Lost::Stands) { Err(unknown()) } else { Ok(committed) }
        })
    }

    fn landed(&self, batch: &str) -> StoreFuture<'_, bool> {
        let mute = self.mute.load(Ordering::Acquire);
        if mute > 0 {
            self.mute.store(mute - 1, Ordering::Release);
            return async { Err(StoreError::Away("it cannot tell yet".into())) }.boxed();
        }
        self.inner.landed(batch)
    }

    fn feed(&self, service: &'static str, shard: Shard, after: u64, limit: usize) -> StoreFuture<'_, Feed> {
        self.read(|store| store.feed(service, shard, after, limit))
    }

    fn heads(&self, service: &'static str) -> StoreFuture<'_, Vec<Position>> {
        self.read(|store| store.heads(service))
    }

    fn positions(&self, service: &'static str, consumer: &str, source: &str) -> StoreFuture<'_, Vec<Position>> {
        let (consumer, source) = (consumer.to_owned(), source.to_owned());
        self.read(move |store| async move { store.positions(service, &consumer, &source).await }.boxed())
    }

    fn row(&self, service: &'static str, table: &str, id: u64) -> StoreFuture<'_, Option<String>> {
        let table = table.to_owned();
        self.read(move |store| async move { store.row(service, &table, id).await }.boxed())
    }

    fn rows(&self, service: &'static str, table: &str, query: &Query) -> StoreFuture<'_, Page> {
        let (table, query) = (table.to_owned(), query.clone());
        self.read(move |store| async move { store.rows(service, &table, &query).await }.boxed())
    }

    fn rows_of_each(
        &self,
        service: &'static str,
        table: &str,
        field: &'static str,
        values: Vec<Cell>,
        most: u64,
    ) -> StoreFuture<'_, Vec<Vec<String>>> {
        let table = table.to_owned();
        self.read(move |store| async move { store.rows_of_each(service, &table, field, values, most).await }.boxed())
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
        self.read(move |store| async move { store.changes(service, &table, after, &filters, limit).await }.boxed())
    }

    fn history(&self, service: &'static str, collection: &str, id: u64, after: u64, limit: usize) -> StoreFuture<'_, Vec<HistoryEntry>> {
        let collection = collection.to_owned();
        self.read(move |store| async move { store.history(service, &collection, id, after, limit).await }.boxed())
    }

    fn story(&self, service: &'static str, correlation: &str, until: u64, look_at: u64, limit: usize) -> StoreFuture<'_, Stretch> {
        let correlation = correlation.to_owned();
        self.read(move |store| async move { store.story(service, &correlation, until, look_at, limit).await }.boxed())
    }

    fn life(&self, service: &'static str, of: Life<'_>, limit: usize) -> StoreFuture<'_, Vec<StoryEvent>> {
        self.inner.life(service, of, limit)
    }

    fn due(&self, service: &'static str, now: Timestamp, limit: usize) -> StoreFuture<'_, Vec<RootKey>> {
        self.read(|store| store.due(service, now, limit))
    }

    fn next_wake(&self, service: &'static str) -> StoreFuture<'_, Option<Timestamp>> {
        self.read(|store| store.next_wake(service))
    }

    fn roots(&self, service: &'static str, aggregate: &'static str, after: Option<&str>, limit: usize) -> StoreFuture<'_, Vec<RootKey>> {
        let after = after.map(str::to_owned);
        self.read(move |store| async move { store.roots(service, aggregate, after.as_deref(), limit).await }.boxed())
    }

    fn waking_roots(&self, service: &'static str, aggregate: &'static str, limit: usize) -> StoreFuture<'_, Vec<RootKey>> {
        self.read(|store| store.waking_roots(service, aggregate, limit))
    }

    fn events(&self, root: &RootKey) -> StoreFuture<'_, Vec<RecordedEvent>> {
        let root = root.clone();
        self.read(move |store| async move { store.events(&root).await }.boxed())
    }

    fn view_version(&self, service: &'static str, view: &str) -> StoreFuture<'_, Option<u32>> {
        let view = view.to_owned();
        self.read(move |store| async move { store.view_version(service, &view).await }.boxed())
    }

    fn switch_view(&self, service: &'static str, view: &'static str, version: u32) -> StoreFuture<'_, ()> {
        if self.fails_to_switch() {
            return async { Err(StoreError::Away("not this one".into())) }.boxed();
        }
        self.read(|store| store.switch_view(service, view, version))
    }

    fn parked(&self, service: &'static str, limit: usize) -> StoreFuture<'_, Vec<Parked>> {
        self.read(|store| store.parked(service, limit))
    }

    fn parked_heads(&self, service: &'static str, limit: usize) -> StoreFuture<'_, Vec<Parked>> {
        self.read(|store| store.parked_heads(service, limit))
    }

    fn prune(&self, service: &'static str, kind: RecordKind, before: Timestamp, limit: usize) -> StoreFuture<'_, usize> {
        self.read(|store| store.prune(service, kind, before, limit))
    }

    fn prune_roots(&self, service: &'static str, aggregate: &'static str, before: Timestamp, limit: usize) -> StoreFuture<'_, usize> {
        self.read(|store| store.prune_roots(service, aggregate, before, limit))
    }

    fn is_rebuilding(&self, service: &'static str, table: &str) -> StoreFuture<'_, bool> {
        self.inner.is_rebuilding(service, table)
    }

    fn begin_rebuild(&self, service: &'static str, table: &str) -> StoreFuture<'_, ()> {
        self.inner.begin_rebuild(service, table)
    }

    fn finish_rebuild(&self, service: &'static str, table: &str) -> StoreFuture<'_, ()> {
        if self.fails_to_switch() {
            return async { Err(StoreError::Away("not this one".into())) }.boxed();
        }
        self.inner.finish_rebuild(service, table)
    }

    fn parked_keys(&self, service: &'static str) -> StoreFuture<'_, u64> {
        self.read(|store| store.parked_keys(service))
    }

    fn parked_lines(&self, service: &'static str, limit: usize) -> StoreFuture<'_, Vec<ParkedLine>> {
        self.inner.parked_lines(service, limit)
    }

    fn parked_line(&self, line: &LineKey, after: u64, limit: usize) -> StoreFuture<'_, Vec<Parked>> {
        self.inner.parked_line(line, after, limit)
    }

    fn snapshot(&self) -> StoreFuture<'_, Box<dyn Snapshot + '_>> {
        self.inner.snapshot()
    }

    fn raise_epoch(&self, at_least: u32) -> StoreFuture<'_, ()> {
        self.read(move |store| store.raise_epoch(at_least))
    }
}
