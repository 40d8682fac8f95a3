//! What consumers have handled, and what they could not.

use super::Opened;
use super::fixture::{DEPOT, GOODS, SHOP, appended, at, claims, put, received};
use crate::{Abort, Claims, Parked, Position, PositionKey, SHARDS, Writes};

fn key(consumer: &str, shard: u8) -> PositionKey {
    PositionKey { service: SHOP, consumer: consumer.into(), source: DEPOT.into(), shard }
}

fn place(seq: u64) -> Position {
    Position { epoch: 1, seq }
}

fn positions(opened: &Opened<'_>, consumer: &str) -> Vec<Position> {
    opened.wait(opened.store.positions(SHOP, consumer, DEPOT)).unwrap()
}

pub fn positions_are_0_until_they_are_written(opened: Opened<'_>) {
    assert_eq!(positions(&opened, "policies"), vec![Position::default(); usize::from(SHARDS)]);
    let loaded = opened.load(Claims { positions: [key("policies", 3)].into(), ..claims() });
    assert_eq!(loaded.positions[&key("policies", 3)], Position::default());
}

pub fn a_position_and_its_effects_are_one_transaction(opened: Opened<'_>) {
    let effects = |seq| Writes { positions: vec![(key("policies", 3), place(seq))], ..appended(&["a"], seq, 0) };
    opened.write(effects(1));
    // The event was handled already: its effect breaks a rule, and the position stays.
    opened.try_write(Writes { positions: vec![(key("policies", 3), place(9))], ..appended(&["a"], 1, 0) }).unwrap_err();
    assert_eq!(positions(&opened, "policies")[3], place(1));
    opened.run(claims(), |_| Err(Abort("no".into()))).unwrap_err();
    opened.write(effects(2));
    assert_eq!(positions(&opened, "policies")[3], place(2));
    let loaded = opened.load(Claims { positions: [key("policies", 3), key("policies", 4)].into(), ..claims() });
    assert_eq!((loaded.positions[&key("policies", 3)], loaded.positions[&key("policies", 4)]), (place(2), Position::default()));
}

pub fn consumers_keep_their_positions_apart(opened: Opened<'_>) {
    let mut other = key("offers@1", 3);
    other.source = SHOP.into();
    opened.write(Writes {
        positions: vec![(key("policies", 3), place(1)), (key("offers@1", 3), place(2)), (other, place(3)), (key("policies", 15), place(4))],
        ..Writes::default()
    });
    let policies = positions(&opened, "policies");
    assert_eq!((policies[3], policies[15], policies[0]), (place(1), place(4), place(0).min(Position::default())));
    assert_eq!(positions(&opened, "offers@1")[3], place(2));
    assert_eq!(opened.wait(opened.store.positions(SHOP, "offers@1", SHOP)).unwrap()[3], place(3));
    assert_eq!(opened.wait(opened.store.positions(DEPOT, "policies", DEPOT)).unwrap()[3], Position::default());
}

fn parked(key: &str, shard: u8, seq: u64) -> Parked {
    Parked {
        service: SHOP,
        consumer: "policies".into(),
        event: received(key, shard, seq),
        error: "it fails".into(),
        tries: 1,
        next_at: at(60),
    }
}

pub fn parked_keys_are_known_to_whoever_claims_the_consumer(opened: Opened<'_>) {
    let mut elsewhere = parked("c", 0, 1);
    elsewhere.consumer = "another".into();
    opened.write(Writes { parked: vec![parked("a", 0, 1), parked("a", 0, 2), parked("b", 1, 1), elsewhere], ..Writes::default() });
    let loaded = opened.load(Claims { consumers: [(SHOP, "policies".into())].into(), ..claims() });
    let known = |key: &str| (SHOP, "policies".to_owned(), DEPOT.to_owned(), key.to_owned());
    assert_eq!(loaded.parked, [known("a"), known("b")].into_iter().collect());
    assert!(opened.load(claims()).parked.is_empty(), "only for those that are claimed");
}

pub fn parking_again_changes_error_tries_and_time(opened: Opened<'_>) {
    opened.write(Writes { parked: vec![parked("a", 0, 1)], ..Writes::default() });
    let again = Parked { error: "it fails still".into(), tries: 2, next_at: at(120), ..parked("a", 0, 1) };
    opened.write(Writes { parked: vec![again.clone()], ..Writes::default() });
    assert_eq!(opened.wait(opened.store.parked(SHOP, 10)).unwrap(), [again]);
}

pub fn parked_events_come_oldest_first(opened: Opened<'_>) {
    // Seconds stand in the place: `received` happens at its place.
    opened.write(Writes { parked: vec![parked("z", 0, 3), parked("y", 5, 1), parked("x", 2, 2), parked("x", 2, 4)], ..Writes::default() });
    let keys = |limit| {
        let parked = opened.wait(opened.store.parked(SHOP, limit)).unwrap();
        parked.into_iter().map(|parked| (parked.event.key.clone(), parked.event.position.seq)).collect::<Vec<_>>()
    };
    let all = [("y".to_owned(), 1), ("x".to_owned(), 2), ("z".to_owned(), 3), ("x".to_owned(), 4)];
    assert_eq!(keys(10), all);
    assert_eq!(keys(2), all[..2]);
    assert_eq!(opened.wait(opened.store.parked(DEPOT, 10)).unwrap(), []);
}

