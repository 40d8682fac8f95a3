//! Free sittings as they change: whoever listens ends with those that a list shows, however often they are cut off.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::streams::{Follower, REST, listed};
use testkit::{Asked, Live, Setup, TestApp, Told, at};

use crate::{NOW, RESTAURANT};

fn app() -> TestApp {
    let mut app = TestApp::start(RESTAURANT, at(NOW));
    app.post("/venues", json!({"restaurantNo": "10", "seats": 4})).expect(201);
    app.settle();
    app
}

fn reserve(app: &mut TestApp, venue: &str, time: &str, party: u32) -> u16 {
    app.post("/reservations", json!({"restaurantNo": venue, "day": "20261124", "time": time, "partySize": party})).status.as_u16()
}

fn change(app: &mut TestApp, venue: &str, body: &Value) -> u16 {
    app.send(Asked::new("PATCH", format!("/venues/{venue}")).json(body)).status.as_u16()
}

/// What was told: the time of each sitting and how many seats it has left, or what else it was.
fn told(events: &[Told]) -> Vec<String> {
    let told = events.iter().map(|told| match told.event.as_str() {
        "row" => format!("{} {}", told.data["time"].as_str().unwrap(), told.data["seatsLeft"]),
        other => other.to_owned(),
    });
    told.collect()
}

/// Follows the free sittings.
fn follow(client: &Follower, app: &mut TestApp, query: &str, pieces: usize) -> Live {
    client.listen(app, &format!("/availability/stream?{query}"), pieces)
}

fn free(app: &mut TestApp, query: &str) -> BTreeMap<u64, Value> {
    listed(app, "availability", query)
}

#[test]
fn free_sittings_are_told_as_they_fill_and_empty() {
    let mut app = app();
    let query = "restaurantNo=10&day=20261124&partySize=3";
    let live = app.listen(Asked::get(format!("/availability/stream?{query}")), usize::MAX);
    assert_eq!(told(&live.events()), ["11:30 4", "13:00 4", "17:30 4", "19:30 4", "current"]);
    let first = app.get(&format!("/availability?{query}")).expect(200)["_embedded"]["availability"][0].clone();
    assert_eq!(live.events()[0].data, first, "a sitting is told as it is shown");
    let mut heard = live.events().len();
    let mut news = |app: &mut TestApp| {
        app.settle();
        // What is put together from two kinds of rows hears of one after the other.
        (0..3).for_each(|_| app.advance(REST));
        let all = live.events();
        let news = told(&all[heard..]);
        heard = all.len();
        news
    };
    assert_eq!(reserve(&mut app, "10", "13:00", 1), 201);
    assert_eq!(news(&mut app), ["11:30 4", "13:00 3", "17:30 4", "19:30 4"]);
    assert_eq!(reserve(&mut app, "10", "13:00", 1), 201);
    assert_eq!(news(&mut app), ["11:30 4", "removed", "17:30 4", "19:30 4"], "there is no room for three");
    app.delete("/reservations/1").expect(204);
    assert_eq!(news(&mut app), ["11:30 4", "13:00 3", "17:30 4", "19:30 4"]);
    app.delete("/reservations/2").expect(204);
    assert_eq!(news(&mut app), ["11:30 4", "13:00 4", "17:30 4", "19:30 4"], "also when nobody is left");
    // Another day and another venue are others' matter.
    app.post("/reservations", json!({"restaurantNo": "10", "day": "20261125"})).expect(201);
    reserve(&mut app, "77", "13:00", 1);
    assert!(news(&mut app).iter().all(|one| one == "removed"));
    assert_eq!(change(&mut app, "1", &json!({"seats": 9, "closedDates": ["2026-11-30"]})), 200);
    assert_eq!(news(&mut app)[..4], ["11:30 9", "13:00 9", "17:30 9", "19:30 9"]);
    assert_eq!(change(&mut app, "1", &json!({"closedDates": ["2026-11-24"]})), 200);
    assert_eq!(news(&mut app)[..4], ["removed"; 4]);
    for wrong in ["", "restaurantNo=10&page=1", "restaurantNo=10&partySize=0", "restaurantNo=10&colour=red"] {
        app.get(&format!("/availability/stream?{wrong}")).refused(422, "invalid-fields");
    }
}

