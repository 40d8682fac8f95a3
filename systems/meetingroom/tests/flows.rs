//! The flows of the seed, from the first booking to the end of a maintenance.
#![allow(clippy::unwrap_used)]

mod common;

use common::MEETINGROOM;
use serde_json::json;
use testkit::{TestApp, at};

#[test]
fn a_room_is_reserved_used_and_given_back() {
    let mut app = TestApp::start(MEETINGROOM, at("2026-11-23T10:05:00+09:00"));
    let room = app.post("/rooms", json!({"floor": "3", "name": "Hangang"})).expect(201);
    let reserve = app.post("/reserves", json!({"userId": "1", "roomId": room["id"]})).expect(201);
    app.settle();
    let table = &app.rows("roomTables")[0];
    assert_eq!((&table["status"], &table["reserveId"], &table["userId"]), (&json!("Reserved"), &reserve["id"], &json!("1")));
}
