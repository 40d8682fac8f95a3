use kernel::{Field, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::names;
use crate::{
    Cell, Direction, Epoch, Feed, FeedEvent, HistoryEntry, Meta, Page, Parked, Position, Query, RecordedEvent, RootKey, SHARDS, Shard,
};

/// An instant as it is stored: microseconds since 1970.
pub(super) fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let stored: i64 = row.get(column)?;
    Timestamp::from_microsecond(stored).map_err(|error| unreadable(column, error))
}

pub(super) fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

fn meta(row: &Row<'_>, first: usize) -> rusqlite::Result<Meta> {
    Ok(Meta { correlation: row.get(first)?, causation: row.get(first + 1)?, caller: row.get(first + 2)? })
}

pub(super) fn feed(connection: &Connection, service: &str, shard: Shard, after: u64, limit: usize) -> rusqlite::Result<Feed> {
    let events = connection
        .prepare_cached(&format!(
            "SELECT epoch, seq, key, at, published, correlation, causation, caller FROM {} \
             WHERE shard = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
            names::table(service, "events")
        ))?
        .query_map(params![shard, after, limit], |row| {
            Ok(FeedEvent {
                source: service.into(),
                shard,
                position: Position { epoch: row.get(0)?, seq: row.get(1)? },
                key: row.get(2)?,
                at: instant(row, 3)?,
                data: row.get(4)?,
                meta: meta(row, 5)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let epochs = connection
        .prepare_cached(&format!("SELECT epoch, after FROM {} WHERE shard = ?1 ORDER BY epoch", names::table(service, "epochs")))?
        .query_map([shard], |row| Ok(Epoch { epoch: row.get(0)?, after: row.get(1)? }))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Feed { events, epochs })
}

pub(super) fn epoch(connection: &Connection, service: &str) -> rusqlite::Result<u32> {
    connection
        .prepare_cached(&format!("SELECT max(epoch) FROM {}", names::table(service, "epochs")))?
        .query_row([], |row| row.get(0))
}

pub(super) fn heads(connection: &Connection, service: &str) -> rusqlite::Result<Vec<Position>> {
    let epoch = epoch(connection, service)?;
    let mut statement =
        connection.prepare_cached(&format!("SELECT value FROM {} WHERE name = ?1", names::table(service, "sequences")))?;
    (0..SHARDS)
        .map(|shard| {
            let seq = statement.query_row([super::write::head_name(shard)], |row| row.get(0)).optional()?.unwrap_or(0);
            Ok(Position { epoch, seq })
        })
        .collect()
}

pub(super) fn positions(connection: &Connection, service: &str, consumer: &str, source: &str) -> rusqlite::Result<Vec<Position>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT epoch, seq FROM {} WHERE consumer = ?1 AND source = ?2 AND shard = ?3",
        names::table(service, "positions")
    ))?;
    (0..SHARDS).map(|shard| position(&mut statement, consumer, source, shard)).collect()
}

pub(super) fn position(
    statement: &mut rusqlite::Statement<'_>,
    consumer: &str,
    source: &str,
    shard: Shard,
) -> rusqlite::Result<Position> {
    let found = statement.query_row(params![consumer, source, shard], |row| Ok(Position { epoch: row.get(0)?, seq: row.get(1)? }));
    Ok(found.optional()?.unwrap_or_default())
}

pub(super) fn row(connection: &Connection, service: &str, table: &str, id: u64) -> rusqlite::Result<Option<String>> {
    let Ok(id) = i64::try_from(id) else { return Ok(None) };
    connection
        .prepare_cached(&format!("SELECT body FROM {} WHERE id = ?1", names::rows(service, table)))?
        .query_row([id], |row| row.get(0))
        .optional()
}

pub(super) fn rows(connection: &Connection, service: &str, table: &str, query: &Query) -> rusqlite::Result<Page> {
    let name = names::rows(service, table);
    let mut values: Vec<rusqlite::types::Value> = Vec::new();
    let mut conditions = Vec::new();
    for (field, cell) in &query.filters {
        match value(cell) {
            rusqlite::types::Value::Null => conditions.push(format!("\"{field}\" IS NULL")),
            present => {
                values.push(present);
                conditions.push(format!("\"{field}\" = ?{}", values.len()));
            }
        }
    }
    let filter = if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
    let mut order: Vec<String> = query
        .sort
        .iter()
        .map(|(field, direction)| format!("\"{field}\"{}", if *direction == Direction::Descending { " DESC" } else { "" }))
        .collect();
    order.push("id".into());

    let counted = Page::COUNTED + 1;
    let total: u64 = connection
        .prepare_cached(&format!("SELECT count(*) FROM (SELECT 1 FROM {name} {filter} LIMIT {counted})"))?
        .query_row(params_from_iter(values.iter()), |row| row.get(0))?;
    let (limit, offset) = (values.len() + 1, values.len() + 2);
    values.push(rusqlite::types::Value::Integer(i64::try_from(query.size).unwrap_or(i64::MAX)));
    values.push(rusqlite::types::Value::Integer(i64::try_from(query.page.saturating_mul(query.size)).unwrap_or(i64::MAX)));
    let rows = connection
        .prepare_cached(&format!("SELECT body FROM {name} {filter} ORDER BY {} LIMIT ?{limit} OFFSET ?{offset}", order.join(", ")))?
        .query_map(params_from_iter(values.iter()), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Page { rows, total: total.min(Page::COUNTED), total_is_lower_bound: total > Page::COUNTED })
}

