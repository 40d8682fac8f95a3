//! A whole system on one thread, from a seed, with everything going wrong that can.
//!
//! Clients send requests through the real router and remember what they were answered. Meanwhile, as the seed says: messages are
//! lost, delayed, doubled and reordered; services are stopped, delayed and made to refuse; the process is killed between any two
//! of its steps; the power is cut in the middle of any write and what was not synced is forgotten; writes fail. At the end
//! everything is healed, the system comes to rest, and then nothing may be wrong: every row agrees with its events, every kept
//! key gives the same answer again, and the workload's own invariants hold.
//!
//! The same seed gives the same run, to the last step.

mod chaos;
mod client;
mod seeds;
mod world;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use store::Store;

pub use chaos::Chaos;
pub use client::Heard;
pub use seeds::Seeds;

use crate::app::{Answer, Asked, Between};
use crate::subject::{Outside, Subject};
use world::World;

/// What clients ask of a system, and what must be true of it.
pub trait Workload: Send + Sync {
    /// A new run, beside what the system calls outside of it.
    fn begin(&self, outside: &Outside) -> Box<dyn Course>;
}

/// One run of a workload. All clients share it.
pub trait Course: Send {
    /// What a client asks next.
    fn next(&mut self, now: Timestamp, rng: &mut Rng) -> Asked;

    /// How a request ended. One with a key is repeated until it has an answer that settles it.
    fn heard(&mut self, asked: &Asked, heard: &Heard);

    /// What is wrong, now that everything is at rest.
    fn check(&mut self, now: Timestamp, ask: &mut dyn FnMut(&str) -> Answer) -> Vec<String>;
}

/// How a system is simulated.
#[derive(Clone)]
pub struct Simulation {
    pub(crate) subject: Subject,
    pub(crate) workload: Arc<dyn Workload>,
    pub(crate) at: Timestamp,
    pub(crate) clients: usize,
    pub(crate) requests: usize,
    pub(crate) chaos: Option<Chaos>,
    pub(crate) store: Option<Between<dyn Store>>,
    pub(crate) disk_lies: bool,
}

impl Simulation {
    /// Four clients with fifteen requests each, and whatever chaos the seed says.
    pub fn new(subject: Subject, at: Timestamp, workload: impl Workload + 'static) -> Self {
        Self { subject, workload: Arc::new(workload), at, clients: 4, requests: 15, chaos: None, store: None, disk_lies: false }
    }

    /// With so many clients, each with so many requests.
    #[must_use]
    pub const fn sized(mut self, clients: usize, requests: usize) -> Self {
        self.clients = clients;
        self.requests = requests;
        self
    }

    /// With this chaos, whatever the seed.
    #[must_use]
    pub const fn chaos(mut self, chaos: Chaos) -> Self {
        self.chaos = Some(chaos);
        self
    }

    /// With something before each process's store: for controls, which break a promise and must be found out.
    #[must_use]
    pub fn store(mut self, between: impl Fn(Arc<dyn Store>) -> Arc<dyn Store> + Send + Sync + 'static) -> Self {
        self.store = Some(Arc::new(between));
        self
    }

    /// On a disk that says that it has synced when it has not: a control, as one that breaks a store's promise.
    #[must_use]
    pub const fn lying_disk(mut self) -> Self {
        self.disk_lies = true;
        self
    }

    /// The first failure among these seeds.
    pub fn first_failure(&self, seeds: std::ops::Range<u64>) -> Option<Failure> {
        seeds.into_iter().find_map(|seed| self.run(seed).err())
    }

    /// Runs it from a seed.
    ///
    /// # Errors
    /// What was wrong at the end, or on the way.
    pub fn run(&self, seed: u64) -> Result<Report, Failure> {
        let mut world = World::new(self, seed);
        let ended = catch_unwind(AssertUnwindSafe(|| world.run()));
        let wrong = match ended {
            Ok(Ok(())) => return Ok(world.report()),
            Ok(Err(wrong)) => wrong,
            Err(panic) => vec![format!("a panic: {}", panic_text(&*panic))],
        };
        let (log, trace) = (world.log(), world.report().trace);
        // What is left of a world in which something panicked may panic again as it is dropped; one report is enough.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(world)));
        Err(Failure { seed, wrong, log, trace })
    }
}

/// Runs a subject under a workload from a seed.
///
/// # Errors
/// What was wrong at the end, or on the way.
pub fn simulate(seed: u64, subject: &Subject, at: Timestamp, workload: impl Workload + 'static) -> Result<Report, Failure> {
    Simulation::new(*subject, at, workload).run(seed)
}

/// What a run was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// The hash of everything that happened.
    pub trace: u64,
    /// How often a task was run.
    pub steps: u64,
    /// How many requests were answered with success.
    pub accepted: usize,
    /// How many with a refusal.
    pub refused: usize,
    /// How many were never answered, or so that nobody knows.
    pub unknown: usize,
    /// How often the process was killed.
    pub kills: usize,
    /// How often the power was cut.
    pub cuts: usize,
    /// How much time passed inside.
    pub passed: Duration,
}

/// A run that went wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What was wrong.
    pub wrong: Vec<String>,
    /// What happened before.
    pub log: Vec<String>,
    /// The hash of it.
    pub trace: u64,
}

/// How much of the log a failure shows unless it is replayed.
const SHOWN: usize = 60;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} fails:", self.seed)?;
        self.wrong.iter().try_for_each(|wrong| writeln!(f, "  - {wrong}"))?;
        let skipped = self.log.len().saturating_sub(SHOWN);
        writeln!(f, "what happened last ({skipped} lines before):")?;
        self.log[skipped..].iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it said nothing readable")
}
