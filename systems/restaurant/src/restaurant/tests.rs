//! The catalogue and the book: what they take from reservation, in whatever order it comes.

use booking::Zone;
use edge::Fields;
use jiff::civil::Date;
use kernel::{Currency, Exposed, Id, Money, Policy, Rows, Timestamp};
use serde_json::{Value, json};

use super::api::{RestaurantEvent, VenueId};
use super::domain::entry::{self, End, Entry, Expected};
use super::domain::venue::{self, Kept, Venue};
use super::http::{added, changed, meant, said};
use super::policies::{FollowRules, KeepBook};
use super::views::VenueRow;
use crate::reservation::api::{Booking, ReservationEvent, ReservationId, ReservationStatus, RestaurantNo, VenueRules};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const ID: ReservationId = Id::new(7);
const VENUE: VenueId = Id::new(3);

fn no() -> RestaurantNo {
    "10".parse().unwrap()
}

fn kept(revision: u64, seats: u32) -> Kept {
    Kept { revision, rules: VenueRules { seats: Some(seats), ..VenueRules::usual(Zone::default()) } }
}

/// What happened to one aggregate, with the row after it and what was published.
struct Story<A: Exposed> {
    state: A,
    key: A::Key,
    row: Option<Value>,
    published: Vec<A::Published>,
}

impl<A: Exposed> Story<A> {
    fn of(key: A::Key) -> Self {
        Self { state: A::default(), key, row: None, published: Vec::new() }
    }

    fn send(&mut self, command: A::Command) -> usize {
        let events = self.state.decide(command, NOW).ok().unwrap();
        for event in &events {
            let mut rows = Rows::default();
            self.state.rows(&self.key, event, NOW, &mut rows);
            self.row =
                rows.into_changes().pop().map_or(self.row.take(), |change| change.row.map(|row| serde_json::from_str(&row).unwrap()));
            self.state.evolve(event, NOW);
            self.published.extend(self.state.publish(&self.key, event, NOW));
        }
        events.len()
    }
}

// The catalogue.

#[test]
fn a_venue_shows_what_it_is_kept_by() {
    let mut story = Story::<Venue>::of(no());
    story.send(venue::Command::Add(VENUE, kept(1, 40)));
    assert_eq!(
        story.row,
        Some(json!({
            "id": 3, "restaurantNo": "10", "name": null, "seats": 40, "sittings": [
                { "start": "11:30", "end": "13:00" }, { "start": "13:00", "end": "14:30" },
                { "start": "17:30", "end": "19:30" }, { "start": "19:30", "end": "21:30" },
            ],
            "deposit": { "amount": "10000", "currency": "KRW" }, "closedWeekdays": [], "closedDates": [], "refundUntil": 0,
            "ratingOpens": "reserved", "zone": "Asia/Seoul",
        }))
    );
    assert_eq!(story.send(venue::Command::Add(VENUE, kept(1, 40))), 0);
    assert_eq!(story.send(venue::Command::Add(Id::new(4), kept(9, 41))), 0, "it has its number");
    story.send(venue::Command::Follow(kept(2, 50)));
    assert_eq!(story.row.unwrap()["seats"], json!(50));
    assert_eq!(story.published.len(), 0);
}

#[test]
fn of_rules_the_newest_are_shown_in_whatever_order_they_come() {
    let mut story = Story::<Venue>::of(no());
    story.send(venue::Command::Follow(kept(3, 60)));
    assert_eq!(story.row, None);
    story.send(venue::Command::Add(VENUE, kept(1, 40)));
    assert_eq!(story.row.as_ref().unwrap()["seats"], json!(60));
    for old in [kept(2, 50), kept(3, 60), kept(3, 61)] {
        assert_eq!(story.send(venue::Command::Follow(old)), 0);
    }
    story.send(venue::Command::Follow(kept(4, 70)));
    assert_eq!(story.row.unwrap()["seats"], json!(70));
}

#[test]
fn a_row_has_all_that_a_venue_is_kept_by() {
    let mut story = Story::<Venue>::of(no());
    let body = json!({
        "restaurantNo": 10, "name": "Haengbok", "seats": "40", "sittings": "11:30-13:00,17:30-19:30",
        "deposit": { "amount": "12.50", "currency": "USD" }, "closedWeekdays": "7,1,7", "closedDates": ["20261225", "2026-01-01"],
        "refundUntil": 24, "ratingOpens": "dined",
    });
    let (restaurant_no, said) = Fields::parse(body.to_string().as_bytes()).unwrap().read(meant(Currency::ALL)).unwrap();
    let rules = added(Zone::named("Asia/Tokyo").unwrap(), said);
    assert_eq!(restaurant_no, no());
    assert_eq!(rules.deposit, Money { minor: 1_250, currency: Currency::Usd });
    assert_eq!(rules.closed.weekdays, [1, 7]);
    assert_eq!(rules.closed.dates, [Date::constant(2026, 1, 1), Date::constant(2026, 12, 25)]);
    assert_eq!((rules.refund_until_hours, rules.zone.name()), (24, "Asia/Tokyo"));
    story.send(venue::Command::Add(VENUE, Kept { revision: 1, rules: rules.clone() }));
    let row: VenueRow = serde_json::from_value(story.row.unwrap()).unwrap();
    assert_eq!(row.rules(), rules);
}

