use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::checkpoints::Checkpoints;
use super::readers::{self, Readers};
use super::{Options, connection, failure};
use crate::{StoreError, StoreFuture};

type Job = Box<dyn FnOnce(&mut Slot) + Send>;

/// After so many failures of the disk in a row the file is opened anew: its handle itself may be what is broken.
pub(super) const PATIENCE: u32 = 8;

/// The writing connection, while there is one.
#[derive(Default)]
struct Slot {
    connection: Option<Connection>,
    /// How often the disk has failed it, one time after the other.
    failures: u32,
}

/// The connections to one file: one that writes, as many readers as are in use at once, and a few for reads that may take long.
pub(super) struct Connections {
    path: PathBuf,
    options: Options,
    /// The threads of the reads that may take long, unless everything runs where it is called. They end before the writer does.
    readers: Option<Readers>,
    /// After how many steps a client's list is given up.
    pub(super) steps: u64,
    writer: Writer,
    idle_readers: Mutex<Vec<Connection>>,
}

enum Writer {
    /// Statements run where they are called.
    Inline(Mutex<Slot>),
    /// Statements run on a thread of their own. Both are there until the drop.
    Thread(Option<mpsc::Sender<Job>>, Option<JoinHandle<()>>),
}

impl Drop for Writer {
    /// Waits for the work that is under way, so that the file is closed, and its log gone, once the store is.
    fn drop(&mut self) {
        if let Self::Thread(jobs, thread) = self {
            *jobs = None;
            // The last handle may be dropped by the very thread, in a deciding closure; it then ends by itself.
            if let Some(thread) = thread.take().filter(|thread| thread.thread().id() != std::thread::current().id()) {
                let _ = thread.join();
            }
        }
    }
}

