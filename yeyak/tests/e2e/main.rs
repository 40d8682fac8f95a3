//! Yeyak as people meet it: the built binary, its command line, its HTTP, its signals and what it leaves on disk.
//!
//! Every test starts processes of its own, on ports that the system gives them and in directories of their own, so all of them can run
//! at once. They wait for what they want to see, with a deadline.
//!
//! Longer forms: `YEYAK_KILLS` rounds of kill -9, `YEYAK_ROUNDS` rounds of contention, `YEYAK_HOSTILE` generated requests for each route.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "in a test a panic is how a fault is told")]

mod support;

mod backups;
mod cli;
mod contention;
mod contract;
mod edge;
mod flows;
mod hostile;
mod operations;
mod overload;
mod payments;
mod readme;
mod seeing;
mod several;
mod signals;
mod steered;
mod steering;
mod who;
