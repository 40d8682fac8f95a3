use std::collections::BTreeMap;

use booking::{TimeOfDay, Zone};
use jiff::civil::Date;
use kernel::{Currency, Id, Money, Projection, Resource, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::TestApp;
use testkit::interleaving::any_interleaving;

use super::places::number;
use super::views::{FilledDays, MyPages, ShownSitting, Sittings, sitting_id, venue_day};
use crate::reservation::api::{Booking, ReservationEvent as Event, ReservationStatus as Status, RestaurantNo, VenueRules};
use crate::told::{self, TOLD};

const DAY: Date = Date::constant(2026, 11, 24);

/// Two venues that have one number, and two more that have one with each other on [`DAY`] (see [`number`]).
const ALIKE: [&str; 2] = ["71390637", "81605687"];
const ALIKE_ON_DAY: [&str; 2] = ["8600430", "23243433"];

fn at(time: &str) -> Timestamp {
    format!("2026-11-24T{time}:00+09:00").parse().unwrap()
}

fn venue(name: &str) -> RestaurantNo {
    name.parse().unwrap()
}

fn money(minor: i64) -> Money {
    Money { minor, currency: Currency::Krw }
}

fn rules(sittings: &str, seats: Option<u32>) -> VenueRules {
    VenueRules {
        name: Some("Haengbok".into()),
        zone: Zone::named("Asia/Seoul").unwrap(),
        sittings: sittings.parse().unwrap(),
        seats,
        deposit: money(10_000),
        closed: serde_json::from_value(json!({"weekdays": [7], "dates": ["2026-11-25"]})).unwrap(),
        refund_until_hours: 0,
        rating_opens: Default::default(),
    }
}

const LUNCH: &str = "11:30-13:00,13:00-14:30";

fn opened(name: &str, seats: Option<u32>) -> Event {
    Event::VenueOpened { restaurant_no: venue(name), venue_id: None, revision: 1, rules: rules(LUNCH, seats) }
}

fn filled(name: &str, day: Date, time: &str, taken: u32) -> Event {
    Event::SittingFilled { restaurant_no: venue(name), day, time: time.parse().unwrap(), taken }
}

fn booking(name: &str) -> Booking {
    Booking {
        restaurant_no: venue(name),
        day: DAY,
        time: "11:30".parse().unwrap(),
        end_time: "13:00".parse().unwrap(),
        starts_at: at("11:30"),
        ends_at: at("13:00"),
        party_size: 2,
        customer_id: Some("ann".parse().unwrap()),
        deposit: money(20_000),
        refund_until: at("11:30"),
    }
}

/// What becomes of a reservation, by the state that it reaches.
fn reached(id: u64, name: &str, status: Status) -> Event {
    let (id, restaurant_no, day) = (Id::new(id), venue(name), DAY);
    match status {
        Status::DepositPending => Event::DepositPending { id, booking: booking(name), status, until: at("11:00") },
        Status::DepositPayed => Event::DepositPayed { id, booking: booking(name), status },
        Status::Reserved => Event::Reserved { id, restaurant_no, day, status },
        Status::Canceled => Event::Canceled { id, restaurant_no, day, status, refund: true },
        Status::Recommanded => Event::Recommanded { id, restaurant_no, status, point: 4 },
        Status::NoShow => Event::NoShow { id, restaurant_no, day, status },
    }
}

/// The rows of a view, as they stand after these events.
fn view<P>(events: &[Event]) -> BTreeMap<u64, P::Row>
where
    P: Projection<On = Event>,
{
    let mut rows = BTreeMap::new();
    for event in events {
        for id in P::rows(event) {
            let row: Option<P::Row> = P::fold(id, rows.remove(&id), event, at("10:05"));
            if let Some(row) = row {
                assert_eq!(row.id(), id);
                rows.insert(id, row);
            }
        }
    }
    rows
}

/// All views together, as JSON.
fn views(events: &[Event]) -> Value {
    json!([view::<MyPages>(events), view::<Sittings>(events), view::<FilledDays>(events)])
}

/// What is shown of the sittings of a venue to a party, as the routes put it together.
fn shown(events: &[Event], name: &str, day: Date, party: u32, at: Timestamp) -> Vec<ShownSitting> {
    let (sittings, filled) = (view::<Sittings>(events), view::<FilledDays>(events));
    let (venue, key) = (venue(name), venue_day(&venue(name), day));
    let taken = |time: TimeOfDay| filled.get(&number(&key)).and_then(|row| row.of.get(&key)?.get(&time).copied()).unwrap_or_default();
    let own = sittings.values().filter_map(|row| Some((row.id, row.of.get(&venue)?)));
    own.filter_map(|(id, sitting)| sitting.shown((id, &venue), day, taken(sitting.slot.start()), party, at)).collect()
}

fn free(events: &[Event], name: &str, day: Date, party: u32, at: Timestamp) -> Vec<String> {
    shown(events, name, day, party, at).iter().filter(|one| one.is_free).map(|one| one.time.to_string()).collect()
}

#[test]
fn a_page_follows_its_reservation_through_every_state() {
    let row = |status: &str, point: Option<u8>| {
        json!({
            "id": 7, "reservationNo": 7, "restaurantNo": "10", "day": "2026-11-24", "time": "11:30", "partySize": 2,
            "customerId": "ann", "deposit": {"amount": "20000", "currency": "KRW"}, "status": status, "point": point,
        })
    };
    #[track_caller]
    fn check(states: &[Status], row: &Value) {
        let events: Vec<_> = states.iter().map(|status| reached(7, "10", *status)).collect();
        assert_eq!(json!(view::<MyPages>(&events)[&7]), *row);
    }
    use Status::{Canceled, DepositPayed, DepositPending, NoShow, Recommanded, Reserved};
    check(&[DepositPending], &row("DepositPending", None));
    check(&[DepositPayed], &row("DepositPayed", None));
    check(&[DepositPending, DepositPayed], &row("DepositPayed", None));
    check(&[DepositPayed, Reserved], &row("Reserved", None));
    check(&[DepositPayed, Reserved, Recommanded], &row("Recommanded", Some(4)));
    check(&[DepositPayed, Reserved, Recommanded, Canceled], &row("Canceled", Some(4)));
    check(&[DepositPayed, Reserved, NoShow], &row("NoShow", None));
    check(&[DepositPending, Canceled], &row("Canceled", None));
}

#[test]
fn what_nobody_told_of_has_no_page() {
    assert!(view::<MyPages>(&[reached(7, "10", Status::Canceled), reached(8, "10", Status::Recommanded)]).is_empty());
}

#[test]
fn a_sitting_is_free_while_it_has_not_begun_and_has_seats_for_all() {
    let events = [opened("10", Some(4)), filled("10", DAY, "13:00", 3)];
    #[track_caller]
    fn check(events: &[Event], day: Date, party: u32, time: &str, expected: &[&str]) {
        assert_eq!(free(events, "10", day, party, at(time)), expected);
    }
    check(&events, DAY, 1, "10:00", &["11:30", "13:00"]);
    check(&events, DAY, 2, "10:00", &["11:30"]);
    check(&events, DAY, 4, "10:00", &["11:30"]);
    check(&events, DAY, 5, "10:00", &[]);
    check(&events, DAY, 1, "11:29", &["11:30", "13:00"]);
    check(&events, DAY, 1, "11:30", &["13:00"]);
    check(&events, DAY, 1, "13:00", &[]);
    check(&events, jiff::civil::date(2026, 11, 25), 1, "10:00", &[]);
    check(&events, jiff::civil::date(2026, 11, 26), 4, "10:00", &["11:30", "13:00"]);
    check(&events, jiff::civil::date(2026, 11, 29), 1, "10:00", &[]);
    check(&[opened("10", None), filled("10", DAY, "13:00", 3_000)], DAY, 1_000, "10:00", &["11:30", "13:00"]);
}

#[test]
fn a_sitting_is_shown_with_what_it_costs_and_has_left() {
    let events = [opened("10", Some(4)), filled("10", DAY, "11:30", 3)];
    let all = shown(&events, "10", DAY, 2, at("10:00"));
    assert_eq!(
        json!(all[0]),
        json!({
            "id": sitting_id(&venue("10"), 1), "restaurantNo": "10", "name": "Haengbok", "day": "2026-11-24", "time": "11:30",
            "endTime": "13:00", "startsAt": at("11:30"), "endsAt": at("13:00"), "seats": 4, "seatsLeft": 1, "partySize": 2,
            "deposit": {"amount": "20000", "currency": "KRW"}, "isFree": false,
        })
    );
    assert_eq!((all[0].moves(at("10:00")), all[1].moves(at("10:00"))[0].name), (Vec::new(), "reserve"));
    assert!(all[1].id < 1 << 53, "JSON numbers are exact up to there");
    let full = [opened("10", Some(2)), filled("10", DAY, "11:30", 3)];
    assert_eq!(shown(&full, "10", DAY, 1, at("10:00"))[0].seats_left, Some(0));
}

#[test]
fn a_day_that_empties_leaves_an_empty_row_by_which_it_is_heard_of() {
    let told = |taken: &[u32]| taken.iter().map(|taken| filled("10", DAY, "11:30", *taken)).collect::<Vec<_>>();
    let of = |taken: &[u32]| view::<FilledDays>(&told(taken)).into_values().map(|row| json!(row.of)).collect::<Vec<_>>();
    assert_eq!(of(&[2]), [json!({"10/2026-11-24": {"11:30": 2}})]);
    assert_eq!(of(&[2, 4, 0]), [json!({})]);
    assert_eq!(of(&[0]), [json!({})]);
}

#[test]
fn sittings_follow_the_rules_and_go_with_the_venue() {
    let changed = |sittings: &str| Event::VenueChanged { restaurant_no: venue("10"), revision: 2, rules: rules(sittings, Some(9)) };
    let times = |events: &[Event]| free(events, "10", DAY, 1, at("10:00"));
    assert_eq!(times(&[opened("10", None), changed("12:00-14:00")]), ["12:00"]);
    assert_eq!(times(&[opened("10", None), changed("12:00-13:00,13:00-14:00,14:00-15:00")]), ["12:00", "13:00", "14:00"]);
    let closed = Event::VenueClosed { restaurant_no: venue("10") };
    assert_eq!(views(&[opened("10", None), closed]), json!([{}, {}, {}]));
}

#[test]
fn venues_that_happen_to_have_one_number_are_kept_apart() {
    let [one, other] = ALIKE;
    assert_eq!(sitting_id(&venue(one), 1), sitting_id(&venue(other), 1));
    let events = [opened(one, Some(4)), opened(other, Some(6)), filled(one, DAY, "11:30", 4)];
    assert_eq!(view::<Sittings>(&events).len(), 2);
    assert_eq!((free(&events, one, DAY, 2, at("10:00")), free(&events, other, DAY, 5, at("10:00")).len()), (vec!["13:00".to_owned()], 2));
    let closed = Event::VenueClosed { restaurant_no: venue(one) };
    let rest = [events.to_vec(), vec![closed]].concat();
    assert_eq!((free(&rest, one, DAY, 1, at("10:00")).len(), free(&rest, other, DAY, 5, at("10:00")).len()), (0, 2));

    let [one, other] = ALIKE_ON_DAY;
    let events = [opened(one, Some(4)), opened(other, Some(4)), filled(one, DAY, "11:30", 4), filled(other, DAY, "13:00", 3)];
    assert_eq!(view::<FilledDays>(&events).len(), 1);
    assert_eq!(
        (free(&events, one, DAY, 2, at("10:00")), free(&events, other, DAY, 2, at("10:00"))),
        (vec!["13:00".to_owned()], vec!["11:30".to_owned()])
    );
    let emptied = [events.to_vec(), vec![filled(one, DAY, "11:30", 0)]].concat();
    assert_eq!((free(&emptied, one, DAY, 2, at("10:00")).len(), free(&emptied, other, DAY, 2, at("10:00")).len()), (2, 1));
}

/// What can be told of a venue.
fn venue_story(name: &'static str) -> impl Strategy<Value = Vec<Event>> {
    let one = (0_u8..8, 0_u32..4).prop_map(move |(kind, taken)| match kind {
        0 => Event::VenueClosed { restaurant_no: venue(name) },
        1 => opened(name, Some(taken)),
        2 => Event::VenueChanged {
            restaurant_no: venue(name),
            revision: 2,
            rules: rules("11:30-12:00,12:00-14:30,15:00-16:00", Some(taken)),
        },
        3 | 4 => filled(name, DAY, "11:30", taken),
        5 => filled(name, DAY, "13:00", taken),
        _ => filled(name, jiff::civil::date(2026, 11, 26), "13:00", taken),
    });
    prop::collection::vec(one, 0..12)
}

/// What can be told of a reservation.
fn reservation_story(id: u64) -> impl Strategy<Value = Vec<Event>> {
    use Status::{Canceled, DepositPayed, DepositPending, NoShow, Recommanded, Reserved};
    let any = prop::sample::select(vec![DepositPending, DepositPayed, Reserved, Canceled, Recommanded, NoShow]);
    prop::collection::vec(any.prop_map(move |status| reached(id, "10", status)), 0..6)
}

proptest! {
    #[test]
    fn however_venues_and_reservations_interleave_the_rows_are_the_same(
        stories in (
            (venue_story(ALIKE[0]), venue_story(ALIKE[1])), (venue_story(ALIKE_ON_DAY[0]), venue_story(ALIKE_ON_DAY[1])),
            (reservation_story(1), reservation_story(2)),
        ),
        turns in prop::collection::vec(0_usize..6, 60),
    ) {
        let stories = [stories.0.0, stories.0.1, stories.1.0, stories.1.1, stories.2.0, stories.2.1];
        let mut waiting = stories.clone().map(Vec::into_iter);
        let mut mixed: Vec<Event> = turns.into_iter().filter_map(|one| waiting[one].next()).collect();
        mixed.extend(waiting.into_iter().flatten());
        prop_assert_eq!(views(&mixed), views(&stories.concat()));
    }

    #[test]
    fn a_venue_is_shown_as_it_was_last_told(events in venue_story("10"), other in venue_story(ALIKE[0])) {
        let rules = events.iter().rev().find_map(|event| match event {
            Event::VenueClosed { .. } => Some(None),
            Event::VenueOpened { rules, .. } | Event::VenueChanged { rules, .. } => Some(Some(rules)),
            _ => None,
        });
        let expected: Vec<_> = rules.flatten().iter().flat_map(|rules| rules.sittings.iter()).map(|slot| slot.start().to_string()).collect();
        let shown = shown(&[other, events].concat(), "10", DAY, 1, at("10:00"));
        prop_assert_eq!(shown.iter().map(|one| one.time.to_string()).collect::<Vec<_>>(), expected);
    }
}

const NOW: &str = "2026-11-24T12:00:00+09:00";

#[test]
fn free_sittings_are_found_over_http() {
    let mut app = TestApp::start(TOLD, testkit::at(NOW));
    told::reservation(&mut app, "10", opened("10", Some(4)));
    told::reservation(&mut app, "10", filled("10", jiff::civil::date(2026, 11, 26), "13:00", 3));
    app.settle();
    let mut times = |query: &str| {
        let page = app.get(&format!("/availability?{query}")).expect(200);
        let free = page["_embedded"]["availability"].as_array().unwrap();
        assert!(page["page"]["totalElements"].as_u64().unwrap() >= free.len() as u64);
        free.iter().map(|one| one["time"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(times("restaurantNo=10"), ["13:00"], "today");
    assert_eq!(times("restaurantNo=10&day=20261124"), ["13:00"]);
    assert_eq!(times("restaurantNo=10&day=2026-11-26"), ["11:30"], "for two");
    assert_eq!(times("restaurantNo=10&day=2026-11-26&partySize=1"), ["11:30", "13:00"]);
    assert_eq!(times("restaurantNo=10&day=2026-11-26&partySize=1&sort=id,desc"), ["13:00", "11:30"]);
    assert_eq!(times("restaurantNo=10&day=2026-11-26&partySize=1&size=1&page=1"), ["13:00"]);
    assert_eq!(times("restaurantNo=10&day=2026-11-26&partySize=1&size=1&page=2"), Vec::<String>::new());
    assert_eq!(times("restaurantNo=10&day=2026-11-25"), Vec::<String>::new(), "closed");
    assert_eq!(times("restaurantNo=10&day=2026-11-23"), Vec::<String>::new(), "over");
    assert_eq!(times("restaurantNo=11"), Vec::<String>::new(), "nobody knows of it");
    for query in [
        "",
        "day=20261124",
        "restaurantNo=10&partySize=0",
        "restaurantNo=10&day=soon",
        "restaurantNo=123456789012345678901",
        "restaurantNo=10&colour=red",
    ] {
        app.get(&format!("/availability?{query}")).refused(422, "invalid-fields");
    }
    let page = app.get("/availability?restaurantNo=10&day=2026-11-26&partySize=3").expect(200);
    let item = &page["_embedded"]["availability"][0];
    assert_eq!((&item["deposit"]["amount"], &item["_links"]["reserve"]["href"]), (&json!("30000"), &json!("/reservations")));
    let href = item["_links"]["self"]["href"].as_str().unwrap();
    assert_eq!(app.get(href).expect(200), *item, "its link leads to that day and that party");
    let (bare, _) = href.split_once('?').unwrap();
    assert_eq!(app.get(bare).expect(200)["isFree"], false, "it has begun");
    assert_eq!(app.get(&format!("{bare}/history")).expect(200)["_embedded"]["history"][0]["type"], "VenueOpened");
    app.get("/availability/64").expect(404);
}

#[test]
fn of_venues_with_one_number_each_is_found_by_its_own() {
    let mut app = TestApp::start(TOLD, testkit::at(NOW));
    for name in ALIKE {
        told::reservation(&mut app, name, opened(name, Some(4)));
    }
    app.settle();
    for name in ALIKE {
        let page = app.get(&format!("/availability?restaurantNo={name}")).expect(200);
        let items = page["_embedded"]["availability"].as_array().unwrap();
        assert_eq!((items.len(), &items[0]["restaurantNo"]), (1, &json!(name)));
        app.get(items[0]["_links"]["self"]["href"].as_str().unwrap()).expect(404);
    }
}

#[test]
fn a_page_tells_all_that_happened_in_its_order() {
    let mut app = TestApp::start(TOLD, testkit::at(NOW));
    let states = [Status::DepositPending, Status::DepositPayed, Status::Reserved, Status::Recommanded, Status::Canceled];
    for status in states {
        told::reservation(&mut app, "7", reached(7, "10", status));
    }
    app.settle();
    assert_eq!(app.get("/myPages/7").expect(200)["status"], "Canceled");
    let history = app.get("/myPages/7/history").expect(200);
    let types: Vec<_> = history["_embedded"]["history"].as_array().unwrap().iter().map(|entry| entry["type"].clone()).collect();
    assert_eq!(types, ["DepositPending", "DepositPayed", "Reserved", "Recommanded", "Canceled"]);
    assert_eq!(app.get("/myPages?customerId=ann&status=Canceled").expect(200)["page"]["totalElements"], 1);
}

#[test]
fn in_whatever_order_things_are_heard_of_guests_see_the_same() {
    let story = |app: &mut TestApp| {
        for name in ALIKE {
            told::reservation(app, name, opened(name, Some(4)));
        }
        for (id, name) in [(1, ALIKE[0]), (2, ALIKE[1]), (3, ALIKE[0])] {
            told::reservation(app, name, filled(name, DAY, "13:00", 2));
            told::reservation(app, &id.to_string(), reached(id, name, Status::DepositPayed));
            told::reservation(app, &id.to_string(), reached(id, name, Status::Reserved));
        }
        told::reservation(app, "2", reached(2, ALIKE[1], Status::Canceled));
        told::reservation(app, ALIKE[1], filled(ALIKE[1], DAY, "13:00", 0));
    };
    let shown = |app: &mut TestApp| {
        let pages: Vec<_> = app.rows("myPages").iter().map(|row| json!([row["id"], row["status"]])).collect();
        let free = ALIKE.map(|name| app.get(&format!("/availability?restaurantNo={name}&partySize=3")).expect(200)["_embedded"].clone());
        json!([pages, free])
    };
    any_interleaving(TOLD, testkit::at(NOW), 0..15, story, shown);
}
