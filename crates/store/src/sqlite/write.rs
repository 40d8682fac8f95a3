use kernel::{Field, Timestamp};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params, params_from_iter};

use super::{ddl, names, read};
use crate::{
    Claims, Committed, Decide, FeedEvent, Loaded, LoadedRoot, NewEvent, NewHistory, Parked, Position, Record, RecordKey, RecordKind,
    RootWrite, RowWrite, SHARDS, Schema, Shard, StoreError, Writes,
};

/// The counter that holds a shard's head.
pub(super) fn head_name(shard: Shard) -> String {
    format!("shard/{shard}")
}

fn kind_name(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Answer => "answer",
        RecordKind::Call => "call",
    }
}

/// What a failure before the commit means: a broken rule stays broken, anything else may pass.
fn failure(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig) => StoreError::Rejected(error.to_string()),
        Some(_) => StoreError::Away(error.to_string()),
        None => StoreError::Unreadable(error.to_string()),
    }
}

/// One transaction, from claim to commit.
pub(super) fn run(connection: &mut Connection, schema: &Schema, claims: &Claims, decide: Decide) -> Result<Committed, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failure)?;
    claim_batch(&transaction, &claims.batch).map_err(failure)?;
    let loaded = load(&transaction, claims).map_err(failure)?;
    let writes = decide(loaded).map_err(|abort| StoreError::Aborted(abort.0))?;
    let committed = apply(&transaction, schema, writes).map_err(failure)?;
    transaction.commit().map_err(|error| StoreError::Unknown(error.to_string()))?;
    Ok(committed)
}

fn claim_batch(transaction: &Transaction<'_>, batch: &str) -> rusqlite::Result<()> {
    transaction.prepare_cached("INSERT INTO batches (id) VALUES (?1)")?.execute([batch])?;
    // One writer has one batch under way, so only the last few can ever be asked for. Ids grow with time.
    transaction
        .prepare_cached("DELETE FROM batches WHERE id < (SELECT id FROM batches ORDER BY id DESC LIMIT 1 OFFSET 8)")?
        .execute([])?;
    Ok(())
}

/// Whether a batch stands.
pub(super) fn landed(connection: &mut Connection, batch: &str) -> Result<bool, StoreError> {
    connection
        .query_row("SELECT 1 FROM batches WHERE id = ?1", [batch], |_| Ok(()))
        .optional()
        .map(|found| found.is_some())
        .map_err(|error| StoreError::Away(error.to_string()))
}

fn load(transaction: &Transaction<'_>, claims: &Claims) -> rusqlite::Result<Loaded> {
    let mut loaded = Loaded::default();
    for key in &claims.records {
        if let Some(record) = load_record(transaction, key)? {
            loaded.records.insert(key.clone(), record);
        }
    }
    for key in &claims.positions {
        let mut statement = transaction.prepare_cached(&format!(
            "SELECT epoch, seq FROM {} WHERE consumer = ?1 AND source = ?2 AND shard = ?3",
            names::table(key.service, "positions")
        ))?;
        loaded.positions.insert(key.clone(), read::position(&mut statement, &key.consumer, &key.source, key.shard)?);
    }
    for (service, consumer) in &claims.consumers {
        let mut statement = transaction
            .prepare_cached(&format!("SELECT DISTINCT source, key FROM {} WHERE consumer = ?1", names::table(service, "parked")))?;
        for found in statement.query_map([consumer], |row| Ok((row.get(0)?, row.get(1)?)))? {
            let (source, key) = found?;
            loaded.parked.insert((service, consumer.clone(), source, key));
        }
    }
    for (root, folded) in &claims.roots {
        loaded.roots.insert(root.clone(), load_root(transaction, root, *folded)?);
    }
    for key in &claims.sequences {
        let last = transaction
            .prepare_cached(&format!("SELECT value FROM {} WHERE name = ?1", names::table(key.service, "sequences")))?
            .query_row([key.name], |row| row.get(0))
            .optional()?;
        loaded.sequences.insert(key.clone(), last.unwrap_or(0));
    }
    for key in &claims.rows {
        if let Some(row) = read::row(transaction, key.service, &key.table, key.id)? {
            loaded.rows.insert(key.clone(), row);
        }
    }
    Ok(loaded)
}

