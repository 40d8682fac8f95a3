//! The flows of the seed, from the first booking to the end of a maintenance, and with services down.

use std::time::Duration;

use crate::MEETINGROOM;
use runtime::Fault;
use serde_json::{Value, json};
use testkit::{TestApp, at};

fn app() -> TestApp {
    TestApp::start(MEETINGROOM, at("2026-11-23T10:05:00+09:00"))
}

fn room(app: &mut TestApp) -> Value {
    app.post("/rooms", json!({"floor": "3", "name": "Hangang", "capacity": "8"})).expect(201)["id"].clone()
}

fn reserve(app: &mut TestApp, user: &str, room: &Value) -> Value {
    app.post("/reserves", json!({"userId": user, "roomId": room})).expect(201)["id"].clone()
}

fn start(app: &mut TestApp, user: &str, room: &Value, reserve: &Value) -> Value {
    app.post("/conferences", json!({"userId": user, "roomId": room, "reserveId": reserve})).expect(201)["id"].clone()
}

/// What catalogue and schedule show of a room once everything has been handled: status, status, reservation, person.
#[track_caller]
fn shows(app: &mut TestApp, room: &Value, status: &str, reserve: &Value, user: Value) {
    app.settle();
    assert_eq!(app.get(&format!("/rooms/{room}")).expect(200)["status"], status);
    for path in ["roomTables", "reserveTables"] {
        let table = app.get(&format!("/{path}/{room}")).expect(200);
        let shown = [&table["roomId"], &table["status"], &table["reserveId"], &table["userId"]];
        assert_eq!(shown, [room, &json!(status), reserve, &user]);
    }
}

fn down(app: &TestApp, service: &str) {
    app.faults().set(&format!("meetingroom/{service}"), Fault { down: true, ..Fault::default() });
}

#[test]
fn a_room_goes_through_all_its_states() {
    let mut app = app();
    let room = room(&mut app);
    shows(&mut app, &room, "Available", &Value::Null, Value::Null);

    let mine = reserve(&mut app, "1", &room);
    shows(&mut app, &room, "Reserved", &mine, json!("1"));
    let problem = app.post("/reserves", json!({"userId": "2", "roomId": room})).refused(409, "slot-taken");
    assert_eq!(problem["inTheWay"]["reserveId"], mine);
    app.post("/maintenances", json!({"roomId": room})).refused(409, "reserved");
    app.post("/conferences", json!({"userId": "2", "roomId": room, "reserveId": mine})).refused(403, "not-the-reserver");

    let meeting = start(&mut app, "1", &room, &mine);
    shows(&mut app, &room, "Started", &mine, json!("1"));
    assert_eq!(app.post("/reserves", json!({"userId": "1", "roomId": room})).expect(200)["id"], mine);
    app.delete(&format!("/reserves/{mine}")).refused(409, "already-started");
    app.delete(&format!("/conferences/{meeting}")).expect(204);
    shows(&mut app, &room, "Available", &Value::Null, Value::Null);
    app.post("/conferences", json!({"userId": "1", "roomId": room, "reserveId": mine})).refused(409, "not-startable");

    let other = reserve(&mut app, "2", &room);
    app.delete(&format!("/reserves/{other}")).expect(204);
    shows(&mut app, &room, "Available", &Value::Null, Value::Null);

    let repair = app.post("/maintenances", json!({"roomId": room})).expect(201)["id"].clone();
    shows(&mut app, &room, "Maintenance", &Value::Null, Value::Null);
    app.post("/reserves", json!({"userId": "1", "roomId": room})).refused(409, "under-maintenance");
    app.delete(&format!("/maintenances/{repair}")).expect(204);
    shows(&mut app, &room, "Available", &Value::Null, Value::Null);
}

#[test]
fn a_reservation_that_nobody_starts_expires_by_itself() {
    let mut app = app();
    let room = room(&mut app);
    let mine = reserve(&mut app, "1", &room);
    app.advance(Duration::from_secs(15 * 60 - 1));
    shows(&mut app, &room, "Reserved", &mine, json!("1"));
    app.advance(Duration::from_secs(1));
    shows(&mut app, &room, "Available", &Value::Null, Value::Null);
    assert_eq!(app.get(&format!("/reserves/{mine}")).expect(200)["status"], "Expired");
}

#[test]
fn a_meeting_ends_with_its_slot() {
    let mut app = app();
    let room = room(&mut app);
    let mine = reserve(&mut app, "1", &room);
    let meeting = start(&mut app, "1", &room, &mine);
    app.advance_to(at("2026-11-23T11:50:00+09:00"));
    shows(&mut app, &room, "Available", &Value::Null, Value::Null);
    let meeting = app.get(&format!("/conferences/{meeting}")).expect(200);
    assert_eq!((&meeting["status"], &meeting["endedAt"]), (&json!("Ended"), &json!("2026-11-23T02:50:00Z")));
}

