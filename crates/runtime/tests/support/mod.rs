//! A toy system, and a bench to try its mechanisms on: SQLite in a temporary directory, time moved by hand, one thread.

pub mod executor;
pub mod shim;
pub mod toy;
pub mod trip;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clock::{Clock, ManualClock};
use eventlog::{Carrier, Delivery, InProcess, Subscription};
use futures_util::future::BoxFuture;
use kernel::{Aggregate, Commands, Resource, Timestamp};
use runtime::{
    ClientKey, ConsumerStatus, Environment, Fault, Faults, Outcome, Port, Queues, Request, SagaRequest, ServiceHandle, SystemHandle,
    SystemSpec,
};
use serde_json::Value;
use store::sqlite::{Options, SqliteStore};
use store::{FeedEvent, Meta, SHARDS, Store};
use tempfile::TempDir;

pub use executor::{Executor, Started};
pub use shim::{Hold, Lost, Shim};
use toy::{Buy, Counter, Do, OrderRow};

/// Where everything stands that outlives a process.
#[derive(Clone)]
pub struct Bench {
    directory: Arc<TempDir>,
    pub clock: ManualClock,
    executor: Executor,
    last_process: Arc<AtomicUsize>,
    last_id: Arc<AtomicU64>,
    pace: Duration,
    /// What processes call outside.
    ports: Vec<Port>,
}

/// What is done to what the carrier is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carries {
    #[default]
    Everything,
    Nothing,
    /// Every other publication.
    Half,
    Twice,
    /// Each publication behind the one after it.
    Late,
    /// That there was something, and not what.
    Hints,
}

#[derive(Default)]
pub struct Unruly {
    inner: InProcess,
    carries: Arc<Mutex<Carries>>,
    count: AtomicUsize,
    late: Mutex<Vec<Arc<FeedEvent>>>,
}

impl Unruly {
    pub fn carries(&self, carries: Carries) {
        *self.carries.lock().unwrap() = carries;
    }
}

impl Carrier for Unruly {
    fn publish(&self, events: &[Arc<FeedEvent>]) {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        match *self.carries.lock().unwrap() {
            Carries::Everything | Carries::Hints => self.inner.publish(events),
            Carries::Nothing => {}
            Carries::Half if count.is_multiple_of(2) => {}
            Carries::Half => self.inner.publish(events),
            Carries::Twice => {
                self.inner.publish(events);
                self.inner.publish(events);
            }
            Carries::Late => {
                let before = std::mem::replace(&mut *self.late.lock().unwrap(), events.into());
                self.inner.publish(&before);
            }
        }
    }

    fn subscribe(&self, source: &str) -> Box<dyn Subscription> {
        Box::new(Listener { inner: self.inner.subscribe(source), carries: Arc::clone(&self.carries) })
    }
}

struct Listener {
    inner: Box<dyn Subscription>,
    carries: Arc<Mutex<Carries>>,
}

impl Subscription for Listener {
    fn next(&mut self) -> BoxFuture<'_, Delivery> {
        Box::pin(async {
            match self.inner.next().await {
                Delivery::Events(_) if *self.carries.lock().unwrap() == Carries::Hints => Delivery::Missed,
                other => other,
            }
        })
    }
}

/// A running process.
pub struct Process {
    bench: Bench,
    number: usize,
    pub store: Arc<Shim>,
    pub carrier: Arc<Unruly>,
    pub faults: Faults,
    pub system: SystemHandle,
}

pub fn start_of_time() -> Timestamp {
    Timestamp::from_second(1_764_000_000).unwrap()
}

impl Bench {
    pub fn new() -> Self {
        Self {
            directory: Arc::new(tempfile::tempdir().unwrap()),
            clock: ManualClock::at(start_of_time()),
            executor: Executor::default(),
            last_process: Arc::default(),
            last_id: Arc::default(),
            // Time stands still in most tests.
            pace: Duration::ZERO,
            ports: Vec::new(),
        }
    }

    /// One whose processes call this outside.
    pub fn calling(port: Port) -> Self {
        Self { ports: vec![port], ..Self::new() }
    }

    /// One whose consumers leave so much time between their transactions.
    pub fn paced(pace: Duration) -> Self {
        Self { pace, ..Self::new() }
    }

    fn open(&self, spec: &SystemSpec) -> Arc<dyn Store> {
        let options = Options { inline: true, ..Options::default() };
        Arc::new(SqliteStore::open(&self.directory.path().join("toy.db"), spec.schema(), &options).unwrap())
    }

    /// Starts a process, once the one before is gone.
    pub fn start(&self, spec: SystemSpec) -> Process {
        let store = self.open(&spec);
        self.start_on(spec, store, 100, Faults::default())
    }

    /// Starts a process in which something is wrong from the first moment on.
    pub fn start_with(&self, spec: SystemSpec, wrong: impl FnOnce(&Faults)) -> Process {
        let (store, faults) = (self.open(&spec), Faults::default());
        wrong(&faults);
        self.start_on(spec, store, 100, faults)
    }

