//! How fast Yeyak is, beside the least that a durable booking can cost: `cargo xtask bench`.

mod aims;
mod alike;
mod bookings;
mod figures;
mod growth;
mod http;
mod load;
mod machine;
mod pair;
mod pictures;
mod reads;
mod rebuild;
mod report;
mod restaurant;
mod server;
mod starts;
mod steady;
mod time;
mod tools;
mod trees;
mod withheld;

use std::path::{Path, PathBuf};

use serde_json::{Map, json};

use crate::shell::Outcome;
use figures::Figures;
use pair::Pair;
use tools::Tools;
use withheld::Cores;

pub(crate) use report::write as report;

/// What is asked for.
pub(crate) struct Asked {
    /// How often each load is given to both.
    pub(crate) rounds: usize,
    /// The names of the scenarios; all when empty.
    pub(crate) only: Vec<String>,
    /// Whether to see only that everything works.
    pub(crate) short: bool,
    /// The file that the figures go to.
    pub(crate) out: Option<PathBuf>,
}

/// Something that is measured.
struct Scenario {
    name: &'static str,
    run: fn(&mut Bench) -> Outcome,
    /// About how many seconds it takes in all its rounds.
    takes: fn(&Scale) -> u64,
}

const SCENARIOS: &[Scenario] = &[
    Scenario { name: "alike", run: alike::run, takes: |_| 2 },
    Scenario { name: "post", run: bookings::run, takes: |scale| scale.rounds() * (16 + 8 * scale.seconds) },
    Scenario { name: "hot-room", run: bookings::run_hot, takes: |scale| scale.rounds() * (3 + 2 * scale.seconds) },
    Scenario { name: "steady", run: steady::run, takes: |scale| 10 + scale.rounds() * (10 + 5 * scale.seconds) },
    Scenario { name: "trees", run: trees::run, takes: |_| 5 },
    Scenario { name: "start", run: starts::run_empty, takes: |scale| scale.rounds() },
    Scenario { name: "growth", run: growth::run, takes: |scale| scale.size(2) / 5_000 + scale.rounds() * 10 },
    Scenario { name: "reads", run: reads::run, takes: |scale| scale.rounds() * 6 * scale.seconds },
    Scenario { name: "slots", run: reads::run_slots, takes: |scale| scale.rounds() * 4 * scale.seconds },
    Scenario { name: "start-full", run: starts::run_full, takes: |scale| 6 * scale.rounds() },
    Scenario { name: "rebuild", run: rebuild::run, takes: |scale| scale.size(2) / 10_000 },
    Scenario { name: "seed", run: restaurant::seed, takes: |scale| scale.rounds() * (5 + 2 * scale.seconds) },
    Scenario { name: "slow-deposit", run: restaurant::slow, takes: |scale| scale.rounds() * (5 + 2 * scale.seconds) },
    Scenario { name: "sold-out", run: restaurant::sold_out, takes: |scale| 3 * scale.rounds() },
    Scenario {
        name: "availability",
        run: restaurant::availability,
        takes: |scale| scale.venues * scale.days / 1_500 + 2 * scale.rounds() * scale.seconds,
    },
];

/// How much of everything.
pub(crate) struct Scale {
    rounds: usize,
    /// How long one load goes on.
    seconds: u64,
    rooms: u64,
    /// How many bookings stand in a store that grows, one after the other. The last is three a day in each room for a year.
    sizes: [u64; 3],
    /// How many bookings tell what one costs at a size.
    sample: u64,
    /// How many guests want one sitting.
    guests: u64,
    venues: u64,
    /// On how many days venues are reserved.
    days: u64,
}

impl Scale {
    const fn whole(rounds: usize) -> Self {
        let sizes = [10_000, 100_000, 1_095_000];
        Self { rounds, seconds: 5, rooms: 1000, sizes, sample: 5_000, guests: 10_000, venues: 1000, days: 365 }
    }

    const fn short() -> Self {
        Self { rounds: 1, seconds: 1, rooms: 100, sizes: [500, 2_000, 10_950], sample: 500, guests: 1_000, venues: 20, days: 10 }
    }

    const fn rounds(&self) -> u64 {
        self.rounds as u64
    }

    const fn size(&self, at: usize) -> u64 {
        self.sizes[at]
    }
}

/// A run.
pub(crate) struct Bench {
    tools: Tools,
    scale: Scale,
    figures: Figures,
    /// Both with a year of bookings, once they have been made.
    full: Option<Pair>,
}

/// Measures what is asked for, and writes it down.
///
/// # Errors
/// When a scenario is unknown, a tool cannot be had, or a request failed. What was measured until then is written all the same.
pub(crate) fn run(root: &Path, asked: &Asked) -> Outcome {
    let unknown: Vec<_> = asked.only.iter().filter(|name| SCENARIOS.iter().all(|one| one.name != **name)).cloned().collect();
    if !unknown.is_empty() {
        let known: Vec<_> = SCENARIOS.iter().map(|one| one.name).collect();
        return Err(format!("there is no scenario {}: there are {}", unknown.join(", "), known.join(", ")));
    }
    let scale = if asked.short { Scale::short() } else { Scale::whole(asked.rounds.max(1)) };
    let chosen: Vec<_> = SCENARIOS.iter().filter(|one| asked.only.is_empty() || asked.only.iter().any(|name| name == one.name)).collect();
    // What is built next is what is measured, whatever is committed meanwhile.
    let commit = machine::commit(root);
    let tools = Tools::ready(root)?;
    let about: u64 = chosen.iter().map(|one| (one.takes)(&scale)).sum();
    println!("measuring takes about {} minutes; leave the machine alone meanwhile", about.div_ceil(60));

    let (begun, date) = (time::minute(), time::today(0));
    let watch = time::Watch::start();
    let machine = machine::describe(root);
    let mut bench = Bench { tools, scale, figures: Figures::default(), full: None };
    let (since, mut withheld) = (Cores::now(), Map::new());
    let outcome = chosen.iter().try_for_each(|one| {
        println!("== {} ({:.0} s)", one.name, watch.seconds());
        let since = Cores::now();
        let outcome = (one.run)(&mut bench).map_err(|why| format!("{}: {why}", one.name));
        withheld.insert(one.name.into(), Cores::withheld(since).into());
        outcome
    });
    let command = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    let results = json!({
        "date": date.to_string(),
        "commit": commit,
        "command": format!("cargo xtask {command}"),
        "machine": machine,
        "rounds": bench.scale.rounds,
        "secondsARound": bench.scale.seconds,
        "rooms": bench.scale.rooms,
        "sizes": bench.scale.sizes,
        "short": asked.short,
        "tookSeconds": watch.seconds().round(),
        "withheld": Cores::withheld(since),
        "withheldIn": withheld,
        "figures": bench.figures.to_json(),
    });
    let out = asked.out.clone().unwrap_or_else(|| root.join("bench/results").join(format!("{begun}.json")));
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    }
    let text = serde_json::to_string_pretty(&results).map_err(|error| error.to_string())? + "\n";
    std::fs::write(&out, text).map_err(|error| format!("{} cannot be written: {error}", out.display()))?;
    println!("{} figures are in {}; `cargo xtask bench report` makes the page of them", bench.figures.len(), out.display());
    outcome
}
