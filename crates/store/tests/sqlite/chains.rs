//! The events of a root are a chain, which holds or is told to be broken; a feed is shown as it stands.

use std::path::Path;

use futures_util::FutureExt;
use kernel::Timestamp;
use rusqlite::Connection;

use super::store::sqlite::{Options, SqliteStore, snapshot_of};
use super::store::{
    Abort, Claims, Loaded, Meta, NewEvent, NewPublished, RootKey, RootWrite, Schema, ServiceSchema, Store, StoreError, Writes,
};

fn schema() -> Schema {
    Schema { services: vec![ServiceSchema { name: "shop", aggregates: vec!["item"], tables: vec![] }] }
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, schema(), &Options { inline: true, ..Options::default() }).unwrap()
}

fn root(key: &str) -> RootKey {
    RootKey { service: "shop", aggregate: "item", key: key.into() }
}

fn event(key: &str, version: u64, shard: Option<u8>) -> NewEvent {
    let meta = Meta { correlation: "story".into(), causation: "test".into(), caller: "test".into(), trace: None };
    let published = shard.map(|shard| NewPublished { shard, data: "{}".into() });
    NewEvent { root: root(key), version, at: Timestamp::UNIX_EPOCH, data: format!("{key}{version}"), subject: None, meta, published }
}

/// Writes one event each, with their roots.
fn write(store: &SqliteStore, batch: &str, events: Vec<NewEvent>) -> Result<(), StoreError> {
    let written =
        |event: &NewEvent| RootWrite { root: event.root.clone(), version: event.version, at: event.at, wake_at: None, snapshot: None };
    let roots = events.iter().map(written).collect();
    let claims = Claims { batch: batch.into(), ..Claims::default() };
    store.write(claims, Box::new(|_| Ok(Writes { events, roots, ..Writes::default() }))).now_or_never().unwrap().map(drop)
}

/// Three events of a and two of b, in turn.
fn filled(path: &Path) {
    let store = open(path);
    write(&store, "1", vec![event("a", 1, None), event("b", 1, None)]).unwrap();
    write(&store, "2", vec![event("b", 2, None), event("a", 2, Some(3))]).unwrap();
    write(&store, "3", vec![event("a", 3, None)]).unwrap();
}

fn events(store: &SqliteStore, key: &str) -> Result<Vec<String>, StoreError> {
    let events = store.events(&root(key)).now_or_never().unwrap()?;
    Ok(events.into_iter().map(|event| event.data).collect())
}

/// What a transaction finds of a that has folded so much.
fn loaded(store: &SqliteStore, batch: &str, folded: u64) -> Result<Vec<u64>, StoreError> {
    let (sender, found) = std::sync::mpsc::channel();
    let claims = Claims { batch: batch.into(), roots: [(root("a"), folded)].into(), ..Claims::default() };
    let decide = move |loaded: Loaded| {
        let events = &loaded.roots[&root("a")].events;
        sender.send(events.iter().map(|event| event.version).collect()).map_err(|_| Abort("nobody listens".into()))?;
        Ok(Writes::default())
    };
    store.write(claims, Box::new(decide)).now_or_never().unwrap()?;
    Ok(found.recv().unwrap())
}

fn damaged(damage: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    filled(&path);
    Connection::open(&path).unwrap().execute_batch(damage).unwrap();
    (directory, path)
}

fn strays(path: &Path) -> Vec<String> {
    let strays = snapshot_of(path, &schema()).unwrap().strays("shop", 10).unwrap();
    strays.into_iter().map(|(_, key)| key).collect()
}

fn stored(path: &Path) -> Vec<u64> {
    let held = snapshot_of(path, &schema()).unwrap();
    let all: Vec<u64> = held.events(&root("a"), 0, 10).unwrap().iter().map(|event| event.version).collect();
    let part = |after| held.events(&root("a"), after, 1).unwrap().iter().map(|event| event.version).collect::<Vec<_>>();
    let mut parts = Vec::new();
    while let [next] = part(parts.last().copied().unwrap_or(0))[..] {
        parts.push(next);
    }
    assert_eq!(parts, all);
    all
}

#[test]
fn what_is_sound_is_found_and_nothing_strays() {
    let (_directory, path) = damaged("");
    assert_eq!((stored(&path), strays(&path)), (vec![1, 2, 3], vec![]));
}

