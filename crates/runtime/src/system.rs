//! One system at work: its services over one store, and everything that drives them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use calls::{Client, ClientRules, InProcess as Doors};
use clock::SharedClock;
use eventlog::{Carrier, FeedError, Feeds};
use futures_util::future::BoxFuture;
use kernel::{Resource, Saga, Timestamp};
use store::{Feed, HistoryEntry, Page, Position, Query, RootKey, Schema, Shard, Store, StoreError};
use tokio::sync::{oneshot, watch};

use crate::consumer::Consumer;
use crate::door::Door;
use crate::faults::{Fault, Faults};
use crate::saga::SagaRequest;
use crate::service::Service;
use crate::status::{ConsumerState, Status};
use crate::verify::Disagreement;
use crate::views::{self, Views};
use crate::writer::{Act, ConsumerKind, Done, Inbox, KeyUse, Outcome, Purpose, Request, Work, Writer, WriterParts};
use crate::{parking, pruning, saga, wakeups};

/// A system as it is declared.
pub struct SystemSpec {
    /// Its name, the first part of its paths.
    pub name: &'static str,
    /// Its services.
    pub services: Vec<Service>,
}

impl SystemSpec {
    /// The tables that its store needs.
    pub fn schema(&self) -> Schema {
        Schema { services: self.services.iter().map(Service::schema).collect() }
    }
}

/// Lets a future run beside everything else.
pub type Spawner = Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// What a system is run with.
#[derive(Clone)]
pub struct Environment {
    /// Where it keeps everything.
    pub store: Arc<dyn Store>,
    /// What makes its events fast.
    pub carrier: Arc<dyn Carrier>,
    /// Its time.
    pub clock: SharedClock,
    /// What is wrong on purpose.
    pub faults: Faults,
    /// What runs its futures.
    pub spawner: Spawner,
    /// Makes ids that are unlike any other and grow with time.
    pub ids: Arc<dyn Fn() -> String + Send + Sync>,
    /// How much new work may wait.
    pub queue: usize,
    /// The services to run here; all when empty.
    pub only: Vec<String>,
}

/// The services of a system, by name.
pub(crate) struct Services(Vec<Service>);

impl Services {
    pub(crate) fn get(&self, name: &str) -> Option<&Service> {
        self.0.iter().find(|service| service.name == name)
    }
}

