//! What clients rely on is committed, is what the code makes, and breaks nobody unless that is declared.
//!
//! `docs/contract/openapi.json` and `asyncapi.json` are the contract of this commit, `released.json` that of the last release, which
//! clients were written against. What breaks them in between stands in `breaks.md`, until the next release takes it over.

mod breaks;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::Violation;
use crate::shell::{self, Outcome};
use crate::tree::Tree;

const FOLDER: &str = "docs/contract";
const DOCUMENTS: &[&str] = &["openapi", "asyncapi"];

/// The head of `breaks.md`, below which each break has its line.
const HEAD: &str = "\
# Breaks since the last release

What `cargo xtask tidy` finds to break a client stands here as it prints it, with its reason behind it. `cargo xtask release-contract` takes
the contract as it is for the one of a release, and empties this list.
";

/// Asks the binary for the contract and compares it with what is committed; `bless` writes what it is.
pub(super) fn run(root: &Path, tree: &Tree, bless: bool, binary: Option<&Path>) -> Outcome<Vec<Violation>> {
    let (violations, files) = check(tree, &ask(root, binary)?, bless);
    write(root, &files)?;
    Ok(violations)
}

/// Takes the contract as it is for that of a release.
pub(crate) fn release(root: &Path) -> Outcome {
    let now = ask(root, None)?;
    write(root, &[(format!("{FOLDER}/released.json"), released(&now)), (format!("{FOLDER}/breaks.md"), HEAD.into())])
}

fn ask(root: &Path, binary: Option<&Path>) -> Outcome<Value> {
    let mut ask = match binary {
        Some(binary) => shell::command(root, &binary.to_string_lossy(), &["contract"]),
        None => shell::command(root, "cargo", &["run", "--quiet", "--locked", "--package", "yeyak", "--", "contract"]),
    };
    serde_json::from_str(&shell::output(&mut ask)?).map_err(|error| format!("`yeyak contract` prints no JSON: {error}"))
}

fn write(root: &Path, files: &[(String, String)]) -> Outcome {
    files.iter().try_for_each(|(path, text)| {
        let file = root.join(path);
        let made = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(&file, text)).map_err(|error| format!("{path} cannot be written: {error}"))?;
        println!("tidy: {path} written");
        Ok(())
    })
}

/// The contract of a release: one line for each document, for nobody reads it but this.
fn released(now: &Value) -> String {
    let line = |name: &&str| format!("{}:{}", json!(name), now[*name]);
    format!("{{\n{}\n}}\n", DOCUMENTS.iter().map(line).collect::<Vec<_>>().join(",\n"))
}

/// What is wrong, and the files that a blessing writes.
fn check(tree: &Tree, now: &Value, bless: bool) -> (Vec<Violation>, Vec<(String, String)>) {
    let (mut violations, mut files) = (Vec::new(), Vec::new());
    for name in DOCUMENTS {
        let (path, text) = (format!("{FOLDER}/{name}.json"), format!("{:#}\n", now[*name]));
        if tree.file(&path).is_none_or(|file| file.text != text) {
            if bless {
                files.push((path, text));
            } else {
                violations.push(Violation::new(path, 1, "is not what the code makes: run `cargo xtask tidy --bless` and commit it"));
            }
        }
    }
    let path = format!("{FOLDER}/released.json");
    match tree.file(&path).map(|file| serde_json::from_str::<Value>(&file.text)) {
        Some(Ok(before)) => violations.extend(undeclared(tree, &breaks::between(&before, now))),
        Some(Err(error)) => violations.push(Violation::new(path, 1, format!("does not read as JSON: {error}"))),
        None if bless => files.push((path, released(now))),
        None => violations.push(Violation::new(path, 1, "is missing: `cargo xtask tidy --bless` makes the first one")),
    }
    (violations, files)
}

/// Breaks that are not declared, and declarations of what is none.
fn undeclared(tree: &Tree, found: &BTreeSet<String>) -> Vec<Violation> {
    let path = format!("{FOLDER}/breaks.md");
    let mut violations = Vec::new();
    let mut declared = BTreeSet::new();
    for (line, text) in tree.file(&path).into_iter().flat_map(|file| file.lines()) {
        let Some((what, reason)) = text.strip_prefix("- `").and_then(|rest| rest.split_once('`')) else { continue };
        if reason.trim_matches([':', ' ']).is_empty() {
            violations.push(Violation::new(&path, line, "a break has its reason behind it"));
        }
        if !found.contains(what) {
            violations.push(Violation::new(&path, line, "breaks nobody: take the line out"));
        }
        declared.insert(what.to_owned());
    }
    let missing = found.difference(&declared);
    violations.extend(missing.map(|what| {
        Violation::new(&path, 1, format!("this breaks clients of the last release; undo it, or add the line: - `{what}`: why"))
    }));
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract(paths: &Value) -> Value {
        json!({"openapi": {"paths": paths}, "asyncapi": {"channels": {}}})
    }

    /// What is found, and which files a blessing writes, in a tree whose contract is of `before`.
    fn found(before: &Value, breaks: &str, now: &Value, bless: bool) -> (Vec<String>, Vec<String>) {
        let committed = |name: &str| format!("{:#}\n", before[name]);
        let files = [
            ("docs/contract/openapi.json", committed("openapi")),
            ("docs/contract/asyncapi.json", committed("asyncapi")),
            ("docs/contract/released.json", released(before)),
            ("docs/contract/breaks.md", format!("{HEAD}\n{breaks}")),
        ];
        let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let (violations, written) = check(&Tree::of(&files), now, bless);
        (violations.iter().map(ToString::to_string).collect(), written.into_iter().map(|(path, _)| path).collect())
    }

    #[test]
    fn what_is_committed_is_what_the_code_makes() {
        let (one, two) = (contract(&json!({})), contract(&json!({"/a": {"get": {}}})));
        assert_eq!(found(&one, "", &one, false), (vec![], vec![]));
        assert_eq!(found(&one, "", &two, false).0.len(), 1);
        assert_eq!(found(&one, "", &two, true), (vec![], vec!["docs/contract/openapi.json".to_owned()]));
    }

    #[test]
    fn a_break_is_declared_with_a_reason_or_it_fails_blessed_or_not() {
        let (one, two) = (contract(&json!({"/a": {"get": {}}})), contract(&json!({})));
        for bless in [false, true] {
            assert!(found(&one, "", &two, bless).0.iter().any(|what| what.contains("- `GET /a: is gone`: why")));
        }
        assert_eq!(found(&one, "- `GET /a: is gone`: nobody used it", &two, true).0, Vec::<String>::new());
        assert_eq!(found(&one, "- `GET /a: is gone`:", &two, true).0.len(), 1, "no reason");
        assert_eq!(found(&one, "- `GET /a: is gone`: nobody used it", &one, true).0.len(), 1, "it breaks nothing");
    }

    #[test]
    fn the_first_contract_becomes_that_of_a_release() {
        let now = contract(&json!({"/a": {"get": {}}}));
        let (violations, files) = check(&Tree::of(&[]), &now, true);
        assert_eq!((violations.len(), files.len()), (0, 3));
        assert_eq!(serde_json::from_str::<Value>(&files[2].1).unwrap(), now);
        assert_eq!(check(&Tree::of(&[]), &now, false).0.len(), 3);
    }
}
