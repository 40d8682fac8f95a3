//! Events stand in their aggregates.

use super::Opened;
use super::fixture::{SHOP, appended, at, claims, event, item, meta, root};
use crate::{Claims, NewEvent, RootKey, RootWrite, StoreError, Writes};

fn data(version: u64) -> (u64, String) {
    (version, event(item(""), version).data)
}

pub fn come_back_in_order_with_their_versions(opened: Opened<'_>) {
    opened.write(Writes { events: vec![event(item("a"), 1), event(item("b"), 1), event(item("a"), 2)], ..Writes::default() });
    opened.write(Writes { events: vec![event(item("a"), 3)], ..Writes::default() });
    assert_eq!(opened.events("a"), [data(1), data(2), data(3)]);
    assert_eq!(opened.events("b"), [data(1)]);
    assert_eq!(opened.events("c"), []);
}

pub fn keep_everything_that_was_given(opened: Opened<'_>) {
    let data = "{\"말\":\"예약 🗓 'quoted' \\\"twice\\\" \\u0000\"}".to_owned();
    let odd = RootKey { service: SHOP, aggregate: "basket", key: "키 with 'quotes' and \"more\"%_".into() };
    let event = NewEvent {
        root: odd.clone(),
        version: 1,
        at: at(7),
        data: data.clone(),
        subject: Some("goods/1".into()),
        meta: meta(),
        published: None,
    };
    opened.write(Writes { events: vec![event], ..Writes::default() });
    let events = opened.wait(opened.store.events(&odd)).unwrap();
    assert_eq!((events[0].version, events[0].at, &events[0].data), (1, at(7), &data));
}

pub fn a_version_used_twice_is_rejected_and_nothing_of_its_batch_is_written(opened: Opened<'_>) {
    opened.write(appended(&["a"], 1, 3));
    let before = opened.wait(opened.store.heads(SHOP)).unwrap();
    let mut writes = appended(&["b", "a"], 1, 3);
    writes.rows.push(super::fixture::put("goods", super::fixture::GOODS, 1, "{}"));
    let error = opened.try_write(writes).unwrap_err();
    assert!(matches!(error, StoreError::Rejected(_)), "{error}");
    assert_eq!(opened.events("b"), []);
    assert_eq!(opened.wait(opened.store.heads(SHOP)).unwrap(), before);
    assert_eq!(opened.wait(opened.store.row(SHOP, "goods", 1)).unwrap(), None);
    assert_eq!(opened.wait(opened.store.roots(SHOP, "item", None, 10)).unwrap(), [item("a")]);
    // And the store goes on.
    opened.write(appended(&["a", "b"], 2, 3));
}

/// Five events, with a snapshot at `snapshot`.
fn five(opened: &Opened<'_>, snapshot: Option<u64>) {
    for version in 1..=5 {
        let state = snapshot.filter(|at| *at == version).map(|at| format!("{{\"folded\":{at}}}"));
        let head = RootWrite { at: at(i64::try_from(version).unwrap()), snapshot: state, ..root(item("a"), version) };
        opened.write(Writes { events: vec![event(item("a"), version)], roots: vec![head], ..Writes::default() });
    }
}

fn loaded(opened: &Opened<'_>, folded: u64) -> (u64, Option<u64>, Vec<u64>) {
    let mut loaded = opened.load(Claims { roots: [(item("a"), folded)].into(), ..claims() });
    let root = loaded.roots.remove(&item("a")).unwrap();
    assert_eq!(root.at, Some(at(5)));
    (root.version, root.snapshot.map(|(version, _)| version), root.events.iter().map(|event| event.version).collect())
}

pub fn a_root_loads_with_its_snapshot_and_the_events_behind_it(opened: Opened<'_>) {
    five(&opened, Some(3));
    assert_eq!(loaded(&opened, 0), (5, Some(3), vec![4, 5]));
    let root = opened.load(Claims { roots: [(item("a"), 0)].into(), ..claims() }).roots.remove(&item("a")).unwrap();
    assert_eq!(root.snapshot, Some((3, "{\"folded\":3}".into())));
    // A later snapshot takes the place of the earlier.
    let head = RootWrite { at: at(5), snapshot: Some("{\"folded\":5}".into()), ..root_at_5() };
    opened.write(Writes { roots: vec![head], ..Writes::default() });
    assert_eq!(loaded(&opened, 0), (5, Some(5), vec![]));
}

fn root_at_5() -> RootWrite {
    root(item("a"), 5)
}

pub fn a_root_loads_only_what_its_caller_has_not_folded(opened: Opened<'_>) {
    five(&opened, Some(3));
    assert_eq!(loaded(&opened, 5), (5, None, vec![]));
    assert_eq!(loaded(&opened, 4), (5, None, vec![5]));
    assert_eq!(loaded(&opened, 3), (5, None, vec![4, 5]));
    assert_eq!(loaded(&opened, 1), (5, Some(3), vec![4, 5]), "a newer snapshot shortens the fold");
}

pub fn a_root_loads_whole_when_its_snapshot_is_not_wanted(opened: Opened<'_>) {
    five(&opened, Some(3));
    for folded in [0, 4, 5] {
        let mut loaded = opened.load(Claims { roots: [(item("a"), folded)].into(), whole: [item("a")].into(), ..claims() });
        let root = loaded.roots.remove(&item("a")).unwrap();
        assert_eq!((root.version, root.at, root.snapshot), (5, Some(at(5)), None));
        assert_eq!(root.events.iter().map(|event| event.version).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }
}

pub fn a_root_that_was_never_written_has_version_0(opened: Opened<'_>) {
    let loaded = opened.load(Claims { roots: [(item("a"), 0)].into(), ..claims() });
    let root = &loaded.roots[&item("a")];
    assert_eq!((root.version, root.at, &root.snapshot, root.events.len()), (0, None, &None, 0));
}

pub fn roots_are_listed_in_order_behind_a_key(opened: Opened<'_>) {
    opened.write(appended(&["c", "a", "b", "가", "B"], 1, 0));
    opened.write(Writes { roots: vec![root(RootKey { service: SHOP, aggregate: "basket", key: "b".into() }, 1)], ..Writes::default() });
    let keys = |after, limit| {
        let roots = opened.wait(opened.store.roots(SHOP, "item", after, limit)).unwrap();
        roots.into_iter().map(|root| root.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(None, 10), ["B", "a", "b", "c", "가"]);
    assert_eq!(keys(Some("a"), 2), ["b", "c"]);
    assert_eq!(keys(Some("가"), 2), Vec::<String>::new());
}
