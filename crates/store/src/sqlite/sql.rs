//! The text of every statement that is the same each time, made once per service when a store is opened.
//!
//! Kept in one place so that one test can ask SQLite how it runs each of them, and none scans a table that grows.

use std::sync::OnceLock;

use foldhash::HashMap;
use kernel::Field;
use rusqlite::Error;

use super::formats::IN_SUBJECTS;
use super::names::{self, HEAD};
use crate::{Direction, Page, Query, RootKey, Schema, ServiceSchema, TableSchema, beside};

/// The statements of every service of a schema.
pub(super) struct Sql {
    services: HashMap<&'static str, ServiceSql>,
}

/// The statements over the tables that every service has, and over its own.
pub(super) struct ServiceSql {
    pub(super) name: &'static str,
    pub(super) aggregates: Vec<&'static str>,
    pub(super) record: String,
    pub(super) put_record: String,
    pub(super) free_record: String,
    pub(super) prune_records: String,
    pub(super) position: String,
    pub(super) positions: String,
    pub(super) put_position: String,
    pub(super) parked: String,
    pub(super) next_line: String,
    pub(super) parked_at: String,
    pub(super) parked_keys: String,
    pub(super) parked_first: String,
    pub(super) parked_behind: String,
    pub(super) parked_line: String,
    pub(super) discard: String,
    pub(super) park: String,
    pub(super) unpark: String,
    pub(super) root: String,
    pub(super) end: String,
    pub(super) put_root: String,
    pub(super) put_end: String,
    pub(super) roots: String,
    pub(super) waking_roots: String,
    pub(super) finished: String,
    pub(super) prune_root: String,
    pub(super) prune_snapshot: String,
    pub(super) prune_event: String,
    pub(super) due: String,
    pub(super) next_wake: String,
    pub(super) snapshot: String,
    pub(super) put_snapshot: String,
    pub(super) event: String,
    pub(super) append: String,
    pub(super) last_event: String,
    pub(super) latest: String,
    pub(super) of_correlation: String,
    pub(super) of_row: String,
    pub(super) of_root: String,
    pub(super) feed: String,
    pub(super) head: String,
    pub(super) heads: String,
    pub(super) put_head: String,
    pub(super) epoch: String,
    pub(super) epochs: String,
    pub(super) put_epoch: String,
    pub(super) sequence: String,
    pub(super) put_sequence: String,
    pub(super) total: String,
    pub(super) gain: String,
    pub(super) own_history: String,
    pub(super) view_history: String,
    pub(super) put_history: String,
    pub(super) view: String,
    pub(super) put_view: String,
    pub(super) put_gone: String,
    pub(super) forget_gone: String,
    pub(super) first_gone: String,
    pub(super) gone: String,
    pub(super) audit: AuditSql,
    tables: HashMap<String, TableSql>,
    /// The tables of which each row is a root of some kind, and the kind.
    rows_that_are_roots: Vec<(String, &'static str)>,
}

/// The statements that only verifying takes: they read all there is, a part at a time.
pub(super) struct AuditSql {
    pub(super) size: String,
    pub(super) roots: String,
    pub(super) link: String,
    pub(super) event: String,
    /// The events of a root in a file up to format 3.
    pub(super) events_by_index: String,
    pub(super) stray_events: String,
    pub(super) loose_events: String,
    pub(super) stray_snapshots: String,
    pub(super) sequences: String,
    /// A feed, whatever its head says: the two are compared.
    pub(super) feed: String,
    /// The heads in a file up to format 3.
    pub(super) heads_apart: String,
    pub(super) histories: String,
    pub(super) positions: String,
    pub(super) records: String,
}

/// The statements over a table of rows.
pub(super) struct TableSql {
    pub(super) name: String,
    pub(super) row: String,
    /// The indexed columns of a row.
    pub(super) columns: String,
    pub(super) insert: String,
    /// By which of the indexed columns they set, a bit for each: made when one is first wanted.
    updates: Box<[OnceLock<String>]>,
    pub(super) delete: String,
    pub(super) followed: bool,
    pub(super) scan: String,
    pub(super) fields: &'static [Field],
}

impl Sql {
    pub(super) fn new(schema: &Schema) -> Self {
        Self { services: schema.services.iter().map(|service| (service.name, ServiceSql::new(service))).collect() }
    }

