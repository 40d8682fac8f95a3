//! The directory in which everything durable stands: whose it is, of which release, and that one process alone has it.
//!
//! A file `yeyak.json` marks it as ours, with the number of its format and the offset of its clock. The file `lock` is locked
//! while a process has the directory; the kernel gives it free when that process ends, however it ends.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::{manifest, switch};

/// The format this release writes, and the newest it reads.
const FORMAT: u64 = 1;
pub(crate) const MARKER: &str = "yeyak.json";
const NEW_MARKER: &str = "yeyak.json.new";
const LOCK: &str = "lock";
/// What stands in the root of an empty disk.
const OF_THE_DISK: &str = "lost+found";

/// A data directory that this process alone has, for as long as this value lives.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    marker: Marker,
    /// Nothing durable but the marker stood here when it was opened.
    fresh: bool,
    /// Locked; closed before a temporary directory goes.
    _lock: File,
    _temporary: Option<TempDir>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    format: u64,
    created: Timestamp,
    clock_offset_microseconds: i64,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    /// There is something else of this name.
    #[error("the data directory {} is not a directory: choose another with --data", .0.display())]
    NotADirectory(PathBuf),
    /// There is no installation in it.
    #[error("there is no installation in {}", .0.display())]
    Empty(PathBuf),
    /// It is not there, and cannot be made.
    #[error("the data directory {} cannot be created: {}", .0.display(), .1)]
    Uncreatable(PathBuf, #[source] io::Error),
    /// It cannot be read.
    #[error("the data directory {} cannot be read: {}", .0.display(), .1)]
    Unreadable(PathBuf, #[source] io::Error),
    /// It cannot be written.
    #[error("the data directory {} cannot be written: {}", .0.display(), .1)]
    Unwritable(PathBuf, #[source] io::Error),
    /// It has things in it, and not our marker.
    #[error("the data directory {} is not Yeyak's: it has {} in it, but no {MARKER}; choose an empty or a new one with --data", .path.display(), named(.found))]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// What is in it and not ours, in order.
        found: Vec<String>,
    },
    /// It has an installation in it that is to be replaced, and things that are not ours.
    #[error(
        "the data directory {} has {} in it, which is not Yeyak's, beside the installation: it would seem to belong to the one that is \
         restored; move it elsewhere, or restore to a new directory",
        .path.display(), named(.found)
    )]
    Beside {
        /// The directory.
        path: PathBuf,
        /// What is in it and not ours, in order.
        found: Vec<String>,
    },
    /// Another process has it.
    #[error(
        "the data directory {} is in use by another process{}: end that one, or choose another directory with --data",
        .path.display(), .pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process, if it said.
        pid: Option<u32>,
    },
    /// A newer release made it what it is.
    #[error("the data directory {} was written by a newer release of Yeyak (format {found}, this one knows {FORMAT}): run that release", .path.display())]
    Newer {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
    /// Its marker makes no sense.
    #[error("the data directory {} is damaged: its {MARKER} {why}; restore that file from a backup", .path.display())]
    Damaged {
        /// The directory.
        path: PathBuf,
        /// In what way.
        why: String,
    },
}

impl DataDir {
    /// Opens the directory, and makes it if there is none. `now` is the real instant.
    ///
    /// # Errors
    /// Each [`DataDirError`]. What is not ours is left as it was.
    pub(crate) fn open(path: &Path, now: Timestamp) -> Result<Self, DataDirError> {
        Self::open_keeping(path, now, None)
    }

    /// Opens a directory that has an installation in it already.
    ///
    /// # Errors
    /// Each [`DataDirError`]. Nothing is made.
    pub(crate) fn existing(path: &Path, now: Timestamp) -> Result<Self, DataDirError> {
        if switch::is_begun(path) || read_marker(path)?.is_some() { Self::open(path, now) } else { Err(DataDirError::Empty(path.into())) }
    }

    /// A new directory among the system's temporary ones, which is removed when this value goes.
    ///
    /// # Errors
    /// [`DataDirError::Uncreatable`] when there is no place for it.
    pub(crate) fn temporary(now: Timestamp) -> Result<Self, DataDirError> {
        let temporary = tempfile::Builder::new().prefix("yeyak-").tempdir();
        let temporary = temporary.map_err(|error| DataDirError::Uncreatable(std::env::temp_dir(), error))?;
        let path = temporary.path().to_owned();
        Self::open_keeping(&path, now, Some(temporary))
    }