#[test]
fn they_are_told_until_one_begins_and_who_comes_back_is_told_what_is_left() {
    let mut app = app();
    let mut client = Follower::default();
    let live = follow(&client, &mut app, "restaurantNo=10", usize::MAX);
    app.advance_to(at("2026-11-23T11:29:59+09:00"));
    assert!(!live.has_ended());
    client.hear(&live);
    app.advance_to(at("2026-11-23T11:30:00+09:00"));
    assert!(live.has_ended(), "lunch has begun");
    let live = follow(&client, &mut app, "restaurantNo=10", usize::MAX);
    assert_eq!(told(&live.events()), ["reset", "removed", "13:00 4", "17:30 4", "19:30 4", "current"]);
    client.hear(&live);
    // Its sittings are others now, and one begins before the one that was told until.
    assert_eq!(change(&mut app, "1", &json!({"sittings": "12:00-13:00,17:30-19:30"})), 200);
    app.settle();
    app.advance(REST);
    assert!(live.has_ended());
    let live = follow(&client, &mut app, "restaurantNo=10", usize::MAX);
    client.hear(&live);
    assert_eq!(client.rows, free(&mut app, "restaurantNo=10"));
    app.advance_to(at("2026-11-23T17:30:00+09:00"));
    assert!(live.has_ended());
    let live = follow(&client, &mut app, "restaurantNo=10", usize::MAX);
    assert_eq!(told(&live.events()), ["reset", "removed", "removed", "current"]);
    client.hear(&live);
    // Today is over at midnight, and tomorrow's are today's then.
    app.advance_to(at("2026-11-24T00:00:00+09:00"));
    assert!(live.has_ended());
    let live = follow(&client, &mut app, "restaurantNo=10", usize::MAX);
    assert_eq!(told(&live.events()), ["reset", "12:00 4", "17:30 4", "current"]);
}

#[test]
fn a_mark_is_one_of_what_was_looked_for_and_outlives_a_restart() {
    let mut app = app();
    let live = app.listen(Asked::get("/availability/stream?restaurantNo=10&day=20261124"), usize::MAX);
    let mark = live.events().pop().unwrap().id.unwrap();
    drop(live);
    app.restart();
    for (query, first) in [
        ("restaurantNo=10&day=20261124", "current"),
        ("restaurantNo=10&day=20261124&partySize=3", "reset"),
        ("restaurantNo=10&day=20261125", "reset"),
        ("restaurantNo=11&day=20261124", "reset"),
    ] {
        let again = app.listen(Asked::get(format!("/availability/stream?{query}")).header("last-event-id", &mark), usize::MAX);
        assert_eq!(told(&again.events())[0], first, "{query}");
    }
}

#[test]
fn a_venue_that_nobody_knows_yet_is_told_of_when_it_opens() {
    let mut app = app();
    let mut client = Follower::default();
    let live = follow(&client, &mut app, "restaurantNo=77", usize::MAX);
    assert_eq!(told(&live.events()), ["current"]);
    client.hear(&live);
    reserve(&mut app, "77", "13:00", 1);
    app.settle();
    app.advance(REST);
    assert!(live.has_ended(), "it was not known which day is its today");
    client.hear(&follow(&client, &mut app, "restaurantNo=77", usize::MAX));
    assert_eq!((client.rows.len(), &client.rows), (4, &free(&mut app, "restaurantNo=77")));
}

