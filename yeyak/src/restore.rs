//! Puts a backup in the place of an installation's data.
//!
//! Everything is made ready within the directory, in `restoring`, then moved up, and the marker `yeyak.json` last of all: as long as it
//! is missing, nobody takes the directory for an installation, and restoring again begins anew.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use store::sqlite::{Options, SqliteStore};
use tokio::runtime::Runtime;

use crate::data_dir::{self, DataDir, DataDirError, MARKER};
use crate::error::Fatal;
use crate::manifest::Manifest;
use crate::systems;

/// Where it is made ready.
const STAGE: &str = "restoring";

/// What begins the name under which an installation is moved aside.
const ASIDE: &str = "replaced-";

/// What was restored.
pub(crate) struct Restored {
    /// What the backup says of itself.
    pub(crate) manifest: Manifest,
    /// Where the installation is that was there before.
    pub(crate) aside: Option<PathBuf>,
}

/// Restores a backup to `data`, which is made if there is none. An installation that is there is moved aside, if that is wanted.
///
/// # Errors
/// When the backup is not whole, or the directory has something else in it or is in use. What was there is then as it was, unless the
/// disk itself fails while it is moved aside.
pub(crate) fn restore(
    backup: &Path,
    data: &Path,
    replace: bool,
    now: Timestamp,
    mut progress: impl FnMut(u64, u64),
) -> Result<Restored, Fatal> {
    let manifest = Manifest::read(backup)?;
    for system in &manifest.systems {
        if systems::declared().iter().all(|spec| spec.name != system.name) {
            return Err(Fatal::Failed(format!("{}: this release does not know the system {}", backup.display(), system.name)));
        }
    }
    manifest.check(backup, &mut progress)?;
    if !data.exists() {
        data_dir::create(data).map_err(|error| DataDirError::Uncreatable(data.into(), error))?;
    }
    let lock = data_dir::lock_to_restore(data, &|name| is_left(name) || is_ours(name))?;
    let has_one = data.join(MARKER).exists();
    if has_one && !replace {
        return Err(Fatal::Failed(format!(
            "the data directory {} has an installation in it: choose an empty or a new one, or move that aside with --replace",
            data.display()
        )));
    }
    let failed = |error: io::Error| DataDirError::Unwritable(data.into(), error);
    let others = if has_one { Vec::new() } else { ours_in(data).map_err(failed)? };
    if !others.is_empty() && !data.join(STAGE).exists() {
        return Err(Fatal::Failed(format!(
            "the data directory {} has {:?} in it, and no {MARKER}: choose an empty or a new one",
            data.display(),
            others[0]
        )));
    }
    clear_killed(data, &others, now).map_err(failed)?;
    let stage = data.join(STAGE);
    _ = fs::remove_dir_all(&stage);
    make_ready(backup, &manifest, &stage, now)?;
    data_dir::understood(&stage, now)?;
    let aside = if has_one { Some(move_aside(data, now).map_err(failed)?) } else { None };
    move_up(&manifest, &stage, data).map_err(failed)?;
    drop(lock);
    Ok(Restored { manifest, aside })
}

/// Whether it is one of the things that restoring leaves beside the data.
fn is_left(name: &str) -> bool {
    name == STAGE || name.starts_with(ASIDE) || name == crate::backup::DIRECTORY
}

/// Whether it is a file of an installation's, but for the marker.
fn is_ours(name: &str) -> bool {
    systems::known().iter().any(|system| name.strip_prefix(system.name).is_some_and(|rest| rest.starts_with('.')))
}

fn ours_in(data: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(data)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.retain(|name| is_ours(name));
    names.sort_unstable();
    Ok(names)
}

