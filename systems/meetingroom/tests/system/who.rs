//! Who may do what, once callers prove who they are: every route against a table, and what people see of each other.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use edge::actuator::Actuator;
use edge::auth::Role;
use serde_json::{Value, json};
use testkit::callers::{self, WhoTable, told};
use testkit::{Asked, Subject, TestApp, at};

const NOW: &str = "2026-11-23T10:05:00+09:00";

fn table() -> WhoTable {
    WhoTable::read(include_str!("who.txt"))
}

/// The system, for callers who prove who they are.
pub(crate) const GUARDED: Subject = Subject {
    spec: yeyak_meetingroom::spec,
    routes: |system| {
        let clock = Arc::clone(system.service("room").unwrap().clock());
        yeyak_meetingroom::routes(system, "", &callers::guarded(clock), &yeyak_meetingroom::Settings::default())
    },
    outside: testkit::Outside::nothing,
};

pub(crate) fn as_one(asked: Asked, subject: &str, roles: &[Role]) -> Asked {
    callers::as_one(asked, at(NOW), subject, roles)
}

pub(crate) fn administrator(asked: Asked) -> Asked {
    as_one(asked, "kim", &[Role::Administrator])
}

/// Two people, 1 and 2, each with a room that is reserved now, and the reservation of 1 started.
fn two_people() -> TestApp {
    let mut app = TestApp::start(GUARDED, at(NOW));
    for floor in ["1", "2"] {
        app.send(administrator(Asked::post("/rooms", &json!({"floor": floor})))).expect(201);
    }
    for (user, room) in [("1", 1), ("2", 2)] {
        let made = app.send(as_one(Asked::post("/reserves", &json!({"roomId": room})), user, &[])).expect(201);
        assert_eq!(made["userId"], user, "who acts need not be named");
    }
    app.send(as_one(Asked::post("/conferences", &json!({"roomId": 1, "reserveId": 1})), "1", &[])).expect(201);
    app.settle();
    app
}

#[test]
fn every_route_has_a_row_and_every_row_a_route() {
    table().lists(yeyak_meetingroom::declared());
}

#[test]
fn an_answer_that_failed_lets_nobody_in() {
    let mut app = two_people();
    let mut answer = app.send(administrator(Asked::get("/rooms")));
    assert_eq!(told(&answer), "in");
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE, StatusCode::METHOD_NOT_ALLOWED] {
        answer.status = status;
        assert_eq!(told(&answer), status.to_string());
    }
}

/// The routes that no system declares are the actuator's: each has to be declared there too, with who may use it, for what is declared
/// and what answers are one list. Here it is seen that none of them is a system's, so that none escapes both tables; what is put
/// straight into the actuator's router is noticed by `what_is_not_declared_does_not_answer` beside it.
#[test]
fn the_actuators_routes_are_declared_with_the_actuator() {
    let actuators = Actuator::declared();
    assert!(!actuators.is_empty() && actuators.iter().all(|(_, path, _)| path.starts_with("/actuator/")));
    assert!(yeyak_meetingroom::declared().iter().all(|route| !route.path.starts_with("/actuator")));
}

#[test]
fn every_route_does_what_its_row_says() {
    table().holds(&mut two_people(), at(NOW), &json!({"userId": "2", "roomId": 999, "reserveId": 999}));
}

