//! The faults of the original (originals.md), and services that are away: none of them leaves anything half done.

use std::time::Duration;

use runtime::Fault;
use serde_json::json;
use testkit::{Asked, TestApp, at};

use crate::agreement::Shown;
use crate::{NOW, RESTAURANT, book};

fn app() -> TestApp {
    TestApp::start(RESTAURANT, at(NOW))
}

fn wanted(guest: &str) -> Asked {
    Asked::post("/reservations", &json!({"restaurantNo": "11", "day": "20261124", "customerId": guest}))
}

fn agrees(app: &mut TestApp) -> usize {
    app.settle();
    app.verify();
    let shown = Shown::of(app);
    let wrong = shown.check(&book(app));
    assert!(wrong.is_empty(), "{wrong:#?}");
    shown.standing()
}

/// Fault: a late failure leaves deposit and recommendation behind.
#[test]
fn without_deposit_or_recommendation_there_is_no_reservation_and_nothing_is_kept() {
    let down = Fault { down: true, ..Fault::default() };
    let slow = Fault { delay: Duration::from_secs(3), ..Fault::default() };
    for (service, fault) in [("deposit", down), ("deposit", slow), ("recommendation", down), ("recommendation", slow)] {
        let mut app = app();
        app.faults().set(&format!("restaurant/{service}"), fault);
        let answer = app.send(wanted("7"));
        assert_eq!(answer.status, 503, "{service}: {}", answer.text);
        assert!(answer.headers.contains_key("retry-after"));
        app.faults().clear();
        assert_eq!(agrees(&mut app), 0, "{service}");
        assert_eq!(book(&app).kept(), 0);
        app.send(wanted("7")).expect(201);
        assert_eq!(agrees(&mut app), 1);
    }
}

/// Required: "Restaurant down: the reservation is taken all the same and confirmed later".
#[test]
fn while_restaurant_is_away_reservations_are_taken_and_confirmed_later() {
    let mut app = app();
    app.faults().set("restaurant/restaurant", Fault { down: true, ..Fault::default() });
    let made = app.send(wanted("7")).expect(201);
    app.run();
    assert_eq!(app.get(&format!("/reservations/{}", made["id"])).expect(200)["status"], "DepositPayed");
    app.faults().clear();
    assert_eq!(agrees(&mut app), 1);
    assert_eq!(app.get("/reservations/1").expect(200)["status"], "Reserved");
}

/// Fault: a rating updates a stranger's reservation.
#[test]
fn a_rating_reaches_the_right_reservation_also_while_reservation_is_away() {
    let mut app = app();
    // One that comes to nothing, so that counters would differ if each service counted for itself.
    app.faults().set("restaurant/recommendation", Fault { down: true, ..Fault::default() });
    app.send(wanted("6"));
    app.faults().clear();
    let one = app.send(wanted("7")).expect(201);
    let other = app.send(wanted("8")).expect(201);
    app.settle();
    app.faults().set("restaurant/reservation", Fault { down: true, ..Fault::default() });
    let rates = |who: &str| Asked::new("PATCH", format!("/recommendations/{}", other["id"])).json(&json!({"point": 4, "customerId": who}));
    assert_eq!(app.send(rates("7")).status, 403);
    app.send(rates("8")).expect(200);
    app.faults().clear();
    assert_eq!(agrees(&mut app), 2);
    let status = |app: &mut TestApp, id: &serde_json::Value| app.get(&format!("/reservations/{id}")).expect(200)["status"].clone();
    assert_eq!((status(&mut app, &one["id"]), status(&mut app, &other["id"])), (json!("Reserved"), json!("Recommanded")));
}

/// Fault: no capacity. One sitting, more guests than seats, all at once.
#[test]
fn a_sitting_is_sold_once() {
    let mut app = app();
    app.post("/venues", json!({"restaurantNo": "small", "seats": 4})).expect(201);
    let asked = (0..20).map(|guest| {
        let body = json!({"restaurantNo": "small", "day": "20261124", "time": "17:30", "partySize": 1 + guest % 2, "customerId": guest.to_string()});
        Asked::post("/reservations", &body)
    });
    let answers = app.together(asked);
    assert!(answers.iter().all(|answer| answer.status == 201 || answer.status == 409), "a 201 or a 409 each");
    agrees(&mut app);
    let free = app.get("/availability?restaurantNo=small&day=20261124&partySize=1").expect(200);
    let free: Vec<_> = free["_embedded"]["availability"].as_array().unwrap().iter().map(|one| one["time"].as_str().unwrap()).collect();
    assert_eq!(free, ["11:30", "13:00", "19:30"]);
}
