//! Reads that take long hold up neither their caller's thread nor other reads, and end.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::mpsc;

use futures_util::FutureExt;
use kernel::Field;

use super::readers::{THREADS, WAITING};
use super::{Options, SqliteStore};
use crate::{Cell, Claims, Direction, Query, RowKey, RowWrite, Schema, ServiceSchema, Store, StoreError, StoreFuture, TableSchema, Writes};

const FIELDS: &[Field] = &[Field::integer("price"), Field::integer("weight")];

fn open(directory: &Path, inline: bool) -> SqliteStore {
    let tables = vec![TableSchema { name: "goods".into(), fields: FIELDS, roots: None, followed: true }];
    let schema = Schema { services: vec![ServiceSchema { name: "shop", aggregates: vec![], tables }] };
    SqliteStore::open(&directory.join("store.db"), schema, &Options { inline, ..Options::default() }).unwrap()
}

fn wait<T>(future: StoreFuture<'_, T>) -> Result<T, StoreError> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn fill(store: &SqliteStore, count: u32) {
    let row = |id: u32| {
        let cells = vec![Cell::Integer(i64::from(id % 7)), Cell::Integer(i64::from(id % 11))];
        RowWrite {
            row: RowKey { service: "shop", table: "goods".into(), id: id.into() },
            content: Some((cells, format!("{{\"id\":{id}}}"))),
        }
    };
    let rows = (1..=count).map(row).collect();
    let writes = Writes { rows, ..Writes::default() };
    wait(store.write(Claims { batch: format!("{count} rows"), ..Claims::default() }, Box::new(|_| Ok(writes)))).unwrap();
}

/// A page that takes reading and sorting all rows.
fn costly() -> Query {
    Query { sort: vec![("price", Direction::Ascending), ("weight", Direction::Descending)], ..Query::default() }
}

#[test]
fn long_reads_hold_up_no_other_and_more_than_can_wait_are_turned_away() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), false);
    fill(&store, 6_000);
    let (begins, begun) = mpsc::channel();
    let mut gates = Vec::new();
    let mut held = || {
        let (opens, gate) = mpsc::channel::<()>();
        gates.push(opens);
        let begins = begins.clone();
        store.connections.read_apart(move |_| {
            let _ = begins.send(());
            // It ends when its gate is dropped.
            let _ = gate.recv();
            Ok(())
        })
    };
    let running: Vec<_> = (0..THREADS).map(|_| held()).collect();
    for _ in 0..THREADS {
        begun.recv().unwrap();
    }
    let mut waiting: Vec<_> = (0..WAITING).map(|_| held()).collect();
    assert!(waiting.iter_mut().all(|read| read.now_or_never().is_none()));
    let one_more = store.rows("shop", "goods", &costly()).now_or_never().unwrap();
    assert!(matches!(&one_more, Err(StoreError::Busy)), "{one_more:?}");

    // Short reads, lists among them, and writes, go on.
    assert_eq!(store.row("shop", "goods", 1).now_or_never().unwrap().unwrap().as_deref(), Some("{\"id\":1}"));
    assert_eq!(store.rows("shop", "goods", &Query::default()).now_or_never().unwrap().unwrap().rows.len(), 20);
    let last = Query { page: 299, ..Query::default() };
    assert_eq!(store.rows("shop", "goods", &last).now_or_never().unwrap().unwrap().rows.len(), 20, "no row before it is passed over");
    assert_eq!(store.history("shop", "goods", 1, 0, 10).now_or_never().unwrap().unwrap(), []);
    fill(&store, 6_001);

    // What nobody waits for is not begun.
    drop(waiting);
    gates.clear();
    for read in running {
        wait(read).unwrap();
    }
    assert_eq!(wait(store.rows("shop", "goods", &costly())).unwrap().total, 6_001);
    assert!(begun.try_recv().is_err());
}

#[test]
fn a_list_beyond_its_budget_is_given_up_and_the_store_goes_on() {
    for inline in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let mut store = open(directory.path(), inline);
        fill(&store, 5_000);
        store.connections.steps = 20_000;
        for _ in 0..3 {
            let list = wait(store.rows("shop", "goods", &costly()));
            assert!(matches!(list, Err(StoreError::TooCostly(_))), "inline: {inline}, {list:?}");
            let history = wait(store.history("shop", "goods", 1, 0, 10)).unwrap();
            assert!(history.is_empty(), "a short one has a budget of its own");
        }
        // Nothing else is counted, though it takes longer.
        fill(&store, 5_001);
        assert!(wait(store.row("shop", "goods", 1)).unwrap().is_some());
        assert!(wait(store.read_all()).unwrap() > 5_000);
        store.connections.steps = super::readers::STEPS;
        assert_eq!(wait(store.rows("shop", "goods", &costly())).unwrap().rows.len(), 20);
    }
}

#[test]
fn a_panic_in_a_long_read_is_an_error_and_its_thread_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), false);
    for _ in 0..=THREADS {
        let panicked = wait(store.connections.read_apart::<()>(|_| panic!("a fault in the store")));
        assert!(matches!(&panicked, Err(StoreError::Unreadable(why)) if why.contains("a fault in the store")), "{panicked:?}");
    }
    assert_eq!(wait(store.rows("shop", "goods", &Query::default())).unwrap().total, 0);
}

impl SqliteStore {
    /// A read of our own over all rows.
    fn read_all(&self) -> StoreFuture<'_, i64> {
        self.connections.read_apart(|connection| {
            connection.query_row("SELECT count(*) FROM \"shop_row_goods\" WHERE price + weight >= 0", [], |row| row.get(0))
        })
    }
}
