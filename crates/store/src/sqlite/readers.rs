//! The threads of the reads that may take long, so that whoever asks for one holds up nobody else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, TrySendError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::connections::lock;
use super::failure;
use crate::{StoreError, StoreFuture};

/// How many such reads run at once: enough that one slow list does not hold up the next, and few enough to leave the processors
/// to the writer.
pub(super) const THREADS: usize = 4;

/// How many wait. Each is done after [`STEPS`] at the latest, so the last one begins while its client is still there, mostly; who
/// comes after it is turned away at once.
pub(super) const WAITING: usize = 64;

/// After how many steps of SQLite's machine a list is given up. A row that is looked at takes some ten, so these are
/// two million rows, or one to two seconds; one and a half million rows in memory were sorted by two fields in 0.3 to 1.4.
pub(super) const STEPS: u64 = 20_000_000;

/// After how many steps a list that was begun where it was asked for goes to a thread: some thousand rows that are looked at, or five
/// thousand that are passed over, which takes less than a millisecond. A page that an index gives takes a few hundred steps.
pub(super) const STEPS_HERE: u64 = 10_000;

/// How many steps are counted as one.
const STRIDE: i32 = 1000;

type Job = Box<dyn FnOnce(&mut Option<Connection>) + Send>;

/// A few threads with a connection each.
pub(super) struct Readers {
    /// There until the drop.
    jobs: Option<mpsc::SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Readers {
    /// Waits for the reads that are under way, so that the file is closed once the store is.
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // Waking whoever asked may drop the last handle on the very thread; it then ends by itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl Readers {
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start() -> std::io::Result<Self> {
        let (sender, jobs) = mpsc::sync_channel::<Job>(WAITING);
        let jobs = Arc::new(Mutex::new(jobs));
        let start = |_| {
            let jobs = Arc::clone(&jobs);
            std::thread::Builder::new().name("store-reader".into()).spawn(move || {
                let mut connection = None;
                // The lock is held while waiting for a job, and let go before it runs.
                let next = || lock(&jobs).recv();
                while let Ok(job) = next() {
                    job(&mut connection);
                }
            })
        };
        let threads = (0..THREADS).map(start).collect::<std::io::Result<_>>()?;
        Ok(Self { jobs: Some(sender), threads })
    }

    /// Runs `job` on one of the threads, with the connection it left there, if any.
    pub(super) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Option<Connection>) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // What nobody waits for any more is not begun.
            if !answer.is_closed() {
                let result = catch_unwind(AssertUnwindSafe(|| job(connection)));
                let panicked = |panic: Box<dyn std::any::Any + Send>| {
                    Err(StoreError::Unreadable(format!("the store panicked: {}", super::panic_text(&*panic))))
                };
                let _ = answer.send(result.unwrap_or_else(panicked));
            }
        });
        let sent = match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => Err(StoreError::Busy),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(ended()),
        };
        Box::pin(async move {
            sent?;
            answered.await.unwrap_or_else(|_| Err(ended()))
        })
    }
}

fn ended() -> StoreError {
    StoreError::Away("the reading threads have ended".into())
}

/// Takes the counting of steps off a connection, however the work on it ended.
struct Counted<'a>(&'a Connection);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        // It fails on a connection of somebody else's only.
        let _ = self.0.progress_handler(0, None::<fn() -> bool>);
    }
}

/// Runs `job`, and gives it up after so many `steps`. They are counted, and no clock is read: what is too much is so every time.
pub(super) fn within<T>(
    connection: &Connection,
    steps: u64,
    job: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    let mut left = steps / u64::from(STRIDE.unsigned_abs());
    let over = move || {
        let over = left == 0;
        left = left.saturating_sub(1);
        over
    };
    connection.progress_handler(STRIDE, Some(over)).map_err(failure::reading)?;
    let _counted = Counted(connection);
    job(connection).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => StoreError::TooCostly(format!("it takes more than {steps} steps")),
        _ => failure::reading(error),
    })
}
