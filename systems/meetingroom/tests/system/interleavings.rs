//! Nothing depends on which service hears of what first.

use crate::MEETINGROOM;
use crate::agreement::Shown;
use serde_json::{Value, json};
use testkit::interleaving::any_interleaving;
use testkit::{TestApp, at};

fn story(app: &mut TestApp) {
    for floor in ["1", "2", "3"] {
        app.post("/rooms", json!({"floor": floor})).expect(201);
    }
    for (user, room) in [("a", 1), ("b", 2)] {
        app.post("/reserves", json!({"userId": user, "roomId": room})).expect(201);
        app.post("/conferences", json!({"userId": user, "roomId": room, "reserveId": room})).expect(201);
    }
    app.post("/maintenances", json!({"roomId": 3, "until": "2026-11-23T15:00:00+09:00"})).expect(201);
    app.delete("/conferences/1").expect(204);
    app.post("/reserves", json!({"userId": "c", "roomId": 1, "startTime": "14:00"})).expect(201);
    app.post("/reserves", json!({"userId": "d", "roomId": 2, "startTime": "14:00"})).expect(201);
    app.delete("/reserves/4").expect(204);
    app.delete("/maintenances/1").expect(204);
    app.post("/reserves", json!({"userId": "e", "roomId": 2, "startTime": "16:00"})).expect(201);
}

/// Everything but the instants, which are those of handling.
fn shown(app: &mut TestApp) -> Value {
    use clock::Clock;

    let now = app.clock().now();
    let shown = Shown::read(now, &mut |path| app.get(path));
    let statuses = |rows: &[Value]| rows.iter().map(|row| json!([row["id"], row["status"], row["reserveId"]])).collect::<Vec<_>>();
    let all = [&shown.rooms, &shown.reserves, &shown.conferences, &shown.maintenances, &shown.tables].map(|rows| statuses(rows));
    let wrong = shown.check(&mut |path| app.get(path));
    assert!(wrong.is_empty(), "{wrong:#?}");
    json!(all)
}

#[test]
fn the_end_is_the_same_in_whatever_order_things_are_heard_of() {
    any_interleaving(MEETINGROOM, at("2026-11-23T10:05:00+09:00"), 0..25, story, shown);
}
