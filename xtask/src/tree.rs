use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::shell::Outcome;

/// Folders that hold what was made, not what was written.
const MADE: &[&str] = &["target", "node_modules"];
/// Hidden folders that belong to the project; other hidden ones do not.
const HIDDEN: &[&str] = &[".cargo", ".ci"];

/// The text files of the repository, by path.
pub(crate) struct Tree(BTreeMap<String, File>);

/// One of them.
pub(crate) struct File {
    /// From the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Where cargo builds.
#[allow(clippy::disallowed_methods, reason = "cargo itself is told by this variable where to build")]
pub(crate) fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

impl Tree {
    /// Reads what stands under `root`. What is not UTF-8 is left out.
    pub(crate) fn read(root: &Path) -> Outcome<Self> {
        let mut files = BTreeMap::new();
        let mut folders = vec![root.to_path_buf()];
        let show = |path: &Path, error| format!("{} cannot be read: {error}", path.display());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).map_err(|error| show(&folder, error))? {
                let entry = entry.map_err(|error| show(&folder, error))?;
                let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
                let kind = entry.file_type().map_err(|error| show(&path, error))?;
                if kind.is_dir() {
                    if !MADE.contains(&name.as_str()) && (!name.starts_with('.') || HIDDEN.contains(&name.as_str())) {
                        folders.push(path);
                    }
                } else if kind.is_file()
                    && let Ok(text) = String::from_utf8(std::fs::read(&path).map_err(|error| show(&path, error))?)
                {
                    let path = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                    files.insert(path.clone(), File { path, text });
                }
            }
        }
        Ok(Self(files))
    }

    /// A tree of these files, for tests of the checks.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).into(), File { path: (*path).into(), text: (*text).into() })).collect())
    }

    /// All files, by path.
    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.0.values()
    }

    /// Writes all files under `root`.
    pub(crate) fn write_to(&self, root: &Path) -> Outcome {
        self.files().try_for_each(|file| {
            let path = root.join(&file.path);
            let folder = path.parent().unwrap_or(root);
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(&path, &file.text))
                .map_err(|error| format!("{} cannot be written: {error}", path.display()))
        })
    }

    /// The file at `path`.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.0.get(path)
    }

    /// Whether `path` is a file or a folder with files in it.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.0.contains_key(path)
            || self.0.range(folder.clone()..).next().is_some_and(|(next, _)| next.starts_with(&folder))
    }
}

impl File {
    /// What stands behind the last point of its name.
    pub(crate) fn extension(&self) -> &str {
        self.name().rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// Its name without its folder.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit_once('/').map_or(self.path.as_str(), |(_, name)| name)
    }

    /// Its lines, counted from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Whether all of it is test code.
    pub(crate) fn is_test(&self) -> bool {
        self.name() == "tests.rs" || self.path.split('/').any(|folder| folder == "tests" || folder == "benches")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_and_what_is_hidden_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["a/b.rs", "target/c.rs", ".git/d", ".ci/run", "a/.e/f", ".gitignore"] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        std::fs::write(folder.path().join("picture.png"), [0xff, 0xfe]).unwrap();
        let tree = Tree::read(folder.path()).unwrap();
        assert_eq!(tree.files().map(|file| file.path.as_str()).collect::<Vec<_>>(), [".ci/run", ".gitignore", "a/b.rs"]);
        assert!(tree.has("a") && tree.has("a/b.rs") && !tree.has("a/b") && !tree.has("target"));
    }

    #[test]
    fn paths_are_read() {
        let tree = Tree::of(&[("a/tests/b.tar.gz", "1\n2")]);
        let file = tree.file("a/tests/b.tar.gz").unwrap();
        assert_eq!((file.name(), file.extension(), file.is_test(), file.lines().last()), ("b.tar.gz", "gz", true, Some((2, "2"))));
    }
}
