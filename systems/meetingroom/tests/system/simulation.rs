//! Meeting rooms while everything goes wrong that can.

use crate::MEETINGROOM;
use crate::workload::Meetings;
use testkit::at;
use testkit::simulation::{Seeds, Simulation};

fn meetings() -> Simulation {
    Simulation::new(MEETINGROOM, at("2026-11-23T07:40:00+09:00"), Meetings)
}

fn seeds() -> Seeds {
    Seeds::of("yeyak-meetingroom", "system simulation::", include_str!("seeds.txt"))
}

#[test]
fn nothing_is_lost_doubled_or_left_half_done() {
    let reports = seeds().run(&meetings());
    let sum = |of: fn(&testkit::simulation::Report) -> usize| reports.iter().map(of).sum::<usize>();
    let (accepted, refused, unknown) = (sum(|one| one.accepted), sum(|one| one.refused), sum(|one| one.unknown));
    let (kills, cuts) = (sum(|one| one.kills), sum(|one| one.cuts));
    eprintln!("{} runs: {accepted} accepted, {refused} refused, {unknown} unknown, {kills} kills, {cuts} power cuts", reports.len());
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..10 {
        let trace = || meetings().run(seed).map_or_else(|failure| failure.trace, |report| report.trace);
        assert_eq!(trace(), trace(), "seed {seed}");
    }
}
