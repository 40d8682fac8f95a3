//! What became of a request, as whoever explains it to somebody reads it.

use std::time::Duration;

use edge::story;
use runtime::Fault;
use serde_json::{Value, json};
use testkit::{TestApp, at};

use crate::MEETINGROOM;

fn app() -> TestApp {
    let mut app = TestApp::start(MEETINGROOM, at("2026-11-23T10:05:00+09:00"));
    app.post("/rooms", json!({"floor": "3"})).expect(201);
    app
}

/// The id of the story in which this row was made, as its history shows it.
fn of(app: &mut TestApp, row: &str) -> String {
    let history = app.get(&format!("/{row}/history")).expect(200);
    history["_embedded"]["history"][0]["correlation"].as_str().unwrap().to_owned()
}

fn told(app: &mut TestApp, correlation: &str) -> Vec<Value> {
    let system = app.system().clone();
    let told = app.wait_for(system.story(correlation)).unwrap();
    let (entries, is_whole) = story::entries(&[(system.name(), told)]);
    assert!(is_whole);
    entries
}

#[track_caller]
fn reads(entries: &[Value], expected: &[&str]) {
    let line = |entry: &Value| format!("{}{}", "> ".repeat(entry["depth"].as_u64().unwrap() as usize), entry["says"].as_str().unwrap());
    let lines: Vec<_> = entries.iter().map(line).collect();
    assert_eq!(lines, expected, "{lines:#?}");
}

#[test]
fn a_reservation_is_told_from_its_request_to_its_end() {
    let mut app = app();
    app.post("/reserves", json!({"userId": "7", "roomId": 1})).expect(201);
    app.post("/conferences", json!({"userId": "7", "roomId": 1, "reserveId": 1})).expect(201);
    app.settle();
    app.advance_to(at("2026-11-23T11:50:00+09:00"));
    app.settle();
    let id = of(&mut app, "reserves/1");
    let entries = told(&mut app, &id);
    reads(
        &entries,
        &[
            "reserve: calendar 1 reserved (id 1, user 7, date 2026-11-23, slot 10:00 to 11:50, \
             period 2026-11-23T01:00:00Z to 2026-11-23T02:50:00Z, leadsFrom 2026-11-23T00:50:00Z), by person 7, asked by POST /reserves \
             [reserve/0/2]",
            "reserve: calendar 1 started (id 1, conference 1), by person 7, because of conference/start-meeting/1 [reserve/0/3]",
            "> room: room 1 statusFollowed (status Reserved), by policy room/follow-occupancy, because of reserve/0/2",
            "reserve: calendar 1 ended (id 1, conference 1, unheard true), by the clock, because its time had come [reserve/0/4]",
        ],
    );
    // What others did to what was made here says whose story that is, so that it can be asked for too.
    let meeting = of(&mut app, "conferences/1");
    let stories: Vec<_> = entries.iter().map(|entry| entry["correlation"].as_str().unwrap()).collect();
    assert_eq!(stories, [&*id, &*meeting, &*id, "reserve/calendar/1/3"]);
}

#[test]
fn a_meeting_is_told_with_its_saga_and_the_call_it_made() {
    let mut app = app();
    app.post("/reserves", json!({"userId": "7", "roomId": 1})).expect(201);
    app.post("/conferences", json!({"userId": "7", "roomId": 1, "reserveId": 1})).expect(201);
    app.settle();
    app.advance_to(at("2026-11-23T11:50:00+09:00"));
    app.settle();
    let id = of(&mut app, "conferences/1");
    let entries = told(&mut app, &id);
    reads(
        &entries,
        &[
            "conference: saga start-meeting 1: it begins (id 1, roomId 1, userId 7, reserveId 1), by person 7, asked by POST /conferences",
            "> reserve: calendar 1 started (id 1, conference 1), by person 7, because of conference/start-meeting/1 [reserve/0/3]",
            "> conference: conference 1 started (room 1, user 7, reservation 1, startedAt 2026-11-23T01:05:00Z), by person 7, \
             because of conference/start-meeting/1 [conference/0/1]",
            "> conference: saga start-meeting 1: what it asked for was agreed, and it ends, by person 7, because of conference/start-meeting/1",
            "> > room: room 1 statusFollowed (status Started), by policy room/follow-occupancy, because of reserve/0/3",
            "conference: conference 1 ended (endedAt 2026-11-23T02:50:00Z), by policy conference/end-with-slot, because of reserve/0/4 \
             [conference/0/2]",
        ],
    );
    assert_eq!(entries[0]["data"], json!({"id": 1, "roomId": 1, "userId": "7", "reserveId": 1}), "the client's key is nobody's business");
}

#[test]
fn a_meeting_that_came_to_nothing_is_told_to_its_end() {
    let mut app = app();
    app.post("/reserves", json!({"userId": "7", "roomId": 1})).expect(201);
    let slow = Fault { delay: Duration::from_secs(3), ..Fault::default() };
    app.faults().set("meetingroom/reserve", slow);
    app.post("/conferences", json!({"userId": "7", "roomId": 1, "reserveId": 1})).expect(503);
    app.faults().clear();
    app.settle();
    // Nobody was answered with a row, so its id is known from what the saga left.
    let id = (0..100)
        .map(|n| format!("{n:020}"))
        .find(|id| told(&mut app, id).first().is_some_and(|first| first["aggregate"] == "start-meeting"))
        .unwrap();
    let entries = told(&mut app, &id);
    let steps: Vec<_> = entries.iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    assert_eq!((steps[0], *steps.last().unwrap()), ("begun", "givenUp"), "{steps:?}");
    assert!(steps.contains(&"doubted"), "{steps:?}");
}

#[test]
fn a_story_that_nobody_knows_is_empty() {
    let mut app = app();
    assert_eq!(told(&mut app, "nobody's"), [Value::Null; 0]);
}
