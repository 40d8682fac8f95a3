//! Roots are woken when their time comes.

use super::Opened;
use super::fixture::{DEPOT, SHOP, at, item, root, schema};
use crate::{RootKey, RootWrite, Writes};

fn wake(opened: &Opened<'_>, key: RootKey, second: Option<i64>) {
    let write = RootWrite { wake_at: second.map(at), ..root(key, 1) };
    opened.write(Writes { roots: vec![write], ..Writes::default() });
}

fn basket(key: &str) -> RootKey {
    RootKey { service: SHOP, aggregate: "basket", key: key.into() }
}

pub fn what_is_due_comes_longest_overdue_first(opened: Opened<'_>) {
    for (key, second) in [(item("c"), Some(30)), (basket("b"), Some(20)), (item("a"), Some(10)), (item("d"), Some(31)), (item("e"), None)] {
        wake(&opened, key, second);
    }
    let due = |second, limit| opened.wait(opened.store.due(SHOP, at(second), limit)).unwrap();
    assert_eq!(due(30, 10), [item("a"), basket("b"), item("c")], "what is due now is due");
    assert_eq!(due(30, 2), [item("a"), basket("b")]);
    assert_eq!(due(9, 10), []);
    assert_eq!(due(99, usize::MAX).len(), 4);
}

pub fn the_next_one_is_known_and_cleared(opened: Opened<'_>) {
    let next = || opened.wait(opened.store.next_wake(SHOP)).unwrap();
    assert_eq!(next(), None);
    wake(&opened, item("a"), Some(20));
    wake(&opened, item("b"), Some(10));
    assert_eq!(next(), Some(at(10)));
    wake(&opened, item("b"), Some(30));
    assert_eq!(next(), Some(at(20)));
    wake(&opened, item("a"), None);
    assert_eq!(next(), Some(at(30)));
    wake(&opened, item("b"), None);
    assert_eq!(next(), None);
    assert_eq!(opened.wait(opened.store.due(SHOP, at(99), 10)).unwrap(), []);
}

pub fn services_wake_apart(opened: Opened<'_>) {
    wake(&opened, RootKey { service: DEPOT, aggregate: "item", key: "a".into() }, Some(10));
    assert_eq!(opened.wait(opened.store.next_wake(SHOP)).unwrap(), None);
    assert_eq!(opened.wait(opened.store.due(SHOP, at(99), 10)).unwrap(), []);
    assert_eq!(opened.wait(opened.store.next_wake(DEPOT)).unwrap(), Some(at(10)));
}

/// Else nobody could ever put such a root's time off, and it would be asked for again and again.
pub fn a_kind_that_the_code_no_longer_has_does_not_wake(opened: Opened<'_>) {
    wake(&opened, basket("b"), Some(10));
    wake(&opened, item("a"), Some(20));
    let mut without = schema();
    without.services[0].aggregates = vec!["item"];
    without.services[1].aggregates = vec![];
    let opened = opened.reopen(without);
    assert_eq!(opened.wait(opened.store.next_wake(SHOP)).unwrap(), Some(at(20)));
    assert_eq!(opened.wait(opened.store.due(SHOP, at(99), 1)).unwrap(), [item("a")]);
    assert_eq!(opened.wait(opened.store.next_wake(DEPOT)).unwrap(), None);
}

pub fn those_of_one_kind_that_want_to_wake_are_known(opened: Opened<'_>) {
    for (key, second) in [(item("c"), Some(10)), (basket("b"), Some(20)), (item("a"), Some(30)), (item("d"), Some(20)), (item("e"), None)] {
        wake(&opened, key, second);
    }
    let waking = |service, limit| opened.wait(opened.store.waking_roots(service, "item", limit)).unwrap();
    assert_eq!(waking(SHOP, 10), [item("c"), item("d"), item("a")]);
    assert_eq!(waking(SHOP, 2), [item("c"), item("d")]);
    assert_eq!(waking(DEPOT, usize::MAX), []);
    wake(&opened, item("d"), None);
    assert_eq!(waking(SHOP, 10), [item("c"), item("a")]);
}