fn load_record(transaction: &Transaction<'_>, key: &RecordKey) -> rusqlite::Result<Option<Record>> {
    transaction
        .prepare_cached(&format!("SELECT at, value FROM {} WHERE kind = ?1 AND key = ?2", names::table(key.service, "records")))?
        .query_row(params![kind_name(key.kind), key.key], |row| Ok(Record { at: read::instant(row, 0)?, value: row.get(1)? }))
        .optional()
}

fn load_root(transaction: &Transaction<'_>, root: &crate::RootKey, folded: u64) -> rusqlite::Result<LoadedRoot> {
    let head = transaction
        .prepare_cached(&format!("SELECT version, at FROM {} WHERE aggregate = ?1 AND key = ?2", names::table(root.service, "roots")))?
        .query_row(params![root.aggregate, root.key], |row| Ok((row.get::<_, u64>(0)?, read::instant(row, 1)?)))
        .optional()?;
    let Some((version, at)) = head else { return Ok(LoadedRoot::default()) };
    let mut loaded = LoadedRoot { version, at: Some(at), ..LoadedRoot::default() };
    if folded == 0 {
        loaded.snapshot = transaction
            .prepare_cached(&format!(
                "SELECT version, state FROM {} WHERE aggregate = ?1 AND key = ?2",
                names::table(root.service, "snapshots")
            ))?
            .query_row(params![root.aggregate, root.key], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
    }
    let known = loaded.snapshot.as_ref().map_or(folded, |(version, _)| *version);
    if known < version {
        loaded.events = read::events(transaction, root, known)?;
    }
    Ok(loaded)
}

fn apply(transaction: &Transaction<'_>, schema: &Schema, writes: Writes) -> rusqlite::Result<Committed> {
    for root in &writes.roots {
        put_root(transaction, root)?;
    }
    for RowWrite { row, content } in &writes.rows {
        let name = names::rows(row.service, &row.table);
        match content {
            Some((cells, body)) => {
                put_row(transaction, &name, read::fields(schema, row.service, &row.table), row.id, cells, body)?;
            }
            None => {
                transaction.prepare_cached(&format!("DELETE FROM {name} WHERE id = ?1"))?.execute([row.id])?;
            }
        }
    }
    for entry in &writes.history {
        put_history(transaction, entry)?;
    }
    for (key, record) in &writes.records {
        put_record(transaction, key, record.as_ref())?;
    }
    for (key, position) in &writes.positions {
        transaction
            .prepare_cached(&format!(
                "INSERT OR REPLACE INTO {} (consumer, source, shard, epoch, seq) VALUES (?1, ?2, ?3, ?4, ?5)",
                names::table(key.service, "positions")
            ))?
            .execute(params![key.consumer, key.source, key.shard, position.epoch, position.seq])?;
    }
    for (key, last) in &writes.sequences {
        transaction
            .prepare_cached(&format!("INSERT OR REPLACE INTO {} (name, value) VALUES (?1, ?2)", names::table(key.service, "sequences")))?
            .execute(params![key.name, last])?;
    }
    for parked in &writes.parked {
        put_parked(transaction, parked)?;
    }
    for Parked { service, consumer, event, .. } in &writes.unparked {
        transaction
            .prepare_cached(&format!(
                "DELETE FROM {} WHERE consumer = ?1 AND source = ?2 AND shard = ?3 AND seq = ?4",
                names::table(service, "parked")
            ))?
            .execute(params![consumer, event.source, event.shard, event.position.seq])?;
    }
    append(transaction, writes.events)
}

/// Appends the events. Positions are given here, last of all, so that nothing a transaction waits for stands between a
/// shard's head and the commit.
fn append(transaction: &Transaction<'_>, events: Vec<NewEvent>) -> rusqlite::Result<Committed> {
    let mut committed = Committed::default();
    for event in events {
        let service = event.root.service;
        let position = event.published.as_ref().map(|published| next_position(transaction, service, published.shard)).transpose()?;
        transaction
            .prepare_cached(&format!(
                "INSERT INTO {} (aggregate, key, version, at, data, subject, correlation, causation, caller, shard, epoch, seq, published) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                names::table(service, "events")
            ))?
            .execute(params![
                event.root.aggregate,
                event.root.key,
                event.version,
                event.at.as_microsecond(),
                event.data,
                event.subject,
                event.meta.correlation,
                event.meta.causation,
                event.meta.caller,
                event.published.as_ref().map(|published| published.shard),
                position.map(|position| position.epoch),
                position.map(|position| position.seq),
                event.published.as_ref().map(|published| &published.data),
            ])?;
        if let (Some(position), Some(published)) = (position, event.published) {
            committed.published.push(FeedEvent {
                source: service.into(),
                shard: published.shard,
                position,
                key: event.root.key,
                at: event.at,
                data: published.data,
                meta: event.meta,
            });
        }
    }
    Ok(committed)
}

fn next_position(transaction: &Transaction<'_>, service: &str, shard: Shard) -> rusqlite::Result<Position> {
    let seq = transaction
        .prepare_cached(&format!(
            "INSERT INTO {} (name, value) VALUES (?1, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            names::table(service, "sequences")
        ))?
        .query_row([head_name(shard)], |row| row.get(0))?;
    Ok(Position { epoch: read::epoch(transaction, service)?, seq })
}

fn put_root(transaction: &Transaction<'_>, write: &RootWrite) -> rusqlite::Result<()> {
    let RootWrite { root, version, at, wake_at, snapshot } = write;
    transaction
        .prepare_cached(&format!(
            "INSERT INTO {} (aggregate, key, version, at, wake_at) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (aggregate, key) DO UPDATE SET version = ?3, at = ?4, wake_at = ?5",
            names::table(root.service, "roots")
        ))?
        .execute(params![root.aggregate, root.key, version, at.as_microsecond(), wake_at.map(Timestamp::as_microsecond)])?;
    if let Some(state) = snapshot {
        transaction
            .prepare_cached(&format!(
                "INSERT OR REPLACE INTO {} (aggregate, key, version, state) VALUES (?1, ?2, ?3, ?4)",
                names::table(root.service, "snapshots")
            ))?
            .execute(params![root.aggregate, root.key, version, state])?;
    }
    Ok(())
}

pub(super) fn put_row(
    transaction: &Transaction<'_>,
    name: &str,
    fields: &[Field],
    id: u64,
    cells: &[crate::Cell],
    body: &str,
) -> rusqlite::Result<()> {
    let columns: String = fields.iter().map(|field| format!("\"{}\", ", field.name)).collect();
    let places: String = (0..fields.len()).map(|n| format!("?{}, ", n + 3)).collect();
    let values = [rusqlite::types::Value::Integer(i64::try_from(id).unwrap_or(i64::MAX)), rusqlite::types::Value::Text(body.into())];
    transaction
        .prepare_cached(&format!("INSERT OR REPLACE INTO {name} (id, {columns}body) VALUES (?1, {places}?2)"))?
        .execute(params_from_iter(values.into_iter().chain(cells.iter().map(read::value))))?;
    Ok(())
}

fn put_history(transaction: &Transaction<'_>, NewHistory { row, event }: &NewHistory) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(&format!(
            "INSERT INTO {history} (view, row, n, at, data, correlation, causation, caller) \
             SELECT ?1, ?2, coalesce(max(n), 0) + 1, ?3, ?4, ?5, ?6, ?7 FROM {history} WHERE view = ?1 AND row = ?2",
            history = names::table(row.service, "history")
        ))?
        .execute(params![
            row.table,
            row.id,
            event.at.as_microsecond(),
            event.data,
            event.meta.correlation,
            event.meta.causation,
            event.meta.caller
        ])?;
    Ok(())
}

