//! What the original systems got wrong, each as a test that it is not wrong here (`contracts/originals.md`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use calls::{Act, Envelope, Transport};
use futures_util::future::BoxFuture;
use kernel::CallError;

use crate::MEETINGROOM;
use runtime::Fault;
use serde_json::{Value, json};
use testkit::disk::Disk;
use testkit::{Asked, Setup, TestApp, at};

const NOW: &str = "2026-11-23T10:05:00+09:00";

fn app() -> TestApp {
    TestApp::start(MEETINGROOM, at(NOW))
}

fn room(app: &mut TestApp) -> Value {
    app.post("/rooms", json!({"floor": "3"})).expect(201)["id"].clone()
}

fn reserving(user: &str, room: &Value) -> Asked {
    Asked::post("/reserves", &json!({"userId": user, "roomId": room}))
}

fn starting(user: &str, room: &Value, reserve: &Value) -> Asked {
    Asked::post("/conferences", &json!({"userId": user, "roomId": room, "reserveId": reserve}))
}

fn statuses(app: &mut TestApp, collection: &str) -> Vec<Value> {
    app.rows(collection).iter().map(|row| row["status"].clone()).collect()
}

/// Common 1: events are sent although the transaction is rolled back, and lost when the process dies before they are sent.
#[test]
fn an_event_is_told_exactly_when_what_it_tells_is_on_disk() {
    for steps in 0..60 {
        let disk = Disk::new(steps);
        let mut app = TestApp::with(MEETINGROOM, Setup::at(at(NOW)).on(&disk));
        let room = room(&mut app);
        app.settle();
        app.begin(reserving("1", &room));
        disk.cut_power_after(Some(steps));
        app.steps(40);
        app.crash();
        app.settle();
        let reserves = statuses(&mut app, "reserves");
        let shown = app.get(&format!("/roomTables/{room}")).expect(200)["status"].clone();
        let expected = if reserves.is_empty() { "Available" } else { "Reserved" };
        assert_eq!((shown, reserves.len() <= 1), (json!(expected), true), "after {steps} writes");
    }
}

/// Common 3: state lives in memory, and a restart wipes it.
#[test]
fn a_restart_wipes_nothing() {
    let mut app = app();
    let room = room(&mut app);
    let mine = app.send(reserving("1", &room)).expect(201);
    app.restart();
    assert_eq!(app.get("/reserves/1").expect(200)["userId"], mine["userId"]);
    app.send(reserving("2", &room)).refused(409, "slot-taken");
}

/// Common 4: no validation, and views that anyone can write.
#[test]
fn views_cannot_be_written_and_bodies_are_checked() {
    let mut app = app();
    for path in ["/roomTables", "/roomSlots", "/reserveTables"] {
        app.post(path, json!({"roomId": 1, "status": "Available"})).expect(405);
    }
    let problem = app.post("/reserves", json!({"roomId": "three", "date": "tomorrow"})).expect(422);
    assert_eq!(problem["errors"].as_array().unwrap().len(), 3);
}

/// Common 6 and 5: a sync call that times out leaves the callee's rows behind.
#[test]
fn a_call_that_times_out_leaves_nothing_behind() {
    for (path, collection) in [("/rooms", "rooms"), ("/maintenances", "maintenances")] {
        let mut app = app();
        let room = room(&mut app);
        // The callee answers, but after the caller has given up.
        app.faults().set("meetingroom/reserve", Fault { delay: Duration::from_millis(590), ..Fault::default() });
        let standing = app.rows(collection).len();
        let answer = app.post(path, json!({"floor": "4", "roomId": room}));
        app.faults().clear();
        app.settle();
        let made = if answer.status == 201 { 1 } else { 0 };
        assert_eq!(app.rows(collection).len(), standing + made);
        let free = app.send(reserving("1", &room));
        assert_eq!(free.status, if made == 1 && collection == "maintenances" { 409 } else { 201 }, "{}", free.text);
    }
}

