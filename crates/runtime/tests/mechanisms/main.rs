//! What the runtime promises, mechanism by mechanism, tried on a toy system: each test fails when its mechanism is taken out.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

extern crate yeyak_runtime as runtime;

#[path = "../support/mod.rs"]
mod support;

mod away;
mod batches;
mod calling;
mod commands;
mod expectations;
mod followers;
mod following;
mod keys;
mod lost_commits;
mod parking;
mod positions;
mod queues;
mod reaching;
mod sagas;
mod seeing;
mod snapshots;
mod steps;
mod views;
mod wakeups;
