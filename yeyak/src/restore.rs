//! Puts a backup in the place of an installation's data.
//!
//! Everything is made ready and verified within the directory, in `restoring`, while what is there stands untouched. Only then it takes its
//! place (see [`switch`]). Whatever fails before leaves nothing behind; a process that is killed leaves either what was there or what is new.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use edge::actuator::Report;
use jiff::Timestamp;
use serde_json::Value;
use store::sqlite::{Options, SqliteStore};
use tokio::runtime::Runtime;

use crate::data_dir::{self, DataDir, DataDirError, MARKER};
use crate::error::Fatal;
use crate::manifest::{self, Manifest};
use crate::{switch, systems, verify};

/// Where it is made ready.
const STAGE: &str = "restoring";

/// What became of it.
pub(crate) enum Ended {
    /// It is in its place.
    Restored(Restored),
    /// It does not agree with its events, in what verifying says. The installation that it was to replace stands as it was.
    Unsound(Value),
}

/// What was restored.
pub(crate) struct Restored {
    /// What the backup says of itself.
    pub(crate) manifest: Manifest,
    /// Where the installation is that was there before.
    pub(crate) aside: Option<PathBuf>,
    /// What verifying says of it.
    pub(crate) verified: Value,
}

/// Who is told how far it is.
pub(crate) struct Told {
    /// Of comparing checksums.
    pub(crate) checking: Report,
    /// Of verifying what will be served.
    pub(crate) verifying: Report,
}

/// Restores a backup to `data`, which is made if there is none. An installation that is there is moved aside, if that is wanted, and if the
/// new one is sound. Where there is none, one that is not sound is better than nothing.
///
/// # Errors
/// When the backup is not whole, or the directory has something else in it or is in use. What was there is then as it was.
pub(crate) fn restore(backup: &Path, data: &Path, replace: bool, now: Timestamp, told: &Told) -> Result<Ended, Fatal> {
    let manifest = Manifest::read(backup)?;
    manifest.check(backup, |done, total| (told.checking)(done, total))?;
    if !data.exists() {
        data_dir::create(data).map_err(|error| DataDirError::Uncreatable(data.into(), error))?;
    }
    // Held until the stage has gone.
    let _lock = data_dir::lock_to_restore(data, &|name| is_left(name) || switch::is_ours(name))?;
    let failed = |error: io::Error| Fatal::Data(DataDirError::Unwritable(data.into(), error));
    // The same once more, because it was killed at the end: that is all there is to do.
    if let Some(finished) = switch::finish(data).map_err(failed)?.filter(|finished| finished.manifest == manifest) {
        let verified = verify::stopped(data, &told.verifying)?;
        return Ok(Ended::Restored(Restored { manifest, aside: finished.aside, verified }));
    }
    let has_one = data.join(MARKER).exists();
    if has_one && !replace {
        return Err(Fatal::Failed(format!(
            "the data directory {} has an installation in it: choose an empty or a new one, or move that aside with --replace",
            data.display()
        )));
    }
    if let Some(found) = switch::ours_in(data).map_err(failed)?.first().filter(|_| !has_one) {
        return Err(Fatal::Failed(format!(
            "the data directory {} has {found:?} in it, and no {MARKER}: choose an empty or a new one",
            data.display()
        )));
    }
    for left in [STAGE, switch::READY] {
        let others = data_dir::clear(&data.join(left), switch::is_staged).map_err(failed)?;
        if !others.is_empty() {
            let (path, found) = (data.into(), others.iter().map(|name| format!("{left}/{name}")).collect());
            return Err(if has_one { DataDirError::Beside { path, found } } else { DataDirError::Foreign { path, found } }.into());
        }
    }
    let stage = Stage::of(data);
    make_ready(backup, &manifest, &stage.0, now)?;
    data_dir::understood(&stage.0, now)?;
    let verified = verify::stopped(&stage.0, &told.verifying).map_err(|error| Fatal::Failed(error.to_string()))?;
    if has_one && verified["sound"] != true {
        return Ok(Ended::Unsound(verified));
    }
    let aside = has_one.then(|| aside(data, now));
    switch::commit(data, &stage.0, aside.as_deref()).map_err(failed)?;
    switch::finish(data).map_err(failed)?;
    Ok(Ended::Restored(Restored { manifest, aside: aside.map(|name| data.join(name)), verified }))
}

/// Whether it is one of the things that restoring leaves beside the data.
fn is_left(name: &str) -> bool {
    matches!(name, STAGE | switch::READY | crate::backup::DIRECTORY) || name.starts_with(switch::ASIDE)
}

/// The directory in which it is made ready. It goes with this value, unless it has got another name by then.
struct Stage(PathBuf);

impl Stage {
    fn of(data: &Path) -> Self {
        Self(data.join(STAGE))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// The name of a new directory for what is moved aside.
fn aside(data: &Path, now: Timestamp) -> String {
    let name = format!("{}{}", switch::ASIDE, crate::backup::name_of(now));
    let names = std::iter::once(name.clone()).chain((2..).map(|number| format!("{name}-{number}")));
    names.into_iter().find(|name| data.join(name).symlink_metadata().is_err()).unwrap_or(name)
}

/// Copies everything, and begins a new epoch in each service: whoever followed what was lost is told so by it.
fn make_ready(backup: &Path, manifest: &Manifest, stage: &Path, now: Timestamp) -> Result<(), Fatal> {
    let failed = |error: io::Error| Fatal::Data(DataDirError::Unwritable(stage.into(), error));
    data_dir::create(stage).map_err(failed)?;
    for name in manifest.files.iter().map(|file| file.name.as_str()).chain([manifest::FILE]) {
        data_dir::copy(&backup.join(name), &stage.join(name)).map_err(failed)?;
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

/// The directory of an installation that does not run, for copying it.
///
/// # Errors
/// When there is none, or it runs.
pub(crate) fn stopped(data: &Path, now: Timestamp) -> Result<DataDir, Fatal> {
    DataDir::existing(data, now).map_err(not_running)
}

/// The same for looking at it alone; for as long as the file is open, nobody begins to run it. One that nobody runs, a backup, or one that
/// cannot be written, is looked at without leaving a trace in it.
///
/// # Errors
/// When there is none, or it runs.
pub(crate) fn stopped_to_read(data: &Path, now: Timestamp) -> Result<Option<File>, Fatal> {
    data_dir::lock_to_read(data, now).map_err(not_running)
}

fn not_running(error: DataDirError) -> Fatal {
    match error {
        DataDirError::InUse { path, pid } => {
            let pid = pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
            Fatal::Failed(format!("the data directory {} is in use{pid}: it is running, so ask it with --url", path.display()))
        }
        other => Fatal::Data(other),
    }
}
