//! Rows are put, found, sorted and paged by their fields.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Opened;
use super::fixture::{DEPOT, GOODS, SHOP, at, claims, event, good, item, put, row, rows, schema, schema_with};
use crate::{Abort, Cell, Claims, Direction, Page, Query, RowKey, RowWrite, SequenceKey, StoreError, Writes};
use kernel::Field;

fn read(opened: &Opened<'_>, id: u64) -> Option<String> {
    opened.wait(opened.store.row(SHOP, "goods", id)).unwrap()
}

fn page(opened: &Opened<'_>, query: &Query) -> Page {
    opened.wait(opened.store.rows(SHOP, "goods", query)).unwrap()
}

fn id(row: &str) -> u64 {
    serde_json::from_str::<serde_json::Value>(row).unwrap()["id"].as_u64().unwrap()
}

fn ids(page: &Page) -> Vec<u64> {
    page.rows.iter().map(|row| id(row)).collect()
}

fn of_each(opened: &Opened<'_>, field: &'static str, values: Vec<Cell>, most: u64) -> Vec<Vec<u64>> {
    let found = opened.wait(opened.store.rows_of_each(SHOP, "goods", field, values, most)).unwrap();
    found.iter().map(|rows| rows.iter().map(|row| id(row)).collect()).collect()
}

fn found(opened: &Opened<'_>, filters: Vec<(&'static str, Cell)>) -> Vec<u64> {
    let page = page(opened, &Query { filters, ..Query::default() });
    assert_eq!(page.total, page.rows.len() as u64);
    ids(&page)
}

fn sorted(opened: &Opened<'_>, sort: Vec<(&'static str, Direction)>) -> Vec<u64> {
    ids(&page(opened, &Query { sort, ..Query::default() }))
}

fn take(id: u64) -> RowWrite {
    RowWrite { row: row("goods", id), content: None }
}

/// Seven goods, some with fields unset.
fn stock(opened: &Opened<'_>) {
    let goods = [
        good(1, Some(300), Some("cup"), Some(30)),
        good(2, Some(-5), Some("bowl"), Some(10)),
        good(3, Some(300), None, Some(20)),
        good(4, None, Some("cup"), None),
        good(5, Some(7), Some("plate"), Some(20)),
        good(6, None, None, Some(-40)),
        good(7, Some(300), Some("cup"), Some(30)),
    ];
    opened.write(rows(goods.iter().zip(1..).map(|(json, id)| put("goods", GOODS, id, json)).collect()));
}

pub fn are_put_replaced_and_deleted(opened: Opened<'_>) {
    assert_eq!(read(&opened, 1), None);
    let (first, second) = (good(1, Some(1), Some("cup"), None), good(1, Some(2), None, Some(5)));
    opened.write(rows(vec![put("goods", GOODS, 1, &first)]));
    assert_eq!(read(&opened, 1).as_ref(), Some(&first));
    opened.write(rows(vec![put("goods", GOODS, 1, &second)]));
    assert_eq!(read(&opened, 1), Some(second));
    assert!(found(&opened, vec![("price", Cell::Integer(1))]).is_empty(), "what it was is forgotten");
    assert_eq!(found(&opened, vec![("price", Cell::Integer(2)), ("name", Cell::Null)]), [1]);
    opened.write(rows(vec![take(1), take(2)]));
    assert_eq!(read(&opened, 1), None);
    assert_eq!(page(&opened, &Query::default()), Page::default());
    // Within one batch the last word counts.
    opened.write(rows(vec![put("goods", GOODS, 3, &first), take(3), put("goods", GOODS, 4, &first), put("goods", GOODS, 4, "{\"id\":4}")]));
    assert_eq!((read(&opened, 3), read(&opened, 4)), (None, Some("{\"id\":4}".into())));
}

