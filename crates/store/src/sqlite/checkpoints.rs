//! The log copied into the file beside the writer, for whom it would be the longest pause of all: thousands of pages and two syncs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::{Options, connection};

/// After how many pages of log they are copied: 16 MiB, so that pages which change in every batch are copied once for many, and opening
/// after a crash still takes well under a second.
const PAGES: i64 = 4096;

/// How long the log may become before the writer goes on copying at every batch: readers that come one upon the other let nobody begin it
/// anew, and the writer finds a gap between them at last.
const MOST_PAGES: i64 = 4 * PAGES;

/// How many times the copying thread goes over the log. What the writer has added meanwhile is less each time; what is left is the writer's,
/// for only when all is copied does the log begin anew.
const ROUNDS: usize = 2;

/// How far the log is copied, in pages.
#[derive(Clone, Copy)]
struct Log {
    length: i64,
    copied: i64,
}

impl Log {
    /// How long it is, without copying any of it.
    fn of(connection: &Connection) -> rusqlite::Result<Self> {
        Self::after(connection, "PRAGMA wal_checkpoint(NOOP)")
    }

    /// Copies what no reader still needs, waiting for nobody.
    fn copy(connection: &Connection) -> rusqlite::Result<Self> {
        Self::after(connection, "PRAGMA wal_checkpoint(PASSIVE)")
    }

    fn after(connection: &Connection, pragma: &str) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare_cached(pragma)?;
        statement.query_row([], |row| Ok(Self { length: row.get(1)?, copied: row.get(2)? }))
    }

    const fn left(self) -> i64 {
        self.length - self.copied
    }
}

/// The thread that copies, as the writer has it.
pub(super) struct Checkpoints {
    /// There until the drop.
    wanted: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    copying: Arc<AtomicBool>,
    /// Whether the thread has copied something that the writer has not looked after.
    begun: bool,
}

impl Drop for Checkpoints {
    /// Waits for the copy that is under way, so that the writer's connection is the last one and takes the log away.
    fn drop(&mut self) {
        self.wanted = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Checkpoints {
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start(path: PathBuf, options: Options) -> std::io::Result<Self> {
        let (wanted, asked) = mpsc::channel();
        let copying = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&copying);
        let thread = std::thread::Builder::new().name("store-copier".into()).spawn(move || {
            let mut open = None;
            while let Ok(()) = asked.recv() {
                if copy(&path, &options, &mut open).is_err() {
                    open = None;
                }
                done.store(false, Ordering::Release);
            }
        })?;
        Ok(Self { wanted: Some(wanted), thread: Some(thread), copying, begun: false })
    }

    /// Looks after the log, once whoever waited for the last batch was answered. What cannot be copied stays in the log, where it is on disk
    /// as well, and is tried again after the next batch.
    pub(super) fn look_after(&mut self, writer: &Connection) {
        let _ = self.copy_what_is_due(writer);
    }

    fn copy_what_is_due(&mut self, writer: &Connection) -> rusqlite::Result<()> {
        if self.copying.load(Ordering::Acquire) {
            return Ok(());
        }
        let log = Log::of(writer)?;
        if std::mem::take(&mut self.begun) || log.length >= MOST_PAGES {
            Log::copy(writer)?;
        } else if log.left() >= PAGES
            && let Some(wanted) = &self.wanted
        {
            self.copying.store(true, Ordering::Release);
            self.begun = wanted.send(()).is_ok();
        }
        Ok(())
    }
}

fn copy(path: &std::path::Path, options: &Options, open: &mut Option<Connection>) -> rusqlite::Result<()> {
    let connection = match open {
        Some(connection) => connection,
        None => open.insert(connection::copier(path, options)?),
    };
    for _ in 0..ROUNDS {
        Log::copy(connection)?;
    }
    Ok(())
}
