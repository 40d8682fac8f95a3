//! Transactions that no command asks for: views change their version, answers grow old, a restore begins an epoch.

use kernel::Timestamp;
use rusqlite::{Connection, params};

use super::sql::Sql;
use super::write::transact;
use super::{names, read, row_tables};
use crate::{RecordKind, RootKey, StoreError};

/// Serves another version of a view, and clears away what belonged to all others.
pub(super) fn switch_view(connection: &mut Connection, sql: &Sql, service: &str, view: &str, version: u32) -> Result<(), StoreError> {
    transact(connection, |transaction| {
        transaction.execute(&sql.service(service)?.put_view, params![view, version])?;
        row_tables::drop_other_versions(transaction, service, view, version)?;
        let kept = format!("{view}@{version}");
        // A view's versions are named `view@1`, `view@2`, …: all that lies between `view@` and `viewA`, the next letter.
        let (first, end) = (format!("{view}@"), format!("{view}A"));
        for (table, column) in [("history", "view"), ("positions", "consumer"), ("parked", "consumer")] {
            let table = names::table(service, table);
            transaction.execute(
                &format!("DELETE FROM {table} WHERE {column} >= ?1 AND {column} < ?2 AND {column} <> ?3"),
                params![first, end, kept],
            )?;
        }
        Ok(())
    })
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
            let gone = transaction.prepare_cached(&texts.prune_root)?.execute(params![aggregate, before.as_microsecond(), key])?;
            if gone > 0 {
                transaction.prepare_cached(&texts.prune_events)?.execute([*aggregate, key])?;
                transaction.prepare_cached(&texts.prune_snapshot)?.execute([*aggregate, key])?;
            }
            pruned += gone;
        }
        Ok(pruned)
    })
}

/// Begins a new epoch in every service from where its shards stand.
pub(super) fn raise_epoch(connection: &mut Connection, sql: &Sql) -> Result<(), StoreError> {
    transact(connection, |transaction| {
        for service in sql.services() {
            let heads = read::heads(transaction, sql, service.name)?;
            for (shard, head) in heads.iter().enumerate() {
                transaction.execute(&service.put_epoch, params![head.epoch + 1, shard, head.seq])?;
            }
        }
        Ok(())
    })
}
