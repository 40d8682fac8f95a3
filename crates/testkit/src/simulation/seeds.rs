//! Which seeds are run: those that failed once, for ever, and fresh ones.

use std::hash::{BuildHasher, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Failure, Report, Simulation};

/// The seeds of one simulation.
#[derive(Clone, Debug)]
pub struct Seeds {
    package: &'static str,
    test: &'static str,
    kept: Vec<u64>,
    fresh: u64,
}

impl Seeds {
    /// Those kept in `kept`, one a line with a comment behind `#`, and some fresh ones. `package` and `test` say how to replay.
    ///
    /// # Panics
    /// When a line is none.
    pub fn of(package: &'static str, test: &'static str, kept: &str) -> Self {
        let lines = kept.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).filter(|line| !line.is_empty());
        let kept = lines.map(|line| line.parse().unwrap_or_else(|_| panic!("{line:?} is no seed"))).collect();
        Self { package, test, kept, fresh: 200 }
    }

    /// With so many fresh ones unless `YEYAK_SIM_SEEDS` says otherwise.
    #[must_use]
    pub const fn fresh(mut self, count: u64) -> Self {
        self.fresh = count;
        self
    }

    /// Runs a simulation from all of them, or from `YEYAK_SIM_SEED` alone, whose log is then shown whole.
    ///
    /// # Panics
    /// When a seed fails; it says how to replay that.
    pub fn run(&self, simulation: &Simulation) -> Vec<Report> {
        if let Some(seed) = variable("YEYAK_SIM_SEED") {
            return match simulation.run(seed) {
                Ok(report) => {
                    show(&format!("{report:?}"));
                    vec![report]
                }
                Err(failure) => {
                    show(&failure.log.join("\n"));
                    panic!("{failure}")
                }
            };
        }
        let start = variable("YEYAK_SIM_START").unwrap_or_else(entropy);
        let fresh = variable("YEYAK_SIM_SEEDS").unwrap_or(self.fresh);
        show(&format!("{} kept seeds and {fresh} fresh ones from {start}", self.kept.len()));
        let seeds: Vec<_> = self.kept.iter().copied().chain((0..fresh).map(|n| start.wrapping_add(n))).collect();
        self.all(simulation, &seeds).unwrap_or_else(|failure| panic!("{failure}\n{}", self.how_to_replay(failure.seed)))
    }

    /// How to run one seed again.
    fn how_to_replay(&self, seed: u64) -> String {
        format!(
            "replay it: YEYAK_SIM_SEED={seed} cargo test -p {} --test {} -- --nocapture\nkeep it: add a line to its seeds.txt",
            self.package, self.test
        )
    }

    /// Runs all seeds, on as many threads as there are processors; each run is a thread's own.
    fn all(&self, simulation: &Simulation, seeds: &[u64]) -> Result<Vec<Report>, Failure> {
        let (next, reports) = (AtomicU64::new(0), Mutex::new(Ok(Vec::new())));
        let work = || {
            while let Some(seed) = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).ok().and_then(|index| seeds.get(index)) {
                let result = simulation.run(*seed);
                let mut reports = super::client::lock(&reports);
                match (result, &mut *reports) {
                    (Ok(report), Ok(reports)) => reports.push(report),
                    (Err(failure), Ok(_)) => *reports = Err(failure),
                    (_, Err(_)) => return,
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
                scope.spawn(work);
            }
            work();
        });
        reports.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own settings, which no program reads")]
fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.trim().parse().unwrap_or_else(|_| panic!("{name}={text:?} is no number")))
}

/// A number that is another one each time.
fn entropy() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish() >> 16
}

#[expect(clippy::print_stderr, reason = "whoever runs a test reads it there")]
fn show(text: &str) {
    eprintln!("{text}");
}
