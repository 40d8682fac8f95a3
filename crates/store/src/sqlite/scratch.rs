//! A place for what is folded again, row by row, so that a large store is verified in little memory.

use rusqlite::{Connection, OptionalExtension, params};

use super::{failure, read};
use crate::StoreError;

/// Rows that are folded again, beside the store they are compared with. What does not fit into its cache stands in a temporary
/// file without a name, which goes with this value.
pub struct Scratch(Connection);

/// A row that was folded again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScratchRow {
    /// Its id.
    pub id: u64,
    /// Its JSON; `None` when it was taken away in the end.
    pub json: Option<String>,
    /// How often it was put or taken away.
    pub times: u64,
}

impl Scratch {
    /// An empty one.
    ///
    /// # Errors
    /// When there is no place for it.
    pub fn new() -> Result<Self, StoreError> {
        let open = || {
            // SQLite's own name for a temporary database that goes to disk only when it grows.
            let connection = Connection::open("")?;
            connection.execute_batch(
                "PRAGMA journal_mode = OFF;
                 PRAGMA synchronous = OFF;
                 PRAGMA cache_size = -16384;
                 CREATE TABLE rows (
                     name TEXT NOT NULL, id INTEGER NOT NULL, json TEXT, times INTEGER NOT NULL, PRIMARY KEY (name, id)) WITHOUT ROWID;
                 BEGIN;",
            )?;
            Ok(Self(connection))
        };
        open().map_err(failure::reading)
    }

    /// Puts a row of a table, or takes it away.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn put(&self, table: &str, id: u64, json: Option<&str>) -> Result<(), StoreError> {
        let put = || {
            self.0
                .prepare_cached(
                    "INSERT INTO rows (name, id, json, times) VALUES (?1, ?2, ?3, 1) \
                     ON CONFLICT (name, id) DO UPDATE SET json = ?3, times = times + 1",
                )?
                .execute(params![table, id, json])
        };
        put().map(drop).map_err(failure::reading)
    }

    /// The row of a table; `None` also when it was taken away.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn get(&self, table: &str, id: u64) -> Result<Option<String>, StoreError> {
        let get = || {
            let mut statement = self.0.prepare_cached("SELECT json FROM rows WHERE name = ?1 AND id = ?2")?;
            statement.query_row(params![table, id], |row| row.get::<_, Option<String>>(0)).optional()
        };
        get().map(Option::flatten).map_err(failure::reading)
    }

    /// Whether the row ever was.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn knows(&self, table: &str, id: u64) -> Result<bool, StoreError> {
        let knows = || {
            let mut statement = self.0.prepare_cached("SELECT EXISTS (SELECT 1 FROM rows WHERE name = ?1 AND id = ?2)")?;
            statement.query_row(params![table, id], |row| row.get(0))
        };
        knows().map_err(failure::reading)
    }

    /// The largest id of a table that ever was.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn largest(&self, table: &str) -> Result<Option<u64>, StoreError> {
        let largest = || self.0.query_row("SELECT max(id) FROM rows WHERE name = ?1", [table], |row| row.get(0));
        largest().map_err(failure::reading)
    }

    /// Rows of a table in the order of their ids, behind `after`; those that were taken away among them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn page(&self, table: &str, after: Option<u64>, limit: usize) -> Result<Vec<ScratchRow>, StoreError> {
        let page = || {
            let mut statement =
                self.0.prepare_cached("SELECT id, json, times FROM rows WHERE name = ?1 AND id > ?2 ORDER BY id LIMIT ?3")?;
            let rows = statement.query_map(params![table, after.map_or(-1, read::bound), read::bound(limit)], |row| {
                Ok(ScratchRow { id: row.get(0)?, json: row.get(1)?, times: row.get(2)? })
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        page().map_err(failure::reading)
    }
}
