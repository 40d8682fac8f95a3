//! The one file, and how it is opened.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// Four B-trees for a booking: its row, the index that its overlap is decided by, the one that pages of a person are found by, and the outbox.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS rooms (id INTEGER PRIMARY KEY, floor TEXT NOT NULL, days_ahead INTEGER NOT NULL, slots TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS reserves (
        id INTEGER PRIMARY KEY, room INTEGER NOT NULL, starts INTEGER NOT NULL, ends INTEGER NOT NULL, user TEXT NOT NULL, date TEXT NOT NULL,
        json TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS calendar ON reserves (room, starts, ends);
    CREATE INDEX IF NOT EXISTS of_user ON reserves (user, date);
    CREATE TABLE IF NOT EXISTS outbox (n INTEGER PRIMARY KEY, event TEXT NOT NULL);
";

/// Opens the file to write in it; what is committed there is on disk. The log is copied as rarely as Yeyak copies its own, if
/// within a commit, where Yeyak has a thread for that.
pub(crate) fn open(file: &Path) -> rusqlite::Result<Connection> {
    let connection = keeping_plans(Connection::open(file)?)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
    connection.pragma_update(None, "cache_size", -32_768)?;
    connection.execute_batch(TABLES)?;
    Ok(connection)
}

/// Opens the file to read, with as much memory as each of Yeyak's readers has.
pub(crate) fn open_to_read(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = keeping_plans(Connection::open_with_flags(file, flags)?)?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    Ok(connection)
}

/// Else SQLite plans a statement anew whenever its limit is bound.
fn keeping_plans(connection: Connection) -> rusqlite::Result<Connection> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}
