//! Every rule of the calendar. The original had none: "no capacity".

use booking::Zone;
use kernel::{Answer, Currency, Id, Money, Refused, RefusedKind};
use serde_json::{Value, json};

use super::desk::{Desk, VENUE, at, date, no, seoul, time};
use super::{Calendar, Command, Event, Wanted};
use crate::reservation::api::{ChangeVenue, OpenVenue, RatingOpens, ReservationEvent, VenueRules};

fn desk() -> Desk {
    Desk::open(seoul())
}

#[track_caller]
fn refused(answer: Result<Vec<Event>, Refused>, kind: RefusedKind, code: &str) -> Value {
    let refused = answer.expect_err("a refusal");
    assert_eq!((refused.kind, refused.code.as_str()), (kind, code));
    Value::Object(refused.details)
}

#[track_caller]
fn conflict(answer: Result<Vec<Event>, Refused>, code: &str) -> Value {
    refused(answer, RefusedKind::Conflict, code)
}

// Which sitting is meant.

#[test]
fn without_a_time_the_first_sitting_is_meant_that_has_the_seats() {
    let mut desk = desk();
    desk.hold(1, 24, None, 8).unwrap();
    desk.hold(2, 24, None, 3).unwrap();
    desk.hold(3, 24, None, 2).unwrap();
    let sittings: Vec<_> = (1..=3).map(|id| desk.sitting(id).unwrap()).collect();
    assert_eq!(sittings, ["2026-11-24 11:30-13:00", "2026-11-24 13:00-14:30", "2026-11-24 11:30-13:00"]);
}

#[test]
fn a_sitting_that_has_begun_is_not_meant() {
    let mut desk = desk();
    desk.at("13:00").hold(1, 23, None, 2).unwrap();
    assert_eq!(desk.sitting(1).as_deref(), Some("2026-11-23 17:30-19:30"));
    conflict(desk.hold(2, 23, Some("13:00"), 2), "sitting-begun");
    conflict(desk.hold(2, 22, Some("17:30"), 2), "sitting-begun");
    conflict(desk.hold(2, 22, None, 2), "no-sitting-left");
    conflict(desk.at("19:30").hold(2, 23, None, 2), "no-sitting-left");
}

#[test]
fn a_time_is_that_at_which_a_sitting_begins() {
    let mut desk = desk();
    desk.hold(1, 24, Some("17:30"), 2).unwrap();
    let details = refused(desk.hold(2, 24, Some("18:00"), 2), RefusedKind::Invalid, "no-such-sitting");
    assert_eq!((&details["field"], &details["sittings"][0]), (&json!("time"), &json!({ "start": "11:30", "end": "13:00" })));
}

#[test]
fn nobody_sits_on_a_closed_day() {
    let mut desk = desk();
    desk.change(|rules| (rules.closed.weekdays, rules.closed.dates) = (vec![2], vec![date(27)])).unwrap();
    conflict(desk.hold(1, 24, None, 2), "closed-day");
    conflict(desk.hold(1, 24, Some("17:30"), 2), "closed-day");
    conflict(desk.hold(1, 27, None, 2), "closed-day");
    desk.hold(1, 25, None, 2).unwrap();
}

// No sitting holds more people than seats.

#[test]
fn a_sitting_is_sold_out_when_it_has_not_the_seats() {
    let mut desk = desk();
    desk.hold(1, 24, Some("17:30"), 7).unwrap();
    desk.hold(2, 24, Some("19:30"), 9).unwrap();
    let details = conflict(desk.hold(3, 24, Some("17:30"), 4), "sold-out");
    let free = |time, end| json!({ "time": time, "endTime": end, "seatsLeft": 10 });
    assert_eq!(details, json!({ "seatsLeft": 3, "free": [free("11:30", "13:00"), free("13:00", "14:30")] }));
    desk.hold(3, 24, Some("17:30"), 3).unwrap();
    assert_eq!(conflict(desk.hold(4, 24, Some("17:30"), 1), "sold-out")["seatsLeft"], json!(0));
}

#[test]
fn a_day_is_sold_out_when_none_of_its_sittings_has_the_seats() {
    let mut desk = desk();
    for (id, party_size) in [(1, 10), (2, 9), (3, 7), (4, 8)] {
        desk.hold(id, 24, None, party_size).unwrap();
    }
    assert_eq!(conflict(desk.hold(5, 24, None, 4), "sold-out"), json!({ "seatsLeft": 3, "free": [] }));
    desk.hold(5, 24, None, 3).unwrap();
}

