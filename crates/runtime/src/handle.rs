//! A running system as its own parts see it, and the handle on one of its services.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use calls::Client;
use clock::SharedClock;
use eventlog::{Carrier, Feeds};
use futures_util::future::BoxFuture;
use kernel::{Commands, Resource, Timestamp};
use store::{Cell, HistoryEntry, Meta, Page, Query, RootKey, Store, StoreError};
use telemetry::Tracer;
use tokio::sync::{Semaphore, watch};

use crate::faults::{Fault, Faults};
use crate::follow::Following;
use crate::open_sagas::OpenSagas;
use crate::served::Served;
use crate::service::{Service, Services};
use crate::stats::Stats;
use crate::status::ConsumerState;
use crate::writer::{Act, Answer, ClientKey, Done, Ids, Inbox, KeyUse, Outcome, Purpose, Request, Work};

/// Lets a future run beside everything else.
pub type Spawner = Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// What all parts of a running system share.
pub(crate) struct System {
    pub(crate) name: &'static str,
    pub(crate) services: Arc<Services>,
    /// Those that run here.
    pub(crate) running: Vec<&'static str>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) inbox: Inbox,
    /// The places for new work, by service.
    pub(crate) places: BTreeMap<&'static str, Arc<Semaphore>>,
    pub(crate) client: Client,
    pub(crate) clock: SharedClock,
    pub(crate) faults: Faults,
    pub(crate) feeds: Arc<dyn Feeds>,
    pub(crate) carrier: Arc<dyn Carrier>,
    pub(crate) spawner: Spawner,
    pub(crate) ids: Arc<dyn Fn() -> String + Send + Sync>,
    pub(crate) pace: Duration,
    pub(crate) consumers: Mutex<Vec<Arc<ConsumerState>>>,
    pub(crate) views: Arc<Served>,
    pub(crate) open_sagas: OpenSagas,
    pub(crate) stats: Arc<Stats>,
    pub(crate) tracer: Tracer,
    pub(crate) following: Arc<Following>,
    /// Held while a view begins to be built anew, and while it takes its place: one at a time.
    pub(crate) rebuilding: tokio::sync::Mutex<()>,
    /// Roots whose wake-up fails, which is a fault of their rules.
    pub(crate) stuck: Mutex<BTreeSet<RootKey>>,
    pub(crate) stopped: watch::Sender<bool>,
}

impl System {
    pub(crate) fn has_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// A handle on every service that runs here.
    pub(crate) fn handles(self: &Arc<Self>) -> impl Iterator<Item = ServiceHandle> {
        self.running.iter().map(|name| ServiceHandle { system: Arc::clone(self), name })
    }

    /// Runs a future until it ends or the system is stopped.
    pub(crate) fn drive(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        let mut stopped = self.stopped.subscribe();
        (self.spawner)(Box::pin(async move {
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => {}
                () = work => {}
            }
        }));
    }
}

/// A handle on one running service: all that its routes need.
#[derive(Clone)]
pub struct ServiceHandle {
    pub(crate) system: Arc<System>,
    pub(crate) name: &'static str,
}

/// The same, without keeping the system alive.
pub(crate) struct WeakServiceHandle {
    system: Weak<System>,
    name: &'static str,
}

impl WeakServiceHandle {
    pub(crate) fn upgrade(&self) -> Option<ServiceHandle> {
        Some(ServiceHandle { system: self.system.upgrade()?, name: self.name })
    }
}

impl ServiceHandle {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn downgrade(&self) -> WeakServiceHandle {
        WeakServiceHandle { system: Arc::downgrade(&self.system), name: self.name }
    }

    /// Its name with its system's, `{system}/{service}`.
    pub fn full_name(&self) -> String {
        self.full_name_of(self.name)
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.system.clock.now()
    }

    /// Its time.
    pub fn clock(&self) -> &SharedClock {
        &self.system.clock
    }

    /// What is wrong with it on purpose.
    pub fn fault(&self) -> Fault {
        self.system.faults.of(&self.full_name())
    }

    /// A new id, unlike any other.
    pub fn new_id(&self) -> String {
        (self.system.ids)()
    }

    /// Asks for something that this service decides alone.
    pub async fn execute(&self, request: Request) -> Outcome {
        let Request { make, roots, sequences, status, shows, key, deadline, expected, meta } = request;
        let roots = roots.into_iter().map(|(aggregate, key)| RootKey { service: self.name, aggregate, key }).collect();
        let purpose = Purpose::Client { key: key.map_or(KeyUse::None, KeyUse::Take), status, shows };
        self.submit_fresh(Act { make, then: None, roots, sequences, purpose, deadline, expected, meta }).await
    }

    /// Keeps what a client is answered for whom nothing had to happen. Whoever took the key meanwhile was answered first.
    pub async fn keep(&self, key: ClientKey, answer: Answer, deadline: Timestamp, meta: Meta) -> Outcome {
        let (roots, sequences, purpose) = (Vec::new(), Vec::new(), Purpose::Keep(Box::new((key, answer))));
        let make = Arc::new(|_: &mut Ids<'_>| Commands::none());
        self.submit_fresh(Act { make, then: None, roots, sequences, purpose, deadline: Some(deadline), expected: None, meta }).await
    }

    /// The row of `R` with this id, as JSON.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn row<R: Resource>(&self, id: u64) -> Result<Option<String>, StoreError> {
        self.system.store.row(self.name, &self.table(R::COLLECTION), id).await
    }

