//! Restaurants while everything goes wrong that can.

use testkit::at;
use testkit::simulation::{Seeds, Simulation};

use crate::workload::Dinners;
use crate::{IN_BROWSER, NOW, RESTAURANT};

fn at_once() -> Simulation {
    Simulation::new(RESTAURANT, at(NOW), Dinners { in_browser: false })
}

fn in_browser() -> Simulation {
    Simulation::new(IN_BROWSER, at(NOW), Dinners { in_browser: true })
}

/// What happened in all its runs.
fn survives(simulation: &Simulation) -> String {
    let reports = Seeds::of("yeyak-restaurant", "system simulation::", include_str!("seeds.txt")).fresh(30).run(simulation);
    let sum = |of: fn(&testkit::simulation::Report) -> usize| reports.iter().map(of).sum::<usize>();
    let (accepted, refused, unknown) = (sum(|one| one.accepted), sum(|one| one.refused), sum(|one| one.unknown));
    let (kills, cuts) = (sum(|one| one.kills), sum(|one| one.cuts));
    format!("{} runs: {accepted} accepted, {refused} refused, {unknown} unknown, {kills} kills, {cuts} power cuts", reports.len())
}

#[test]
fn nothing_is_lost_doubled_or_left_half_done() {
    eprintln!("{}", survives(&at_once()));
}

#[test]
fn nor_is_it_when_guests_pay_in_their_browser() {
    eprintln!("{}", survives(&in_browser()));
}

#[test]
fn a_seed_decides_everything() {
    for (seed, simulation) in [(0, at_once()), (1, in_browser()), (2, at_once())] {
        let trace = || simulation.run(seed).map_or_else(|failure| failure.trace, |report| report.trace);
        assert_eq!(trace(), trace(), "seed {seed}");
    }
}
