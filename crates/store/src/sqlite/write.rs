//! A transaction, from claim to commit.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kernel::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params, params_from_iter};

use super::chain::Ends;
use super::failure::{committing, writing};
use super::sql::{Sql, TableSql};
use super::statements::Statements;
use super::{append, batch, load, names, read, totals};
use crate::{
    Cell, Claims, Committed, Decide, LineKey, Loaded, NewHistory, Parked, Record, RecordKey, RootWrite, RowWrite, StoreError, Writes,
};

/// How many rows that were taken away are remembered, in each service. Whoever follows from before those begins anew.
const GONE_KEPT: i64 = 10_000;

/// One batch.
pub(super) fn run(connection: &mut Connection, sql: &Sql, claims: &Claims, decide: Decide) -> Result<Committed, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(writing)?;
    let number = batch::claim(&transaction, &claims.batch).map_err(writing)?;
    let mut statements = Statements::of(&transaction);
    let (loaded, ends) = load::claimed(&mut statements, sql, claims).map_err(writing)?;
    let writes = decided(decide, loaded)?;
    let committed = apply(&mut statements, sql, number, ends, writes).map_err(writing)?;
    drop(statements);
    transaction.commit().map_err(committing)?;
    Ok(committed)
}

/// Runs the deciding closure, which is somebody else's code: a panic in it must not take the writer along.
fn decided(decide: Decide, loaded: Loaded) -> Result<Writes, StoreError> {
    match catch_unwind(AssertUnwindSafe(|| decide(loaded))) {
        Ok(decided) => decided.map_err(|abort| StoreError::Aborted(abort.0)),
        Err(panic) => Err(StoreError::Rejected(format!("deciding panicked: {}", super::panic_text(&*panic)))),
    }
}

/// Any other transaction.
pub(super) fn transact<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(writing)?;
    let done = work(&transaction).map_err(writing)?;
    transaction.commit().map_err(committing)?;
    Ok(done)
}

fn apply<'a>(statements: &mut Statements<'a>, sql: &'a Sql, number: i64, mut ends: Ends, writes: Writes) -> rusqlite::Result<Committed> {
    let links = ends.link(statements, sql, &writes.events)?;
    for root in &writes.roots {
        put_root(statements, sql, &mut ends, root)?;
    }
    ends.write_others(statements, sql, &writes.events)?;
    if !writes.rows.is_empty() {
        write_rows(statements, sql, number, writes.rows)?;
    }
    for entry in &writes.history {
        put_history(statements, sql, entry)?;
    }
    for (key, record) in &writes.records {
        write_record(statements, sql, key, record.as_ref())?;
    }
    for (key, position) in &writes.positions {
        statements.get(&sql.service(key.service)?.put_position)?.execute(params![
            key.consumer,
            key.source,
            key.shard,
            position.epoch,
            position.seq
        ])?;
    }
    for (key, last) in &writes.sequences {
        statements.get(&sql.service(key.service)?.put_sequence)?.execute(params![key.name, last])?;
    }
    for parked in &writes.parked {
        park(statements, sql, parked)?;
    }
    for Parked { service, consumer, event, .. } in &writes.unparked {
        statements.get(&sql.service(service)?.unpark)?.execute(params![consumer, event.source, event.shard, event.position.seq])?;
    }
    for (line, last) in &writes.discarded {
        let LineKey { service, consumer, source, shard, key } = line;
        statements.get(&sql.service(service)?.discard)?.execute(params![consumer, source, shard, key, last])?;
    }
    append::events(statements, sql, writes.events, links)
}

fn put_root<'a>(statements: &mut Statements<'a>, sql: &'a Sql, ends: &mut Ends, write: &RootWrite) -> rusqlite::Result<()> {
    let RootWrite { root, version, at, wake_at, snapshot } = write;
    let service = sql.service(root.service)?;
    let (last, published) = ends.written(statements, sql, root)?;
    statements.get(&service.put_root)?.execute(params![
        root.aggregate,
        root.key,
        version,
        at.as_microsecond(),
        last,
        published,
        wake_at.map(Timestamp::as_microsecond)
    ])?;
    if let Some(state) = snapshot {
        statements.get(&service.put_snapshot)?.execute(params![root.aggregate, root.key, version, state])?;
    }
    Ok(())
}

