//! A decision record says why, what, and what follows, and is short enough to be read.

use super::Violation;
use crate::tree::Tree;

const FOLDER: &str = "docs/decisions/";
const MAX_LINES: usize = 60;
const SECTIONS: &[&str] = &["Context", "Decision", "Consequences"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (index, file) in tree.files().filter(|file| file.path.starts_with(FOLDER) && file.extension() == "md").enumerate() {
        let mut say = |line, what: String| violations.push(Violation::new(&file.path, line, what));
        let number = format!("{:03}", index + 1);
        if !file.name().starts_with(&format!("{number}-")) || !file.text.starts_with(&format!("# {number}: ")) {
            say(1, format!("records are numbered without gaps: this is {number}, in its file's name and in its title"));
        }
        if !file.text.lines().any(|line| line.starts_with("Decided 2")) {
            say(1, "lacks a line `Decided YYYY-MM-DD.`".into());
        }
        let sections: Vec<&str> = file.text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        if sections != SECTIONS {
            say(1, format!("has the sections {}, not {}", SECTIONS.join(", "), sections.join(", ")));
        }
        let lines = file.lines().count();
        if lines >= MAX_LINES {
            say(lines, format!("has {lines} lines; a record is under {MAX_LINES}"));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# 001: One\n\nDecided 2026-11-21.\n\n## Context\n\n## Decision\n\n## Consequences\n";

    #[test]
    fn a_record_has_its_form() {
        let count = |text: &str| check(&Tree::of(&[("docs/decisions/001-one.md", text)])).len();
        assert_eq!(count(GOOD), 0);
        assert_eq!(count(&GOOD.replace("## Consequences", "## Results")), 1);
        assert_eq!(count(&GOOD.replace("Decided 2026-11-21.", "")), 1);
        assert_eq!(count(&GOOD.replace("# 001", "# 002")), 1);
        assert_eq!(count(&(GOOD.to_owned() + &"\n".repeat(MAX_LINES))), 1);
        assert_eq!(check(&Tree::of(&[("docs/decisions/001-one.md", GOOD), ("docs/decisions/003-two.md", GOOD)])).len(), 1);
    }
}