#[test]
fn a_venue_wants_its_deposits_in_what_the_provider_takes() {
    let wrong = |currency: &str, currencies| {
        let body = json!({ "restaurantNo": "10", "deposit": { "amount": "1000", "currency": currency } }).to_string();
        let fields = Fields::parse(body.as_bytes()).unwrap();
        let errors = [fields.read(meant(currencies)).err(), fields.read(said(currencies)).err()];
        errors.map(|refused| refused.map(|problem| (problem.status.as_u16(), problem.errors[0].field.to_string())))
    };
    let refused = [Some((422, "deposit".to_owned())), Some((422, "deposit".to_owned()))];
    assert_eq!(wrong("USD", &[Currency::Krw]), refused);
    assert_eq!(wrong("KRW", &[Currency::Krw]), [None, None]);
    assert_eq!(wrong("USD", Currency::ALL), [None, None]);
}

#[test]
fn what_is_not_said_of_a_venue_stays() {
    let read = |body: Value| Fields::parse(body.to_string().as_bytes()).unwrap().read(said(Currency::ALL)).unwrap();
    let before = added(Zone::default(), read(json!({ "name": "Haengbok", "seats": 40, "closedWeekdays": [1] })));
    assert_eq!(changed(before.clone(), read(json!({}))), before);
    assert_eq!(changed(before.clone(), read(json!({ "seats": 50 }))), VenueRules { seats: Some(50), ..before.clone() });
    assert_eq!(changed(before.clone(), read(json!({ "seats": null }))), VenueRules { seats: None, ..before.clone() });
    assert_eq!(changed(before.clone(), read(json!({ "name": null, "sittings": null }))), VenueRules { name: None, ..before.clone() });
    assert_eq!(changed(before.clone(), read(json!({ "sittings": " ", "refundUntil": "" }))), before, "a blank says nothing");
    let sittings = json!({ "sittings": [{ "start": "18:00", "end": "20:00" }] });
    assert_eq!(changed(before.clone(), read(sittings)).sittings.to_string(), "18:00-20:00");
    assert_eq!(added(Zone::default(), read(json!({}))), VenueRules::usual(Zone::default()));
}

#[test]
fn what_is_null_of_a_venue_is_as_usual_again() {
    let read = |body: Value| Fields::parse(body.to_string().as_bytes()).unwrap().read(said(Currency::ALL)).unwrap();
    let tokyo = Zone::named("Asia/Tokyo").unwrap();
    let other = json!({
        "name": "Haengbok", "seats": 40, "sittings": "18:00-20:00", "deposit": { "amount": "5", "currency": "USD" },
        "closedWeekdays": [1], "closedDates": ["20261225"], "refundUntil": 24, "ratingOpens": "dined",
    });
    let mut before = added(tokyo.clone(), read(other.clone()));
    for field in other.as_object().unwrap().keys() {
        let after = changed(before.clone(), read(json!({ field.as_str(): null })));
        assert_ne!(after, before, "{field}");
        before = after;
    }
    assert_eq!(before, VenueRules::usual(tokyo));
}

#[test]
fn what_is_wrong_with_a_venue_is_said_of_every_field() {
    let body = json!({
        "restaurantNo": "", "name": "a".repeat(201), "seats": 0, "sittings": 8, "deposit": { "amount": "0", "currency": "KRW" },
        "closedWeekdays": [8], "closedDates": ["tomorrow"], "refundUntil": 9000, "ratingOpens": "later",
    });
    let problem = Fields::parse(body.to_string().as_bytes()).unwrap().read(meant(Currency::ALL)).map(|_| ()).unwrap_err();
    let fields: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
    let all = ["restaurantNo", "name", "seats", "sittings", "deposit", "closedWeekdays", "closedDates", "refundUntil", "ratingOpens"];
    assert_eq!(fields, all);
    let catalogue = edge::language::Catalogue::new(crate::KOREAN);
    for error in &problem.errors {
        assert!(catalogue.korean(&error.message).is_some(), "{}", error.message);
    }
    let dates: Vec<_> = (0..367).map(|day| Date::constant(2026, 1, 1).saturating_add(jiff::Span::new().days(day)).to_string()).collect();
    assert!(Fields::parse(json!({ "closedDates": dates }).to_string().as_bytes()).unwrap().read(said(Currency::ALL)).is_err());
}

