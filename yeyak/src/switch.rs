//! How a restored installation takes the place of another, or of none.
//!
//! It is made ready beside the old one. Once it is whole and on disk its directory is called `restored`, which is the one moment that counts:
//! before it nothing has changed, and after it whoever opens the data directory moves what is left to move. Each step is found
//! from what stands there, so it does not matter between which two of them a process was killed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::data_dir::{self, MARKER};
use crate::manifest::{self, Manifest};
use crate::systems;

/// Where an installation is that is ready to take its place.
pub(crate) const READY: &str = "restored";

/// The file in it that says to which directory the old installation goes, for as long as that may still be there.
const REPLACES: &str = "replaces";

/// What begins the name of such a directory.
pub(crate) const ASIDE: &str = "replaced-";

/// What was put in its place.
pub(crate) struct Finished {
    /// What it was restored from.
    pub(crate) manifest: Manifest,
    /// Where the old one is, if it was still there.
    pub(crate) aside: Option<PathBuf>,
}

/// Has the installation in `stage`, a directory in `data`, be the one that counts. What is there goes to `aside`, if that is given.
///
/// # Errors
/// Those of the disk; nothing has changed then.
pub(crate) fn commit(data: &Path, stage: &Path, aside: Option<&str>) -> io::Result<()> {
    if let Some(aside) = aside {
        fs::write(stage.join(REPLACES), aside)?;
        fs::File::open(stage.join(REPLACES))?.sync_all()?;
    }
    data_dir::sync_directory(stage)?;
    fs::rename(stage, data.join(READY))?;
    data_dir::sync_directory(data)
}

/// Whether there is an installation that is ready and not all in its place.
pub(crate) fn is_begun(data: &Path) -> bool {
    ready(data).is_some()
}

/// Puts what is ready in its place; nothing when nothing is. The directory is to be locked.
///
/// # Errors
/// Those of the disk. It goes on where it was when this is called again.
pub(crate) fn finish(data: &Path) -> io::Result<Option<Finished>> {
    let Some(manifest) = ready(data) else { return Ok(None) };
    let aside = aside_of(data)?;
    while let Some(step) = next(data)? {
        step.take()?;
    }
    Ok(Some(Finished { manifest, aside }))
}

/// Whether it is a file of an installation's, but for the marker.
pub(crate) fn is_ours(name: &str) -> bool {
    systems::known().iter().any(|system| name.strip_prefix(system.name).is_some_and(|rest| rest.starts_with('.')))
}

/// Whether it is a file of an installation that is being made ready.
pub(crate) fn is_staged(name: &str) -> bool {
    is_ours(name) || matches!(name, MARKER | manifest::FILE | REPLACES)
}

/// The names of an installation's files, but for the marker, in order.
///
/// # Errors
/// When the directory cannot be read.
pub(crate) fn ours_in(data: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(data)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.retain(|name| is_ours(name));
    names.sort_unstable();
    Ok(names)
}

/// What the one that is ready was restored from. A directory of that name which has no manifest of ours is nothing of ours.
fn ready(data: &Path) -> Option<Manifest> {
    Manifest::read(&data.join(READY)).ok()
}

