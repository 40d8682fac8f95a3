//! A store as it stood at one instant, read for verifying.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Row, params};

use super::connections::Connections;
use super::sql::Sql;
use super::{Options, chain, connection, ddl, failure, formats, names, read, totals};
use crate::{
    Cell, Feed, HeldPosition, OpenError, Parked, Position, Record, RecordKind, RootKey, Schema, Shard, Snapshot, StoreError, StoredEvent,
    StoredRoot, StoredRow,
};
use kernel::FieldKind;

/// A store at one instant.
pub(super) struct SqliteSnapshot<'a> {
    source: Source<'a>,
    sql: Arc<Sql>,
    /// The root whose events are being read, and their versions and numbers.
    chain: RefCell<Option<(RootKey, chain::Ids)>>,
}

enum Source<'a> {
    /// A connection of its own, in a transaction for as long as it lives.
    Own(Connection),
    /// The one connection of a store that runs everything where it is called: nothing happens beside it.
    Shared(&'a Connections),
}

impl<'a> SqliteSnapshot<'a> {
    /// What stands in the store now.
    pub(super) fn of(connections: &'a Connections, sql: &Arc<Sql>) -> rusqlite::Result<Self> {
        let source = match connections.beside()? {
            Some(connection) => Source::Own(hold(connection)?),
            None => Source::Shared(connections),
        };
        Ok(Self { source, sql: Arc::clone(sql), chain: RefCell::default() })
    }

    fn read<T>(&self, job: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let job = |connection: &Connection| job(connection).map_err(failure::reading);
        match &self.source {
            Source::Own(connection) => job(connection),
            Source::Shared(connections) => connections.here(job),
        }
    }
}

/// What stands in a file that no process has open. The file is not brought up to the schema, and neither it nor its directory is written to,
/// so that they need not be writable; unless a process was killed that had it open: then its log is taken in, as whoever opens it does.
///
/// # Errors
/// As [`SqliteStore::open`](super::SqliteStore::open), and when there is no file.
pub fn snapshot_of(path: &Path, schema: &Schema) -> Result<Box<dyn Snapshot>, OpenError> {
    let unusable = |error: rusqlite::Error| OpenError::Unusable { path: path.into(), why: error.to_string() };
    let connection = if connection::is_closed(path) {
        connection::untouched(path).map_err(unusable)?
    } else {
        connection::reader(path, &Options::default()).map_err(|error| OpenError::Unusable {
            path: path.into(),
            why: format!(
                "{error}; a process was killed that had it open, and its log cannot be taken in here: copy the directory, and take the copy"
            ),
        })?
    };
    ddl::identify(&connection, path)?;
    let source = Source::Own(hold(connection).map_err(unusable)?);
    Ok(Box::new(SqliteSnapshot { source, sql: Arc::new(Sql::new(schema)), chain: RefCell::default() }))
}

