//! What the simulation runs repeats from its seed: `tokio::select!` draws its order from a generator that nobody seeds, unless it is biased.

use super::{RustFile, Violation};

const SIMULATED: &[&str] = &["crates/calls/", "crates/clock/", "crates/log/", "crates/runtime/", "crates/store/", "systems/"];

pub(super) fn check(files: &[RustFile<'_>]) -> Vec<Violation> {
    let simulated = files.iter().filter(|file| SIMULATED.iter().any(|folder| file.file.path.starts_with(folder)));
    simulated
        .flat_map(|file| {
            let unseeded = file.source.macros.iter().filter(|(_, name, given)| name == "select" && !given.starts_with("biased;"));
            unseeded.map(|(line, _, _)| {
                file.violation(*line, "`select!` begins with `biased;`, or simulated runs do not repeat (decision 004)")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn a_select_that_is_not_biased_is_found() {
        let count = |path, text| found(check, &[(path, text)]).len();
        assert_eq!(count("crates/runtime/src/a.rs", "fn f() { tokio::select! { a = b => {} } }"), 1);
        assert_eq!(count("crates/runtime/src/a.rs", "fn f() { tokio::select! { biased; a = b => {} } }"), 0);
        assert_eq!(count("crates/gateway/src/a.rs", "fn f() { tokio::select! { a = b => {} } }"), 0);
    }
}