/// A poisoned lock only says that somebody panicked; what is behind it is whole between any two uses.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connections {
    /// Takes the file over with its first connection.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start(path: PathBuf, options: Options, first: Connection) -> std::io::Result<Self> {
        let mut slot = Slot { connection: Some(first), failures: 0 };
        let readers = if options.inline { None } else { Some(Readers::start()?) };
        let writer = if options.inline {
            Writer::Inline(Mutex::new(slot))
        } else {
            let (sender, jobs) = mpsc::channel::<Job>();
            let mut checkpoints = Checkpoints::start(path.clone(), options.clone())?;
            let thread = std::thread::Builder::new().name("store-writer".into()).spawn(move || {
                while let Ok(job) = jobs.recv() {
                    job(&mut slot);
                    if let Some(connection) = &slot.connection {
                        checkpoints.look_after(connection);
                    }
                }
            })?;
            Writer::Thread(Some(sender), Some(thread))
        };
        Ok(Self { path, options, readers, steps: readers::STEPS, writer, idle_readers: Mutex::default() })
    }

    /// Runs `job` on the writing connection.
    pub(super) fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let (path, options) = (self.path.clone(), self.options.clone());
        self.on_writer(move |open| {
            let connection = match open {
                Some(connection) => connection,
                None => open.insert(connection::writer(&path, &options).map_err(failure::reading)?),
            };
            job(connection)
        })
    }

    fn on_writer<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Option<Connection>) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        match &self.writer {
            Writer::Inline(slot) => Box::pin(std::future::ready(guarded(&mut lock(slot), job))),
            Writer::Thread(jobs, _) => {
                let (answer, answered) = oneshot::channel();
                let job: Job = Box::new(move |slot| {
                    // Whoever asked may have gone; the work is done all the same.
                    let _ = answer.send(guarded(slot, job));
                });
                let sent = jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
                Box::pin(async move {
                    if !sent {
                        return Err(StoreError::Away("the writing thread has ended".into()));
                    }
                    answered.await.unwrap_or_else(|_| Err(StoreError::Unknown("the writing thread has ended".into())))
                })
            }
        }
    }

    /// Runs `job` on a reading connection, here and now: it is short, and a hand-over would cost more than it does.
    pub(super) fn read<T: Send + 'static>(&self, job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send) -> StoreFuture<'_, T> {
        Box::pin(std::future::ready(self.here(|connection| job(connection).map_err(failure::reading))))
    }

    /// Runs a `job` whose length a client decides, no further than a fixed number of steps. Most are short, and end here before a hand-over
    /// would have: only one that goes on is begun again on a thread for such.
    pub(super) fn read_within_budget<T: Send + 'static>(
        &self,
        job: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let steps = self.steps;
        if self.readers.is_some() {
            match self.here(|connection| readers::within(connection, readers::STEPS_HERE, &job)) {
                Err(StoreError::TooCostly(_)) => {}
                done => return Box::pin(std::future::ready(done)),
            }
        }
        self.apart(move |connection| readers::within(connection, steps, job))
    }

    /// Runs a `job` of our own that may take long on a thread for such, to its end.
    pub(super) fn read_apart<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        self.apart(|connection| job(connection).map_err(failure::reading))
    }

    fn apart<T: Send + 'static>(&self, job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static) -> StoreFuture<'_, T> {
        let Some(readers) = &self.readers else { return Box::pin(std::future::ready(self.here(job))) };
        let (path, options) = (self.path.clone(), self.options.clone());
        readers.run(move |open| {
            let connection = open.take().map_or_else(|| connection::reader(&path, &options), Ok).map_err(failure::reading)?;
            let result = job(&connection);
            *open = is_whole(&result).then_some(connection);
            result
        })
    }

    /// A connection of its own for a reader, unless everything runs on the one.
    pub(super) fn beside(&self) -> rusqlite::Result<Option<Connection>> {
        match &self.writer {
            Writer::Inline(_) => Ok(None),
            Writer::Thread(..) => connection::reader(&self.path, &self.options).map(Some),
        }
    }

    pub(super) fn here<T>(&self, job: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match &self.writer {
            Writer::Inline(slot) => {
                let open = &mut lock(slot).connection;
                let opened = open.take().map_or_else(|| connection::writer(&self.path, &self.options), Ok);
                job(open.insert(opened.map_err(failure::reading)?))
            }
            Writer::Thread(..) => {
                let idle = lock(&self.idle_readers).pop();
                let opened = idle.map_or_else(|| connection::reader(&self.path, &self.options), Ok);
                let connection = opened.map_err(failure::reading)?;
                let result = job(&connection);
                if is_whole(&result) {
                    lock(&self.idle_readers).push(connection);
                }
                result
            }
        }
    }
}

/// Whether the connection of a read is used again: one that did its work is, and one that was stopped is whole.
const fn is_whole<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Ok(_) | Err(StoreError::TooCostly(_)))
}

/// Runs `job`, and keeps the connection as long as it may be whole.
///
/// SQLite takes a transaction back whose commit fails, and goes on well on the same connection. A new one is no safer: it
/// reads in what the failed commit left in the log.
fn guarded<T>(slot: &mut Slot, job: impl FnOnce(&mut Option<Connection>) -> Result<T, StoreError>) -> Result<T, StoreError> {
    let result = catch_unwind(AssertUnwindSafe(|| job(&mut slot.connection))).unwrap_or_else(|panic| {
        // The deciding closure's panics are caught where it is called, so this one is the store's own.
        Err(StoreError::Unknown(format!("the store panicked: {}", super::panic_text(&*panic))))
    });
    slot.failures = match &result {
        Ok(_) | Err(StoreError::Aborted(_) | StoreError::Rejected(_)) => 0,
        Err(_) => slot.failures + 1,
    };
    // A transaction that could not even be taken back ends with its connection.
    let stuck = slot.connection.as_ref().is_some_and(|connection| !connection.is_autocommit());
    if stuck || slot.failures >= PATIENCE {
        *slot = Slot::default();
    }
    result
}
