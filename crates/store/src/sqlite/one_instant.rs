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
                // One that is stopped because its steps are used up may have begun all the same.
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
        let ended = self.0.prepare_cached("COMMIT").and_then(|mut end| end.execute([]));
        if ended.is_err() && !self.0.is_autocommit() {
            // A read whose steps are used up is stopped, and so may this have been, before it ended anything: a statement that is kept counts on
            // from where it was. One that is not is at its first step. Nothing was written, so there is nothing to lose.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::readers::within;
    use super::*;
    use crate::StoreError;

    #[test]
    fn it_ends_also_when_the_steps_are_used_up() {
        let connection = Connection::open_in_memory().unwrap();
        let for_ever = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        for turn in 0..1000 {
            let found =
                within(&connection, 1000, |connection| OneInstant::begin(connection)?.query_row(for_ever, [], |row| row.get::<_, i64>(0)));
            assert!(matches!(found, Err(StoreError::TooCostly(_))), "{turn}: {found:?}");
            assert!(connection.is_autocommit(), "{turn}");
        }
    }
}
