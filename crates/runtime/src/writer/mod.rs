//! The one writer of a system: what waits is decided together, in one transaction, and answered when that is on disk.

mod decide;
mod prepare;
mod reaction;
mod roots;
mod work;

use std::collections::BTreeSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::feed_position::FeedPosition;
use crate::follow::Following;
use crate::served::Served;
use crate::service::Services;
use crate::stats::Stats;
use clock::SharedClock;
pub(crate) use decide::CALLS_KEPT;
use decide::{Decided, GiveUp, Tally, decide, parked_again};
use eventlog::Carrier;
use futures_util::future::join;
use kernel::Timestamp;
use prepare::prepare;
pub(crate) use reaction::Heard;
use roots::{Bounds, Cache};
use store::{Abort, Claims, Committed, FeedEvent, Loaded, Parked, RootKey, Store, StoreError, Writes};
use telemetry::{Kind, Span, Tracer};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
pub(crate) use work::{Act, CallRecord, ClientRecord, ConsumerKind, Discard, Done, Handle, KeyUse, Make, Purpose, Then, Work};
pub use work::{Answer, ClientKey, Expected, Ids, Outcome, Request, Shown};

/// The most pieces of work that one transaction takes.
const BATCH: usize = 256;

/// How much of folded roots is kept at hand. A calendar that is not is read whole for a booking in it, so all that are in use should be.
const CACHED: Bounds = Bounds { roots: 20_000, size: 512 << 20 };

/// How long to wait before asking again how a lost commit ended.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// A piece of work that waits, and who waits for it.
struct Queued {
    work: (&'static str, Work),
    answer: oneshot::Sender<Done>,
    /// That it waits, when that is part of a trace.
    waits: Span,
    /// The place that it holds until it is answered, whether somebody still waits for that or not.
    place: Option<OwnedSemaphorePermit>,
}

/// A piece of work that is done, and whom to tell.
struct Answered {
    /// Its service, and what kind of work it is.
    what: (&'static str, &'static str),
    done: Done,
    answer: oneshot::Sender<Done>,
    place: Option<OwnedSemaphorePermit>,
    /// The part of a trace that deciding and committing it was.
    span: Span,
}

/// Where work is handed in. Clones hand in to the same writer.
#[derive(Clone)]
pub(crate) struct Inbox {
    /// What clients newly ask for: refused when too much waits.
    fresh: mpsc::Sender<Queued>,
    /// What continues something begun: served first, and waited with.
    begun: mpsc::Sender<Queued>,
    tracer: Tracer,
}

impl Inbox {
    /// Hands in something new; `None` when too much waits already.
    pub(crate) async fn fresh(&self, service: &'static str, work: Work, place: OwnedSemaphorePermit) -> Option<Done> {
        let (answer, answered) = oneshot::channel();
        match self.fresh.try_send(self.queued(service, work, answer, Some(place))) {
            Ok(()) => Some(answered.await.unwrap_or(Done::Unheard)),
            Err(mpsc::error::TrySendError::Full(_)) => None,
            Err(mpsc::error::TrySendError::Closed(_)) => Some(stopped()),
        }
    }

    /// Hands in what continues something begun, waiting for room.
    pub(crate) async fn begun(&self, service: &'static str, work: Work) -> Done {
        let (answer, answered) = oneshot::channel();
        match self.begun.send(self.queued(service, work, answer, None)).await {
            Ok(()) => answered.await.unwrap_or(Done::Unheard),
            Err(_) => stopped(),
        }
    }

    fn queued(&self, service: &'static str, work: Work, answer: oneshot::Sender<Done>, place: Option<OwnedSemaphorePermit>) -> Queued {
        let waits = self.tracer.within(work.trace(), Kind::Internal, || "wait for the writer".into());
        Queued { work: (service, work), answer, waits, place }
    }

    /// How much waits: new, begun.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.fresh.max_capacity() - self.fresh.capacity(), self.begun.max_capacity() - self.begun.capacity())
    }
}

fn stopped() -> Done {
    Done::Away("the writer has stopped".into())
}