    fn open_keeping(path: &Path, now: Timestamp, temporary: Option<TempDir>) -> Result<Self, DataDirError> {
        match fs::metadata(path) {
            Ok(found) if !found.is_dir() => return Err(DataDirError::NotADirectory(path.into())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path).map_err(|error| DataDirError::Uncreatable(path.into(), error))?;
            }
            Err(error) => return Err(DataDirError::Unreadable(path.into(), error)),
        }
        // Before the first trace of ours is left in it.
        if read_marker(path)?.is_none() && !switch::is_begun(path) {
            refuse_foreign(path)?;
        }
        let lock = lock(path)?;
        switch::finish(path).map_err(|error| DataDirError::Unwritable(path.into(), error))?;
        let mut fresh = true;
        let marker = match read_marker(path)? {
            Some(text) => {
                fresh = not_ours(path)?.is_empty();
                probe(path).map_err(|error| DataDirError::Unwritable(path.into(), error))?;
                understand(path, &text, now)?
            }
            None => {
                let marker = Marker { format: FORMAT, created: now, clock_offset_microseconds: 0 };
                store_marker(path, &marker)?;
                marker
            }
        };
        Ok(Self { path: path.into(), marker, fresh, _lock: lock, _temporary: temporary })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How far the clock of this store is ahead of the real one, in microseconds; behind it, when negative.
    pub(crate) fn clock_offset(&self) -> i64 {
        self.marker.clock_offset_microseconds
    }

    /// Has the clock show `instant` at the real instant `now`, from here on and for good. A store whose clock was set
    /// before, or that was used before, keeps its clock: then the answer is false.
    ///
    /// To be called before anything is stored in the directory.
    ///
    /// # Errors
    /// [`DataDirError::Unwritable`]; the clock is then as it was.
    pub(crate) fn set_clock_offset_once(&mut self, instant: Timestamp, now: Timestamp) -> Result<bool, DataDirError> {
        if !self.fresh || self.clock_offset() != 0 {
            return Ok(false);
        }
        // Both are within 20,000 years: no overflow is possible.
        let offset = instant.as_microsecond().saturating_sub(now.as_microsecond());
        let marker = Marker { clock_offset_microseconds: offset, ..self.marker };
        store_marker(&self.path, &marker)?;
        self.marker = marker;
        self.fresh = false;
        Ok(true)
    }
}

/// Makes the directory, for its owner alone as there are names in it, and has all that is new on disk.
pub(crate) fn create(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists()).collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    for new in missing {
        let parent = new.parent().filter(|parent| !parent.as_os_str().is_empty());
        // The directory stands. One above it that may not be opened is no reason to refuse it.
        _ = sync_directory(parent.unwrap_or(Path::new(".")));
    }
    Ok(())
}

/// Copies a file to a new one, which its owner can write whoever could write the first, and has it on disk.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let (mut from, mut to) = (File::open(from)?, File::create_new(to)?);
    io::copy(&mut from, &mut to)?;
    to.sync_all()
}

/// Takes away a directory in which nothing but files with names of `ours` stands. What else is in it is told, and all of it then left.
pub(crate) fn clear(path: &Path, ours: impl Fn(&str) -> bool) -> io::Result<Vec<String>> {
    match path.symlink_metadata() {
        Ok(found) if !found.is_dir() => return Ok(vec![path.display().to_string()]),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    let (mut files, mut others) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if ours(&name) && entry.file_type()?.is_file() { files.push(entry.path()) } else { others.push(name) }
    }
    others.sort_unstable();
    if others.is_empty() {
        files.iter().try_for_each(fs::remove_file)?;
        fs::remove_dir(path)?;
    }
    Ok(others)
}

/// Has what stands in a directory on disk.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// That the marker which stands here is one that this release understands.
///
/// # Errors
/// Those of reading it.
pub(crate) fn understood(path: &Path, now: Timestamp) -> Result<(), DataDirError> {
    let text = read_marker(path)?.ok_or_else(|| DataDirError::Empty(path.into()))?;
    understand(path, &text, now).map(|_| ())
}