/// Whatever of a row is replaced, and by whatever: it is found by what it is now, and by nothing that it was.
pub fn are_found_as_they_were_put_last(opened: Opened<'_>) {
    let (prices, names, sinces) = ([None, Some(0), Some(1)], [None, Some(""), Some("cup")], [None, Some(0), Some(5)]);
    let forms = prices.into_iter().flat_map(|price| names.into_iter().map(move |name| (price, name)));
    let forms: Vec<_> = forms.flat_map(|(price, name)| sinces.into_iter().map(move |since| (price, name, since))).collect();
    for &(price, name, since) in forms.iter().chain(forms.iter().rev().step_by(2)) {
        opened.write(rows(vec![put("goods", GOODS, 1, &good(1, price, name, since))]));
        let mut found_by = Vec::new();
        for price in prices {
            found_by.extend(found(&opened, vec![("price", price.map_or(Cell::Null, Cell::Integer))]).iter().map(|_| (price, None, None)));
        }
        for name in names {
            let cell = name.map_or(Cell::Null, |name| Cell::Text(name.into()));
            found_by.extend(found(&opened, vec![("name", cell)]).iter().map(|_| (None, name, None)));
        }
        for since in sinces {
            let cell = since.map_or(Cell::Null, |since| Cell::Integer(at(since).as_microsecond()));
            found_by.extend(found(&opened, vec![("since", cell)]).iter().map(|_| (None, None, since)));
        }
        assert_eq!(found_by, [(price, None, None), (None, name, None), (None, None, since)]);
    }
}

pub fn are_claimed_as_they_stand(opened: Opened<'_>) {
    stock(&opened);
    let elsewhere = RowKey { service: DEPOT, table: "goods".into(), id: 1 };
    let wanted = [row("goods", 1), row("goods", 99), row("goods", u64::MAX), elsewhere];
    let loaded = opened.load(Claims { rows: wanted.into(), ..claims() });
    assert_eq!(loaded.rows, [(row("goods", 1), good(1, Some(300), Some("cup"), Some(30)))].into_iter().collect());
}

pub fn are_filtered_by_every_kind_of_field(opened: Opened<'_>) {
    stock(&opened);
    assert_eq!(found(&opened, vec![("price", Cell::Integer(-5))]), [2]);
    assert_eq!(found(&opened, vec![("name", Cell::Text("cup".into()))]), [1, 4, 7]);
    assert_eq!(found(&opened, vec![("since", Cell::Integer(at(20).as_microsecond()))]), [3, 5]);
    assert_eq!(found(&opened, vec![("id", Cell::Integer(6))]), [6]);
    assert!(found(&opened, vec![("name", Cell::Text("CUP".into()))]).is_empty());
    assert!(found(&opened, vec![("name", Cell::Text("cu%".into()))]).is_empty());
    assert_eq!(ids(&page(&opened, &Query::equal("price", Cell::Integer(300), 2))), [1, 3]);
}

pub fn are_filtered_by_what_is_unset(opened: Opened<'_>) {
    stock(&opened);
    assert_eq!(found(&opened, vec![("price", Cell::Null)]), [4, 6]);
    assert_eq!(found(&opened, vec![("name", Cell::Null)]), [3, 6]);
    assert_eq!(found(&opened, vec![("since", Cell::Null)]), [4]);
}

pub fn are_filtered_by_several_fields_at_once(opened: Opened<'_>) {
    stock(&opened);
    let cups = ("name", Cell::Text("cup".into()));
    assert_eq!(found(&opened, vec![cups.clone(), ("price", Cell::Null)]), [4]);
    assert_eq!(found(&opened, vec![("price", Cell::Null), cups.clone(), ("since", Cell::Null)]), [4]);
    assert_eq!(found(&opened, vec![("since", Cell::Integer(at(30).as_microsecond())), cups, ("price", Cell::Integer(300))]), [1, 7]);
}

