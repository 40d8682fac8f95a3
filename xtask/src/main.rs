//! The project's own chores: `cargo xtask demo | test | bench | instructions | tidy | new-service`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command of the developer's; its output is what it is for")]

mod bench;
mod conformance;
mod demo;
mod instructions;
mod new_service;
mod rust;
mod shell;
mod test;
mod tidy;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::tree::Tree;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own chores")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the release binary and runs its demonstration.
    Demo {
        /// What `yeyak demo` takes, after `--`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Installs what the tests need and runs all of them.
    Test {
        /// Runs the long simulation instead.
        #[arg(long)]
        soak: bool,
        /// Asks a running installation whether it keeps its contract, and nothing else.
        #[arg(long, conflicts_with = "soak")]
        contract: bool,
    },
    /// Checks the rules of this repository that neither compiler nor clippy knows.
    Tidy {
        /// Writes additions into `names.lock` and `schemas/`, and the contract into `docs/contract/`. What was taken away or changed of
        /// the first two is never blessed, and what breaks a client of the last release is declared in `docs/contract/breaks.md`.
        #[arg(long)]
        bless: bool,
        /// Asks this `yeyak` for the schemas of its events and for its contract, instead of building one.
        #[arg(long)]
        binary: Option<PathBuf>,
    },
    /// Takes the contract as it is for that of a release: from then on, what breaks its clients is to be declared.
    ReleaseContract,
    /// Measures Yeyak beside the least that a durable booking can cost, and writes the figures to `bench/results`.
    #[command(args_conflicts_with_subcommands = true)]
    Bench {
        #[command(subcommand)]
        instead: Option<BenchTask>,
        /// How often each load is given to both, in turn.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Measures these scenarios alone.
        #[arg(long, num_args = 1..)]
        only: Vec<String>,
        /// Shows in about a minute that everything works. Its figures say nothing.
        #[arg(long)]
        short: bool,
        /// Where the figures go, instead of a file that is named for the minute.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Counts the instructions of a booking and of a read, and fails when one takes more than its bound.
    Instructions,
    /// Makes the folder of a new service, with its tests, and declares it in its system's `lib.rs`.
    NewService {
        /// The system, a folder of `systems/`.
        system: String,
        /// The service: lower case, a noun.
        name: String,
    },
}

#[derive(Subcommand)]
enum BenchTask {
    /// Writes `docs/PERFORMANCE.md` and its pictures from figures that were measured.
    Report {
        /// The figures; the latest in `bench/results` when not given.
        file: Option<PathBuf>,
        /// The folder that they go to, instead of `docs`.
        #[arg(long)]
        into: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let root = tree::root();
    let outcome = match Arguments::parse().task {
        Task::Demo { arguments } => demo::run(&root, &arguments),
        Task::Test { contract: true, .. } => test::contract(&root),
        Task::Test { soak: false, .. } => Tree::read(&root).and_then(|tree| test::run(&root, &tree)),
        Task::Test { soak: true, .. } => test::soak(&root),
        Task::Tidy { bless, binary } => Tree::read(&root).and_then(|tree| tidy::run(&root, &tree, bless, binary.as_deref())),
        Task::ReleaseContract => tidy::contract::release(&root),
        Task::Bench { instead: Some(BenchTask::Report { file, into }), .. } => bench::report(&root, file.as_deref(), into.as_deref()),
        Task::Bench { instead: None, rounds, only, short, out } => bench::run(&root, &bench::Asked { rounds, only, short, out }),
        Task::Instructions => instructions::run(&root),
        Task::NewService { system, name } => new_service::run(&root, &system, &name),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