/// The marker's text, if there is a marker.
fn read_marker(path: &Path) -> Result<Option<String>, DataDirError> {
    let mut bytes = Vec::new();
    // No marker is longer.
    match File::open(path.join(MARKER)).and_then(|file| file.take(64 * 1024).read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DataDirError::Unreadable(path.into(), error)),
    }
}

fn understand(path: &Path, text: &str, now: Timestamp) -> Result<Marker, DataDirError> {
    /// All that is sure to stand in the marker of another release.
    #[derive(Deserialize)]
    struct Format {
        format: u64,
    }
    let damaged = |why: String| DataDirError::Damaged { path: path.into(), why };
    let Format { format } = serde_json::from_str(text).map_err(|error| damaged(format!("cannot be read ({error})")))?;
    match format {
        FORMAT => {}
        0 => return Err(damaged("names a format that never was (0)".into())),
        newer => return Err(DataDirError::Newer { path: path.into(), found: newer }),
    }
    let marker: Marker = serde_json::from_str(text).map_err(|error| damaged(format!("cannot be read ({error})")))?;
    match now.checked_add(SignedDuration::from_micros(marker.clock_offset_microseconds)) {
        Ok(_) => Ok(marker),
        Err(_) => Err(damaged("has the clock beyond the end of time".into())),
    }
}

fn refuse_foreign(path: &Path) -> Result<(), DataDirError> {
    let found = not_ours(path)?;
    if found.is_empty() { Ok(()) } else { Err(DataDirError::Foreign { path: path.into(), found }) }
}

/// How many names are shown of what is in the way.
const SHOWN: usize = 5;

fn named(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
    let more = names.len().checked_sub(SHOWN).filter(|more| *more > 0).map(|more| format!(" and {more} more"));
    shown.join(", ") + &more.unwrap_or_default()
}

/// Locks a directory for putting an installation into it, unless it has something in it that is neither ours nor `expected`.
///
/// # Errors
/// [`DataDirError`], when it has, or another process has it.
pub(crate) fn lock_to_restore(path: &Path, expected: &dyn Fn(&str) -> bool) -> Result<File, DataDirError> {
    if !path.is_dir() {
        return Err(DataDirError::NotADirectory(path.into()));
    }
    let found: Vec<_> = not_ours(path)?.into_iter().filter(|name| !expected(name)).collect();
    match found.is_empty() {
        true => lock(path),
        false if path.join(MARKER).exists() => Err(DataDirError::Beside { path: path.into(), found }),
        false => Err(DataDirError::Foreign { path: path.into(), found }),
    }
}

/// Sees to it that nobody runs the installation in a directory while the file is open. Of a backup nobody does; and where nothing can be
/// written, a lock is taken if there is one already.
///
/// # Errors
/// [`DataDirError`], when there is no installation, or another process has it.
pub(crate) fn lock_to_read(path: &Path, now: Timestamp) -> Result<Option<File>, DataDirError> {
    if !switch::is_begun(path) && read_marker(path)?.is_none() {
        return Err(DataDirError::Empty(path.into()));
    }
    let is_backup = path.join(manifest::FILE).exists();
    let lock = match if is_backup { Ok(None) } else { lock(path).map(Some) } {
        Err(DataDirError::Unwritable(_, error)) if is_for_reading(&error) => lock_that_is_there(path)?,
        Ok(Some(lock)) => {
            switch::finish(path).map_err(|error| DataDirError::Unwritable(path.into(), error))?;
            Some(lock)
        }
        other => other?,
    };
    understood(path, now)?;
    Ok(lock)
}

/// Whether somebody else may write where this one cannot.
fn is_for_reading(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Locks the directory by a lock that cannot be written.
fn lock_that_is_there(path: &Path) -> Result<Option<File>, DataDirError> {
    let unreadable = |error| DataDirError::Unreadable(path.into(), error);
    match File::open(path.join(LOCK)) {
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse { path: path.into(), pid: None }),
            Err(TryLockError::Error(error)) => Err(unreadable(error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error)),
    }
}

