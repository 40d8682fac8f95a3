//! The driver: one process on one disk, its clients, and what befalls them.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use clock::{Clock, ManualClock};
use eventlog::InProcess;
use fastrand::Rng;
use runtime::{Environment, Fault, Faults, Queues, SystemHandle};
use store::Store;

use super::chaos::{Chaos, Misfortune};
use super::client::{Client, Network, Shared, lock};
use super::{Report, Simulation};
use crate::app::{Answer, Asked, pass_time};
use crate::carrier::Unreliable;
use crate::disk::Disk;
use crate::executor::{Executor, Group};
use crate::settled::Unrest;
use crate::subject::{Home, Ids, Outside};

/// A run with more steps than these does not end.
const MOST_STEPS: u64 = 400_000;

/// How many misfortunes a run has at most, so that its clients come to an end.
const MISFORTUNES: usize = 24;

/// After how much time nothing goes wrong any more.
const CHAOTIC: Duration = Duration::from_secs(14 * 3600);

/// How much time a run may take inside, so that no kept answer is forgotten before the end.
const LONGEST: Duration = Duration::from_secs(20 * 3600);

/// How much time coming to rest may take.
const SETTLING: Duration = Duration::from_secs(1800);

/// What a run comes to when something is wrong.
type Wrong = Vec<String>;

/// How the start of a process ended.
type Started = Arc<Mutex<Option<Result<SystemHandle, String>>>>;

pub(super) struct World {
    simulation: Simulation,
    seed: u64,
    rng: Rng,
    chaos: Chaos,
    executor: Executor,
    clock: ManualClock,
    disk: Disk,
    home: Home,
    faults: Faults,
    ids: Ids,
    shared: Arc<Shared>,
    network: Group,
    outside: Outside,
    process: Option<Process>,
    disk_fails: bool,
    calm: bool,
    misfortunes: usize,
    kills: usize,
    cuts: usize,
}

/// What goes when the process does.
struct Process {
    group: Group,
    started: Started,
    /// Whoever still holds it afterwards would keep the file locked.
    store: Weak<dyn Store>,
}

impl World {
    pub(super) fn new(simulation: &Simulation, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let chaos = Chaos::of(&mut rng);
        let chaos = simulation.chaos.unwrap_or(chaos);
        let mut executor = Executor::seeded(rng.u64(..));
        let network = executor.group();
        let disk = Disk::new(rng.u64(..));
        disk.lie(simulation.disk_lies);
        let clock = ManualClock::at(simulation.at);
        let outside = (simulation.subject.outside)(Arc::new(clock.clone()));
        let shared = Shared {
            network: Mutex::new(Network { process: None, deaf: chaos.deaf }),
            course: Mutex::new(simulation.workload.begin(&outside)),
            log: Mutex::default(),
            told: Mutex::default(),
        };
        Self {
            simulation: simulation.clone(),
            seed,
            rng,
            chaos,
            executor,
            clock,
            home: Home::Disk(disk.clone()),
            disk,
            faults: Faults::default(),
            ids: Ids::default(),
            shared: Arc::new(shared),
            network,
            outside,
            process: None,
            disk_fails: false,
            calm: false,
            misfortunes: 0,
            kills: 0,
            cuts: 0,
        }
    }

    pub(super) fn run(&mut self) -> Result<(), Wrong> {
        self.note(format!("{:?}", self.chaos));
        self.boot();
        for number in 0..self.simulation.clients {
            let client = Client {
                number,
                requests: self.simulation.requests,
                clock: self.clock.clone(),
                rng: self.rng.fork(),
                shared: Arc::clone(&self.shared),
            };
            self.executor.spawn(self.network, client.run());
        }
        while lock(&self.shared.told).finished < self.simulation.clients {
            if !self.calm
                && let Some(misfortune) = self.chaos.strikes(&mut self.rng)
            {
                self.suffer(misfortune);
                self.misfortunes += 1;
                if self.misfortunes == MISFORTUNES || self.clock.elapsed() > CHAOTIC {
                    self.grow_calm();
                }
            }
            self.step()?;
            if self.executor.steps() > MOST_STEPS || self.clock.elapsed() > LONGEST {
                return Err(vec!["the run does not end".into()]);
            }
        }
        self.grow_calm();
        let system = self.running()?;
        self.settle(&system)?;
        self.check(&system)
    }

