//! What a backup says of itself.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::data_dir::MARKER;
use crate::error::Fatal;
use crate::systems;

/// The format this release writes, and the newest it reads.
pub(crate) const FORMAT: u64 = 1;

/// Its file. A directory without it is no backup.
pub(crate) const FILE: &str = "manifest.json";

/// What a backup consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    /// The form of this file and of all beside it.
    pub(crate) format: u64,
    /// The release that made it.
    pub(crate) yeyak: String,
    /// When, by the machine's clock.
    pub(crate) made: Timestamp,
    /// The systems.
    pub(crate) systems: Vec<SystemEntry>,
    /// Every file, but this one.
    pub(crate) files: Vec<FileEntry>,
}

/// One system of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SystemEntry {
    /// Its name.
    pub(crate) name: String,
    /// Its file.
    pub(crate) file: String,
    /// How far each of its services is.
    pub(crate) services: Vec<ServiceEntry>,
}

/// One service of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServiceEntry {
    /// Its name.
    pub(crate) name: String,
    /// The epoch in which it is.
    pub(crate) epoch: u32,
    /// The last place of each shard of its feed.
    pub(crate) positions: Vec<u64>,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    /// Its name, which has no directory in it.
    pub(crate) name: String,
    /// Its length.
    pub(crate) bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub(crate) sha256: String,
}

impl Manifest {
    /// Reads that of a directory, if it is a backup.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn of(directory: &Path) -> Result<Option<Self>, Fatal> {
        if directory.join(FILE).exists() { Self::read(directory).map(Some) } else { Ok(None) }
    }

    /// Reads that of a backup.
    ///
    /// # Errors
    /// When there is none, or it is of a newer release.
    pub(crate) fn read(backup: &Path) -> Result<Self, Fatal> {
        /// All that is sure to stand in the manifest of another release.
        #[derive(Deserialize)]
        struct Format {
            format: u64,
        }
        let failed = |why: String| Fatal::Failed(format!("{}: {why}", backup.display()));
        let text = std::fs::read(backup.join(FILE)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => failed(format!("is no backup: it has no {FILE}")),
            _ => failed(format!("its {FILE} cannot be read: {error}")),
        })?;
        let damaged = |error: serde_json::Error| failed(format!("its {FILE} is damaged: {error}"));
        let Format { format } = serde_json::from_slice(&text).map_err(damaged)?;
        if format > FORMAT {
            return Err(failed(format!(
                "was made by a newer release of Yeyak (format {format}, this one knows {FORMAT}): run that release"
            )));
        }
        let manifest: Self = serde_json::from_slice(&text).map_err(damaged)?;
        // Where files are put is never for a manifest to say.
        let of_systems = manifest.systems.iter().flat_map(|system| systems::beside(&system.name).chain([systems::file(&system.name)]));
        let known: Vec<_> = of_systems.chain([MARKER.to_owned()]).collect();
        let count = |name: &str| manifest.files.iter().filter(|file| file.name == name).count();
        if let Some(file) = manifest.files.iter().find(|file| !known.contains(&file.name) || count(&file.name) != 1) {
            return Err(failed(format!("its {FILE} names {:?}, which is no file of a backup, or twice", file.name)));
        }
        let needed = manifest.systems.iter().map(|system| systems::file(&system.name)).chain([MARKER.to_owned()]);
        if let Some(missing) = needed.into_iter().find(|name| count(name) == 0) {
            return Err(failed(format!("its {FILE} does not name {missing:?}")));
        }
        let is_known = |name: &str| systems::known().iter().any(|system| system.name == name);
        match manifest.systems.iter().find(|system| !is_known(&system.name) || system.file != systems::file(&system.name)) {
            Some(system) => Err(failed(format!("its {FILE} names a system {:?} that this release does not know", system.name))),
            None if manifest.systems.is_empty() => Err(failed(format!("its {FILE} names no system"))),
            None => Ok(manifest),
        }
    }

    /// Compares the files that it names with those that are there.
    ///
    /// # Errors
    /// When one is missing, or is another.
    pub(crate) fn check(&self, backup: &Path, mut progress: impl FnMut(u64, u64)) -> Result<(), Fatal> {
        let total = self.files.iter().map(|file| file.bytes).sum();
        let mut done = 0;
        for file in &self.files {
            let path = backup.join(&file.name);
            let found = FileEntry::of(&path, &file.name).map_err(|error| Fatal::Failed(format!("{}: {error}", path.display())))?;
            if found != *file {
                return Err(Fatal::Failed(format!("{}: is not what was backed up: its checksum is another", path.display())));
            }
            done += file.bytes;
            progress(done, total);
        }
        Ok(())
    }
}

impl FileEntry {
    /// That of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn of(path: &Path, name: &str) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let (mut hash, mut bytes, mut part) = (Sha256::new(), 0, vec![0; 256 * 1024]);
        loop {
            let read = file.read(&mut part)?;
            if read == 0 {
                break;
            }
            bytes += read as u64;
            hash.update(part.get(..read).unwrap_or_default());
        }
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { name: name.into(), bytes, sha256 })
    }
}
