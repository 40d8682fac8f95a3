//! The ids of batches, by which a commit whose end nobody saw is asked for.

use rusqlite::{Connection, Error, OptionalExtension, Transaction, ffi};

use super::write::transact;
use crate::StoreError;

/// How many ids are kept. There is one writer with one batch under way, which asks before it goes on, so the last would do. So few fit on one
/// page, which is all that a transaction writes for its id, and are looked through faster than an index of them would be kept.
pub(super) const KEPT: i64 = 16;

/// Takes a batch's id, which nobody else can have, and gives the batch a number: the next one, for the last is never forgotten.
pub(super) fn claim(transaction: &Transaction<'_>, batch: &str) -> rusqlite::Result<i64> {
    if transaction.prepare_cached(PUT)?.execute((batch, true))? == 0 {
        let used = format!("the batch id {batch:?} was used before");
        return Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CONSTRAINT_UNIQUE), Some(used)));
    }
    let number = transaction.last_insert_rowid();
    // The first one stays: by it this store is told from all others, see [`FIRST`].
    transaction.prepare_cached("DELETE FROM batches WHERE n > 1 AND n <= ?1")?.execute([number - KEPT])?;
    Ok(number)
}

/// Puts an id behind the others, unless it is among them.
const PUT: &str = "INSERT INTO batches (id, landed) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM batches WHERE id = ?1)";

/// Finds the id of the first batch that ever was.
pub(super) const FIRST: &str = "SELECT id FROM batches WHERE n = 1";

/// Finds the number of the last batch.
pub(super) const LAST: &str = "SELECT n FROM batches ORDER BY n DESC LIMIT 1";

/// Whether a batch stands; if not, it never will.
///
/// When the sync of a commit fails, SQLite takes the transaction back, but all its frames may be in the log, where they would
/// be found when the file is opened after a crash. The commit that takes the id here goes to the same place in the log, so that
/// they are gone once it is on disk. For that it is made on the same connection: a new one might have read them in already.
pub(super) fn landed(connection: &mut Connection, batch: &str) -> Result<bool, StoreError> {
    let settled = transact(connection, |transaction| {
        // The count makes it a change: SQLite writes nothing for a row that stays as it is.
        let known = "UPDATE batches SET asked = asked + 1 WHERE id = ?1 RETURNING landed";
        if let Some(landed) = transaction.query_row(known, [batch], |row| row.get(0)).optional()? {
            return Ok(landed);
        }
        transaction.execute(PUT, (batch, false))?;
        Ok(false)
    });
    // Whoever asks knows one way to go on from an error here: to ask again.
    settled.map_err(|error| StoreError::Away(error.to_string()))
}
