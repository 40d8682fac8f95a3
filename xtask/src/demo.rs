use std::path::Path;

use crate::shell::{self, Outcome};

/// Builds the release binary and runs `yeyak demo` in it, wherever cargo's target directory is.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Outcome {
    let mut line = vec!["run", "--release", "--locked", "--package", "yeyak", "--", "demo"];
    line.extend(arguments.iter().map(String::as_str));
    shell::run(&mut shell::command(root, "cargo", &line))
}