/// The names in the directory, in their order, of what was not put there by this file.
fn not_ours(path: &Path) -> Result<Vec<String>, DataDirError> {
    let names = fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>());
    let names = names.map_err(|error| DataDirError::Unreadable(path.into(), error))?;
    let others = names.into_iter().filter(|name| match name.to_str() {
        Some(MARKER | NEW_MARKER | OF_THE_DISK) => false,
        Some(LOCK) => !is_our_lock(&path.join(LOCK)),
        _ => true,
    });
    let mut others: Vec<_> = others.map(|name| name.to_string_lossy().into_owned()).collect();
    others.sort_unstable();
    Ok(others)
}

/// Whether it has nothing but the number of a process in it. It is there without a marker when a process was killed in between.
fn is_our_lock(path: &Path) -> bool {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(32).read_to_string(&mut text));
    read.is_ok() && (text.is_empty() || text.trim_end().parse::<u32>().is_ok())
}

/// Locks the directory, and says in the lock who has it.
fn lock(path: &Path) -> Result<File, DataDirError> {
    let unwritable = |error| DataDirError::Unwritable(path.into(), error);
    let options = File::options().read(true).write(true).create(true).truncate(false).open(path.join(LOCK));
    let mut file = options.map_err(unwritable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            _ = file.take(32).read_to_string(&mut text);
            return Err(DataDirError::InUse { path: path.into(), pid: text.trim_end().parse().ok() });
        }
        Err(TryLockError::Error(error)) => return Err(unwritable(error)),
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(unwritable)?;
    writeln!(file, "{}", process::id()).and_then(|()| file.sync_all()).map_err(unwritable)?;
    Ok(file)
}

/// Finds out whether files can be made here.
fn probe(path: &Path) -> io::Result<()> {
    let new = path.join(NEW_MARKER);
    File::create(&new).and_then(|mut file| file.write_all(b"{}").and_then(|()| file.sync_all()))?;
    fs::remove_file(&new)
}