/// The writer itself: a step function, and the loop that drives it.
pub(crate) struct Writer {
    following: Arc<Following>,
    services: Arc<Services>,
    views: Arc<Served>,
    store: Arc<dyn Store>,
    carrier: Arc<dyn Carrier>,
    clock: SharedClock,
    /// Makes ids for batches, each greater than the one before.
    ids: Arc<dyn Fn() -> String + Send + Sync>,
    stats: Arc<Stats>,
    tracer: Tracer,
    cache: Arc<Mutex<Cache>>,
    /// Told the earliest wake-up of what was just written.
    wakes: watch::Sender<u64>,
    earliest_wake: Arc<Mutex<Option<Timestamp>>>,
    /// Told when something was parked.
    parked: watch::Sender<u64>,
    fresh: mpsc::Receiver<Queued>,
    begun: mpsc::Receiver<Queued>,
}

/// What a writer needs.
pub(crate) struct WriterParts {
    pub(crate) following: Arc<Following>,
    pub(crate) services: Arc<Services>,
    pub(crate) views: Arc<Served>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) carrier: Arc<dyn Carrier>,
    pub(crate) clock: SharedClock,
    pub(crate) ids: Arc<dyn Fn() -> String + Send + Sync>,
    /// How much new work may wait.
    pub(crate) queue: usize,
    pub(crate) stats: Arc<Stats>,
    pub(crate) tracer: Tracer,
}

/// A map or a cache is whole between any two of its operations, so a poisoned lock is still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a batch leaves behind in memory once it stands.
struct Left {
    /// The folded roots.
    roots: Vec<(RootKey, roots::Root)>,
    /// What was decided, counted.
    tally: Tally,
    /// Whether it parked anything.
    parks: bool,
    /// Who follows its rows.
    followers: Vec<watch::Sender<()>>,
}

/// Tells each answer where what it published stands.
fn placed(mut done: Vec<Done>, published: Vec<Range<usize>>, events: &[Arc<FeedEvent>]) -> Vec<Done> {
    for (done, published) in done.iter_mut().zip(published) {
        if let (Done::Accepted(answer), Some(events)) = (done, events.get(published)) {
            answer.positions = FeedPosition::last_of(events);
        }
    }
    done
}

/// How a whole batch ended.
enum Attempt {
    Stands(Vec<Done>, Committed),
    /// Nothing of it stands, because the store is away.
    Away(String),
    /// Nothing of it stands, because something in it cannot be done.
    Fails(String),
}

impl Writer {
    /// A writer, where to hand work in, and the signals that a wake-up was written and that something was parked.
    pub(crate) fn new(parts: WriterParts) -> (Self, Inbox, WakeSignal, watch::Receiver<u64>) {
        let (fresh_in, fresh) = mpsc::channel(parts.queue);
        let (begun_in, begun) = mpsc::channel(parts.queue.max(1024));
        let wakes = watch::Sender::new(0);
        let earliest_wake = Arc::new(Mutex::new(None));
        let parked = watch::Sender::new(0);
        let parked_signal = parked.subscribe();
        let signal = WakeSignal { written: wakes.subscribe(), earliest: Arc::clone(&earliest_wake) };
        let WriterParts { following, services, views, store, carrier, clock, ids, stats, tracer, .. } = parts;
        let inbox = Inbox { fresh: fresh_in, begun: begun_in, tracer: tracer.clone() };
        let cache = Arc::new(Mutex::new(Cache::new(CACHED)));
        let writer = Self {
            following,
            services,
            views,
            store,
            carrier,
            clock,
            ids,
            stats,
            tracer,
            cache,
            wakes,
            earliest_wake,
            parked,
            fresh,
            begun,
        };
        (writer, inbox, signal, parked_signal)
    }

    /// Works until nobody can hand anything in any more. Where more waits already, a batch is answered while the next one is in the
    /// store's hands, which then need not rest.
    pub(crate) async fn run(mut self) {
        let mut decided: Option<Vec<Answered>> = None;
        loop {
            let batch = if decided.is_some() { self.waiting_batch(Vec::new()) } else { self.next_batch().await };
            match (batch, decided.take()) {
                (Some(batch), before) => {
                    let answering = async { before.into_iter().flatten().for_each(|one| self.answer(one)) };
                    // In this order: the batch is on its way before the answers are.
                    decided = Some(join(self.step(batch), answering).await.0);
                }
                (None, Some(before)) => before.into_iter().for_each(|one| self.answer(one)),
                (None, None) => return,
            }
        }
    }