    pub fn start_with_queue(&self, queue: usize) -> Process {
        let spec = toy::mended();
        let store = self.open(&spec);
        self.start_on(spec, store, queue, Faults::default())
    }

    /// Starts two processes on one store.
    pub fn start_two(&self) -> [Process; 2] {
        let store = self.open(&toy::mended());
        [(); 2].map(|()| self.start_on(toy::mended(), Arc::clone(&store), 100, Faults::default()))
    }

    fn start_on(&self, spec: SystemSpec, store: Arc<dyn Store>, queue: usize, faults: Faults) -> Process {
        let number = self.last_process.fetch_add(1, Ordering::Relaxed);
        let (store, carrier) = (Shim::over(store), Arc::<Unruly>::default());
        let (executor, last_id) = (self.executor.clone(), Arc::clone(&self.last_id));
        let environment = Environment {
            store: Arc::clone(&store) as _,
            carrier: Arc::clone(&carrier) as _,
            clock: Arc::new(self.clock.clone()),
            faults: faults.clone(),
            spawner: Arc::new(move |work| executor.spawn(number, work)),
            ids: Arc::new(move || format!("id-{:010}", last_id.fetch_add(1, Ordering::Relaxed))),
            queues: Queues::of(queue),
            pace: self.pace,
            only: Vec::new(),
            ports: self.ports.clone(),
            tracer: telemetry::Tracer::off(),
        };
        let system = self.executor.wait(SystemHandle::start(spec, environment)).unwrap();
        let process = Process { bench: self.clone(), number, store, carrier, faults, system };
        self.settle();
        process
    }

    /// Lets everything happen that needs no time.
    pub fn settle(&self) {
        self.executor.run();
    }

    /// Lets time pass; whoever waits goes on at its instant.
    pub fn pass(&self, time: Duration) {
        let end = self.clock.elapsed() + time;
        self.settle();
        while let Some(next) = self.clock.next_wake().filter(|next| self.clock.elapsed() + *next <= end) {
            self.clock.advance(next);
            self.settle();
        }
        self.clock.advance(end - self.clock.elapsed());
        self.settle();
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

pub fn meta() -> Meta {
    Meta { correlation: "story".into(), causation: "request".into(), caller: "administrator".into(), trace: None }
}

pub fn key(key: &str, fingerprint: &str) -> Option<ClientKey> {
    Some(ClientKey { key: key.into(), fingerprint: fingerprint.into() })
}

/// Asks counters for something.
pub fn ask(commands: &[(u64, Do)]) -> Request {
    let commands: Commands = commands.iter().fold(Commands::none(), |all, (id, command)| all.and::<Counter>(id, command.clone()));
    Request::new(commands, meta()).answered(200, Some(toy::COUNTERS))
}

pub fn add(id: u64, n: u64) -> Request {
    ask(&[(id, Do::Add(n))])
}

/// Makes a counter under a new id, and asks it for something.
pub fn create(command: Do) -> Request {
    let make = move |ids: &mut runtime::Ids<'_>| Commands::to::<Counter>(&ids.next(toy::COUNTERS), command.clone());
    Request::make(make, meta()).counts(&[toy::COUNTERS]).answered(201, Some(toy::COUNTERS))
}

pub fn buy(seats: u32) -> SagaRequest<Buy> {
    SagaRequest {
        saga: Arc::new(move |ids| {
            let order = ids.next(OrderRow::COLLECTION);
            (format!("b{order}"), Buy { order, seats })
        }),
        collection: OrderRow::COLLECTION,
        status: 201,
        key: None,
        deadline: Timestamp::MAX,
        expected: None,
        meta: meta(),
    }
}

/// What a short text says of an outcome.
pub fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted(answer) => {
            let shown = answer.shown.as_ref();
            shown.map_or_else(|| answer.status.to_string(), |shown| format!("{} {}/{}", answer.status, shown.collection, shown.id))
        }
        Outcome::Refused(refused) => format!("refused {}", refused.code),
        Outcome::Away(_) => "away".into(),
        Outcome::Failed(_) => "failed".into(),
        Outcome::Unavailable(service) => format!("unavailable {service}"),
        other @ (Outcome::KeyReused | Outcome::InProgress | Outcome::Expired | Outcome::Changed | Outcome::Full | Outcome::Unheard) => {
            format!("{other:?}")
        }
    }
}

impl Process {
    pub fn service(&self, name: &str) -> ServiceHandle {
        self.system.service(name).unwrap()
    }

