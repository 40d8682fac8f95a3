//! Published events have gapless places in the order of commits, and nobody sees one before those in front of it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Opened;
use super::fixture::{DEPOT, SHOP, appended, at, event, item, meta, published};
use crate::{Abort, Position, RootKey, SHARDS, StoreError, Writes};

fn seqs(opened: &Opened<'_>, shard: u8) -> Vec<u64> {
    opened.feed(SHOP, shard).iter().map(|event| event.position.seq).collect()
}

pub fn places_are_gapless_in_each_shard_in_the_order_of_commits(opened: Opened<'_>) {
    for version in 1..=3 {
        opened.write(Writes {
            events: vec![published(item("a"), version, 0), published(item("b"), version, 15), published(item("c"), version, 0)],
            ..Writes::default()
        });
    }
    assert_eq!(seqs(&opened, 0), [1, 2, 3, 4, 5, 6]);
    assert_eq!(seqs(&opened, 15), [1, 2, 3]);
    assert!(seqs(&opened, 1).is_empty());
    let keys: Vec<_> = opened.feed(SHOP, 0).iter().map(|event| event.key.clone()).collect();
    assert_eq!(keys, ["a", "c", "a", "c", "a", "c"]);
    let heads = opened.wait(opened.store.heads(SHOP)).unwrap();
    assert_eq!(heads.len(), usize::from(SHARDS));
    assert_eq!((heads[0], heads[15], heads[1]), (place(6), place(3), place(0)));
}

fn place(seq: u64) -> Position {
    Position { epoch: 1, seq }
}

/// Eight writers write fifty batches each, of which every seventh is given up after it was decided or breaks a rule.
fn storm(opened: &Opened<'_>, writing: &AtomicBool) {
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8_u8).map(|writer| scope.spawn(move || write_fifty(opened, writer))).collect();
        for writer in writers {
            writer.join().expect("a writer ends well");
        }
        writing.store(false, Ordering::Release);
    });
}

fn write_fifty(opened: &Opened<'_>, writer: u8) {
    for n in 1..=50_u64 {
        let key = format!("{writer}/{n}");
        // Three of four writers meet in the same two shards.
        let shard = if writer.is_multiple_of(4) { writer } else { u8::try_from(n % 2).unwrap() };
        let events = vec![published(item(&key), 1, shard), published(item(&key), 2, shard)];
        match n % 7 {
            0 => {
                let error = opened.run(super::fixture::claims(), |_| Err(Abort("given up".into()))).unwrap_err();
                assert!(matches!(error, StoreError::Aborted(_)), "{error}");
            }
            6 => {
                let twice = vec![published(item(&key), 1, shard), published(item(&key), 1, shard)];
                let error = opened.try_write(Writes { events: twice, ..Writes::default() }).unwrap_err();
                assert!(matches!(error, StoreError::Rejected(_)), "{error}");
            }
            _ => {
                let committed = opened.write(Writes { events, ..Writes::default() });
                let seqs: Vec<_> = committed.published.iter().map(|event| event.position.seq).collect();
                assert_eq!(seqs[1], seqs[0] + 1, "a batch's events stand side by side");
            }
        }
    }
}

/// How many events a storm leaves behind: each writer's 50 batches without 7 aborts and 7 rejections, two events each.
const STORM: usize = 8 * (50 - 7 - 7) * 2;

pub fn many_writers_at_once_leave_no_gap(opened: Opened<'_>) {
    storm(&opened, &AtomicBool::new(true));
    let heads = opened.wait(opened.store.heads(SHOP)).unwrap();
    let mut total = 0;
    for shard in 0..SHARDS {
        let seqs = seqs(&opened, shard);
        assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "shard {shard}");
        assert_eq!(heads[usize::from(shard)].seq, seqs.len() as u64);
        total += seqs.len();
    }
    assert_eq!(total, STORM);
}

pub fn a_reader_never_sees_a_place_before_the_one_in_front_of_it(opened: Opened<'_>) {
    let writing = AtomicBool::new(true);
    let opened = &opened;
    let writing = &writing;
    let seen: usize = std::thread::scope(|scope| {
        // One reader for the shards that all meet in, one for a quiet one.
        let readers: Vec<_> = [0_u8, 1, 4].map(|shard| scope.spawn(move || follow(opened, shard, writing))).into();
        storm(opened, writing);
        readers.into_iter().map(|reader| reader.join().expect("a reader ends well")).sum()
    });
    assert_eq!(seen, STORM);
}