/// A way on which a start arrives but its answer does not, and nothing else arrives for so long as it is `cut`.
struct OneWay {
    way: Arc<dyn Transport>,
    cut: Arc<AtomicBool>,
}

impl Transport for OneWay {
    fn send<'a>(&'a self, envelope: Envelope) -> BoxFuture<'a, Result<String, CallError>> {
        Box::pin(async move {
            match (&envelope.act, self.cut.load(Ordering::Relaxed)) {
                (_, false) => self.way.send(envelope).await,
                (Act::Do(_), true) => {
                    let service = envelope.service.clone();
                    let _ = self.way.send(envelope).await;
                    Err(CallError::TimedOut { service })
                }
                (_, true) => Err(CallError::Unavailable { service: envelope.service, why: "the way is cut".into() }),
            }
        })
    }
}

/// A start that is taken back only when its slot is over leaves no reservation that names a meeting.
#[test]
fn a_start_that_is_withdrawn_after_its_slot_was_no_meeting() {
    let cut = Arc::new(AtomicBool::new(false));
    let one_way = Arc::clone(&cut);
    let setup = Setup::at(at(NOW)).calls(move |way| Arc::new(OneWay { way, cut: Arc::clone(&one_way) }));
    let mut app = TestApp::with(MEETINGROOM, setup);
    let room = room(&mut app);
    let mine = app.send(reserving("1", &room)).expect(201)["id"].clone();
    cut.store(true, Ordering::Relaxed);
    app.begin(starting("1", &room, &mine));
    app.run();
    assert_eq!(app.rows("reserves")[0]["status"], "Started");
    app.advance(Duration::from_secs(2 * 3600));
    assert_eq!(app.rows("reserves")[0]["status"], "Ended");
    cut.store(false, Ordering::Relaxed);
    app.settle();
    let reserve = &app.rows("reserves")[0];
    assert_eq!((&reserve["status"], &reserve["conferenceId"]), (&json!("Expired"), &Value::Null));
    assert!(app.rows("conferences").is_empty());
}

/// Common 7: a refusal of the domain comes out as 500.
#[test]
fn refusals_have_statuses_of_their_own() {
    let mut app = app();
    let room = room(&mut app);
    app.send(reserving("1", &json!(99))).refused(404, "no-such-room");
    app.send(starting("1", &room, &json!(99))).refused(409, "not-startable");
    app.delete("/reserves/99").expect(404);
    app.delete("/conferences/99").expect(404);
    app.delete("/maintenances/99").expect(404);
}

/// No availability check, so double booking.
#[test]
fn of_many_at_once_one_gets_the_slot() {
    for seed in 0..5 {
        let mut app = TestApp::with(MEETINGROOM, Setup::at(at(NOW)).seeded(seed));
        let room = room(&mut app);
        let answers = app.together((0..64).map(|user| reserving(&format!("u{user}"), &room)));
        let won = answers.iter().filter(|answer| answer.status == 201).count();
        let lost = answers.iter().filter(|answer| answer.status == 409 && answer.json()["code"] == "slot-taken").count();
        assert_eq!((won, lost), (1, 63));
    }
}

/// A maintenance check races with a new reservation.
#[test]
fn of_a_maintenance_and_a_reservation_at_once_one_wins() {
    for seed in 0..40 {
        let mut app = TestApp::with(MEETINGROOM, Setup::at(at(NOW)).on(&Disk::new(seed)).seeded(seed));
        let room = room(&mut app);
        let closing = Asked::post("/maintenances", &json!({"roomId": room}));
        let answers = app.together([reserving("1", &room), closing]);
        let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "seed {seed}");
    }
}

