//! The events of one root are a chain: the root knows its last, and each event the one before it.
//!
//! An index over them would be one more page to write for nearly every command, for each root's events stand apart from all others in it.

use foldhash::HashMap;
use kernel::Timestamp;
use rusqlite::{Connection, Error, OptionalExtension, Row, ffi, params};

use super::sql::{ServiceSql, Sql};
use super::statements::Statements;
use crate::{NewEvent, RootKey};

/// The end of a root's chain.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct End {
    pub(super) version: u64,
    /// The number of its last event.
    pub(super) last: Option<i64>,
    /// Whether any of its events was published.
    published: bool,
    /// The instant of its last event, when that is not written with the root yet.
    unwritten: Option<Timestamp>,
}

impl End {
    /// From `version, last, published` in the columns from `first` on.
    pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self { version: row.get(first)?, last: row.get(first + 1)?, published: row.get(first + 2)?, unwritten: None })
    }
}

/// The ends of the chains that a transaction adds to.
#[derive(Default)]
pub(super) struct Ends {
    ends: HashMap<RootKey, End>,
    /// How many of them have an end that is not written with the root yet.
    unwritten: usize,
}

/// Where an event stands: its number, and that of the one before it.
pub(super) type Link = (i64, Option<i64>);

impl Ends {
    /// What was found of a root.
    pub(super) fn know(&mut self, root: &RootKey, end: End) {
        self.ends.insert(root.clone(), end);
    }

    fn of<'a>(&mut self, statements: &mut Statements<'a>, sql: &'a Sql, root: &RootKey) -> rusqlite::Result<&mut End> {
        if !self.ends.contains_key(root) {
            let end = statements.get(&sql.service(root.service)?.end)?;
            let end = end.query_row(params![root.aggregate, root.key], |row| End::read(row, 0)).optional()?;
            self.ends.insert(root.clone(), end.unwrap_or_default());
        }
        self.ends.get_mut(root).ok_or(Error::QueryReturnedNoRows)
    }

    /// Numbers new events, in their order, and links each to the one before it.
    pub(super) fn link<'a>(&mut self, statements: &mut Statements<'a>, sql: &'a Sql, events: &[NewEvent]) -> rusqlite::Result<Vec<Link>> {
        let mut last: HashMap<&'static str, i64> = HashMap::default();
        let mut links = Vec::with_capacity(events.len());
        for event in events {
            let service = event.root.service;
            let id = match last.get(service) {
                Some(last) => last + 1,
                None => {
                    let last: Option<i64> = statements.get(&sql.service(service)?.last_event)?.query_row([], |row| row.get(0))?;
                    last.unwrap_or(0) + 1
                }
            };
            last.insert(service, id);
            let end = self.of(statements, sql, &event.root)?;
            if event.version <= end.version {
                let used = format!("{:?} has version {} already, and is given version {}", event.root, end.version, event.version);
                return Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CONSTRAINT_UNIQUE), Some(used)));
            }
            links.push((id, end.last));
            let published = end.published || event.published.is_some();
            let was_written = end.unwritten.is_none();
            *end = End { version: event.version, last: Some(id), published, unwritten: Some(event.at) };
            self.unwritten += usize::from(was_written);
        }
        Ok(links)
    }

    /// The last event of a root that is being written, and whether any was published.
    pub(super) fn written<'a>(
        &mut self,
        statements: &mut Statements<'a>,
        sql: &'a Sql,
        root: &RootKey,
    ) -> rusqlite::Result<(Option<i64>, bool)> {
        let end = self.of(statements, sql, root)?;
        let (last, published, was_unwritten) = (end.last, end.published, end.unwritten.take().is_some());
        self.unwritten -= usize::from(was_unwritten);
        Ok((last, published))
    }

    /// Writes the ends of the chains whose roots are not written themselves.
    pub(super) fn write_others<'a>(mut self, statements: &mut Statements<'a>, sql: &'a Sql, events: &[NewEvent]) -> rusqlite::Result<()> {
        for event in events {
            if self.unwritten == 0 {
                break;
            }
            let End { version, last, published, unwritten } = *self.of(statements, sql, &event.root)?;
            if let Some(at) = unwritten {
                self.written(statements, sql, &event.root)?;
                let RootKey { service, aggregate, key } = &event.root;
                let put = statements.get(&sql.service(service)?.put_end)?;
                put.execute(params![aggregate, key, version, at.as_microsecond(), last, published])?;
            }
        }
        Ok(())
    }
}

/// The number of a root's last event.
pub(super) fn last(connection: &Connection, texts: &ServiceSql, aggregate: &str, key: &str) -> rusqlite::Result<Option<i64>> {
    let found = connection.prepare_cached(&texts.end)?.query_row([aggregate, key], |row| row.get(1)).optional()?;
    Ok(found.flatten())
}

/// The versions and numbers of a root's events.
pub(super) type Ids = Vec<(u64, i64)>;

/// The numbers of its events behind `after`, in their order.
pub(super) fn ids_after(connection: &Connection, texts: &ServiceSql, aggregate: &str, key: &str, after: i64) -> rusqlite::Result<Vec<i64>> {
    let mut ids = Vec::new();
    walk_back(connection, &texts.audit.link, aggregate, key, last(connection, texts, aggregate, key)?, |row| {
        let id: i64 = row.get(2)?;
        let is_behind = id > after;
        ids.extend(is_behind.then_some(id));
        Ok(is_behind)
    })?;
    ids.reverse();
    Ok(ids)
}

/// Those of all its events, in their order and as far back as the chain holds, and what ended it.
pub(super) fn ids_found(
    connection: &Connection,
    texts: &ServiceSql,
    aggregate: &str,
    key: &str,
) -> rusqlite::Result<(Ids, rusqlite::Result<()>)> {
    let mut ids = Ids::new();
    let walked = walk_back(connection, &texts.audit.link, aggregate, key, last(connection, texts, aggregate, key)?, |row| {
        ids.push((row.get(1)?, row.get(2)?));
        Ok(true)
    });
    ids.sort_unstable();
    Ok((ids, walked))
}

/// Walks back from the event numbered `last`, by a statement that finds an event of a root by its number and tells first the one before it, as
/// long as `see` wants to see more.
///
/// # Errors
/// When an event is missing.
pub(super) fn walk_back(
    connection: &Connection,
    text: &str,
    aggregate: &str,
    key: &str,
    last: Option<i64>,
    mut see: impl FnMut(&Row<'_>) -> rusqlite::Result<bool>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(text)?;
    let mut next = last;
    while let Some(id) = next {
        let seen = statement.query_row(params![id, aggregate, key], |row| {
            let before: Option<i64> = row.get(0)?;
            Ok(if see(row)? { before } else { None })
        });
        next = match seen.optional()? {
            Some(before) if before.is_none_or(|before| before < id) => before,
            _ => {
                let broken = format!("event {id} of {aggregate}/{key} is not there, or does not stand behind the one before it");
                return Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(broken)));
            }
        };
    }
    Ok(())
}