#[test]
fn a_sitting_that_went_and_came_back_while_nobody_listened_is_told_as_it_is() {
    let mut app = app();
    let query = "restaurantNo=10&day=20261124";
    let mut client = Follower::default();
    let live = follow(&client, &mut app, query, usize::MAX);
    client.hear(&live);
    for sittings in ["12:00-13:00,13:00-14:30,17:30-19:30", "11:30-13:00,13:00-14:30,17:30-19:30,19:30-21:30"] {
        assert_eq!(change(&mut app, "1", &json!({"sittings": sittings})), 200);
        app.settle();
    }
    let live = follow(&client, &mut app, query, usize::MAX);
    client.hear(&live);
    assert_eq!(client.rows.len(), 4);
    assert_eq!(client.rows, free(&mut app, query));
}

/// What a test does next.
#[derive(Clone, Debug)]
enum Act {
    Reserve { venue: usize, day: u8, time: usize, party: u32 },
    Cancel(u64),
    Seats { venue: u64, seats: u32 },
    Sittings { venue: u64, which: usize },
    Pass(u64),
    Restart,
    Crash,
    Listen { pieces: usize },
}

const SITTINGS: [&str; 3] =
    ["11:30-13:00,13:00-14:30,17:30-19:30,19:30-21:30", "12:00-13:00,13:00-14:30,17:30-19:30", "10:30-11:00,19:30-21:30"];
const TIMES: [&str; 4] = ["11:30", "13:00", "17:30", "19:30"];

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0..3_usize, 23..=24_u8, 0..4_usize, 1..=3_u32).prop_map(|(venue, day, time, party)| Act::Reserve { venue, day, time, party }),
        3 => (1..10_u64).prop_map(Act::Cancel),
        1 => (1..=3_u64, 3..9_u32).prop_map(|(venue, seats)| Act::Seats { venue, seats }),
        2 => (1..=3_u64, 0..3_usize).prop_map(|(venue, which)| Act::Sittings { venue, which }),
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
    fn whoever_is_cut_off_anywhere_ends_with_what_is_free(acts in acts(), seed in any::<u64>()) {
        let disk = testkit::disk::Disk::new(seed);
        let mut app = TestApp::with(RESTAURANT, Setup::at(at(NOW)).on(&disk).seeded(seed));
        for venue in ["10", "11"] {
            app.post("/venues", json!({"restaurantNo": venue, "seats": 4})).expect(201);
        }
        // The last is one that nobody has added, and may open by itself.
        let queries = ["restaurantNo=10", "restaurantNo=10&day=20261124&partySize=3", "restaurantNo=11&day=20261123&partySize=1", "restaurantNo=77"];
        let mut clients = queries.map(|_| Follower::default());
        // Kept to be cut off only while something happens.
        let mut live = Vec::new();
        let mut listen = |app: &mut TestApp, clients: &mut [Follower], pieces| {
            for (client, live) in clients.iter_mut().zip(live.drain(..)) {
                client.hear(&live);
            }
            live = clients.iter().zip(queries).map(|(client, query)| follow(client, app, query, pieces)).collect();
        };
        for act in acts {
            match act {
                Act::Reserve { venue, day, time, party } => {
                    let venue = ["10", "11", "77"][venue];
                    let body = json!({"restaurantNo": venue, "day": format!("202611{day}"), "time": TIMES[time], "partySize": party});
                    app.post("/reservations", body);
                }
                Act::Cancel(id) => drop(app.delete(&format!("/reservations/{id}"))),
                Act::Seats { venue, seats } => drop(change(&mut app, &venue.to_string(), &json!({"seats": seats}))),
                Act::Sittings { venue, which } => drop(change(&mut app, &venue.to_string(), &json!({"sittings": SITTINGS[which]}))),
                Act::Pass(minutes) => app.advance(Duration::from_secs(minutes * 60)),
                Act::Restart => app.restart(),
                Act::Crash => app.crash(),
                Act::Listen { pieces } => listen(&mut app, &mut clients, pieces),
            }
        }
        app.settle();
        // The second time hears what the first was told, and the third what one was told that had to come back.
        for _ in 0..3 {
            listen(&mut app, &mut clients, usize::MAX);
        }
        for (query, client) in queries.into_iter().zip(clients) {
            prop_assert_eq!(client.rows, free(&mut app, query), "{}", query);
        }
    }
}
