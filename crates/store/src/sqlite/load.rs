//! What a transaction claims, read under its lock: SQLite has one for the whole file, so the order is the callers' affair only.

use std::borrow::Cow;

use rusqlite::{OptionalExtension, Row, params};

use super::chain::{End, Ends};
use super::sql::Sql;
use super::statements::Statements;
use super::{names, read};
use crate::{Claims, Loaded, LoadedRoot, Record, RecordKey, RootKey, RowKey};

pub(super) fn claimed<'a>(statements: &mut Statements<'a>, sql: &'a Sql, claims: &Claims) -> rusqlite::Result<(Loaded, Ends)> {
    let (mut loaded, mut ends) = (Loaded::default(), Ends::default());
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
        let (root, end) = root(statements, sql, key, if claims.whole.contains(key) { None } else { Some(*folded) })?;
        loaded.roots.insert(key.clone(), root);
        ends.know(key, end);
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
    Ok((loaded, ends))
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

/// A root, as far as the caller has not `folded` it; whole when its snapshot is not wanted.
fn root<'a>(statements: &mut Statements<'a>, sql: &'a Sql, key: &RootKey, folded: Option<u64>) -> rusqlite::Result<(LoadedRoot, End)> {
    let texts = sql.service(key.service)?;
    let read = |row: &Row<'_>| Ok((End::read(row, 0)?, read::instant(row, 3)?));
    let found = statements.get(&texts.root)?.query_row(params![key.aggregate, key.key], read).optional()?;
    let Some((end, at)) = found else { return Ok(Default::default()) };
    let mut loaded = LoadedRoot { version: end.version, at: Some(at), ..LoadedRoot::default() };
    if let Some(folded) = folded.filter(|folded| *folded < end.version) {
        loaded.snapshot = statements
            .get(&texts.snapshot)?
            .query_row(params![key.aggregate, key.key, folded], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
    }
    let known = loaded.snapshot.as_ref().map_or(folded.unwrap_or(0), |(version, _)| *version);
    if known < end.version {
        loaded.events = read::events(statements.connection, texts, key, end.last, known)?;
    }
    Ok((loaded, end))
}
