//! One system at work: its services over one store, and everything that drives them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use calls::{Client, ClientRules, InProcess as Doors, Transport};
use clock::SharedClock;
use eventlog::Carrier;
use kernel::Timestamp;
use store::{Schema, Store, StoreError};
use telemetry::Tracer;
use tokio::sync::{Semaphore, watch};

use crate::consumer::Consumer;
use crate::faults::Faults;
use crate::feeds::OwnFeeds;
use crate::follow::Following;
use crate::handle::{ServiceHandle, Spawner, System};
use crate::open_sagas::{OpenSagas, Unfinished};
use crate::served::Served;
use crate::service::{Service, Services};
use crate::stats::Stats;
use crate::status::Status;
use crate::verify::{self, Disagreement, Order, Progress, Verified};
use crate::writer::{ConsumerKind, Writer, WriterParts};
use crate::{parking, pruning, rebuild, views, wakeups};

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

/// The least time between two transactions of one consumer. What comes meanwhile is handled together, so that following a busy source
/// leaves the writer to those who wait for it; what comes after a quiet moment is handled at once.
pub const PACE: Duration = Duration::from_millis(5);

/// Something outside the installation that is called like a service: a payment provider, a sender of messages.
#[derive(Clone)]
pub struct Port {
    /// The name by which it is called, [`kernel::Call::SERVICE`].
    pub name: &'static str,
    /// What answers.
    pub door: Arc<dyn Transport>,
}

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
    pub queues: Queues,
    /// The least time between two transactions of one consumer, [`PACE`] as a rule.
    pub pace: Duration,
    /// The services to run here; all when empty.
    pub only: Vec<String>,
    /// What its sagas call outside the installation.
    pub ports: Vec<Port>,
    /// What records traces.
    pub tracer: Tracer,
}

/// How many new commands each service takes in before those that wait have been answered. One more is refused at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queues {
    /// Of services that have no bound of their own.
    pub usual: usize,
    /// Of services by name.
    pub own: BTreeMap<String, usize>,
}

impl Queues {
    /// The same for every service.
    pub const fn of(usual: usize) -> Self {
        Self { usual, own: BTreeMap::new() }
    }

    fn at(&self, service: &str) -> usize {
        self.own.get(service).copied().unwrap_or(self.usual)
    }
}

/// A running system.
#[derive(Clone)]
pub struct SystemHandle {
    pub(crate) system: Arc<System>,
    /// The services that this handle shows.
    shown: Vec<&'static str>,
}

