//! Until when a deposit can be paid: for ten minutes, and never once the sitting has begun.

use serde_json::json;
use testkit::{TestApp, at};

use crate::{IN_BROWSER, NOW, book};

/// Two people who reserve the sitting from 10:06 to 10:07 at 10:05, and what the provider calls their payment.
fn pending() -> (TestApp, String) {
    let mut app = TestApp::start(IN_BROWSER, at(NOW));
    app.post("/venues", json!({"restaurantNo": "10", "sittings": "10:06-10:07", "seats": 2})).expect(201);
    let made = app.post("/reservations", json!({"restaurantNo": "10", "day": "20261123"})).expect(201);
    assert_eq!((made["status"].as_str(), &made["payUntil"]), (Some("DepositPending"), &made["startsAt"]));
    let order = made["checkout"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let payment = book(&app).payable(&order).unwrap().to_owned();
    (app, payment)
}

#[test]
fn a_deposit_is_paid_until_the_sitting_begins() {
    let (mut app, payment) = pending();
    app.advance_to(at("2026-11-23T10:05:59+09:00"));
    app.post("/reservations/1/payment", json!({"paymentKey": payment})).expect(200);
    app.settle();
    assert_eq!(app.get("/reservations/1").expect(200)["status"], "Reserved");
}

#[test]
fn none_is_taken_once_it_has_begun() {
    for now in ["2026-11-23T10:06:00+09:00", "2026-11-23T10:06:59+09:00", "2026-11-23T10:07:00+09:00", "2026-11-23T10:07:30+09:00"] {
        let (mut app, payment) = pending();
        app.advance_to(at(now));
        app.post("/reservations/1/payment", json!({"paymentKey": payment})).refused(409, "not-waiting");
        app.settle();
        assert_eq!(app.get("/reservations/1").expect(200)["status"], "Canceled", "{now}");
        // They have heard of its end, and never had anything of it to show.
        for collection in ["restaurants", "recommendations"] {
            app.get(&format!("/{collection}/1/history")).expect(404);
        }
        assert_eq!(book(&app).kept(), 0, "{now}");
    }
}