pub fn are_sorted_by_every_kind_of_field_with_the_unset_smallest(opened: Opened<'_>) {
    use Direction::{Ascending, Descending};
    stock(&opened);
    assert_eq!(sorted(&opened, vec![]), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(sorted(&opened, vec![("id", Descending)]), [7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(sorted(&opened, vec![("price", Ascending)]), [4, 6, 2, 5, 1, 3, 7]);
    assert_eq!(sorted(&opened, vec![("name", Ascending)]), [3, 6, 2, 1, 4, 7, 5]);
    assert_eq!(sorted(&opened, vec![("since", Ascending)]), [4, 6, 2, 3, 5, 1, 7]);
    assert_eq!(sorted(&opened, vec![("price", Descending), ("name", Ascending)]), [3, 1, 7, 5, 2, 6, 4]);
}

pub fn texts_are_sorted_by_their_bytes(opened: Opened<'_>) {
    let names = ["b", "a", "B", "가", "a b", "é", "ab", "a "];
    opened.write(rows(names.iter().zip(1..).map(|(name, id)| put("goods", GOODS, id, &good(id, None, Some(name), None))).collect()));
    assert_eq!(sorted(&opened, vec![("name", Direction::Ascending)]), [3, 2, 8, 5, 7, 1, 6, 4]);
    assert_eq!(found(&opened, vec![("name", Cell::Text("a".into()))]), [2], "a blank at the end counts");
}

pub fn equal_ones_are_sorted_by_id_in_the_direction_of_the_sort(opened: Opened<'_>) {
    use Direction::{Ascending, Descending};
    stock(&opened);
    assert_eq!(sorted(&opened, vec![("price", Ascending)])[4..], [1, 3, 7]);
    assert_eq!(sorted(&opened, vec![("price", Descending)])[..3], [7, 3, 1]);
}

pub fn are_paged_without_one_lost_or_doubled(opened: Opened<'_>) {
    let some = (1..=95).map(|id| put("goods", GOODS, id, &good(id, Some(i64::try_from(id).unwrap() % 3), None, None))).collect();
    opened.write(rows(some));
    let mut seen = Vec::new();
    for number in 0..10 {
        let query = Query { page: number, size: 10, sort: vec![("price", Direction::Descending)], filters: vec![] };
        let page = page(&opened, &query);
        assert_eq!((page.total, page.total_is_lower_bound), (95, false));
        assert_eq!(page.rows.len(), if number == 9 { 5 } else { 10 });
        seen.extend(ids(&page));
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=95).collect::<Vec<_>>());
}

pub fn pages_beyond_the_end_are_empty(opened: Opened<'_>) {
    stock(&opened);
    for number in [1, 1_000_000, u64::MAX] {
        let beyond = page(&opened, &Query { page: number, ..Query::default() });
        assert_eq!((beyond.rows.len(), beyond.total), (0, 7));
    }
}

pub fn pages_are_the_same_whether_ids_have_gaps_or_not(opened: Opened<'_>) {
    let put_all = |ids: Vec<u64>| opened.write(rows(ids.iter().map(|id| put("goods", GOODS, *id, &good(*id, None, None, None))).collect()));
    let pages = || (0..6).map(|number| ids(&page(&opened, &Query { page: number, size: 7, ..Query::default() }))).collect::<Vec<_>>();
    let of = |ids: Vec<u64>| (0..6).map(|number| ids.iter().copied().skip(number * 7).take(7).collect::<Vec<_>>()).collect::<Vec<_>>();
    put_all((1..=30).collect());
    assert_eq!(pages(), of((1..=30).collect()));
    opened.write(rows(vec![take(3)]));
    assert_eq!(pages(), of((1..=30).filter(|id| *id != 3).collect()));
    put_all(vec![0]);
    assert_eq!(pages(), of((0..=30).filter(|id| *id != 3).collect()), "as many as the last id says, and yet not 1 to it");
    opened.write(rows(vec![take(30)]));
    put_all(vec![3]);
    opened.write(rows(vec![take(0)]));
    assert_eq!(pages(), of((1..=29).collect()));
}

/// A good that is never without a name, and never with two.
pub fn rows_of_several_values_are_of_one_instant(opened: Opened<'_>) {
    let name = |name| drop(opened.write(rows(vec![put("goods", GOODS, 7, &good(7, None, Some(name), None))])));
    let named = || of_each(&opened, "name", vec![Cell::Text("bowl".into()), Cell::Text("cup".into())], 20);
    name("cup");
    assert_eq!(named(), [vec![], vec![7]]);
    let writing = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while writing.load(Ordering::Acquire) {
                assert_eq!(named().concat(), [7]);
            }
        });
        ["bowl", "cup"].iter().cycle().take(200).for_each(|one| name(one));
        writing.store(false, Ordering::Release);
        assert!(reader.join().is_ok());
    });
}

pub fn rows_of_a_value_are_those_of_the_smallest_ids(opened: Opened<'_>) {
    stock(&opened);
    let prices = || [300, 1, 7].map(Cell::Integer).to_vec();
    assert_eq!(of_each(&opened, "price", prices(), 20), [vec![1, 3, 7], vec![], vec![5]]);
    assert_eq!(of_each(&opened, "price", prices(), 2), [vec![1, 3], vec![], vec![5]]);
    assert_eq!(of_each(&opened, "name", vec![Cell::Text("cup".into()), Cell::Null], 20), [vec![1, 4, 7], vec![]], "null equals nothing");
    assert!(of_each(&opened, "price", vec![], 20).is_empty());
}