    /// A page of the rows of `R`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn rows<R: Resource>(&self, query: &Query) -> Result<Page, StoreError> {
        self.system.store.rows(self.name, &self.table(R::COLLECTION), query).await
    }

    /// For each of these values the rows of `R` whose `field` equals it, `most` at most, in the order of their ids. All are of one instant.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn rows_of_each<R: Resource>(
        &self,
        field: &'static str,
        values: Vec<Cell>,
        most: u64,
    ) -> Result<Vec<Vec<String>>, StoreError> {
        self.system.store.rows_of_each(self.name, &self.table(R::COLLECTION), field, values, most).await
    }

    /// What happened to the row of `R` with this id, behind `after`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn history<R: Resource>(&self, id: u64, after: u64, limit: usize) -> Result<Vec<HistoryEntry>, StoreError> {
        self.system.store.history(self.name, &self.table(R::COLLECTION), id, after, limit).await
    }

    /// Whether the rows of `R` are those of an old version of the view, while the new one is built.
    pub fn is_stale<R: Resource>(&self) -> bool {
        let current = self.service().projections.iter().find(|view| view.collection == R::COLLECTION);
        current.is_some_and(|view| self.system.views.served(self.name, view.collection) != Some(view.version))
    }

    pub(crate) fn table(&self, collection: &'static str) -> String {
        match self.system.views.served(self.name, collection) {
            Some(version) => format!("{collection}@{version}"),
            None => collection.into(),
        }
    }

    /// Whether as much new work waits as may, and whoever asks for more is turned away; each time it is, that is counted.
    pub fn turns_away(&self) -> bool {
        let is_full = self.system.places.get(self.name).is_none_or(|places| places.available_permits() == 0);
        if is_full {
            self.turned_away();
        }
        is_full
    }

    fn turned_away(&self) {
        self.system.stats.turned_away.of(&(self.name, "waiting")).inc();
    }

    pub(crate) async fn submit_fresh(&self, act: Act) -> Outcome {
        // Held until it is decided, also when nobody waits for that any more: what one service is flooded with takes no place from the others.
        let place = self.system.places.get(self.name).map(|places| Arc::clone(places).try_acquire_owned());
        let Some(Ok(place)) = place else {
            self.turned_away();
            return Outcome::Full;
        };
        match self.inbox().fresh(self.name, Work::Act(Box::new(act)), place).await {
            None => {
                self.turned_away();
                Outcome::Full
            }
            Some(done) => self.outcome(done),
        }
    }

    // An act is large, so it is put aside before anybody waits.
    pub(crate) fn submit(&self, act: Act) -> impl Future<Output = Done> {
        self.inbox().begun(self.name, Work::Act(Box::new(act)))
    }

    pub(crate) fn outcome(&self, done: Done) -> Outcome {
        match done {
            Done::Accepted(answer) => Outcome::Accepted(answer),
            Done::Refused(refused) => Outcome::Refused(refused),
            Done::Changed => Outcome::Changed,
            Done::KeyReused => Outcome::KeyReused,
            Done::InProgress => Outcome::InProgress,
            Done::Expired => Outcome::Expired,
            Done::Away(why) => Outcome::Away(why),
            Done::Unheard => Outcome::Unheard,
            Done::Failed(why) => Outcome::Failed(why),
            other => Outcome::Failed(format!("{} answered a client with {}", self.name, other.name())),
        }
    }

    /// What the consumer of this name tells of itself.
    pub(crate) fn watch_consumer(&self, name: &str, source: &'static str) -> Arc<ConsumerState> {
        let mut consumers = self.system.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = consumers.iter().find(|one| one.service == self.name && one.consumer == name && one.source == source);
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let state = Arc::new(ConsumerState::new(self.name, name.into(), source));
        consumers.push(Arc::clone(&state));
        state
    }

    /// A consumer that is no more tells nothing.
    pub(crate) fn forget_consumer(&self, state: &Arc<ConsumerState>) {
        self.system.consumers.lock().unwrap_or_else(PoisonError::into_inner).retain(|one| !Arc::ptr_eq(one, state));
    }

    pub(crate) fn full_name_of(&self, service: &str) -> String {
        format!("{}/{service}", self.system.name)
    }

    pub(crate) fn service(&self) -> &Service {
        // A handle is made only for a service of the list, which never changes.
        #[allow(clippy::expect_used, reason = "handles are made from this very list")]
        self.system.services.get(self.name).expect("a handle is on a service of its system")
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.system.store
    }

    pub(crate) fn inbox(&self) -> &Inbox {
        &self.system.inbox
    }

    pub(crate) fn client(&self) -> &Client {
        &self.system.client
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.system.faults
    }

    pub(crate) fn tracer(&self) -> &Tracer {
        &self.system.tracer
    }

    pub(crate) fn feeds(&self) -> &dyn Feeds {
        &*self.system.feeds
    }

    pub(crate) fn carrier(&self) -> &dyn Carrier {
        &*self.system.carrier
    }

    pub(crate) fn views(&self) -> &Served {
        &self.system.views
    }

    pub(crate) fn open_sagas(&self) -> &OpenSagas {
        &self.system.open_sagas
    }

    /// Lets a future run beside everything else.
    pub fn spawn(&self, work: BoxFuture<'static, ()>) {
        (self.system.spawner)(work);
    }
}
