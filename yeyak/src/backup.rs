//! A consistent copy of a data directory, made while the installation runs or stands still.
//!
//! It is made under another name, `.NAME.part`, and gets its own once all of it is whole and on disk. One that was killed leaves the part,
//! which nobody takes for a backup, and which the next one clears away, if there is nothing in it but what a backup puts there.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clock::SystemClock;
use edge::actuator::Report;
use jiff::Timestamp;
use store::{StoreError, sqlite};

use crate::data_dir::{self, MARKER};
use crate::manifest::{self, FileEntry, Manifest, ServiceEntry, SystemEntry};
use crate::{switch, systems};

/// Where backups stand, below the data, unless the installation was told another place.
pub(crate) const DIRECTORY: &str = "backups";

/// What one is called that was given no name.
pub(crate) fn name_of(instant: Timestamp) -> String {
    instant.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// What a name has to be that [`is_name`] does not take.
pub(crate) const NO_NAME: &str =
    "a backup's name consists of up to 64 letters, digits, dots, hyphens and underscores, and begins with no dot";

/// Whether a backup can be called so: a name of a directory, and nothing else, whoever has chosen it.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    (1..=64).contains(&name.len()) && !name.starts_with('.') && name.chars().all(plain)
}

/// Makes a backup of the data in `data` as `directory/name`. Whoever writes to it meanwhile is not held up.
///
/// # Errors
/// Why there is none now: a sentence. Nothing is left of it.
pub(crate) fn make(data: &Path, directory: &Path, name: &str, report: &Report) -> Result<Manifest, String> {
    if !is_name(name) {
        return Err(format!("{name:?}: {NO_NAME}"));
    }
    let target = directory.join(name);
    let failed = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    if let Some(why) = standing(directory, name) {
        return Err(why);
    }
    if !directory.is_dir() {
        data_dir::create(directory).map_err(|error| failed(directory, error))?;
    }
    clear_killed(directory);
    let part = Part::begin(directory.join(format!(".{name}.part")))?;
    let manifest = fill(data, &part.path, report)?;
    data_dir::sync_directory(&part.path).map_err(|error| failed(&part.path, error))?;
    part.finish(&target).map_err(|error| failed(&target, error))?;
    data_dir::sync_directory(directory).map_err(|error| failed(directory, error))?;
    Ok(manifest)
}

/// Why there can be none of this name: there is one already, and it stays.
pub(crate) fn standing(directory: &Path, name: &str) -> Option<String> {
    let target = directory.join(name);
    target.symlink_metadata().is_ok().then(|| format!("{} is there already: choose another name", target.display()))
}

/// A backup that is being made; taken away when it goes before it is finished.
struct Part {
    path: PathBuf,
    /// Locked, so that nobody takes it for one that was killed.
    lock: Option<File>,
}

/// Its lock.
const LOCK: &str = "lock";