#[test]
fn a_party_that_no_sitting_could_hold_is_told_so() {
    let details = refused(desk().hold(1, 24, None, 11), RefusedKind::Invalid, "party-too-large");
    assert_eq!(details, json!({ "field": "partySize", "seats": 10 }));
}

#[test]
fn without_a_limit_of_seats_nothing_is_sold_out() {
    let mut desk = Desk::open(VenueRules { seats: None, ..seoul() });
    for id in 1..50 {
        desk.hold(id, 24, None, 1_000).unwrap();
    }
    assert_eq!(desk.calendar.taken(date(24), time("11:30")), 49_000);
}

#[test]
fn seats_that_are_given_back_can_be_had_again() {
    let mut desk = desk();
    desk.hold(1, 24, Some("17:30"), 10).unwrap();
    assert_eq!(desk.release(1), [Event::Released { id: Id::new(1), day: date(24), time: time("17:30") }]);
    assert_eq!(desk.release(1), []);
    assert_eq!(desk.release(9), []);
    desk.hold(2, 24, Some("17:30"), 10).unwrap();
}

#[test]
fn the_same_reservation_holds_its_seats_once() {
    let mut desk = desk();
    desk.hold(1, 24, Some("17:30"), 6).unwrap();
    assert_eq!(desk.hold(1, 24, Some("17:30"), 6), Ok(Vec::new()));
    assert_eq!(desk.calendar.taken(date(24), time("17:30")), 6);
}

#[test]
fn what_is_over_leaves() {
    let mut desk = desk();
    let before = desk.calendar.clone();
    desk.hold(1, 23, Some("17:30"), 2).unwrap();
    desk.hold(2, 23, Some("17:30"), 3).unwrap();
    desk.hold(3, 23, Some("19:30"), 3).unwrap();
    desk.at("19:29");
    assert!(desk.sitting(1).is_some(), "a sitting is not over before its end");
    desk.at("19:30");
    assert_eq!((desk.sitting(1), desk.sitting(2), desk.sitting(3).is_some()), (None, None, true));
    desk.at("24T00:00");
    assert_eq!(desk.calendar, before);
    assert_eq!(desk.release(1), []);
}

#[test]
fn what_is_held_is_known_with_what_it_costs() {
    let mut desk = Desk::open(VenueRules { refund_until_hours: 24, ..seoul() });
    desk.hold(1, 24, Some("17:30"), 3).unwrap();
    let customer_id = Some("ann".parse().unwrap());
    let booking = desk.calendar.booking(Id::new(1), &no(), customer_id).unwrap();
    assert_eq!(
        serde_json::to_value(booking).unwrap(),
        json!({
            "restaurantNo": "10", "day": "2026-11-24", "time": "17:30", "endTime": "19:30", "startsAt": at("24T17:30"), "endsAt": at("24T19:30"),
            "partySize": 3, "customerId": "ann", "deposit": { "amount": "30000", "currency": "KRW" }, "refundUntil": at("17:30"),
        })
    );
    // What was told to a guest stays, whatever others pay.
    desk.change(|rules| (rules.deposit.minor, rules.refund_until_hours) = (99, 0)).unwrap();
    assert_eq!((desk.booking(1).unwrap().deposit.minor, desk.booking(1).unwrap().refund_until), (30_000, at("17:30")));
    assert_eq!(desk.calendar.booking(Id::new(2), &no(), None), None);
}

#[test]
fn what_a_venue_is_called_and_when_it_can_be_rated_follows_from_its_rules() {
    let mut desk = desk();
    desk.hold(1, 24, Some("17:30"), 3).unwrap();
    let booking = desk.booking(1).unwrap();
    let named = VenueRules { name: Some("Haengbok".into()), rating_opens: RatingOpens::Dined, ..seoul() };
    assert_eq!((seoul().title(&no()), named.title(&no())), ("10".into(), "Haengbok".into()));
    assert_eq!(
        (seoul().rating_opens_at(&booking, at("10:00")), named.rating_opens_at(&booking, at("10:00"))),
        (at("10:00"), at("24T19:30"))
    );
}