pub(crate) struct System {
    pub(crate) name: &'static str,
    services: Arc<Services>,
    /// Those that run here.
    running: Vec<&'static str>,
    store: Arc<dyn Store>,
    inbox: Inbox,
    client: Client,
    pub(crate) clock: SharedClock,
    faults: Faults,
    feeds: Arc<dyn Feeds>,
    carrier: Arc<dyn Carrier>,
    spawner: Spawner,
    ids: Arc<dyn Fn() -> String + Send + Sync>,
    consumers: Mutex<Vec<Arc<ConsumerState>>>,
    views: Views,
    open_sagas: Arc<AtomicUsize>,
    stopped: watch::Sender<bool>,
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
    fn drive(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
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

/// A running system.
#[derive(Clone)]
pub struct SystemHandle {
    system: Arc<System>,
    /// The services that this handle shows.
    shown: Vec<&'static str>,
}

impl SystemHandle {
    /// Starts a system: its writer, consumers, wake-ups and views.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub async fn start(spec: SystemSpec, environment: Environment) -> Result<Self, StoreError> {
        let Environment { store, carrier, clock, faults, spawner, ids, queue, only } = environment;
        let views = Views::load(spec.services.iter(), &*store).await?;
        let running: Vec<_> =
            spec.services.iter().map(|service| service.name).filter(|name| only.is_empty() || only.iter().any(|one| one == name)).collect();
        let services = Arc::new(Services(spec.services));
        let parts = WriterParts {
            services: Arc::clone(&services),
            store: Arc::clone(&store),
            carrier: Arc::clone(&carrier),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            queue,
        };
        let (writer, inbox, wakes, parked) = Writer::new(parts);
        let doors = Arc::new(Doors::default());
        let system = Arc::new(System {
            name: spec.name,
            feeds: Arc::new(OwnFeeds { system: spec.name, running: running.clone(), store: Arc::clone(&store), faults: faults.clone() }),
            services,
            running,
            store,
            inbox,
            client: Client::new(Arc::clone(&doors) as _, Arc::clone(&clock), ClientRules::default()),
            clock,
            faults,
            carrier,
            spawner,
            ids,
            consumers: Mutex::default(),
            views,
            open_sagas: Arc::default(),
            stopped: watch::Sender::new(false),
        });
        // What is under way when the system is stopped is still written and answered.
        (system.spawner)(Box::pin(writer.run()));
        for service in system.handles() {
            doors.open(service.name(), Arc::new(Door(service.downgrade())));
            service.follow();
        }
        system.drive(wakeups::run(Arc::clone(&system), wakes));
        system.drive(parking::run(Arc::clone(&system), parked));
        system.drive(pruning::run(Arc::clone(&system)));
        let shown = system.running.clone();
        Ok(Self { system, shown })
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.system.name
    }

    /// One of its services, if it runs here.
    pub fn service(&self, name: &str) -> Option<ServiceHandle> {
        self.services().find(|service| service.name == name)
    }

    /// The services that run here.
    pub fn services(&self) -> impl Iterator<Item = ServiceHandle> {
        self.shown.iter().map(|name| ServiceHandle { system: Arc::clone(&self.system), name })
    }

    /// The same system, showing one of its services alone, if that runs here.
    pub fn only(&self, name: &str) -> Option<Self> {
        let system = &self.system;
        let only = system.running.iter().find(|running| **running == name).copied()?;
        Some(Self { system: Arc::clone(system), shown: vec![only] })
    }

    /// Whether nothing ever happened in it.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub async fn is_fresh(&self) -> Result<bool, StoreError> {
        for service in self.services() {
            for kind in &service.service().kinds {
                if !service.store().roots(service.name, kind.name(), None, 1).await?.is_empty() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The fault switch.
    pub fn faults(&self) -> &Faults {
        &self.system.faults
    }

    /// How it is doing.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub async fn status(&self) -> Result<Status, StoreError> {
        let system = &self.system;
        let states = system.consumers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut status =
            Status { open_sagas: system.open_sagas.load(Ordering::Acquire), waiting: system.inbox.waiting(), ..Status::default() };
        for state in states {
            status.consumers.push(state.status(&system.store.heads(state.source).await?));
        }
        for service in system.handles() {
            status.parked += system.store.parked(service.name, 1000).await?.len();
            let views = service.service().projections.iter();
            let rebuilding = views.filter(|view| system.views.served(service.name, view.collection) != Some(view.version));
            status.rebuilding.extend(rebuilding.map(|view| (service.name, view.collection)));
        }
        Ok(status)
    }

    /// The next instant at which something falls due.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut earliest = None;
        for service in self.system.handles() {
            earliest = earliest.into_iter().chain(self.system.store.next_wake(service.name).await?).min();
        }
        Ok(earliest)
    }

    /// Folds everything again, and says what does not agree with it.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub async fn verify(&self) -> Result<Vec<Disagreement>, StoreError> {
        let mut found = Vec::new();
        for service in self.system.handles() {
            found.extend(crate::verify::service(&service).await?);
        }
        Ok(found)
    }

    /// The sagas that have not ended, `service/saga/key`, whether driven now or waiting to be woken.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub async fn unfinished_sagas(&self) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        for service in self.system.handles() {
            found.extend(crate::verify::unfinished_sagas(&service).await?);
        }
        Ok(found)
    }

    /// What consumers have parked, as `service/consumer: event: why`.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub async fn parked(&self) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        for service in self.system.handles() {
            let parked = self.system.store.parked(service.name, 1000).await?;
            found.extend(parked.iter().map(|one| format!("{}/{}: {}: {}", service.name, one.consumer, one.event.id(), one.error)));
        }
        Ok(found)
    }

    /// Stops everything that goes on by itself. What was handed in is still written and answered.
    pub fn stop(&self) {
        self.system.stopped.send_replace(true);
    }
}

/// The feeds of one system's services, read from their store.
struct OwnFeeds {
    system: &'static str,
    running: Vec<&'static str>,
    store: Arc<dyn Store>,
    faults: Faults,
}

