//! Every published event has a place: gapless in its shard, in the order of commits.

use crate::support::toy::{Do, LIMIT, mended};
use crate::support::{Bench, Lost, add, ask};
use runtime::shard_of;

#[test]
fn places_are_gapless_in_each_shard_whatever_is_refused_or_fails() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    for n in 0..10 {
        toy.say((1..=40).map(|id| match (id + n) % 5 {
            0 => add(id, LIMIT + 1),
            1 => ask(&[(id, Do::BreakTheStore)]),
            2 => ask(&[(id, Do::PanicInEvolve)]),
            _ => add(id, 1),
        }));
    }
    toy.store.lose_next(Lost::DoesNot, 0);
    assert_eq!(toy.says(add(1, 1)), "away");
    toy.execute(add(1, 1));
    let mut events = 0;
    for (shard, feed) in (0..).zip(toy.feed()) {
        let places: Vec<_> = feed.iter().map(|event| event.position.seq).collect();
        assert_eq!(places, (1..=feed.len() as u64).collect::<Vec<_>>(), "shard {shard}");
        assert!(feed.iter().all(|event| shard_of(&event.key) == shard), "a key has its shard");
        events += feed.len();
    }
    assert_eq!(events, 10 * 40 * 2 / 5 + 1);
    toy.check();
}

#[test]
fn events_of_one_aggregate_stand_in_the_order_in_which_they_happened() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    for n in 1..20 {
        toy.say([add(7, n), add(8, n)]);
    }
    let feed = toy.feed();
    let of_seven = feed[usize::from(shard_of("7"))].iter().filter(|event| event.key == "7");
    let numbers: Vec<_> = of_seven.map(|event| serde_json::from_str::<serde_json::Value>(&event.data).unwrap()["n"].clone()).collect();
    assert_eq!(numbers, (1..20).collect::<Vec<_>>());
}

#[test]
fn an_event_carries_its_type_its_instant_and_its_origin() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(7, 3));
    let feed = toy.feed();
    let event = &feed[usize::from(shard_of("7"))][0];
    let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
    assert_eq!(data, serde_json::json!({ "eventType": "CounterAdded", "id": 7, "n": 3, "timestamp": "20251124160000" }));
    assert_eq!((event.at, event.meta.correlation.as_str()), (bench.now(), "story"));
}
