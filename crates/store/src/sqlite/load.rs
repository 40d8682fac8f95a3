//! What a transaction claims, read under its lock: SQLite has one for the whole file, so the order is the callers' affair only.

use rusqlite::{OptionalExtension, Transaction, params};

use super::sql::Sql;
use super::{names, read};
use crate::{Claims, Loaded, LoadedRoot, Record, RecordKey, RootKey};

pub(super) fn claimed(transaction: &Transaction<'_>, sql: &Sql, claims: &Claims) -> rusqlite::Result<Loaded> {
    let mut loaded = Loaded::default();
    for key in &claims.records {
        if let Some(record) = record(transaction, sql, key)? {
            loaded.records.insert(key.clone(), record);
        }
    }
    for key in &claims.positions {
        let position = transaction
            .prepare_cached(&sql.service(key.service)?.position)?
            .query_row(params![key.consumer, key.source, key.shard], |row| read::position(row, 0))
            .optional()?;
        loaded.positions.insert(key.clone(), position.unwrap_or_default());
    }
    for (service, consumer) in &claims.consumers {
        let mut statement = transaction.prepare_cached(&sql.service(service)?.parked_keys)?;
        for found in statement.query_map([consumer], |row| Ok((row.get(0)?, row.get(1)?)))? {
            let (source, key) = found?;
            loaded.parked.insert((service, consumer.clone(), source, key));
        }
    }
    for key in &claims.lines {
        if let Some(first) = read::parked_first(transaction, sql, key)? {
            loaded.lines.insert(key.clone(), first);
        }
    }
    for (key, folded) in &claims.roots {
        let root = if claims.whole.contains(key) { whole_root(transaction, sql, key)? } else { root(transaction, sql, key, *folded)? };
        loaded.roots.insert(key.clone(), root);
    }
    for key in &claims.sequences {
        let last = transaction.prepare_cached(&sql.service(key.service)?.sequence)?.query_row([key.name], |row| row.get(0)).optional()?;
        loaded.sequences.insert(key.clone(), last.unwrap_or(0));
    }
    for key in &claims.rows {
        if let Some(row) = read::row(transaction, sql, key.service, &key.table, key.id)? {
            loaded.rows.insert(key.clone(), row);
        }
    }
    Ok(loaded)
}

fn record(transaction: &Transaction<'_>, sql: &Sql, key: &RecordKey) -> rusqlite::Result<Option<Record>> {
    transaction
        .prepare_cached(&sql.service(key.service)?.record)?
        .query_row(params![names::record_kind(key.kind), key.key], |row| Ok(Record { at: read::instant(row, 0)?, value: row.get(1)? }))
        .optional()
}

fn head(transaction: &Transaction<'_>, sql: &Sql, key: &RootKey) -> rusqlite::Result<Option<LoadedRoot>> {
    transaction
        .prepare_cached(&sql.service(key.service)?.root)?
        .query_row(params![key.aggregate, key.key], |row| {
            Ok(LoadedRoot { version: row.get(0)?, at: Some(read::instant(row, 1)?), ..LoadedRoot::default() })
        })
        .optional()
}

fn whole_root(transaction: &Transaction<'_>, sql: &Sql, key: &RootKey) -> rusqlite::Result<LoadedRoot> {
    let Some(head) = head(transaction, sql, key)? else { return Ok(LoadedRoot::default()) };
    Ok(LoadedRoot { events: read::events(transaction, sql, key, 0)?, ..head })
}

fn root(transaction: &Transaction<'_>, sql: &Sql, key: &RootKey, folded: u64) -> rusqlite::Result<LoadedRoot> {
    let Some(mut loaded) = head(transaction, sql, key)? else { return Ok(LoadedRoot::default()) };
    let version = loaded.version;
    if folded < version {
        loaded.snapshot = transaction
            .prepare_cached(&sql.service(key.service)?.snapshot)?
            .query_row(params![key.aggregate, key.key, folded], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let known = loaded.snapshot.as_ref().map_or(folded, |(version, _)| *version);
        if known < version {
            loaded.events = read::events(transaction, sql, key, known)?;
        }
    }
    Ok(loaded)
}
