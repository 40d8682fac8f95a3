//! What a run takes: the release binaries, and wrk.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::shell::{self, Outcome};

/// Where they are.
pub(crate) struct Tools {
    pub(super) yeyak: PathBuf,
    pub(super) limit: PathBuf,
    pub(super) trees: PathBuf,
    pub(super) load: PathBuf,
    /// The folder of wrk's scripts.
    pub(super) scripts: PathBuf,
}

impl Tools {
    /// Builds and installs what is missing.
    pub(super) fn ready(root: &Path) -> Outcome<Self> {
        // One by one: together they would be built with each other's features, and Yeyak not as others build it.
        for package in ["yeyak", "yeyak-limit", "yeyak-load"] {
            let mut build = shell::command(root, "cargo", &["build", "--release", "--locked", "--package", package]);
            shell::run(without_package(&mut build))?;
        }
        // It says how it is used, with a code that is not 0.
        if Command::new("wrk").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            shell::run(&mut shell::command(root, "apt-get", &["install", "--yes", "--no-install-recommends", "wrk"]))
                .map_err(|why| format!("the bench needs `wrk`: {why}"))?;
        }
        let built = crate::tree::target(root).join("release");
        Ok(Self {
            yeyak: built.join("yeyak"),
            limit: built.join("yeyak-limit"),
            trees: built.join("yeyak-trees"),
            load: built.join("yeyak-load"),
            scripts: root.join("bench/load/wrk"),
        })
    }
}

/// Cargo tells what it runs, such as this, of which package that is. A build script that looks at these variables would take every other build for
/// one that is not its own, and be run again each time.
#[allow(clippy::disallowed_methods, reason = "these are cargo's own variables, and are taken away")]
fn without_package(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let is_of_package = name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        if is_of_package {
            command.env_remove(name);
        }
    }
    command
}
