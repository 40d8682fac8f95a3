//! A whole system behind its real router, for tests that tell a story.
//!
//! Nothing runs beside the test: a request, and everything that follows from it, happens while the test waits for it, on the
//! test's own thread. Time stands still but for what the test lets pass and what a request itself waits for.

mod answer;
mod live;
mod request;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use calls::Transport;
use clock::{Clock, ManualClock};
use eventlog::{Carrier, InProcess};
use jiff::Timestamp;
use runtime::{Environment, Faults, Queues, SystemHandle};
use serde_json::Value;
use store::Store;

pub use answer::Answer;
pub use live::{Live, Told};
pub use request::Asked;

use crate::disk::Disk;
use crate::executor::{Executor, Group};
use crate::settled::Unrest;
use crate::subject::{Home, Ids, Outside, Subject};

/// How much time a request may wait for before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much time settling may take. Sagas try again after a minute at the latest.
const SETTLING: Duration = Duration::from_secs(600);

/// Puts something of the test's between a system and its store or carrier.
pub type Between<T> = Arc<dyn Fn(Arc<T>) -> Arc<T> + Send + Sync>;

/// What an app is run with besides its subject.
pub struct Setup {
    /// The instant at which its clock stands.
    pub at: Timestamp,
    /// Where it keeps its data.
    pub home: Home,
    /// In which order things happen; in turn when not given.
    pub seed: Option<u64>,
    /// What stands before its store.
    pub store: Option<Between<dyn Store>>,
    /// What stands before its carrier.
    pub carrier: Option<Between<dyn Carrier>>,
    /// What stands before its calls.
    pub calls: Option<Between<dyn Transport>>,
}

impl Setup {
    /// A temporary directory, everything in turn, nothing between.
    pub fn at(at: Timestamp) -> Self {
        Self { at, home: Home::directory(), seed: None, store: None, carrier: None, calls: None }
    }

    /// On a simulated disk.
    #[must_use]
    pub fn on(mut self, disk: &Disk) -> Self {
        self.home = Home::Disk(disk.clone());
        self
    }

    /// In an order that the seed decides.
    #[must_use]
    pub const fn seeded(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// With something before its store.
    #[must_use]
    pub fn store(mut self, between: impl Fn(Arc<dyn Store>) -> Arc<dyn Store> + Send + Sync + 'static) -> Self {
        self.store = Some(Arc::new(between));
        self
    }

    /// With something before its carrier.
    #[must_use]
    pub fn carrier(mut self, between: impl Fn(Arc<dyn Carrier>) -> Arc<dyn Carrier> + Send + Sync + 'static) -> Self {
        self.carrier = Some(Arc::new(between));
        self
    }

    /// With something before its calls.
    #[must_use]
    pub fn calls(mut self, between: impl Fn(Arc<dyn Transport>) -> Arc<dyn Transport> + Send + Sync + 'static) -> Self {
        self.calls = Some(Arc::new(between));
        self
    }
}

/// A running system and everything around it.
pub struct TestApp {
    subject: Subject,
    setup: Setup,
    executor: Executor,
    clock: ManualClock,
    faults: Faults,
    ids: Ids,
    outside: Outside,
    running: Option<Running>,
}

/// What goes when the process does.
struct Running {
    group: Group,
    system: SystemHandle,
    router: Router,
}

impl TestApp {
    /// Starts a system on an empty temporary directory at an instant.
    ///
    /// # Panics
    /// When it does not start.
    #[track_caller]
    pub fn start(subject: Subject, at: Timestamp) -> Self {
        Self::with(subject, Setup::at(at))
    }

    /// Starts a system as set up.
    ///
    /// # Panics
    /// When it does not start.
    #[track_caller]
    pub fn with(subject: Subject, setup: Setup) -> Self {
        let executor = setup.seed.map_or_else(Executor::in_turn, Executor::seeded);
        let clock = ManualClock::at(setup.at);
        let outside = (subject.outside)(Arc::new(clock.clone()));
        let mut app = Self { subject, setup, executor, clock, faults: Faults::default(), ids: Ids::default(), outside, running: None };
        app.boot();
        app
    }

