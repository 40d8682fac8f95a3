//! Every saga of the system, under every mishap that the test kit knows.

use std::time::Duration;

use serde_json::json;
use testkit::sagas::SagaCase;
use testkit::{Asked, Subject, TestApp, at};

use crate::agreement::{SEATS, Shown};
use crate::{IN_BROWSER, NOW, RESTAURANT, book};

/// For how long seats are held for a guest who pays in their browser.
const TIME_TO_PAY: Duration = Duration::from_secs(600);

/// How many reservations stand and are paid, once everything agrees.
fn standing(app: &mut TestApp) -> usize {
    let shown = Shown::of(app);
    let wrong = shown.check(&book(app));
    assert!(wrong.is_empty(), "{wrong:#?}");
    shown.standing() - shown.pending().count()
}

fn venue(app: &mut TestApp) {
    app.post("/venues", json!({"restaurantNo": "small", "seats": SEATS})).expect(201);
}

fn wanted() -> Asked {
    Asked::post("/reservations", &json!({"restaurantNo": "small", "day": "20261124", "time": "17:30", "customerId": "7"}))
}

fn survives(subject: Subject, case: &SagaCase<'_>) {
    case.survives_everything(subject, at(NOW));
}

#[test]
fn making_a_reservation() {
    let prepare = |app: &mut TestApp| {
        venue(app);
        wanted()
    };
    survives(RESTAURANT, &SagaCase::new(&prepare, &standing));
}

/// Together with `confirm-money`, which takes what the guest has agreed to.
#[test]
fn making_a_reservation_that_is_paid_in_the_browser() {
    let prepare = |app: &mut TestApp| {
        venue(app);
        wanted()
    };
    let pays = |app: &mut TestApp| {
        let shown = Shown::of(app);
        let newest = shown.pending().last().unwrap();
        let order = newest["checkout"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let payment = book(app).payable(&order).unwrap().to_owned();
        Asked::post(format!("/reservations/{}/payment", newest["id"]), &json!({"paymentKey": payment, "customerId": "7"}))
    };
    survives(IN_BROWSER, &SagaCase::new(&prepare, &standing).waits(TIME_TO_PAY, &pays));
}

#[test]
fn taking_a_reservation_back() {
    let prepare = |app: &mut TestApp| {
        venue(app);
        let made = app.send(wanted()).expect(201);
        Asked::delete(format!("/reservations/{}", made["id"]))
    };
    // What stands of it is what was given back.
    let refunded = |app: &mut TestApp| {
        standing(app);
        app.rows("deposits").iter().filter(|row| row["status"] == "PayCanceled").count()
    };
    // A refund that was refused is seen, and made once somebody asks for it again.
    let seen_to = |app: &mut TestApp| {
        assert_eq!(app.rows("deposits")[0]["status"], "PayCancelFailed");
        Asked::post("/deposits/1/refund", &json!({}))
    };
    survives(RESTAURANT, &SagaCase::new(&prepare, &refunded).insists(&seen_to));
}

#[test]
fn adding_a_venue() {
    let prepare = |_: &mut TestApp| Asked::post("/venues", &json!({"restaurantNo": "small", "seats": SEATS}));
    let listed = |app: &mut TestApp| app.rows("venues").len();
    survives(RESTAURANT, &SagaCase::new(&prepare, &listed));
}

#[test]
fn changing_a_venue() {
    let prepare = |app: &mut TestApp| {
        venue(app);
        Asked::new("PATCH", "/venues/1").json(&json!({"seats": 8}))
    };
    let changed = |app: &mut TestApp| app.rows("venues").iter().filter(|row| row["seats"] == 8).count();
    survives(RESTAURANT, &SagaCase::new(&prepare, &changed));
}

#[test]
fn there_are_no_other_sagas() {
    let spec = yeyak_restaurant::spec();
    let sagas: Vec<_> = spec.services.iter().flat_map(|service| service.sagas()).collect();
    assert_eq!(sagas, ["make-reservation", "take-money", "confirm-money", "give-money-back", "add-venue", "change-venue"]);
}
