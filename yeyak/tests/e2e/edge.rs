//! The edge over a real connection: streams that outlive a restart and hold up nobody's end, smaller bodies, pages of listed origins.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::http::connect;
use crate::support::{Answer, Api, Yeyak, until};

const CLOCK: [&str; 3] = ["--samples", "--clock", "2026-11-23T10:05:00+09:00"];

/// A stream that is being read.
struct Live {
    lines: BufReader<TcpStream>,
    id: Option<String>,
}

impl Live {
    fn begin(api: &Api, path: &str, last: Option<&str>) -> Self {
        let mut stream = connect(api.address).unwrap();
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: yeyak\r\n{last}Accept-Encoding: gzip\r\n\r\n").unwrap();
        let mut live = Self { lines: BufReader::new(stream), id: None };
        assert_eq!(live.line(), "HTTP/1.1 200 OK");
        until("the head ends", || live.line().is_empty().then_some(()));
        live
    }

    /// The next line; what tells how long pieces are is passed over by whoever looks for something.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The next event: its name and data.
    fn event(&mut self) -> (String, Value) {
        let mut name = String::new();
        loop {
            let line = self.line();
            if let Some(id) = line.strip_prefix("id: ") {
                self.id = Some(id.into());
            } else if let Some(event) = line.strip_prefix("event: ") {
                name = event.into();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (name, serde_json::from_str(data).unwrap());
            }
        }
    }

    /// That it has come to an end, as HTTP has it: with an empty piece.
    fn ends(mut self) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        assert!(rest.ends_with("0\r\n\r\n"), "{rest:?}");
    }
}

fn reserve(api: &Api, slot: &str) {
    api.post("/reserves", &json!({"userId": "1", "roomId": 3, "date": "2026-11-24", "startTime": slot})).expect(201);
}

#[test]
fn a_stream_ends_with_the_process_at_once_and_goes_on_with_the_next() {
    let directory = TempDir::new().unwrap();
    let serve = || Yeyak::serve(directory.path(), &CLOCK);
    let yeyak = serve();
    reserve(&yeyak.api(), "08:00");
    let mut live = Live::begin(&yeyak.api(), "/reserves/stream", None);
    assert_eq!((live.event().1["id"].clone(), live.event().0), (json!(1), "current".to_owned()));
    reserve(&yeyak.api(), "10:00");
    assert_eq!(live.event().1["id"], 2);
    // This one reads nothing at all.
    let idle = Live::begin(&yeyak.api(), "/meetingroom/rooms/stream", None);
    let id = live.id.clone();
    let lines = {
        yeyak.terminate();
        live.ends();
        let mut yeyak = yeyak;
        assert!(yeyak.ended().success());
        yeyak.lines()
    };
    assert!(!lines.iter().any(|line| line.contains("still under way")), "{lines:#?}");
    drop(idle);

    let yeyak = serve();
    reserve(&yeyak.api(), "12:00");
    let mut live = Live::begin(&yeyak.api(), "/reserves/stream", id.as_deref());
    let (name, row) = live.event();
    assert_eq!((name.as_str(), &row["id"]), ("row", &json!(3)), "what was told before is not told again");
    yeyak.stop();
}

#[test]
fn whoever_does_not_read_keeps_nobody_else_waiting() {
    let yeyak = Yeyak::rooms(&CLOCK);
    let api = yeyak.api();
    let lazy: Vec<_> = (0..20).map(|_| Live::begin(&api, "/rooms/stream", None)).collect();
    let mut live = Live::begin(&api, "/rooms/stream", None);
    let mut seen = BTreeSet::new();
    for number in 0..20 {
        api.post("/rooms", &json!({"floor": number.to_string(), "name": "x".repeat(200)})).expect(201);
    }
    while !(1..=24).all(|id| seen.contains(&id)) {
        let (_, row) = live.event();
        seen.extend(row["id"].as_u64());
    }
    // All of them are one client, which may have so many and no more.
    let more: Vec<_> = (0..11).map(|_| Live::begin(&api, "/roomSlots/stream?date=2026-11-24", None)).collect();
    let refused = api.try_send("GET", "/rooms/stream", &[("X-Forwarded-For", "192.0.2.1")], b"").unwrap();
    refused.problem(503, "overloaded");
    assert!(refused.header("retry-after").is_some());
    drop((lazy, more));
    until("who went has made room", || (api.get("/rooms/stream").status == 200).then_some(()));
    yeyak.stop();
}

#[test]
fn what_is_long_is_sent_smaller() {
    let yeyak = Yeyak::rooms(&CLOCK);
    let api = yeyak.api();
    let ask = |method: &str, accepts: &str| api.try_send(method, "/roomSlots", &[("Accept-Encoding", accepts)], b"").unwrap();
    until("the schedule knows all rooms", || (api.get("/roomSlots").expect(200)["page"]["totalElements"] == 28).then_some(()));
    let plain = ask("GET", "identity");
    for coding in ["gzip", "zstd"] {
        let smaller = ask("GET", coding);
        assert_eq!((smaller.status, smaller.header("content-encoding")), (200, Some(coding)));
        assert!(smaller.headers.contains(&("vary".into(), "accept-encoding".into())), "{:?}", smaller.headers);
        assert!(smaller.body.len() * 3 < plain.body.len(), "{} of {}", smaller.body.len(), plain.body.len());
        let tag = smaller.header("etag").unwrap();
        assert_eq!(Some(tag), plain.header("etag").map(|tag| format!("{}-{coding}\"", tag.trim_end_matches('"'))).as_deref());
        let head = ask("HEAD", coding);
        // In which order headers come means nothing.
        let told = |answer: &Answer| {
            let told = answer.headers.iter().filter(|(name, _)| name != "date" && name != "x-request-id");
            told.cloned().collect::<BTreeSet<_>>()
        };
        assert_eq!(told(&head), told(&smaller));
        let again = api.try_send("GET", "/roomSlots", &[("Accept-Encoding", coding), ("If-None-Match", tag)], b"").unwrap();
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag)));
        let head = api.try_send("HEAD", "/roomSlots", &[("Accept-Encoding", coding), ("If-None-Match", tag)], b"").unwrap();
        assert_eq!((head.status, head.header("content-length")), (304, None));
        let other = api.try_send("GET", "/roomSlots", &[("Accept-Encoding", "identity"), ("If-None-Match", tag)], b"").unwrap();
        assert_eq!((other.status, other.body), (200, plain.body.clone()), "who cannot read it does not have it");
    }
    yeyak.stop();
}

#[test]
fn pages_of_listed_origins_may_ask_and_no_others() {
    let yeyak = Yeyak::serve(TempDir::new().unwrap().path(), &["--cors", "https://pages.example, http://localhost:3000"]);
    let asked = |origin: &str| yeyak.api().try_send("GET", "/rooms", &[("Origin", origin)], b"").unwrap();
    for origin in ["https://pages.example", "http://localhost:3000"] {
        assert_eq!(asked(origin).header("access-control-allow-origin"), Some(origin));
    }
    assert_eq!(asked("https://other.example").header("access-control-allow-origin"), None);
    yeyak.stop();
    let open = Yeyak::rooms(&CLOCK);
    let answer = open.api().try_send("GET", "/rooms", &[("Origin", "https://other.example")], b"").unwrap();
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    open.stop();
}