fn aside_of(data: &Path) -> io::Result<Option<PathBuf>> {
    match fs::read_to_string(data.join(READY).join(REPLACES)) {
        Ok(name) if name.starts_with(ASIDE) && !name.contains(['/', '\0']) => Ok(Some(data.join(name))),
        Ok(name) => Err(io::Error::other(format!("{READY}/{REPLACES} names {name:?}, which is no place for what is replaced"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// One change of the directory.
enum Step {
    /// A file goes from one directory to another.
    Move { name: String, from: PathBuf, to: PathBuf },
    /// Nothing of the old installation is in the way any more.
    Cleared(PathBuf),
    /// Everything is in its place.
    End(PathBuf),
}

/// The next one: everything old goes, its marker first, so that nobody takes the rest for an installation. Then everything new comes,
/// its marker last.
fn next(data: &Path) -> io::Result<Option<Step>> {
    let Some(manifest) = ready(data) else { return Ok(None) };
    let ready = data.join(READY);
    if let Some(aside) = aside_of(data)? {
        let marker = data.join(MARKER).exists().then(|| MARKER.to_owned());
        let old = marker.map_or_else(|| Ok(ours_in(data)?.into_iter().next()), |marker| Ok::<_, io::Error>(Some(marker)))?;
        return Ok(Some(match old {
            Some(name) => Step::Move { name, from: data.into(), to: aside },
            None => Step::Cleared(ready),
        }));
    }
    let names = manifest.files.into_iter().map(|file| file.name);
    let (last, first): (Vec<_>, Vec<_>) = names.partition(|name| name == MARKER);
    let new = first.into_iter().chain(last).find(|name| ready.join(name).exists());
    Ok(Some(match new {
        Some(name) => Step::Move { name, from: ready, to: data.into() },
        None => Step::End(ready),
    }))
}

impl Step {
    fn take(self) -> io::Result<()> {
        match self {
            Self::Move { name, from, to } => {
                if !to.exists() {
                    data_dir::create(&to)?;
                }
                fs::rename(from.join(&name), to.join(&name))?;
                data_dir::sync_directory(&to)?;
                data_dir::sync_directory(&from)
            }
            Self::Cleared(ready) => {
                fs::remove_file(ready.join(REPLACES))?;
                data_dir::sync_directory(&ready)
            }
            Self::End(ready) => fs::remove_dir_all(ready),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tempfile::TempDir;

    use super::*;
    use crate::manifest::{FileEntry, SystemEntry};

    const SYSTEM: &str = "meetingroom";

    /// A directory with an old installation in it, if `replaces`, and with a new one that is ready.
    fn ready(replaces: bool) -> TempDir {
        let data = TempDir::new().unwrap();
        let files = [systems::file(SYSTEM), MARKER.to_owned()];
        let stage = data.path().join("restoring");
        fs::create_dir(&stage).unwrap();
        for name in &files {
            fs::write(stage.join(name), "new").unwrap();
        }
        let entry = |name: &String| FileEntry { name: name.clone(), bytes: 3, sha256: String::new() };
        let system = SystemEntry { name: SYSTEM.into(), file: systems::file(SYSTEM), services: Vec::new() };
        let manifest = Manifest {
            format: manifest::FORMAT,
            yeyak: String::new(),
            made: jiff::Timestamp::UNIX_EPOCH,
            systems: vec![system],
            files: files.iter().map(entry).collect(),
        };
        fs::write(stage.join(manifest::FILE), serde_json::to_vec(&manifest).unwrap()).unwrap();
        if replaces {
            for name in [&files[..], &["meetingroom.db-wal".to_owned(), systems::samples_marker(SYSTEM)]].concat() {
                fs::write(data.path().join(name), "old").unwrap();
            }
        }
        fs::write(data.path().join("lock"), "").unwrap();
        commit(data.path(), &stage, replaces.then_some("replaced-1")).unwrap();
        data
    }

    /// The files in a directory, but for the lock, and what stands in them.
    fn files(path: &Path) -> BTreeMap<String, String> {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        let named = entries.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()));
        named.filter(|(name, _)| name != "lock").collect()
    }

    fn all(what: &str, names: &[&str]) -> BTreeMap<String, String> {
        names.iter().map(|name| ((*name).to_owned(), what.to_owned())).collect()
    }

    fn new() -> BTreeMap<String, String> {
        all("new", &["meetingroom.db", MARKER])
    }

    fn old() -> BTreeMap<String, String> {
        all("old", &["meetingroom.db", "meetingroom.db-wal", "meetingroom.samples", MARKER])
    }

    #[test]
    fn wherever_it_was_cut_off_the_new_one_takes_its_place_and_the_old_one_is_kept_whole() {
        for replaces in [true, false] {
            for steps in 0.. {
                let data = ready(replaces);
                let path = data.path();
                let mut taken = 0;
                while let Some(step) = next(path).unwrap().filter(|_| taken < steps) {
                    step.take().unwrap();
                    taken += 1;
                    let here = files(path);
                    assert!(!here.contains_key(MARKER) || here == new() || here == old(), "marked, and not whole: {here:?}");
                }
                let is_at_its_end = next(path).unwrap().is_none();
                finish(path).unwrap();
                assert!(!is_begun(path) && finish(path).unwrap().is_none());
                assert_eq!(files(path), new(), "cut off after {steps}");
                if replaces {
                    assert_eq!(files(&path.join("replaced-1")), old(), "cut off after {steps}");
                }
                if is_at_its_end {
                    assert!(steps > 2, "there is something to cut off");
                    break;
                }
            }
        }
    }

    #[test]
    fn a_directory_of_that_name_that_is_nobody_elses_is_left_alone() {
        let data = TempDir::new().unwrap();
        fs::create_dir(data.path().join(READY)).unwrap();
        fs::write(data.path().join(READY).join(MARKER), "theirs").unwrap();
        assert!(!is_begun(data.path()) && finish(data.path()).unwrap().is_none());
        fs::write(data.path().join(READY).join(manifest::FILE), "{}").unwrap();
        assert!(!is_begun(data.path()) && finish(data.path()).unwrap().is_none());
        assert!(data.path().join(READY).join(MARKER).exists());
        let begun = ready(true);
        fs::write(begun.path().join(READY).join(REPLACES), "replaced-/../..").unwrap();
        assert!(finish(begun.path()).is_err(), "what is written there is no path");
    }
}
