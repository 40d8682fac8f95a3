//! Rows as they change: whoever listens ends with those that stand, however often they are cut off, and sees no more than in a list.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::MEETINGROOM;
use crate::who::{GUARDED, administrator, as_one};
use edge::Peer;
use proptest::prelude::*;
use runtime::Fault;
use serde_json::{Value, json};
use testkit::streams::{Follower, REST, listed};
use testkit::{Asked, Live, Setup, TestApp, Told, at};

fn app() -> TestApp {
    let mut app = TestApp::start(MEETINGROOM, at("2026-11-23T10:05:00+09:00"));
    for floor in ["1", "2"] {
        app.post("/rooms", json!({"floor": floor, "openingRule": "days-ahead:9"})).expect(201);
    }
    app.settle();
    app
}

fn reserve(app: &mut TestApp, user: &str, room: u64, slot: &str) -> u16 {
    app.post("/reserves", json!({"userId": user, "roomId": room, "date": "2026-11-24", "startTime": slot})).status.as_u16()
}

fn stand(app: &mut TestApp, collection: &str, query: &str) -> BTreeMap<u64, Value> {
    listed(app, collection, &format!("size=1000&{query}"))
}

fn names(live: &Live) -> Vec<String> {
    live.events().into_iter().map(|told| told.event).collect()
}

#[test]
fn whoever_listens_is_told_what_stands_and_then_what_changes() {
    let mut app = app();
    assert_eq!(reserve(&mut app, "1", 1, "08:00"), 201);
    let live = app.listen(Asked::get("/reserves/stream"), usize::MAX);
    let head = live.so_far();
    assert_eq!((head.status.as_u16(), head.header("content-type"), head.header("cache-control")), (200, "text/event-stream", "no-store"));
    assert!(head.text.starts_with("retry: 2000\n\n"), "{}", head.text);
    assert_eq!(names(&live), ["row", "current"]);
    assert_eq!(live.events()[0].data, app.get("/reserves/1").expect(200), "a row is told as it is shown");
    reserve(&mut app, "2", 1, "10:00");
    app.run();
    assert_eq!(names(&live), ["row", "current", "row"], "without any time");
    app.delete("/reserves/1").expect(204);
    app.advance(REST);
    let told = live.events();
    assert_eq!((told.len(), &told[3].data["id"], &told[3].data["status"]), (4, &json!(1), &json!("Canceled")));
    assert!(!live.has_ended());
}

#[test]
fn with_a_filter_what_matches_comes_and_what_no_longer_does_goes() {
    let mut app = app();
    reserve(&mut app, "1", 1, "08:00");
    reserve(&mut app, "2", 1, "10:00");
    let live = app.listen(Asked::get("/reserves/stream?userId=1&status=Reserved"), usize::MAX);
    assert_eq!(names(&live), ["row", "current"]);
    app.delete("/reserves/1").expect(204);
    app.run();
    let last = live.events().pop().unwrap();
    assert_eq!((last.event.as_str(), last.data), ("removed", json!({"id": 1})));
    for wrong in ["page=1", "sort=id", "colour=red", "roomId=x"] {
        app.get(&format!("/reserves/stream?{wrong}")).refused(422, "invalid-fields");
    }
}

#[test]
fn every_collection_of_rows_can_be_followed() {
    let mut app = app();
    let paths = ["rooms", "reserves", "conferences", "maintenances", "roomTables", "reserveTables", "roomSlots"];
    let live: Vec<_> = paths.iter().map(|path| app.listen(Asked::get(format!("/{path}/stream")), usize::MAX)).collect();
    app.post("/reserves", json!({"userId": "1", "roomId": 1})).expect(201);
    app.post("/conferences", json!({"userId": "1", "roomId": 1, "reserveId": 1})).expect(201);
    app.post("/maintenances", json!({"roomId": 2})).expect(201);
    app.settle();
    // What is put together from three kinds of rows hears of one after the other.
    (0..3).for_each(|_| app.advance(REST));
    for (path, live) in paths.iter().zip(live) {
        let mut client = Follower::default();
        client.hear(&live);
        let rows = listed(&mut app, path, "");
        assert_eq!(client.rows, rows, "{path}");
        assert!(!rows.is_empty());
    }
}

