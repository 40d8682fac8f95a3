//! The statements that a transaction runs.

use rusqlite::{CachedStatement, Connection};

/// The statements of one transaction. Each is looked up once, by its text, however often it runs.
pub(super) struct Statements<'a> {
    pub(super) connection: &'a Connection,
    prepared: Vec<(&'a str, CachedStatement<'a>)>,
}

impl<'a> Statements<'a> {
    pub(super) const fn of(connection: &'a Connection) -> Self {
        Self { connection, prepared: Vec::new() }
    }

    /// The statement with this text.
    pub(super) fn get(&mut self, text: &'a str) -> rusqlite::Result<&mut CachedStatement<'a>> {
        // Texts are made once, so which one it is can be told from where it stands.
        let known = self.prepared.iter().position(|(known, _)| std::ptr::eq(*known, text));
        let place = match known {
            Some(place) => place,
            None => {
                self.prepared.push((text, self.connection.prepare_cached(text)?));
                self.prepared.len() - 1
            }
        };
        Ok(&mut self.prepared[place].1)
    }
}