impl SystemHandle {
    /// Starts a system: its writer, consumers, wake-ups and views.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub async fn start(spec: SystemSpec, environment: Environment) -> Result<Self, StoreError> {
        Self::start_calling(spec, environment, |doors| doors).await
    }

    /// The same, with calls that take the way which `way` makes of the one to the doors here: for services that run elsewhere, and
    /// for tests in which calls go wrong.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub async fn start_calling(
        spec: SystemSpec,
        environment: Environment,
        way: impl FnOnce(Arc<dyn Transport>) -> Arc<dyn Transport>,
    ) -> Result<Self, StoreError> {
        let Environment { store, carrier, clock, faults, spawner, ids, queues, pace, only, ports, tracer } = environment;
        let views = Arc::new(Served::load(spec.services.iter(), &*store).await?);
        let running: Vec<_> =
            spec.services.iter().map(|service| service.name).filter(|name| only.is_empty() || only.iter().any(|one| one == name)).collect();
        let services = Arc::new(Services(spec.services));
        let stats = Arc::new(Stats::default());
        let following = Arc::<Following>::default();
        let parts = WriterParts {
            following: Arc::clone(&following),
            services: Arc::clone(&services),
            views: Arc::clone(&views),
            store: Arc::clone(&store),
            carrier: Arc::clone(&carrier),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            queue: running.iter().map(|service| queues.at(service)).sum(),
            stats: Arc::clone(&stats),
            tracer: tracer.clone(),
        };
        let (writer, inbox, wakes, parked) = Writer::new(parts);
        let doors = Arc::new(Doors::default());
        let system = Arc::new(System {
            name: spec.name,
            feeds: Arc::new(OwnFeeds { system: spec.name, running: running.clone(), store: Arc::clone(&store), faults: faults.clone() }),
            services,
            running: running.clone(),
            store,
            inbox,
            places: running.iter().map(|service| (*service, Arc::new(Semaphore::new(queues.at(service))))).collect(),
            client: Client::new(way(Arc::clone(&doors) as _), Arc::clone(&clock), ClientRules::default()).traced(tracer.clone()),
            clock,
            faults,
            carrier,
            spawner,
            ids,
            pace,
            consumers: Mutex::default(),
            views,
            open_sagas: OpenSagas::default(),
            stats,
            tracer,
            following,
            rebuilding: tokio::sync::Mutex::default(),
            stuck: Mutex::default(),
            stopped: watch::Sender::new(false),
        });
        for service in system.handles() {
            service.load_open_sagas().await?;
        }
        // What is under way when the system is stopped is still written and answered.
        (system.spawner)(Box::pin(writer.run()));
        for Port { name, door } in ports {
            doors.open(name, door);
        }
        for service in system.handles() {
            doors.open(service.name(), service.door());
            follow(&service).await?;
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
        let mut status = Status { open_sagas: system.open_sagas.count(), waiting: system.inbox.waiting(), ..Status::default() };
        status.stuck = system.stuck.lock().unwrap_or_else(PoisonError::into_inner).len();
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
        Ok(self.audit(None, &mut |_| ()).await?.found)
    }

    /// The same, with the events of each view folded in another order of keys, which must make no difference.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub async fn verify_in(&self, order: Order<'_>) -> Result<Vec<Disagreement>, StoreError> {
        Ok(self.audit(Some(order), &mut |_| ()).await?.found)
    }

    /// The same of what stands at one instant, while everything goes on. It takes long, on the caller's thread, and says how far it is.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub async fn verified(&self, mut progress: impl FnMut(Progress) + Send) -> Result<Verified, StoreError> {
        self.audit(None, &mut progress).await
    }

    async fn audit(&self, order: Option<Order<'_>>, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Verified, StoreError> {
        let snapshot = self.system.store.snapshot().await?;
        verify::services(&self.system.services.0, &*snapshot, order, progress)
    }

    /// The sagas that have not ended, `service/saga/key`, whether driven now or waiting to be woken. Those that wait for somebody to tell
    /// them something are not among them.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub async fn unfinished_sagas(&self) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        for service in self.system.handles() {
            let open = Unfinished::of(&service).await?.open;
            found.extend(open.into_iter().map(|root| format!("{}/{}/{}", root.service, root.aggregate, root.key)));
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

    /// Lets everybody go who follows rows, which has no end of its own, and nobody begin to: the first thing to do when the process is
    /// to end, so that whoever waits for all requests to be answered does not wait for those.
    pub fn end_following(&self) {
        self.system.following.end();
    }

    /// Stops everything that goes on by itself. What was handed in is still written and answered.
    pub fn stop(&self) {
        self.end_following();
        self.system.stopped.send_replace(true);
    }
}

/// Starts the consumers of a service.
async fn follow(service: &ServiceHandle) -> Result<(), StoreError> {
    for source in service.service().policy_sources() {
        service.system.drive(Consumer::new(service.clone(), "policies".into(), ConsumerKind::Policies, source).run());
    }
    for view in &service.service().projections {
        let consumer = Consumer::new(service.clone(), view.table(), ConsumerKind::View(view.name), view.source);
        service.system.drive(consumer.run());
        if service.system.views.served(service.name, view.collection) != Some(view.version) {
            let state = service.watch_consumer(&view.table(), view.source);
            service.system.drive(views::switch_when_caught_up(service.clone(), view.name, state));
        }
        // A rebuild that was cut short goes on where it was.
        if service.store().is_rebuilding(service.name, &view.table()).await? {
            rebuild::follow(service, view);
        }
    }
    Ok(())
}
