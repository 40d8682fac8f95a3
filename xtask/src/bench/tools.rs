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
            shell::run(&mut shell::command(root, "cargo", &["build", "--release", "--locked", "--package", package]))?;
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
