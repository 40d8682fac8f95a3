//! A restore begins an epoch, and feeds tell where.

use super::Opened;
use super::fixture::{DEPOT, SHOP, appended};
use crate::{Epoch, Position, SHARDS};

fn epochs(opened: &Opened<'_>, service: &'static str, shard: u8) -> Vec<(u32, u64)> {
    let feed = opened.wait(opened.store.feed(service, shard, 0, 1)).unwrap();
    feed.epochs.into_iter().map(|Epoch { epoch, after }| (epoch, after)).collect()
}

pub fn the_first_begins_at_0_in_every_shard(opened: Opened<'_>) {
    assert!((0..SHARDS).all(|shard| epochs(&opened, SHOP, shard) == [(1, 0)]));
    let opened = opened.reopen(super::fixture::schema());
    assert!((0..SHARDS).all(|shard| epochs(&opened, SHOP, shard) == [(1, 0)]), "opening again begins none");
}

pub fn a_new_one_begins_behind_each_shards_head(opened: Opened<'_>) {
    opened.write(appended(&["a", "b"], 1, 2));
    opened.wait(opened.store.raise_epoch(0)).unwrap();
    assert_eq!(epochs(&opened, SHOP, 2), [(1, 0), (2, 2)]);
    assert_eq!(epochs(&opened, SHOP, 3), [(1, 0), (2, 0)]);
    assert_eq!(epochs(&opened, DEPOT, 2), [(1, 0), (2, 0)], "it begins in every service");
    let head = |seq, epoch| Position { epoch, seq };
    assert_eq!(opened.wait(opened.store.heads(SHOP)).unwrap()[2], head(2, 2));
    let committed = opened.write(appended(&["a"], 2, 2));
    assert_eq!(committed.published[0].position, head(3, 2), "places go on");
    let places: Vec<_> = opened.feed(SHOP, 2).iter().map(|event| event.position).collect();
    assert_eq!(places, [head(1, 1), head(2, 1), head(3, 2)]);
}

pub fn raising_twice_without_an_event_between_begins_both_at_one_place(opened: Opened<'_>) {
    opened.write(appended(&["a"], 1, 0));
    opened.wait(opened.store.raise_epoch(0)).unwrap();
    opened.wait(opened.store.raise_epoch(0)).unwrap();
    assert_eq!(epochs(&opened, SHOP, 0), [(1, 0), (2, 1), (3, 1)]);
    assert_eq!(opened.write(appended(&["a"], 2, 0)).published[0].position, Position { epoch: 3, seq: 2 });
}