pub fn the_total_is_a_lower_bound_beyond_ten_thousand(opened: Opened<'_>) {
    let fill = |from: u64, to: u64| {
        opened.write(rows((from..=to).map(|id| put("goods", GOODS, id, &good(id, Some(1), None, None))).collect()));
    };
    let counted = || {
        let page = page(&opened, &Query::default());
        (page.total, page.total_is_lower_bound)
    };
    assert_eq!(counted(), (0, false));
    fill(1, 1);
    assert_eq!(counted(), (1, false));
    fill(2, 9_999);
    assert_eq!(counted(), (9_999, false));
    fill(10_000, 10_000);
    assert_eq!(counted(), (10_000, false));
    fill(10_001, 10_001);
    assert_eq!(counted(), (10_000, true));
    opened.write(rows(vec![take(10_001)]));
    assert_eq!(counted(), (10_000, false));
    fill(10_001, 10_030);
    assert_eq!(counted(), (10_000, true));
    let beyond = page(&opened, &Query::equal("price", Cell::Integer(1), 20));
    assert_eq!((beyond.total, beyond.total_is_lower_bound), (10_000, true));
    let last = page(&opened, &Query { page: 501, ..Query::default() });
    assert_eq!(ids(&last), (10_021..=10_030).collect::<Vec<_>>(), "what is not counted is still there to be read");
    let last_of_all = || page(&opened, &Query { page: u64::MAX, ..Query::default() }).rows.len();
    assert_eq!(last_of_all(), 0);
    opened.write(rows(vec![take(5)]));
    let last = page(&opened, &Query { page: 501, ..Query::default() });
    assert_eq!(ids(&last), (10_022..=10_030).collect::<Vec<_>>(), "with a gap before them, too");
    assert_eq!(last_of_all(), 0);
}

/// How many rows there are, as told and as they stand.
fn total(opened: &Opened<'_>) -> u64 {
    let page = page(opened, &Query { size: 1000, ..Query::default() });
    assert_eq!((page.total, page.total_is_lower_bound), (page.rows.len() as u64, false));
    page.total
}

pub fn the_total_follows_what_is_put_and_taken_away(opened: Opened<'_>) {
    let some = |id| put("goods", GOODS, id, &good(id, None, None, None));
    let written = |writes, expected| {
        opened.write(rows(writes));
        assert_eq!(total(&opened), expected);
    };
    assert_eq!(total(&opened), 0);
    written(vec![some(1), some(2), some(3)], 3);
    written(vec![some(2)], 3);
    written(vec![some(2), some(4)], 4);
    written(vec![take(9)], 4);
    written(vec![take(1)], 3);
    written(vec![take(1), some(1)], 4);
    written(vec![take(1), some(1)], 4);
    written(vec![some(7), take(7)], 4);
    written(vec![some(8), some(8), take(8), take(8), some(8)], 5);
    written(vec![], 5);
    written((1..=8).map(take).collect(), 0);
    written(vec![some(1)], 1);
    let sequence = SequenceKey { service: SHOP, name: "goods" };
    opened.write(Writes { sequences: vec![(sequence.clone(), 70)], ..rows(vec![some(2)]) });
    assert_eq!(total(&opened), 2, "the counter of the same name is another number");
    assert_eq!(opened.load(Claims { sequences: [sequence.clone()].into(), ..claims() }).sequences[&sequence], 70);
    let opened = opened.reopen(schema()).reopen(schema());
    assert_eq!(total(&opened), 2);
    opened.write(rows(vec![some(2), some(3)]));
    assert_eq!(total(&opened), 3);
}

pub fn the_total_knows_nothing_of_what_did_not_come_to_stand(opened: Opened<'_>) {
    stock(&opened);
    let change = || rows(vec![take(1), take(2), put("goods", GOODS, 8, &good(8, None, None, None))]);
    opened.run(claims(), |_| Err(Abort("no".into()))).unwrap_err();
    // The rows were put and taken away when this is refused.
    let broken = Writes { events: vec![event(item("a"), 1), event(item("a"), 1)], ..change() };
    assert!(matches!(opened.try_write(broken), Err(StoreError::Rejected(_))));
    let mut half = change();
    half.rows.push(put("no such table", GOODS, 2, "{}"));
    assert!(matches!(opened.try_write(half), Err(StoreError::Rejected(_))));
    assert_eq!(total(&opened), 7);
    opened.write(change());
    assert_eq!(total(&opened), 6);
}

