//! Nothing unfinished, nothing that waits for luck, no file that nobody reads to its end.

use super::{RustFile, Violation};
use crate::tree::Tree;

const MAX_LINES: usize = 700;
/// What is written by hand and read by people.
const WRITTEN: &[&str] = &["css", "html", "js", "md", "mjs", "py", "rs", "sh", "sql", "toml", "ts", "yaml", "yml"];
/// Marks of unfinished work, in pieces, so that this file has none.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

pub(super) fn check(tree: &Tree, files: &[RustFile<'_>]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.files().filter(|file| WRITTEN.contains(&file.extension()) || file.path.starts_with(".ci/")) {
        let lines = file.lines().count();
        if lines > MAX_LINES {
            violations.push(Violation::new(&file.path, MAX_LINES, format!("has {lines} lines, {MAX_LINES} is the most; take it apart")));
        }
        for (line, text) in file.lines() {
            let is_word = |word: &&&str| text.split(|letter: char| !letter.is_alphanumeric()).any(|found| found == **word);
            if let Some(mark) = UNFINISHED.iter().find(is_word) {
                violations.push(Violation::new(&file.path, line, format!("{mark}: finish it, or say elsewhere what is missing")));
            }
        }
    }
    for file in files {
        for (line, name, _) in &file.source.macros {
            if name == "todo" || name == "unimplemented" {
                violations.push(file.violation(*line, format!("`{name}!` is not finished")));
            }
        }
        for (line, attribute) in &file.source.attributes {
            if attribute == "ignore" || attribute.starts_with("ignore=") {
                violations.push(file.violation(*line, "a test that is ignored tests nothing: make it pass, or take it out"));
            }
            if ["allow(", "expect("].iter().any(|level| attribute.contains(level)) && attribute.contains("dead_code") {
                violations.push(file.violation(*line, "code that nobody uses goes"));
            }
        }
        for path in file.source.paths.iter().filter(|path| path.called && (path.in_test || file.file.is_test())) {
            if path.segments.last().is_some_and(|last| last == "sleep" || last == "sleep_ms") {
                violations.push(file.violation(path.line, "a test waits for what it wants to see, never for a while"));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        found(|files| check(&Tree::of(&[(path, text)]), files), &[(path, text)]).len()
    }

    #[test]
    fn unfinished_work_is_found() {
        assert_eq!(count("a/src/b.rs", "fn f() { todo!() }"), 1);
        assert_eq!(count("a/src/b.rs", "fn f() { unimplemented!(\"later\") }"), 1);
        assert_eq!(count("docs/a.md", &format!("one\n{}: two\n", UNFINISHED[0])), 1);
        assert_eq!(count("a/src/b.rs", &format!("// {}(me)", UNFINISHED[1])), 1);
        assert_eq!(count(".ci/run", &format!("# {}", UNFINISHED[0])), 1);
        assert_eq!(count("a/src/b.rs", "#[allow(dead_code)] fn f() {}"), 1);
        assert_eq!(count("a/src/b.rs", "#![cfg_attr(test, allow(unused, dead_code))]"), 1);
        assert_eq!(count("a/src/b.rs", "#[test] #[ignore = \"slow\"] fn f() {}"), 1);
        assert_eq!(count("a/src/b.rs", "#[serde(default)] fn f() { \"todo!() ignore\"; ignore(1) }"), 0);
    }

    #[test]
    fn a_test_does_not_sleep() {
        assert_eq!(count("a/src/b.rs", "#[cfg(test)] mod tests { fn f() { std::thread::sleep(x) } }"), 1);
        assert_eq!(count("a/src/b.rs", "#[tokio::test] async fn f() { tokio::time::sleep(x).await }"), 1);
        assert_eq!(count("a/tests/b.rs", "use tokio::time::sleep; fn f() { sleep(x) }"), 1);
        assert_eq!(count("a/tests/b.rs", "fn sleep() { let sleep = clock.sleep(x); sleep.await }"), 0, "a clock that is moved by hand");
        assert_eq!(count("a/src/b.rs", "fn f() { std::thread::sleep(x) }"), 0, "clippy's to say");
    }

    #[test]
    fn long_files_are_found() {
        assert_eq!(count("a/src/b.rs", &"\n".repeat(MAX_LINES)), 0);
        assert_eq!(count("a/src/b.rs", &"\n".repeat(MAX_LINES + 1)), 1);
        assert_eq!(count("Cargo.lock", &"\n".repeat(MAX_LINES + 1)), 0);
    }
}