/// Puts the marker in its place, whole or not at all.
fn store_marker(path: &Path, marker: &Marker) -> Result<(), DataDirError> {
    let new = path.join(NEW_MARKER);
    let store = || -> io::Result<()> {
        let mut text = serde_json::to_vec(marker)?;
        text.push(b'\n');
        let mut file = File::create(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, path.join(MARKER))?;
        sync_directory(path)
    };
    store().map_err(|error| DataDirError::Unwritable(path.into(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANT: &str = "2026-11-23T10:05:00+09:00";

    fn now() -> Timestamp {
        "2027-01-01T00:00:00Z".parse().unwrap()
    }

    fn instant() -> Timestamp {
        INSTANT.parse().unwrap()
    }

    fn new() -> (TempDir, PathBuf) {
        let above = TempDir::new().unwrap();
        let path = above.path().join("data");
        (above, path)
    }

    /// That it is refused, in these words, where DIR stands for its path.
    #[track_caller]
    fn refused(path: &Path, line: &str) {
        let error = DataDir::open(path, now()).unwrap_err().to_string();
        assert_eq!(error.replace(path.to_str().unwrap(), "DIR"), line);
        assert_eq!(error.lines().count(), 1);
    }

    #[test]
    fn one_that_is_not_there_is_made_with_all_above_it() {
        let (above, _) = new();
        let path = above.path().join("a/b");
        let data = DataDir::open(&path, now()).unwrap();
        assert_eq!((data.path(), data.clock_offset()), (path.as_path(), 0));
        let marker = fs::read_to_string(path.join("yeyak.json")).unwrap();
        assert_eq!(marker, "{\"format\":1,\"created\":\"2027-01-01T00:00:00Z\",\"clockOffsetMicroseconds\":0}\n");
        assert_eq!(fs::read_to_string(path.join("lock")).unwrap(), format!("{}\n", process::id()));
        assert!(!path.join("yeyak.json.new").exists());
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o700);
    }

    #[test]
    fn one_that_is_empty_is_taken_also_when_it_is_the_root_of_a_disk() {
        let above = TempDir::new().unwrap();
        fs::create_dir(above.path().join("lost+found")).unwrap();
        assert!(DataDir::open(above.path(), now()).is_ok());
    }

    #[test]
    fn one_process_alone_has_it_for_as_long_as_the_value_lives() {
        let (_above, path) = new();
        let held = DataDir::open(&path, now()).unwrap();
        refused(
            &path,
            &format!(
                "the data directory DIR is in use by another process (pid {}): end that one, or choose another directory with --data",
                process::id()
            ),
        );
        File::options().write(true).open(path.join("lock")).unwrap().set_len(0).unwrap();
        refused(&path, "the data directory DIR is in use by another process: end that one, or choose another directory with --data");
        drop(held);
        assert!(DataDir::open(&path, now()).is_ok());
    }

    #[test]
    fn where_nothing_can_be_written_the_lock_that_is_there_is_heeded_and_held() {
        let (_above, path) = new();
        let held = DataDir::open(&path, now()).unwrap();
        assert!(matches!(lock_that_is_there(&path), Err(DataDirError::InUse { .. })));
        drop(held);
        let looking = lock_that_is_there(&path).unwrap();
        assert!(looking.is_some() && lock_that_is_there(&path).unwrap().is_some(), "any number may look");
        assert!(matches!(DataDir::open(&path, now()), Err(DataDirError::InUse { .. })));
        drop(looking);
        fs::remove_file(path.join("lock")).unwrap();
        assert!(lock_that_is_there(&path).unwrap().is_none());
        assert!(!path.join("lock").exists());
    }

    #[test]
    fn a_backup_is_looked_at_without_a_trace() {
        let (_above, path) = new();
        drop(DataDir::open(&path, now()).unwrap());
        fs::remove_file(path.join("lock")).unwrap();
        fs::write(path.join("manifest.json"), "{}").unwrap();
        assert!(lock_to_read(&path, now()).unwrap().is_none());
        assert_eq!(fs::read_dir(&path).unwrap().count(), 2);
    }

    #[test]
    fn a_directory_is_cleared_of_what_is_known_or_not_at_all() {
        let (_above, path) = new();
        let ours = |name: &str| name.starts_with("our");
        assert_eq!(clear(&path, ours).unwrap(), [""; 0]);
        fs::create_dir_all(path.join("our directory")).unwrap();
        for name in ["ours", "theirs"] {
            fs::write(path.join(name), "").unwrap();
        }
        assert_eq!(clear(&path, ours).unwrap(), ["our directory", "theirs"]);
        assert!(path.join("ours").exists());
        fs::remove_dir(path.join("our directory")).unwrap();
        fs::remove_file(path.join("theirs")).unwrap();
        assert!(clear(&path, ours).unwrap().is_empty() && !path.exists());
        fs::write(&path, "").unwrap();
        assert_eq!(clear(&path, ours).unwrap(), [path.to_str().unwrap()], "a file is no directory");
    }

    #[test]
    fn a_file_is_no_directory() {
        let (_above, path) = new();
        fs::write(&path, "").unwrap();
        refused(&path, "the data directory DIR is not a directory: choose another with --data");
    }

    #[test]
    fn below_a_file_there_can_be_none() {
        let (_above, path) = new();
        fs::write(&path, "").unwrap();
        refused(&path.join("x"), "the data directory DIR cannot be read: Not a directory (os error 20)");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn one_that_cannot_be_created_is_refused() {
        refused(Path::new("/proc/yeyak"), "the data directory DIR cannot be created: No such file or directory (os error 2)");
    }

    #[test]
    fn one_in_which_nothing_can_be_written_is_refused() {
        let (_above, path) = new();
        drop(DataDir::open(&path, now()).unwrap());
        // For root, too, these two cannot be written.
        fs::create_dir(path.join("yeyak.json.new")).unwrap();
        refused(&path, "the data directory DIR cannot be written: Is a directory (os error 21)");
        fs::remove_dir(path.join("yeyak.json.new")).unwrap();
        fs::remove_file(path.join("lock")).unwrap();
        fs::create_dir(path.join("lock")).unwrap();
        refused(&path, "the data directory DIR cannot be written: Is a directory (os error 21)");
    }

    #[test]
    fn one_of_somebody_else_is_refused_and_left_as_it_was() {
        let (_above, path) = new();
        let foreign = |names: &str| {
            format!(
                "the data directory DIR is not Yeyak's: it has {names} in it, but no yeyak.json; choose an empty or a new one with --data"
            )
        };
        fs::create_dir(&path).unwrap();
        fs::write(path.join("b.txt"), "").unwrap();
        fs::write(path.join("a\nb"), "").unwrap();
        refused(&path, &foreign(r#""a\nb", "b.txt""#));
        for name in ["c", "d", "e", "f", "g"] {
            fs::write(path.join(name), "").unwrap();
        }
        refused(&path, &foreign(r#""a\nb", "b.txt", "c", "d", "e" and 2 more"#));
        assert_eq!(fs::read_dir(&path).unwrap().count(), 7);

        let (_above, path) = new();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("lock"), "held by emacs").unwrap();
        refused(&path, &foreign(r#""lock""#));
        assert_eq!(fs::read_to_string(path.join("lock")).unwrap(), "held by emacs");
    }

    #[test]
    fn a_process_killed_while_it_made_one_leaves_no_ruin() {
        for lock in ["", "4711\n"] {
            let (_above, path) = new();
            fs::create_dir(&path).unwrap();
            fs::write(path.join("lock"), lock).unwrap();
            fs::write(path.join("yeyak.json.new"), "{\"for").unwrap();
            assert!(DataDir::open(&path, now()).is_ok());
        }
    }

    #[test]
    fn one_of_a_newer_release_is_refused() {
        let (_above, path) = new();
        drop(DataDir::open(&path, now()).unwrap());
        fs::write(path.join("yeyak.json"), r#"{"format":2,"shards":64}"#).unwrap();
        refused(&path, "the data directory DIR was written by a newer release of Yeyak (format 2, this one knows 1): run that release");
        assert_eq!(fs::read_to_string(path.join("yeyak.json")).unwrap(), r#"{"format":2,"shards":64}"#);
    }

    #[test]
    fn one_with_a_damaged_marker_is_refused() {
        let (_above, path) = new();
        drop(DataDir::open(&path, now()).unwrap());
        let damaged = |marker: &str, why: &str| {
            fs::write(path.join("yeyak.json"), marker).unwrap();
            let line = format!("the data directory DIR is damaged: its yeyak.json {why}; restore that file from a backup");
            refused(&path, &line);
        };
        damaged("", "cannot be read (EOF while parsing a value at line 1 column 0)");
        damaged(r#"{"format":0}"#, "names a format that never was (0)");
        damaged(r#"{"format":1}"#, "cannot be read (missing field `created` at line 1 column 12)");
        damaged(
            r#"{"format":1,"created":"2027-01-01T00:00:00Z","clockOffsetMicroseconds":9223372036854775807}"#,
            "has the clock beyond the end of time",
        );
    }

    #[test]
    fn the_clock_of_a_fresh_one_is_set_once_and_kept() {
        let (_above, path) = new();
        let offset = instant().as_microsecond() - now().as_microsecond();
        let mut data = DataDir::open(&path, now()).unwrap();
        assert!(data.set_clock_offset_once(instant(), now()).unwrap());
        assert_eq!(data.clock_offset(), offset);
        assert!(!data.set_clock_offset_once(now(), now()).unwrap());
        drop(data);

        let later = now() + SignedDuration::from_hours(1);
        let mut data = DataDir::open(&path, later).unwrap();
        assert!(!data.set_clock_offset_once(instant(), later).unwrap());
        assert_eq!(data.clock_offset(), offset);
    }

    #[test]
    fn the_clock_of_one_that_was_used_is_never_set() {
        let (_above, path) = new();
        drop(DataDir::open(&path, now()).unwrap());
        fs::write(path.join("meetingroom.sqlite"), "").unwrap();
        let mut data = DataDir::open(&path, now()).unwrap();
        assert!(!data.set_clock_offset_once(instant(), now()).unwrap());
        assert_eq!(data.clock_offset(), 0);
    }

    #[test]
    fn a_process_killed_before_it_set_the_clock_can_set_it_when_it_comes_again() {
        let (_above, path) = new();
        drop(DataDir::open(&path, now()).unwrap());
        let mut data = DataDir::open(&path, now()).unwrap();
        assert!(data.set_clock_offset_once(instant(), now()).unwrap());
    }

    #[test]
    fn a_temporary_one_goes_with_its_value() {
        let data = DataDir::temporary(now()).unwrap();
        let path = data.path().to_owned();
        fs::write(path.join("meetingroom.sqlite"), "").unwrap();
        assert!(path.join("yeyak.json").exists());
        drop(data);
        assert!(!path.exists());
    }
}
