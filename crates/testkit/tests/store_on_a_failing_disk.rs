//! The store over a disk whose writes and syncs fail and whose power is cut: what was acknowledged stands, what was refused
//! never rises, and `landed` tells the truth about what was lost in between.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong panics")]

use std::collections::BTreeSet;
use std::path::Path;

use futures_util::FutureExt;
use kernel::{Field, Timestamp};
use store::sqlite::{Options, SqliteStore};
use store::{
    Cell, Claims, Meta, NewEvent, NewPublished, OpenError, Query, RootKey, RootWrite, RowKey, RowWrite, Schema, ServiceSchema, Store,
    StoreError, StoreFuture, TableSchema, Writes,
};
use yeyak_testkit::disk::Disk;

const STEPS: u64 = 120;

/// Inline, a store's futures are ready at once.
fn ready<T>(future: StoreFuture<'_, T>) -> Result<T, StoreError> {
    future.now_or_never().unwrap()
}

fn open(disk: &Disk) -> Result<SqliteStore, OpenError> {
    let fields: &[Field] = const { &[Field::text("label")] };
    let tables = vec![TableSchema { name: "things".into(), fields, roots: None, followed: true }];
    let schema = Schema { services: vec![ServiceSchema { name: "toy", aggregates: vec!["thing"], tables }] };
    SqliteStore::open(Path::new("toy.db"), schema, &Options { inline: true, vfs: Some(disk.vfs_name().into()) })
}

/// A transaction that publishes one event and writes one row.
fn thing(id: u64, size: usize) -> Writes {
    let root = RootKey { service: "toy", aggregate: "thing", key: id.to_string() };
    let at = Timestamp::from_second(i64::try_from(id).unwrap()).unwrap();
    let event = NewEvent {
        root: root.clone(),
        version: 1,
        at,
        data: "x".repeat(size),
        subject: None,
        meta: Meta { correlation: String::new(), causation: String::new(), caller: String::new(), trace: None },
        published: Some(NewPublished { shard: 0, data: id.to_string() }),
    };
    let row = RowKey { service: "toy", table: "things".into(), id: id % 7 };
    Writes {
        events: vec![event],
        roots: vec![RootWrite { root, version: 1, at, wake_at: None, snapshot: None }],
        rows: vec![RowWrite { row, content: Some((vec![Cell::Text("x".into())], "y".repeat(size))) }],
        ..Writes::default()
    }
}

struct Trial {
    disk: Disk,
    store: Option<SqliteStore>,
    /// What was acknowledged.
    stands: BTreeSet<u64>,
}

impl Trial {
    /// Opens the store again, healing the disk when it fails too often for anything to start on it.
    fn reopen(&mut self) {
        // A handle from before the cut would find its files gone.
        self.store = None;
        for tries in 0..100 {
            if self.disk.is_cut() {
                self.disk.restart();
            }
            if tries > 20 {
                self.disk.fail_writes(false);
            }
            if let Ok(store) = open(&self.disk) {
                self.store = Some(store);
                return;
            }
        }
        panic!("the store never opens again");
    }

    fn write(&mut self, id: u64, size: usize) {
        let claims = Claims { batch: format!("batch-{id}"), ..Claims::default() };
        let written = ready(self.store.as_ref().unwrap().write(claims, Box::new(move |_| Ok(thing(id, size)))));
        let stands = match written {
            Ok(_) => true,
            Err(StoreError::Away(_)) => false,
            Err(StoreError::Unknown(_)) => self.landed(id),
            Err(error) => panic!("write {id}: {error}"),
        };
        if stands {
            self.stands.insert(id);
        }
    }

    fn landed(&mut self, id: u64) -> bool {
        for tries in 0..200 {
            match ready(self.store.as_ref().unwrap().landed(&format!("batch-{id}"))) {
                Ok(landed) => return landed,
                Err(_) if self.disk.is_cut() => self.reopen(),
                Err(_) if tries > 20 => self.disk.fail_writes(false),
                Err(_) => {}
            }
        }
        panic!("the store never says whether {id} stands");
    }

    fn check(&self, seed: u64, step: u64) {
        let Ok(feed) = ready(self.store.as_ref().unwrap().feed("toy", 0, 0, 10_000)) else { return };
        let positions: Vec<u64> = feed.events.iter().map(|event| event.position.seq).collect();
        assert!(positions.iter().copied().eq(1..=positions.len() as u64), "seed {seed}, step {step}: {positions:?}");
        let found: BTreeSet<u64> = feed.events.iter().map(|event| event.data.parse().unwrap()).collect();
        assert_eq!(found, self.stands, "seed {seed}, step {step}: what is found, what was acknowledged");
        let Ok(page) = ready(self.store.as_ref().unwrap().rows("toy", "things", &Query::default())) else { return };
        let rows: BTreeSet<u64> = self.stands.iter().map(|id| id % 7).collect();
        assert_eq!((page.rows.len(), page.total), (rows.len(), rows.len() as u64), "seed {seed}, step {step}");
    }
}

#[test]
fn what_was_acknowledged_stands_and_nothing_else() {
    for seed in 0..60 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut trial = Trial { disk: Disk::new(seed), store: None, stands: BTreeSet::new() };
        trial.reopen();
        let mut failing = false;
        for step in 1..=STEPS {
            match chance.u32(0..20) {
                0..=3 => {
                    failing = !failing;
                    trial.disk.fail_writes(failing);
                }
                4 => trial.disk.cut_power_after(Some(chance.u64(1..25))),
                5 => trial.disk.cut_power(),
                6 => trial.store = None,
                _ => {}
            }
            if trial.disk.is_cut() || trial.store.is_none() {
                trial.reopen();
                trial.check(seed, step);
            }
            // Now and then a write is larger than what the log is checkpointed after.
            let size = chance.usize(1..if seed % 3 == 0 { 200_000 } else { 6_000 });
            trial.write(step, size);
            if !trial.disk.is_cut() {
                trial.check(seed, step);
            }
        }
    }
}
