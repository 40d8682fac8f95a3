//! What stands at one instant, for verifying.

use super::Opened;
use super::fixture::{DEPOT, GOODS, SHOP, appended, claims, good, put};
use crate::{Cell, Position, PositionKey, RootKey, Writes};

pub fn it_shows_everything_that_stands(opened: Opened<'_>) {
    opened.write(appended(&["a", "b"], 1, 2));
    let position = PositionKey { service: SHOP, consumer: "policies".into(), source: DEPOT.into(), shard: 3 };
    opened.write(Writes {
        rows: vec![put("goods", GOODS, 1, &good(1, Some(5), Some("cup"), None)), put("goods", GOODS, 2, &good(2, None, None, None))],
        positions: vec![(position, Position { epoch: 1, seq: 4 })],
        ..Writes::default()
    });
    let held = opened.wait(opened.store.snapshot()).unwrap();
    assert_eq!(held.faults(10).unwrap(), Vec::<String>::new());
    assert!(held.size(SHOP).unwrap() >= 2);
    assert!(held.has_service(SHOP).unwrap() && !held.has_service("nobody").unwrap());
    assert!(held.has_table(SHOP, "goods").unwrap() && !held.has_table(SHOP, "nothing").unwrap());
    assert_eq!(held.view_version(SHOP, "offers").unwrap(), None);
    let kind = opened.wait(opened.store.feed(SHOP, 2, 0, 10)).unwrap().events;
    assert_eq!(held.feed(SHOP, 2, 0, 10).unwrap().events, kind);
    assert_eq!(held.heads(SHOP).unwrap()[2].seq, 2);
    let roots = held.roots(SHOP, "item", None, 10).unwrap();
    assert_eq!(roots.iter().map(|root| (root.key.as_str(), root.version)).collect::<Vec<_>>(), [("a", 1), ("b", 1)]);
    assert_eq!(held.roots(SHOP, "item", Some("a"), 10).unwrap().len(), 1);
    let root = RootKey { service: SHOP, aggregate: "item", key: "a".into() };
    let events = held.events(&root, 0, 10).unwrap();
    assert_eq!(
        events.iter().map(|event| (event.version, event.published.map(|(shard, at)| (shard, at.seq)))).collect::<Vec<_>>(),
        [(1, Some((2, 1)))]
    );
    assert_eq!(events[0].form.as_deref(), Some(&*kind[0].data));
    assert!(held.events(&root, 1, 10).unwrap().is_empty());
    let rows = held.rows(SHOP, "goods", None, 10).unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [1, 2]);
    assert!(rows[0].cells.contains(&Cell::Integer(5)) && rows[1].cells.contains(&Cell::Null));
    assert_eq!(held.rows(SHOP, "goods", Some(1), 10).unwrap().len(), 1);
    assert_eq!((held.total(SHOP, "goods").unwrap(), held.total(SHOP, "nothing").unwrap()), (Some(2), None));
    assert_eq!(held.sequences(SHOP).unwrap(), [], "a table that was filled without a counter has none");
    let positions = held.positions(SHOP).unwrap();
    assert_eq!(
        positions.iter().map(|held| (held.consumer.as_str(), held.shard, held.position.seq)).collect::<Vec<_>>(),
        [("policies", 3, 4)]
    );
    assert!(held.strays(SHOP, 10).unwrap().is_empty());
}

pub fn an_event_makes_its_root_known(opened: Opened<'_>) {
    let mut writes = appended(&["a"], 1, 2);
    writes.roots.clear();
    opened.run(claims(), move |_| Ok(writes)).unwrap();
    let held = opened.wait(opened.store.snapshot()).unwrap();
    assert!(held.strays(SHOP, 10).unwrap().is_empty());
    let roots = held.roots(SHOP, "item", None, 10).unwrap();
    assert_eq!(roots.iter().map(|root| (root.key.as_str(), root.version, root.wake_at)).collect::<Vec<_>>(), [("a", 1, None)]);
}