/// Holds the connection at this instant: a transaction sees what stood at its first read.
fn hold(connection: Connection) -> rusqlite::Result<Connection> {
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// An id behind which reading begins.
fn behind(after: Option<u64>) -> i64 {
    after.map_or(i64::MIN, read::bound)
}

fn optional_instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<kernel::Timestamp>> {
    row.get::<_, Option<i64>>(column)?.map(|_| read::instant(row, column)).transpose()
}

fn stored_event(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    let shard: Option<Shard> = row.get(5)?;
    let published = shard.map(|shard| Ok::<_, rusqlite::Error>((shard, read::position(row, 6)?))).transpose()?;
    Ok(StoredEvent {
        version: row.get(0)?,
        at: read::instant(row, 1)?,
        data: row.get(2)?,
        causation: row.get(3)?,
        caller: row.get(4)?,
        published,
        form: row.get(8)?,
    })
}

fn stored_cell(kind: FieldKind, row: &Row<'_>, column: usize) -> rusqlite::Result<Cell> {
    Ok(match kind {
        FieldKind::Integer | FieldKind::Instant => row.get::<_, Option<i64>>(column)?.map_or(Cell::Null, Cell::Integer),
        FieldKind::Text => row.get::<_, Option<String>>(column)?.map_or(Cell::Null, Cell::Text),
    })
}

impl Snapshot for SqliteSnapshot<'_> {
    fn faults(&self, limit: usize) -> Result<Vec<String>, StoreError> {
        self.read(|connection| {
            let mut found = integrity(connection, "integrity_check", limit)?;
            let mut foreign = connection.prepare("PRAGMA foreign_key_check")?;
            let foreign = foreign.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
            found.extend(foreign.into_iter().take(limit).map(|table| format!("a row of {table} refers to one that is not there")));
            Ok(found)
        })
    }

    fn has_service(&self, service: &'static str) -> Result<bool, StoreError> {
        // Any of them: one that is gone is a damage, and no service that was never there.
        let mut known = false;
        for table in ["roots", "events", "sequences", "epochs", "positions"] {
            known |= self.read(|connection| formats::has_table(connection, &names::table(service, table)))?;
        }
        Ok(known)
    }

    fn has_table(&self, service: &'static str, table: &str) -> Result<bool, StoreError> {
        self.read(|connection| formats::has_table(connection, &names::rows(service, table)))
    }

    fn size(&self, service: &'static str) -> Result<u64, StoreError> {
        self.read(|connection| connection.query_row(&self.sql.service(service)?.audit.size, [], |row| row.get(0)))
    }

    fn roots(
        &self,
        service: &'static str,
        aggregate: &'static str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredRoot>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&self.sql.service(service)?.audit.roots)?;
            let roots = statement.query_map(params![aggregate, after.unwrap_or(""), read::bound(limit)], |row| {
                let snapshot: Option<u64> = row.get(4)?;
                Ok(StoredRoot {
                    key: row.get(0)?,
                    version: row.get(1)?,
                    at: read::instant(row, 2)?,
                    wake_at: optional_instant(row, 3)?,
                    snapshot: snapshot.map(|version| Ok::<_, rusqlite::Error>((version, row.get(5)?))).transpose()?,
                })
            })?;
            roots.collect()
        })
    }

    fn events(&self, root: &RootKey, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.read(|connection| {
            let texts = self.sql.service(root.service)?;
            if formats::has_streams(connection, root.service)? {
                let mut statement = connection.prepare_cached(&texts.audit.events_by_index)?;
                let bounds = params![root.aggregate, root.key, read::bound(after), read::bound(limit)];
                return statement.query_map(bounds, stored_event)?.collect();
            }
            // A chain is walked from its end, so that is done once, and the parts are read by what was found.
            let mut chain = self.chain.borrow_mut();
            if after == 0 || chain.as_ref().is_none_or(|(known, _)| known != root) {
                // Where it ends too early, whoever verifies sees what is missing.
                let (ids, _) = chain::ids_found(connection, texts, root.aggregate, &root.key)?;
                *chain = Some((root.clone(), ids));
            }
            let ids = chain.as_ref().map_or(&[][..], |(_, ids)| ids);
            let mut event = connection.prepare_cached(&texts.audit.event)?;
            let behind = ids.iter().skip(ids.partition_point(|(version, _)| *version <= after));
            behind.take(limit).map(|(_, id)| event.query_row([id], stored_event)).collect()
        })
    }

    fn strays(&self, service: &'static str, limit: usize) -> Result<Vec<(String, String)>, StoreError> {
        self.read(|connection| {
            let audit = &self.sql.service(service)?.audit;
            let loose = (!formats::has_streams(connection, service)?).then_some(&audit.loose_events);
            let mut found = Vec::new();
            for text in [&audit.stray_events, &audit.stray_snapshots].into_iter().chain(loose) {
                let mut statement = connection.prepare_cached(text)?;
                for stray in statement.query_map([read::bound(limit)], |row| Ok((row.get(0)?, row.get(1)?)))? {
                    found.push(stray?);
                }
            }
            Ok(found)
        })
    }

    fn sequences(&self, service: &'static str) -> Result<Vec<(String, u64)>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&self.sql.service(service)?.audit.sequences)?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }

    fn rows(&self, service: &'static str, table: &str, after: Option<u64>, limit: usize) -> Result<Vec<StoredRow>, StoreError> {
        self.read(|connection| {
            let texts = self.sql.service(service)?.table(table)?;
            let mut statement = connection.prepare_cached(&texts.scan)?;
            let rows = statement.query_map(params![behind(after), read::bound(limit)], |row| {
                let cells = texts.fields.iter().enumerate().map(|(place, field)| stored_cell(field.kind, row, place + 2));
                Ok(StoredRow { id: row.get(0)?, json: row.get(1)?, cells: cells.collect::<rusqlite::Result<_>>()? })
            })?;
            rows.collect()
        })
    }

    fn total(&self, service: &'static str, table: &str) -> Result<Option<u64>, StoreError> {
        self.read(|connection| match formats::has_column(connection, &names::table(service, "sequences"), "rows")? {
            true => totals::of(connection, self.sql.service(service)?, table),
            false => Ok(None),
        })
    }

    fn histories(&self, service: &'static str, table: &str, after: Option<u64>, limit: usize) -> Result<Vec<(u64, u64)>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&self.sql.service(service)?.audit.histories)?;
            statement.query_map(params![table, behind(after), read::bound(limit)], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }

    fn feed(&self, service: &'static str, shard: Shard, after: u64, limit: usize) -> Result<Feed, StoreError> {
        self.read(|connection| {
            let texts = self.sql.service(service)?;
            read::feed_by(connection, texts, &texts.audit.feed, shard, after, limit)
        })
    }

    fn heads(&self, service: &'static str) -> Result<Vec<Position>, StoreError> {
        self.read(|connection| match formats::has_heads(connection, service)? {
            true => read::heads_by(connection, &self.sql, service, &self.sql.service(service)?.audit.heads_apart),
            false => read::heads(connection, &self.sql, service),
        })
    }

    fn positions(&self, service: &'static str) -> Result<Vec<HeldPosition>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&self.sql.service(service)?.audit.positions)?;
            let positions = statement.query_map([], |row| {
                Ok(HeldPosition { consumer: row.get(0)?, source: row.get(1)?, shard: row.get(2)?, position: read::position(row, 3)? })
            })?;
            positions.collect()
        })
    }

    fn records(&self, service: &'static str, kind: RecordKind, after: &str, limit: usize) -> Result<Vec<(String, Record)>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&self.sql.service(service)?.audit.records)?;
            let records = statement.query_map(params![names::record_kind(kind), after, read::bound(limit)], |row| {
                Ok((row.get(0)?, Record { at: read::instant(row, 1)?, value: row.get(2)? }))
            })?;
            records.collect()
        })
    }

    fn parked(&self, service: &'static str, limit: usize) -> Result<Vec<Parked>, StoreError> {
        self.read(|connection| read::parked(connection, &self.sql, service, limit))
    }

    fn view_version(&self, service: &'static str, view: &str) -> Result<Option<u32>, StoreError> {
        self.read(|connection| read::view_version(connection, &self.sql, service, view))
    }
}

/// What SQLite finds wrong with a file by one of its checks.
pub(super) fn integrity(connection: &Connection, check: &str, limit: usize) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA {check}({limit})"))?;
    let found = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}
