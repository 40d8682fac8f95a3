use std::ops::Deref;

use rusqlite::Connection;

/// A connection whose reads are all of one instant, until this is dropped. Its two statements are kept prepared, which rusqlite's own
/// transactions parse anew each time: that took as long as reading a row.
pub(super) struct OneInstant<'a>(&'a Connection);

impl<'a> OneInstant<'a> {
    pub(super) fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        let was_free = connection.is_autocommit();
        let began = connection.prepare_cached("BEGIN").and_then(|mut begin| begin.execute([]));
        match began {
            Ok(_) => Ok(Self(connection)),
            Err(error) => {
                // One that is stopped because its steps are used up has begun all the same.
                if was_free {
                    drop(Self(connection));
                }
                Err(error)
            }
        }
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
        // Nothing was written, so there is nothing to lose; after a failure SQLite may have ended it itself.
        let _ = self.0.prepare_cached("COMMIT").and_then(|mut end| end.execute([]));
    }
}
