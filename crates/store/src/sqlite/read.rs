use std::collections::BinaryHeap;
use std::ops::ControlFlow;
use std::sync::Arc;

use kernel::{Timestamp, misread};
use rusqlite::types::{Type, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::one_instant::OneInstant;
use super::sql::{self, ServiceSql, Sql};
use super::{chain, names, totals};
use crate::{
    Cell, Change, Changes, Epoch, Feed, FeedEvent, HistoryEntry, Life, LineKey, Meta, Page, Parked, ParkedLine, Place, Position, Query,
    RecordedEvent, RootKey, SHARDS, Shard, StoryEvent, Stretch,
};

/// An instant as it is stored: microseconds since 1970.
pub(super) fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let stored: i64 = row.get(column)?;
    Timestamp::from_microsecond(stored).map_err(|error| unreadable(column, error))
}

pub(super) fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

/// A bound as SQLite takes it: nothing lies beyond its largest number.
pub(super) fn bound(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

fn meta(row: &Row<'_>, first: usize) -> rusqlite::Result<Meta> {
    Ok(Meta { correlation: row.get(first)?, causation: row.get(first + 1)?, caller: row.get(first + 2)?, trace: None })
}

/// The same, with the trace behind it. One that does not read is nobody's loss.
fn meta_and_trace(row: &Row<'_>, first: usize) -> rusqlite::Result<Meta> {
    let trace: Option<String> = row.get(first + 3)?;
    Ok(Meta { trace: trace.and_then(|text| text.parse().ok()), ..meta(row, first)? })
}

/// A position in two columns.
pub(super) fn position(row: &Row<'_>, first: usize) -> rusqlite::Result<Position> {
    Ok(Position { epoch: row.get(first)?, seq: row.get(first + 1)? })
}

pub(super) fn feed(connection: &Connection, sql: &Sql, service: &str, shard: Shard, after: u64, limit: usize) -> rusqlite::Result<Feed> {
    // Epochs and events are read as they stand at one instant.
    let texts = sql.service(service)?;
    feed_by(&*OneInstant::begin(connection)?, texts, &texts.feed, shard, after, limit)
}

/// The same, by a statement that finds its events, in the caller's transaction.
pub(super) fn feed_by(
    connection: &Connection,
    texts: &ServiceSql,
    statement: &str,
    shard: Shard,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Feed> {
    let events = connection
        .prepare_cached(statement)?
        .query_map(params![shard, bound(after), bound(limit)], |row| {
            Ok(Arc::new(FeedEvent {
                source: texts.name.into(),
                shard,
                position: position(row, 0)?,
                key: row.get(2)?,
                at: instant(row, 3)?,
                data: row.get::<_, String>(4)?.into(),
                meta: meta_and_trace(row, 5)?,
            }))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let epochs = connection
        .prepare_cached(&texts.epochs)?
        .query_map([shard], |row| Ok(Epoch { epoch: row.get(0)?, after: row.get(1)? }))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Feed { events, epochs })
}

/// The heads of all shards, read in the caller's transaction.
pub(super) fn heads(connection: &Connection, sql: &Sql, service: &str) -> rusqlite::Result<Vec<Position>> {
    heads_by(connection, sql, service, &sql.service(service)?.heads)
}

/// The same, by a statement that finds each shard and its last number.
pub(super) fn heads_by(connection: &Connection, sql: &Sql, service: &str, statement: &str) -> rusqlite::Result<Vec<Position>> {
    let texts = sql.service(service)?;
    let epoch = connection.prepare_cached(&texts.epoch)?.query_row([], |row| row.get(0))?;
    let mut heads = vec![Position { epoch, seq: 0 }; usize::from(SHARDS)];
    let mut statement = connection.prepare_cached(statement)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(head) = heads.get_mut(row.get::<_, usize>(0)?) {
            head.seq = row.get(1)?;
        }
    }
    Ok(heads)
}

pub(super) fn positions(
    connection: &Connection,
    sql: &Sql,
    service: &str,
    consumer: &str,
    source: &str,
) -> rusqlite::Result<Vec<Position>> {
    let mut positions = vec![Position::default(); usize::from(SHARDS)];
    let mut statement = connection.prepare_cached(&sql.service(service)?.positions)?;
    let mut rows = statement.query([consumer, source])?;
    while let Some(row) = rows.next()? {
        if let Some(found) = positions.get_mut(row.get::<_, usize>(0)?) {
            *found = position(row, 1)?;
        }
    }
    Ok(positions)
}

pub(super) fn row(connection: &Connection, sql: &Sql, service: &str, table: &str, id: u64) -> rusqlite::Result<Option<String>> {
    let Ok(id) = i64::try_from(id) else { return Ok(None) };
    connection.prepare_cached(&sql.service(service)?.row(table))?.query_row([id], |row| row.get(0)).optional()
}

pub(super) fn rows(connection: &Connection, sql: &Sql, service: &str, table: &str, query: &Query) -> rusqlite::Result<Page> {
    // The rows and their total belong to one instant.
    let snapshot = OneInstant::begin(connection)?;
    let name = names::rows(service, table);
    let values: Vec<Value> = query.filters.iter().map(|(_, cell)| value(cell)).filter(|value| *value != Value::Null).collect();
    let offset = query.page.saturating_mul(query.size);
    let kept = if query.filters.is_empty() { totals::of(&snapshot, sql.service(service)?, table)? } else { None };
    // Rows without gaps have their places for ids, and nothing is passed over.
    let page = match kept {
        Some(total) if (1..total).contains(&offset) && query.sort.is_empty() && has_no_gaps(&snapshot, &name, total)? => {
            sql::page_behind(&name, query.size)
        }
        _ => sql::page(&name, query),
    };
    let shown = || -> rusqlite::Result<Vec<String>> {
        let offset = Value::Integer(bound(offset));
        let values = values.iter().chain([&offset]);
        snapshot.prepare_cached(&page)?.query_map(params_from_iter(values), |row| row.get(0))?.collect()
    };
    // A first page that is not full has all there are, so nobody has to count them.
    let first = if kept.is_none() && offset == 0 { Some(shown()?) } else { None };
    let total = match (kept, &first) {
        (Some(total), _) => total,
        (None, Some(all)) if (all.len() as u64) < query.size => all.len() as u64,
        (None, _) => snapshot.prepare_cached(&sql::count(&name, &query.filters))?.query_row(params_from_iter(&values), |row| row.get(0))?,
    };
    let exact = total <= Page::COUNTED;
    let rows = match first {
        Some(rows) => rows,
        None if offset >= total && (exact || kept.is_some()) => Vec::new(),
        None => shown()?,
    };
    Ok(Page { rows, total: total.min(Page::COUNTED), total_is_lower_bound: !exact })
}

/// Whether the ids of a table of so many rows are 1 to that number.
fn has_no_gaps(connection: &Connection, table: &str, total: u64) -> rusqlite::Result<bool> {
    connection.prepare_cached(&sql::ids(table))?.query_row([], |row| Ok(row.get::<_, i64>(0)? == bound(total) && row.get(1)?))
}

pub(super) fn rows_of_each(
    connection: &Connection,
    table: &str,
    field: &str,
    values: &[Cell],
    most: u64,
) -> rusqlite::Result<Vec<Vec<String>>> {
    let snapshot = OneInstant::begin(connection)?;
    let mut statement = snapshot.prepare_cached(&sql::rows_of_one(table, field))?;
    let rows = |cell| statement.query_map(params![value(cell), bound(most)], |row| row.get(0))?.collect();
    values.iter().map(rows).collect()
}

/// What changed in a followed table behind a place, as it stands at one instant. The table may be a view's older version.
pub(super) fn changes(
    connection: &Connection,
    sql: &Sql,
    service: &str,
    table: &str,
    after: Option<Place>,
    filters: &[(&'static str, Cell)],
    limit: usize,
) -> rusqlite::Result<Changes> {
    let snapshot = OneInstant::begin(connection)?;
    let texts = sql.service(service)?;
    // Numbers begin at 1, but what stood before there were any has 0.
    let (batch, id) = after.map_or((-1, -1), |after| (bound(after.batch), bound(after.id)));
    let mut values = vec![Value::Integer(batch), Value::Integer(id), Value::Integer(bound(limit))];
    values.extend(filters.iter().map(|(_, cell)| value(cell)).filter(|value| *value != Value::Null));
    let change = |row: &Row<'_>| Ok(Change { place: Place { batch: row.get(0)?, id: row.get(1)? }, row: row.get(2)? });
    let text = sql::changes(&names::rows(service, table), filters);
    let mut changes: Vec<_> =
        snapshot.prepare_cached(&text)?.query_map(params_from_iter(values), change)?.collect::<rusqlite::Result<_>>()?;
    // Who has seen nothing yet need not be told what is gone.
    if after.is_some() {
        let mut gone = snapshot.prepare_cached(&texts.gone)?;
        let gone = gone.query_map(params![table, batch, id, bound(limit)], |row| {
            Ok(Change { place: Place { batch: row.get(0)?, id: row.get(1)? }, row: None })
        })?;
        for change in gone {
            changes.push(change?);
        }
        // The sort is stable: of a row that was taken away and put again at once, it tells that it is there.
        changes.sort_by_key(|change| change.place);
        changes.dedup_by_key(|change| change.place);
        changes.truncate(limit);
    }
    let last = snapshot.prepare_cached(super::batch::LAST)?.query_row([], |row| row.get(0)).optional()?;
    let first: Option<String> = snapshot.prepare_cached(super::batch::FIRST)?.query_row([], |row| row.get(0)).optional()?;
    let epoch: u32 = snapshot.prepare_cached(&texts.epoch)?.query_row([], |row| row.get(0))?;
    let oldest = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, u64>(1)?));
    let oldest = snapshot.prepare_cached(&texts.first_gone)?.query_row([], oldest).optional()?;
    Ok(Changes {
        changes,
        last: last.unwrap_or(0),
        forgotten: oldest.filter(|(number, _)| *number > 1).map(|(_, batch)| batch),
        line: format!("{}/{epoch}", first.unwrap_or_default()),
    })
}

/// A cell as SQLite takes it.
pub(super) fn value(cell: &Cell) -> Value {
    owned(cell.clone())
}

/// Which of a row's indexed columns, behind its id, hold something else than these, a bit for each.
pub(super) fn differing(row: &Row<'_>, cells: &[Cell]) -> rusqlite::Result<usize> {
    let mut differing = 0;
    for (n, cell) in cells.iter().enumerate() {
        let is_same = match (row.get_ref(n + 1)?, cell) {
            (ValueRef::Null, Cell::Null) => true,
            (ValueRef::Integer(stored), Cell::Integer(number)) => stored == *number,
            (ValueRef::Text(stored), Cell::Text(text)) => stored == text.as_bytes(),
            _ => false,
        };
        differing |= usize::from(!is_same) << n;
    }
    Ok(differing)
}

/// A cell as SQLite takes it, without a copy.
pub(super) fn owned(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(number) => Value::Integer(number),
        Cell::Text(text) => Value::Text(text),
    }
}

pub(super) fn history(
    connection: &Connection,
    sql: &Sql,
    service: &str,
    collection: &str,
    id: u64,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<HistoryEntry>> {
    let texts = sql.service(service)?;
    if let Some(aggregate) = texts.roots_in(collection) {
        let told = told_of_root(connection, texts, (aggregate, &id.to_string()), after, limit, Some(&format!("{collection}/{id}")))?;
        let entry = |StoryEvent { position, at, data, meta, .. }| HistoryEntry { position, at, data, meta: Meta { trace: None, ..meta } };
        return Ok(told.into_iter().map(entry).collect());
    }
    let text = if collection.contains('@') { &texts.view_history } else { &texts.own_history };
    let Ok(id) = i64::try_from(id) else { return Ok(Vec::new()) };
    connection
        .prepare_cached(text)?
        .query_map(params![collection, id, bound(after), bound(limit)], |row| {
            Ok(HistoryEntry { position: row.get(0)?, at: instant(row, 1)?, data: row.get(2)?, meta: meta(row, 3)? })
        })?
        .collect()
}

pub(super) fn story(
    connection: &Connection,
    sql: &Sql,
    service: &str,
    correlation: &str,
    until: u64,
    look_at: u64,
    limit: usize,
) -> rusqlite::Result<Stretch> {
    let texts = sql.service(service)?;
    // What is looked at stands as at one instant.
    let snapshot = OneInstant::begin(connection)?;
    let last: Option<u64> = snapshot.prepare_cached(&texts.last_event)?.query_row([], |row| row.get(0))?;
    let until = until.min(last.unwrap_or(0));
    let from = until.saturating_sub(look_at);
    let range = params![bound(from), bound(until)];
    let latest: Option<i64> = snapshot.prepare_cached(&texts.latest)?.query_row(range, |row| row.get(0))?;
    let events = snapshot
        .prepare_cached(&texts.of_correlation)?
        .query_map(params![bound(from), bound(until), correlation, bound(limit)], |row| story_event(texts, row))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Stretch { events, from, latest: latest.and_then(|at| Timestamp::from_microsecond(at).ok()) })
}

pub(super) fn life(
    connection: &Connection,
    sql: &Sql,
    service: &'static str,
    of: &Life<'_>,
    limit: usize,
) -> rusqlite::Result<Vec<StoryEvent>> {
    let texts = sql.service(service)?;
    match of {
        Life::Row(subject) => match subject.split_once('/').and_then(|(table, key)| Some((texts.roots_in(table)?, key))) {
            Some(root) => told_of_root(connection, texts, root, 0, limit, Some(subject)),
            None => {
                let mut told = connection.prepare_cached(&texts.of_row)?;
                told.query_map(params![subject, bound(limit)], |row| story_event(texts, row))?.collect()
            }
        },
        Life::Root(aggregate, key) => told_of_root(connection, texts, (aggregate, key), 0, limit, None),
    }
}

/// The events of a root after this place, in their order; of one row those alone that changed it.
fn told_of_root(
    connection: &Connection,
    texts: &ServiceSql,
    (aggregate, key): (&str, &str),
    after: u64,
    limit: usize,
    subject: Option<&str>,
) -> rusqlite::Result<Vec<StoryEvent>> {
    let snapshot = OneInstant::begin(connection)?;
    let ids = chain::ids_after(&snapshot, texts, aggregate, key, bound(after))?;
    let mut told = snapshot.prepare_cached(&texts.of_root)?;
    let told = ids.into_iter().map(|id| told.query_row([id], |row| story_event(texts, row)));
    let is_wanted = |told: &StoryEvent| subject.is_none() || told.subject.as_deref() == subject;
    told.filter(|told| told.as_ref().map_or(true, is_wanted)).take(limit).collect()
}

fn story_event(texts: &ServiceSql, row: &Row<'_>) -> rusqlite::Result<StoryEvent> {
    let (aggregate, key): (String, String) = (row.get(1)?, row.get(2)?);
    let subject = match (row.get::<_, Option<String>>(6)?, texts.table_of_roots(&aggregate)) {
        (Some(own), Some(table)) if own == names::OWN_ROW => Some(format!("{table}/{key}")),
        (subject, _) => subject,
    };
    let (shard, seq): (Option<Shard>, Option<u64>) = (row.get(7)?, row.get(8)?);
    Ok(StoryEvent {
        position: row.get(0)?,
        aggregate,
        key,
        version: row.get(3)?,
        at: instant(row, 4)?,
        data: row.get(5)?,
        subject,
        published: shard.zip(seq),
        meta: meta_and_trace(row, 9)?,
    })
}

pub(super) fn due(
    connection: &Connection,
    sql: &Sql,
    service: &'static str,
    now: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<RootKey>> {
    let texts = sql.service(service)?;
    let found = connection
        .prepare_cached(&texts.due)?
        .query_map(params![now.as_microsecond(), bound(limit)], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let known = |name: &str| texts.aggregates.iter().find(|known| **known == name).copied();
    Ok(found.into_iter().filter_map(|(name, key)| Some(RootKey { service, aggregate: known(&name)?, key })).collect())
}

pub(super) fn next_wake(connection: &Connection, sql: &Sql, service: &str) -> rusqlite::Result<Option<Timestamp>> {
    connection.prepare_cached(&sql.service(service)?.next_wake)?.query_row([], |row| instant(row, 0)).optional()
}

pub(super) fn roots(
    connection: &Connection,
    sql: &Sql,
    service: &'static str,
    aggregate: &'static str,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<RootKey>> {
    connection
        .prepare_cached(&sql.service(service)?.roots)?
        .query_map(params![aggregate, after.unwrap_or(""), bound(limit)], |row| Ok(RootKey { service, aggregate, key: row.get(0)? }))?
        .collect()
}

/// The events of a root behind the version `after`, by the number of its last.
pub(super) fn events(
    connection: &Connection,
    texts: &ServiceSql,
    root: &RootKey,
    last: Option<i64>,
    after: u64,
) -> rusqlite::Result<Vec<RecordedEvent>> {
    let mut events = Vec::new();
    chain::walk_back(connection, &texts.event, root.aggregate, &root.key, last, |row| {
        let version = row.get(1)?;
        if version > after {
            events.push(RecordedEvent { version, at: instant(row, 2)?, data: row.get(3)? });
        }
        Ok(version > after + 1)
    })?;
    events.reverse();
    Ok(events)
}

/// All events of a root.
pub(super) fn all_events(connection: &Connection, sql: &Sql, root: &RootKey) -> rusqlite::Result<Vec<RecordedEvent>> {
    let (snapshot, texts) = (OneInstant::begin(connection)?, sql.service(root.service)?);
    events(&snapshot, texts, root, chain::last(&snapshot, texts, root.aggregate, &root.key)?, 0)
}

pub(super) fn view_version(connection: &Connection, sql: &Sql, service: &str, view: &str) -> rusqlite::Result<Option<u32>> {
    connection.prepare_cached(&sql.service(service)?.view)?.query_row([view], |row| row.get(0)).optional()
}

/// The roots of one kind that want to be woken, the first to be so first.
pub(super) fn waking_roots(
    connection: &Connection,
    sql: &Sql,
    service: &'static str,
    aggregate: &'static str,
    limit: usize,
) -> rusqlite::Result<Vec<RootKey>> {
    connection
        .prepare_cached(&sql.service(service)?.waking_roots)?
        .query_map(params![aggregate, bound(limit)], |row| Ok(RootKey { service, aggregate, key: row.get(0)? }))?
        .collect()
}

/// The roots of one kind that can be pruned.
pub(super) fn finished(
    connection: &Connection,
    sql: &Sql,
    service: &'static str,
    aggregate: &'static str,
    before: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<RootKey>> {
    connection
        .prepare_cached(&sql.service(service)?.finished)?
        .query_map(params![aggregate, before.as_microsecond(), bound(limit)], |row| Ok(RootKey { service, aggregate, key: row.get(0)? }))?
        .collect()
}

pub(super) fn parked(connection: &Connection, sql: &Sql, service: &'static str, limit: usize) -> rusqlite::Result<Vec<Parked>> {
    connection.prepare_cached(&sql.service(service)?.parked)?.query_map([bound(limit)], |row| parked_event(service, row))?.collect()
}

/// The first event of a line.
pub(super) fn parked_first(connection: &Connection, sql: &Sql, line: &LineKey) -> rusqlite::Result<Option<Parked>> {
    let LineKey { service, consumer, source, shard, key } = line;
    connection
        .prepare_cached(&sql.service(service)?.parked_first)?
        .query_row(params![consumer, source, shard, key], |row| parked_event(service, row))
        .optional()
}

/// Events of a line behind a place.
pub(super) fn parked_line(connection: &Connection, sql: &Sql, line: &LineKey, after: u64, limit: usize) -> rusqlite::Result<Vec<Parked>> {
    let LineKey { service, consumer, source, shard, key } = line;
    connection
        .prepare_cached(&sql.service(service)?.parked_line)?
        .query_map(params![consumer, source, shard, key, bound(after), bound(limit)], |row| parked_event(service, row))?
        .collect()
}

/// Where the first event of a line stands, and when it is tried next.
struct Head {
    consumer: String,
    source: String,
    shard: Shard,
    key: String,
    seq: u64,
    next_at: i64,
}

/// Steps from line to line of parked events, in the order of their names, so that how long they are does not matter; `see` says whether to
/// go on.
fn each_line(
    connection: &Connection,
    sql: &Sql,
    service: &'static str,
    mut see: impl FnMut(&Head) -> rusqlite::Result<ControlFlow<()>>,
) -> rusqlite::Result<()> {
    let mut next_line = connection.prepare_cached(&sql.service(service)?.next_line)?;
    let read = |row: &Row<'_>| {
        let (consumer, source, shard, key) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok(Head { consumer, source, shard, key, seq: row.get(4)?, next_at: row.get(5)? })
    };
    // Before all others: a shard's number is at least 0.
    let mut next = next_line.query_row(params!["", "", -1, ""], read).optional()?;
    while let Some(head) = next {
        if see(&head)?.is_break() {
            break;
        }
        let Head { consumer, source, shard, key, .. } = &head;
        next = next_line.query_row(params![consumer, source, shard, key], read).optional()?;
    }
    Ok(())
}

/// How many lines there are.
pub(super) fn parked_keys(connection: &Connection, sql: &Sql, service: &'static str) -> rusqlite::Result<u64> {
    let snapshot = OneInstant::begin(connection)?;
    let mut count = 0;
    each_line(&snapshot, sql, service, |_| {
        count += 1;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(count)
}

/// Each line, by its first event, and how many wait behind it.
pub(super) fn parked_lines(connection: &Connection, sql: &Sql, service: &'static str, limit: usize) -> rusqlite::Result<Vec<ParkedLine>> {
    let snapshot = OneInstant::begin(connection)?;
    let texts = sql.service(service)?;
    let mut parked_at = snapshot.prepare_cached(&texts.parked_at)?;
    let mut behind = snapshot.prepare_cached(&texts.parked_behind)?;
    let mut lines = Vec::new();
    each_line(&snapshot, sql, service, |Head { consumer, source, shard, key, seq, .. }| {
        if lines.len() == limit {
            return Ok(ControlFlow::Break(()));
        }
        let first = parked_at.query_row(params![consumer, source, shard, seq], |row| parked_event(service, row))?;
        let behind = behind.query_row(params![consumer, source, shard, key, seq], |row| row.get(0))?;
        lines.push(ParkedLine { first, behind });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(lines)
}

fn parked_event(service: &'static str, row: &Row<'_>) -> rusqlite::Result<Parked> {
    let event: String = row.get(1)?;
    Ok(Parked {
        service,
        consumer: row.get(0)?,
        event: serde_json::from_str(&event).map(Arc::new).map_err(|error| unreadable(1, std::io::Error::other(misread(&error))))?,
        error: row.get(2)?,
        tries: row.get(3)?,
        next_at: instant(row, 4)?,
    })
}

/// The first of each line of parked events, the soonest to be tried first.
pub(super) fn parked_heads(connection: &Connection, sql: &Sql, service: &'static str, limit: usize) -> rusqlite::Result<Vec<Parked>> {
    let snapshot = OneInstant::begin(connection)?;
    // The soonest that were seen, and the last of them on top.
    let mut soonest: BinaryHeap<(i64, String, String, Shard, u64)> = BinaryHeap::new();
    each_line(&snapshot, sql, service, |head| {
        soonest.push((head.next_at, head.consumer.clone(), head.source.clone(), head.shard, head.seq));
        if soonest.len() > limit {
            soonest.pop();
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let mut parked_at = snapshot.prepare_cached(&sql.service(service)?.parked_at)?;
    let heads = soonest.into_sorted_vec();
    heads
        .iter()
        .map(|(_, consumer, source, shard, seq)| {
            parked_at.query_row(params![consumer, source, shard, seq], |row| parked_event(service, row))
        })
        .collect()
}
