//! Who may do what, once callers prove who they are: every route against a table, and what guests see of each other.

use std::sync::Arc;

use edge::auth::Role;
use serde_json::{Value, json};
use testkit::callers::{self, WhoTable};
use testkit::{Asked, Subject, TestApp, at};

use crate::{NOW, RESTAURANT};

/// The system, for callers who prove who they are.
const GUARDED: Subject = Subject {
    routes: |system| {
        let clock = Arc::clone(system.service("reservation").unwrap().clock());
        let settings = yeyak_restaurant::Settings { opens_unknown: false, ..yeyak_restaurant::Settings::default() };
        yeyak_restaurant::routes(system, "", &callers::guarded(clock), &settings)
    },
    ..RESTAURANT
};

fn table() -> WhoTable {
    WhoTable::read(include_str!("who.txt"))
}

fn as_one(asked: Asked, who: &str) -> Asked {
    let roles: &[Role] = match who {
        "kim" => &[Role::Administrator],
        "lee" => &[Role::Operator],
        _ => &[],
    };
    callers::as_one(asked, at(NOW), who, roles)
}

/// Two guests, 1 and 2, each with a reservation.
fn two_guests() -> TestApp {
    let mut app = TestApp::start(GUARDED, at(NOW));
    app.send(as_one(Asked::post("/venues", &json!({"restaurantNo": "10"})), "kim")).expect(201);
    for guest in ["1", "2"] {
        let asked = Asked::post("/reservations", &json!({"restaurantNo": "10", "day": "20261124"}));
        assert_eq!(app.send(as_one(asked, guest)).expect(201)["customerId"], guest, "who acts need not be named");
    }
    app.settle();
    app
}

#[test]
fn every_route_has_a_row_and_every_row_a_route() {
    table().lists(yeyak_restaurant::declared());
}

#[test]
fn every_route_does_what_its_row_says() {
    let body = json!({"customerId": "2", "restaurantNo": "999", "day": "20261124", "point": 3, "paymentKey": "p"});
    table().holds(&mut two_guests(), at(NOW), &body);
}

#[test]
fn guests_see_of_others_what_is_taken_and_never_by_whom() {
    let mut app = two_guests();
    for path in [
        "/reservations",
        "/reservations/1",
        "/reservations/1/history",
        "/myPages",
        "/myPages/1",
        "/myPages/1/history",
        "/recommendations/1/history",
    ] {
        let mut says = |who: &str| app.send(as_one(Asked::get(path), who)).expect(200).to_string();
        let names = |text: &str| text.contains(r#""customerId":"1""#) || text.contains("person:1");
        assert!(names(&says("1")) && names(&says("kim")), "{path}");
        assert!(!names(&says("2")), "{path} tells 2 of 1: {}", says("2"));
    }
}

#[test]
fn a_guest_acts_for_themselves_alone_and_a_venue_that_nobody_added_is_none() {
    let mut app = two_guests();
    let code = |answer: testkit::Answer| answer.json()["code"].clone();
    assert_eq!(code(app.send(as_one(Asked::delete("/reservations/2"), "1"))), "not-the-guest");
    let rates = || Asked::new("PATCH", "/recommendations/2").json(&json!({"point": 1}));
    assert_eq!(code(app.send(as_one(rates(), "1"))), "not-the-guest");
    app.send(as_one(rates(), "2")).expect(200);
    app.send(as_one(Asked::delete("/reservations/2"), "2")).expect(204);
    let elsewhere = Asked::post("/reservations", &json!({"restaurantNo": "77", "day": "20261124"}));
    let refused = app.send(as_one(elsewhere, "1"));
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (404, &Value::from("no-such-venue")));
}