pub fn the_total_is_of_the_same_instant_as_the_rows(opened: Opened<'_>) {
    const WRITERS: u64 = 4;
    const EACH: u64 = 40;
    let writing = AtomicBool::new(true);
    let opened = &opened;
    let writing = &writing;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || {
                while writing.load(Ordering::Acquire) {
                    total(opened);
                }
            });
        }
        let write = |writer: u64| {
            for n in 0..EACH {
                let id = writer * EACH + n + 1;
                let mut writes = vec![put("goods", GOODS, id, "{}"), put("goods", GOODS, 1_000_000, "{}")];
                // Of each four one goes again.
                writes.extend((n % 4 == 3).then(|| take(id - 1)));
                opened.write(rows(writes));
            }
        };
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || write(writer))).collect();
        let ended: Vec<_> = writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        writing.store(false, Ordering::Release);
        assert!(ended.iter().all(Result::is_ok));
    });
    assert_eq!(total(opened), WRITERS * EACH * 3 / 4 + 1);
}

pub fn every_table_has_a_total_of_its_own(opened: Opened<'_>) {
    stock(&opened);
    let elsewhere = RowKey { service: DEPOT, table: "goods".into(), id: 1 };
    let depot = RowWrite { row: elsewhere, content: Some((vec![Cell::Null; 3], "{}".into())) };
    opened.write(rows(vec![put("offers@1", GOODS, 1, "{}"), take(7), depot, put("offers@1", GOODS, 2, "{}")]));
    let total = |service, table| opened.wait(opened.store.rows(service, table, &Query::default())).unwrap().total;
    assert_eq!((total(SHOP, "goods"), total(SHOP, "offers@1"), total(DEPOT, "goods")), (6, 2, 1));
}

pub fn any_text_is_kept_as_it_is(opened: Opened<'_>) {
    let json = "{\"id\": 1,  \"name\":\"O'Hara \\\"예약\\\" 🗓 \\\\ %_;--\",\"nested\":{\"b\":[1,2],\"a\":null}}";
    opened.write(rows(vec![put("goods", GOODS, 1, json)]));
    assert_eq!(read(&opened, 1).as_deref(), Some(json));
    assert_eq!(found(&opened, vec![("name", Cell::Text("O'Hara \"예약\" 🗓 \\ %_;--".into()))]), [1]);
}

pub fn fields_may_be_called_like_the_stores_own_columns(opened: Opened<'_>) {
    const ODD: &[Field] =
        &[Field::text("body"), Field::text("json"), Field::integer("order"), Field::instant("from"), Field::text("select")];
    // And names that are the same when they are strung together.
    const LONG: &[Field] = &[Field::text("s_body")];
    const SHORT: &[Field] = &[Field::text("body")];
    let opened = opened.reopen(schema_with(&[("goods", ODD), ("good", LONG), ("good_s", SHORT)]));
    let json = "{\"id\":1,\"body\":\"b\",\"json\":\"j\",\"order\":3,\"select\":\"s\"}";
    opened.write(rows(vec![put("goods", ODD, 1, json)]));
    assert_eq!(found(&opened, vec![("body", Cell::Text("b".into())), ("order", Cell::Integer(3)), ("from", Cell::Null)]), [1]);
    assert_eq!(read(&opened, 1).as_deref(), Some(json));
}

pub fn what_the_schema_does_not_have_is_rejected(opened: Opened<'_>) {
    let rejected = |write: RowWrite| {
        let error = opened.try_write(rows(vec![put("goods", GOODS, 1, "{\"id\":1}"), write])).unwrap_err();
        assert!(matches!(error, StoreError::Rejected(_)), "{error}");
    };
    rejected(put("no such table", GOODS, 2, "{}"));
    rejected(put("goods", &GOODS[..2], 2, "{}"));
    rejected(RowWrite { row: RowKey { service: "no such service", table: "goods".into(), id: 2 }, content: None });
    assert_eq!(read(&opened, 1), None);
    assert!(opened.wait(opened.store.rows(SHOP, "goods", &Query::equal("colour", Cell::Text("colour".into()), 1))).is_err());
    assert!(opened.wait(opened.store.rows(SHOP, "no such table", &Query::default())).is_err());
    opened.write(rows(vec![put("goods", GOODS, 1, "{\"id\":1}")]));
}

pub fn an_id_beyond_the_largest_is_not_there_and_cannot_be_written(opened: Opened<'_>) {
    let largest = u64::try_from(i64::MAX).unwrap();
    opened.write(rows(vec![put("goods", GOODS, largest, "{\"id\":1}")]));
    for id in [largest + 1, u64::MAX] {
        assert_eq!(read(&opened, id), None);
        let error = opened.try_write(rows(vec![put("goods", GOODS, id, "{}")])).unwrap_err();
        assert!(matches!(error, StoreError::Rejected(_)), "{error}");
    }
    assert_eq!(read(&opened, largest).as_deref(), Some("{\"id\":1}"));
}
