//! Reading: each thread that serves has a connection of its own, and reads where it is asked.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::schema;

/// So many rows are counted, and no more: as Yeyak does it.
pub(crate) const COUNTED: i64 = 10_000;

thread_local! {
    static CONNECTION: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

/// The file.
#[derive(Clone, Debug)]
pub(crate) struct Reader(PathBuf);

/// A page of rows, and how many there are of them, counted up to [`COUNTED`] and one.
pub(crate) struct Page {
    pub(crate) rows: Vec<String>,
    pub(crate) total: i64,
}

/// What stands in a room: the first instant and the first behind it, in microseconds, the reservation, and whose it is.
pub(crate) struct Standing {
    pub(crate) starts: i64,
    pub(crate) ends: i64,
    pub(crate) id: i64,
    pub(crate) user: String,
}

impl Reader {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self(file)
    }

    /// The row of a reservation.
    pub(crate) fn row(&self, id: i64) -> rusqlite::Result<Option<String>> {
        self.read(|connection| {
            connection.prepare_cached("SELECT json FROM reserves WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()
        })
    }

    /// A page of all. Reservations are numbered without gaps and none ever goes, so the last number says how many there are.
    pub(crate) fn page(&self, page: i64, size: i64) -> rusqlite::Result<Page> {
        self.read_at_one_instant(|snapshot| {
            let total = snapshot.prepare_cached("SELECT coalesce(max(id), 0) FROM reserves")?.query_row([], |row| row.get(0))?;
            let rows = snapshot
                .prepare_cached("SELECT json FROM reserves WHERE id > ?1 ORDER BY id LIMIT ?2")?
                .query_map([page * size, size], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(Page { rows, total })
        })
    }

    /// A page of a person's, the last date first.
    pub(crate) fn page_of(&self, user: &str, page: i64, size: i64) -> rusqlite::Result<Page> {
        self.read_at_one_instant(|snapshot| {
            let total = snapshot
                .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM reserves WHERE user = ?1 LIMIT ?2)")?
                .query_row(params![user, COUNTED + 1], |row| row.get(0))?;
            let rows = snapshot
                .prepare_cached("SELECT json FROM reserves WHERE user = ?1 ORDER BY date DESC, id DESC LIMIT ?2 OFFSET ?3")?
                .query_map(params![user, size, page * size], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(Page { rows, total })
        })
    }

    /// What stands in each of these rooms between two instants.
    pub(crate) fn standing(&self, rooms: BTreeSet<u64>, from: i64, until: i64) -> rusqlite::Result<BTreeMap<u64, Vec<Standing>>> {
        self.read_at_one_instant(|snapshot| {
            let mut query =
                snapshot.prepare_cached("SELECT starts, ends, id, user FROM reserves WHERE room = ?1 AND starts >= ?2 AND starts < ?3")?;
            let standing = |row: &Row<'_>| Ok(Standing { starts: row.get(0)?, ends: row.get(1)?, id: row.get(2)?, user: row.get(3)? });
            let of_room = |room| Ok((room, query.query_map(params![room, from, until], standing)?.collect::<rusqlite::Result<_>>()?));
            rooms.into_iter().map(of_room).collect()
        })
    }

    /// Reads that see the same. What begins and ends them is prepared as well: to parse it for each would be a twentieth of a page.
    fn read_at_one_instant<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        self.read(|connection| {
            connection.prepare_cached("BEGIN")?.execute([])?;
            let result = read(connection);
            connection.prepare_cached("COMMIT")?.execute([])?;
            result
        })
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        CONNECTION.with_borrow_mut(|connection| match connection {
            Some(connection) => read(connection),
            None => read(connection.insert(schema::open_to_read(&self.0)?)),
        })
    }
}