impl Part {
    fn begin(path: PathBuf) -> Result<Self, String> {
        let begin = || -> io::Result<File> {
            // For its owner alone, as there are names in it.
            DirBuilder::new().mode(0o700).create(&path)?;
            let lock = File::create(path.join(LOCK))?;
            lock.try_lock().map_err(io::Error::from)?;
            Ok(lock)
        };
        match begin() {
            Ok(lock) => Ok(Self { path, lock: Some(lock) }),
            // One that was killed is gone by now.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(format!(
                "{}: another backup of this name is being made, or this is no backup's: then take it away, or choose another name",
                path.display()
            )),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    fn finish(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        // In this order, for without its lock it would be taken for nobody's. In a backup it does no harm.
        self.lock = None;
        fs::remove_file(target.join(LOCK))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.lock.is_some() {
            _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Takes away what backups have left that were killed. What cannot be taken away is nobody's harm.
fn clear_killed(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let of = name.to_str().and_then(|name| name.strip_prefix('.')?.strip_suffix(".part"));
        if of.is_some_and(is_name) && entry.file_type().is_ok_and(|found| found.is_dir()) {
            match File::open(path.join(LOCK)) {
                Ok(lock) if lock.try_lock().is_ok() => _ = data_dir::clear(&path, is_of_a_backup),
                // It was killed before it had a lock, and so before it had anything else.
                Err(error) if error.kind() == io::ErrorKind::NotFound => _ = fs::remove_dir(&path),
                Ok(_) | Err(_) => {}
            }
        }
    }
}

/// Whether a backup that is being made has a file of this name.
fn is_of_a_backup(name: &str) -> bool {
    name == LOCK || switch::is_staged(name)
}

/// Copies everything to `part`, checks it, and has it on disk.
fn fill(data: &Path, part: &Path, report: &Report) -> Result<Manifest, String> {
    let specs: Vec<_> = systems::declared().into_iter().filter(|spec| data.join(systems::file(spec.name)).exists()).collect();
    if specs.is_empty() {
        return Err(format!("{}: there is nothing to back up", data.display()));
    }
    let sizes: Vec<u64> = specs.iter().map(|spec| fs::metadata(data.join(systems::file(spec.name))).map_or(0, |file| file.len())).collect();
    let total: u64 = sizes.iter().sum();
    let mut manifest = Manifest {
        format: manifest::FORMAT,
        yeyak: env!("CARGO_PKG_VERSION").into(),
        made: SystemClock::real_now(),
        systems: Vec::new(),
        files: Vec::new(),
    };
    let mut before = 0;
    for (spec, size) in specs.iter().zip(sizes) {
        let file = systems::file(spec.name);
        let (from, to) = (data.join(&file), part.join(&file));
        let told = {
            let report = Arc::clone(report);
            Arc::new(move |done: u64, _: u64| {
                report((before + done).min(total), total);
                true
            })
        };
        sqlite::copy(&from, &to, &(told as sqlite::CopyProgress)).map_err(|error| uncopied(&from, &to, error))?;
        let faults = sqlite::quick_check(&to).map_err(|error| error.to_string())?;
        if let Some(fault) = faults.first() {
            return Err(format!("{}: the copy is not whole: {fault}", from.display()));
        }
        manifest.systems.push(SystemEntry { name: spec.name.into(), file: file.clone(), services: places(&to, spec)? });
        manifest.files.push(keep(part, &file)?);
        before += size;
    }
    // After the stores: whoever keeps a book of payments is never behind those who pay by it.
    for name in specs.iter().flat_map(|spec| systems::beside(spec.name)).chain([MARKER.to_owned()]) {
        match data_dir::copy(&data.join(&name), &part.join(&name)) {
            Ok(()) => manifest.files.push(keep(part, &name)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound && name != MARKER => {}
            Err(error) => return Err(format!("{}: {error}", data.join(&name).display())),
        }
    }
    let text = serde_json::to_string_pretty(&manifest).map_err(|error| error.to_string())?;
    let path = part.join(manifest::FILE);
    let written = fs::write(&path, text + "\n").and_then(|()| File::open(&path)?.sync_all());
    written.map_err(|error| format!("{}: {error}", path.display()))?;
    report(total, total);
    Ok(manifest)
}

/// Why there is no copy. The one that is away is as a rule not what is copied but the disk on which the copy would be, so that is named
/// first.
fn uncopied(from: &Path, to: &Path, error: StoreError) -> String {
    let why = match error {
        StoreError::Away(why) => why,
        other => other.to_string(),
    };
    format!("{}: {} cannot be copied there: {why}", to.display(), from.display())
}

/// Has a file on disk, and describes it.
fn keep(part: &Path, name: &str) -> Result<FileEntry, String> {
    let path = part.join(name);
    let kept = File::open(&path).and_then(|file| file.sync_all()).and_then(|()| FileEntry::of(&path, name));
    kept.map_err(|error| format!("{}: {error}", path.display()))
}

/// How far the services in a copy are.
fn places(copy: &Path, spec: &runtime::SystemSpec) -> Result<Vec<ServiceEntry>, String> {
    let held = sqlite::snapshot_of(copy, &spec.schema()).map_err(|error| error.to_string())?;
    let of = |service: &runtime::Service| {
        let heads = held.heads(service.name()).map_err(|error| format!("{}: {error}", copy.display()))?;
        let epoch = heads.first().map_or(1, |head| head.epoch);
        Ok(ServiceEntry { name: service.name().into(), epoch, positions: heads.iter().map(|head| head.seq).collect() })
    };
    spec.services.iter().map(of).collect()
}
