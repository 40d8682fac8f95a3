//! Roots that are finished are forgotten.

use super::Opened;
use super::fixture::{DEPOT, SHOP, at, claims, event, item, published, root};
use crate::{Claims, NewEvent, RootKey, RootWrite, Writes};

/// Writes a root with one event, which happened at `second`.
fn write(opened: &Opened<'_>, event: NewEvent, second: i64, wake: Option<i64>) {
    let event = NewEvent { at: at(second), ..event };
    let snapshot = Some("{}".to_owned());
    let write = RootWrite { at: at(second), wake_at: wake.map(at), snapshot, ..root(event.root.clone(), event.version) };
    opened.write(Writes { events: vec![event], roots: vec![write], ..Writes::default() });
}

fn prune(opened: &Opened<'_>, second: i64, limit: usize) -> usize {
    opened.wait(opened.store.prune_roots(SHOP, "item", at(second), limit)).unwrap()
}

fn events(opened: &Opened<'_>, root: &RootKey) -> usize {
    opened.wait(opened.store.events(root)).unwrap().len()
}

fn keys(opened: &Opened<'_>) -> Vec<RootKey> {
    opened.wait(opened.store.roots(SHOP, "item", None, 100)).unwrap()
}

pub fn takes_what_is_finished_with_its_events_and_snapshots(opened: Opened<'_>) {
    for version in 1..=3 {
        write(&opened, event(item("a"), version), 1, None);
    }
    assert_eq!((prune(&opened, 2, 10), prune(&opened, 2, 10)), (1, 0));
    assert_eq!((keys(&opened), events(&opened, &item("a"))), (vec![], 0));
    let loaded = opened.load(Claims { roots: [(item("a"), 0)].into(), ..claims() });
    assert_eq!((loaded.roots[&item("a")].version, &loaded.roots[&item("a")].snapshot), (0, &None));
    // Its key can be used as if it had never been there.
    write(&opened, event(item("a"), 1), 3, None);
    assert_eq!(events(&opened, &item("a")), 1);
}

pub fn leaves_what_wants_to_wake_what_is_young_and_other_kinds(opened: Opened<'_>) {
    let basket = RootKey { service: SHOP, aggregate: "basket", key: "a".into() };
    let elsewhere = RootKey { service: DEPOT, ..item("a") };
    write(&opened, event(item("open"), 1), 1, Some(9));
    write(&opened, event(item("young"), 1), 1, None);
    write(&opened, event(item("young"), 2), 2, None);
    write(&opened, event(basket.clone(), 1), 1, None);
    write(&opened, event(elsewhere.clone(), 1), 1, None);
    assert_eq!(prune(&opened, 2, 10), 0);
    assert_eq!(keys(&opened), [item("open"), item("young")]);
    assert_eq!((events(&opened, &item("young")), events(&opened, &basket), events(&opened, &elsewhere)), (2, 1, 1));
}

pub fn leaves_what_was_published(opened: Opened<'_>) {
    write(&opened, published(item("a"), 1, 3), 1, None);
    write(&opened, event(item("a"), 2), 1, None);
    write(&opened, event(item("b"), 1), 1, None);
    assert_eq!(prune(&opened, 2, 10), 1);
    assert_eq!((keys(&opened), events(&opened, &item("a")), opened.feed(SHOP, 3).len()), (vec![item("a")], 2, 1));
}

pub fn stops_at_its_limit(opened: Opened<'_>) {
    for key in ["a", "b", "c"] {
        write(&opened, event(item(key), 1), 1, None);
    }
    assert_eq!((prune(&opened, 2, 2), keys(&opened).len()), (2, 1));
    assert_eq!((prune(&opened, 2, usize::MAX), keys(&opened).len()), (1, 0));
}
