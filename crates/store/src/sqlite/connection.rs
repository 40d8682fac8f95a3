use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

use super::Options;
use crate::{StoreError, StoreFuture};

/// Opens one connection, set up so that what it commits is on disk.
pub(super) fn open(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match &options.vfs {
        None => Connection::open_with_flags(path, flags)?,
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs.as_str())?,
    };
    // With one connection nobody shares the WAL's index, so the simulated disk needs no shared memory.
    let locking = if options.inline { "EXCLUSIVE" } else { "NORMAL" };
    connection.pragma_update(None, "locking_mode", locking)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

type Job = Box<dyn FnOnce(&mut Option<Connection>) + Send>;

/// The connections to one file: one that writes, and as many readers as are in use at once.
pub(super) struct Connections {
    path: PathBuf,
    options: Options,
    writer: Writer,
    idle_readers: Arc<Mutex<Vec<Connection>>>,
}

enum Writer {
    /// Statements run where they are called.
    Inline(Mutex<Option<Connection>>),
    /// Statements run on a thread of their own, which ends when this handle is dropped.
    Thread(mpsc::Sender<Job>),
}

/// A poisoned lock only says that a reader panicked; the connection behind it is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connections {
    pub(super) fn start(path: PathBuf, options: Options, first: Connection) -> Self {
        let writer = if options.inline {
            Writer::Inline(Mutex::new(Some(first)))
        } else {
            let (sender, jobs) = mpsc::channel::<Job>();
            let mut connection = Some(first);
            std::thread::spawn(move || {
                while let Ok(job) = jobs.recv() {
                    job(&mut connection);
                }
            });
            Writer::Thread(sender)
        };
        Self { path, options, writer, idle_readers: Arc::default() }
    }

    /// Runs `job` on the writing connection.
    pub(super) fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let reopen = self.reopener();
        self.on_writer(move |slot| {
            let connection = match slot {
                Some(connection) => connection,
                None => slot.insert(reopen()?),
            };
            let result = job(connection);
            // After a commit whose end is unknown the connection's own view of the file may differ from what is on disk.
            if matches!(result, Err(StoreError::Unknown(_))) {
                *slot = None;
            }
            result
        })
    }

    /// Runs `job` on a fresh writing connection, which sees what is on disk and nothing else.
    pub(super) fn reopen_and<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let reopen = self.reopener();
        self.on_writer(move |slot| {
            *slot = None;
            job(slot.insert(reopen()?))
        })
    }

    fn reopener(&self) -> impl FnOnce() -> Result<Connection, StoreError> + Send + use<> {
        let (path, options) = (self.path.clone(), self.options.clone());
        move || open(&path, &options).map_err(|error| StoreError::Away(error.to_string()))
    }

    fn on_writer<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Option<Connection>) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        match &self.writer {
            Writer::Inline(connection) => {
                let result = job(&mut lock(connection));
                Box::pin(std::future::ready(result))
            }
            Writer::Thread(jobs) => {
                let (answer, answered) = oneshot::channel();
                let job: Job = Box::new(move |slot| {
                    // Whoever asked may have gone; the work is done all the same.
                    let _ = answer.send(job(slot));
                });
                let sent = jobs.send(job);
                Box::pin(async move {
                    let ended = || StoreError::Unknown("the writing thread has ended".into());
                    sent.map_err(|_| ended())?;
                    answered.await.map_err(|_| ended())?
                })
            }
        }
    }

    /// Runs `job` on a reading connection, here and now: reads are short, and a hand-over would cost more than they do.
    pub(super) fn read<T: Send + 'static>(&self, job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send) -> StoreFuture<'_, T> {
        let result = match &self.writer {
            Writer::Inline(connection) => {
                let mut slot = lock(connection);
                let opened = match slot.take() {
                    Some(connection) => Ok(connection),
                    None => open(&self.path, &self.options),
                };
                opened.and_then(|connection| job(slot.insert(connection)))
            }
            Writer::Thread(_) => {
                let idle = lock(&self.idle_readers).pop();
                let opened = match idle {
                    Some(connection) => Ok(connection),
                    None => open(&self.path, &self.options),
                };
                opened.and_then(|connection| {
                    let result = job(&connection);
                    lock(&self.idle_readers).push(connection);
                    result
                })
            }
        };
        Box::pin(std::future::ready(result.map_err(read_error)))
    }
}

/// What a failed read means.
fn read_error(error: rusqlite::Error) -> StoreError {
    match error {
        rusqlite::Error::SqliteFailure(..) => StoreError::Away(error.to_string()),
        other => StoreError::Unreadable(other.to_string()),
    }
}
