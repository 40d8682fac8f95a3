//! The log copied into the file beside the writer, for whom it would be the longest pause of all: thousands of pages and two syncs.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ffi};

use super::{Options, connection};

/// After how many pages of log they are copied: 16 MiB, so that pages which change in every batch are copied once for many, and the log is
/// as a rule short when a file is opened after a crash.
pub(super) const PAGES: i64 = 4096;

/// How far the copy may lie behind before the writer waits for it, and how long a log that is copied may be before the writer looks at every
/// batch whether it can begin anew: it cannot while anybody reads in it.
const MOST_PAGES: i64 = 4 * PAGES;

/// How long the writer waits after each batch for a copy that lies too far behind.
const PATIENCE: Duration = Duration::from_millis(50);

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
    /// How it stands, without copying any of it.
    fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?;
        statement.query_row([], |row| Ok(Self { length: row.get(1)?, copied: row.get(2)? }))
    }

    /// Copies what no reader still needs, waiting for nobody.
    fn copy(connection: &Connection) -> rusqlite::Result<()> {
        connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?.query_row([], |_| Ok(()))
    }

    const fn left(self) -> i64 {
        self.length - self.copied
    }
}

/// The thread that copies, as the writer has it.
pub(super) struct Checkpoints {
    /// There until the drop.
    wanted: Option<mpsc::Sender<()>>,
    copied: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
    /// Whether a copy is under way, or was made and the writer has not seen that yet.
    asked: bool,
}

impl Drop for Checkpoints {
    /// Waits for the copy that is under way, so that nobody has the file open once the store is gone.
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
        let (done, copied) = mpsc::channel();
        let thread = std::thread::Builder::new().name("store-copier".into()).spawn(move || {
            let mut open = None;
            while let Ok(()) = asked.recv() {
                if let Err(error) = copy(&path, &options, &mut open) {
                    end_unless_synced(&error);
                    open = None;
                }
                let _ = done.send(());
            }
        })?;
        Ok(Self { wanted: Some(wanted), copied, thread: Some(thread), asked: false })
    }

    /// Looks after the log, once whoever waited for the last batch was answered. What cannot be copied stays in the log, where it is on disk
    /// as well, and is tried again after a later batch.
    pub(super) fn look_after(&mut self, writer: &Connection) {
        if let Err(error) = self.copy_what_is_due(writer) {
            end_unless_synced(&error);
        }
    }

    fn copy_what_is_due(&mut self, writer: &Connection) -> rusqlite::Result<()> {
        let log = Log::of(writer)?;
        if self.asked {
            if !self.has_copied(log) {
                return Ok(());
            }
            self.asked = false;
            return Log::copy(writer);
        }
        if log.left() >= PAGES {
            self.asked = self.wanted.as_ref().is_some_and(|wanted| wanted.send(()).is_ok());
        } else if log.length >= MOST_PAGES {
            Log::copy(writer)?;
        }
        Ok(())
    }

    /// Whether the thread is done. The writer waits a little where it would else leave the copy ever further behind.
    fn has_copied(&self, log: Log) -> bool {
        if log.left() < MOST_PAGES {
            self.copied.try_recv() != Err(mpsc::TryRecvError::Empty)
        } else {
            self.copied.recv_timeout(PATIENCE) != Err(mpsc::RecvTimeoutError::Timeout)
        }
    }
}

fn copy(path: &Path, options: &Options, open: &mut Option<Connection>) -> rusqlite::Result<()> {
    let connection = match open {
        Some(connection) => connection,
        None => open.insert(connection::copier(path, options)?),
    };
    for _ in 0..ROUNDS {
        Log::copy(connection)?;
    }
    Ok(())
}

/// Ends the process, as killing it would, when the error is that the disk could not be synced.
///
/// SQLite counts pages as copied before they are synced when the writer has gone on meanwhile; the sync of the last of them is to hold for all.
/// Once it fails, the system may have forgotten the pages that it could not write and takes them for written, so that no later sync tells: the
/// log would begin anew, and they would be nowhere. Whoever opens the file anew reads the log in from its beginning and copies all of it once
/// more. PostgreSQL does the same, for the same reason.
pub(super) fn end_unless_synced(error: &rusqlite::Error) {
    if is_failed_sync(error) {
        tracing::error!(%error, "the disk failed to keep what was written to it; the process ends, so that its next start writes it again from the log");
        std::process::abort();
    }
}