fn put_record(transaction: &Transaction<'_>, key: &RecordKey, record: Option<&Record>) -> rusqlite::Result<()> {
    let table = names::table(key.service, "records");
    match record {
        Some(Record { at, value }) => transaction
            .prepare_cached(&format!("INSERT OR REPLACE INTO {table} (kind, key, at, value) VALUES (?1, ?2, ?3, ?4)"))?
            .execute(params![kind_name(key.kind), key.key, at.as_microsecond(), value])?,
        None => transaction
            .prepare_cached(&format!("DELETE FROM {table} WHERE kind = ?1 AND key = ?2"))?
            .execute(params![kind_name(key.kind), key.key])?,
    };
    Ok(())
}

fn put_parked(transaction: &Transaction<'_>, parked: &Parked) -> rusqlite::Result<()> {
    let Parked { service, consumer, event, error, tries, next_at } = parked;
    let json = serde_json::to_string(event).map_err(|error| read::unreadable(0, error))?;
    transaction
        .prepare_cached(&format!(
            "INSERT OR REPLACE INTO {} (consumer, source, shard, seq, key, event, error, tries, next_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            names::table(service, "parked")
        ))?
        .execute(params![
            consumer,
            event.source,
            event.shard,
            event.position.seq,
            event.key,
            json,
            error,
            tries,
            next_at.as_microsecond()
        ])?;
    Ok(())
}

