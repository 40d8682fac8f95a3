use std::ops::Deref;

use rusqlite::Connection;

/// A connection whose reads are all of one instant, until this is dropped. Its two statements are kept prepared, which rusqlite's own
/// transactions parse anew each time: that took as long as reading a row.
pub(super) struct OneInstant<'a>(&'a Connection);

impl<'a> OneInstant<'a> {
    pub(super) fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(connection))
    }
}

impl Deref for OneInstant<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

impl Drop for OneInstant<'_> {
    fn drop(&mut self) {
        let ended = self.0.prepare_cached("COMMIT").and_then(|mut end| end.execute([]));
        if ended.is_err() && !self.0.is_autocommit() {
            // A read that takes too many steps is stopped, and this may have been its last one. A statement of its own is at its first.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}
