//! Restaurants while everything goes wrong that can.

use testkit::at;
use testkit::simulation::{Seeds, Simulation};

use crate::workload::Dinners;
use crate::{NOW, RESTAURANT};

fn dinners() -> Simulation {
    Simulation::new(RESTAURANT, at(NOW), Dinners)
}

fn seeds() -> Seeds {
    Seeds::of("yeyak-restaurant", "system simulation::", include_str!("seeds.txt")).fresh(60)
}

#[test]
fn nothing_is_lost_doubled_or_left_half_done() {
    let reports = seeds().run(&dinners());
    let sum = |of: fn(&testkit::simulation::Report) -> usize| reports.iter().map(of).sum::<usize>();
    let (accepted, refused, unknown) = (sum(|one| one.accepted), sum(|one| one.refused), sum(|one| one.unknown));
    let (kills, cuts) = (sum(|one| one.kills), sum(|one| one.cuts));
    eprintln!("{} runs: {accepted} accepted, {refused} refused, {unknown} unknown, {kills} kills, {cuts} power cuts", reports.len());
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..3 {
        let trace = || dinners().run(seed).map_or_else(|failure| failure.trace, |report| report.trace);
        assert_eq!(trace(), trace(), "seed {seed}");
    }
}
