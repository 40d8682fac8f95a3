//! What a transaction claims, read under its lock: SQLite has one for the whole file, so the order is the callers' affair only.

use std::borrow::Cow;

use rusqlite::{OptionalExtension, params};

use super::sql::Sql;
use super::statements::Statements;
use super::{names, read};
use crate::{Claims, Loaded, LoadedRoot, Record, RecordKey, RootKey, RowKey};

pub(super) fn claimed<'a>(statements: &mut Statements<'a>, sql: &'a Sql, claims: &Claims) -> rusqlite::Result<Loaded> {
    let mut loaded = Loaded::default();
    for key in &claims.records {
        if let Some(record) = record(statements, sql, key)? {
            loaded.records.insert(key.clone(), record);
        }
    }
    for key in &claims.positions {
        let position = statements
            .get(&sql.service(key.service)?.position)?
            .query_row(params![key.consumer, key.source, key.shard], |row| read::position(row, 0))
            .optional()?;
        loaded.positions.insert(key.clone(), position.unwrap_or_default());
    }
    for (service, consumer) in &claims.consumers {
        let statement = statements.get(&sql.service(service)?.parked_keys)?;
        for found in statement.query_map([consumer], |row| Ok((row.get(0)?, row.get(1)?)))? {
            let (source, key) = found?;
            loaded.parked.insert((service, consumer.clone(), source, key));
        }
    }
    for key in &claims.lines {
        if let Some(first) = read::parked_first(statements.connection, sql, key)? {
            loaded.lines.insert(key.clone(), first);
        }
    }
    for (key, folded) in &claims.roots {
        let root = if claims.whole.contains(key) { whole_root(statements, sql, key)? } else { root(statements, sql, key, *folded)? };
        loaded.roots.insert(key.clone(), root);
    }
    for key in &claims.sequences {
        let last = statements.get(&sql.service(key.service)?.sequence)?.query_row([key.name], |row| row.get(0)).optional()?;
        loaded.sequences.insert(key.clone(), last.unwrap_or(0));
    }
    for key in &claims.rows {
        if let Some(row) = row(statements, sql, key)? {
            loaded.rows.insert(key.clone(), row);
        }
    }
    Ok(loaded)
}

fn row<'a>(statements: &mut Statements<'a>, sql: &'a Sql, key: &RowKey) -> rusqlite::Result<Option<String>> {
    match (sql.service(key.service)?.row(&key.table), i64::try_from(key.id)) {
        (Cow::Borrowed(text), Ok(id)) => statements.get(text)?.query_row([id], |row| row.get(0)).optional(),
        _ => read::row(statements.connection, sql, key.service, &key.table, key.id),
    }
}

fn record<'a>(statements: &mut Statements<'a>, sql: &'a Sql, key: &RecordKey) -> rusqlite::Result<Option<Record>> {
    statements
        .get(&sql.service(key.service)?.record)?
        .query_row(params![names::record_kind(key.kind), key.key], |row| Ok(Record { at: read::instant(row, 0)?, value: row.get(1)? }))
        .optional()
}

fn head<'a>(statements: &mut Statements<'a>, sql: &'a Sql, key: &RootKey) -> rusqlite::Result<Option<LoadedRoot>> {
    statements
        .get(&sql.service(key.service)?.root)?
        .query_row(params![key.aggregate, key.key], |row| {
            Ok(LoadedRoot { version: row.get(0)?, at: Some(read::instant(row, 1)?), ..LoadedRoot::default() })
        })
        .optional()
}

fn whole_root<'a>(statements: &mut Statements<'a>, sql: &'a Sql, key: &RootKey) -> rusqlite::Result<LoadedRoot> {
    let Some(head) = head(statements, sql, key)? else { return Ok(LoadedRoot::default()) };
    Ok(LoadedRoot { events: read::events(statements.connection, sql, key, 0)?, ..head })
}

fn root<'a>(statements: &mut Statements<'a>, sql: &'a Sql, key: &RootKey, folded: u64) -> rusqlite::Result<LoadedRoot> {
    let Some(mut loaded) = head(statements, sql, key)? else { return Ok(LoadedRoot::default()) };
    let version = loaded.version;
    if folded < version {
        loaded.snapshot = statements
            .get(&sql.service(key.service)?.snapshot)?
            .query_row(params![key.aggregate, key.key, folded], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let known = loaded.snapshot.as_ref().map_or(folded, |(version, _)| *version);
        if known < version {
            loaded.events = read::events(statements.connection, sql, key, known)?;
        }
    }
    Ok(loaded)
}