    #[track_caller]
    fn boot(&mut self) {
        let spec = (self.subject.spec)();
        let mut store = self.setup.home.open(spec.schema()).unwrap_or_else(|error| panic!("the store does not open: {error}"));
        if let Some(between) = &self.setup.store {
            store = between(store);
        }
        let mut carrier: Arc<dyn Carrier> = Arc::new(InProcess::default());
        if let Some(between) = &self.setup.carrier {
            carrier = between(carrier);
        }
        let group = self.executor.group();
        let environment = Environment {
            store,
            carrier,
            clock: Arc::new(self.clock.clone()),
            faults: self.faults.clone(),
            spawner: self.executor.spawner(group),
            ids: self.ids.source(),
            queues: Queues::of(1024),
            pace: runtime::PACE,
            only: Vec::new(),
            ports: self.outside.ports.clone(),
            tracer: telemetry::Tracer::off(),
        };
        let way = self.setup.calls.clone();
        let way = move |doors| way.map_or_else(|| Arc::clone(&doors), |way| way(Arc::clone(&doors)));
        let started = self.wait_for(SystemHandle::start_calling(spec, environment, way));
        let system = started.unwrap_or_else(|error| panic!("the system does not start: {error}"));
        let router = (self.subject.routes)(&system);
        self.running = Some(Running { group, system, router });
        self.executor.run_until_stalled();
    }

    #[track_caller]
    fn running(&self) -> &Running {
        self.running.as_ref().unwrap_or_else(|| panic!("the system is not running"))
    }

    /// The system itself.
    pub fn system(&self) -> &SystemHandle {
        &self.running().system
    }

    /// Its clock.
    pub const fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// What it calls outside of it.
    pub const fn outside(&self) -> &Outside {
        &self.outside
    }

    /// Its fault switch, by `{system}/{service}`.
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Sends a GET.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Answer {
        self.send(Asked::get(path))
    }

    /// Sends a POST of JSON.
    #[track_caller]
    pub fn post(&mut self, path: &str, body: Value) -> Answer {
        self.send(Asked::post(path, &body))
    }

    /// Sends a DELETE.
    #[track_caller]
    pub fn delete(&mut self, path: &str) -> Answer {
        self.send(Asked::delete(path))
    }

    /// The rows of a collection, up to a thousand.
    #[track_caller]
    pub fn rows(&mut self, collection: &str) -> Vec<Value> {
        let page = self.get(&format!("/{collection}?size=1000")).expect(200);
        page["_embedded"][collection].as_array().cloned().unwrap_or_default()
    }

    /// Sends a request and waits for its answer. Time passes only while nothing else can happen.
    ///
    /// # Panics
    /// When it is not answered within a minute of its time.
    #[track_caller]
    pub fn send(&mut self, asked: Asked) -> Answer {
        let router = self.running().router.clone();
        self.wait_for(asked.send(router))
    }

    /// Sends requests that are all under way at once; their answers, in the order of the requests.
    ///
    /// # Panics
    /// When one is not answered.
    #[track_caller]
    pub fn together(&mut self, asked: impl IntoIterator<Item = Asked>) -> Vec<Answer> {
        let (group, router) = (self.running().group, self.running().router.clone());
        let answers: Vec<_> = asked
            .into_iter()
            .map(|asked| {
                let (tell, told) = tokio::sync::oneshot::channel();
                let sending = asked.send(router.clone());
                self.executor.spawn(group, async move {
                    let _ = tell.send(sending.await);
                });
                told
            })
            .collect();
        let answers = self.wait_for(futures_util::future::join_all(answers));
        answers.into_iter().map(|answer| answer.unwrap_or_else(|_| panic!("a request was not answered"))).collect()
    }

    /// Sends a request whose answer has no end, and reads the first `pieces` of it as they come; then it reads no more, and holds the
    /// line until what this gives is dropped.
    #[track_caller]
    pub fn listen(&mut self, asked: Asked, pieces: usize) -> Live {
        let (group, router) = (self.running().group, self.running().router.clone());
        let (live, listening) = Live::begin(asked, router, pieces);
        self.executor.spawn(group, listening);
        self.executor.run_until_stalled();
        live
    }

    /// Begins a request without waiting for its answer, which nobody will hear.
    pub fn begin(&mut self, asked: Asked) {
        let running = self.running();
        let sending = asked.send(running.router.clone());
        self.executor.spawn(running.group, async move {
            sending.await;
        });
    }