fn is_failed_sync(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_FSYNC)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    struct Fixture {
        writer: Connection,
        path: PathBuf,
        _directory: tempfile::TempDir,
    }

    impl Fixture {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("store.db");
            let writer = connection::open(&path, &Options::default(), true).unwrap();
            connection::for_writing(&writer, &Options::default()).unwrap();
            writer.execute_batch("CREATE TABLE goods (id INTEGER PRIMARY KEY, content BLOB)").unwrap();
            Self { writer, path, _directory: directory }
        }

        fn checkpoints(&self) -> Checkpoints {
            Checkpoints::start(self.path.clone(), Options::default()).unwrap()
        }

        /// Writes at least so many pages, in one transaction.
        fn write(&self, pages: i64) {
            self.writer.execute("INSERT INTO goods (content) VALUES (zeroblob(?1 * 4096))", [pages]).unwrap();
        }

        fn log(&self) -> Log {
            Log::of(&self.writer).unwrap()
        }
    }

    /// Looks after the log until the thread has said that it is done.
    fn settle(checkpoints: &mut Checkpoints, fixture: &Fixture) {
        while checkpoints.asked {
            checkpoints.look_after(&fixture.writer);
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_long_log_is_copied_beside_the_writer_and_begun_anew() {
        let fixture = Fixture::new();
        let mut checkpoints = fixture.checkpoints();
        fixture.write(PAGES);
        checkpoints.look_after(&fixture.writer);
        assert!(checkpoints.asked);
        checkpoints.copied.recv().unwrap();
        assert!(fixture.log().copied >= PAGES);
        assert_eq!(fixture.log().left(), 0);
        fixture.write(1);
        assert!(fixture.log().length < 10, "the log has begun anew");
    }

    #[test]
    fn a_short_log_is_left_where_it_is() {
        let fixture = Fixture::new();
        let mut checkpoints = fixture.checkpoints();
        fixture.write(PAGES / 2);
        checkpoints.look_after(&fixture.writer);
        assert!(!checkpoints.asked);
        assert_eq!(fixture.log().copied, 0);
    }

    #[test]
    fn what_is_left_after_a_copy_is_the_writers() {
        let fixture = Fixture::new();
        let mut checkpoints = fixture.checkpoints();
        fixture.write(PAGES);
        checkpoints.look_after(&fixture.writer);
        settle(&mut checkpoints, &fixture);
        assert_eq!(fixture.log().left(), 0);
    }

    #[test]
    fn a_log_that_a_reader_needs_grows_and_is_begun_anew_once_nobody_does() {
        let fixture = Fixture::new();
        let mut checkpoints = fixture.checkpoints();
        fixture.write(1);
        let reader = connection::reader(&fixture.path, &Options::default()).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM goods").unwrap();
        for _ in 0..5 {
            fixture.write(PAGES);
            checkpoints.look_after(&fixture.writer);
        }
        settle(&mut checkpoints, &fixture);
        assert!(fixture.log().length > MOST_PAGES && fixture.log().left() > 4 * PAGES, "nothing that the reader may look for is lost");
        reader.execute_batch("COMMIT").unwrap();
        checkpoints.look_after(&fixture.writer);
        settle(&mut checkpoints, &fixture);
        assert_eq!(fixture.log().left(), 0);
        fixture.write(1);
        assert!(fixture.log().length < 10, "the log has begun anew");
    }

    #[test]
    fn only_a_failed_sync_ends_the_process() {
        let failed = |code| is_failed_sync(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        assert!(failed(ffi::SQLITE_IOERR_FSYNC));
        assert!(!failed(ffi::SQLITE_IOERR_WRITE) && !failed(ffi::SQLITE_FULL) && !failed(ffi::SQLITE_BUSY));
    }

    /// Before 3.51.3 a log could be begun anew while somebody else still copied it, and one before 3.51 copies where it is only asked how long
    /// the log is.
    #[test]
    fn this_sqlite_may_copy_a_log_beside_its_writer() {
        assert!(rusqlite::version_number() >= 3_051_003);
    }
}
