//! Events, and the places of those that are published.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::chain::Link;
use super::names::OWN_ROW;
use super::sql::{ServiceSql, Sql};
use super::statements::Statements;
use crate::{Committed, FeedEvent, NewEvent, Position, Shard};

/// Appends the events. Places are given here, last of all, so that nothing a transaction waits for stands between a shard's
/// head and the commit.
pub(super) fn events<'a>(
    statements: &mut Statements<'a>,
    sql: &'a Sql,
    events: Vec<NewEvent>,
    links: Vec<Link>,
) -> rusqlite::Result<Committed> {
    let mut heads = Heads::default();
    let mut committed = Committed::default();
    for (event, (id, before)) in events.into_iter().zip(links) {
        let service = sql.service(event.root.service)?;
        let position = match &event.published {
            Some(published) => Some(heads.next(statements, service, published.shard)?),
            None => None,
        };
        let subject = event.subject.as_deref().map(|subject| if service.is_row_of(&event.root, subject) { OWN_ROW } else { subject });
        statements.get(&service.append)?.execute(params![
            id,
            before,
            event.root.aggregate,
            event.root.key,
            event.version,
            event.at.as_microsecond(),
            event.data,
            subject,
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
    heads.put(statements, sql)?;
    Ok(committed)
}

/// The heads of the shards that a transaction writes to, read and written once each.
#[derive(Default)]
struct Heads(BTreeMap<(&'static str, Shard), Position>);

impl Heads {
    fn next<'a>(&mut self, statements: &mut Statements<'a>, service: &'a ServiceSql, shard: Shard) -> rusqlite::Result<Position> {
        let head = match self.0.entry((service.name, shard)) {
            std::collections::btree_map::Entry::Occupied(head) => head.into_mut(),
            std::collections::btree_map::Entry::Vacant(unread) => unread.insert(read(statements, service, shard)?),
        };
        head.seq += 1;
        Ok(*head)
    }

    fn put<'a>(self, statements: &mut Statements<'a>, sql: &'a Sql) -> rusqlite::Result<()> {
        for ((service, shard), head) in self.0 {
            statements.get(&sql.service(service)?.put_head)?.execute(params![shard, head.seq])?;
        }
        Ok(())
    }
}

fn read<'a>(statements: &mut Statements<'a>, service: &'a ServiceSql, shard: Shard) -> rusqlite::Result<Position> {
    let epoch = statements.get(&service.epoch)?.query_row([], |row| row.get(0))?;
    let seq = statements.get(&service.head)?.query_row([shard], |row| row.get(0)).optional()?;
    Ok(Position { epoch, seq: seq.unwrap_or(0) })
}
