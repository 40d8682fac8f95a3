//! What guests and restaurants do, step by step (seed 001).

use runtime::Fault;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Asked, Setup, TestApp, at};

use crate::agreement::Shown;
use crate::{IN_BROWSER, NOW, RESTAURANT, book};

fn app() -> TestApp {
    TestApp::start(RESTAURANT, at(NOW))
}

fn reserve(app: &mut TestApp, more: Value) -> testkit::Answer {
    let mut body = json!({"restaurantNo": "10", "day": "20261124"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post("/reservations", body)
}

fn agrees(app: &mut TestApp) {
    app.settle();
    app.verify();
    let shown = Shown::of(app);
    let wrong = shown.check(&book(app));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn row(app: &mut TestApp, path: &str) -> Value {
    app.get(path).expect(200)
}

#[test]
fn a_reservation_is_paid_confirmed_rated_and_taken_back() {
    let mut app = app();
    let made = reserve(&mut app, json!({})).expect(201);
    assert_eq!((&made["status"], &made["partySize"], &made["time"]), (&json!("DepositPayed"), &json!(2), &json!("11:30")));
    app.settle();
    for (path, status) in
        [("/reservations/1", "Reserved"), ("/deposits/1", "PayCompleted"), ("/restaurants/1", "Reserved"), ("/myPages/1", "Reserved")]
    {
        assert_eq!(row(&mut app, path)["status"], status, "{path}");
    }
    assert_eq!(row(&mut app, "/recommendations/1")["point"], Value::Null);
    app.send(Asked::new("PATCH", "/recommendations/1").json(&json!({"point": "5"}))).expect(200);
    app.settle();
    assert_eq!(row(&mut app, "/reservations/1")["status"], "Recommanded");
    agrees(&mut app);
    app.delete("/reservations/1").expect(204);
    app.delete("/reservations/1").expect(204);
    app.settle();
    for (path, status) in
        [("/reservations/1", "Canceled"), ("/deposits/1", "PayCanceled"), ("/restaurants/1", "Canceled"), ("/myPages/1", "Canceled")]
    {
        assert_eq!(row(&mut app, path)["status"], status, "{path}");
    }
    app.get("/recommendations/1").expect(404);
    agrees(&mut app);
    let steps = row(&mut app, "/myPages/1/history");
    let steps: Vec<_> = steps["_embedded"]["history"].as_array().unwrap().iter().map(|step| step["type"].as_str().unwrap()).collect();
    assert_eq!(steps, ["DepositPayed", "Reserved", "Recommanded", "Canceled"]);
}

#[test]
fn a_venue_that_nobody_added_gets_usual_rules_and_is_listed() {
    let mut app = app();
    reserve(&mut app, json!({"restaurantNo": "77"})).expect(201);
    app.settle();
    let venues = app.rows("venues");
    assert_eq!((venues.len(), &venues[0]["restaurantNo"], &venues[0]["seats"]), (1, &json!("77"), &Value::Null));
    app.post("/venues", json!({"restaurantNo": "77", "seats": 4})).refused(409, "venue-exists");
    app.send(Asked::new("PATCH", "/venues/1").json(&json!({"seats": 1}))).refused(409, "venue-reserved");
    for _ in 0..2 {
        let changed = app.send(Asked::new("PATCH", "/venues/1").json(&json!({"seats": 2}))).expect(200);
        assert_eq!(changed["seats"], 2, "also when nothing had to change");
        app.settle();
    }
    reserve(&mut app, json!({"restaurantNo": "77", "time": "11:30"})).refused(409, "sold-out");
    let unlimited = app.send(Asked::new("PATCH", "/venues/1").json(&json!({"seats": null}))).expect(200);
    assert_eq!(unlimited["seats"], Value::Null);
    reserve(&mut app, json!({"restaurantNo": "77", "time": "11:30"})).expect(201);
    agrees(&mut app);
}

#[test]
fn a_venue_that_stands_is_shown_to_who_adds_the_same() {
    let mut app = app();
    let wanted = |seats: u32| Asked::post("/venues", &json!({"restaurantNo": "10", "name": "Haengbok", "seats": seats}));
    let made = app.send(wanted(40)).expect(201);
    for _ in 0..2 {
        let again = app.send(wanted(40).once("k"));
        assert_eq!((again.expect(200), again.header("content-location")), (made.clone(), "/venues/1"));
    }
    app.send(wanted(50)).refused(409, "venue-exists");
    app.send(wanted(50).once("k")).refused(422, "idempotency-key-reused");
    assert_eq!(app.get("/venues/1/history").expect(200)["_embedded"]["history"].as_array().unwrap().len(), 1, "nothing happened");

    // What it is kept by now counts, not what it was once added with.
    app.send(Asked::new("PATCH", "/venues/1").json(&json!({"seats": 50}))).expect(200);
    app.send(wanted(40)).refused(409, "venue-exists");
    assert_eq!(app.send(wanted(50)).expect(200)["id"], 1);

    // It may have opened by itself, and the catalogue not have heard of it yet.
    reserve(&mut app, json!({"restaurantNo": "77"})).expect(201);
    assert_eq!(app.post("/venues", json!({"restaurantNo": "77"})).expect(200)["restaurantNo"], "77");
    app.post("/venues", json!({"restaurantNo": "77", "seats": 4})).refused(409, "venue-exists");
    assert_eq!(app.rows("venues").len(), 2);
    agrees(&mut app);
}

#[test]
fn of_several_who_add_the_same_venue_at_once_one_makes_it_and_all_are_shown_it() {
    for seed in 0..20 {
        let mut app = TestApp::with(RESTAURANT, Setup::at(at(NOW)).seeded(seed));
        let wanted = |seats: u32| Asked::post("/venues", &json!({"restaurantNo": "10", "seats": seats}));
        let answers = app.together([wanted(40), wanted(40), wanted(40)]);
        let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 201], "seed {seed}");
        assert!(answers.iter().all(|answer| answer.json()["id"] == answers[0].json()["id"]), "seed {seed}: {answers:#?}");
        assert_eq!(app.rows("venues").len(), 1);
    }
}

#[test]
fn whom_the_provider_declines_has_no_seats_and_leaves_nothing() {
    let mut app = app();
    // Two people at 5,201 won are 10,402, which the test provider declines.
    app.post("/venues", json!({"restaurantNo": "10", "seats": 2, "deposit": {"amount": "5201", "currency": "KRW"}})).expect(201);
    reserve(&mut app, json!({"time": "17:30"})).refused(409, "payment-declined");
    agrees(&mut app);
    assert!(app.rows("reservations").is_empty() && app.rows("deposits").is_empty());
    app.send(Asked::new("PATCH", "/venues/1").json(&json!({"deposit": {"amount": "5000", "currency": "KRW"}}))).expect(200);
    reserve(&mut app, json!({"time": "17:30"})).expect(201);
    agrees(&mut app);
}

#[test]
fn a_guest_pays_in_their_browser_while_the_seats_are_held() {
    let mut app = TestApp::start(IN_BROWSER, at(NOW));
    app.post("/venues", json!({"restaurantNo": "10", "seats": 2})).expect(201);
    let made = reserve(&mut app, json!({"time": "17:30"})).expect(201);
    assert_eq!(made["status"], "DepositPending");
    let link = made["checkout"].as_str().unwrap().to_owned();
    assert!(link.starts_with("https://pay.example/checkout/"), "{link}");
    reserve(&mut app, json!({"time": "17:30"})).refused(409, "sold-out");
    agrees(&mut app);
    let order = link.rsplit('/').next().unwrap().to_owned();
    let payment = book(&app).payable(&order).unwrap().to_owned();
    // A tracer of the guest's own goes with what is told, and is kept as it came.
    let traced = Asked::post("/reservations/1/payment", &json!({"paymentKey": payment}));
    let traced =
        traced.header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").header("tracestate", "a=1,\tb=2 , c=3");
    let paid = app.send(traced).expect(200);
    assert_eq!(paid["status"], "DepositPayed");
    agrees(&mut app);
    assert_eq!(row(&mut app, "/reservations/1")["status"], "Reserved");
    app.post("/reservations/1/payment", json!({"paymentKey": payment})).refused(409, "not-waiting");
}

#[test]
fn a_guest_whose_payment_is_refused_can_pay_otherwise() {
    let mut app = TestApp::start(IN_BROWSER, at(NOW));
    app.post("/venues", json!({"restaurantNo": "10", "seats": 2})).expect(201);
    let made = reserve(&mut app, json!({"time": "17:30"})).expect(201);
    let order = made["checkout"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let pays = |app: &mut TestApp, payment: &str| app.post("/reservations/1/payment", json!({"paymentKey": payment}));
    for _ in 0..3 {
        pays(&mut app, "nobody's").refused(409, "payment-not-found");
        agrees(&mut app);
        assert_eq!(row(&mut app, "/reservations/1"), made, "as if nobody had said anything");
        reserve(&mut app, json!({"time": "17:30"})).refused(409, "sold-out");
    }
    app.faults().set("restaurant/deposit", Fault { refuse: true, ..Fault::default() });
    let once = |payment: &str| Asked::post("/reservations/1/payment", &json!({"paymentKey": payment})).once("pays");
    let payment = book(&app).payable(&order).unwrap().to_owned();
    app.send(once(&payment)).refused(409, "refused-on-purpose");
    app.faults().set("restaurant/deposit", Fault { down: true, ..Fault::default() });
    app.send(once(&payment)).refused(503, "service-unavailable");
    assert_eq!(row(&mut app, "/reservations/1"), made, "nobody was asked for money, so nothing is lost");
    app.faults().clear();
    app.send(once(&payment)).expect(200);
    agrees(&mut app);
    assert_eq!(row(&mut app, "/reservations/1")["status"], "Reserved");
}

/// Nobody is charged for a table that could only be given back at once: it waits on, and can be paid a moment later.
#[test]
fn while_recommendation_cannot_be_asked_nobody_pays() {
    let mut app = TestApp::start(IN_BROWSER, at(NOW));
    let mut payments = Vec::new();
    for _ in 0..21 {
        let made = reserve(&mut app, json!({})).expect(201);
        let order = made["checkout"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        payments.push(json!({"paymentKey": book(&app).payable(&order).unwrap()}));
    }
    let (last, others) = payments.split_last().unwrap();
    app.faults().set("restaurant/recommendation", Fault { down: true, ..Fault::default() });
    for (id, payment) in (1..).zip(others) {
        app.post(&format!("/reservations/{id}/payment"), payment.clone()).refused(409, "taken-back");
    }
    app.post("/reservations/21/payment", last.clone()).refused(503, "service-unavailable");
    reserve(&mut app, json!({})).refused(503, "service-unavailable");
    app.run();
    assert_eq!(row(&mut app, "/reservations/1")["status"], "Canceled", "who paid first was given it back");
    assert_eq!(row(&mut app, "/reservations/21")["status"], "DepositPending", "who paid last was not asked to");
    app.faults().clear();
    app.advance(Duration::from_secs(2));
    app.post("/reservations/21/payment", last.clone()).expect(200);
    agrees(&mut app);
    assert_eq!(row(&mut app, "/reservations/21")["status"], "Reserved");
}

#[test]
fn who_does_not_pay_in_time_loses_the_seats_and_nothing_else() {
    let mut app = TestApp::start(IN_BROWSER, at(NOW));
    app.post("/venues", json!({"restaurantNo": "10", "seats": 2})).expect(201);
    reserve(&mut app, json!({"time": "17:30"})).expect(201);
    app.advance(Duration::from_secs(601));
    agrees(&mut app);
    assert_eq!(row(&mut app, "/reservations/1")["status"], "Canceled");
    reserve(&mut app, json!({"time": "17:30"})).expect(201);
    app.delete("/reservations/2").expect(204);
    agrees(&mut app);
    assert_eq!(row(&mut app, "/reservations/2")["status"], "Canceled");
}

#[test]
fn a_guest_who_does_not_come_is_marked_and_the_deposit_kept() {
    let mut app = app();
    reserve(&mut app, json!({"day": "20261123", "time": "11:30"})).expect(201);
    app.settle();
    app.post("/reservations/1/no-show", json!({})).refused(409, "sitting-ahead");
    app.advance_to(at("2026-11-23T11:40:00+09:00"));
    app.post("/reservations/1/no-show", json!({})).expect(204);
    app.delete("/reservations/1").refused(409, "sitting-begun");
    agrees(&mut app);
    assert_eq!(row(&mut app, "/deposits/1")["status"], "PayKept");
}

/// The number of the reservation is the id of what every service keeps of it.
#[test]
fn whatever_is_of_a_reservation_is_found_by_its_number() {
    let mut app = app();
    (0..2).for_each(|_| drop(reserve(&mut app, json!({})).expect(201)));
    app.settle();
    for collection in ["deposits", "recommendations", "restaurants", "myPages"] {
        let mut numbers = |query: &str| -> Vec<u64> {
            let page = row(&mut app, &format!("/{collection}?{query}"));
            page["_embedded"][collection].as_array().unwrap().iter().map(|row| row["reservationNo"].as_u64().unwrap()).collect()
        };
        assert_eq!(numbers("reservationNo=2"), [2], "{collection}");
        assert!(numbers("reservationNo=2&id=1").is_empty(), "{collection}");
        assert_eq!(numbers("sort=reservationNo,desc"), [2, 1], "{collection}");
    }
}
