//! Many ask for one thing in the same moment: one gets it, and the others are told what is in the way.

use std::io::{BufReader, Write as _};
use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};

use crate::support::http::{Answer, connect, read_answer};
use crate::support::{Api, Stopwatch, Yeyak, rounds};

/// How many ask at once.
const AT_ONCE: usize = 64;

/// Rounds, unless `YEYAK_ROUNDS` says otherwise.
const ROUNDS: usize = 20;

/// How many slots a room with `days-ahead:14` has on the thirteen days after the first.
const SLOTS: usize = 13 * 7;

struct Asked {
    method: &'static str,
    path: String,
    body: Value,
    /// How often its sender looks at the room once all may go, before asking: some are later than others.
    looks: usize,
}

impl Asked {
    fn post(path: &str, body: Value) -> Self {
        Self { method: "POST", path: path.into(), body, looks: 0 }
    }
}

/// Sends all of these in the same moment, each on a connection of its own: every one is complete but for its last byte before any gets it.
fn at_once(api: &Api, asked: &[Asked]) -> Vec<Answer> {
    let start = Barrier::new(asked.len());
    thread::scope(|scope| {
        let asking: Vec<_> = asked.iter().map(|one| scope.spawn(|| ask(api, one, &start))).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn ask(api: &Api, asked: &Asked, start: &Barrier) -> Answer {
    let Asked { method, path, body, looks } = asked;
    let mut stream = connect(api.address).unwrap();
    let body = body.to_string();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: yeyak\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    let request = [head.as_bytes(), body.as_bytes()].concat();
    let (last, rest) = request.split_last().unwrap();
    stream.write_all(rest).unwrap();
    start.wait();
    for _ in 0..*looks {
        api.get("/rooms");
    }
    stream.write_all(&[*last]).unwrap();
    read_answer(&mut BufReader::new(stream), method).unwrap().expect("an answer")
}

/// Makes a room, and names it.
fn room(api: &Api, rule: &str) -> u64 {
    api.post("/rooms", &json!({"floor": "1", "openingRule": rule})).expect(201)["id"].as_u64().unwrap()
}

fn with_status(answers: &[Answer], status: u16) -> Vec<&Answer> {
    answers.iter().filter(|answer| answer.status == status).collect()
}

/// The date and start of the slot with this number, counted from 2026-11-24T08:00 on.
fn slot(number: usize) -> (String, String) {
    let date = jiff::civil::date(2026, 11, 24).saturating_add(jiff::Span::new().days(i64::try_from(number / 7).unwrap()));
    (date.to_string(), format!("{:02}:00", 8 + number % 7 * 2))
}

#[test]
fn of_many_who_want_one_slot_one_gets_it() {
    let yeyak = Yeyak::rooms(&["--clock", "2026-11-23T07:30:00+09:00"]);
    let api = yeyak.api();
    let (rounds, watch) = (rounds("YEYAK_ROUNDS", ROUNDS), Stopwatch::start());
    let mut room_id = 0;
    for round in 0..rounds {
        if round % SLOTS == 0 {
            room_id = room(&api, "days-ahead:14");
        }
        let (date, start) = slot(round % SLOTS);
        let reserve = |user| {
            let user = format!("u{user}");
            Asked::post("/reserves", json!({"userId": user, "roomId": room_id, "date": date, "startTime": start}))
        };
        let answers = at_once(&api, &(0..AT_ONCE).map(reserve).collect::<Vec<_>>());
        let won = with_status(&answers, 201);
        assert_eq!(won.len(), 1, "{answers:?}");
        let won = won[0].json();
        for lost in answers.iter().filter(|answer| answer.status != 201) {
            let in_the_way = &lost.problem(409, "slot-taken")["inTheWay"];
            assert_eq!(*in_the_way, json!({"reserveId": won["id"], "start": won["startsAt"], "end": won["endsAt"]}));
            assert!(!String::from_utf8_lossy(&lost.body).contains(won["userId"].as_str().unwrap()), "whose it is, is nobody's business");
        }
    }
    assert_eq!(api.rows("/reserves?status=Reserved").len(), rounds);
    println!("{rounds} rounds of {AT_ONCE}: one 201 and {} 409s each, in {:?}", AT_ONCE - 1, watch.elapsed());
    yeyak.stop();
}

#[test]
fn a_time_is_reserved_or_under_maintenance_and_never_both() {
    let yeyak = Yeyak::rooms(&["--clock", "2026-11-23T07:30:00+09:00"]);
    let api = yeyak.api();
    let (mut reserved, mut closed) = (0, 0);
    for round in 0..rounds("YEYAK_ROUNDS", ROUNDS) {
        let room_id = room(&api, "days-ahead:14");
        let (date, start) = slot(round % SLOTS);
        let (from, until) = (format!("{date}T{start}:00+09:00"), format!("{date}T{:02}:50:00+09:00", 9 + round % SLOTS % 7 * 2));
        let asked: Vec<_> = (0..16)
            .map(|user| match user % 4 {
                0 => Asked::post("/maintenances", json!({"roomId": room_id, "from": from, "until": until})),
                // A maintenance takes two services and a reservation one, so that these would always be first.
                _ => Asked {
                    looks: round % 4 * 2,
                    ..Asked::post("/reserves", json!({"userId": user, "roomId": room_id, "date": date, "startTime": start}))
                },
            })
            .collect();
        let answers = at_once(&api, &asked);
        let of =
            |path: &str, status| asked.iter().zip(&answers).filter(|(one, answer)| one.path == path && answer.status == status).count();
        assert_eq!(of("/maintenances", 201) + of("/reserves", 201), 1, "{answers:?}");
        // The same maintenance asked for again is answered with the one that stands, once that can be shown.
        assert_eq!(of("/reserves", 201) + of("/reserves", 409), 12, "{answers:?}");
        assert_eq!(of("/maintenances", 201) + of("/maintenances", 200) + of("/maintenances", 409), 4, "{answers:?}");
        assert!(of("/maintenances", 201) == 1 || of("/maintenances", 200) == 0, "{answers:?}");
        let reserves = api.rows(&format!("/reserves?roomId={room_id}&status=Reserved")).len();
        let maintenances = api.rows(&format!("/maintenances?roomId={room_id}")).len();
        assert_eq!((reserves, maintenances), (of("/reserves", 201), of("/maintenances", 201)));
        (reserved, closed) = (reserved + reserves, closed + maintenances);
    }
    println!("reserved {reserved} times, closed {closed} times, never both");
    yeyak.stop();
}

#[test]
fn a_meeting_is_started_or_its_reservation_cancelled_and_never_both() {
    let yeyak = Yeyak::rooms(&["--clock", "2026-11-23T10:05:00+09:00"]);
    let api = yeyak.api();
    let (mut started, mut canceled) = (0, 0);
    for round in 0..rounds("YEYAK_ROUNDS", ROUNDS) {
        let room_id = room(&api, "same-day");
        let reserve_id = api.post("/reserves", &json!({"userId": "1", "roomId": room_id})).expect(201)["id"].clone();
        let start = Asked::post("/conferences", json!({"userId": "1", "roomId": room_id, "reserveId": reserve_id}));
        // A start takes two services and a cancel one, so that a cancel would always be first.
        let cancel = Asked { method: "DELETE", path: format!("/reserves/{reserve_id}"), body: json!({}), looks: round % 4 * 2 };
        let asked = [start, cancel];
        let answers = at_once(&api, &asked);
        let [start, cancel] = &answers[..] else { unreachable!("two were asked") };
        let has_started = start.status == 201;
        if has_started {
            cancel.problem(409, "already-started");
            started += 1;
        } else {
            start.problem(409, "not-startable");
            cancel.expect(204);
            canceled += 1;
        }
        let status = &api.get(&format!("/reserves/{reserve_id}")).expect(200)["status"];
        assert_eq!(status, if has_started { "Started" } else { "Canceled" });
        assert_eq!(api.rows(&format!("/conferences?roomId={room_id}")).len(), usize::from(has_started));
    }
    println!("started {started} times, cancelled {canceled} times, never both");
    yeyak.stop();
}