impl OwnFeeds {
    fn source(&self, source: &str) -> Result<&'static str, FeedError> {
        let away = |why: &str| FeedError::Away { source_service: source.into(), why: why.into() };
        if self.faults.of(&format!("{}/{source}", self.system)).down {
            return Err(away("it is stopped"));
        }
        self.running.iter().find(|name| **name == source).copied().ok_or_else(|| away("it does not run here"))
    }
}

fn away(source: &str) -> impl Fn(StoreError) -> FeedError {
    let source_service = source.to_owned();
    move |error| FeedError::Away { source_service: source_service.clone(), why: error.to_string() }
}

impl Feeds for OwnFeeds {
    fn feed<'a>(&'a self, source: &'a str, shard: Shard, after: u64, limit: usize) -> BoxFuture<'a, Result<Feed, FeedError>> {
        Box::pin(async move { self.store.feed(self.source(source)?, shard, after, limit).await.map_err(away(source)) })
    }

    fn heads<'a>(&'a self, source: &'a str) -> BoxFuture<'a, Result<Vec<Position>, FeedError>> {
        Box::pin(async move { self.store.heads(self.source(source)?).await.map_err(away(source)) })
    }
}

/// A handle on one running service: all that its routes need.
#[derive(Clone)]
pub struct ServiceHandle {
    system: Arc<System>,
    name: &'static str,
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
        let Request { make, roots, sequences, status, shows, key, deadline, meta } = request;
        let roots = roots.into_iter().map(|(aggregate, key)| RootKey { service: self.name, aggregate, key }).collect();
        let purpose = Purpose::Client { key: key.map_or(KeyUse::None, KeyUse::Take), status, shows };
        self.submit_fresh(Act { make, roots, sequences, purpose, deadline, meta }).await
    }

    /// Asks for something that takes another service. It goes on when the asker does not wait for it.
    pub async fn run<S: Saga>(&self, request: SagaRequest<S>) -> Outcome {
        let (answer, answered) = oneshot::channel();
        let service = self.clone();
        self.spawn(Box::pin(async move {
            let _ = answer.send(saga::run(service, request).await);
        }));
        answered.await.unwrap_or(Outcome::Unheard)
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

    fn table(&self, collection: &'static str) -> String {
        match self.system.views.served(self.name, collection) {
            Some(version) => format!("{collection}@{version}"),
            None => collection.into(),
        }
    }

    pub(crate) async fn submit_fresh(&self, act: Act) -> Outcome {
        match self.inbox().fresh(self.name, Work::Act(act)).await {
            None => Outcome::Full,
            Some(done) => self.outcome(done),
        }
    }

    pub(crate) async fn submit(&self, act: Act) -> Done {
        self.inbox().begun(self.name, Work::Act(act)).await
    }

    pub(crate) fn outcome(&self, done: Done) -> Outcome {
        match done {
            Done::Accepted(answer) => Outcome::Accepted(answer),
            Done::Refused(refused) => Outcome::Refused(refused),
            Done::KeyReused => Outcome::KeyReused,
            Done::InProgress => Outcome::InProgress,
            Done::Expired => Outcome::Expired,
            Done::Away(why) => Outcome::Away(why),
            Done::Unheard => Outcome::Unheard,
            Done::Failed(why) => Outcome::Failed(why),
            other => Outcome::Failed(format!("{} answered a client with {other:?}", self.name)),
        }
    }

    /// Starts its consumers.
    fn follow(&self) {
        for source in self.service().policy_sources() {
            self.system.drive(Consumer::new(self.clone(), "policies".into(), ConsumerKind::Policies, source).run());
        }
        for view in &self.service().projections {
            let consumer = Consumer::new(self.clone(), view.table(), ConsumerKind::View(view.name), view.source);
            self.system.drive(consumer.run());
            if self.system.views.served(self.name, view.collection) != Some(view.version) {
                let state = self.watch_consumer(&view.table(), view.source);
                self.system.drive(views::switch_when_caught_up(self.clone(), view.name, state));
            }
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

    pub(crate) fn feeds(&self) -> &dyn Feeds {
        &*self.system.feeds
    }

    pub(crate) fn carrier(&self) -> &dyn Carrier {
        &*self.system.carrier
    }

    pub(crate) fn views(&self) -> &Views {
        &self.system.views
    }

    pub(crate) fn open_sagas(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.system.open_sagas)
    }

    pub(crate) fn spawn(&self, work: BoxFuture<'static, ()>) {
        (self.system.spawner)(work);
    }
}
