//! Who may do what, once callers prove who they are: every route against a table, and what guests see of each other.

use std::sync::Arc;

use edge::auth::Role;
use serde_json::{Value, json};
use testkit::callers::{self, WhoTable};
use testkit::{Asked, Subject, TestApp, at};

use crate::{NOW, RESTAURANT, book};

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
        "/recommendations",
        "/recommendations/1",
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

/// Who looks: the guest whose it is, another, an operator, and an administrator.
const READERS: [(&str, &[Role]); 4] = [("1", &[]), ("2", &[]), ("lee", &[Role::Operator]), ("kim", &[Role::Administrator])];

#[test]
fn what_is_offered_is_what_its_reader_may_do() {
    let mut app = two_guests();
    let check = |app: &mut TestApp, now: &str, item: &str, moves: [&[&str]; 4]| {
        let offered = callers::offered(app, at(now), item, &READERS, &json!({"point": 3, "paymentKey": "p"}));
        assert_eq!(offered, moves, "{item}");
    };
    check(&mut app, NOW, "/reservations/1", [&["cancel"], &[], &[], &["cancel"]]);
    check(&mut app, NOW, "/recommendations/1", [&["rate"], &[], &[], &["rate"]]);
    let free = app.send(as_one(Asked::get("/availability?restaurantNo=10&day=20261124"), "2")).expect(200);
    assert_eq!(free["_embedded"]["availability"][0]["_links"]["reserve"]["method"], "POST", "what is nobody's is for everyone");
    app.advance_to(at("2026-11-24T11:30:00+09:00"));
    check(&mut app, "2026-11-24T11:30:00+09:00", "/reservations/1", [&[], &[], &["no-show"], &["no-show"]]);
}

#[test]
fn what_waits_to_be_paid_offers_that_to_its_guest() {
    let mut app = TestApp::start(Subject { routes: GUARDED.routes, ..crate::IN_BROWSER }, at(NOW));
    app.send(as_one(Asked::post("/venues", &json!({"restaurantNo": "10"})), "kim")).expect(201);
    let asked = Asked::post("/reservations", &json!({"restaurantNo": "10", "day": "20261124"}));
    let made = app.send(as_one(asked, "1"));
    assert_eq!(made.expect(201)["_links"]["pay"]["href"], "/reservations/1/payment");
    let shown = app.send(as_one(Asked::get("/reservations/1"), "1"));
    assert_eq!((made.json(), made.header("etag")), (shown.json(), shown.header("etag")), "what is made is shown as it stands");
    let offered = callers::offered(&mut app, at(NOW), "/reservations/1", &READERS, &json!({"paymentKey": "p"}));
    assert_eq!(offered, [vec!["cancel", "pay"], vec![], vec![], vec!["cancel", "pay"]]);
}

#[test]
fn by_what_a_deposit_is_paid_is_its_guests_to_know() {
    let mut app = TestApp::start(Subject { routes: GUARDED.routes, ..crate::IN_BROWSER }, at(NOW));
    app.send(as_one(Asked::post("/venues", &json!({"restaurantNo": "10"})), "kim")).expect(201);
    let own: &[(&str, bool)] = &[("1", true), ("2", false), ("lee", true), ("kim", true)];
    let mut listens =
        |path| own.iter().map(|(who, sees)| (app.listen(as_one(Asked::get(path), who), 100), path, *who, *sees)).collect::<Vec<_>>();
    let lives = [listens("/reservations/stream"), listens("/deposits/stream")].into_iter().flatten();
    let mut orders = Vec::new();
    // Of two of the same guest, the first waits to be paid, and the second is.
    for id in [1, 2] {
        let asked = Asked::post("/reservations", &json!({"restaurantNo": "10", "day": "20261124"}));
        let made = app.send(as_one(asked, "1")).expect(201);
        let order = made["checkout"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        if id == 2 {
            let payment = book(&app).payable(&order).unwrap().to_owned();
            let pay = Asked::post("/reservations/2/payment", &json!({"paymentKey": payment}));
            app.send(as_one(pay, "1")).expect(200);
            let shown = app.send(as_one(Asked::get("/deposits/2"), "1")).expect(200);
            orders.extend([payment, shown["payment"].as_str().unwrap().to_owned()]);
        }
        orders.push(order);
    }
    app.settle();
    let names = |text: &str| orders.iter().any(|order| text.contains(order.as_str()));
    let past: &[(&str, bool)] = &[("2", false)];
    for (path, readers) in [
        ("/reservations", own),
        ("/reservations/1", own),
        ("/deposits", own),
        ("/deposits/1", own),
        ("/deposits/2", own),
        ("/reservations/1/history", past),
        ("/reservations/2/history", past),
        ("/deposits/1/history", past),
        ("/deposits/2/history", past),
        ("/myPages/1/history", past),
        ("/restaurants/2/history", past),
        ("/recommendations/2/history", past),
    ] {
        for (who, sees) in readers {
            let says = app.send(as_one(Asked::get(path), who)).expect(200).to_string();
            assert_eq!(names(&says), *sees, "{path} tells {who} {says}");
        }
    }
    app.send(as_one(Asked::get(format!("/deposits?payment={}", orders[0])), "2")).refused(403, "not-yourself");
    app.send(as_one(Asked::get("/deposits?sort=payment"), "2")).refused(403, "not-yourself");
    for (live, path, who, sees) in lives {
        let told = format!("{:?}", live.events());
        assert_eq!(
            (told.contains("DepositPending") || told.contains("PayRequested"), names(&told)),
            (true, sees),
            "{path} tells {who} {told}"
        );
    }
}

#[test]
fn a_tag_is_of_the_moves_that_its_reader_is_offered() {
    let mut app = two_guests();
    for (reader, forbidden) in [("2", "not-the-guest"), ("lee", "not-the-guest"), ("1", "")] {
        let seen = app.send(as_one(Asked::get("/reservations/1"), reader)).header("etag").to_owned();
        assert_eq!(app.send(as_one(Asked::get("/reservations/1").header("if-none-match", &seen), reader)).status, 304, "{reader}");
        // What somebody has seen is what they can expect; whether they may do it is another matter.
        let answer = app.send(as_one(Asked::delete("/reservations/1").header("if-match", seen), reader));
        let _ = match forbidden {
            "" => answer.expect(204),
            code => answer.refused(403, code),
        };
    }
}