pub(super) fn value(cell: &Cell) -> rusqlite::types::Value {
    match cell {
        Cell::Null => rusqlite::types::Value::Null,
        Cell::Integer(number) => rusqlite::types::Value::Integer(*number),
        Cell::Text(text) => rusqlite::types::Value::Text(text.clone()),
    }
}

pub(super) fn history(
    connection: &Connection,
    service: &str,
    collection: &str,
    id: u64,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<HistoryEntry>> {
    let entry = |row: &Row<'_>| Ok(HistoryEntry { position: row.get(0)?, at: instant(row, 1)?, data: row.get(2)?, meta: meta(row, 3)? });
    let Ok(id) = i64::try_from(id) else { return Ok(Vec::new()) };
    if collection.contains('@') {
        connection
            .prepare_cached(&format!(
                "SELECT n, at, data, correlation, causation, caller FROM {} WHERE view = ?1 AND row = ?2 AND n > ?3 ORDER BY n LIMIT ?4",
                names::table(service, "history")
            ))?
            .query_map(params![collection, id, after, limit], entry)?
            .collect()
    } else {
        connection
            .prepare_cached(&format!(
                "SELECT id, at, data, correlation, causation, caller FROM {} WHERE subject = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
                names::table(service, "events")
            ))?
            .query_map(params![format!("{collection}/{id}"), after, limit], entry)?
            .collect()
    }
}

pub(super) fn due(
    connection: &Connection,
    service: &'static str,
    aggregates: &[&'static str],
    now: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<RootKey>> {
    let found = connection
        .prepare_cached(&format!(
            "SELECT aggregate, key FROM {} WHERE wake_at <= ?1 ORDER BY wake_at LIMIT ?2",
            names::table(service, "roots")
        ))?
        .query_map(params![now.as_microsecond(), limit], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let known = |name: &str| aggregates.iter().find(|known| **known == name).copied();
    Ok(found.into_iter().filter_map(|(name, key)| Some(RootKey { service, aggregate: known(&name)?, key })).collect())
}

pub(super) fn next_wake(connection: &Connection, service: &str) -> rusqlite::Result<Option<Timestamp>> {
    connection
        .prepare_cached(&format!(
            "SELECT wake_at FROM {} WHERE wake_at IS NOT NULL ORDER BY wake_at LIMIT 1",
            names::table(service, "roots")
        ))?
        .query_row([], |row| instant(row, 0))
        .optional()
}

pub(super) fn roots(
    connection: &Connection,
    service: &'static str,
    aggregate: &'static str,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<RootKey>> {
    connection
        .prepare_cached(&format!(
            "SELECT key FROM {} WHERE aggregate = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
            names::table(service, "roots")
        ))?
        .query_map(params![aggregate, after.unwrap_or(""), limit], |row| Ok(RootKey { service, aggregate, key: row.get(0)? }))?
        .collect()
}

pub(super) fn events(connection: &Connection, root: &RootKey, after: u64) -> rusqlite::Result<Vec<RecordedEvent>> {
    connection
        .prepare_cached(&format!(
            "SELECT version, at, data FROM {} WHERE aggregate = ?1 AND key = ?2 AND version > ?3 ORDER BY version",
            names::table(root.service, "events")
        ))?
        .query_map(params![root.aggregate, root.key, after], |row| {
            Ok(RecordedEvent { version: row.get(0)?, at: instant(row, 1)?, data: row.get(2)? })
        })?
        .collect()
}

pub(super) fn view_version(connection: &Connection, service: &str, view: &str) -> rusqlite::Result<Option<u32>> {
    connection
        .prepare_cached(&format!("SELECT version FROM {} WHERE name = ?1", names::table(service, "views")))?
        .query_row([view], |row| row.get(0))
        .optional()
}

pub(super) fn parked(connection: &Connection, service: &'static str, limit: usize) -> rusqlite::Result<Vec<Parked>> {
    connection
        .prepare_cached(&format!(
            "SELECT consumer, event, error, tries, next_at FROM {} ORDER BY consumer, source, shard, seq LIMIT ?1",
            names::table(service, "parked")
        ))?
        .query_map([limit], |row| {
            let event: String = row.get(1)?;
            Ok(Parked {
                service,
                consumer: row.get(0)?,
                event: serde_json::from_str(&event).map_err(|error| unreadable(1, error))?,
                error: row.get(2)?,
                tries: row.get(3)?,
                next_at: instant(row, 4)?,
            })
        })?
        .collect()
}

/// The fields of a table, which a write needs to name its columns.
pub(super) fn fields(schema: &crate::Schema, service: &str, table: &str) -> &'static [Field] {
    schema
        .services
        .iter()
        .find(|one| one.name == service)
        .and_then(|one| one.tables.iter().find(|one| one.name == table))
        .map_or(&[], |one| one.fields)
}