    /// One step of whatever is ready; time passes when nothing is.
    fn step(&mut self) -> Result<(), Wrong> {
        if !self.executor.step() && !pass_time(&self.clock, Duration::MAX) {
            return Err(vec![format!("nothing can go on: tasks (ready, waiting) {:?}", self.executor.tasks())]);
        }
        if self.disk.is_cut() {
            self.note("the power is cut");
            self.cuts += 1;
            self.bury()?;
            self.boot();
        } else if let Some(why) = self.failed_start() {
            if !self.disk_fails {
                return Err(vec![format!("the process does not start: {why}")]);
            }
            self.note(format!("the process does not start: {why}"));
            self.bury()?;
            self.boot();
        }
        Ok(())
    }

    fn failed_start(&self) -> Option<String> {
        let process = self.process.as_ref()?;
        lock(&process.started).as_ref().and_then(|started| started.as_ref().err().cloned())
    }

    fn suffer(&mut self, misfortune: Misfortune) {
        match misfortune {
            Misfortune::Kill => {
                self.kills += 1;
                self.note("the process is killed");
                if let Err(wrong) = self.bury() {
                    lock(&self.shared.told).wrong.extend(wrong);
                }
                self.boot();
            }
            Misfortune::Cut => {
                let operations = self.rng.u64(1..40);
                self.note(format!("the power will be cut after {operations} operations"));
                self.disk.cut_power_after(Some(operations));
            }
            Misfortune::Fault => self.turn_a_switch(),
            Misfortune::FailingDisk => {
                self.disk_fails = !self.disk_fails;
                self.note(format!("the disk fails: {}", self.disk_fails));
                self.disk.fail_writes(self.disk_fails);
            }
            Misfortune::Jump => {
                let by = Duration::from_secs(self.rng.u64(60..3000));
                self.note(format!("{by:?} pass"));
                self.clock.advance(by);
            }
        }
    }

    fn turn_a_switch(&mut self) {
        if self.rng.u8(..3) == 0 {
            self.note("all services are well again");
            self.faults.clear();
            return;
        }
        let spec = (self.simulation.subject.spec)();
        let service = &spec.services[self.rng.usize(..spec.services.len())];
        let name = format!("{}/{}", spec.name, service.name());
        let fault = match self.rng.u8(..3) {
            0 => Fault { down: true, ..Fault::default() },
            1 => Fault { delay: Duration::from_millis(self.rng.u64(1..1500)), ..Fault::default() },
            _ => Fault { refuse: true, ..Fault::default() },
        };
        self.note(format!("{name}: {fault:?}"));
        self.faults.set(&name, fault);
    }

    /// Drops the process wherever it is.
    fn bury(&mut self) -> Result<(), Wrong> {
        lock(&self.shared.network).process = None;
        let Some(Process { group, started, store }) = self.process.take() else { return Ok(()) };
        drop(lock(&started).take());
        self.executor.kill(group);
        if store.upgrade().is_some() {
            return Err(vec!["the process is gone, and something still holds its store".into()]);
        }
        Ok(())
    }

    /// Starts a process on what the disk holds, now or, if it fails at once, as soon as it can be.
    fn boot(&mut self) {
        loop {
            self.disk.restart();
            let spec = (self.simulation.subject.spec)();
            match self.home.open(spec.schema()) {
                Ok(store) => return self.launch(spec, store),
                Err(error) => {
                    self.note(format!("the store does not open: {error}"));
                    assert!(self.disk.is_cut() || self.disk_fails, "the store does not open on a disk that is well: {error}");
                    // A disk that goes on failing would never let it open.
                    self.disk_fails = false;
                    self.disk.fail_writes(false);
                }
            }
        }
    }

    fn launch(&mut self, spec: runtime::SystemSpec, store: Arc<dyn Store>) {
        let group = self.executor.group();
        let started = Started::default();
        self.process = Some(Process { group, started: Arc::clone(&started), store: Arc::downgrade(&store) });
        let clock: clock::SharedClock = Arc::new(self.clock.clone());
        let weather = Unreliable::new(Arc::new(InProcess::default()), Arc::clone(&clock), self.chaos.weather, self.rng.u64(..));
        let spawner = self.executor.spawner(group);
        let environment = Environment {
            store: match &self.simulation.store {
                Some(between) => between(store),
                None => store,
            },
            carrier: Arc::new(weather),
            clock,
            faults: self.faults.clone(),
            spawner: Arc::clone(&spawner),
            ids: self.ids.source(),
            queues: Queues::of(64),
            pace: runtime::PACE,
            only: Vec::new(),
            ports: self.outside.ports.clone(),
            tracer: telemetry::Tracer::off(),
        };
        let (routes, shared) = (self.simulation.subject.routes, Arc::clone(&self.shared));
        self.executor.spawn(group, async move {
            let result = SystemHandle::start(spec, environment).await.map_err(|error| error.to_string());
            if let Ok(system) = &result {
                lock(&shared.network).process = Some((routes(system), spawner));
            }
            *lock(&started) = Some(result);
        });
    }

