//! A link from one page of this repository to another leads somewhere.

use std::collections::BTreeSet;

use super::Violation;
use crate::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.files().filter(|file| file.extension() == "md") {
        for (line, text) in prose(file) {
            for target in targets(&text) {
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                let (path, anchor) = target.split_once('#').map_or((target.as_str(), None), |(path, anchor)| (path, Some(anchor)));
                let path = if path.is_empty() { Some(file.path.clone()) } else { beside(&file.path, path) };
                let what = match path.as_deref().filter(|path| tree.has(path)) {
                    None => "leads nowhere",
                    Some(path) if anchor.is_some_and(|anchor| tree.file(path).is_some_and(|page| !anchors(page).contains(anchor))) => {
                        "leads to no heading of that page"
                    }
                    Some(_) => continue,
                };
                violations.push(Violation::new(&file.path, line, format!("the link `{target}` {what}")));
            }
        }
    }
    violations
}

/// The lines of a page without its code.
fn prose(file: &File) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (line, text) in file.lines() {
        if text.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((line, text.split('`').step_by(2).collect::<Vec<_>>().join("`")));
        }
    }
    lines
}

/// Where the links of a line lead: `[text](target "title")` and `[name]: target`.
fn targets(text: &str) -> Vec<String> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let definition = text.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target);
    inline
        .chain(definition)
        .filter_map(|target| target.split_whitespace().next())
        .map(|target| target.trim_matches(['<', '>']).into())
        .collect()
}

/// `target` as seen from the page `path`, unless it leads out of the repository.
fn beside(path: &str, target: &str) -> Option<String> {
    let mut folders: Vec<&str> = if target.starts_with('/') { Vec::new() } else { path.split('/').collect() };
    folders.pop();
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            folders.pop()?;
        } else {
            folders.push(part);
        }
    }
    Some(folders.join("/"))
}

/// The anchors of a page's headings, as they are made for pages that are shown.
fn anchors(page: &File) -> BTreeSet<String> {
    let headings = page.lines().filter(|(_, text)| text.starts_with('#')).map(|(_, text)| text.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let kept = heading.to_lowercase().chars().filter(|letter| letter.is_alphanumeric() || "-_ ".contains(*letter)).collect::<String>();
        kept.replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        let pages = [("docs/a.md", text), ("docs/how-to/b.md", "# The `first` step, 예약!\n"), ("README.md", "")];
        check(&Tree::of(&pages)).len()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        for text in [
            "[b](how-to/b.md) and [folder](how-to/) and [up](../README.md)",
            "[b](how-to/b.md#the-first-step-예약)",
            "[root](/README.md \"a title\")",
            "[out](https://example.org/x)",
            "# Here\n[here](#here)",
            "`[code](gone.md)`\n```\n[code](gone.md)\n```",
            "[b]: how-to/b.md",
        ] {
            assert_eq!(count(text), 0, "{text}");
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        for text in
            ["[a](gone.md)", "![a](how-to/gone.png)", "[a](how-to/b.md#second-step)", "[a](../../outside.md)", "[a](#gone)", "[a]: gone.md"]
        {
            assert_eq!(count(text), 1, "{text}");
        }
    }
}
