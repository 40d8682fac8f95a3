//! Every crate is held to the same rules.

use super::Violation;
use crate::tree::Tree;

/// What a manifest takes over from the workspace: section, and line without spaces.
const INHERITED: &[(&str, &str)] = &[
    ("[package]", "version.workspace=true"),
    ("[package]", "edition.workspace=true"),
    ("[package]", "rust-version.workspace=true"),
    ("[package]", "license.workspace=true"),
    ("[package]", "publish.workspace=true"),
    ("[lints]", "workspace=true"),
];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.files().filter(|file| file.name() == "Cargo.toml" && file.path != "Cargo.toml") {
        let (mut section, mut found) = (String::new(), Vec::new());
        for (_, text) in file.lines() {
            let text: String = text.split('#').next().unwrap_or_default().split_whitespace().collect();
            if text.starts_with('[') {
                section.clone_from(&text);
            }
            found.push((section.clone(), text));
        }
        let lacks =
            INHERITED.iter().filter(|(section, line)| !found.iter().any(|(in_section, text)| in_section == section && text == line));
        violations.extend(lacks.map(|(section, line)| Violation::new(&file.path, 1, format!("{section} lacks `{line}`"))));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_inherits_what_all_share() {
        let good = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true
license.workspace = true\npublish.workspace = true\n\n[lints]\nworkspace = true # ours\n";
        let count = |text: &str| check(&Tree::of(&[("crates/a/Cargo.toml", text), ("Cargo.toml", "[workspace]")])).len();
        assert_eq!(count(good), 0);
        assert_eq!(count(&good.replace("license.workspace = true", "license = \"MIT\"")), 1);
        assert_eq!(count(&good.replace("[lints]", "[features]")), 1);
    }
}