#[test]
fn a_venue_of_which_nothing_is_said_has_four_sittings_and_a_deposit_above_zero() {
    let rules = VenueRules::usual(Zone::default());
    assert_eq!(rules.sittings.to_string(), "11:30-13:00,13:00-14:30,17:30-19:30,19:30-21:30");
    assert_eq!((rules.deposit, rules.seats), (Money { minor: 10_000, currency: Currency::Krw }, None));
}

// Opening and closing.

fn unknown(desk: &mut Desk, id: u64, day: i8, default: Option<VenueRules>) -> Result<Vec<Event>, Refused> {
    desk.send(Command::Hold(Wanted { id: Id::new(id), day: date(day), time: None, party_size: 2, default }))
}

#[test]
fn an_unknown_venue_opens_by_itself_where_that_is_so() {
    let mut desk = Desk::closed();
    refused(unknown(&mut desk, 1, 24, None), RefusedKind::NotFound, "no-such-venue");
    conflict(unknown(&mut desk, 1, 22, Some(seoul())), "no-sitting-left");
    assert_eq!(desk.calendar, Calendar::default(), "what is refused opens nothing");
    unknown(&mut desk, 1, 24, Some(seoul())).unwrap();
    assert_eq!(desk.log[0].1, Event::Opened { venue_id: None, rules: seoul() });
    assert_eq!(desk.sitting(1).as_deref(), Some("2026-11-24 11:30-13:00"));
    // From then on it has its own rules.
    unknown(&mut desk, 2, 24, Some(VenueRules { seats: Some(2), ..seoul() })).unwrap();
    assert_eq!(desk.calendar.rules(), Some(&seoul()));
    conflict(desk.send(Command::Open { venue_id: VENUE, rules: VenueRules { seats: Some(2), ..seoul() } }), "venue-exists");
    refused(desk.send(Command::Open { venue_id: VENUE, rules: seoul() }), RefusedKind::Standing, "standing");
}

#[test]
fn a_venue_that_was_not_added_after_all_closes() {
    let mut desk = desk();
    assert_eq!(desk.send(Command::Close { venue_id: Id::new(2) }), Ok(Vec::new()), "another one's");
    desk.send(Command::Close { venue_id: VENUE }).unwrap();
    assert_eq!(desk.send(Command::Close { venue_id: VENUE }), Ok(Vec::new()));
    refused(desk.hold(1, 24, None, 2), RefusedKind::NotFound, "no-such-venue");
    refused(desk.send(Command::Change { before: seoul(), rules: seoul() }), RefusedKind::NotFound, "no-such-venue");
    desk.send(Command::Open { venue_id: Id::new(3), rules: seoul() }).unwrap();
    assert_eq!(desk.calendar.revision(), 2, "what is newer is known over a closing");
}

#[test]
fn a_venue_that_has_reservations_stays_open_although_it_was_not_added() {
    let mut desk = desk();
    desk.hold(1, 24, None, 2).unwrap();
    assert_eq!(desk.send(Command::Close { venue_id: VENUE }), Ok(vec![Event::Opened { venue_id: None, rules: seoul() }]));
    assert_eq!(desk.send(Command::Close { venue_id: VENUE }), Ok(Vec::new()));
    assert!(desk.sitting(1).is_some());
}

// Changing the rules.

#[test]
fn a_change_below_what_is_reserved_names_the_reservations_in_the_way() {
    let mut desk = desk();
    desk.hold(1, 24, Some("17:30"), 4).unwrap();
    desk.hold(2, 24, Some("17:30"), 3).unwrap();
    desk.hold(3, 24, Some("19:30"), 5).unwrap();
    let details = conflict(desk.change(|rules| rules.seats = Some(6)), "venue-reserved");
    let held = |id| json!({ "reservationNo": id, "start": at("24T17:30"), "end": at("24T19:30") });
    assert_eq!(details, json!({ "inTheWay": [held(1), held(2)], "inTheWayCount": 2 }));
    desk.change(|rules| rules.seats = Some(7)).unwrap();
    conflict(desk.hold(4, 24, Some("17:30"), 1), "sold-out");
    desk.change(|rules| rules.seats = None).unwrap();
    desk.hold(4, 24, Some("17:30"), 1).unwrap();
}

#[test]
fn a_refusal_names_ten_of_those_in_the_way() {
    let mut desk = desk();
    for id in 1..=10 {
        desk.hold(id, 24, Some("17:30"), 1).unwrap();
        desk.hold(id + 10, 25, Some("17:30"), 1).unwrap();
    }
    let details = conflict(desk.change(|rules| rules.seats = Some(5)), "venue-reserved");
    assert_eq!(details["inTheWay"].as_array().map(Vec::len), Some(10));
    assert_eq!(details["inTheWayCount"], 20);
}

