//! Much more than it can do: what is taken in is answered, the rest is refused at once and told so, and nobody who is slow starves others.

use std::io::{BufReader, Read as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::json;
use tempfile::TempDir;

use crate::support::http::{connect, read_answer};
use crate::support::{Api, Yeyak, until};

/// One on this directory, with this configuration, and a room that can be reserved for two weeks.
fn serve(data: &TempDir, config: &str) -> Yeyak {
    let file = data.path().join("yeyak.toml");
    std::fs::write(&file, config).unwrap();
    let flags = ["--config", file.to_str().unwrap(), "--faults", "--clock", "2026-11-23T07:30:00+09:00"];
    let yeyak = Yeyak::serve(&data.path().join("data"), &flags);
    for _ in 0..4 {
        yeyak.api().post("/rooms", &json!({"floor": "1", "openingRule": "days-ahead:14"})).expect(201);
    }
    yeyak
}

fn booking(number: usize) -> String {
    let day = jiff::civil::date(2026, 11, 23).saturating_add(jiff::Span::new().days(i64::try_from(number / 28).unwrap()));
    let start = format!("{:02}:00", 8 + number / 4 % 7 * 2);
    json!({"userId": format!("u{number}"), "roomId": number % 4 + 1, "date": day.to_string(), "startTime": start}).to_string()
}

#[test]
fn what_is_taken_in_is_answered_and_the_rest_is_refused_at_once() {
    const BOOKINGS: usize = 256;
    let data = TempDir::new().unwrap();
    let yeyak = serve(&data, "meetingroom.reserve.queue = 2\n");
    let api = yeyak.api();
    let (next, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // Everybody asks again until it is had, as a person would: in the end all of them are there, once.
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= BOOKINGS {
                        return;
                    }
                    let body = booking(number);
                    loop {
                        let answer = api.try_send("POST", "/reserves", &[("Accept-Language", "ko")], body.as_bytes()).unwrap();
                        if answer.status == 201 {
                            break;
                        }
                        let problem = answer.problem(503, "overloaded");
                        assert_eq!(problem["detail"], "지금 요청이 너무 많습니다. 잠시 후 다시 시도해 주세요.");
                        assert_eq!(answer.header("retry-after"), Some("1"));
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    println!("{} were refused", refused.load(Ordering::Relaxed));
    assert_eq!(api.get("/reserves?size=1").expect(200)["page"]["totalElements"], BOOKINGS);
    // The other services had their own places all the while, and this one has its own again.
    api.post("/rooms", &json!({"floor": "2"})).expect(201);
    api.delete("/reserves/1").expect(204);
    yeyak.stop();
}

/// That a client which connects anew each time is served, whatever others do.
#[track_caller]
fn is_served(api: &Api, others: &str) {
    for _ in 0..20 {
        // A client whose connection was closed before its request was read asks again.
        let answer = until(others, || api.try_send("GET", "/rooms", &[], b"").ok());
        assert_eq!(answer.status, 200, "{others}");
    }
    let room = json!({"floor": others}).to_string();
    let made = until(others, || api.try_send("POST", "/rooms", &[("Idempotency-Key", others)], room.as_bytes()).ok());
    assert_eq!(made.status, 201, "{others}");
}

#[test]
fn whoever_is_slow_or_silent_starves_nobody() {
    let data = TempDir::new().unwrap();
    let yeyak = serve(&data, "limits.connections = 32\n");
    let api = yeyak.api();
    for (kind, sent) in [
        ("nothing", ""),
        ("half-a-head", "GET /rooms HTTP/1.1\r\nHost: yey"),
        ("half-a-body", "POST /rooms HTTP/1.1\r\nHost: yeyak\r\nContent-Length: 50\r\n\r\n{\"floor\""),
        ("no-second-request", "GET /rooms HTTP/1.1\r\nHost: yeyak\r\n\r\n"),
    ] {
        let mut silent: Vec<_> = (0..40)
            .map(|_| {
                let mut stream = connect(yeyak.address).unwrap();
                // It may be closed already, for one that came later.
                let _ = stream.write_all(sent.as_bytes());
                stream
            })
            .collect();
        is_served(&api, kind);
        // The first of them had to go.
        let mut rest = Vec::new();
        let _ = silent[0].read_to_end(&mut rest);
    }
    let rooms = api.get("/rooms").expect(200)["page"]["totalElements"].clone();
    assert_eq!(rooms, 4 + 4, "half a request is none");
    yeyak.stop();
}

#[test]
fn whoever_comes_while_all_are_being_answered_waits_for_a_place() {
    let data = TempDir::new().unwrap();
    let yeyak = serve(&data, "limits.connections = 2\n");
    let api = yeyak.api();
    api.post("/actuator/faults", &json!({"service": "meetingroom/room", "delayMs": 300})).expect(200);
    let mut asked: Vec<_> = (0..6)
        .map(|_| {
            let mut stream = connect(yeyak.address).unwrap();
            stream.write_all(b"GET /rooms HTTP/1.1\r\nHost: yeyak\r\nConnection: close\r\n\r\n").unwrap();
            BufReader::new(stream)
        })
        .collect();
    for stream in &mut asked {
        assert_eq!(read_answer(stream, "GET").unwrap().unwrap().status, 200);
    }
    yeyak.stop();
}