    pub(super) fn service(&self, name: &str) -> rusqlite::Result<&ServiceSql> {
        self.services.get(name).ok_or_else(|| unknown(format!("the schema has no service {name:?}")))
    }

    pub(super) fn services(&self) -> impl Iterator<Item = &ServiceSql> {
        self.services.values()
    }
}

impl ServiceSql {
    fn new(schema: &ServiceSchema) -> Self {
        let service = schema.name;
        let name = |table| names::table(service, table);
        let (records, positions, parked, roots) = (name("records"), name("positions"), name("parked"), name("roots"));
        let (snapshots, events, epochs) = (name("snapshots"), name("events"), name("epochs"));
        let (sequences, history, views, gone) = (name("sequences"), name("history"), name("views"), name("gone"));
        // Roots of a kind that the code no longer has are not woken: there is nothing that could decide for them.
        let kinds = schema.aggregates.iter().map(|kind| format!("'{kind}'")).collect::<Vec<_>>().join(", ");
        // What was published belongs to a feed, which has no gaps.
        let finished = "wake_at IS NULL AND at < ?2 AND NOT published";
        // The sign behind a slash is a nought, so this is all that begins like a head.
        let is_head = format!("(name > '{HEAD}' AND name < '{}0')", HEAD.trim_end_matches('/'));
        let head = format!("SELECT value FROM {sequences} WHERE name = '{HEAD}' || ?1");
        let feed = |bound: &str| {
            format!(
                "SELECT epoch, seq, key, at, published, correlation, causation, caller, trace FROM {events} \
                 WHERE seq > ?2 {bound} AND shard = ?1 ORDER BY seq LIMIT ?3"
            )
        };
        let told = |which: &str, order: &str, limit: &str| {
            format!(
                "SELECT id, aggregate, key, version, at, data, subject, shard, seq, correlation, causation, caller, trace FROM {events} \
                 WHERE {which} ORDER BY {order} LIMIT {limit}"
            )
        };
        let stored = "version, at, data, causation, caller, shard, epoch, seq, published";
        let rootless =
            format!("NOT EXISTS (SELECT 1 FROM {roots} AS root WHERE root.aggregate = event.aggregate AND root.key = event.key)");
        Self {
            name: service,
            aggregates: schema.aggregates.clone(),
            record: format!("SELECT at, value FROM {records} WHERE kind = ?1 AND key = ?2"),
            put_record: format!(
                "INSERT INTO {records} (kind, key, at, value) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (kind, key) DO UPDATE SET at = ?3, value = ?4"
            ),
            free_record: format!("DELETE FROM {records} WHERE kind = ?1 AND key = ?2"),
            prune_records: format!(
                "DELETE FROM {records} WHERE kind = ?1 AND key IN \
                 (SELECT key FROM {records} WHERE kind = ?1 AND at < ?2 ORDER BY at LIMIT ?3)"
            ),
            position: format!("SELECT epoch, seq FROM {positions} WHERE consumer = ?1 AND source = ?2 AND shard = ?3"),
            positions: format!("SELECT shard, epoch, seq FROM {positions} WHERE consumer = ?1 AND source = ?2"),
            put_position: format!(
                "INSERT INTO {positions} (consumer, source, shard, epoch, seq) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (consumer, source, shard) DO UPDATE SET epoch = ?4, seq = ?5"
            ),
            parked: format!(
                "SELECT consumer, event, error, tries, next_at FROM {parked} ORDER BY at, consumer, source, shard, seq LIMIT ?1"
            ),
            next_line: format!(
                "SELECT consumer, source, shard, key, seq, next_at FROM {parked} \
                 WHERE (consumer, source, shard, key) > (?1, ?2, ?3, ?4) ORDER BY consumer, source, shard, key, seq LIMIT 1"
            ),
            parked_at: format!(
                "SELECT consumer, event, error, tries, next_at FROM {parked} \
                 WHERE consumer = ?1 AND source = ?2 AND shard = ?3 AND seq = ?4"
            ),
            parked_keys: format!("SELECT DISTINCT source, key FROM {parked} WHERE consumer = ?1"),
            parked_first: format!(
                "SELECT consumer, event, error, tries, next_at FROM {parked} \
                 WHERE consumer = ?1 AND source = ?2 AND shard = ?3 AND key = ?4 ORDER BY seq LIMIT 1"
            ),
            parked_behind: format!(
                "SELECT count(*) FROM (SELECT 1 FROM {parked} \
                 WHERE consumer = ?1 AND source = ?2 AND shard = ?3 AND key = ?4 AND seq > ?5 LIMIT {})",
                Page::COUNTED
            ),
            parked_line: format!(
                "SELECT consumer, event, error, tries, next_at FROM {parked} \
                 WHERE consumer = ?1 AND source = ?2 AND shard = ?3 AND key = ?4 AND seq > ?5 ORDER BY seq LIMIT ?6"
            ),
            discard: format!("DELETE FROM {parked} WHERE consumer = ?1 AND source = ?2 AND shard = ?3 AND key = ?4 AND seq <= ?5"),
            park: format!(
                "INSERT INTO {parked} (consumer, source, shard, seq, key, at, event, error, tries, next_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
                 ON CONFLICT (consumer, source, shard, seq) DO UPDATE SET error = ?8, tries = ?9, next_at = ?10"
            ),
            unpark: format!("DELETE FROM {parked} WHERE consumer = ?1 AND source = ?2 AND shard = ?3 AND seq = ?4"),
            root: format!("SELECT version, last, published, at FROM {roots} WHERE aggregate = ?1 AND key = ?2"),
            end: format!("SELECT version, last, published FROM {roots} WHERE aggregate = ?1 AND key = ?2"),
            put_root: format!(
                "INSERT INTO {roots} (aggregate, key, version, at, last, published, wake_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                 ON CONFLICT (aggregate, key) DO UPDATE SET version = ?3, at = ?4, last = ?5, published = ?6, wake_at = ?7"
            ),
            put_end: format!(
                "INSERT INTO {roots} (aggregate, key, version, at, last, published) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                 ON CONFLICT (aggregate, key) DO UPDATE SET version = ?3, at = ?4, last = ?5, published = ?6"
            ),
            roots: format!("SELECT key FROM {roots} WHERE aggregate = ?1 AND key > ?2 ORDER BY key LIMIT ?3"),
            waking_roots: format!(
                "SELECT key FROM {roots} WHERE wake_at IS NOT NULL AND +aggregate = ?1 ORDER BY wake_at, aggregate, key LIMIT ?2"
            ),
            finished: format!("SELECT key FROM {roots} WHERE aggregate = ?1 AND {finished} ORDER BY key LIMIT ?3"),
            prune_root: format!("DELETE FROM {roots} WHERE aggregate = ?1 AND key = ?3 AND {finished} RETURNING last"),
            prune_snapshot: format!("DELETE FROM {snapshots} WHERE aggregate = ?1 AND key = ?2"),
            prune_event: format!("DELETE FROM {events} WHERE id = ?1 AND aggregate = ?2 AND key = ?3 RETURNING before"),
            // The plus keeps SQLite from looking up the kinds, one after the other, and sorting: times are to be read in order.
            due: format!(
                "SELECT aggregate, key FROM {roots} WHERE wake_at <= ?1 AND +aggregate IN ({kinds}) \
                 ORDER BY wake_at, aggregate, key LIMIT ?2"
            ),
            next_wake: format!(
                "SELECT wake_at FROM {roots} WHERE wake_at IS NOT NULL AND +aggregate IN ({kinds}) ORDER BY wake_at LIMIT 1"
            ),
            snapshot: format!("SELECT version, state FROM {snapshots} WHERE aggregate = ?1 AND key = ?2 AND version > ?3"),
            put_snapshot: format!(
                "INSERT INTO {snapshots} (aggregate, key, version, state) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (aggregate, key) DO UPDATE SET version = ?3, state = ?4"
            ),
            event: format!("SELECT before, version, at, data FROM {events} WHERE id = ?1 AND aggregate = ?2 AND key = ?3"),
            append: format!(
                "INSERT INTO {events} (id, before, aggregate, key, version, at, data, subject, correlation, causation, caller, \
                     shard, epoch, seq, published, trace) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
            ),
            last_event: format!("SELECT max(id) FROM {events}"),
            latest: format!("SELECT max(at) FROM {events} WHERE id > ?1 AND id <= ?2"),
            of_correlation: told("id > ?1 AND id <= ?2 AND correlation = ?3", "id", "?4"),
            of_row: told(&format!("subject = ?1 AND {IN_SUBJECTS}"), "id", "?2"),
            of_root: told("id = ?1", "id", "1"),
            // Without its head a shard that publishes little would be looked for among all that the others have published since.
            feed: feed(&format!("AND seq <= coalesce(({head}), {})", i64::MAX)),
            head,
            heads: format!("SELECT CAST(substr(name, {}) AS INTEGER), value FROM {sequences} WHERE {is_head}", HEAD.len() + 1),
            put_head: format!(
                "INSERT INTO {sequences} (name, value) VALUES ('{HEAD}' || ?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2"
            ),
            // An epoch begins in all shards at once, so any of them tells.
            epoch: format!("SELECT max(epoch) FROM {epochs} WHERE shard = 0"),
            epochs: format!("SELECT epoch, after FROM {epochs} WHERE shard = ?1 ORDER BY epoch"),
            put_epoch: format!("INSERT INTO {epochs} (epoch, shard, after) VALUES (?1, ?2, ?3)"),
            sequence: format!("SELECT value FROM {sequences} WHERE name = ?1"),
            put_sequence: format!("INSERT INTO {sequences} (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2"),
            total: format!("SELECT rows FROM {sequences} WHERE name = ?1"),
            gain: format!("UPDATE {sequences} SET rows = rows + ?2 WHERE name = ?1"),
            own_history: format!(
                "SELECT id, at, data, correlation, causation, caller FROM {events} \
                 WHERE subject = ?1 || '/' || ?2 AND {IN_SUBJECTS} AND id > ?3 ORDER BY id LIMIT ?4"
            ),
            view_history: format!(
                "SELECT n, at, data, correlation, causation, caller FROM {history} \
                 WHERE view = ?1 AND row = ?2 AND n > ?3 ORDER BY n LIMIT ?4"
            ),
            put_history: format!(
                "INSERT INTO {history} (view, row, n, at, data, correlation, causation, caller) \
                 SELECT ?1, ?2, coalesce(max(n), 0) + 1, ?3, ?4, ?5, ?6, ?7 FROM {history} WHERE view = ?1 AND row = ?2"
            ),
            view: format!("SELECT version FROM {views} WHERE name = ?1"),
            put_view: format!("INSERT INTO {views} (name, version) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET version = ?2"),
            put_gone: format!("INSERT INTO {gone} (name, batch, id) VALUES (?1, ?2, ?3)"),
            forget_gone: format!("DELETE FROM {gone} WHERE n <= ?1"),
            first_gone: format!("SELECT n, batch FROM {gone} ORDER BY n LIMIT 1"),
            gone: format!("SELECT batch, id FROM {gone} WHERE name = ?1 AND (batch, id) > (?2, ?3) ORDER BY batch, id LIMIT ?4"),
            audit: AuditSql {
                size: format!("SELECT coalesce(max(id), 0) FROM {events}"),
                roots: format!(
                    "SELECT root.key, root.version, at, wake_at, snapshot.version, state FROM {roots} AS root \
                     LEFT JOIN {snapshots} AS snapshot ON snapshot.aggregate = root.aggregate AND snapshot.key = root.key \
                     WHERE root.aggregate = ?1 AND root.key > ?2 ORDER BY root.key LIMIT ?3"
                ),
                link: format!("SELECT before, version, id FROM {events} WHERE id = ?1 AND aggregate = ?2 AND key = ?3"),
                event: format!("SELECT {stored} FROM {events} WHERE id = ?1"),
                events_by_index: format!(
                    "SELECT {stored} FROM {events} WHERE aggregate = ?1 AND key = ?2 AND version > ?3 ORDER BY version LIMIT ?4"
                ),
                stray_events: format!("SELECT DISTINCT aggregate, key FROM {events} AS event WHERE {rootless} LIMIT ?1"),
                loose_events: format!(
                    "SELECT DISTINCT aggregate, key FROM {events} AS event WHERE NOT {rootless} \
                         AND id NOT IN (SELECT before FROM {events} WHERE before IS NOT NULL) \
                         AND id NOT IN (SELECT last FROM {roots} WHERE last IS NOT NULL) LIMIT ?1"
                ),
                stray_snapshots: format!(
                    "SELECT aggregate, key FROM {snapshots} AS snapshot WHERE NOT EXISTS \
                     (SELECT 1 FROM {roots} AS root WHERE root.aggregate = snapshot.aggregate AND root.key = snapshot.key) LIMIT ?1"
                ),
                sequences: format!("SELECT name, value FROM {sequences} WHERE value > 0 AND NOT {is_head} ORDER BY name"),
                feed: feed(""),
                heads_apart: format!("SELECT shard, seq FROM {}", name("heads")),
                histories: format!("SELECT row, count(*) FROM {history} WHERE view = ?1 AND row > ?2 GROUP BY row ORDER BY row LIMIT ?3"),
                positions: format!("SELECT consumer, source, shard, epoch, seq FROM {positions} ORDER BY consumer, source, shard"),
                records: format!("SELECT key, at, value FROM {records} WHERE kind = ?1 AND key > ?2 ORDER BY key LIMIT ?3"),
            },
            tables: schema.tables.iter().flat_map(|table| Self::tables(service, table)).collect(),
            rows_that_are_roots: schema.tables.iter().filter_map(|table| Some((table.name.clone(), table.roots?))).collect(),
        }
    }