    /// What waits, once something does: what continues something begun goes first.
    async fn next_batch(&mut self) -> Option<Vec<Queued>> {
        let mut batch = Vec::new();
        let first = tokio::select! {
            biased;
            begun = self.begun.recv() => begun,
            fresh = self.fresh.recv() => fresh,
        };
        batch.push(match first {
            Some(first) => first,
            // One lane is closed; the other may still bring something.
            None => match self.begun.recv().await {
                Some(begun) => begun,
                None => self.fresh.recv().await?,
            },
        });
        self.waiting_batch(batch)
    }

    /// These, and as many more as wait; none when there are none at all.
    fn waiting_batch(&mut self, mut batch: Vec<Queued>) -> Option<Vec<Queued>> {
        for lane in [&mut self.begun, &mut self.fresh] {
            while batch.len() < BATCH
                && let Ok(next) = lane.try_recv()
            {
                batch.push(next);
            }
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// One batch: decided and committed, and how each part of it is to be answered.
    async fn step(&self, batch: Vec<Queued>) -> Vec<Answered> {
        let started = self.clock.elapsed();
        let taken = batch.into_iter().map(|Queued { work, answer, waits, place }| {
            drop(waits);
            (work, (answer, place))
        });
        let (works, answers): (Vec<_>, Vec<_>) = taken.unzip();
        let works: Vec<_> = works.into_iter().map(Arc::new).collect();
        let spans: Vec<_> = works.iter().map(|work| self.span_of(&work.1, works.len())).collect();
        let done = match self.attempt(&works).await {
            Attempt::Stands(done, committed) => {
                self.carrier.publish(&committed.published);
                done
            }
            Attempt::Away(why) => vec![Done::Away(why); works.len()],
            Attempt::Fails(_) => self.one_by_one(&works).await,
        };
        self.stats.batch_sizes.observe(works.len() as u64);
        self.stats.batch_times.took(self.clock.elapsed().saturating_sub(started));
        let mut answered = Vec::with_capacity(works.len());
        for (((answer, place), done), (work, span)) in answers.into_iter().zip(done).zip(works.iter().zip(spans)) {
            answered.push(Answered { what: (work.0, work.1.kind()), done, answer, place, span });
        }
        answered
    }

    fn answer(&self, Answered { what: (service, kind), done, answer, place, mut span }: Answered) {
        self.stats.work.of(&(service, kind, done.name())).inc();
        span.set("yeyak.outcome", done.name());
        if let Done::Failed(_) | Done::Away(_) = done {
            span.fail(done.name());
        }
        drop(span);
        // Free before it is told: who asks again then is not turned away for what they asked before.
        drop(place);
        // Who asked may have stopped waiting; it stands all the same.
        let _ = answer.send(done);
    }

    /// The part of a trace that deciding and committing a piece of work is.
    fn span_of(&self, work: &Work, batch: usize) -> Span {
        let mut span = self.tracer.within(work.trace(), Kind::Internal, || "decide and commit".into());
        span.set("yeyak.batch.size", batch);
        span
    }

    /// After a batch has failed: each part in a transaction of its own, so that only what fails alone is left out.
    async fn one_by_one(&self, works: &[Arc<(&'static str, Work)>]) -> Vec<Done> {
        let mut done = Vec::with_capacity(works.len());
        for work in works {
            done.push(match &**work {
                (service, Work::Handle(handle)) => self.handle_one_by_one(service, handle).await,
                _ => self.alone(Arc::clone(work)).await,
            });
        }
        done
    }

    async fn alone(&self, work: Arc<(&'static str, Work)>) -> Done {
        match self.attempt(std::slice::from_ref(&work)).await {
            Attempt::Stands(mut done, committed) => {
                self.carrier.publish(&committed.published);
                done.pop().unwrap_or_else(|| Done::Failed("the transaction came to nothing".into()))
            }
            Attempt::Away(why) => Done::Away(why),
            Attempt::Fails(why) => match &work.1 {
                Work::Retry(parked) => self.park_again(work.0, parked, why).await,
                // Whoever handed it in tells of it.
                _ => Done::Failed(why),
            },
        }
    }

    async fn handle_one_by_one(&self, service: &'static str, handle: &Handle) -> Done {
        for part in handle.split() {
            let consumer = part.consumer.clone();
            let events = part.events.clone();
            let done = match self.alone(Arc::new((service, Work::Handle(part)))).await {
                // A policy's event steps aside with all of its key; a view has no meaning with an event left out.
                Done::Failed(why) if consumer == ConsumerKind::Policies => {
                    if let Some(Heard { event, .. }) = events.last() {
                        let (key, correlation) = (&event.key, &event.meta.correlation);
                        tracing::error!(
                            service,
                            event = event.id(),
                            key,
                            correlation,
                            why,
                            "an event cannot be handled; it is parked with its key"
                        );
                    }
                    self.alone(Arc::new((service, Work::Handle(Handle { consumer, events, park: Some(why) })))).await
                }
                done => done,
            };
            if !matches!(done, Done::Handled) {
                return done;
            }
        }
        Done::Handled
    }

    async fn park_again(&self, service: &'static str, parked: &Parked, why: String) -> Done {
        let (parked_event, correlation) = (parked.event.id(), &parked.event.meta.correlation);
        tracing::warn!(service, event = parked_event, correlation, tries = parked.tries, why, "a parked event cannot be handled yet");
        let (line, seq) = (parked.line(), parked.event.position.seq);
        let claims = Claims { batch: (self.ids)(), lines: [line.clone()].into(), ..Claims::default() };
        let parked = parked_again(parked, why, self.clock.now());
        // It may have been handled or discarded since it failed, and then it must not come back.
        let decide = move |loaded: Loaded| match loaded.lines.get(&line) {
            Some(first) if first.event.position.seq == seq => Ok(Writes { parked: vec![parked], ..Writes::default() }),
            _ => Err(Abort("it is not parked any more".into())),
        };
        match self.store.write(claims, Box::new(decide)).await {
            Ok(_) => Done::ParkedAgain,
            Err(StoreError::Aborted(_)) => Done::Gone,
            Err(error) => {
                tracing::warn!(service, event = parked_event, %error, "a parked event could not be parked again; it is tried again");
                Done::Away(error.to_string())
            }
        }
    }

    /// One transaction over `works`; a second one when it meets snapshots that do not read.
    async fn attempt(&self, works: &[Arc<(&'static str, Work)>]) -> Attempt {
        let unreadable = match self.transact(works, BTreeSet::new()).await {
            Ok(attempt) => return attempt,
            Err(unreadable) => unreadable,
        };
        tracing::warn!(roots = ?unreadable, "snapshots do not read; their roots are folded from the first event");
        let again = self.transact(works, unreadable).await;
        again.unwrap_or_else(|_| Attempt::Fails("a root that was loaded whole has a snapshot".into()))
    }

    /// One transaction over `works`, with some of their roots loaded whole. Nothing of it stands when it is the error: the roots
    /// whose snapshots do not read.
    async fn transact(&self, works: &[Arc<(&'static str, Work)>], whole: BTreeSet<RootKey>) -> Result<Attempt, BTreeSet<RootKey>> {
        let batch = (self.ids)();
        let borrowed: Vec<_> = works.iter().map(|work| &**work).collect();
        // What a policy does with an event may panic like any other rule.
        let prepared =
            catch_unwind(AssertUnwindSafe(|| prepare(&self.services, &self.views, batch.clone(), &borrowed, &lock(&self.cache))));
        let Ok((claims, prepared)) = prepared else { return Ok(Attempt::Fails("a rule panicked".into())) };
        let claims = Claims { whole, ..claims };

        let decided = Arc::new(Mutex::new(None));
        let closure = {
            let (services, works) = (Arc::clone(&self.services), works.to_vec());
            let (cache, decided, clock) = (Arc::clone(&self.cache), Arc::clone(&decided), Arc::clone(&self.clock));
            let following = Arc::clone(&self.following);
            move |loaded| {
                // The store may have been waited for: what counts is the time at which it is decided.
                let now = clock.now();
                let works: Vec<_> = works.iter().map(|work| &**work).collect();
                let result = catch_unwind(AssertUnwindSafe(|| decide(&services, &works, &prepared, loaded, &mut lock(&cache), now)));
                let (result, outcome) = match result.unwrap_or_else(|_| Err(GiveUp::Fails("a rule panicked".into()))) {
                    Ok(Decided { writes, done, published, roots, tally }) => {
                        // Whoever tries what is parked again wants to know, also when another is the first of its line now.
                        let parks = !writes.parked.is_empty() || !writes.discarded.is_empty();
                        let left = Left { roots, tally, parks, followers: following.to_tell(&writes.rows) };
                        (Ok(writes), Some(Ok((done, published, left))))
                    }
                    Err(GiveUp::Unreadable(roots)) => (Err(Abort("snapshots do not read".into())), Some(Err(roots))),
                    Err(GiveUp::Fails(why)) => (Err(Abort(why)), None),
                };
                *lock(&decided) = outcome;
                result
            }
        };
        let written = self.store.write(claims, Box::new(closure)).await;
        let decided = match lock(&decided).take() {
            Some(Err(unreadable)) => return Err(unreadable),
            Some(Ok(decided)) => Some(decided),
            None => None,
        };
        Ok(match (written, decided) {
            (Ok(committed), Some((done, published, left))) => {
                self.remember(left);
                Attempt::Stands(placed(done, published, &committed.published), committed)
            }
            (Err(StoreError::Away(why)), _) => Attempt::Away(why),
            (Err(StoreError::Unknown(why)), decided) => {
                tracing::error!(why, "a commit was lost; asking how it ended");
                match (self.has_landed(&batch).await, decided) {
                    // What was published is found in the feed; its followers look there.
                    (true, Some((done, _, left))) => {
                        self.remember(left);
                        Attempt::Stands(done, Committed::default())
                    }
                    _ => Attempt::Away(why),
                }
            }
            (Err(error), _) => Attempt::Fails(error.to_string()),
            (Ok(_), None) => Attempt::Fails("the store did not decide".into()),
        })
    }

    /// Asks until the store says whether a lost batch stands: nobody is answered before that is known.
    async fn has_landed(&self, batch: &str) -> bool {
        loop {
            match self.store.landed(batch).await {
                Ok(landed) => return landed,
                Err(error) => {
                    tracing::warn!(%error, "the store cannot tell yet whether a commit stands");
                    self.clock.sleep(ASK_AGAIN).await;
                }
            }
        }
    }

    /// Keeps folded roots for the next command, counts what was decided, and tells when the first of them wants to be woken, of what was
    /// parked, and whoever follows the rows.
    fn remember(&self, Left { roots, tally, parks, followers }: Left) {
        for follower in followers {
            follower.send_replace(());
        }
        for (decided, count) in tally {
            self.stats.commands.of(&decided).add(count);
        }
        if parks {
            self.parked.send_modify(|count| *count += 1);
        }
        let wake = roots.iter().filter_map(|(_, root)| root.state.wake_at()).min();
        let mut cache = lock(&self.cache);
        for (key, root) in roots {
            cache.put(key, root);
        }
        drop(cache);
        if let Some(wake) = wake {
            let mut earliest = lock(&self.earliest_wake);
            if earliest.is_none_or(|known| wake < known) {
                *earliest = Some(wake);
                drop(earliest);
                self.wakes.send_modify(|count| *count += 1);
            }
        }
    }
}

/// Tells whoever runs the wake-ups that one was written which is earlier than all that are known.
#[derive(Clone)]
pub(crate) struct WakeSignal {
    written: watch::Receiver<u64>,
    earliest: Arc<Mutex<Option<Timestamp>>>,
}

impl WakeSignal {
    /// The earliest wake-up that is in the store, as just read from it.
    pub(crate) fn know(&self, earliest: Option<Timestamp>) {
        *lock(&self.earliest) = earliest;
    }

    /// Is ready when an earlier one was written.
    pub(crate) async fn written(&mut self) {
        if self.written.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
