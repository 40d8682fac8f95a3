//! Transactions that no command asks for: views change their version, answers grow old, a restore begins an epoch.

use kernel::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::sql::{Sql, TableSql};
use super::write::transact;
use super::{chain, names, read, row_tables};
use crate::{RecordKind, RootKey, StoreError, TableSchema, beside};

/// Serves another version of a view, and clears away what belonged to all others.
pub(super) fn switch_view(connection: &mut Connection, sql: &Sql, service: &str, view: &str, version: u32) -> Result<(), StoreError> {
    transact(connection, |transaction| {
        transaction.execute(&sql.service(service)?.put_view, params![view, version])?;
        row_tables::drop_other_versions(transaction, service, view, version)?;
        let kept = format!("{view}@{version}");
        // A view's versions are named `view@1`, `view@2`, …: all that lies between `view@` and `viewA`, the next letter.
        let (first, end) = (format!("{view}@"), format!("{view}A"));
        for (table, column) in OF_VERSIONS {
            let table = names::table(service, table);
            transaction.execute(
                &format!("DELETE FROM {table} WHERE {column} >= ?1 AND {column} < ?2 AND {column} <> ?3"),
                params![first, end, kept],
            )?;
        }
        Ok(())
    })
}

/// Begins to build a view's version anew beside it, with nothing in it yet.
pub(super) fn begin_rebuild(connection: &mut Connection, sql: &Sql, service: &str, table: &str) -> Result<(), StoreError> {
    transact(connection, |transaction| {
        let TableSql { fields, followed, .. } = sql.service(service)?.table(table)?;
        let anew = TableSchema { name: beside(table), fields, roots: None, followed: *followed };
        row_tables::drop_table(transaction, service, &anew.name)?;
        forget_version(transaction, service, &anew.name)?;
        row_tables::make_beside(transaction, service, &anew)
    })
}

/// Whether there is a table beside a view's version.
pub(super) fn is_rebuilding(connection: &Connection, service: &str, table: &str) -> rusqlite::Result<bool> {
    let name = names::rows(service, &beside(table));
    connection.query_row("SELECT EXISTS (SELECT 1 FROM tables WHERE name = ?1)", [name], |row| row.get(0))
}

/// Puts what was built beside a view's version in its place.
pub(super) fn finish_rebuild(connection: &mut Connection, service: &str, table: &str) -> Result<(), StoreError> {
    transact(connection, |transaction| {
        if !is_rebuilding(transaction, service, table)? {
            return Ok(());
        }
        let anew = beside(table);
        row_tables::replace(transaction, service, &anew, table)?;
        forget_version(transaction, service, table)?;
        for (of, column) in OF_VERSIONS {
            let of = names::table(service, of);
            transaction.execute(&format!("UPDATE {of} SET {column} = ?1 WHERE {column} = ?2"), [table, &anew])?;
        }
        Ok(())
    })
}

/// What belongs to a view's version beside its rows, and the column that names it. Among the counters it is how many rows there are.
const OF_VERSIONS: [(&str, &str); 4] = [("history", "view"), ("positions", "consumer"), ("parked", "consumer"), ("sequences", "name")];

fn forget_version(transaction: &Transaction<'_>, service: &str, version: &str) -> rusqlite::Result<()> {
    for (of, column) in OF_VERSIONS {
        transaction.execute(&format!("DELETE FROM {} WHERE {column} = ?1", names::table(service, of)), [version])?;
    }
    Ok(())
}

/// Forgets kept answers older than `before`.
pub(super) fn prune(
    connection: &mut Connection,
    sql: &Sql,
    service: &str,
    kind: RecordKind,
    before: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    transact(connection, |transaction| {
        transaction.prepare_cached(&sql.service(service)?.prune_records)?.execute(params![
            names::record_kind(kind),
            before.as_microsecond(),
            read::bound(limit)
        ])
    })
}

/// Takes away those of `roots` that can still be pruned, with all that belongs to them.
pub(super) fn prune_roots(connection: &mut Connection, sql: &Sql, roots: &[RootKey], before: Timestamp) -> Result<usize, StoreError> {
    transact(connection, |transaction| {
        let mut pruned = 0;
        for RootKey { service, aggregate, key } in roots {
            let texts = sql.service(service)?;
            // It may have been written since it was found.
            let pruned_root = transaction
                .prepare_cached(&texts.prune_root)?
                .query_row(params![aggregate, before.as_microsecond(), key], |row| row.get::<_, Option<i64>>(0))
                .optional()?;
            let Some(last) = pruned_root else { continue };
            chain::walk_back(transaction, &texts.prune_event, aggregate, key, last, |_| Ok(true))?;
            transaction.prepare_cached(&texts.prune_snapshot)?.execute([*aggregate, key])?;
            pruned += 1;
        }
        Ok(pruned)
    })
}

/// Begins a new epoch in every service from where its shards stand.
pub(super) fn raise_epoch(connection: &mut Connection, sql: &Sql, at_least: u32) -> Result<(), StoreError> {
    transact(connection, |transaction| {
        for service in sql.services() {
            let heads = read::heads(transaction, sql, service.name)?;
            for (shard, head) in heads.iter().enumerate() {
                transaction.execute(&service.put_epoch, params![at_least.max(head.epoch.saturating_add(1)), shard, head.seq])?;
            }
        }
        Ok(())
    })
}
