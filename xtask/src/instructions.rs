//! What a booking and a read cost, in instructions: a measure that is nearly the same on every run and every machine, so that CI can hold it
//! against a bound where it could never hold a time.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::shell::{self, Outcome};

/// Something whose instructions are counted: a test of meetingroom's that does it YEYAK_COUNT times.
struct Counted {
    test: &'static str,
    /// How often it happens in the two runs whose difference is taken, so that what is there but once does not count.
    runs: [u64; 2],
    /// The most instructions that one may take. Raised only with a reason in the change that raises it.
    bound: u64,
}

const ALL: [Counted; 2] = [
    Counted { test: "instructions::booking", runs: [100, 400], bound: 700_000 },
    Counted { test: "instructions::reading", runs: [500, 2500], bound: 95_000 },
];

/// Counts all, and fails when one takes more than its bound.
pub(crate) fn run(root: &Path) -> Outcome {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        shell::run(&mut shell::command(root, "apt-get", &["install", "--yes", "--no-install-recommends", "valgrind", "libc6-dbg"]))
            .map_err(|why| format!("instructions are counted by `valgrind`: {why}"))?;
    }
    let tests = built(root)?;
    let mut above = Vec::new();
    for Counted { test, runs: [few, many], bound } in ALL {
        let one = (count(root, &tests, test, many)? - count(root, &tests, test, few)?) / (many - few);
        println!("{test}: {one} instructions, of at most {bound}");
        if one > bound {
            above.push(format!("{test} takes {one} instructions, and {bound} are its bound"));
        }
    }
    if above.is_empty() { Ok(()) } else { Err(above.join("; ")) }
}

/// The optimised tests of meetingroom, which the simulation runs too.
fn built(root: &Path) -> Outcome<PathBuf> {
    let line = ["test", "--locked", "--release", "--package", "yeyak-meetingroom", "--test", "system", "--no-run", "--message-format=json"];
    let messages = shell::output(&mut shell::command(root, "cargo", &line))?;
    let executable = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == "system").then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    };
    messages.lines().find_map(executable).ok_or_else(|| "cargo does not say where the tests are".into())
}

/// How many instructions a run of a test takes.
fn count(root: &Path, tests: &Path, test: &str, times: u64) -> Outcome<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(tests).args(["--exact", test, "--test-threads=1"]);
    let output = command.current_dir(root).env("YEYAK_COUNT", times.to_string()).output();
    let output = output.map_err(|error| format!("`valgrind` does not start: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || !String::from_utf8_lossy(&output.stdout).contains("1 passed") {
        return Err(format!("{test} does not pass under valgrind: {said}"));
    }
    let collected = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected.ok_or_else(|| format!("valgrind does not say what it counted: {said}"))
}
