//! The ids of batches, by which a commit whose end nobody saw is asked for.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::failure::writing;
use super::write::transact;
use crate::StoreError;

/// How many ids are kept. There is one writer with one batch under way, which asks before it goes on, so the last would do.
const KEPT: i64 = 256;

/// Takes a batch's id, which nobody else can have.
pub(super) fn claim(transaction: &Transaction<'_>, batch: &str) -> rusqlite::Result<()> {
    transaction.prepare_cached("INSERT INTO batches (id, landed) VALUES (?1, 1)")?.execute([batch])?;
    transaction.prepare_cached("DELETE FROM batches WHERE n <= ?1")?.execute([transaction.last_insert_rowid() - KEPT])?;
    Ok(())
}

/// Whether a batch stands. The connection is a fresh one, which sees what is on disk.
///
/// Either answer is followed by a commit of its own. A commit whose sync failed may have left all its frames in the log,
/// where nobody sees them but who opens the file after a crash:
///
/// - when it is not seen, claiming its id writes over its frames, so that it cannot come back, and nobody can commit under it;
/// - when it is seen, it may be so only in the operating system's memory, which takes pages for written once it has reported
///   that they could not be. So all of the log is copied to the database file, and begun anew.
pub(super) fn landed(connection: &mut Connection, batch: &str) -> Result<bool, StoreError> {
    let seen = connection
        .query_row("SELECT landed FROM batches WHERE id = ?1", [batch], |row| row.get::<_, bool>(0))
        .optional()
        .map_err(writing)?;
    if seen == Some(true) {
        let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(writing)?;
        if busy {
            return Err(StoreError::Away("readers hold the log of a commit that is to be made sure of".into()));
        }
    }
    let settled = transact(connection, |transaction| {
        // The count makes it a change: SQLite writes nothing for a row that stays as it is.
        transaction.query_row(
            "INSERT INTO batches (id, landed) VALUES (?1, 0) ON CONFLICT (id) DO UPDATE SET asked = asked + 1 RETURNING landed",
            [batch],
            |row| row.get(0),
        )
    });
    // Whoever asks knows one way to go on from an error here: to ask again.
    settled.map_err(|error| StoreError::Away(error.to_string()))
}
