//! What it was measured on.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// The machine, as far as the system tells.
pub(super) fn describe(root: &Path) -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let memory = read("/proc/meminfo");
    let kib = behind(&memory, "MemTotal").and_then(|total| total.split(' ').next()?.parse::<f64>().ok()).unwrap_or_default();
    let place = std::env::temp_dir();
    json!({
        "cpu": behind(&cpu, "model name"),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memoryGB": (kib / 1e6 * 10.0).round() / 10.0,
        "kernel": format!("{} {}", read("/proc/sys/kernel/ostype").trim(), read("/proc/sys/kernel/osrelease").trim()),
        // Where the stores stand while they are measured.
        "filesystem": said(root, "stat", &["--file-system", "--format", "%T", &place.to_string_lossy()]),
        "rustc": said(root, "rustc", &["--version"]),
    })
}

/// The commit, and whether something differs from it.
pub(super) fn commit(root: &Path) -> Option<String> {
    let commit = said(root, "git", &["rev-parse", "HEAD"])?;
    let differs = said(root, "git", &["status", "--porcelain", "--untracked-files=no"]).is_some_and(|files| !files.is_empty());
    Some(if differs { format!("{commit} and what is not committed") } else { commit })
}

fn behind(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn said(root: &Path, program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).current_dir(root).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_a_name_is_found() {
        assert_eq!(behind("a\t: 1\nmodel name\t: One @ 2 GHz\n", "model name").as_deref(), Some("One @ 2 GHz"));
        assert_eq!(behind("a: 1\n", "b"), None);
    }
}
