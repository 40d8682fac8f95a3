//! The log copied into the file beside the writer, for whom it would be the longest pause of all: thousands of pages and two syncs.

use std::path::{Path, PathBuf};
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
    copied: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
    /// Whether a copy is under way, or was made and what is left of the log is the writer's.
    asked: bool,
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
        let (done, copied) = mpsc::channel();
        let thread = std::thread::Builder::new().name("store-copier".into()).spawn(move || {
            let mut open = None;
            while let Ok(()) = asked.recv() {
                if copy(&path, &options, &mut open).is_err() {
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
        let _ = self.copy_what_is_due(writer);
    }

    fn copy_what_is_due(&mut self, writer: &Connection) -> rusqlite::Result<()> {
        let log = Log::of(writer)?;
        match (self.asked, log.length >= MOST_PAGES) {
            (true, false) if self.copied.try_recv() == Err(mpsc::TryRecvError::Empty) => return Ok(()),
            // The one case in which the writer waits: it is so much faster than the copy that the log would grow without end.
            (true, true) => drop(self.copied.recv()),
            (false, false) => {
                self.asked = log.left() >= PAGES && self.wanted.as_ref().is_some_and(|wanted| wanted.send(()).is_ok());
                return Ok(());
            }
            (true, false) | (false, true) => {}
        }
        self.asked = false;
        Log::copy(writer).map(drop)
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

    #[test]
    fn a_long_log_is_copied_beside_the_writer_and_begun_anew() {
        let fixture = Fixture::new();
        let mut checkpoints = fixture.checkpoints();
        fixture.write(PAGES);
        checkpoints.look_after(&fixture.writer);
        assert!(checkpoints.asked);
        // What the writer adds meanwhile may or may not be copied with the rest.
        fixture.write(1);
        checkpoints.copied.recv().unwrap();
        assert!(fixture.log().copied >= PAGES);
        checkpoints.asked = false;
        drop(checkpoints);
        Log::copy(&fixture.writer).unwrap();
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
        // Only once the thread has said that it is done does the writer go on with it.
        while checkpoints.asked {
            checkpoints.look_after(&fixture.writer);
            std::thread::yield_now();
        }
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
        assert!(fixture.log().length > MOST_PAGES && fixture.log().left() > 4 * PAGES, "nothing that the reader may look for is lost");
        reader.execute_batch("COMMIT").unwrap();
        checkpoints.look_after(&fixture.writer);
        assert_eq!(fixture.log().left(), 0);
        fixture.write(1);
        assert!(fixture.log().length < 10, "the log has begun anew");
    }
}