#[test]
fn people_are_told_no_more_than_a_list_shows_them() {
    let mut app = TestApp::start(GUARDED, at("2026-11-23T10:05:00+09:00"));
    for floor in ["1", "2"] {
        app.send(administrator(Asked::post("/rooms", &json!({"floor": floor})))).expect(201);
    }
    let stream = || Asked::get("/reserves/stream");
    let own = app.listen(as_one(stream(), "ann", &[]), usize::MAX);
    let all = app.listen(administrator(stream()), usize::MAX);
    let tables = app.listen(as_one(Asked::get("/roomTables/stream"), "ann", &[]), usize::MAX);
    for (user, room) in [("ann", 1), ("bob", 2)] {
        app.send(as_one(Asked::post("/reserves", &json!({"roomId": room})), user, &[])).expect(201);
        app.settle();
        app.advance(REST);
    }
    assert!(!own.so_far().text.contains("bob") && own.so_far().text.contains("ann"), "{}", own.so_far().text);
    assert!(!tables.so_far().text.contains("bob") && tables.so_far().text.contains("ann"), "{}", tables.so_far().text);
    assert!(all.so_far().text.contains("bob") && all.so_far().text.contains("ann"));
    assert_eq!(own.so_far().header("vary"), "authorization");
    let asked = |query: &str| as_one(Asked::get(format!("/reserves/stream?{query}")), "ann", &[]);
    app.send(asked("userId=bob")).refused(403, "not-yourself");
    let mine = app.listen(asked("userId=ann"), usize::MAX);
    assert_eq!(mine.events().iter().filter(|told| told.event == "row").count(), 1);

    // Who has proved who they are for an hour is not told anything for longer.
    app.advance(Duration::from_secs(3600 + 31));
    assert!(own.has_ended() && all.has_ended());
}

#[test]
fn a_stream_goes_on_after_a_restart_and_much_later() {
    let mut app = app();
    let mut client = Follower::default();
    reserve(&mut app, "1", 1, "08:00");
    let live = client.listen(&mut app, "/reserves/stream", usize::MAX);
    client.hear(&live);
    drop(live);
    app.restart();
    reserve(&mut app, "2", 1, "10:00");
    app.advance(Duration::from_secs(3 * 24 * 3600));
    app.settle();
    let live = client.listen(&mut app, "/reserves/stream", usize::MAX);
    assert_eq!(names(&live), ["row", "row", "current"], "what has changed is told, and nothing twice");
    client.hear(&live);
    assert_eq!(client.rows, stand(&mut app, "reserves", ""));
    let live = client.listen(&mut app, "/reserves/stream", usize::MAX);
    assert_eq!(names(&live), ["current"]);
    for unknown in ["", "x", "0000000000000001-1-1"] {
        let live = app.listen(Asked::get("/reserves/stream").header("last-event-id", unknown), usize::MAX);
        assert_eq!(names(&live), ["reset", "row", "row", "current"], "{unknown}");
    }
}

#[test]
fn whoever_does_not_read_is_let_go_and_loses_nothing() {
    let mut app = app();
    let mut client = Follower::default();
    let lazy = app.listen(Asked::get("/reserves/stream"), 1);
    let slots = ["08:00", "10:00", "12:00", "14:00", "16:00", "18:00", "20:00"];
    for slot in slots {
        reserve(&mut app, "1", 1, slot);
        app.advance(REST);
    }
    app.advance(Duration::from_secs(31));
    app.advance(Duration::from_secs(31));
    client.hear(&lazy);
    assert!(client.rows.len() < slots.len());
    let live = client.listen(&mut app, "/reserves/stream", usize::MAX);
    client.hear(&live);
    assert_eq!(client.rows, stand(&mut app, "reserves", ""));
}