#[test]
fn a_maintenance_begins_and_ends_by_itself() {
    let mut app = app();
    let room = room(&mut app);
    let body = json!({"roomId": room, "from": "2026-11-23T10:30:00+09:00", "until": "2026-11-23T11:00:00+09:00"});
    let repair = app.post("/maintenances", body).expect(201)["id"].clone();
    shows(&mut app, &room, "Available", &Value::Null, Value::Null);
    app.advance_to(at("2026-11-23T10:30:00+09:00"));
    shows(&mut app, &room, "Maintenance", &Value::Null, Value::Null);
    app.advance_to(at("2026-11-23T11:00:00+09:00"));
    shows(&mut app, &room, "Available", &Value::Null, Value::Null);
    assert_eq!(app.get(&format!("/maintenances/{repair}")).expect(200)["status"], "Ended");
}

#[test]
fn everything_but_adding_rooms_goes_on_while_room_is_down() {
    let mut app = app();
    let (room, other) = (room(&mut app), room(&mut app));
    down(&app, "room");
    let (mine, cancelled) = (reserve(&mut app, "7", &room), reserve(&mut app, "8", &other));
    app.delete(&format!("/reserves/{cancelled}")).expect(204);
    let meeting = start(&mut app, "7", &room, &mine);
    app.post("/rooms", json!({"floor": "3"})).expect(503);
    app.faults().clear();
    shows(&mut app, &room, "Started", &mine, json!("7"));
    down(&app, "room");
    app.delete(&format!("/conferences/{meeting}")).expect(204);
    app.faults().clear();
    shows(&mut app, &room, "Available", &Value::Null, Value::Null);
    shows(&mut app, &other, "Available", &Value::Null, Value::Null);
}

#[test]
fn no_meeting_and_no_maintenance_starts_while_reserve_is_down_and_nothing_is_left_of_the_try() {
    let mut app = app();
    let (room, free) = (room(&mut app), room(&mut app));
    let mine = reserve(&mut app, "7", &room);
    down(&app, "reserve");
    let before = app.clock().next_wake();
    let answer = app.post("/conferences", json!({"userId": "7", "roomId": room, "reserveId": mine}));
    assert_eq!(answer.expect(503)["service"], "reserve");
    assert_ne!(answer.header("retry-after"), "", "{before:?}");
    app.post("/maintenances", json!({"roomId": free})).expect(503);
    app.post("/rooms", json!({"floor": "9"})).expect(503);
    app.faults().clear();
    app.settle();
    assert_eq!((app.rows("conferences").len(), app.rows("maintenances").len(), app.rows("rooms").len()), (0, 0, 2));
    start(&mut app, "7", &room, &mine);
    app.post("/maintenances", json!({"roomId": free})).expect(201);
}

#[test]
fn a_service_that_was_down_catches_up_also_after_a_restart() {
    let mut app = app();
    let room = room(&mut app);
    down(&app, "schedule");
    down(&app, "room");
    let mine = reserve(&mut app, "7", &room);
    app.restart();
    app.faults().clear();
    shows(&mut app, &room, "Reserved", &mine, json!("7"));
}

#[test]
fn a_slot_offers_to_be_reserved_when_it_can_be() {
    let mut app = TestApp::start(MEETINGROOM, at("2026-11-23T10:05:00+09:00"));
    for rule in ["same-day", "slot-start", "days-ahead:1"] {
        app.post("/rooms", json!({"floor": "1", "openingRule": rule, "slots": "08:00-09:50,10:00-11:50,12:00-13:50"})).expect(201);
    }
    app.settle();
    let mut offered = Vec::new();
    for (now, date) in
        [("10:05", "2026-11-23"), ("11:55", "2026-11-23"), ("12:00", "2026-11-23"), ("12:30", "2026-11-24"), ("12:30", "2026-11-25")]
    {
        app.advance_to(at(&format!("2026-11-23T{now}:00+09:00")));
        let slots = app.get(&format!("/roomSlots?date={date}")).expect(200)["_embedded"]["roomSlots"].as_array().unwrap().clone();
        for slot in slots {
            let is_offered = slot["_links"]["reserve"]["method"] == "POST";
            let made =
                app.post("/reserves", json!({"userId": "1", "roomId": slot["roomId"], "date": date, "startTime": slot["startTime"]}));
            assert_eq!(made.status == 201, is_offered, "{now}: {slot} was answered {}", made.text);
            if is_offered {
                app.delete(made.header("location")).expect(204);
                app.settle();
                offered.push(format!("{now} {} {}", &date[8..], slot["id"]));
            }
        }
    }
    let expected = ["10:05 23 102", "10:05 23 103", "10:05 23 202", "10:05 23 302", "10:05 23 303", "11:55 23 103", "11:55 23 303"];
    let later = ["12:00 23 103", "12:00 23 203", "12:00 23 303", "12:30 24 301", "12:30 24 302", "12:30 24 303"];
    assert_eq!(offered, [&expected[..], &later].concat());
}
