//! Tables follow the code: their fields, and the versions of views.

use super::Opened;
use super::fixture::{DEPOT, GOODS, SHOP, claims, good, put, received, row, rows, schema, schema_with};
use crate::{Cell, Claims, Direction, NewHistory, Parked, Position, PositionKey, Query, Writes, beside};
use kernel::Field;

fn names(opened: &Opened<'_>, table: &str, query: &Query) -> Vec<String> {
    opened.wait(opened.store.rows(SHOP, table, query)).unwrap().rows
}

pub fn changed_fields_are_filled_anew_from_the_rows(opened: Opened<'_>) {
    const OTHER: &[Field] = &[Field::text("name"), Field::integer("weight"), Field::text("price")];
    let jsons = ["{\"id\":1,\"name\":\"cup\",\"weight\":5,\"price\":300}", "{\"id\":2,\"name\":\"bowl\",\"weight\":2}", "{\"id\":3}"];
    opened.write(rows(jsons.iter().zip(1..).map(|(json, id)| put("goods", GOODS, id, json)).collect()));

    let opened = opened.reopen(schema_with(&[("goods", OTHER), ("offers@1", GOODS)]));
    assert_eq!(names(&opened, "goods", &Query::equal("weight", Cell::Integer(5), 9)), [jsons[0]]);
    assert_eq!(names(&opened, "goods", &Query::equal("price", Cell::Null, 9)), jsons, "a number is no text");
    let heaviest = Query { sort: vec![("weight", Direction::Descending)], ..Query::default() };
    assert_eq!(names(&opened, "goods", &heaviest), jsons);
    opened.write(rows(vec![put("goods", OTHER, 4, "{\"id\":4,\"weight\":9}")]));

    // And back again, with what was written meanwhile; then opened once more, with nothing to do.
    let opened = opened.reopen(schema()).reopen(schema());
    assert_eq!(names(&opened, "goods", &Query::equal("price", Cell::Integer(300), 9)), [jsons[0]]);
    assert_eq!(names(&opened, "goods", &Query::default()).len(), 4);
    let opened = opened.reopen(schema_with(&[("goods", &[])]));
    assert_eq!(opened.wait(opened.store.row(SHOP, "goods", 2)).unwrap().as_deref(), Some(jsons[1]));
}

/// What a view of this version has: a row, its history, a position, something parked.
fn fold(opened: &Opened<'_>, table: &str, name: &str) {
    let position = PositionKey { service: SHOP, consumer: table.into(), source: DEPOT.into(), shard: 0 };
    let (event, error) = (received(name, 0, 1), String::new());
    let parked = Parked { service: SHOP, consumer: table.into(), event, error, tries: 0, next_at: super::fixture::at(0) };
    opened.write(Writes {
        rows: vec![put(table, GOODS, 1, &good(1, None, Some(name), None))],
        history: vec![NewHistory { row: row(table, 1), event: received(name, 0, 1) }],
        positions: vec![(position, Position { epoch: 1, seq: 1 })],
        parked: vec![parked],
        ..Writes::default()
    });
}

/// What is left of it: rows, history, the position, what is parked.
fn left(opened: &Opened<'_>, table: &str) -> (bool, usize, u64, bool) {
    let row = opened.wait(opened.store.row(SHOP, table, 1)).is_ok_and(|row| row.is_some());
    let history = opened.wait(opened.store.history(SHOP, table, 1, 0, 10)).unwrap().len();
    let position = opened.wait(opened.store.positions(SHOP, table, DEPOT)).unwrap()[0].seq;
    let parked = opened.wait(opened.store.parked(SHOP, 10)).unwrap().iter().any(|parked| parked.consumer == table);
    (row, history, position, parked)
}

const WHOLE: (bool, usize, u64, bool) = (true, 1, 1, true);
const GONE: (bool, usize, u64, bool) = (false, 0, 0, false);