#[test]
fn so_many_can_listen_and_no_more_and_whoever_goes_makes_room() {
    let mut app = app();
    let mut live: Vec<_> = (0..512).map(|_| app.listen(Asked::get("/rooms/stream"), usize::MAX)).collect();
    assert!(live.iter().all(|live| live.so_far().status.as_u16() == 200));
    let refused = app.get("/rooms/stream");
    refused.refused(503, "overloaded");
    assert_ne!(refused.header("retry-after"), "");
    app.get("/rooms").expect(200);
    live.pop();
    app.run();
    live.push(app.listen(Asked::get("/rooms/stream"), usize::MAX));
    assert_eq!(live[511].so_far().status.as_u16(), 200);
    // Whoever holds the line and reads nothing keeps nobody out for long.
    drop(live);
    app.run();
    let lazy: Vec<_> = (0..512).map(|_| app.listen(Asked::get("/rooms/stream"), 0)).collect();
    app.get("/rooms/stream").refused(503, "overloaded");
    app.advance(Duration::from_secs(31));
    assert_eq!(app.listen(Asked::get("/rooms/stream"), usize::MAX).so_far().status.as_u16(), 200);
    drop(lazy);
}

fn peer(last: u8) -> Peer {
    Peer([192, 0, 2, last].into())
}

#[test]
fn where_nobody_proves_who_they_are_one_address_cannot_take_all_places() {
    let mut app = app();
    let from = |last| Asked::get("/rooms/stream").with(peer(last));
    let mut live: Vec<_> = (0..32).map(|_| app.listen(from(1), usize::MAX)).collect();
    assert!(live.iter().all(|live| live.so_far().status.as_u16() == 200));
    let refused = app.send(from(1));
    refused.refused(503, "overloaded");
    assert_ne!(refused.header("retry-after"), "");
    app.send(Asked::get("/roomSlots/stream").with(peer(1))).refused(503, "overloaded");
    let other = app.listen(from(2), usize::MAX);
    assert_eq!(other.so_far().status.as_u16(), 200);
    let mark = live.pop().unwrap().events().pop().unwrap().id.unwrap();
    app.run();
    assert_eq!(app.listen(from(1), usize::MAX).so_far().status.as_u16(), 200, "whoever goes makes room");
    let moved = app.listen(from(3).header("last-event-id", mark), usize::MAX);
    assert_eq!(names(&moved), ["current"], "a client that has moved goes on");
}

#[test]
fn whoever_proves_who_they_are_is_counted_as_that_wherever_they_are() {
    let mut app = TestApp::start(GUARDED, at("2026-11-23T10:05:00+09:00"));
    let from = |who: &str, last| as_one(Asked::get("/rooms/stream"), who, &[]).with(peer(last));
    let live: Vec<_> = (0..32).map(|n| app.listen(from("ann", n), usize::MAX)).collect();
    assert!(live.iter().all(|live| live.so_far().status.as_u16() == 200));
    app.send(from("ann", 99)).refused(503, "overloaded");
    assert_eq!(app.listen(from("bob", 1), usize::MAX).so_far().status.as_u16(), 200);
}

#[test]
fn it_ends_with_its_service_and_with_the_process() {
    let mut app = app();
    let (rooms, reserves) = (app.listen(Asked::get("/rooms/stream"), usize::MAX), app.listen(Asked::get("/reserves/stream"), usize::MAX));
    app.faults().set("meetingroom/reserve", Fault { down: true, ..Fault::default() });
    app.run();
    assert!(reserves.has_ended() && !rooms.has_ended());
    app.get("/reserves/stream").refused(503, "service-unavailable");
    app.system().end_following();
    app.run();
    assert!(rooms.has_ended());
    app.get("/rooms").expect(200);
}