    /// The kind of aggregate that the rows of a table are, if each is one.
    pub(super) fn roots_in(&self, table: &str) -> Option<&'static str> {
        self.rows_that_are_roots.iter().find(|(name, _)| name == table).map(|(_, aggregate)| *aggregate)
    }

    /// The table of which each row is a root of this kind.
    pub(super) fn table_of_roots(&self, aggregate: &str) -> Option<&str> {
        self.rows_that_are_roots.iter().find(|(_, name)| *name == aggregate).map(|(table, _)| table.as_str())
    }

    /// Whether this row is the root itself.
    pub(super) fn is_row_of(&self, root: &RootKey, row: &str) -> bool {
        let key = self.table_of_roots(root.aggregate).and_then(|table| row.strip_prefix(table)?.strip_prefix('/'));
        key == Some(root.key.as_str())
    }

    /// A table, and for a view the one in which its version is built anew.
    fn tables(service: &str, table: &TableSchema) -> impl Iterator<Item = (String, TableSql)> {
        let anew = table.name.contains('@').then(|| TableSchema { name: beside(&table.name), ..table.clone() });
        let all = [Some(table.clone()), anew].into_iter().flatten();
        all.map(|table| (table.name.clone(), TableSql::new(service, &table)))
    }

    pub(super) fn table(&self, name: &str) -> rusqlite::Result<&TableSql> {
        self.tables.get(name).ok_or_else(|| unknown(format!("service {:?} has no table {name:?}", self.name)))
    }

