//! Where packages come from is the business of each tool's own configuration: no line here names a registry's host.

use super::Violation;
use crate::tree::Tree;

/// Hosts, in pieces, so that this file names none.
const HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("npm", "js.org"),
    concat!("npm", "js.com"),
    concat!("yarn", "pkg.com"),
    concat!("py", "pi.org"),
    concat!("python", "hosted.org"),
    concat!("repo1", ".maven"),
    concat!("repo", ".maven"),
    concat!("proxy", ".golang.org"),
    concat!("ruby", "gems.org"),
    concat!("docker", ".io"),
];
/// Written by the tools themselves.
const LOCKS: &[&str] = &["Cargo.lock", "package-lock.json"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.files().filter(|file| !LOCKS.contains(&file.name())) {
        for (line, text) in file.lines() {
            let text = text.to_lowercase();
            let named = HOSTS.iter().filter(|host| text.contains(**host));
            violations.extend(named.map(|host| Violation::new(&file.path, line, format!("names {host}"))));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_any_file() {
        for host in HOSTS {
            let text = format!("one\nhttps://{}/x", host.to_uppercase());
            assert_eq!(check(&Tree::of(&[("deploy/a.yaml", &text)])).len(), 1, "{host}");
            assert_eq!(check(&Tree::of(&[("Cargo.lock", &text)])).len(), 0, "{host}");
        }
        assert_eq!(check(&Tree::of(&[("a.md", "many crates; io")])).len(), 0);
    }
}
