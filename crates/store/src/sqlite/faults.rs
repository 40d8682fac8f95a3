//! What becomes of the store when SQLite fails it, where no disk has to be simulated for that.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use futures_util::FutureExt;
use rusqlite::{Connection, TransactionBehavior};

use super::write::transact;
use super::{Options, SqliteStore};
use crate::{Claims, Schema, Store, StoreError, StoreFuture, Writes};

fn open(directory: &Path) -> SqliteStore {
    SqliteStore::open(&directory.join("store.db"), Schema::default(), &Options { inline: true, ..Options::default() }).unwrap()
}

fn now<T>(future: StoreFuture<'_, T>) -> Result<T, StoreError> {
    future.now_or_never().unwrap()
}

fn write(store: &SqliteStore, batch: &str) -> Result<(), StoreError> {
    now(store.write(Claims { batch: batch.into(), ..Claims::default() }, Box::new(|_| Ok(Writes::default())))).map(drop)
}

/// Runs statements on the writing connection.
fn statements(store: &SqliteStore, text: &'static str) -> Result<(), StoreError> {
    now(store.connections.write(move |connection| connection.execute_batch(text).map_err(super::failure::writing)))
}

#[test]
fn a_commit_that_fails_is_unknown_until_it_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    // A rule that is checked at the commit makes it fail, and leaves the transaction open.
    statements(&store, "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (a REFERENCES a DEFERRABLE INITIALLY DEFERRED);").unwrap();
    let broken = now(store.connections.write(|connection| {
        transact(connection, |transaction| {
            super::batch::claim(transaction, "1")?;
            transaction.execute("INSERT INTO b VALUES (7)", [])
        })
    }));
    assert!(matches!(broken, Err(StoreError::Unknown(_))), "{broken:?}");
    assert!(!now(store.landed("1")).unwrap());
    assert!(matches!(write(&store, "1"), Err(StoreError::Rejected(_))));
    write(&store, "2").unwrap();
}

#[test]
fn a_full_disk_is_away_and_the_store_goes_on_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    statements(&store, "CREATE TABLE big (x); PRAGMA max_page_count = 1").unwrap();
    let full = now(store.connections.write(|connection| {
        transact(connection, |transaction| {
            super::batch::claim(transaction, "1")?;
            transaction.execute("INSERT INTO big VALUES (zeroblob(100000))", [])
        })
    }));
    assert!(matches!(full, Err(StoreError::Away(_))), "{full:?}");
    statements(&store, "PRAGMA max_page_count = 1000000").unwrap();
    assert!(!now(store.landed("1")).unwrap());
    write(&store, "2").unwrap();
}

#[test]
fn a_transaction_left_open_ends_with_its_connection() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    for result in [Ok(()), Err(StoreError::Away("as when taking back fails".into()))] {
        let left = now(store.connections.write(move |connection| {
            connection
                .execute_batch("BEGIN IMMEDIATE; INSERT INTO batches (id, landed) VALUES ('left', 1)")
                .map_err(super::failure::writing)?;
            result
        }));
        drop(left);
        write(&store, &batch()).unwrap();
    }
    assert!(!now(store.landed("left")).unwrap());
}

fn batch() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("batch {}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[test]
fn a_file_that_fails_again_and_again_is_opened_anew() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    // What is set on a connection tells whether it is still the same one.
    statements(&store, "PRAGMA max_page_count = 1; CREATE TEMP TABLE mark (x)").unwrap();
    for _ in 0..super::connections::PATIENCE {
        let failed = now(store.connections.write::<()>(|_| Err(StoreError::Away("the disk fails".into()))));
        assert!(matches!(failed, Err(StoreError::Away(_))));
    }
    assert!(statements(&store, "SELECT * FROM mark").is_err());
    write(&store, &batch()).unwrap();
}

#[test]
fn a_panic_of_the_stores_own_is_unknown_and_the_store_goes_on() {
    for inline in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let store = SqliteStore::open(&path, Schema::default(), &Options { inline, ..Options::default() }).unwrap();
        let wait = |future: StoreFuture<'_, ()>| tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
        let panicked = wait(store.connections.write(|connection| {
            let _open = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(super::failure::writing)?;
            panic!("a fault in the store")
        }));
        assert!(matches!(&panicked, Err(StoreError::Unknown(why)) if why.contains("a fault in the store")), "{panicked:?}");
        wait(Box::pin(async {
            store.write(Claims { batch: "1".into(), ..Claims::default() }, Box::new(|_| Ok(Writes::default()))).await.map(drop)
        }))
        .unwrap();
    }
}

#[test]
fn another_program_that_writes_for_long_makes_the_store_away() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(&path, Schema::default(), &Options::default()).unwrap();
    let wait = |batch: &str| {
        let written = store.write(Claims { batch: batch.into(), ..Claims::default() }, Box::new(|_| Ok(Writes::default())));
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(written).map(drop)
    };
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(wait("1"), Err(StoreError::Away(_))));
    other.execute_batch("ROLLBACK").unwrap();
    wait("1").unwrap();
}