/// A cancel that runs at the same time as the start either loses or wins, never both.
#[test]
fn of_a_cancel_and_a_start_at_once_one_wins() {
    for seed in 0..40 {
        let mut app = TestApp::with(MEETINGROOM, Setup::at(at(NOW)).on(&Disk::new(seed)).seeded(seed));
        let room = room(&mut app);
        let mine = app.send(reserving("1", &room)).expect(201)["id"].clone();
        let answers = app.together([Asked::delete(format!("/reserves/{mine}")), starting("1", &room, &mine)]);
        let statuses = (answers[0].status.as_u16(), answers[1].status.as_u16());
        assert!([(204, 409), (409, 201)].contains(&statuses), "seed {seed}: {statuses:?}");
    }
}

/// Any edit of a reservation starts the meeting; an ended meeting can be started again.
#[test]
fn a_meeting_starts_once_and_by_starting_it() {
    let mut app = app();
    let room = room(&mut app);
    let mine = app.send(reserving("1", &room)).expect(201)["id"].clone();
    app.send(Asked::new("PATCH", format!("/reserves/{mine}")).json(&json!({"status": "Started"}))).expect(405);
    app.send(Asked::new("PUT", format!("/reserves/{mine}")).json(&json!({"status": "Started"}))).expect(405);
    let meeting = app.send(starting("1", &room, &mine)).expect(201)["id"].clone();
    app.send(starting("1", &room, &mine)).refused(409, "already-started");
    app.delete(&format!("/conferences/{meeting}")).expect(204);
    app.send(starting("1", &room, &mine)).refused(409, "not-startable");
    app.delete(&format!("/conferences/{meeting}")).expect(204);
    app.settle();
    assert_eq!(statuses(&mut app, "reserves"), ["Ended"]);
}

/// A late Canceled frees a room that someone else holds.
#[test]
fn a_late_cancel_does_not_free_what_another_holds() {
    let mut app = app();
    let room = room(&mut app);
    app.faults().set("meetingroom/room", Fault { down: true, ..Fault::default() });
    let first = app.send(reserving("1", &room)).expect(201)["id"].clone();
    app.delete(&format!("/reserves/{first}")).expect(204);
    app.send(reserving("2", &room)).expect(201);
    app.delete(&format!("/reserves/{first}")).expect(204);
    app.faults().clear();
    app.settle();
    assert_eq!(app.get(&format!("/rooms/{room}")).expect(200)["status"], "Reserved");
    app.send(reserving("3", &room)).refused(409, "slot-taken");
}

/// A request that is repeated under its key happens once.
#[test]
fn a_repeated_request_happens_once() {
    let mut app = app();
    let room = room(&mut app);
    let asked = reserving("1", &room).once("k");
    let first = app.send(asked.clone()).expect(201);
    app.delete(&format!("/reserves/{}", first["id"])).expect(204);
    assert_eq!(app.send(asked).expect(201), first);
    app.restart();
    app.send(reserving("2", &room).once("other")).expect(201);
    let adding = Asked::post("/rooms", &json!({"floor": "5"})).once("room");
    let answers = app.together(vec![adding.clone(); 8]);
    assert!(answers.iter().all(|answer| answer.status == 201 || answer.json()["code"] == "request-in-progress"));
    assert_eq!(app.send(adding).expect(201)["id"], 2);
    app.send(Asked::post("/rooms", &json!({"floor": "6"})).once("room")).refused(422, "idempotency-key-reused");
    assert_eq!(app.rows("rooms").len(), 2);
}

/// What is due has happened before anything is decided, whether or not anybody was woken for it yet.
#[test]
fn nothing_meets_what_is_overdue() {
    for seed in 0..20 {
        let mut app = TestApp::with(MEETINGROOM, Setup::at(at(NOW)).on(&Disk::new(seed)).seeded(seed));
        let room = room(&mut app);
        app.send(reserving("1", &room)).expect(201);
        // Nothing runs between the time that passes and the request.
        app.clock().advance(Duration::from_secs(15 * 60));
        app.send(reserving("2", &room)).expect(201);
        assert_eq!(app.get("/reserves/1").expect(200)["status"], "Expired", "seed {seed}");
    }
}
