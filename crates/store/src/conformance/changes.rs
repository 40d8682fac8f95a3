//! What changed in a table is told behind any place, none of it twice, none of it lost.

use super::Opened;
use super::fixture::{GOODS, SHOP, good, put, row, rows, schema, schema_with};
use crate::{Cell, Changes, Place, RowWrite};
use kernel::Field;

fn changes(opened: &Opened<'_>, after: Option<Place>) -> Changes {
    opened.wait(opened.store.changes(SHOP, "goods", after, &[], 1000)).unwrap()
}

/// What is told behind a place: ids, those in brackets gone.
fn told(opened: &Opened<'_>, after: Option<Place>) -> Vec<String> {
    let told = changes(opened, after).changes;
    told.iter()
        .map(|change| change.row.as_ref().map_or_else(|| format!("({})", change.place.id), |_| change.place.id.to_string()))
        .collect()
}

fn head(opened: &Opened<'_>) -> Place {
    Place { batch: changes(opened, None).last, id: u64::MAX }
}

fn stock(opened: &Opened<'_>, ids: &[u64], price: i64) {
    opened.write(rows(ids.iter().map(|id| put("goods", GOODS, *id, &good(*id, Some(price), None, None))).collect()));
}

fn take(opened: &Opened<'_>, ids: &[u64]) {
    opened.write(rows(ids.iter().map(|id| RowWrite { row: row("goods", *id), content: None }).collect()));
}

pub fn are_told_in_the_order_of_the_last_change(opened: Opened<'_>) {
    assert_eq!(told(&opened, None), [""; 0]);
    stock(&opened, &[3, 1, 2], 1);
    let before = head(&opened);
    stock(&opened, &[1], 2);
    assert_eq!(told(&opened, None), ["2", "3", "1"]);
    assert_eq!(told(&opened, Some(before)), ["1"]);
    assert_eq!(changes(&opened, Some(before)).changes[0].row, Some(good(1, Some(2), None, None)), "as it is now");
    assert_eq!(told(&opened, Some(head(&opened))), [""; 0]);
}

pub fn of_one_transaction_are_told_page_by_page(opened: Opened<'_>) {
    stock(&opened, &(1..=25).collect::<Vec<_>>(), 1);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = opened.wait(opened.store.changes(SHOP, "goods", after, &[], 10)).unwrap().changes;
        let Some(last) = page.last() else { break };
        after = Some(last.place);
        seen.extend(page.iter().map(|change| change.place.id));
    }
    assert_eq!(seen, (1..=25).collect::<Vec<_>>());
}

pub fn what_was_taken_away_is_told_to_whoever_may_have_seen_it(opened: Opened<'_>) {
    stock(&opened, &[1, 2, 3], 1);
    let before = head(&opened);
    take(&opened, &[2, 9]);
    assert_eq!(told(&opened, None), ["1", "3"], "who has seen nothing misses nothing");
    assert_eq!(told(&opened, Some(before)), ["(2)"], "what was not there has not gone");
    stock(&opened, &[2], 2);
    assert_eq!(told(&opened, Some(before)), ["(2)", "2"], "it is back");
    take(&opened, &[2]);
    opened.write(rows(vec![
        RowWrite { row: row("goods", 1), content: None },
        put("goods", GOODS, 1, &good(1, Some(7), None, None)),
        put("goods", GOODS, 3, &good(3, Some(7), None, None)),
        RowWrite { row: row("goods", 3), content: None },
    ]));
    assert_eq!(told(&opened, Some(before)), ["(2)", "(2)", "1", "(3)"]);
}

pub fn of_what_does_not_match_is_told_only_that_it_changed(opened: Opened<'_>) {
    stock(&opened, &[1, 2], 1);
    let before = head(&opened);
    stock(&opened, &[2, 3], 2);
    let filtered = |filters: &[(&'static str, Cell)], after| {
        let found = opened.wait(opened.store.changes(SHOP, "goods", after, filters, 1000)).unwrap().changes;
        found.iter().map(|change| (change.place.id, change.row.is_some())).collect::<Vec<_>>()
    };
    let price = |price| ("price", Cell::Integer(price));
    assert_eq!(filtered(&[price(1)], None), [(1, true), (2, false), (3, false)]);
    assert_eq!(filtered(&[price(1)], Some(before)), [(2, false), (3, false)]);
    assert_eq!(filtered(&[price(2), ("name", Cell::Null), ("id", Cell::Integer(3))], Some(before)), [(2, false), (3, true)]);
}

pub fn what_was_taken_away_long_ago_may_be_forgotten_and_that_is_known(opened: Opened<'_>) {
    let many: Vec<u64> = (1..=10_000).collect();
    stock(&opened, &many, 1);
    take(&opened, &many);
    assert_eq!(changes(&opened, None).forgotten, None);
    let before = head(&opened);
    stock(&opened, &[1, 2], 1);
    take(&opened, &[1]);
    let told = changes(&opened, Some(before));
    assert!(told.forgotten.is_some_and(|forgotten| forgotten <= before.batch), "{:?}", told.forgotten);
    assert_eq!(told.changes.len(), 2);
    take(&opened, &[2]);
    let first = Place { batch: 1, id: 1 };
    assert!(changes(&opened, Some(first)).forgotten.is_some_and(|forgotten| forgotten > first.batch));
}

pub fn places_keep_their_meaning_until_a_restore(opened: Opened<'_>) {
    stock(&opened, &[1], 1);
    let (line, before) = (changes(&opened, None).line, head(&opened));
    for _ in 0..300 {
        stock(&opened, &[1], 1);
    }
    const OTHER: &[Field] = &[Field::text("name")];
    let opened = opened.reopen(schema_with(&[("goods", OTHER)])).reopen(schema());
    assert_eq!(changes(&opened, None).line, line);
    assert_eq!(told(&opened, Some(before)), ["1"], "also when the table was made anew");
    assert_eq!(told(&opened, Some(head(&opened))), [""; 0]);
    opened.wait(opened.store.raise_epoch(0)).unwrap();
    assert_ne!(changes(&opened, None).line, line);
}

pub fn another_store_has_another_line(opened: Opened<'_>) {
    assert_eq!(changes(&opened, None).last, 0);
    let unwritten = changes(&opened, None).line;
    stock(&opened, &[1], 1);
    assert_ne!(changes(&opened, None).line, unwritten);
}