    /// Runs so many tasks, unless nothing is ready before.
    pub fn steps(&mut self, count: usize) {
        for _ in 0..count {
            if !self.executor.step() {
                return;
            }
        }
    }

    /// Whether anything can go on without time passing.
    pub fn steps_are_left(&self) -> bool {
        self.executor.tasks().0 > 0
    }

    /// Runs whatever can go on without time passing.
    pub fn run(&mut self) {
        self.executor.run_until_stalled();
    }

    /// Lets time pass; everything that falls due happens.
    pub fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        self.executor.run_until_stalled();
    }

    /// Lets time pass until an instant.
    pub fn advance_to(&mut self, at: Timestamp) {
        self.clock.advance_to(at);
        self.executor.run_until_stalled();
    }

    /// Waits for something of the system's, letting time pass only while nothing else can happen.
    ///
    /// # Panics
    /// When it would take more than a minute.
    #[track_caller]
    pub fn wait_for<T>(&mut self, work: impl Future<Output = T>) -> T {
        let clock = self.clock.clone();
        let latest = clock.elapsed() + PATIENCE;
        let done = self.executor.run_until(work, || pass_time(&clock, latest));
        done.unwrap_or_else(|| panic!("nothing comes of waiting: tasks (ready, waiting) {:?}", self.executor.tasks()))
    }

    /// Lets everything that was begun come to its end, also what takes some time.
    ///
    /// # Panics
    /// When something is parked or halted, or does not come to its end.
    #[track_caller]
    pub fn settle(&mut self) {
        if let Err(left) = self.try_settle() {
            panic!("the system does not settle:\n  {}", left.join("\n  "));
        }
    }

    /// The same; what is left over.
    ///
    /// # Errors
    /// Everything that is parked, halted or not at its end.
    pub fn try_settle(&mut self) -> Result<(), Vec<String>> {
        let system = self.running().system.clone();
        let latest = self.clock.elapsed() + SETTLING;
        loop {
            self.executor.run_until_stalled();
            let unrest = self.wait_for(Unrest::of(&system));
            if !unrest.stuck.is_empty() {
                return Err([unrest.stuck, unrest.busy].concat());
            }
            if unrest.busy.is_empty() {
                return Ok(());
            }
            if !pass_time(&self.clock, latest) {
                return Err(unrest.busy);
            }
        }
    }

    /// Folds everything again and compares.
    ///
    /// # Panics
    /// When something disagrees with its events.
    #[track_caller]
    pub fn verify(&mut self) {
        let system = self.running().system.clone();
        let found = self.wait_for(system.verify()).unwrap_or_else(|error| panic!("the store cannot be read: {error}"));
        assert!(found.is_empty(), "{found:#?}");
    }

    /// The disk it is on, when that is a simulated one.
    pub const fn disk(&self) -> Option<&Disk> {
        match &self.setup.home {
            Home::Disk(disk) => Some(disk),
            Home::Directory(_) => None,
        }
    }

    /// Drops the process wherever it is and starts it again on the same data.
    pub fn restart(&mut self) {
        self.stop();
        self.boot();
    }

    /// Cuts the power, and starts again on what the disk kept.
    ///
    /// # Panics
    /// When the app is not on a simulated disk.
    #[track_caller]
    pub fn crash(&mut self) {
        let Home::Disk(disk) = &self.setup.home else { panic!("only a simulated disk can be cut off") };
        let disk = disk.clone();
        disk.cut_power();
        self.stop();
        disk.restart();
        self.boot();
    }

    fn stop(&mut self) {
        if let Some(Running { group, .. }) = self.running.take() {
            self.executor.kill(group);
        }
    }

    /// Ends the test without settling, for one that leaves something parked or broken on purpose.
    pub fn abandon(mut self) {
        self.stop();
    }
}

/// Lets the first who waits go on; false when nobody waits, or not until `latest`.
pub(crate) fn pass_time(clock: &ManualClock, latest: Duration) -> bool {
    let Some(wait) = clock.next_wake().filter(|wait| clock.elapsed() + *wait <= latest) else { return false };
    clock.advance(wait);
    true
}

impl Drop for TestApp {
    /// A test that ends well leaves nothing behind.
    fn drop(&mut self) {
        if self.running.is_some() && !std::thread::panicking() {
            self.faults.clear();
            self.settle();
            self.verify();
        }
    }
}