#[test]
fn a_sitting_or_day_with_reservations_does_not_go() {
    let mut desk = desk();
    desk.hold(1, 24, Some("17:30"), 4).unwrap();
    let mut no = |change: &dyn Fn(&mut VenueRules)| conflict(desk.change(change), "venue-reserved");
    no(&|rules| rules.sittings = "11:30-13:00,19:30-21:30".parse().unwrap());
    no(&|rules| rules.sittings = "17:30-20:00".parse().unwrap());
    no(&|rules| rules.sittings = "18:00-19:30".parse().unwrap());
    no(&|rules| rules.closed.weekdays = vec![2]);
    no(&|rules| rules.closed.dates = vec![date(24)]);
    // In another zone the same sitting is at another time.
    no(&|rules| rules.zone = Zone::named("America/New_York").unwrap());
    desk.change(|rules| rules.zone = Zone::named("Asia/Tokyo").unwrap()).unwrap();
    desk.change(|rules| rules.sittings = "08:00-09:00,17:30-19:30".parse().unwrap()).unwrap();
    desk.change(|rules| (rules.closed.weekdays, rules.closed.dates) = (vec![1, 3], vec![date(26)])).unwrap();
}

#[test]
fn who_changes_what_another_changed_meanwhile_is_told_so() {
    let mut desk = desk();
    let larger = VenueRules { seats: Some(20), ..seoul() };
    let named = VenueRules { name: Some("Haengbok".into()), ..seoul() };
    desk.send(Command::Change { before: seoul(), rules: larger.clone() }).unwrap();
    conflict(desk.send(Command::Change { before: seoul(), rules: named }), "venue-changed");
    assert_eq!(desk.send(Command::Change { before: seoul(), rules: larger.clone() }), Ok(Vec::new()), "it is so already");
    assert_eq!((desk.calendar.rules(), desk.calendar.revision()), (Some(&larger), 2));
}

#[test]
fn a_change_that_was_not_meant_to_be_is_taken_back_unless_another_came_after_it() {
    let mut desk = desk();
    let (larger, huge) = (VenueRules { seats: Some(20), ..seoul() }, VenueRules { seats: Some(99), ..seoul() });
    let take_back = || Command::TakeBack { before: seoul(), rules: VenueRules { seats: Some(20), ..seoul() } };
    assert_eq!(desk.send(take_back()), Ok(Vec::new()), "it never happened");
    desk.send(Command::Change { before: seoul(), rules: larger.clone() }).unwrap();
    desk.send(take_back()).unwrap();
    assert_eq!((desk.calendar.rules(), desk.calendar.revision()), (Some(&seoul()), 3));
    desk.send(Command::Change { before: seoul(), rules: larger.clone() }).unwrap();
    desk.hold(1, 24, Some("17:30"), 15).unwrap();
    conflict(desk.send(take_back()), "venue-reserved");
    desk.send(Command::Change { before: larger, rules: huge.clone() }).unwrap();
    assert_eq!(desk.send(take_back()), Ok(Vec::new()));
    assert_eq!(desk.calendar.rules(), Some(&huge));
}

// Days on which clocks change.

#[test]
fn a_sitting_that_clocks_skip_cannot_be_had() {
    let rules = VenueRules {
        zone: Zone::named("America/New_York").unwrap(),
        sittings: "01:00-02:15,02:15-02:45,02:45-04:00".parse().unwrap(),
        ..seoul()
    };
    let mut desk = Desk::closed();
    desk.now = "2026-03-08T03:00:00Z".parse().unwrap();
    desk.send(Command::Open { venue_id: VENUE, rules }).unwrap();
    let mut hold = |id, start: Option<&str>, party_size| {
        let (id, day, time) = (Id::new(id), jiff::civil::Date::constant(2026, 3, 8), start.map(time));
        desk.send(Command::Hold(Wanted { id, day, time, party_size, default: None }))
    };
    refused(hold(1, Some("02:15"), 2), RefusedKind::Invalid, "no-such-sitting");
    hold(1, None, 10).unwrap();
    hold(2, None, 10).unwrap();
    conflict(hold(3, None, 1), "sold-out");
    let instants = |id| desk.booking(id).map(|booking| (booking.starts_at.to_string(), booking.ends_at.to_string())).unwrap();
    assert_eq!(instants(1), ("2026-03-08T06:00:00Z".into(), "2026-03-08T07:00:00Z".into()));
    assert_eq!(instants(2), ("2026-03-08T07:00:00Z".into(), "2026-03-08T08:00:00Z".into()));
}