#[test]
fn an_idle_stream_shows_that_it_is_there() {
    let mut app = app();
    let live = app.listen(Asked::get("/rooms/stream"), usize::MAX);
    let before = live.so_far().text;
    app.advance(Duration::from_secs(15));
    let text = live.so_far().text;
    let beat = text.strip_prefix(&before).unwrap();
    assert!(beat.starts_with(":\nid: ") && beat.ends_with("\n\n"), "{beat:?}");
    assert_eq!(live.events().len(), 3, "it is no event");
}

/// What is told of slots, each by its number and what it became.
fn slots(live: &Live) -> Vec<String> {
    let slot = |told: Told| match told.event.as_str() {
        "row" => format!("{} {}", told.data["id"], told.data["status"].as_str().unwrap()),
        "removed" => format!("{} removed", told.data["id"]),
        other => other.into(),
    };
    live.events().into_iter().map(slot).collect()
}

#[test]
fn the_slots_of_a_date_are_told_as_what_stands_in_them_changes() {
    let mut app = app();
    let path = "/roomSlots/stream?date=2026-11-24&floor=1";
    let live = app.listen(Asked::get(path), usize::MAX);
    let mut heard = slots(&live);
    assert_eq!((heard.len(), heard[0].as_str(), heard[7].as_str()), (8, "101 Available", "current"), "{heard:?}");
    let told = live.events()[0].data.clone();
    assert_eq!(told, app.get("/roomSlots/101?date=2026-11-24").expect(200), "a slot is told as it is shown");
    let itself = told["_links"]["self"]["href"].as_str().unwrap();
    assert_eq!(told, app.get(itself).expect(200), "and its link leads to that day");
    let text = live.so_far().text;
    let with_id: Vec<_> = text.split("\n\n").map(|block| block.starts_with("id: ")).collect();
    let of_slots = [false; 7].into_iter().chain([true, true, false]).collect::<Vec<_>>();
    assert_eq!(with_id, of_slots, "only who has heard the last of what belongs together has heard of it: {text}");
    let mut told = |app: &mut TestApp| {
        app.settle();
        app.advance(REST);
        let all = slots(&live);
        let before = std::mem::replace(&mut heard, all);
        heard[before.len()..].to_vec()
    };
    assert_eq!(reserve(&mut app, "1", 1, "10:00"), 201);
    assert_eq!(told(&mut app), ["102 Reserved"], "and no other slot");
    // Another room's, which does not match, and another day's.
    assert_eq!(reserve(&mut app, "1", 2, "10:00"), 201);
    app.post("/reserves", json!({"userId": "1", "roomId": 1, "date": "2026-11-25", "startTime": "08:00"})).expect(201);
    assert_eq!(told(&mut app), [""; 0]);
    app.delete("/reserves/1").expect(204);
    assert_eq!(told(&mut app), ["102 Available"]);
    let closing = json!({"roomId": 1, "from": "2026-11-24T19:00:00+09:00", "until": "2026-11-24T21:00:00+09:00"});
    app.post("/maintenances", closing).expect(201);
    assert_eq!(told(&mut app).last().unwrap(), "107 Maintenance");
    app.delete("/maintenances/1").expect(204);
    assert_eq!(told(&mut app).last().unwrap(), "107 Available");
    for floor in ["1", "2"] {
        app.post("/rooms", json!({"floor": floor, "slots": "08:00-09:50"})).expect(201);
    }
    assert_eq!(told(&mut app), ["301 Available", "401 removed"]);
    for wrong in ["date=tomorrow", "page=1", "sort=id", "colour=red"] {
        app.get(&format!("/roomSlots/stream?{wrong}")).refused(422, "invalid-fields");
    }
    // A mark is one of its date and filters.
    let mark = live.events().pop().unwrap().id.unwrap();
    for (query, first) in [("date=2026-11-24&floor=1", "current"), ("date=2026-11-25&floor=1", "reset"), ("date=2026-11-24", "reset")] {
        let again = app.listen(Asked::get(format!("/roomSlots/stream?{query}")).header("last-event-id", &mark), usize::MAX);
        assert_eq!(slots(&again)[0], first, "{query}");
    }
    let short = mark.rsplit_once('.').unwrap().0;
    assert_eq!(slots(&app.listen(Asked::get(path).header("last-event-id", short), usize::MAX))[0], "reset");
}

