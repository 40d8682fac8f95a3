//! Reservations at the edge, and what the restaurant makes of them: the whole system, with its real router.

use edge::{Entry, Limits};
use jiff::civil::Date;
use kernel::{Commands, Currency, Id, Money};
use runtime::{Outcome, Request};
use serde_json::{Value, json};
use store::Meta;
use testkit::{Asked, Subject, TestApp, at};

use super::api::{Booking, VenueRules};
use super::domain::calendar::{self, Calendar, Wanted};
use super::domain::reservation::{Command, Reservation};
use crate::Settings;

const RESTAURANT: Subject = Subject {
    spec: crate::spec,
    routes: |system| crate::routes(system, "", &Entry::open(Limits::default()), &Settings::default()),
    outside: testkit::Outside::nothing,
};

fn app() -> TestApp {
    TestApp::start(RESTAURANT, at("2026-11-23T10:00:00+09:00"))
}

fn send(app: &mut TestApp, make: impl Fn(u64) -> Commands + Send + Sync + 'static) -> Outcome {
    let meta = Meta { correlation: "test".into(), causation: "test".into(), caller: "administrator".into(), trace: None };
    let request = Request::make(move |ids| make(ids.next("reservations")), meta)
        .counts(&["reservations"])
        .about(vec![("calendar", "10".into())])
        .answered(201, Some("reservations"));
    let service = app.system().service("reservation").unwrap();
    app.wait_for(async move { service.execute(request).await })
}

/// Holds all ten seats of the evening's first sitting, and takes the reservation.
fn reserve(app: &mut TestApp, guest: &'static str) -> Option<Value> {
    let (restaurant_no, day, time) = ("10".parse().unwrap(), Date::constant(2026, 11, 23), "17:30".parse().unwrap());
    let booking = Booking {
        restaurant_no,
        day,
        time,
        end_time: "19:30".parse().unwrap(),
        starts_at: at("2026-11-23T17:30:00+09:00"),
        ends_at: at("2026-11-23T19:30:00+09:00"),
        party_size: 10,
        customer_id: Some(guest.parse().unwrap()),
        deposit: Money { minor: 100_000, currency: Currency::Krw },
        refund_until: at("2026-11-23T17:30:00+09:00"),
    };
    let default = VenueRules { seats: Some(10), ..VenueRules::usual(Settings::default().zone) };
    let reserved = send(app, move |id| {
        let wanted = Wanted { id: Id::new(id), day, time: Some(time), party_size: 10, default: Some(default.clone()) };
        Commands::to::<Calendar>(&booking.restaurant_no, calendar::Command::Hold(wanted))
            .and::<Reservation>(&Id::new(id), Command::Take(booking.clone()))
    });
    match reserved {
        Outcome::Accepted(answer) => Some(serde_json::from_str::<Value>(&answer.shown.unwrap().row).unwrap()["id"].clone()),
        Outcome::Refused(refused) => {
            assert_eq!(refused.code, "sold-out");
            None
        }
        _ => panic!("a reservation is decided"),
    }
}

fn status(app: &mut TestApp, path: &str) -> Value {
    app.settle();
    app.get(path).expect(200)["status"].clone()
}

#[test]
fn a_reservation_is_confirmed_and_taken_back_with_its_seats() {
    let mut app = app();
    let mine = reserve(&mut app, "ann").unwrap();
    let (path, entry) = (format!("/reservations/{mine}"), format!("/restaurants/{mine}"));
    assert_eq!((status(&mut app, &path), status(&mut app, &entry)), (json!("Reserved"), json!("Reserved")));
    assert_eq!(reserve(&mut app, "bob"), None);

    let by = |guest: &str| Asked::delete(&path).json(&json!({"customerId": guest}));
    app.send(by("bob")).refused(403, "not-the-guest");
    assert_eq!(reserve(&mut app, "bob"), None, "what is refused gives no seats back");
    app.send(by("ann")).expect(204);
    assert_eq!((status(&mut app, &path), status(&mut app, &entry)), (json!("Canceled"), json!("Canceled")));

    let theirs = reserve(&mut app, "bob").unwrap();
    app.send(by("ann")).expect(204);
    app.advance_to(at("2026-11-23T17:30:00+09:00"));
    app.send(by("ann")).expect(204);
    assert_eq!(status(&mut app, &format!("/reservations/{theirs}")), json!("Reserved"), "a late cancel takes nothing from others");
    app.delete(&format!("/reservations/{theirs}")).refused(409, "sitting-begun");
    app.delete("/reservations/9").refused(404, "not-found");
    app.verify();
}

#[test]
fn a_guest_who_does_not_come_is_marked_once_the_sitting_has_begun() {
    let mut app = app();
    let mine = reserve(&mut app, "ann").unwrap();
    let (path, entry) = (format!("/reservations/{mine}"), format!("/restaurants/{mine}"));
    app.settle();
    assert!(app.get(&path).expect(200)["_links"]["no-show"].is_null());
    app.post(&format!("{path}/no-show"), json!({})).refused(409, "sitting-ahead");
    app.advance_to(at("2026-11-23T17:30:00+09:00"));
    let offered = app.get(&path).expect(200)["_links"]["no-show"]["href"].clone();
    assert_eq!(offered, format!("{path}/no-show"));
    for _ in 0..2 {
        app.post(&format!("{path}/no-show"), json!({})).expect(204);
        assert_eq!((status(&mut app, &path), status(&mut app, &entry)), (json!("NoShow"), json!("NoShow")));
    }
    app.post("/reservations/9/no-show", json!({})).refused(404, "not-found");
    app.verify();
}

#[test]
fn the_history_of_a_reservation_has_all_its_steps() {
    let mut app = app();
    let mine = reserve(&mut app, "ann").unwrap();
    app.settle();
    app.delete(&format!("/reservations/{mine}")).expect(204);
    let history = app.get(&format!("/reservations/{mine}/history")).expect(200);
    let steps: Vec<_> = history["_embedded"]["history"].as_array().unwrap().iter().map(|step| step["type"].clone()).collect();
    assert_eq!(steps, ["depositPayed", "reserved", "canceled"]);
}
