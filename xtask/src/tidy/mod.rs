//! The rules of this repository that neither the compiler nor clippy knows. Each file here is one of them.

mod call_graph;
pub(crate) mod contract;
mod decisions;
mod hygiene;
mod links;
mod manifests;
mod names;
mod problems;
mod purity;
mod registries;
mod schemas;
mod select;
mod siblings;

use std::path::Path;

use crate::rust::{Impl, Source};
use crate::shell::Outcome;
use crate::tree::{File, Tree};

/// Something that breaks a rule.
#[derive(Debug)]
pub(crate) struct Violation {
    path: String,
    line: usize,
    what: String,
}

impl Violation {
    fn new(path: impl Into<String>, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.into(), line, what: what.into() }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// A service: a folder of a system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Service {
    pub(crate) system: String,
    pub(crate) name: String,
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.system, self.name)
    }
}

/// A Rust file with what was read from it.
pub(crate) struct RustFile<'a> {
    pub(crate) file: &'a File,
    pub(crate) source: Source,
    /// The service in whose folder it stands.
    pub(crate) service: Option<Service>,
    /// Its own module, from the root of its crate.
    pub(crate) module: Vec<String>,
}

impl RustFile<'_> {
    fn violation(&self, line: usize, what: impl Into<String>) -> Violation {
        Violation::new(&self.file.path, line, what)
    }

    /// Implementations of `of`.
    fn impls(&self, of: &str) -> impl Iterator<Item = &Impl> {
        self.source.impls.iter().filter(move |found| found.of == of)
    }
}

/// Reads all Rust files of a tree.
fn rust_files<'a>(tree: &'a Tree, violations: &mut Vec<Violation>) -> Vec<RustFile<'a>> {
    let mut files = Vec::new();
    // Templates are not Rust yet.
    for file in tree.files().filter(|file| file.extension() == "rs" && !file.path.starts_with("xtask/templates/")) {
        match Source::read(&file.text) {
            Ok(source) => files.push(RustFile { file, source, service: service(file), module: module(&file.path) }),
            Err(why) => violations.push(Violation::new(&file.path, 1, why)),
        }
    }
    files
}

/// The service in whose folder a file stands: `systems/SYSTEM/src/SERVICE/…`.
fn service(file: &File) -> Option<Service> {
    match file.path.split('/').collect::<Vec<_>>()[..] {
        ["systems", system, "src", name, _, ..] => Some(Service { system: system.into(), name: name.into() }),
        _ => None,
    }
}

/// The module that a file of `…/src/` is.
fn module(path: &str) -> Vec<String> {
    let inner = path.split_once("/src/").map_or(path, |(_, inner)| inner).trim_end_matches(".rs");
    let mut module: Vec<String> = inner.split('/').map(Into::into).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

/// Runs every check and prints what it finds.
///
/// # Errors
/// When anything is found, or a check cannot run.
pub(crate) fn run(root: &Path, tree: &Tree, bless: bool, binary: Option<&Path>) -> Outcome {
    let mut violations = Vec::new();
    let files = rust_files(tree, &mut violations);
    violations.extend(purity::check(tree, &files));
    violations.extend(siblings::check(&files));
    violations.extend(call_graph::check(&files));
    violations.extend(select::check(&files));
    violations.extend(hygiene::check(tree, &files));
    violations.extend(manifests::check(tree));
    violations.extend(decisions::check(tree));
    violations.extend(links::check(tree));
    violations.extend(registries::check(tree));
    violations.extend(problems::check(tree));
    for (what, outcome) in [
        ("names.lock", names::run(root, tree, &files, bless)),
        ("schemas", schemas::run(root, tree, &files, bless, binary)),
        ("docs/contract", contract::run(root, tree, bless, binary)),
    ] {
        // What could not be compared is one more thing to say, after all others.
        violations.extend(outcome.unwrap_or_else(|why| vec![Violation::new(what, 1, why)]));
    }
    for violation in &violations {
        eprintln!("{violation}");
    }
    if violations.is_empty() {
        println!("tidy: {} files, nothing found", tree.files().count());
        Ok(())
    } else {
        Err(format!("tidy: {} found", violations.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a check of Rust files says of a tree, one line each.
    pub(super) fn found(check: impl Fn(&[RustFile<'_>]) -> Vec<Violation>, files: &[(&str, &str)]) -> Vec<String> {
        let tree = Tree::of(files);
        let mut violations = Vec::new();
        let found = check(&rust_files(&tree, &mut violations));
        violations.extend(found);
        violations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_knows_its_module_and_service() {
        assert_eq!(module("systems/meetingroom/src/reserve/domain/mod.rs"), ["reserve", "domain"]);
        assert_eq!(module("systems/meetingroom/src/lib.rs"), Vec::<String>::new());
        let tree = Tree::of(&[("systems/meetingroom/src/reserve/api.rs", ""), ("systems/meetingroom/src/lib.rs", "")]);
        let services: Vec<_> = tree.files().filter_map(service).map(|service| service.to_string()).collect();
        assert_eq!(services, ["meetingroom/reserve"]);
    }

    #[test]
    fn a_file_that_is_not_rust_is_named() {
        assert_eq!(found(|_| Vec::new(), &[("a/src/b.rs", "fn {")]).len(), 1);
    }
}
