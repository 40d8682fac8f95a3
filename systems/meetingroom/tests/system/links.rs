//! Every link leads somewhere, also where the system is served below its name.

use axum::Router;
use serde_json::json;
use testkit::links::follow_all;
use testkit::{Asked, Subject, TestApp, at};

use crate::MEETINGROOM;

/// The system below its name, as it is served beside others.
const BELOW: Subject = Subject {
    routes: |system| {
        let (entry, settings) = (edge::Entry::open(edge::Limits::default()), yeyak_meetingroom::Settings::default());
        Router::new().nest("/meetingroom", yeyak_meetingroom::routes(system, "/meetingroom", &entry, &settings))
    },
    ..MEETINGROOM
};

#[test]
fn every_link_leads_to_what_it_names() {
    let mut app = TestApp::start(BELOW, at("2026-11-23T10:05:00+09:00"));
    for floor in ["1", "2"] {
        app.post("/meetingroom/rooms", json!({"floor": floor})).expect(201);
    }
    let made = app.post("/meetingroom/reserves", json!({"userId": "1", "roomId": 1}));
    made.expect(201);
    assert_eq!(made.header("location"), "/meetingroom/reserves/1");
    app.post("/meetingroom/conferences", json!({"userId": "1", "roomId": 1, "reserveId": 1})).expect(201);
    app.post("/meetingroom/maintenances", json!({"roomId": 2, "until": "2026-11-23T12:00:00+09:00"})).expect(201);
    app.send(Asked::post("/meetingroom/reserves", &json!({"userId": "2", "roomId": 1, "startTime": "14:00"}))).expect(201);
    app.settle();
    let collections = yeyak_meetingroom::declared().into_iter().filter(|route| route.method == "GET" && !route.path.contains('{'));
    let paths =
        collections.map(|route| format!("/meetingroom{}{}", route.path, if route.path.ends_with("/stream") { "" } else { "?size=1" }));
    let found = follow_all(&mut app, paths);
    for item in ["reserves/1", "reserves/1/history", "conferences/1/history", "roomTables?page=1&size=1", "maintenances/1", "rooms/2"] {
        assert!(found.contains(&format!("/meetingroom/{item}")), "{item} is among {found:#?}");
    }
}