    /// Reads one row. The table may be a view's older version, which is served but no longer in the schema.
    pub(super) fn row(&self, table: &str) -> std::borrow::Cow<'_, str> {
        match self.tables.get(table) {
            Some(known) => known.row.as_str().into(),
            None => row(&names::rows(self.name, table)).into(),
        }
    }
}

impl TableSql {
    fn new(service: &str, table: &TableSchema) -> Self {
        let name = names::rows(service, &table.name);
        let names: Vec<String> = table.fields.iter().map(|field| format!("\"{}\"", field.name)).collect();
        let names: Vec<String> = names.into_iter().chain(table.followed.then(|| names::CHANGED.into())).collect();
        let columns: String = names.iter().map(|name| format!(", {name}")).collect();
        let places: String = (0..names.len()).map(|n| format!(", ?{}", n + 3)).collect();
        Self {
            name: table.name.clone(),
            row: row(&name),
            columns: format!("SELECT id{columns} FROM {name} WHERE id = ?1"),
            insert: format!("INSERT INTO {name} (id, {JSON}{columns}) VALUES (?1, ?2{places})", JSON = names::JSON),
            updates: std::iter::repeat_with(OnceLock::new).take(1 << table.fields.len()).collect(),
            delete: format!("DELETE FROM {name} WHERE id = ?1"),
            followed: table.followed,
            scan: format!("SELECT id, {JSON}{columns} FROM {name} WHERE id > ?1 ORDER BY id LIMIT ?2", JSON = names::JSON),
            fields: table.fields,
        }
    }

