//! How many rows each table has. It is kept beside the service's counters, in the transaction that puts rows or takes them away, so that a
//! page tells it without counting them, and as of the instant of the page (decision 015).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::hooks::Action;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::names;
use super::sql::{ServiceSql, Sql, TableSql};

/// How many rows a table has; `None` for one of which nobody keeps it, such as a view's version that an older release made.
pub(super) fn of(connection: &Connection, service: &ServiceSql, table: &str) -> rusqlite::Result<Option<u64>> {
    connection.prepare_cached(&service.total)?.query_row([table], |row| row.get(0)).optional().map(Option::flatten)
}

/// Counts a table whose total nobody keeps yet. From here on it is kept.
pub(super) fn begin(transaction: &Transaction<'_>, service: &str, table: &str) -> rusqlite::Result<()> {
    let (sequences, rows) = (names::table(service, "sequences"), names::rows(service, table));
    let kept = format!("SELECT EXISTS (SELECT 1 FROM {sequences} WHERE name = ?1 AND rows IS NOT NULL)");
    if !transaction.query_row(&kept, [table], |row| row.get(0))? {
        // Without a limit and a condition SQLite adds up what the pages of the smallest index hold, and looks at no row.
        let count = format!(
            "INSERT INTO {sequences} (name, value, rows) VALUES (?1, 0, (SELECT count(*) FROM {rows})) \
             ON CONFLICT (name) DO UPDATE SET rows = excluded.rows"
        );
        transaction.execute(&count, [table])?;
    }
    Ok(())
}

/// Watches what tables gain, and lose, in one transaction. An upsert does not say whether there was a row, so SQLite is asked to tell of
/// each that it inserts, as long as this lives.
pub(super) struct Gains<'a> {
    connection: &'a Connection,
    inserted: Arc<AtomicI64>,
    /// By service and table.
    gains: BTreeMap<(&'a str, &'a str), i64>,
}

impl<'a> Gains<'a> {
    pub(super) fn watch(connection: &'a Connection) -> rusqlite::Result<Self> {
        let inserted = Arc::new(AtomicI64::new(0));
        let seen = Arc::clone(&inserted);
        connection.update_hook(Some(move |action, _: &str, _: &str, _| {
            if action == Action::SQLITE_INSERT {
                seen.fetch_add(1, Ordering::Relaxed);
            }
        }))?;
        Ok(Self { connection, inserted, gains: BTreeMap::new() })
    }

    /// Runs `put`, which puts one row in place.
    pub(super) fn put(
        &mut self,
        service: &'a ServiceSql,
        table: &'a TableSql,
        put: impl FnOnce() -> rusqlite::Result<usize>,
    ) -> rusqlite::Result<()> {
        let before = self.inserted.load(Ordering::Relaxed);
        put()?;
        self.gain(service, table, self.inserted.load(Ordering::Relaxed) - before);
        Ok(())
    }

    /// Notes that a row was taken away.
    pub(super) fn lose(&mut self, service: &'a ServiceSql, table: &'a TableSql) {
        self.gain(service, table, -1);
    }

    fn gain(&mut self, service: &'a ServiceSql, table: &'a TableSql, rows: i64) {
        *self.gains.entry((service.name, &table.name)).or_default() += rows;
    }

    /// Adds them to the tables' totals.
    pub(super) fn keep(mut self, sql: &Sql) -> rusqlite::Result<()> {
        for ((service, table), gain) in std::mem::take(&mut self.gains) {
            if gain != 0 {
                self.connection.prepare_cached(&sql.service(service)?.gain)?.execute(params![table, gain])?;
            }
        }
        Ok(())
    }
}

impl Drop for Gains<'_> {
    fn drop(&mut self) {
        // It fails on a connection of somebody else's only.
        let _ = self.connection.update_hook(None::<fn(Action, &str, &str, i64)>);
    }
}
