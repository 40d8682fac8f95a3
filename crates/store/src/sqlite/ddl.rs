use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{formats, names, row_tables};
use crate::{OpenError, SHARDS, Schema};

/// "Yeyk": marks a file as ours in its header, so that a foreign one is told apart before anything is written to it.
const APPLICATION_ID: i64 = 0x5965_796B;

/// The newest format this release reads and writes; raised with every change that an older release could not read.
const FORMAT: i64 = 4;

/// Refuses a file that is not ours or newer than us. It only reads.
pub(super) fn identify(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let unusable = |error: rusqlite::Error| OpenError::Unusable { path: path.into(), why: error.to_string() };
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(unusable);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(unusable)?;
    match (pragma("application_id")?, pragma("user_version")?) {
        (APPLICATION_ID, found) if found > FORMAT => Err(OpenError::Newer { path: path.into(), found, known: FORMAT }),
        (APPLICATION_ID, _) => Ok(()),
        (0, 0) if tables == 0 => Ok(()),
        _ => Err(OpenError::Foreign { path: path.into() }),
    }
}

/// Brings the tables up to the schema, in one transaction.
pub(super) fn migrate(connection: &mut Connection, schema: &Schema) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS batches (n INTEGER PRIMARY KEY, id TEXT NOT NULL, landed INTEGER NOT NULL, asked INTEGER NOT NULL DEFAULT 0);
         CREATE TABLE IF NOT EXISTS tables (name TEXT PRIMARY KEY, fields TEXT NOT NULL) WITHOUT ROWID;",
    )?;
    formats::know_the_first_batch(&transaction)?;
    formats::forget_the_index_of_batches(&transaction)?;
    for service in &schema.services {
        common_tables(&transaction, service.name)?;
        for table in &service.tables {
            row_tables::bring_up(&transaction, service.name, table)?;
        }
    }
    transaction.commit()
}

fn common_tables(transaction: &Transaction<'_>, service: &str) -> rusqlite::Result<()> {
    let name = |table: &str| names::table(service, table);
    let statements = format!(
        "CREATE TABLE IF NOT EXISTS {roots} (
             aggregate TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, wake_at INTEGER,
             last INTEGER, published INTEGER NOT NULL DEFAULT 0,
             PRIMARY KEY (aggregate, key)) WITHOUT ROWID;
         CREATE INDEX IF NOT EXISTS {wakes} ON {roots} (wake_at) WHERE wake_at IS NOT NULL;
         CREATE TABLE IF NOT EXISTS {snapshots} (
             aggregate TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
             PRIMARY KEY (aggregate, key)) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS {events} (
             id INTEGER PRIMARY KEY, aggregate TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL,
             data TEXT NOT NULL, subject TEXT, correlation TEXT NOT NULL, causation TEXT NOT NULL, caller TEXT NOT NULL,
             shard INTEGER CHECK (shard BETWEEN 0 AND 15), epoch INTEGER, seq INTEGER, published TEXT, trace TEXT,
             before INTEGER);
         CREATE UNIQUE INDEX IF NOT EXISTS {feed} ON {events} {of_feed};
         CREATE INDEX IF NOT EXISTS {subjects} ON {events} (subject) WHERE {in_subjects};
         CREATE TABLE IF NOT EXISTS {sequences} (name TEXT PRIMARY KEY, value INTEGER NOT NULL, rows INTEGER) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS {epochs} (
             epoch INTEGER NOT NULL, shard INTEGER NOT NULL, after INTEGER NOT NULL, PRIMARY KEY (shard, epoch)) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS {positions} (
             consumer TEXT NOT NULL, source TEXT NOT NULL, shard INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
             PRIMARY KEY (consumer, source, shard)) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS {records} (
             kind TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
         CREATE INDEX IF NOT EXISTS {ages} ON {records} (kind, at);
         CREATE TABLE IF NOT EXISTS {parked} (
             consumer TEXT NOT NULL, source TEXT NOT NULL, shard INTEGER NOT NULL, seq INTEGER NOT NULL, key TEXT NOT NULL,
             at INTEGER NOT NULL, event TEXT NOT NULL, error TEXT NOT NULL, tries INTEGER NOT NULL, next_at INTEGER NOT NULL,
             PRIMARY KEY (consumer, source, shard, seq)) WITHOUT ROWID;
         CREATE INDEX IF NOT EXISTS {waiting} ON {parked} (at);
         CREATE INDEX IF NOT EXISTS {lines} ON {parked} (consumer, source, shard, key, seq);
         CREATE TABLE IF NOT EXISTS {views} (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS {history} (
             view TEXT NOT NULL, row INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, data TEXT NOT NULL,
             correlation TEXT NOT NULL, causation TEXT NOT NULL, caller TEXT NOT NULL,
             PRIMARY KEY (view, row, n)) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS {gone} (
             n INTEGER PRIMARY KEY, name TEXT NOT NULL, batch INTEGER NOT NULL, id INTEGER NOT NULL);
         CREATE INDEX IF NOT EXISTS {leaving} ON {gone} (name, batch, id);",
        roots = name("roots"),
        wakes = name("wakes"),
        snapshots = name("snapshots"),
        events = name("events"),
        feed = name("feed"),
        of_feed = formats::OF_FEED,
        subjects = name("subjects"),
        in_subjects = formats::IN_SUBJECTS,
        sequences = name("sequences"),
        epochs = name("epochs"),
        positions = name("positions"),
        records = name("records"),
        ages = name("ages"),
        parked = name("parked"),
        waiting = name("waiting"),
        lines = name("lines"),
        views = name("views"),
        history = name("history"),
        gone = name("gone"),
        leaving = name("leaving"),
    );
    transaction.execute_batch(&statements)?;
    formats::bring_up(transaction, service)?;
    let first = format!("INSERT INTO {} (epoch, shard, after) VALUES (1, ?1, 0) ON CONFLICT DO NOTHING", names::table(service, "epochs"));
    for shard in 0..SHARDS {
        transaction.execute(&first, [shard])?;
    }
    Ok(())
}