// The book.

fn expected() -> Expected {
    Expected { restaurant_no: no(), day: Date::constant(2026, 11, 24), time: "17:30".parse().unwrap(), party_size: 2 }
}

fn entry(status: &str) -> Option<Value> {
    Some(json!({
        "id": 7, "reservationNo": 7, "restaurantNo": "10", "day": "2026-11-24", "time": "17:30", "partySize": 2, "status": status,
    }))
}

fn accepted() -> RestaurantEvent {
    serde_json::from_value(json!({ "eventType": "ReservAccepted", "id": 7, "reservationNo": 7, "status": "Reserved" })).unwrap()
}

/// Fault of the original: "ReserveCanceled is never published, so recommendations are never deleted".
#[test]
fn what_is_taken_back_is_struck_off_and_told() {
    let mut story = Story::<Entry>::of(ID);
    story.send(entry::Command::Reserve(expected()));
    assert_eq!(story.row, entry("Reserved"));
    story.send(entry::Command::End(End::Canceled));
    assert_eq!(story.row, entry("Canceled"));
    assert_eq!(story.published, [accepted(), RestaurantEvent::ReserveCanceled { id: ID, reservation_no: ID, restaurant_no: no() }]);
    for again in [entry::Command::Reserve(expected()), entry::Command::End(End::Canceled), entry::Command::End(End::NoShow)] {
        assert_eq!(story.send(again), 0);
    }
}

#[test]
fn whichever_comes_first_the_end_is_the_same() {
    for (end, told) in [(End::Canceled, 2), (End::NoShow, 1)] {
        let (mut one, mut other) = (Story::<Entry>::of(ID), Story::<Entry>::of(ID));
        one.send(entry::Command::Reserve(expected()));
        one.send(entry::Command::End(end));
        other.send(entry::Command::End(end));
        assert_eq!((&other.row, other.published.len()), (&None, 0), "of what never reached the restaurant it tells nothing");
        other.send(entry::Command::Reserve(expected()));
        assert_eq!((&one.state, &one.row, &one.published), (&other.state, &other.row, &other.published));
        assert_eq!(one.published.len(), told);
    }
}

#[test]
fn the_policies_follow_what_reservation_decided() {
    let (starts_at, ends_at, refund_until) = (NOW, NOW, NOW);
    let booking = Booking {
        restaurant_no: no(),
        day: expected().day,
        time: expected().time,
        end_time: "19:30".parse().unwrap(),
        starts_at,
        ends_at,
        party_size: 2,
        customer_id: None,
        deposit: Money { minor: 20_000, currency: Currency::Krw },
        refund_until,
    };
    let (id, restaurant_no, day) = (ID, no(), expected().day);
    let book = |event: &ReservationEvent| {
        let commands: Vec<_> = KeepBook::react(event, NOW).into_iter().collect();
        commands.into_iter().map(|one| (one.aggregate, one.key, one.command.downcast_ref::<entry::Command>().unwrap().clone())).next()
    };
    let payed = ReservationEvent::DepositPayed { id, booking: booking.clone(), status: ReservationStatus::DepositPayed };
    assert!(matches!(book(&payed), Some(("entry", key, entry::Command::Reserve(one))) if key == "7" && one == expected()));
    let canceled = ReservationEvent::Canceled { id, restaurant_no: no(), day, status: ReservationStatus::Canceled, refund: true };
    assert!(matches!(book(&canceled), Some(("entry", key, entry::Command::End(End::Canceled))) if key == "7"));
    let missed = ReservationEvent::NoShow { id, restaurant_no: no(), day, status: ReservationStatus::NoShow };
    assert!(matches!(book(&missed), Some(("entry", key, entry::Command::End(End::NoShow))) if key == "7"));
    // A deposit that may never be paid is nothing that the restaurant has to know.
    let pending = ReservationEvent::DepositPending { id, booking, status: ReservationStatus::DepositPending, until: NOW };
    assert!(book(&pending).is_none());

    let changed = ReservationEvent::VenueChanged { restaurant_no: no(), revision: 2, rules: kept(2, 50).rules };
    let commands: Vec<_> = FollowRules::react(&changed, NOW).into_iter().collect();
    assert_eq!((commands.len(), commands[0].aggregate, commands[0].key.as_str()), (1, "venue", "10"));
    assert!(matches!(commands[0].command.downcast_ref(), Some(venue::Command::Follow(follows)) if *follows == kept(2, 50)));
    for other in [payed, canceled, missed, ReservationEvent::VenueClosed { restaurant_no }] {
        assert_eq!(FollowRules::react(&other, NOW).into_iter().count(), 0);
    }
}