#[test]
fn a_sitting_has_the_instants_that_its_first_guest_was_told() {
    let mut desk = desk();
    desk.hold(1, 24, Some("17:30"), 2).unwrap();
    // The zone is given other rules, by a new release: the same civil times are at other instants.
    desk.calendar.venue.as_mut().unwrap().rules.zone = Zone::named("Asia/Tashkent").unwrap();
    desk.hold(2, 24, Some("17:30"), 8).unwrap();
    let booking = desk.booking(2).unwrap();
    assert_eq!((booking.starts_at, booking.refund_until), (at("24T17:30"), at("24T17:30")));
    conflict(desk.hold(3, 24, Some("17:30"), 1), "sold-out");
    conflict(desk.at("24T17:30").hold(3, 24, Some("17:30"), 1), "sitting-begun");
    desk.change(|rules| rules.name = Some("Haengbok".into())).unwrap();
}

// What others hear.

#[test]
fn calls_open_and_change_a_venue_and_take_that_back() {
    let mut desk = Desk::closed();
    let open = OpenVenue { restaurant_no: no(), venue_id: VENUE, rules: seoul() };
    let rules = VenueRules { seats: Some(20), ..seoul() };
    let change = ChangeVenue { restaurant_no: no(), rules: rules.clone(), before: seoul() };
    let mut revisions = Vec::new();
    for (key, command) in [open.command(), change.command(), change.undo(), open.undo()] {
        assert_eq!(key, no());
        assert_eq!(desk.send(command).unwrap().len(), 1);
        revisions.push((open.reply(&desk.calendar), change.reply(&desk.calendar)));
    }
    assert_eq!(revisions, [(1, 1), (2, 2), (3, 3), (3, 3)]);
    let expected = [
        ReservationEvent::VenueOpened { restaurant_no: no(), venue_id: Some(VENUE), revision: 1, rules: seoul() },
        ReservationEvent::VenueChanged { restaurant_no: no(), revision: 2, rules },
        ReservationEvent::VenueChanged { restaurant_no: no(), revision: 3, rules: seoul() },
        ReservationEvent::VenueClosed { restaurant_no: no() },
    ];
    assert_eq!(desk.published(), expected);
    for event in expected {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<ReservationEvent>(&json).unwrap(), event);
    }
}

#[test]
fn how_full_a_sitting_is_is_told_whenever_it_changes() {
    let mut desk = desk();
    desk.hold(1, 23, Some("17:30"), 2).unwrap();
    desk.hold(2, 23, Some("17:30"), 3).unwrap();
    desk.release(1);
    desk.at("19:30");
    let filled = |taken| ReservationEvent::SittingFilled { restaurant_no: no(), day: date(23), time: time("17:30"), taken };
    assert_eq!(desk.published()[1..], [filled(2), filled(5), filled(3), filled(0)]);
}

#[test]
fn every_refusal_is_told_in_korean_too() {
    let mut desk = desk();
    desk.change(|rules| rules.closed.dates = vec![date(27)]).unwrap();
    desk.hold(1, 24, Some("17:30"), 9).unwrap();
    let refusals = [
        Desk::closed().hold(2, 24, None, 2),
        desk.send(Command::Open { venue_id: VENUE, rules: seoul() }),
        desk.send(Command::Change { before: seoul(), rules: VenueRules { seats: None, ..seoul() } }),
        desk.change(|rules| rules.seats = Some(2)),
        desk.hold(2, 24, Some("18:00"), 2),
        desk.hold(2, 27, None, 2),
        desk.hold(2, 22, Some("17:30"), 2),
        desk.hold(2, 22, None, 2),
        desk.hold(2, 24, Some("17:30"), 2),
        desk.hold(2, 24, None, 99),
    ];
    let catalogue = edge::language::Catalogue::new(crate::KOREAN);
    for refused in refusals {
        let told = refused.unwrap_err().message;
        assert!(catalogue.korean(&told).is_some(), "{told}");
    }
}
