//! The system as a whole, on the test kit: its flows, the faults it must not have, and everything going wrong at once.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod agreement;
mod edge_tests;
mod faults;
mod flows;
mod instructions;
mod interleavings;
mod links;
mod metrics;
mod sagas;
mod simulation;
mod simulation_sees;
mod stories;
mod streams;
mod who;
mod workload;

use testkit::Subject;

/// The system with its usual settings.
const MEETINGROOM: Subject = Subject {
    spec: yeyak_meetingroom::spec,
    routes: |system| {
        yeyak_meetingroom::routes(system, "", &edge::Entry::open(edge::Limits::default()), &yeyak_meetingroom::Settings::default())
    },
    outside: testkit::Outside::nothing,
};
