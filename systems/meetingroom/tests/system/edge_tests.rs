//! What the edge offers beside rows: tags and conditions, less to read, positions to wait for, ids of requests.

use std::time::Duration;

use crate::MEETINGROOM;
use crate::who::{GUARDED, administrator, as_one};
use clock::Clock;
use edge::Coding;
use runtime::Fault;
use serde_json::{Value, json};
use testkit::{Answer, Asked, Setup, TestApp, at};

fn app() -> TestApp {
    let mut app = TestApp::start(MEETINGROOM, at("2026-11-23T10:05:00+09:00"));
    app.post("/rooms", json!({"floor": "3", "openingRule": "days-ahead:9"})).expect(201);
    app
}

fn reserve(user: &str, slot: &str) -> Asked {
    Asked::post("/reserves", &json!({"userId": user, "roomId": 1, "date": "2026-11-24", "startTime": slot}))
}

fn tag(answer: &Answer) -> String {
    let tag = answer.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag:?} of {}", answer.asked);
    tag
}

#[test]
fn what_a_reader_has_is_not_sent_again() {
    let mut app = app();
    app.send(reserve("1", "08:00")).expect(201);
    for path in
        ["/reserves/1", "/reserves", "/reserves/1/history", "/rooms/1", "/roomTables/1", "/roomSlots?date=2026-11-24", "/roomSlots/101"]
    {
        let first = app.get(path);
        let tag = tag(&first);
        assert_eq!(first.header("cache-control"), "no-cache");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".into()] {
            let again = app.send(Asked::get(path).header("if-none-match", known));
            again.expect(304);
            assert_eq!((again.text.as_str(), again.header("etag"), again.header("content-type")), ("", tag.as_str(), ""), "{path}");
        }
        assert_eq!(app.send(Asked::get(path).header("if-none-match", "\"other\"")).text, first.text);
        app.send(Asked::get(path).header("if-match", "\"other\"")).refused(412, "precondition-failed");
        app.send(Asked::get(path).header("if-match", tag)).expect(200);
    }
    assert_eq!(app.get("/reserves/9").header("etag"), "", "a problem has none");
}

#[test]
fn a_tag_changes_with_whatever_is_shown_also_by_time_alone() {
    let mut app = app();
    let made = app.send(reserve("1", "08:00"));
    made.expect(201);
    let before = app.get("/reserves/1");
    assert_eq!(tag(&made), tag(&before), "what was made is shown as it stands");
    app.advance_to(at("2026-11-24T07:49:59+09:00"));
    assert_eq!(tag(&app.get("/reserves/1")), tag(&before));
    app.advance_to(at("2026-11-24T07:50:00+09:00"));
    let startable = app.get("/reserves/1");
    assert_eq!(startable.expect(200)["_links"]["start"]["href"], "/conferences");
    assert_ne!(tag(&startable), tag(&before));
    app.delete("/reserves/1").expect(204);
    assert_ne!(tag(&app.get("/reserves/1")), tag(&startable));
}

#[test]
fn a_write_depends_on_what_its_client_has_seen() {
    let mut app = app();
    let made = app.send(reserve("1", "08:00"));
    let seen = tag(&made);
    let cancel = |tag: &str| Asked::delete("/reserves/1").header("if-match", tag);
    app.send(cancel("\"other\"")).refused(412, "precondition-failed");
    app.send(cancel(&format!("W/{seen}"))).refused(412, "precondition-failed");
    app.send(cancel("\"other-gzip\"")).refused(412, "precondition-failed");
    app.send(Asked::delete("/reserves/1").header("if-none-match", "*")).refused(412, "precondition-failed");
    assert_eq!(app.get("/reserves/1").expect(200)["status"], "Reserved");
    app.send(Asked::delete("/reserves/9").header("if-match", "*")).refused(404, "not-found");
    // Shown in a coding, it was shown the same.
    app.send(cancel(&Coding::Gzip.tag(&seen))).expect(204);
    app.send(cancel(&seen)).refused(412, "precondition-failed");
    let canceled = tag(&app.get("/reserves/1"));
    app.send(cancel(&canceled)).expect(204);
    app.send(cancel("*")).expect(204);
    app.send(reserve("1", "10:00").header("if-match", "\"x\"")).refused(412, "precondition-failed");
    app.send(reserve("1", "10:00").header("if-none-match", "*")).refused(412, "precondition-failed");
    app.send(reserve("1", "10:00").header("if-match", "*").header("if-none-match", "\"x\"")).expect(201);
}

#[test]
fn what_fell_due_unseen_is_a_change() {
    let mut app = app();
    let seen = tag(&app.send(reserve("1", "08:00")));
    app.clock().advance(at("2026-11-25T00:00:00+09:00").duration_since(at("2026-11-23T10:05:00+09:00")).unsigned_abs());
    app.send(Asked::delete("/reserves/1").header("if-match", seen)).refused(412, "precondition-failed");
}

