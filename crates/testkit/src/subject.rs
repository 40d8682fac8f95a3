//! What is tested, and where it keeps its data.

use std::any::Any;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use calls::Transport;
use clock::SharedClock;
use jiff::{Timestamp, Zoned};
use runtime::{Port, SystemHandle, SystemSpec};
use store::sqlite::{Options, SqliteStore};
use store::{OpenError, Schema, Store};
use tempfile::TempDir;

use crate::disk::Disk;

/// A system as the test kit sees it.
#[derive(Clone, Copy)]
pub struct Subject {
    /// Declares it.
    pub spec: fn() -> SystemSpec,
    /// Its routes once it runs.
    pub routes: fn(&SystemHandle) -> Router,
    /// What its sagas call outside of it, which outlives its processes: [`Outside::nothing`] as a rule.
    pub outside: fn(SharedClock) -> Outside,
}

/// What a system calls outside of it.
#[derive(Clone, Default)]
pub struct Outside {
    /// As the runtime wants it.
    pub ports: Vec<Port>,
    what: Option<Arc<dyn Any + Send + Sync>>,
}

impl Outside {
    /// Nothing at all.
    pub fn nothing(_clock: SharedClock) -> Self {
        Self::default()
    }

    /// One thing, which is called by this name.
    pub fn of<T: Transport>(name: &'static str, what: Arc<T>) -> Self {
        Self { ports: vec![Port { name, door: Arc::clone(&what) as _ }], what: Some(what) }
    }

    /// That thing itself, for looking at it.
    ///
    /// # Panics
    /// When it is no `T`.
    #[track_caller]
    pub fn get<T: Send + Sync + 'static>(&self) -> Arc<T> {
        let what = self.what.clone().and_then(|what| what.downcast().ok());
        what.unwrap_or_else(|| panic!("there is no such thing outside"))
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subject").field(&(self.spec)().name).finish()
    }
}

/// The instant of a text such as `2026-11-23T10:05:00+09:00`.
///
/// # Panics
/// When the text is none.
#[track_caller]
pub fn at(text: &str) -> Timestamp {
    let instant = text.parse::<Timestamp>().or_else(|_| text.parse::<Zoned>().map(|zoned| zoned.timestamp()));
    instant.unwrap_or_else(|error| panic!("{text:?} is no instant: {error}"))
}

/// Where a system under test keeps its data.
pub enum Home {
    /// A directory of the machine's file system that goes with the test.
    Directory(TempDir),
    /// A simulated disk.
    Disk(Disk),
}

impl Home {
    /// A new temporary directory.
    ///
    /// # Panics
    /// When there can be none.
    pub fn directory() -> Self {
        Self::Directory(tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary directory: {error}")))
    }

    /// Opens the one store that is there.
    ///
    /// # Errors
    /// When it cannot be opened, as while the power is cut.
    pub fn open(&self, schema: Schema) -> Result<Arc<dyn Store>, OpenError> {
        let (path, vfs): (PathBuf, _) = match self {
            Self::Directory(directory) => (directory.path().join("system.db"), None),
            Self::Disk(disk) => (Path::new("system.db").into(), Some(disk.vfs_name().to_owned())),
        };
        Ok(Arc::new(SqliteStore::open(&path, schema, &Options { inline: true, vfs })?))
    }
}

/// Makes ids that are unlike any other and grow as texts. Its clones go on from one another, also over restarts.
#[derive(Clone, Debug, Default)]
pub struct Ids(Arc<AtomicU64>);

impl Ids {
    /// As the runtime wants it.
    pub fn source(&self) -> Arc<dyn Fn() -> String + Send + Sync> {
        let count = Arc::clone(&self.0);
        Arc::new(move || format!("{:020}", count.fetch_add(1, Ordering::Relaxed)))
    }
}