#[test]
fn a_root_of_which_an_event_is_missing_is_not_folded_from_the_rest() {
    let (_directory, path) = damaged("DELETE FROM shop_events WHERE key = 'a' AND version = 2");
    let store = open(&path);
    let error = events(&store, "a").unwrap_err();
    assert!(matches!(&error, StoreError::Unreadable(why) if why.contains("item/a")), "{error}");
    let error = loaded(&store, "4", 0).unwrap_err();
    assert!(matches!(error, StoreError::Unreadable(_)), "{error}");
    assert_eq!(events(&store, "b").unwrap(), ["b1", "b2"]);
    // Whoever has folded beyond it goes on.
    assert_eq!(loaded(&store, "5", 2).unwrap(), [3]);
    drop(store);
    assert_eq!((stored(&path), strays(&path)), (vec![3], vec!["a".to_owned()]));
}

#[test]
fn a_link_to_another_roots_event_or_back_to_its_own_is_none() {
    for to in ["(SELECT id FROM shop_events WHERE key = 'b' AND version = 1)", "id", "id + 1"] {
        let (_directory, path) = damaged(&format!("UPDATE shop_events SET before = {to} WHERE key = 'a' AND version = 2"));
        let error = events(&open(&path), "a").unwrap_err();
        assert!(matches!(error, StoreError::Unreadable(_)), "{to}: {error}");
    }
}

#[test]
fn events_that_their_root_does_not_lead_to_are_strays() {
    for damage in [
        "DELETE FROM shop_roots WHERE key = 'a'",
        "UPDATE shop_roots SET last = NULL WHERE key = 'a'",
        "UPDATE shop_events SET before = NULL WHERE key = 'a' AND version = 3",
    ] {
        let (_directory, path) = damaged(damage);
        assert_eq!(strays(&path), ["a"], "{damage}");
    }
}

/// A file of format 3, in which an index found a root's events.
#[test]
fn a_file_without_chains_is_brought_up() {
    let (_directory, path) = damaged(
        "ALTER TABLE shop_events DROP COLUMN before; ALTER TABLE shop_roots DROP COLUMN last; ALTER TABLE shop_roots DROP COLUMN published;
         CREATE UNIQUE INDEX shop_streams ON shop_events (aggregate, key, version); PRAGMA user_version = 3;",
    );
    assert_eq!((stored(&path), strays(&path)), (vec![1, 2, 3], vec![]), "it is verified as it stands");
    for batch in ["4", "5"] {
        let store = open(&path);
        assert_eq!(events(&store, "a").unwrap(), ["a1", "a2", "a3"]);
        assert_eq!(loaded(&store, batch, 1).unwrap(), [2, 3]);
        let error = write(&store, &format!("{batch} again"), vec![event("a", 3, None)]).unwrap_err();
        assert!(matches!(error, StoreError::Rejected(_)), "{error}");
    }
    assert_eq!((stored(&path), strays(&path)), (vec![1, 2, 3], vec![]));
    let store = open(&path);
    write(&store, "6", vec![event("a", 4, None), event("a", 5, None)]).unwrap();
    assert_eq!(events(&store, "a").unwrap(), ["a1", "a2", "a3", "a4", "a5"]);
    // Of the two only b has published nothing.
    let later = Timestamp::from_second(9).unwrap();
    assert_eq!(store.prune_roots("shop", "item", later, 10).now_or_never().unwrap().unwrap(), 1);
    assert_eq!(events(&store, "b").unwrap(), Vec::<String>::new());
    drop(store);
    assert_eq!(strays(&path), Vec::<String>::new());
    let left: i64 = Connection::open(&path).unwrap().query_row("SELECT count(*) FROM shop_events", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 5);
}

/// Whoever follows is to see that something is missing, and whoever verifies that a head is not where its events end.
#[test]
fn a_feed_is_shown_as_it_stands_where_events_are_missing_from_it_or_its_head_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open(&path);
    write(&store, "1", (1..=9).map(|version| event("a", version, Some(3))).collect()).unwrap();
    drop(store);
    let damage = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    damage("DELETE FROM shop_events WHERE seq BETWEEN 2 AND 7");
    let seqs = |events: Vec<std::sync::Arc<super::store::FeedEvent>>| events.iter().map(|event| event.position.seq).collect::<Vec<_>>();
    let feed = |after, limit| seqs(open(&path).feed("shop", 3, after, limit).now_or_never().unwrap().unwrap().events);
    assert_eq!((feed(1, 2), feed(0, 2)), (vec![8, 9], vec![1, 8]));
    damage("UPDATE shop_sequences SET value = 8 WHERE name LIKE '@feed/%'");
    assert_eq!(seqs(snapshot_of(&path, &schema()).unwrap().feed("shop", 3, 1, 5).unwrap().events), [8, 9]);
}
