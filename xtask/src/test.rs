use std::path::Path;
use std::process::{Command, Stdio};

use crate::conformance;
use crate::new_service;
use crate::shell::{self, Outcome};
use crate::tree::{self, Tree};

/// How many fresh seeds every run of the tests simulates, optimised.
const SEEDS: &str = "2000";

/// How many the long simulation does.
const SOAK_SEEDS: &str = "20000";

/// A program that some of the tests start, and how this machine gets it when it has none.
struct Need {
    program: &'static str,
    /// Whether the tests of this tree need it.
    needed: fn(&Tree) -> bool,
    /// The package's name for apt.
    apt: &'static str,
}

const NEEDS: &[Need] = &[Need {
    program: "python3",
    needed: |tree| tree.has("xtask/schemathesis.txt") || tree.files().any(|file| file.extension() == "py"),
    apt: "python3",
}];

/// Installs what is missing and runs every test: units, doc tests, and the end-to-end tests, which start the built binary themselves.
pub(crate) fn run(root: &Path, tree: &Tree) -> Outcome {
    for need in NEEDS.iter().filter(|need| (need.needed)(tree) && !is_installed(need.program)) {
        shell::run(&mut shell::command(root, "apt-get", &["install", "--yes", "--no-install-recommends", need.apt]))
            .map_err(|why| format!("the tests need `{}`: {why}", need.program))?;
    }
    shell::run(&mut shell::command(root, "cargo", &["test", "--workspace", "--locked"]))?;
    let target = tree::target(root);
    // Where it is built for tests, an answer that the contract does not name is a fault of its own.
    conformance::run(root, &target, &target.join("debug/yeyak"))?;
    new_service_passes(tree, &target)?;
    simulate(root, SEEDS)?;
    // And what people are given answers the same.
    shell::run(&mut shell::command(root, "cargo", &["build", "--locked", "--release", "--package", "yeyak"]))?;
    conformance::run(root, &target, &target.join("release/yeyak"))
}

/// Runs schemathesis alone.
pub(crate) fn contract(root: &Path) -> Outcome {
    let target = tree::target(root);
    shell::run(&mut shell::command(root, "cargo", &["build", "--locked", "--package", "yeyak"]))?;
    conformance::run(root, &target, &target.join("debug/yeyak"))
}

/// Makes a service in a copy of the tree and runs its tests: what `new-service` makes compiles and works.
fn new_service_passes(tree: &Tree, target: &Path) -> Outcome {
    let copy = tempfile::tempdir().map_err(|error| format!("no place for a copy of the tree: {error}"))?;
    tree.write_to(copy.path())?;
    new_service::run(copy.path(), "meetingroom", "visit")?;
    let line = ["test", "--locked", "--package", "yeyak-meetingroom", "--lib", "visit"];
    shell::run(shell::command(copy.path(), "cargo", &line).env("CARGO_TARGET_DIR", target))
}

/// Runs the long simulation.
pub(crate) fn soak(root: &Path) -> Outcome {
    simulate(root, SOAK_SEEDS)
}

/// Runs the simulation of each system from many seeds, optimised.
fn simulate(root: &Path, seeds: &str) -> Outcome {
    let systems = ["--package", "yeyak-meetingroom", "--package", "yeyak-restaurant"];
    let line = [&["test", "--locked", "--release"], &systems[..], &["--test", "system", "simulation::"]].concat();
    shell::run(shell::command(root, "cargo", &line).env("YEYAK_SIM_SEEDS", seeds))
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_needed_only_where_something_uses_it() {
        let needed = |files: &[(&str, &str)]| NEEDS.iter().filter(|need| (need.needed)(&Tree::of(files))).count();
        assert_eq!(needed(&[("yeyak/tests/demo.rs", "")]), 0);
        assert_eq!(needed(&[("yeyak/tests/flows.py", "")]), 1);
    }

    #[test]
    fn what_is_not_there_is_not_installed() {
        assert!(is_installed("cargo"));
        assert!(!is_installed("no-such-program-anywhere"));
    }
}