#[test]
fn of_many_who_saw_the_same_one_wins() {
    let mut app = app();
    app.post("/maintenances", json!({"roomId": 1, "until": "2026-11-23T12:00:00+09:00"})).expect(201);
    let seen = tag(&app.get("/maintenances/1"));
    let answers = app.together((0..8).map(|_| Asked::delete("/maintenances/1").header("if-match", seen.as_str())));
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 412, 412, 412, 412, 412, 412, 412]);
}

#[test]
fn a_repeated_write_is_answered_the_same_although_what_it_expected_is_gone() {
    let mut app = app();
    let asked = || reserve("1", "08:00").once("k").header("prefer", "return=minimal");
    let (first, again) = (app.send(asked()), app.send(asked()));
    for answer in [&first, &again] {
        assert_eq!((answer.status.as_u16(), answer.text.as_str(), answer.header("location")), (201, "", "/reserves/1"));
        assert_eq!(answer.header("preference-applied"), "return=minimal");
        assert_eq!(tag(answer), tag(&first));
        assert!(answer.header("yeyak-position").starts_with("reserve:1."), "{:?}", answer.headers);
    }
    let whole = app.send(reserve("1", "08:00").once("k"));
    assert_eq!((whole.expect(201)["id"].clone(), tag(&whole)), (json!(1), tag(&first)), "the wish is no part of the request");
    let cancel = || Asked::delete("/reserves/1").header("if-match", tag(&first)).once("l");
    app.send(cancel()).expect(204);
    app.send(cancel()).expect(204);
}

#[test]
fn what_stands_already_is_named_to_whoever_wants_little() {
    let mut app = app();
    app.send(reserve("1", "08:00")).expect(201);
    let shown = tag(&app.get("/reserves/1"));
    let standing = app.send(reserve("1", "08:00"));
    standing.expect(200);
    assert_eq!(tag(&standing), shown, "what stands is shown as it stands");
    let standing = app.send(reserve("1", "08:00").header("prefer", "return=minimal"));
    assert_eq!(tag(&standing), shown);
    assert_eq!((standing.status.as_u16(), standing.text.as_str(), standing.header("content-location")), (204, "", "/reserves/1"));
    assert_eq!(app.send(reserve("1", "08:00")).expect(200)["id"], 1);
    let refused = app.send(reserve("2", "08:00").header("prefer", "return=minimal"));
    refused.refused(409, "slot-taken");
}

#[test]
fn a_key_is_kept_also_when_nothing_had_to_happen() {
    let mut app = app();
    app.send(reserve("1", "08:00")).expect(201);
    let standing = app.send(reserve("1", "08:00").once("k"));
    standing.expect(200);
    app.send(reserve("1", "10:00").once("k")).refused(422, "idempotency-key-reused");
    app.delete("/reserves/1").expect(204);
    let again = app.send(reserve("1", "08:00").once("k"));
    assert_eq!((again.status, &again.text), (standing.status, &standing.text), "it is answered as it was");
    assert_eq!(again.header("content-location"), "/reserves/1");

    let cancel = |body: &Value| Asked::delete("/reserves/1").json(body);
    let gone = app.send(cancel(&json!({})).once("l"));
    gone.expect(204);
    assert!(gone.header("yeyak-position").starts_with("reserve:1."), "{:?}", gone.headers);
    app.send(cancel(&json!({"userId": "1"})).once("l")).refused(422, "idempotency-key-reused");
    app.send(cancel(&json!({})).once("l")).expect(204);
    // What a saga finds standing is kept as well.
    let close = |until: &str| Asked::post("/maintenances", &json!({"roomId": 1, "until": format!("2026-11-23T{until}:00+09:00")}));
    let closed = app.send(close("12:00")).expect(201);
    assert_eq!(app.send(close("12:00").once("m")).expect(200), closed);
    app.send(close("11:00").once("m")).refused(422, "idempotency-key-reused");
}

#[test]
fn of_two_requests_under_one_key_at_once_one_is_refused_though_one_stands() {
    for seed in 0..20 {
        let mut app = TestApp::with(MEETINGROOM, Setup::at(at("2026-11-23T10:05:00+09:00")).seeded(seed));
        app.post("/rooms", json!({"floor": "3", "openingRule": "days-ahead:9"})).expect(201);
        app.send(reserve("1", "08:00")).expect(201);
        let answers = app.together([reserve("1", "08:00").once("k"), reserve("1", "10:00").once("k")]);
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        assert!([[200, 422], [422, 201]].contains(&[statuses[0], statuses[1]]), "seed {seed}: {statuses:?}");
    }
}

