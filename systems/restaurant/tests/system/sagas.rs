//! Every saga of the system, under every mishap that the test kit knows.

use serde_json::json;
use testkit::sagas::SagaCase;
use testkit::{Asked, Subject, TestApp, at};

use crate::agreement::{SEATS, Shown};
use crate::{NOW, RESTAURANT, book};

/// How many reservations stand, once everything agrees.
fn standing(app: &mut TestApp) -> usize {
    let shown = Shown::read(&mut |path| app.get(path));
    let wrong = shown.check(&book(app));
    assert!(wrong.is_empty(), "{wrong:#?}");
    shown.standing()
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
    survives(RESTAURANT, &SagaCase { prepare: &prepare, standing: &standing, insists: false });
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
    survives(RESTAURANT, &SagaCase { prepare: &prepare, standing: &refunded, insists: true });
}

#[test]
fn adding_a_venue() {
    let prepare = |_: &mut TestApp| Asked::post("/venues", &json!({"restaurantNo": "small", "seats": SEATS}));
    let listed = |app: &mut TestApp| app.rows("venues").len();
    survives(RESTAURANT, &SagaCase { prepare: &prepare, standing: &listed, insists: false });
}

#[test]
fn changing_a_venue() {
    let prepare = |app: &mut TestApp| {
        venue(app);
        Asked::new("PATCH", "/venues/1").json(&json!({"seats": 8}))
    };
    let changed = |app: &mut TestApp| app.rows("venues").iter().filter(|row| row["seats"] == 8).count();
    survives(RESTAURANT, &SagaCase { prepare: &prepare, standing: &changed, insists: false });
}

#[test]
fn there_are_no_other_sagas() {
    let spec = yeyak_restaurant::spec();
    let sagas: Vec<_> = spec.services.iter().flat_map(|service| service.sagas()).collect();
    assert_eq!(sagas, ["make-reservation", "take-money", "confirm-money", "give-money-back", "add-venue", "change-venue"]);
}