#[test]
fn a_slot_shows_its_meeting_from_its_start_to_its_end() {
    let mut app = app();
    let live = app.listen(Asked::get("/roomSlots/stream?roomId=1"), usize::MAX);
    app.post("/reserves", json!({"userId": "1", "roomId": 1})).expect(201);
    app.settle();
    app.advance(REST);
    app.post("/conferences", json!({"userId": "1", "roomId": 1, "reserveId": 1})).expect(201);
    app.settle();
    app.advance(REST);
    app.delete("/conferences/1").expect(204);
    app.settle();
    app.advance(REST);
    assert_eq!(slots(&live)[8..], ["102 Reserved", "102 Started", "102 Available"]);
}

#[test]
fn todays_slots_are_told_until_the_day_is_over_and_then_the_next_days() {
    let mut app = app();
    let mut client = Follower::default();
    let live = client.listen(&mut app, "/roomSlots/stream", usize::MAX);
    // Told nothing for so long, it is still there.
    app.advance(Duration::from_secs(13 * 3600));
    assert!(!live.has_ended());
    app.advance(Duration::from_secs(3600));
    assert!(live.has_ended(), "at midnight in Seoul");
    client.hear(&live);
    assert_eq!(client.rows[&101]["date"], "2026-11-23");
    let live = client.listen(&mut app, "/roomSlots/stream", usize::MAX);
    assert_eq!(slots(&live)[0], "reset");
    client.hear(&live);
    assert_eq!(client.rows, stand(&mut app, "roomSlots", ""));
    assert_eq!(client.rows[&101]["date"], "2026-11-24");
    let named = app.listen(Asked::get("/roomSlots/stream?date=2026-11-24"), usize::MAX);
    app.advance(Duration::from_secs(24 * 3600));
    assert!(!named.has_ended(), "a date that is named is no other one tomorrow");
}

#[test]
fn slots_are_told_on_after_a_restart_and_hide_whose_they_are() {
    let mut app = TestApp::start(GUARDED, at("2026-11-23T10:05:00+09:00"));
    app.send(administrator(Asked::post("/rooms", &json!({"floor": "1"})))).expect(201);
    app.settle();
    let stream = |who: &str| as_one(Asked::get("/roomSlots/stream?date=2026-11-23"), who, &[]);
    let live = app.listen(stream("bob"), usize::MAX);
    let mark = live.events().pop().unwrap().id.unwrap();
    drop(live);
    app.send(as_one(Asked::post("/reserves", &json!({"roomId": 1})), "ann", &[])).expect(201);
    app.settle();
    app.restart();
    let [other, own] = ["bob", "ann"].map(|who| app.listen(stream(who).header("last-event-id", &mark), usize::MAX));
    assert_eq!(slots(&other), ["102 Reserved", "current"], "what has changed, and nothing besides");
    assert_eq!(slots(&own)[0], "reset", "a mark is its reader's own");
    assert!(!other.so_far().text.contains("ann") && own.so_far().text.contains("ann"), "{}", other.so_far().text);
}

