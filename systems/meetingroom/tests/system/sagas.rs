//! Every saga of the system, under every mishap that the test kit knows.

use crate::MEETINGROOM;
use crate::agreement::Shown;
use serde_json::json;
use testkit::sagas::SagaCase;
use testkit::{Asked, TestApp, at};

const NOW: &str = "2026-11-23T10:05:00+09:00";

fn room(app: &mut TestApp) -> u64 {
    app.post("/rooms", json!({"floor": "3"})).expect(201)["id"].as_u64().unwrap()
}

/// How many rows of a collection stand, once everything agrees.
fn standing(app: &mut TestApp, collection: &str) -> usize {
    use clock::Clock;

    let now = app.clock().now();
    let shown = Shown::read(now, &mut |path| app.get(path));
    let count = match collection {
        "rooms" => shown.rooms.len(),
        "conferences" => shown.conferences.len(),
        _ => shown.maintenances.len(),
    };
    let wrong = shown.check(&mut |path| app.get(path));
    assert!(wrong.is_empty(), "{wrong:#?}");
    count
}

#[test]
fn adding_a_room() {
    let prepare = |_: &mut TestApp| Asked::post("/rooms", &json!({"floor": "4", "name": "Bukhansan"}));
    let case = SagaCase::new(&prepare, &|app| standing(app, "rooms"));
    case.survives_everything(MEETINGROOM, at(NOW));
}

#[test]
fn starting_a_meeting() {
    let prepare = |app: &mut TestApp| {
        let room = room(app);
        let reserve = app.post("/reserves", json!({"userId": "1", "roomId": room})).expect(201)["id"].clone();
        Asked::post("/conferences", &json!({"userId": "1", "roomId": room, "reserveId": reserve}))
    };
    let case = SagaCase::new(&prepare, &|app| standing(app, "conferences"));
    case.survives_everything(MEETINGROOM, at(NOW));
}

#[test]
fn closing_a_room() {
    let prepare = |app: &mut TestApp| Asked::post("/maintenances", &json!({"roomId": room(app), "until": "2026-11-23T20:00:00+09:00"}));
    let case = SagaCase::new(&prepare, &|app| standing(app, "maintenances"));
    case.survives_everything(MEETINGROOM, at(NOW));
}

#[test]
fn there_are_no_other_sagas() {
    let spec = yeyak_meetingroom::spec();
    let sagas: Vec<_> = spec.services.iter().flat_map(|service| service.sagas()).collect();
    assert_eq!(sagas, ["start-meeting", "add-room", "block-room"]);
}