    /// Ends everything that goes wrong. What waits for it can come to its end.
    fn grow_calm(&mut self) {
        self.note("everything is healed");
        self.calm = true;
        self.disk.cut_power_after(None);
        self.disk_fails = false;
        self.disk.fail_writes(false);
        self.faults.clear();
    }

    /// A process that runs, once one does.
    fn running(&mut self) -> Result<SystemHandle, Wrong> {
        loop {
            let started = self.process.as_ref().and_then(|process| lock(&process.started).clone());
            match started {
                Some(Ok(system)) => return Ok(system),
                Some(Err(_)) => {
                    self.bury()?;
                    self.boot();
                }
                None => self.step()?,
            }
        }
    }

    fn settle(&mut self, system: &SystemHandle) -> Result<(), Wrong> {
        let latest = self.clock.elapsed() + SETTLING;
        loop {
            self.run_until_stalled()?;
            let unrest = self.wait_for(Unrest::of(system))?;
            if !unrest.stuck.is_empty() {
                return Err([unrest.stuck, unrest.busy].concat());
            }
            if unrest.busy.is_empty() {
                return Ok(());
            }
            if !pass_time(&self.clock, latest) {
                return Err([vec!["it does not come to rest".into()], unrest.busy].concat());
            }
        }
    }

    fn run_until_stalled(&mut self) -> Result<(), Wrong> {
        while self.executor.step() {
            if self.executor.steps() > MOST_STEPS {
                return Err(vec!["something runs for ever without time passing".into()]);
            }
        }
        Ok(())
    }

    fn wait_for<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Wrong> {
        let clock = self.clock.clone();
        let done = self.executor.run_until(work, || pass_time(&clock, Duration::MAX));
        done.ok_or_else(|| vec!["nothing comes of waiting".into()])
    }

    fn check(&mut self, system: &SystemHandle) -> Result<(), Wrong> {
        self.note("checking");
        let (kept, mut wrong) = {
            let mut told = lock(&self.shared.told);
            (std::mem::take(&mut told.kept), std::mem::take(&mut told.wrong))
        };
        let found = self.wait_for(system.verify())?.map_err(|error| vec![format!("the store cannot be read: {error}")])?;
        wrong.extend(found.into_iter().map(|found| format!("{found:?}")));
        for (asked, answer) in &kept {
            let again = self.ask(asked.clone())?;
            if (again.status, &again.text) != (answer.status, &answer.text) {
                wrong.push(format!(
                    "{} was answered {} {}, and again {} {}",
                    answer.asked, answer.status, answer.text, again.status, again.text
                ));
            }
        }
        self.settle(system)?;
        let shared = Arc::clone(&self.shared);
        let mut failed = None;
        let now = self.clock.now();
        let mut ask = |path: &str| match self.ask(Asked::get(path)) {
            Ok(answer) => answer,
            Err(wrong) => {
                failed.get_or_insert(wrong);
                Answer::none(path)
            }
        };
        wrong.extend(lock(&shared.course).check(now, &mut ask));
        wrong.extend(failed.into_iter().flatten());
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn ask(&mut self, asked: Asked) -> Result<Answer, Wrong> {
        let process = lock(&self.shared.network).process.clone();
        let Some((router, _)) = process else { return Err(vec!["no process runs".into()]) };
        self.wait_for(asked.send(router))
    }

    fn note(&mut self, line: impl Into<String>) {
        let line = line.into();
        self.executor.trace().note(line.as_bytes());
        lock(&self.shared.log).push(format!("{} * {line}", self.clock.now()));
    }

    pub(super) fn log(&self) -> Vec<String> {
        lock(&self.shared.log).clone()
    }

    pub(super) fn report(&mut self) -> Report {
        let mut trace = *self.executor.trace();
        for line in lock(&self.shared.log).iter() {
            trace.note(line.as_bytes());
        }
        let told = lock(&self.shared.told);
        Report {
            seed: self.seed,
            trace: trace.hash(),
            steps: self.executor.steps(),
            accepted: told.accepted,
            refused: told.refused,
            unknown: told.unknown,
            kills: self.kills,
            cuts: self.cuts,
            passed: self.clock.elapsed(),
        }
    }
}