/// What a test does next.
#[derive(Clone, Debug)]
enum Act {
    Reserve { user: u8, room: u64, slot: usize },
    Cancel(u64),
    Start(u64),
    End(u64),
    Close { room: u64, hour: u8, hours: u8 },
    Open(u64),
    Add { floor: u8 },
    Pass(u64),
    Restart,
    Crash,
    Listen { pieces: usize },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0..3_u8, 1..=2_u64, 0..7_usize).prop_map(|(user, room, slot)| Act::Reserve { user, room, slot }),
        3 => (1..10_u64).prop_map(Act::Cancel),
        2 => (1..10_u64).prop_map(Act::Start),
        1 => (1..5_u64).prop_map(Act::End),
        2 => (1..=3_u64, 7..20_u8, 1..4_u8).prop_map(|(room, hour, hours)| Act::Close { room, hour, hours }),
        1 => (1..4_u64).prop_map(Act::Open),
        1 => (1..=2_u8).prop_map(|floor| Act::Add { floor }),
        2 => prop_oneof![3 => 1..200_u64, 1 => 600..1400_u64].prop_map(Act::Pass),
        1 => Just(Act::Restart),
        1 => Just(Act::Crash),
        4 => (0..6_usize).prop_map(|pieces| Act::Listen { pieces }),
    ];
    proptest::collection::vec(act, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_is_cut_off_anywhere_ends_with_the_rows_of_the_list(acts in acts(), seed in any::<u64>(), filtered in any::<bool>()) {
        let disk = testkit::disk::Disk::new(seed);
        let mut app = TestApp::with(MEETINGROOM, Setup::at(at("2026-11-23T10:05:00+09:00")).on(&disk).seeded(seed));
        for floor in ["1", "2"] {
            app.post("/rooms", json!({"floor": floor, "openingRule": "days-ahead:9"})).expect(201);
        }
        // Own rows, those of a view, and slots, which are put together: of a date, and of the day that it is.
        let queries = [
            ("reserves", if filtered { "status=Reserved" } else { "" }),
            ("roomTables", ""),
            ("roomSlots", if filtered { "date=2026-11-24&floor=1" } else { "date=2026-11-24" }),
            ("roomSlots", ""),
        ];
        let mut clients = queries.map(|_| Follower::default());
        let slots = ["08:00", "10:00", "12:00", "14:00", "16:00", "18:00", "20:00"];
        // Kept to be cut off only while something happens.
        let mut live = Vec::new();
        let mut listen = |app: &mut TestApp, clients: &mut [Follower], pieces| {
            for (client, live) in clients.iter_mut().zip(live.drain(..)) {
                client.hear(&live);
            }
            let paths = queries.map(|(collection, query)| format!("/{collection}/stream?{query}"));
            live = clients.iter().zip(paths).map(|(client, path)| client.listen(app, &path, pieces)).collect();
        };
        for act in acts {
            match act {
                Act::Reserve { user, room, slot } => drop(reserve(&mut app, &user.to_string(), room, slots[slot])),
                Act::Cancel(id) => drop(app.delete(&format!("/reserves/{id}"))),
                Act::Start(id) => {
                    let reserve = app.get(&format!("/reserves/{id}")).json();
                    let (user, room) = (reserve["userId"].clone(), reserve["roomId"].clone());
                    app.post("/conferences", json!({"userId": user, "roomId": room, "reserveId": id}));
                }
                Act::End(id) => drop(app.delete(&format!("/conferences/{id}"))),
                Act::Close { room, hour, hours } => {
                    let time = |hour| format!("2026-11-24T{hour:02}:00:00+09:00");
                    app.post("/maintenances", json!({"roomId": room, "from": time(hour), "until": time(hour + hours)}));
                }
                Act::Open(id) => drop(app.delete(&format!("/maintenances/{id}"))),
                Act::Add { floor } => drop(app.post("/rooms", json!({"floor": floor.to_string(), "openingRule": "days-ahead:9"}))),
                Act::Pass(minutes) => app.advance(Duration::from_secs(minutes * 60)),
                Act::Restart => app.restart(),
                Act::Crash => app.crash(),
                Act::Listen { pieces } => listen(&mut app, &mut clients, pieces),
            }
        }
        app.settle();
        // The second time hears what the first was told.
        listen(&mut app, &mut clients, usize::MAX);
        listen(&mut app, &mut clients, usize::MAX);
        for ((collection, query), client) in queries.into_iter().zip(clients) {
            prop_assert_eq!(client.rows, stand(&mut app, collection, query), "{} {}", collection, query);
        }
    }
}