fn with_versions(opened: Opened<'_>) -> Opened<'_> {
    let opened = opened.reopen(schema_with(&[
        ("offers@1", GOODS),
        ("offers@2", GOODS),
        ("offers@3", GOODS),
        ("offersA@1", GOODS),
        ("goods", GOODS),
    ]));
    for table in ["offers@1", "offers@2", "offers@3", "offersA@1"] {
        fold(&opened, table, table);
    }
    opened
}

pub fn two_versions_of_a_view_stand_side_by_side(opened: Opened<'_>) {
    assert_eq!(opened.wait(opened.store.view_version(SHOP, "offers")).unwrap(), None);
    let opened = with_versions(opened);
    opened.wait(opened.store.switch_view(SHOP, "offersA", 1)).unwrap();
    assert_eq!(opened.wait(opened.store.view_version(SHOP, "offersA")).unwrap(), Some(1));
    assert_eq!(opened.wait(opened.store.view_version(SHOP, "offers")).unwrap(), None);
    assert_eq!((left(&opened, "offers@1"), left(&opened, "offers@2"), left(&opened, "offersA@1")), (WHOLE, WHOLE, WHOLE));
    assert_eq!(names(&opened, "offers@2", &Query::equal("name", Cell::Text("offers@2".into()), 9)).len(), 1);
}

pub fn switching_clears_everything_of_other_versions(opened: Opened<'_>) {
    let opened = with_versions(opened);
    opened.wait(opened.store.switch_view(SHOP, "offers", 2)).unwrap();
    assert_eq!(opened.wait(opened.store.view_version(SHOP, "offers")).unwrap(), Some(2));
    assert_eq!((left(&opened, "offers@1"), left(&opened, "offers@2"), left(&opened, "offers@3")), (GONE, WHOLE, GONE));
    assert_eq!(left(&opened, "offersA@1"), WHOLE, "another view keeps what is its own");
    // What is gone can be built again, from nothing.
    let opened = opened.reopen(schema_with(&[("offers@1", GOODS)]));
    assert_eq!(left(&opened, "offers@1"), GONE);
    fold(&opened, "offers@1", "again");
    opened.wait(opened.store.switch_view(SHOP, "offers", 1)).unwrap();
    assert_eq!((left(&opened, "offers@1"), left(&opened, "offers@2")), (WHOLE, GONE));
}

pub fn the_version_served_is_readable_when_the_schema_no_longer_has_it(opened: Opened<'_>) {
    fold(&opened, "offers@1", "first");
    opened.wait(opened.store.switch_view(SHOP, "offers", 1)).unwrap();
    let opened = opened.reopen(schema_with(&[("offers@2", GOODS)]));
    assert_eq!(opened.wait(opened.store.view_version(SHOP, "offers")).unwrap(), Some(1));
    assert_eq!(left(&opened, "offers@1"), WHOLE);
    assert_eq!(names(&opened, "offers@1", &Query::equal("name", Cell::Text("first".into()), 9)).len(), 1);
    assert_eq!(opened.load(Claims { rows: [row("offers@1", 1)].into(), ..claims() }).rows.len(), 1);
}

pub fn switching_to_the_version_served_changes_nothing(opened: Opened<'_>) {
    fold(&opened, "offers@1", "first");
    for _ in 0..2 {
        opened.wait(opened.store.switch_view(SHOP, "offers", 1)).unwrap();
        assert_eq!(left(&opened, "offers@1"), WHOLE);
    }
}

pub fn what_is_built_beside_a_version_takes_its_place(opened: Opened<'_>) {
    let opened = opened.reopen(schema_with(&[("offers@1", GOODS), ("goods", GOODS)]));
    let anew = beside("offers@1");
    let is_rebuilding = |opened: &Opened<'_>| opened.wait(opened.store.is_rebuilding(SHOP, "offers@1")).unwrap();
    fold(&opened, "offers@1", "old");
    // Twice, since what was put in its place is built anew again one day.
    for name in ["first", "second"] {
        opened.wait(opened.store.begin_rebuild(SHOP, "offers@1")).unwrap();
        fold(&opened, &anew, "half");
        opened.wait(opened.store.begin_rebuild(SHOP, "offers@1")).unwrap();
        assert_eq!((left(&opened, "offers@1"), left(&opened, &anew)), (WHOLE, GONE), "begun again, it is empty");
        fold(&opened, &anew, name);
        assert!(is_rebuilding(&opened));
        let other = PositionKey { service: SHOP, consumer: "offers@1".into(), source: DEPOT.into(), shard: 7 };
        opened.write(Writes { positions: vec![(other, Position { epoch: 1, seq: 9 })], ..Writes::default() });
        opened.wait(opened.store.finish_rebuild(SHOP, "offers@1")).unwrap();
        assert_eq!((left(&opened, "offers@1"), left(&opened, &anew), is_rebuilding(&opened)), (WHOLE, GONE, false));
        assert_eq!(names(&opened, "offers@1", &Query::equal("name", Cell::Text(name.into()), 9)).len(), 1);
        assert_eq!(opened.wait(opened.store.positions(SHOP, "offers@1", DEPOT)).unwrap()[7].seq, 0, "it was not there yet");
    }
    opened.wait(opened.store.finish_rebuild(SHOP, "offers@1")).unwrap();
    assert_eq!(left(&opened, "offers@1"), WHOLE, "with nothing beside it, it stays");
    let opened = opened.reopen(schema_with(&[("offers@1", GOODS), ("goods", GOODS)]));
    assert_eq!(left(&opened, "offers@1"), WHOLE);
}

pub fn a_new_version_takes_what_was_built_beside_an_old_one_along(opened: Opened<'_>) {
    let opened = opened.reopen(schema_with(&[("offers@1", GOODS), ("offers@2", GOODS)]));
    opened.wait(opened.store.begin_rebuild(SHOP, "offers@1")).unwrap();
    fold(&opened, &beside("offers@1"), "half");
    opened.wait(opened.store.switch_view(SHOP, "offers", 2)).unwrap();
    assert!(!opened.wait(opened.store.is_rebuilding(SHOP, "offers@1")).unwrap());
    assert_eq!(left(&opened, &beside("offers@1")), GONE);
}

/// How many rows there are, as told and as they stand.
fn total(opened: &Opened<'_>, table: &str) -> u64 {
    let page = opened.wait(opened.store.rows(SHOP, table, &Query::default())).unwrap();
    assert_eq!(page.total, page.rows.len() as u64, "{table}");
    page.total
}

fn fill(opened: &Opened<'_>, table: &str, ids: std::ops::RangeInclusive<u64>) {
    opened.write(rows(ids.map(|id| put(table, GOODS, id, &good(id, None, None, None))).collect()));
}

pub fn the_total_is_that_of_the_table_in_its_place(opened: Opened<'_>) {
    let tables: &[(&str, &'static [Field])] = &[("offers@1", GOODS), ("offers@2", GOODS), ("goods", GOODS)];
    let opened = opened.reopen(schema_with(tables));
    let anew = beside("offers@1");
    for table in ["offers@1", "offers@2", "goods"] {
        fill(&opened, table, 1..=3);
    }
    for (half, whole) in [(9, 5), (1, 2)] {
        for rows in [half, whole] {
            opened.wait(opened.store.begin_rebuild(SHOP, "offers@1")).unwrap();
            assert_eq!(total(&opened, &anew), 0);
            fill(&opened, &anew, 1..=rows);
            assert_eq!(total(&opened, &anew), rows);
        }
        opened.wait(opened.store.finish_rebuild(SHOP, "offers@1")).unwrap();
        fill(&opened, "offers@1", 11..=14);
        assert_eq!(total(&opened, "offers@1"), whole + 4);
    }
    assert_eq!((total(&opened, "offers@2"), total(&opened, "goods")), (3, 3));
    opened.wait(opened.store.switch_view(SHOP, "offers", 2)).unwrap();
    // What was taken away is made again, from nothing.
    let opened = opened.reopen(schema_with(tables));
    assert_eq!((total(&opened, "offers@1"), total(&opened, "offers@2"), total(&opened, "goods")), (0, 3, 3));
    fill(&opened, "offers@1", 1..=2);
    assert_eq!(total(&opened, "offers@1"), 2);
}

pub fn the_total_stays_when_fields_change_and_while_the_schema_lacks_the_table(opened: Opened<'_>) {
    const OTHER: &[Field] = &[Field::text("name")];
    fill(&opened, "goods", 1..=3);
    fill(&opened, "offers@1", 1..=2);
    let opened = opened.reopen(schema_with(&[("goods", OTHER)]));
    assert_eq!((total(&opened, "goods"), total(&opened, "offers@1")), (3, 2));
    opened.write(rows(vec![put("goods", OTHER, 3, "{}"), put("goods", OTHER, 4, "{}")]));
    let opened = opened.reopen(schema());
    fill(&opened, "offers@1", 2..=3);
    assert_eq!((total(&opened, "goods"), total(&opened, "offers@1")), (4, 3));
}
