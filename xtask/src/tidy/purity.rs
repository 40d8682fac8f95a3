//! What decides is pure: no IO, no clock, no chance, no environment, nothing to wait for.

use super::{RustFile, Violation};
use crate::tree::Tree;

/// Crates that are pure as a whole.
const CRATES: &[&str] = &["crates/kernel/", "crates/booking/"];
/// Files, or folders, of a service that are pure.
const FILES: &[&str] = &["api", "calls", "domain", "policies", "saga", "views"];

/// Crates that a pure file does not name.
const FOREIGN: &[&str] = &[
    "async_trait",
    "axum",
    "fastrand",
    "futures",
    "futures_util",
    "hyper",
    "rand",
    "reqwest",
    "rusqlite",
    "sqlx",
    "tokio",
    "tower",
    "uuid",
];
/// Modules and types of the standard library that a pure file does not name.
const STD: &[&[&str]] = &[
    &["env"],
    &["fs"],
    &["io"],
    &["net"],
    &["process"],
    &["thread"],
    &["time", "Instant"],
    &["time", "SystemTime"],
    &["time", "UNIX_EPOCH"],
];
/// What reads a clock.
const CLOCKS: &[&str] = &["Timestamp", "Zoned", "Instant", "SystemTime", "Utc", "Local"];

/// Looks at the pure files, and for SQL everywhere outside `store`.
pub(super) fn check(tree: &Tree, files: &[RustFile<'_>]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in files {
        if is_pure(file) {
            for path in &file.source.paths {
                let (inner, segments) = file.source.resolve(path, &file.module);
                if let (false, Some(what)) = (inner, impure(&segments, path.glob)) {
                    violations.push(file.violation(path.line, format!("{what} has no place in a pure file: what it gives is handed in")));
                }
            }
            violations.extend(file.source.awaits.iter().map(|line| file.violation(*line, "a pure file has nothing to wait for")));
        }
        if !may_hold_sql(file) {
            for (line, text, in_test) in &file.source.strings {
                if !in_test && is_sql(text) {
                    violations.push(file.violation(*line, "every line of SQL stands in crates/store"));
                }
            }
        }
    }
    for manifest in CRATES.iter().filter_map(|folder| tree.file(&format!("{folder}Cargo.toml"))) {
        let mut section = "";
        for (line, text) in manifest.lines() {
            if text.starts_with('[') {
                section = text.trim();
            }
            let name = text.split(['.', '=', ' ']).next().unwrap_or_default().replace('-', "_");
            if section == "[dependencies]" && FOREIGN.contains(&name.as_str()) {
                violations.push(Violation::new(&manifest.path, line, format!("a pure crate does not depend on {name}")));
            }
        }
    }
    violations
}

fn is_pure(file: &RustFile<'_>) -> bool {
    let path = &file.file.path;
    let in_service =
        file.service.is_some() && file.module.get(1..).is_some_and(|inner| inner.iter().any(|name| FILES.contains(&name.as_str())));
    in_service || CRATES.iter().any(|folder| path.starts_with(&format!("{folder}src/")))
}

/// What of a path from outside the crate is impure.
fn impure(segments: &[String], glob: bool) -> Option<String> {
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    let show = || Some(format!("`{}`", words.join("::")));
    match words[..] {
        // A lone word is a name of its own, unless it is brought in as a whole.
        [first, _, ..] if FOREIGN.contains(&first) => show(),
        [first] if glob && FOREIGN.contains(&first) => show(),
        ["std", ref rest @ ..] if STD.iter().any(|banned| rest.starts_with(banned)) => show(),
        // Brought in as a whole, it opens the door to what is banned in it.
        ["std"] if glob => show(),
        ["std", "time"] => show(),
        [.., clock, "now"] if CLOCKS.contains(&clock) => show(),
        _ => None,
    }
}

fn may_hold_sql(file: &RustFile<'_>) -> bool {
    file.file.is_test()
        || ["bench/limit/", "crates/store/", "crates/testkit/", "xtask/"].iter().any(|folder| file.file.path.starts_with(folder))
}

fn is_sql(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().take(4).collect();
    matches!(
        words[..],
        ["SELECT", _, ..]
            | ["INSERT", "INTO" | "OR", ..]
            | ["UPDATE", _, "SET", ..]
            | ["DELETE", "FROM", ..]
            | ["CREATE", "TABLE" | "INDEX" | "UNIQUE", ..]
            | ["PRAGMA", _, ..]
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        let files = [(path, text)];
        found(|rust| check(&Tree::of(&[]), rust), &files).len()
    }

    #[test]
    fn impure_paths_are_found_however_they_are_brought_in() {
        for text in [
            "use tokio::sync::mpsc;",
            "fn f() { std::time::Instant::now(); }",
            "use std::time::{Duration, SystemTime};",
            "use std::time;",
            "fn f() { jiff::Timestamp::now(); }",
            "use kernel::Timestamp; fn f() { let now = Timestamp::now; }",
            "use jiff::Zoned as Z; fn f() { Z::now() }",
            "fn f() { fastrand::u8(..); }",
            "use uuid::Uuid;",
            "fn f() { std::env::var(\"A\"); }",
            "use std::env;",
            "use axum::*;",
            "async fn f() {}",
            "const Q: &str = \"SELECT id FROM room\";",
        ] {
            assert_eq!(count("systems/meetingroom/src/reserve/domain.rs", text), 1, "{text}");
            assert_eq!(count("crates/booking/src/slots.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn pure_code_passes() {
        let text = "use std::time::Duration; use kernel::{FieldKind, Timestamp};
            // tokio, std::env
            fn f(rand: u8, at: Timestamp) { FieldKind::Instant; rand; \"tokio::spawn, SELECTED\"; at.now() }";
        assert_eq!(count("systems/meetingroom/src/reserve/domain/slots.rs", text), 0);
    }

    #[test]
    fn only_the_pure_files_are_held_to_it() {
        let impure = "fn f() { tokio::spawn(async {}); }";
        let check = |path: &str, pure: bool| assert_eq!(count(path, impure) > 0, pure, "{path}");
        check("systems/meetingroom/src/reserve/api.rs", true);
        check("systems/meetingroom/src/reserve/policies.rs", true);
        check("systems/meetingroom/src/reserve/saga.rs", true);
        check("systems/meetingroom/src/reserve/views.rs", true);
        check("systems/meetingroom/src/reserve/calls.rs", true);
        check("systems/meetingroom/src/reserve/domain/calendar.rs", true);
        check("systems/meetingroom/src/reserve/http.rs", false);
        check("crates/runtime/src/writer.rs", false);
        assert_eq!(count("crates/runtime/src/writer.rs", "const Q: &str = \"DELETE FROM room\";"), 1);
        assert_eq!(count("crates/store/src/sqlite/read.rs", "const Q: &str = \"DELETE FROM room\";"), 0);
        assert_eq!(count("bench/limit/src/reader.rs", "const Q: &str = \"DELETE FROM room\";"), 0, "it is no part of Yeyak");
        assert_eq!(count("bench/load/src/plan.rs", "const Q: &str = \"DELETE FROM room\";"), 1);
    }

    #[test]
    fn a_pure_crate_does_not_depend_on_what_it_may_not_name() {
        let tree = Tree::of(&[(
            "crates/kernel/Cargo.toml",
            "[dependencies]\ntokio.workspace = true\n[dev-dependencies]\ntokio.workspace = true\n",
        )]);
        assert_eq!(check(&tree, &[]).len(), 1);
    }
}