#[test]
fn a_reader_waits_for_what_was_written() {
    let mut app = app();
    app.faults().set("meetingroom/schedule", Fault { delay: Duration::from_millis(1), ..Fault::default() });
    for (slot, id) in [("08:00", 1), ("10:00", 2), ("12:00", 3)] {
        let position = app.send(reserve("1", slot)).header("yeyak-position").to_owned();
        let path = format!("/roomSlots?date=2026-11-24&startTime={slot}");
        let slots = app.send(Asked::get(path).header("yeyak-wait-for", position.as_str())).expect(200);
        assert_eq!(slots["_embedded"]["roomSlots"][0]["reserveId"], id);
        app.send(Asked::get(format!("/reserves/{id}")).header("yeyak-wait-for", position)).expect(200);
    }
}

#[test]
fn a_reader_is_told_when_it_does_not_arrive_or_never_will() {
    let mut app = app();
    let position = app.send(reserve("1", "08:00")).header("yeyak-position").to_owned();
    let read = |path: &str, position: &str| Asked::get(path).header("yeyak-wait-for", position);
    let ahead = format!("{}9", position);
    let before = app.clock().elapsed();
    let late = app.send(read("/roomTables", &ahead));
    late.refused(503, "not-caught-up");
    assert_eq!(late.header("retry-after"), "1");
    assert_eq!(app.clock().elapsed() - before, Duration::from_secs(2), "it is bounded");
    app.send(read("/reserves", &ahead)).refused(503, "not-caught-up");
    app.send(read("/rooms", "schedule:1.0.1")).refused(422, "not-a-source");
    app.send(read("/roomTables", "conference:1.0.1")).refused(422, "not-a-source");
    app.send(read("/roomSlots", "schedule:1.0.1")).refused(422, "not-a-source");
    for bad in ["", "reserve", "reserve:1.99.1", "reserve:1.1.1;"] {
        app.send(read("/roomTables", bad)).refused(422, "malformed-position");
    }
    app.send(reserve("1", "10:00").header("yeyak-wait-for", "nonsense")).expect(201);
}

#[test]
fn the_id_of_a_request_is_the_correlation_of_all_it_leads_to() {
    let mut app = app();
    // For the slot that is running, so that the room is another one for it.
    let made = app.send(Asked::post("/reserves", &json!({"userId": "1", "roomId": 1})).header("x-request-id", "booking-7"));
    made.expect(201);
    assert_eq!(made.header("x-request-id"), "booking-7");
    app.settle();
    for path in ["/reserves/1/history", "/roomTables/1/history"] {
        let history = app.get(path).expect(200);
        let correlations: Vec<_> =
            history["_embedded"]["history"].as_array().unwrap().iter().map(|one| one["correlation"].clone()).collect();
        assert!(correlations.contains(&json!("booking-7")), "{path} {correlations:?}");
    }
    let other = app.send(reserve("1", "10:00").header("x-request-id", "no good"));
    let given = other.header("x-request-id").to_owned();
    assert!(!given.is_empty() && given != "no good");
    assert_eq!(app.get("/reserves/2/history").expect(200)["_embedded"]["history"][0]["correlation"], given);
    for (path, status) in [("/reserves/9", 404), ("/reserves?x=1", 422)] {
        let answer = app.send(Asked::get(path).header("x-request-id", "mine"));
        answer.expect(status);
        assert_eq!(answer.header("x-request-id"), "mine");
    }
}

#[test]
fn a_tag_is_of_what_its_reader_may_see() {
    let mut app = TestApp::start(GUARDED, at("2026-11-23T10:05:00+09:00"));
    app.send(administrator(Asked::post("/rooms", &json!({"floor": "3"})))).expect(201);
    let made = app.send(as_one(Asked::post("/reserves", &json!({"roomId": 1})), "1", &[]));
    made.expect(201);
    let look = |app: &mut TestApp, who: &str| app.send(as_one(Asked::get("/reserves/1"), who, &[]));
    let (own, other, all) = (look(&mut app, "1"), look(&mut app, "2"), app.send(administrator(Asked::get("/reserves/1"))));
    assert_eq!((tag(&own), tag(&own)), (tag(&made), tag(&all)));
    assert_ne!(tag(&own), tag(&other), "who sees less has another tag");
    assert_eq!((own.header("vary"), own.header("cache-control")), ("authorization", "private, no-cache"));
    assert_eq!(other.json()["userId"], Value::Null);
    let as_other = app.send(as_one(Asked::get("/reserves/1").header("if-none-match", tag(&own)), "2", &[]));
    assert_eq!(as_other.expect(200)["userId"], Value::Null);

    // What somebody may see is what they can expect.
    let cancel = |who: &str, tag: String| as_one(Asked::delete("/reserves/1").header("if-match", tag), who, &[]);
    let refused = app.send(cancel("2", tag(&other)));
    refused.refused(403, "not-the-reserver");
    app.send(cancel("1", tag(&other))).refused(412, "precondition-failed");
    app.send(cancel("1", tag(&own))).expect(204);
}