/// Reads on behind the last place seen, as consumers do, until nobody writes any more.
fn follow(opened: &Opened<'_>, shard: u8, writing: &AtomicBool) -> usize {
    let mut last = 0;
    loop {
        let writes = writing.load(Ordering::Acquire);
        // The head is read first: what it counts must be there to be read.
        let head = opened.wait(opened.store.heads(SHOP)).unwrap()[usize::from(shard)].seq;
        let events = opened.wait(opened.store.feed(SHOP, shard, last, 5)).unwrap().events;
        for event in &events {
            assert_eq!(event.position.seq, last + 1, "a place was shown before the one in front of it");
            last += 1;
        }
        assert!(events.len() == 5 || last >= head, "the head is {head} and the feed ends at {last}");
        if !writes && events.is_empty() {
            return usize::try_from(last).unwrap();
        }
        std::thread::yield_now();
    }
}

pub fn a_commit_tells_the_places_that_the_feed_shows(opened: Opened<'_>) {
    opened.write(appended(&["x"], 1, 2));
    let mut one = published(item("a"), 1, 2);
    one.at = at(9);
    one.meta.correlation = "another story".into();
    let expected = one.published.clone().unwrap().data;
    let committed = opened.write(Writes { events: vec![one, event(item("a"), 2), published(item("a"), 3, 2)], ..Writes::default() });
    assert_eq!(committed.published, opened.feed(SHOP, 2)[1..]);
    let first = &committed.published[0];
    assert_eq!((first.source.as_str(), first.shard, first.position, first.key.as_str(), first.at), (SHOP, 2, place(2), "a", at(9)));
    assert_eq!((&*first.data, first.meta.correlation.as_str(), &first.meta.caller), (expected.as_str(), "another story", &meta().caller));
}

pub fn what_is_not_published_has_no_place(opened: Opened<'_>) {
    let committed = opened.write(Writes { events: vec![event(item("a"), 1)], ..Writes::default() });
    assert_eq!(committed.published, []);
    assert!((0..SHARDS).all(|shard| opened.feed(SHOP, shard).is_empty()));
}

pub fn a_feed_is_read_page_by_page(opened: Opened<'_>) {
    for version in 1..=7 {
        opened.write(appended(&["a"], version, 4));
    }
    let page = |after, limit| {
        let feed = opened.wait(opened.store.feed(SHOP, 4, after, limit)).unwrap();
        feed.events.iter().map(|event| event.position.seq).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 3), [1, 2, 3]);
    assert_eq!(page(3, 3), [4, 5, 6]);
    assert_eq!(page(6, 3), [7]);
    assert!(page(7, 3).is_empty());
    assert!(page(0, 0).is_empty());
}

pub fn what_other_shards_publish_is_not_in_the_way(opened: Opened<'_>) {
    for version in 1..=50 {
        opened.write(appended(&["a"], version, 0));
        if version % 20 == 0 {
            opened.write(appended(&["b"], version / 20, 4));
        }
    }
    let page = |shard, after, limit| {
        let feed = opened.wait(opened.store.feed(SHOP, shard, after, limit)).unwrap();
        feed.events.iter().map(|event| event.position.seq).collect::<Vec<_>>()
    };
    assert_eq!((page(4, 0, 10), page(4, 1, 10), page(4, 2, 10)), (vec![1, 2], vec![2], vec![]));
    assert_eq!((page(0, 0, 3), page(0, 48, 10)), (vec![1, 2, 3], vec![49, 50]));
}

pub fn bounds_beyond_every_place_are_just_empty(opened: Opened<'_>) {
    opened.write(appended(&["a"], 1, 4));
    assert_eq!(opened.wait(opened.store.feed(SHOP, 4, u64::MAX, 3)).unwrap().events, []);
    assert_eq!(opened.wait(opened.store.feed(SHOP, 4, 0, usize::MAX)).unwrap().events.len(), 1);
    assert_eq!(opened.wait(opened.store.history(SHOP, "goods", u64::MAX, u64::MAX, usize::MAX)).unwrap(), []);
}

pub fn services_have_feeds_of_their_own(opened: Opened<'_>) {
    let shelf = RootKey { service: DEPOT, aggregate: "item", key: "a".into() };
    opened.write(Writes {
        events: vec![published(item("a"), 1, 0), published(shelf.clone(), 1, 0), published(item("a"), 2, 0)],
        ..Writes::default()
    });
    assert_eq!(seqs(&opened, 0), [1, 2]);
    let others = opened.feed(DEPOT, 0);
    assert_eq!((others.len(), others[0].source.as_str(), others[0].position.seq), (1, DEPOT, 1));
    assert_eq!(opened.wait(opened.store.events(&shelf)).unwrap().len(), 1);
}

pub fn a_shard_that_does_not_exist_is_rejected(opened: Opened<'_>) {
    let error = opened.try_write(appended(&["a"], 1, SHARDS)).unwrap_err();
    assert!(matches!(error, StoreError::Rejected(_)), "{error}");
}
