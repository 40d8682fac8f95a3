//! Controls: each promise that a store or a disk breaks is found out by the simulation. One that finds nothing wrong with any of
//! these would find nothing wrong at all.

use std::sync::Arc;

use crate::MEETINGROOM;
use crate::workload::Meetings;
use testkit::at;
use testkit::broken::{Broken, PROMISES};
use testkit::carrier::Weather;
use testkit::simulation::{Chaos, Simulation};

/// Within so many seeds.
const SEEDS: std::ops::Range<u64> = 0..100;

fn meetings() -> Simulation {
    // All sorts of misfortune in each run, so that few runs are enough.
    let weather = Weather { lose: 20, delay: 20, double: 20, shuffle: 20 };
    let chaos = Chaos { rate: 200, kill: 2, cut: 1, fault: 1, failing_disk: 2, jump: 1, weather, deaf: 20 };
    Simulation::new(MEETINGROOM, at("2026-11-23T07:40:00+09:00"), Meetings).chaos(chaos)
}

#[test]
fn a_store_that_breaks_a_promise_is_found_out() {
    let mut unseen = Vec::new();
    for promise in PROMISES {
        let simulation = meetings().store(move |store| Arc::new(Broken::new(store, promise)));
        match simulation.first_failure(SEEDS) {
            Some(failure) => eprintln!("{promise:?}: seed {} {}", failure.seed, failure.wrong[0]),
            None => unseen.push(promise),
        }
    }
    assert!(unseen.is_empty(), "not found out: {unseen:?}");
}

#[test]
fn a_disk_that_does_not_sync_is_found_out() {
    let failure = meetings().lying_disk().first_failure(SEEDS).expect("a lost write is noticed");
    eprintln!("seed {} {}", failure.seed, failure.wrong[0]);
}

#[test]
fn the_same_runs_are_well_when_nothing_is_broken() {
    if let Some(failure) = meetings().first_failure(0..5) {
        panic!("{failure}");
    }
}