pub fn an_unparked_event_is_gone(opened: Opened<'_>) {
    opened.write(Writes { parked: vec![parked("a", 0, 1), parked("a", 0, 2)], ..Writes::default() });
    let handled = put("goods", GOODS, 1, "{\"id\":1}");
    opened.write(Writes { unparked: vec![parked("a", 0, 1)], rows: vec![handled], ..Writes::default() });
    assert_eq!(opened.wait(opened.store.parked(SHOP, 10)).unwrap(), [parked("a", 0, 2)]);
    opened.write(Writes { unparked: vec![parked("a", 0, 2)], ..Writes::default() });
    let loaded = opened.load(Claims { consumers: [(SHOP, "policies".into())].into(), ..claims() });
    assert!(loaded.parked.is_empty());
}

/// Else one line with many events would keep all others from being tried.
pub fn the_first_of_each_parked_line_comes_soonest_first(opened: Opened<'_>) {
    let tried = |key: &str, shard, seq, second| Parked { next_at: at(second), ..parked(key, shard, seq) };
    let mut elsewhere = tried("long", 0, 6, 15);
    elsewhere.consumer = "another".into();
    let long = (7..50).map(|seq| tried("long", 0, seq, 0));
    let first = [tried("long", 0, 3, 30), tried("late", 0, 1, 40), tried("soon", 0, 5, 10), tried("other", 15, 2, 20), elsewhere];
    opened.write(Writes { parked: long.chain(first.clone()).chain([tried("soon", 0, 6, 5)]).collect(), ..Writes::default() });
    let heads = |limit| opened.wait(opened.store.parked_heads(SHOP, limit)).unwrap();
    let [long, late, soon, other, elsewhere] = first;
    let all = [soon.clone(), elsewhere, other, long, late];
    assert_eq!(heads(usize::MAX), all);
    assert_eq!(heads(2), all[..2]);
    assert_eq!(opened.wait(opened.store.parked_heads(DEPOT, 10)).unwrap(), []);
    opened.write(Writes { unparked: vec![soon], ..Writes::default() });
    assert_eq!(heads(1), [tried("soon", 0, 6, 5)], "who waited behind it is the first now");
}

pub fn lines_are_told_with_how_many_wait_in_them(opened: Opened<'_>) {
    let all = [parked("b", 1, 4), parked("a", 0, 1), parked("a", 0, 2), parked("a", 0, 5), parked("c", 0, 3)];
    opened.write(Writes { parked: all.into(), ..Writes::default() });
    let lines = |limit| {
        let lines = opened.wait(opened.store.parked_lines(SHOP, limit)).unwrap();
        lines.into_iter().map(|line| (line.first.event.key.clone(), line.first.event.position.seq, line.behind)).collect::<Vec<_>>()
    };
    let count = |service| opened.wait(opened.store.parked_keys(service)).unwrap();
    assert_eq!((count(SHOP), count(DEPOT)), (3, 0));
    let told = [("a".to_owned(), 1, 2), ("c".to_owned(), 3, 0), ("b".to_owned(), 4, 0)];
    assert_eq!(lines(10), told);
    assert_eq!(lines(2), told[..2]);
    let line = parked("a", 0, 1).line();
    let of_line = |after, limit| {
        let events = opened.wait(opened.store.parked_line(&line, after, limit)).unwrap();
        events.into_iter().map(|parked| parked.event.position.seq).collect::<Vec<_>>()
    };
    assert_eq!((of_line(0, 10), of_line(1, 1), of_line(5, 10)), (vec![1, 2, 5], vec![2], vec![]));
}

pub fn the_first_of_a_line_is_known_to_whoever_claims_it(opened: Opened<'_>) {
    opened.write(Writes { parked: vec![parked("a", 0, 1), parked("a", 0, 2), parked("b", 0, 3)], ..Writes::default() });
    let (line, none) = (parked("a", 0, 1).line(), parked("z", 0, 1).line());
    let loaded = opened.load(Claims { lines: [line.clone(), none.clone()].into(), ..claims() });
    assert_eq!((loaded.lines.get(&line), loaded.lines.get(&none)), (Some(&parked("a", 0, 1)), None));
}

pub fn a_line_is_discarded_up_to_a_place(opened: Opened<'_>) {
    let all = [parked("a", 0, 1), parked("a", 0, 3), parked("a", 0, 6), parked("b", 0, 2)];
    opened.write(Writes { parked: all.into(), ..Writes::default() });
    opened.write(Writes { discarded: vec![(parked("a", 0, 1).line(), 3)], ..Writes::default() });
    assert_eq!(opened.wait(opened.store.parked(SHOP, 10)).unwrap(), [parked("b", 0, 2), parked("a", 0, 6)]);
}