/// Serves another version of a view, and clears away what belonged to the others.
pub(super) fn switch_view(connection: &mut Connection, service: &str, view: &str, version: u32) -> Result<(), StoreError> {
    let switch = |connection: &mut Connection| -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let served = read::view_version(&transaction, service, view)?;
        transaction.execute(
            &format!("INSERT OR REPLACE INTO {} (name, version) VALUES (?1, ?2)", names::table(service, "views")),
            params![view, version],
        )?;
        if let Some(old) = served.filter(|old| *old != version) {
            let table = format!("{view}@{old}");
            ddl::drop_row_table(&transaction, service, &table)?;
            transaction.execute(&format!("DELETE FROM {} WHERE view = ?1", names::table(service, "history")), [&table])?;
            transaction.execute(&format!("DELETE FROM {} WHERE consumer = ?1", names::table(service, "positions")), [&table])?;
        }
        transaction.commit()
    };
    switch(connection).map_err(failure)
}

/// Forgets kept answers older than `before`.
pub(super) fn prune(
    connection: &mut Connection,
    service: &str,
    kind: RecordKind,
    before: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    let table = names::table(service, "records");
    connection
        .prepare_cached(&format!(
            "DELETE FROM {table} WHERE kind = ?1 AND key IN (SELECT key FROM {table} WHERE kind = ?1 AND at < ?2 ORDER BY at LIMIT ?3)"
        ))
        .and_then(|mut statement| statement.execute(params![kind_name(kind), before.as_microsecond(), limit]))
        .map_err(failure)
}

/// Begins a new epoch in every service from where its shards stand.
pub(super) fn raise_epoch(connection: &mut Connection, schema: &Schema) -> Result<(), StoreError> {
    let raise = |connection: &mut Connection| -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for service in &schema.services {
            let heads = read::heads(&transaction, service.name)?;
            for shard in 0..SHARDS {
                let Position { epoch, seq } = heads[usize::from(shard)];
                transaction.execute(
                    &format!("INSERT INTO {} (epoch, shard, after) VALUES (?1, ?2, ?3)", names::table(service.name, "epochs")),
                    params![epoch + 1, shard, seq],
                )?;
            }
        }
        transaction.commit()
    };
    raise(connection).map_err(failure)
}