fn write_rows<'a>(statements: &mut Statements<'a>, sql: &'a Sql, number: i64, rows: Vec<RowWrite>) -> rusqlite::Result<()> {
    let mut gains = totals::Gains::default();
    for RowWrite { row, content } in rows {
        let service = sql.service(row.service)?;
        let table = service.table(&row.table)?;
        let id = i64::try_from(row.id).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        match content {
            Some((cells, json)) => {
                if put_row(statements, service.name, table, number, id, cells, json)? {
                    gains.add(service, table, 1);
                }
            }
            None => {
                let gone = statements.get(&table.delete)?.execute([id])? > 0;
                if gone {
                    gains.add(service, table, -1);
                }
                if gone && table.followed {
                    statements.get(&service.put_gone)?.execute(params![row.table, number, id])?;
                    let last = statements.connection.last_insert_rowid();
                    statements.get(&service.forget_gone)?.execute([last - GONE_KEPT])?;
                }
            }
        }
    }
    gains.keep(statements.connection, sql)
}

/// Puts a row in its place, and says whether none was there. Of one that was, only those indexed columns are set that differ: setting a
/// column writes to its index, whatever stood there.
fn put_row<'a>(
    statements: &mut Statements<'a>,
    service: &str,
    table: &'a TableSql,
    number: i64,
    id: i64,
    cells: Vec<Cell>,
    json: String,
) -> rusqlite::Result<bool> {
    let differing = statements.get(&table.columns)?.query_row([id], |row| read::differing(row, &cells)).optional()?;
    let statement = match differing {
        Some(differing) => table.update(service, differing),
        None => &table.insert,
    };
    let set = cells.into_iter().enumerate().filter(|(n, _)| differing.is_none_or(|differing| differing & (1 << n) != 0));
    let set = set.map(|(_, cell)| read::owned(cell)).chain(table.followed.then_some(Value::Integer(number)));
    let values = [Value::Integer(id), Value::Text(json)].into_iter().chain(set);
    statements.get(statement)?.execute(params_from_iter(values))?;
    Ok(differing.is_none())
}

fn put_history<'a>(statements: &mut Statements<'a>, sql: &'a Sql, NewHistory { row, event }: &NewHistory) -> rusqlite::Result<()> {
    statements.get(&sql.service(row.service)?.put_history)?.execute(params![
        row.table,
        row.id,
        event.at.as_microsecond(),
        &*event.data,
        event.meta.correlation,
        event.meta.causation,
        event.meta.caller
    ])?;
    Ok(())
}

fn write_record<'a>(statements: &mut Statements<'a>, sql: &'a Sql, key: &RecordKey, record: Option<&Record>) -> rusqlite::Result<()> {
    let (service, kind) = (sql.service(key.service)?, names::record_kind(key.kind));
    match record {
        Some(Record { at, value }) => statements.get(&service.put_record)?.execute(params![kind, key.key, at.as_microsecond(), value])?,
        None => statements.get(&service.free_record)?.execute(params![kind, key.key])?,
    };
    Ok(())
}

fn park<'a>(statements: &mut Statements<'a>, sql: &'a Sql, parked: &Parked) -> rusqlite::Result<()> {
    let Parked { service, consumer, event, error, tries, next_at } = parked;
    let json = serde_json::to_string(&**event).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    statements.get(&sql.service(service)?.park)?.execute(params![
        consumer,
        event.source,
        event.shard,
        event.position.seq,
        event.key,
        event.at.as_microsecond(),
        json,
        error,
        tries,
        next_at.as_microsecond()
    ])?;
    Ok(())
}
