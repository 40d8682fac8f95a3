use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error, OpenFlags};

use super::{Options, checkpoints};

/// How many statements a connection that writes keeps prepared. A service has some twenty and each of its tables three; a
/// system of ten services with five tables each has 350, and one that is thrown out and prepared anew costs more than it runs.
const WRITER_STATEMENTS: usize = 512;

/// How many one that only reads keeps: every combination of filters and orders is one, and the rarest may go.
const READER_STATEMENTS: usize = 256;

/// How much of the file the writer keeps at hand, in KiB. Not more: where pages of a B-tree were put in order, SQLite looks through all that it
/// keeps at the end of the transaction, as long as the file has less than a gigabyte, and with twice as much a booking took a tenth longer.
const WRITER_CACHE: i64 = 16 * 1024;

/// What the log is cut back to after it has grown, as behind a long read.
const LOG_BYTES: i64 = 96 * 1024 * 1024;

/// How long a write waits for another program that writes, such as one that makes a copy.
const WRITER_PATIENCE: Duration = Duration::from_secs(5);

/// How long a read waits: one where it is called holds up its caller's thread, and only opening a file after a crash makes it wait.
const READER_PATIENCE: Duration = Duration::from_millis(250);

/// Opens the file, and changes nothing in it: whose it is must be seen first. Only the first connection may make it; one
/// that comes later and finds no file must not put an empty one in its place.
pub(super) fn open(path: &Path, options: &Options, create: bool) -> rusqlite::Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
    let connection = match &options.vfs {
        None => Connection::open_with_flags(path, flags)?,
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs.as_str())?,
    };
    connection.busy_timeout(WRITER_PATIENCE)?;
    // Else a quoted name that is no column is taken for a text, and a filter by it is silently wrong.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // Else a statement is planned anew whenever other values are bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    if options.inline {
        // With one connection nobody shares the log's index, so the simulated disk needs no shared memory.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    }
    Ok(connection)
}

/// Sets a connection up so that what it commits is on disk.
pub(super) fn for_writing(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        let why = format!("it cannot keep a write-ahead log there (its journal mode stays {mode:?})");
        return Err(Error::ToSqlConversionFailure(why.into()));
    }
    synced(connection)?;
    // A writer that is alone with its file copies the log itself; beside any other one does a thread of its own.
    connection.pragma_update(None, "wal_autocheckpoint", if options.inline { checkpoints::PAGES } else { 0 })?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE)?;
    connection.set_prepared_statement_cache_capacity(WRITER_STATEMENTS);
    begin_log_anew(connection)
}

/// What is written, into the log or from there into the file, is on disk before anything is built on it.
fn synced(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Where a plain sync stops in the disk's cache (macOS), these do not.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)
}

/// Copies what is in the log to the database file, and begins the log anew.
///
/// Opening after a crash reads in all that is in the log. Among it may be frames whose sync had failed: they are seen, but
/// only in the operating system's memory, which takes them for written, and no later sync brings them to the disk. Behind
/// such a hole nothing could be written that survives a loss of power, so nothing is written behind what was found.
fn begin_log_anew(connection: &Connection) -> rusqlite::Result<()> {
    // When it says that somebody is reading, then the file was open already, and nothing was read in.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// Opens a connection to write with, after the first one.
pub(super) fn writer(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let connection = open(path, options, false)?;
    let begun = for_writing(&connection, options);
    if let Err(error) = &begun
        && !options.inline
    {
        // The log was copied in part by others, and the file not synced since.
        checkpoints::end_unless_synced(error);
    }
    begun.map(|()| connection)
}

/// Opens a connection that copies the log into the file, and writes nothing of its own.
pub(super) fn copier(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let connection = open(path, options, false)?;
    synced(&connection)?;
    Ok(connection)
}

/// Whether whoever had the file open has closed it: nothing stands in a log beside it.
pub(super) fn is_closed(path: &Path) -> bool {
    let is_empty = |end: &str| {
        let mut log = path.as_os_str().to_owned();
        log.push(end);
        std::fs::metadata(log).map_or_else(|error| error.kind() == std::io::ErrorKind::NotFound, |log| log.len() == 0)
    };
    is_empty("-wal") && is_empty("-journal")
}

/// Opens a connection to a file that nobody writes to, which leaves no trace of itself: no lock, and nothing beside the file.
pub(super) fn untouched(path: &Path) -> rusqlite::Result<Connection> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/');
    let path = std::path::absolute(path).map_err(|error| Error::ToSqlConversionFailure(error.into()))?;
    let escape = |byte: &u8| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    let name: String = path.as_os_str().as_encoded_bytes().iter().map(escape).collect();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(format!("file:{name}?immutable=1"), flags)?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    connection.set_prepared_statement_cache_capacity(READER_STATEMENTS);
    Ok(connection)
}

/// Opens a connection that can only read.
pub(super) fn reader(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let connection = open(path, options, false)?;
    connection.busy_timeout(READER_PATIENCE)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    connection.set_prepared_statement_cache_capacity(READER_STATEMENTS);
    Ok(connection)
}
