//! Events, and the places of those that are published.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{OptionalExtension, Transaction, params};

use super::sql::{ServiceSql, Sql};
use crate::{Committed, FeedEvent, NewEvent, Position, Shard};

/// Appends the events. Places are given here, last of all, so that nothing a transaction waits for stands between a shard's
/// head and the commit.
pub(super) fn events(transaction: &Transaction<'_>, sql: &Sql, events: Vec<NewEvent>) -> rusqlite::Result<Committed> {
    let mut heads = Heads::default();
    let mut committed = Committed::default();
    for event in events {
        let service = sql.service(event.root.service)?;
        let position = match &event.published {
            Some(published) => Some(heads.next(transaction, service, published.shard)?),
            None => None,
        };
        transaction.prepare_cached(&service.append)?.execute(params![
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
            event.meta.trace.as_ref().map(ToString::to_string),
        ])?;
        if let (Some(position), Some(published)) = (position, event.published) {
            committed.published.push(Arc::new(FeedEvent {
                source: event.root.service.into(),
                shard: published.shard,
                position,
                key: event.root.key,
                at: event.at,
                data: published.data.into(),
                meta: event.meta,
            }));
        }
    }
    heads.put(transaction, sql)?;
    Ok(committed)
}

/// The heads of the shards that a transaction writes to, read and written once each.
#[derive(Default)]
struct Heads(BTreeMap<(&'static str, Shard), Position>);

impl Heads {
    fn next(&mut self, transaction: &Transaction<'_>, service: &ServiceSql, shard: Shard) -> rusqlite::Result<Position> {
        let head = match self.0.entry((service.name, shard)) {
            std::collections::btree_map::Entry::Occupied(head) => head.into_mut(),
            std::collections::btree_map::Entry::Vacant(unread) => unread.insert(read(transaction, service, shard)?),
        };
        head.seq += 1;
        Ok(*head)
    }

    fn put(self, transaction: &Transaction<'_>, sql: &Sql) -> rusqlite::Result<()> {
        for ((service, shard), head) in self.0 {
            transaction.prepare_cached(&sql.service(service)?.put_head)?.execute(params![shard, head.seq])?;
        }
        Ok(())
    }
}

fn read(transaction: &Transaction<'_>, service: &ServiceSql, shard: Shard) -> rusqlite::Result<Position> {
    let epoch = transaction.prepare_cached(&service.epoch)?.query_row([], |row| row.get(0))?;
    let seq = transaction.prepare_cached(&service.head)?.query_row([shard], |row| row.get(0)).optional()?;
    Ok(Position { epoch, seq: seq.unwrap_or(0) })
}