    /// Runs a future of this process to its end; time stands still.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.bench.executor.wait(work)
    }

    /// Starts a future of this process, to be asked for its answer later.
    pub fn start<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Started<T> {
        self.bench.executor.start(self.number, work)
    }

    /// Hands a request to the counters, without running anything.
    pub fn hand_in(&self, request: Request) -> Started<Outcome> {
        let service = self.service(toy::COUNTERS);
        self.bench.executor.start(self.number, async move { service.execute(request).await })
    }

    /// Asks the counters, and lets everything happen that follows.
    pub fn execute(&self, request: Request) -> Outcome {
        let outcome = self.wait(self.service(toy::COUNTERS).execute(request));
        self.bench.settle();
        outcome
    }

    /// What the counters say to a request.
    pub fn says(&self, request: Request) -> String {
        told(&self.execute(request))
    }

    /// What they say to requests that are handed in together.
    pub fn say(&self, requests: impl IntoIterator<Item = Request>) -> Vec<String> {
        let started: Vec<_> = requests.into_iter().map(|request| self.hand_in(request)).collect();
        self.bench.settle();
        started.iter().map(|started| told(&started.answer().unwrap())).collect()
    }

    /// Begins to buy seats, without running anything.
    pub fn hand_in_saga(&self, request: SagaRequest<Buy>) -> Started<Outcome> {
        let service = self.service(toy::SHOP);
        self.bench.executor.start(self.number, async move { service.run(request).await })
    }

    /// Begins to buy seats, and runs whatever needs no time.
    pub fn begin(&self, request: SagaRequest<Buy>) -> Started<Outcome> {
        let started = self.hand_in_saga(request);
        self.bench.settle();
        started
    }

    /// Begins to try a line of what the board has parked, without running anything.
    pub fn hand_in_retry(&self, line: &store::LineKey) -> Started<Result<runtime::Retried, runtime::NotParked>> {
        let (service, line) = (self.service(toy::BOARD), line.clone());
        self.bench.executor.start(self.number, async move { service.retry_parked(&line).await })
    }

    /// How many seats the pool has left.
    pub fn seats_left(&self) -> u64 {
        let pool = self.wait(self.store.events(&store::RootKey { service: "pool", aggregate: "pool", key: "stalls".into() })).unwrap();
        pool.iter().fold(10, |left, event| {
            let event: Value = serde_json::from_str(&event.data).unwrap();
            let seats = event["seats"].as_u64().unwrap();
            if event["type"] == "taken" { left - seats } else { left + seats }
        })
    }

    pub fn row<R: Resource>(&self, service: &str, id: u64) -> Option<R> {
        self.wait(self.service(service).row::<R>(id)).unwrap().map(|row| serde_json::from_str(&row).unwrap())
    }

    pub fn total(&self, id: u64) -> Option<u64> {
        self.row::<toy::CounterRow>(toy::COUNTERS, id).map(|row| row.total)
    }

    pub fn rang(&self, id: u64) -> Vec<Timestamp> {
        self.row::<toy::CounterRow>(toy::COUNTERS, id).unwrap().rang
    }

    /// What the board heard of a counter.
    pub fn heard(&self, id: u64) -> Vec<u64> {
        self.row::<toy::TallyRow>(toy::BOARD, id).map_or_else(Vec::new, |row| row.heard)
    }

    /// What the board's view shows of a counter.
    pub fn viewed(&self, id: u64) -> Option<u64> {
        self.row::<toy::TotalRow>(toy::BOARD, id).map(|row| row.total)
    }

    pub fn ordered(&self, id: u64) -> Option<u32> {
        self.row::<OrderRow>(toy::SHOP, id).map(|row| row.seats)
    }

    /// The data of a root's events, oldest first.
    pub fn events<A: Aggregate>(&self, service: &'static str, key: &A::Key) -> Vec<String> {
        let root = store::RootKey { service, aggregate: A::NAME, key: key.to_string() };
        self.wait(self.store.events(&root)).unwrap().into_iter().map(|event| event.data).collect()
    }

    /// Everything the counters published, shard by shard.
    pub fn feed(&self) -> Vec<Vec<Arc<FeedEvent>>> {
        (0..SHARDS).map(|shard| self.wait(self.store.feed(toy::COUNTERS, shard, 0, 10_000)).unwrap().events).collect()
    }

    pub fn parked(&self) -> Vec<store::Parked> {
        self.wait(self.store.parked(toy::BOARD, 100)).unwrap()
    }

    pub fn consumer(&self, name: &str) -> ConsumerStatus {
        let status = self.wait(self.system.status()).unwrap();
        status.consumers.into_iter().find(|one| one.consumer == name).unwrap()
    }

    pub fn fault(&self, service: &str, fault: Fault) {
        self.faults.set(&format!("{}/{service}", toy::TOY), fault);
    }

    /// Everything agrees with the events it comes from, nothing is parked, and no saga is open.
    pub fn check(&self) {
        assert_eq!(self.wait(self.system.verify()).unwrap(), []);
        assert_eq!(self.wait(self.system.parked()).unwrap(), Vec::<String>::new());
        assert_eq!(self.wait(self.system.unfinished_sagas()).unwrap(), Vec::<String>::new());
    }

    /// Kills the process where it stands.
    pub fn kill(self) {}
}

impl Drop for Process {
    fn drop(&mut self) {
        self.bench.executor.kill(self.number);
    }
}