    /// Sets the JSON of a row, those of its indexed columns that `differing` says, and when it changed where that is followed. It takes the
    /// row's id and these, in the order of the fields.
    pub(super) fn update(&self, service: &str, differing: usize) -> &str {
        self.updates[differing].get_or_init(|| {
            let fields = self.fields.iter().enumerate().filter(|(n, _)| differing & (1 << n) != 0);
            let names = fields.map(|(_, field)| format!("\"{}\"", field.name)).chain(self.followed.then(|| names::CHANGED.into()));
            let columns: String = names.enumerate().map(|(n, name)| format!(", {name} = ?{}", n + 3)).collect();
            format!("UPDATE {} SET {} = ?2{columns} WHERE id = ?1", names::rows(service, &self.name), names::JSON)
        })
    }
}

fn row(name: &str) -> String {
    format!("SELECT {} FROM {name} WHERE id = ?1", names::JSON)
}

/// What is asked for is not in the schema: a mistake in the code, which no statement can be made of.
fn unknown(what: String) -> Error {
    Error::ToSqlConversionFailure(what.into())
}

/// The statement of the rows of a table that changed last behind a place, and whether each matches the filters. It takes the place's two
/// numbers, how many rows, and the values of the filters that are not null.
pub(super) fn changes(table: &str, filters: &[(&'static str, crate::Cell)]) -> String {
    let (json, changed) = (names::JSON, names::CHANGED);
    let filter = conditions(filters, 3);
    let shown = if filter.is_empty() { json.to_owned() } else { format!("CASE WHEN {} THEN {json} END", filter.join(" AND ")) };
    format!("SELECT {changed}, id, {shown} FROM {table} WHERE ({changed}, id) > (?1, ?2) ORDER BY {changed}, id LIMIT ?3")
}

/// The conditions that filters are, with values from behind the place `before` on.
fn conditions(filters: &[(&'static str, crate::Cell)], before: usize) -> Vec<String> {
    let mut place = before;
    let condition = |(field, cell): &(&'static str, crate::Cell)| match cell {
        crate::Cell::Null => format!("\"{field}\" IS NULL"),
        _ => {
            place += 1;
            format!("\"{field}\" = ?{place}")
        }
    };
    filters.iter().map(condition).collect()
}

/// The statement of how many rows of a table match. It takes the values of the filters that are not null.
pub(super) fn count(table: &str, filters: &[(&'static str, crate::Cell)]) -> String {
    format!("SELECT count(*) FROM (SELECT 1 FROM {table}{} LIMIT {})", matching(filters), Page::COUNTED + 1)
}

/// The statement of a page of those that match. It takes the same, and from where.
pub(super) fn page(table: &str, query: &Query) -> String {
    let filter = matching(&query.filters);
    let place = query.filters.iter().filter(|(_, cell)| *cell != crate::Cell::Null).count();

    let descending = |direction: &Direction| if *direction == Direction::Descending { " DESC" } else { "" };
    let mut order: String = query.sort.iter().map(|(field, direction)| format!("\"{field}\"{}, ", descending(direction))).collect();
    // An index holds the ids in the order of its column, so in this direction it is read off without sorting.
    order.push_str("id");
    order.push_str(query.sort.last().map_or("", |(_, direction)| descending(direction)));

    // How many rows a page has is said in its text, since it decides whether reading off an index until there are enough is better than sorting.
    let ids = format!("{filter} ORDER BY {order} LIMIT {} OFFSET ?{}", query.size, place + 1);
    let json = names::JSON;
    // What may have to be sorted is the ids alone, mostly from an index alone; only rows that are shown are looked at. The join is made in
    // the order in which it is written, so they come in the order of the ids.
    if query.filters.is_empty() && query.sort.len() < 2 {
        format!("SELECT {json} FROM {table}{ids}")
    } else {
        format!("SELECT shown.{json} FROM (SELECT id FROM {table}{ids}) AS page CROSS JOIN {table} AS shown ON shown.id = page.id")
    }
}

/// The statement of a page of all rows in the order of their ids, behind the one that it takes.
pub(super) fn page_behind(table: &str, size: u64) -> String {
    format!("SELECT {} FROM {table} WHERE id > ?1 ORDER BY id LIMIT {size}", names::JSON)
}

/// The statement of a table's last id, and whether none is less than 1.
pub(super) fn ids(table: &str) -> String {
    format!("SELECT coalesce(max(id), 0), NOT EXISTS (SELECT 1 FROM {table} WHERE id < 1) FROM {table}")
}

/// The statement of the rows whose `field` is the one value that it takes, and of how many of them. They are few, so all are looked at where
/// its index has them in another order.
pub(super) fn rows_of_one(table: &str, field: &str) -> String {
    format!("SELECT {} FROM {table} WHERE \"{field}\" = ?1 ORDER BY id LIMIT ?2", names::JSON)
}

/// That all filters hold, as the end of a statement.
fn matching(filters: &[(&'static str, crate::Cell)]) -> String {
    if filters.is_empty() { String::new() } else { format!(" WHERE {}", conditions(filters, 0).join(" AND ")) }
}
