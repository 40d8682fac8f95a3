//! What files of older formats lack, or have otherwise. Each step finds out for itself whether it is still to be taken.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::{batch, names};

/// The first batch tells a store from others; in a file of format 1 it was forgotten, so the oldest that is known takes its place.
pub(super) fn know_the_first_batch(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute("UPDATE batches SET n = 1 WHERE n > 1 AND n = (SELECT min(n) FROM batches)", []).map(drop)
}

/// Up to format 3 there was an index of the batches' ids, and there were more of them.
pub(super) fn forget_the_index_of_batches(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let unique = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'batches')";
    if transaction.query_row(unique, [], |row| row.get(0))? {
        transaction.execute_batch(&format!(
            "CREATE TABLE \"@batches\" (n INTEGER PRIMARY KEY, id TEXT NOT NULL, landed INTEGER NOT NULL, asked INTEGER NOT NULL DEFAULT 0);
             INSERT INTO \"@batches\" (n, id, landed, asked) SELECT n, id, landed, asked FROM batches
                 WHERE n = 1 OR n > (SELECT max(n) FROM batches) - {kept};
             DROP TABLE batches;
             ALTER TABLE \"@batches\" RENAME TO batches;",
            kept = batch::KEPT
        ))?;
    }
    Ok(())
}

/// What the index of a feed is over. Shards grow alike, so that what all of them publish at one time stands side by side here; with the shard
/// first each would have a page of its own, which is to be written anew whenever it publishes something. Whoever reads one shard looks at
/// the numbers that they want in all sixteen, of which no shard has more than they do.
pub(super) const OF_FEED: &str = "(seq, shard) WHERE seq IS NOT NULL";

/// Which events the index of the rows that they are about has: not those marked [`names::OWN_ROW`], which are a chain.
pub(super) const IN_SUBJECTS: &str = "subject <> ''";

/// Brings up the tables that each service has.
pub(super) fn bring_up(transaction: &Transaction<'_>, service: &str) -> rusqlite::Result<()> {
    let name = |table: &str| names::table(service, table);
    // Files of before traces were kept lack it. An older release that opens the file writes around it.
    add_column(transaction, &name("events"), "trace", "TEXT")?;
    // Files of format 2 lack it. An older release would write rows and not count them.
    add_column(transaction, &name("sequences"), "rows", "INTEGER")?;
    // Up to format 3 a root's events were found by an index, and are now a chain.
    if has_streams(transaction, service)? {
        let (roots, events) = (name("roots"), name("events"));
        add_column(transaction, &events, "before", "INTEGER")?;
        add_column(transaction, &roots, "last", "INTEGER")?;
        add_column(transaction, &roots, "published", "INTEGER NOT NULL DEFAULT 0")?;
        transaction.execute_batch(&format!(
            "UPDATE {events} AS event SET before = (
                 SELECT id FROM {events} AS other WHERE other.aggregate = event.aggregate AND other.key = event.key
                     AND other.version < event.version ORDER BY other.version DESC LIMIT 1);
             UPDATE {roots} AS root SET
                 last = (SELECT id FROM {events} AS event WHERE event.aggregate = root.aggregate AND event.key = root.key
                     ORDER BY version DESC LIMIT 1),
                 published = EXISTS (SELECT 1 FROM {events} AS event WHERE event.aggregate = root.aggregate AND event.key = root.key
                     AND +seq IS NOT NULL);
             DROP INDEX {streams};",
            streams = name("streams")
        ))?;
    }
    // Once the index of a feed had the shards first. An older release reads what a feed has by either, by this
    // one the slower the less its shard publishes.
    let (feed, subjects, events) = (name("feed"), name("subjects"), name("events"));
    if index_text(transaction, &feed)?.is_some_and(|text| !text.ends_with(OF_FEED)) {
        transaction.execute_batch(&format!("DROP INDEX {feed}; CREATE UNIQUE INDEX {feed} ON {events} {OF_FEED};"))?;
    }
    // Once it was over all rows, also those that are the roots of their events. These keep what they have.
    if index_text(transaction, &subjects)?.is_some_and(|text| !text.ends_with(IN_SUBJECTS)) {
        transaction.execute_batch(&format!("DROP INDEX {subjects}; CREATE INDEX {subjects} ON {events} (subject) WHERE {IN_SUBJECTS};"))?;
    }
    // Up to format 3 the heads of the shards had a table of their own.
    if has_heads(transaction, service)? {
        let (sequences, heads) = (name("sequences"), name("heads"));
        transaction.execute_batch(&format!(
            "INSERT INTO {sequences} (name, value) SELECT '{HEAD}' || shard, seq FROM {heads} WHERE true
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value;
             DROP TABLE {heads};",
            HEAD = names::HEAD
        ))?;
    }
    Ok(())
}

/// Whether the events of a service's roots are found by an index.
pub(super) fn has_streams(connection: &Connection, service: &str) -> rusqlite::Result<bool> {
    Ok(index_text(connection, &names::table(service, "streams"))?.is_some())
}

/// What made an index, if there is one with this name, as statements have it.
fn index_text(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    let text = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?1";
    connection.query_row(text, [name.trim_matches('"')], |row| row.get(0)).optional()
}

/// Whether the heads of a service's shards have a table of their own.
pub(super) fn has_heads(connection: &Connection, service: &str) -> rusqlite::Result<bool> {
    has_table(connection, &names::table(service, "heads"))
}

/// Whether the file has a table, by its name as statements have it.
pub(super) fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let text = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
    connection.query_row(text, [name.trim_matches('"')], |row| row.get(0))
}

/// Whether a table that is there has this column.
pub(super) fn has_column(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<bool> {
    Ok(connection.prepare(&format!("SELECT * FROM {table} LIMIT 0"))?.column_names().contains(&column))
}

/// Adds a column that files of older releases lack.
fn add_column(transaction: &Transaction<'_>, table: &str, column: &str, kind: &str) -> rusqlite::Result<()> {
    if has_column(transaction, table, column)? {
        return Ok(());
    }
    transaction.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column} {kind};"))
}