/// Whether a text stands anywhere in a value.
fn says(value: &Value, text: &str) -> bool {
    match value {
        Value::String(one) => one == text || one == &format!("person:{text}"),
        Value::Array(all) => all.iter().any(|one| says(one, text)),
        Value::Object(all) => all.values().any(|one| says(one, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What is shown without what can be done, which is not the same for everyone who sees it.
fn without_moves(mut shown: Value) -> Value {
    match &mut shown {
        Value::Array(all) => all.iter_mut().for_each(|one| *one = without_moves(one.take())),
        Value::Object(all) => {
            all.retain(|_, one| one["method"].is_null());
            all.values_mut().for_each(|one| *one = without_moves(one.take()));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    shown
}

#[test]
fn people_see_of_others_what_is_taken_and_never_by_whom() {
    let mut app = TestApp::start(GUARDED, at(NOW));
    app.send(administrator(Asked::post("/rooms", &json!({"floor": "1"})))).expect(201);
    app.send(administrator(Asked::post("/rooms", &json!({"floor": "2"})))).expect(201);
    app.send(as_one(Asked::post("/reserves", &json!({"roomId": 1})), "ann", &[])).expect(201);
    app.send(as_one(Asked::post("/reserves", &json!({"roomId": 2, "userId": "bob"})), "bob", &[])).expect(201);
    app.send(as_one(Asked::post("/conferences", &json!({"roomId": 1, "reserveId": 1})), "ann", &[])).expect(201);
    app.settle();
    for path in [
        "/reserves",
        "/reserves/1",
        "/reserves/1/history",
        "/conferences",
        "/conferences/1",
        "/conferences/1/history",
        "/roomTables",
        "/roomTables/1",
        "/roomTables/1/history",
        "/reserveTables/1",
        "/roomSlots",
        "/roomSlots/102",
        "/roomSlots/102/history",
        "/rooms/1/history",
    ] {
        let full = app.send(administrator(Asked::get(path))).expect(200);
        let by_operator = app.send(as_one(Asked::get(path), "lee", &[Role::Operator])).expect(200);
        assert_eq!(without_moves(by_operator), without_moves(full.clone()), "operators see everything");
        let (own, other) =
            (app.send(as_one(Asked::get(path), "ann", &[])).expect(200), app.send(as_one(Asked::get(path), "bob", &[])).expect(200));
        assert!(!says(&other, "ann"), "{path} tells bob of ann: {other}");
        assert!(!says(&own, "bob"), "{path} tells ann of bob: {own}");
        assert!(!other.to_string().contains("kim") && !own.to_string().contains("kim"), "{path} names an administrator: {own}");
        assert_eq!(says(&own, "ann"), says(&full, "ann"), "{path} hides from ann what is her own");
    }
    let rows = app.send(as_one(Asked::get("/reserves"), "bob", &[])).expect(200);
    let rows = &rows["_embedded"]["reserves"];
    assert_eq!((&rows[0]["userId"], &rows[0]["status"]), (&Value::Null, &json!("Started")));
    assert_eq!(rows[1]["userId"], "bob");
    let history = app.send(administrator(Asked::get("/rooms/1/history"))).expect(200);
    assert!(history.to_string().contains("administrator:kim"), "it is kept who did it: {history}");
}

#[test]
fn what_somebody_wrote_into_the_id_of_a_request_is_shown_to_them_and_to_staff() {
    let mut app = two_people();
    app.send(administrator(Asked::post("/rooms", &json!({"floor": "3", "openingRule": "days-ahead:9"})))).expect(201);
    let asked =
        Asked::post("/reserves", &json!({"roomId": 3, "date": "2026-11-24", "startTime": "08:00"})).header("x-request-id", "call-bob");
    let made = app.send(as_one(asked, "1", &[])).expect(201);
    let mut told = |asked: Asked| {
        let history = app.send(asked).expect(200);
        history["_embedded"]["history"].as_array().unwrap().iter().any(|entry| entry["correlation"] == "call-bob")
    };
    let ask = || Asked::get(format!("/reserves/{}/history", made["id"]));
    assert!(told(as_one(ask(), "1", &[])) && told(administrator(ask())) && told(as_one(ask(), "lee", &[Role::Operator])));
    assert!(!told(as_one(ask(), "2", &[])));
}

#[test]
fn nobody_finds_out_by_asking_cleverly() {
    let mut app = two_people();
    for query in ["userId=1", "userId=%31", "sort=userId", "sort=id,userId,desc", "page=0&userId=1"] {
        let path = format!("/reserves?{query}");
        let answer = app.send(as_one(Asked::get(path.as_str()), "2", &[]));
        assert_eq!(told(&answer), "not-yourself", "{query}");
        assert_eq!(told(&app.send(as_one(Asked::get(path.as_str()), "lee", &[Role::Operator]))), "in", "{query}");
    }
    let own = app.send(as_one(Asked::get("/reserves?userId=2"), "2", &[])).expect(200);
    assert_eq!(own["page"]["totalElements"], 1);
}

#[test]
fn a_person_acts_for_themselves_alone_and_an_administrator_for_everyone() {
    let mut app = two_people();
    let taken = app.send(as_one(Asked::delete("/reserves/2"), "1", &[]));
    assert_eq!((taken.status.as_u16(), taken.json()["code"].as_str()), (403, Some("not-the-reserver")), "no name is no way round");
    assert_eq!(told(&app.send(as_one(Asked::delete("/reserves/2").json(&json!({"userId": "2"})), "1", &[]))), "not-yourself");
    app.send(as_one(Asked::delete("/reserves/2"), "2", &[])).expect(204);
    app.send(as_one(Asked::delete("/conferences/1"), "lee", &[Role::Operator])).expect(403);
    app.send(administrator(Asked::delete("/conferences/1"))).expect(204);
    app.send(administrator(Asked::post("/reserves", &json!({"roomId": 2})))).expect(422);
    let made = app.send(administrator(Asked::post("/reserves", &json!({"roomId": 2, "userId": "2"})))).expect(201);
    assert_eq!(made["userId"], "2");
    let history = app.send(as_one(Asked::get(format!("/reserves/{}/history", made["id"])), "2", &[])).expect(200);
    let entry = &history["_embedded"]["history"][0];
    assert_eq!((&entry["caller"], &entry["data"]["user"]), (&json!("administrator"), &json!("2")));
}

#[test]
fn an_idempotency_key_is_its_callers_own() {
    let mut app = two_people();
    app.send(administrator(Asked::post("/rooms", &json!({"floor": "3", "openingRule": "days-ahead:9"})))).expect(201);
    let ask = |user: &str, time: &str| {
        as_one(Asked::post("/reserves", &json!({"roomId": 3, "date": "2026-11-24", "startTime": time})).once("k"), user, &[])
    };
    let one = app.send(ask("1", "08:00")).expect(201);
    assert_eq!(app.send(ask("1", "08:00")).expect(201), one);
    // The very same bytes from somebody else are another request: they never get the first one's answer.
    let refused = app.send(ask("2", "08:00"));
    assert_eq!((refused.status.as_u16(), refused.json()["code"].as_str()), (409, Some("slot-taken")));
    let other = app.send(ask("2", "10:00")).expect(201);
    assert_eq!((&one["userId"], &other["userId"]), (&json!("1"), &json!("2")));
}

#[test]
fn an_old_token_is_told_apart_from_a_wrong_one() {
    let mut app = two_people();
    let ask = || as_one(Asked::get("/rooms"), "1", &[]);
    app.send(ask()).expect(200);
    app.advance(Duration::from_secs(3600 + 31));
    let answer = app.send(ask());
    assert_eq!((answer.status.as_u16(), told(&answer).as_str()), (401, "token-expired"));
    assert_eq!(answer.headers["www-authenticate"], r#"Bearer realm="yeyak", error="invalid_token""#);
    assert_eq!(told(&app.send(Asked::get("/rooms").header("authorization", "Bearer x.y.z"))), "token-invalid");
}

#[test]
fn what_is_offered_is_what_its_reader_may_do() {
    let mut app = two_people();
    app.send(administrator(Asked::post("/rooms", &json!({"floor": "3"})))).expect(201);
    app.send(administrator(Asked::post("/maintenances", &json!({"roomId": 3})))).expect(201);
    app.settle();
    let readers: [(&str, &[Role]); 4] = [("1", &[]), ("2", &[]), ("lee", &[Role::Operator]), ("kim", &[Role::Administrator])];
    let body = json!({"roomId": 2, "reserveId": 2});
    let mut check = |item: &str, moves: [&[&str]; 4]| {
        assert_eq!(callers::offered(&mut app, at(NOW), item, &readers, &body), moves, "{item}");
    };
    check("/reserves/1", [&[], &[], &[], &[]]);
    check("/conferences/1", [&["end"], &[], &[], &["end"]]);
    check("/maintenances/1", [&[], &[], &[], &["end"]]);
    check("/roomSlots/204", [&["reserve"], &["reserve"], &["reserve"], &["reserve"]]);
    check("/roomSlots/202", [&[], &[], &[], &[]]);
    // An administrator has to say for whom a meeting starts, and is forbidden to start it for anybody else.
    check("/reserves/2", [&[], &["cancel", "start"], &[], &["cancel", "start"]]);
}
