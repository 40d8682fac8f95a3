//! How many rows each table has. It is kept beside the service's counters, in the transaction that puts rows or takes them away, so that a
//! page tells it without counting them, and as of the instant of the page (decision 015).

use std::collections::BTreeMap;

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

/// What tables gain, and lose, in one transaction, by service and table.
#[derive(Default)]
pub(super) struct Gains<'a>(BTreeMap<(&'a str, &'a str), i64>);

impl<'a> Gains<'a> {
    /// Notes that so many rows were put in, or taken away.
    pub(super) fn add(&mut self, service: &'a ServiceSql, table: &'a TableSql, rows: i64) {
        *self.0.entry((service.name, &table.name)).or_default() += rows;
    }

    /// Adds them to the tables' totals.
    pub(super) fn keep(self, connection: &Connection, sql: &Sql) -> rusqlite::Result<()> {
        for ((service, table), gain) in self.0 {
            if gain != 0 {
                connection.prepare_cached(&sql.service(service)?.gain)?.execute(params![table, gain])?;
            }
        }
        Ok(())
    }
}