/// Makes room where a restore was killed. What it had put there already can go; but when it was moving an installation aside, what stands
/// there may be the rest of that, and follows it.
fn clear_killed(data: &Path, names: &[String], now: Timestamp) -> io::Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let entries = fs::read_dir(data)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    let is_aside = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(ASIDE));
    let Some(last) = entries.into_iter().filter(is_aside).max() else {
        return names.iter().try_for_each(|name| fs::remove_file(data.join(name)));
    };
    let has_them = names.iter().any(|name| last.join(name).exists());
    let aside = if has_them { aside(data, now)? } else { last };
    for name in names {
        fs::rename(data.join(name), aside.join(name))?;
    }
    data_dir::sync_directory(&aside)?;
    data_dir::sync_directory(data)
}

/// A new directory for what is moved aside.
fn aside(data: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let name = format!("{ASIDE}{}", crate::backup::name_of(now));
    let free =
        (1..).map(|number| data.join(if number == 1 { name.clone() } else { format!("{name}-{number}") })).find(|path| !path.exists());
    let aside = free.unwrap_or_else(|| data.join(&name));
    fs::create_dir(&aside)?;
    Ok(aside)
}

/// Copies everything, and begins a new epoch in each service: whoever followed what was lost is told so by it.
fn make_ready(backup: &Path, manifest: &Manifest, stage: &Path, now: Timestamp) -> Result<(), Fatal> {
    let failed = |error: io::Error| Fatal::Data(DataDirError::Unwritable(stage.into(), error));
    fs::create_dir(stage).map_err(failed)?;
    for file in &manifest.files {
        fs::copy(backup.join(&file.name), stage.join(&file.name)).map_err(failed)?;
    }
    let threads = Runtime::new().map_err(|error| Fatal::Failed(format!("threads cannot be had: {error}")))?;
    // By the seconds of this machine it is one that nobody has seen: neither what is replaced, nor what was restored from this backup before.
    let epoch = u32::try_from(now.as_second()).unwrap_or(0);
    for spec in systems::declared() {
        let Some(system) = manifest.systems.iter().find(|system| system.name == spec.name) else { continue };
        let path = stage.join(systems::file(&system.name));
        let store = SqliteStore::open(&path, spec.schema(), &Options::default()).map_err(|error| Fatal::Failed(error.to_string()))?;
        let raised = threads.block_on(store::Store::raise_epoch(&store, epoch));
        raised.map_err(|error| Fatal::Failed(format!("{}: {error}", path.display())))?;
    }
    for file in &manifest.files {
        File::open(stage.join(&file.name)).and_then(|file| file.sync_all()).map_err(failed)?;
    }
    data_dir::sync_directory(stage).map_err(failed)
}

/// Moves an installation to a directory beside its place, the marker first: from then on nobody takes what is left for one.
fn move_aside(data: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let aside = aside(data, now)?;
    for name in [MARKER.to_owned()].into_iter().chain(ours_in(data)?) {
        fs::rename(data.join(&name), aside.join(&name))?;
        data_dir::sync_directory(&aside)?;
        data_dir::sync_directory(data)?;
    }
    Ok(aside)
}

/// Moves what is ready to its place, the marker last.
fn move_up(manifest: &Manifest, stage: &Path, data: &Path) -> io::Result<()> {
    let names = || manifest.files.iter().map(|file| file.name.as_str());
    for name in names().filter(|name| *name != MARKER) {
        fs::rename(stage.join(name), data.join(name))?;
    }
    data_dir::sync_directory(data)?;
    if names().any(|name| name == MARKER) {
        fs::rename(stage.join(MARKER), data.join(MARKER))?;
    }
    data_dir::sync_directory(data)?;
    fs::remove_dir_all(stage)
}

/// The directory of an installation that does not run, for looking at it.
///
/// # Errors
/// When there is none, or it runs.
pub(crate) fn stopped(data: &Path, now: Timestamp) -> Result<DataDir, Fatal> {
    DataDir::existing(data, now).map_err(|error| match error {
        DataDirError::InUse { path, pid } => {
            let pid = pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
            Fatal::Failed(format!("the data directory {} is in use{pid}: it is running, so ask it with --url", path.display()))
        }
        other => Fatal::Data(other),
    })
}
