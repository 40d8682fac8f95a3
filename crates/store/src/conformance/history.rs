//! What happened to one row.

use super::Opened;
use super::fixture::{SHOP, at, event, item, meta, received, row};
use crate::{HistoryEntry, Life, NewEvent, NewHistory, RootKey, Writes};

fn about(subject: &str, key: &str, version: u64) -> NewEvent {
    NewEvent { subject: Some(subject.into()), at: at(i64::try_from(version).unwrap()), ..event(item(key), version) }
}

fn read(opened: &Opened<'_>, collection: &str, id: u64, after: u64, limit: usize) -> Vec<HistoryEntry> {
    opened.wait(opened.store.history(SHOP, collection, id, after, limit)).unwrap()
}

fn times(entries: &[HistoryEntry]) -> Vec<kernel::Timestamp> {
    entries.iter().map(|entry| entry.at).collect()
}

pub fn of_a_resource_is_its_own_events_in_order(opened: Opened<'_>) {
    opened.write(Writes {
        events: vec![
            about("goods/1", "a", 1),
            about("goods/12", "a", 2),
            about("goods/1", "b", 3),
            about("offers/1", "a", 4),
            event(item("a"), 5),
        ],
        ..Writes::default()
    });
    opened.write(Writes { events: vec![about("goods/1", "a", 6)], ..Writes::default() });
    let history = read(&opened, "goods", 1, 0, 10);
    assert_eq!(times(&history), [at(1), at(3), at(6)]);
    assert_eq!((&history[0].data, &history[0].meta), (&event(item("a"), 1).data, &meta()));
    assert!(history.is_sorted_by(|one, next| one.position < next.position));
}

pub fn of_a_row_that_is_a_root_is_what_its_root_did_to_it(opened: Opened<'_>) {
    let basket = |key: &str, version, subject: Option<&str>| NewEvent {
        at: at(i64::try_from(version).unwrap()),
        subject: subject.map(str::to_owned),
        ..event(RootKey { aggregate: "basket", ..item(key) }, version)
    };
    let own = Some("baskets/7");
    opened.write(Writes {
        // The second changed no row, and the third another one.
        events: vec![
            basket("7", 1, own),
            basket("7", 2, None),
            basket("7", 3, Some("goods/7")),
            about("goods/7", "7", 4),
            basket("77", 1, None),
        ],
        ..Writes::default()
    });
    opened.write(Writes { events: vec![basket("7", 4, own), basket("7", 5, own)], ..Writes::default() });
    let history = read(&opened, "baskets", 7, 0, 2);
    assert_eq!(times(&history), [at(1), at(4)]);
    assert_eq!((&history[0].data, &history[0].meta), (&event(item("a"), 1).data, &meta()));
    assert_eq!(times(&read(&opened, "baskets", 7, history[1].position, 2)), [at(5)]);
    assert_eq!((read(&opened, "baskets", 77, 0, 2), read(&opened, "baskets", 70, 0, 2)), (vec![], vec![]));
    assert_eq!(times(&read(&opened, "goods", 7, 0, 9)), [at(3), at(4)]);
    let life = |of| opened.wait(opened.store.life(SHOP, of, 10)).unwrap();
    let subjects = |of| life(of).into_iter().map(|told| (told.version, told.subject)).collect::<Vec<_>>();
    let own = |version| (version, Some("baskets/7".to_owned()));
    assert_eq!(subjects(Life::Row("baskets/7")), [own(1), own(4), own(5)]);
    assert_eq!(subjects(Life::Root("basket", "7")), [own(1), (2, None), (3, Some("goods/7".into())), own(4), own(5)]);
    assert_eq!(life(Life::Row("baskets/77")), []);
}

pub fn of_a_views_row_is_what_was_folded_into_it(opened: Opened<'_>) {
    let folded = |table: &str, id, seq| NewHistory { row: row(table, id), event: received("a", 0, seq) };
    opened
        .write(Writes { history: vec![folded("offers@1", 1, 1), folded("offers@1", 2, 1), folded("offers@2", 1, 9)], ..Writes::default() });
    opened.write(Writes { history: vec![folded("offers@1", 1, 2), folded("offers@1", 1, 3)], ..Writes::default() });
    let history = read(&opened, "offers@1", 1, 0, 10);
    assert_eq!(times(&history), [at(1), at(2), at(3)]);
    assert_eq!((history[2].data.as_str(), &history[2].meta), (&*received("a", 0, 3).data, &meta()));
    assert_eq!(times(&read(&opened, "offers@2", 1, 0, 10)), [at(9)]);
}

pub fn is_read_page_by_page(opened: Opened<'_>) {
    let events = (1..=5).map(|version| about("goods/1", "a", version)).collect();
    let history = (1..=5).map(|seq| NewHistory { row: row("offers@1", 1), event: received("a", 0, seq) }).collect();
    opened.write(Writes { events, history, ..Writes::default() });
    for collection in ["goods", "offers@1"] {
        let first = read(&opened, collection, 1, 0, 2);
        let second = read(&opened, collection, 1, first[1].position, 2);
        let third = read(&opened, collection, 1, second[1].position, 2);
        let all: Vec<_> = [first, second, third].concat();
        assert_eq!(times(&all), [at(1), at(2), at(3), at(4), at(5)], "{collection}");
        assert_eq!(read(&opened, collection, 1, all[4].position, 2), []);
    }
}

pub fn of_what_never_was_is_empty(opened: Opened<'_>) {
    for (collection, id) in [("goods", 1), ("offers@1", 1), ("no such", 1), ("goods", u64::MAX), ("offers@1", u64::MAX)] {
        assert_eq!(read(&opened, collection, id, 0, 10), []);
    }
}
