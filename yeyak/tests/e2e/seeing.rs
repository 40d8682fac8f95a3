//! What can be seen of a running Yeyak: metrics, traces, the log, and the story of a request.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread::Builder;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Api, Yeyak, command, until};

/// Sample rooms, whose clock stands in a slot, with these flags.
fn demo(flags: &[&str]) -> Yeyak {
    Yeyak::rooms(&[&["--samples", "--faults", "--clock", "2026-11-23T10:05:00+09:00"], flags].concat())
}

fn down(api: &Api, service: &str) {
    api.post("/actuator/faults", &json!({"service": service, "down": true})).expect(200);
}

#[test]
fn metrics_are_there_to_be_read() {
    let yeyak = demo(&[]);
    let api = yeyak.api();
    api.post("/reserves", &json!({"userId": "1", "roomId": 1})).expect(201);
    let answer = api.get("/actuator/prometheus");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    let text = String::from_utf8(answer.body).unwrap();
    for line in [
        "yeyak_http_requests_total{method=\"POST\",route=\"/reserves\",status=\"201\"} 1\n",
        "yeyak_store_up{system=\"meetingroom\"} 1\n",
        "# TYPE process_resident_memory_bytes gauge\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    yeyak.stop();
}

/// A span as the collector gets it.
#[derive(Clone, Debug)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
}

/// Takes whatever is delivered by OTLP over HTTP.
struct Collector {
    url: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let spans = Arc::<Mutex<Vec<Span>>>::default();
        let taken = Arc::clone(&spans);
        let serve = move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(connection);
                while let Some(body) = read_request(&mut reader) {
                    taken.lock().unwrap().extend(spans_of(&body));
                    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
                }
            }
        };
        Builder::new().spawn(serve).unwrap();
        Self { url, spans }
    }

    /// What it has of one trace.
    fn of(&self, trace: &str) -> Vec<Span> {
        self.spans.lock().unwrap().iter().filter(|span| span.trace == trace).cloned().collect()
    }
}

fn read_request(from: &mut impl std::io::BufRead) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push(line.trim().to_ascii_lowercase());
    }
    assert!(head[0].starts_with("post /v1/traces "), "{head:?}");
    assert!(head.contains(&"content-type: application/x-protobuf".to_owned()), "{head:?}");
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    Some(body)
}

/// The fields of a message of protocol buffers that hold bytes.
fn fields(mut message: &[u8]) -> Vec<(u64, &[u8])> {
    fn varint(from: &mut &[u8]) -> u64 {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let byte = from[0];
            *from = &from[1..];
            number |= u64::from(byte & 127) << shift;
            if byte < 128 {
                break;
            }
        }
        number
    }
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        let length = match key & 7 {
            0 => {
                varint(&mut message);
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut message)).unwrap(),
            other => panic!("wire type {other}"),
        };
        let (value, rest) = message.split_at(length);
        message = rest;
        found.push((key >> 3, value));
    }
    found
}

fn spans_of(request: &[u8]) -> Vec<Span> {
    let within = |messages: Vec<&[u8]>, number: u64| -> Vec<Vec<u8>> {
        let all = messages.into_iter().flat_map(fields).filter(|(field, _)| *field == number);
        all.map(|(_, value)| value.to_vec()).collect()
    };
    let resources = within(vec![request], 1);
    let scopes = within(resources.iter().map(Vec::as_slice).collect(), 2);
    let spans = within(scopes.iter().map(Vec::as_slice).collect(), 2);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let span = |span: &Vec<u8>| {
        let of: BTreeMap<_, _> = fields(span).into_iter().filter(|(field, _)| *field < 6).collect();
        let bytes = |field| of.get(&field).copied().unwrap_or_default();
        Span { trace: hex(bytes(1)), id: hex(bytes(2)), parent: hex(bytes(4)), name: String::from_utf8(bytes(5).into()).unwrap() }
    };
    spans.iter().map(span).collect()
}

#[test]
fn a_trace_goes_from_the_request_through_the_call_and_the_events_to_those_who_follow() {
    const MINE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let collector = Collector::start();
    let yeyak = demo(&["--telemetry-otlp", &collector.url]);
    let api = yeyak.api();
    api.post("/reserves", &json!({"userId": "1", "roomId": 1})).expect(201);
    let traced = [("traceparent", &*format!("00-{MINE}-00f067aa0ba902b7-01")), ("Content-Type", "application/json")];
    let body = json!({"userId": "1", "roomId": 1, "reserveId": 1}).to_string();
    api.try_send("POST", "/conferences", &traced[..1], body.as_bytes()).unwrap().expect(201);
    let unrecorded = [("traceparent", "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-00f067aa0ba902b7-00")];
    api.try_send("GET", "/rooms", &unrecorded, b"").unwrap().expect(200);

    let expected = [
        "POST /conferences",
        "run saga conference/start-meeting",
        "do reserve/check-user",
        "wait for the writer",
        "decide and commit",
        "handle reserve in room/policies",
        "handle reserve in schedule/slotBookings@2",
    ];
    let spans = until("the whole trace is delivered", || {
        let spans = collector.of(MINE);
        let names: BTreeSet<_> = spans.iter().map(|span| span.name.clone()).collect();
        expected.iter().all(|name| names.contains(*name)).then_some(spans)
    });
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    assert_eq!(named("POST /conferences").parent, "00f067aa0ba902b7");
    assert_eq!(named("run saga conference/start-meeting").parent, named("POST /conferences").id);
    assert_eq!(named("do reserve/check-user").parent, named("run saga conference/start-meeting").id);
    // Reserve's event was written for the call, and so whoever handles it goes on from there.
    assert_eq!(named("handle reserve in room/policies").parent, named("do reserve/check-user").id);
    // The meeting's own service hears of it too, and has nothing to do about it.
    assert!(!spans.iter().any(|span| span.name == "handle reserve in conference/policies"));
    assert!(spans.iter().any(|span| span.name == "decide and commit" && span.parent == named("do reserve/check-user").id));
    assert!(!collector.spans.lock().unwrap().iter().any(|span| span.trace.starts_with("aaaa")));
    yeyak.stop();
    // What was not yet sent is sent before the end.
    assert!(collector.spans.lock().unwrap().iter().any(|span| span.name == "POST /reserves"));
}

#[test]
fn a_collector_that_is_away_holds_nobody_up_and_is_told_of_once() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let yeyak = demo(&["--telemetry-otlp", &url]);
    let api = yeyak.api();
    let lost = || {
        let text = String::from_utf8(api.get("/actuator/prometheus").body).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("yeyak_trace_spans_total{outcome=\"lost\"} ").map(str::to_owned));
        line.unwrap().parse::<u64>().unwrap()
    };
    until("spans are lost", || {
        api.post("/reserves", &json!({"userId": "1", "roomId": 1}));
        (lost() > 0).then_some(())
    });
    let first = lost();
    until("spans are lost again", || (lost() > first).then_some(()));
    let told = yeyak.lines().iter().filter(|line| line.contains("traces cannot be delivered")).count();
    assert_eq!(told, 1, "{:#?}", yeyak.lines());
    yeyak.stop();
}

/// Nothing that is sent as these stands anywhere else.
const PEOPLE: [&str; 4] = ["zq-Hong-Gildong-77", "zq-010-1234-9999", "zq-김민수-42", "zq-Seo-Jiyeon-13"];

/// Everything that people do, and do wrongly.
fn live_through(api: &Api) {
    let [one, other, third, fourth] = PEOPLE;
    let reserve = |user: &str, room: u64| api.post("/reserves", &json!({"userId": user, "roomId": room}));
    let mine = reserve(one, 1).expect(201)["id"].clone();
    reserve(other, 1).expect(409);
    let start = json!({"userId": one, "roomId": 1, "reserveId": mine});
    api.post("/conferences", &json!({"userId": other, "roomId": 1, "reserveId": mine})).expect(403);
    down(api, "meetingroom/reserve");
    api.post("/conferences", &start).expect(503);
    reserve(third, 3).expect(503);
    api.delete("/actuator/faults").expect(204);
    api.post("/actuator/faults", &json!({"service": "meetingroom/reserve", "delayMs": 1500})).expect(200);
    api.post("/conferences", &start);
    api.delete("/actuator/faults").expect(204);
    until("the meeting begins", || (api.post("/conferences", &start).status == 201).then_some(()));
    down(api, "meetingroom/room");
    let second = reserve(third, 3);
    if second.status == 201 {
        api.delete(&format!("/reserves/{}", second.json()["id"]));
    }
    api.delete("/actuator/faults").expect(204);
    // What is wrong with a body, a query, a path, a header or a key.
    for body in [format!("{{\"userId\": \"{fourth}\""), format!("{{\"userId\": [\"{fourth}\"], \"roomId\": \"{third}\"}}"), fourth.into()] {
        api.try_send("POST", "/reserves", &[], body.as_bytes()).unwrap();
    }
    for path in ["/reserves?userId=zq-Hong-Gildong-77", "/reserves?zq-Seo-Jiyeon-13=1", "/reserves/zq-Hong-Gildong-77", "/zq-Seo-Jiyeon-13"]
    {
        api.get(path);
    }
    let headers = [("Idempotency-Key", "\"zq-Seo-Jiyeon-13\""), ("Authorization", "Bearer zq-Seo-Jiyeon-13")];
    for _ in 0..2 {
        api.try_send("POST", "/reserves", &headers, json!({"userId": fourth, "roomId": 4}).to_string().as_bytes()).unwrap();
    }
    api.try_send("POST", "/reserves", &headers, json!({"userId": other, "roomId": 4}).to_string().as_bytes()).unwrap();
    let id = api.get("/reserves/1/history").json()["_embedded"]["history"][0]["correlation"].as_str().unwrap().to_owned();
    api.get(&format!("/actuator/events?correlation={id}")).expect(200);
}

#[track_caller]
fn assert_nobody_is_named(lines: &[String]) {
    let named: Vec<_> = lines.iter().filter(|line| line.contains("zq-") || PEOPLE.iter().any(|person| line.contains(person))).collect();
    assert!(named.is_empty(), "{named:#?}");
}

#[test]
fn the_log_names_nobody_and_says_whose_story_a_line_belongs_to() {
    let yeyak = demo(&["--log-level", "debug"]);
    live_through(&yeyak.api());
    let lines = yeyak.lines();
    assert_nobody_is_named(&lines);
    let answered = lines.iter().find(|line| line.contains("a request was answered status=201")).unwrap();
    assert!(answered.contains("request{method=\"POST\" correlation=\"") && answered.contains("route=\"/reserves\""), "{answered}");
    let answers: Vec<_> = lines.iter().filter(|line| line.contains("a request was answered")).collect();
    assert!(answers.iter().all(|line| line.contains(" correlation=\"")), "{answers:#?}");
    assert!(answers.iter().any(|line| line.contains("GET")) && answers.iter().any(|line| line.contains("status=4")), "{answers:#?}");
    let away = lines.iter().find(|line| line.contains("a saga's call was not answered")).unwrap();
    assert!(away.contains(" correlation=\""), "{away}");
    yeyak.stop();
}

#[test]
fn the_log_of_machines_names_nobody_either() {
    let arguments = ["serve", "meetingroom", "--listen", "127.0.0.1:0", "--samples", "--faults", "--clock", "2026-11-23T10:05:00+09:00"];
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let mut process = command();
    process.args(arguments).args(["--log-format", "json", "--log-level", "debug", "--data"]).arg(&data);
    let yeyak = Yeyak::run(&mut process).unwrap_or_else(|lines| panic!("{lines:#?}"));
    live_through(&yeyak.api());
    let lines = yeyak.lines();
    assert_nobody_is_named(&lines);
    let parsed: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answered = parsed.iter().find(|line| line["message"] == "a request was answered" && line["status"] == 201).unwrap();
    assert!(answered["span"]["correlation"].is_string() && answered["span"]["route"].is_string(), "{answered}");
    yeyak.stop();
}

#[test]
fn a_story_is_told_by_a_process_and_by_the_data_it_left() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let yeyak = Yeyak::serve(&data, &["--samples", "--clock", "2026-11-23T10:05:00+09:00"]);
    let api = yeyak.api();
    api.post("/reserves", &json!({"userId": "7", "roomId": 1})).expect(201);
    let id = api.get("/reserves/1/history").json()["_embedded"]["history"][0]["correlation"].as_str().unwrap().to_owned();
    until("the room has heard of it", || (api.get("/rooms/1").json()["status"] == "Reserved").then_some(()));

    let run = |arguments: &[&str]| {
        let output = command().args(["events", "--correlation", &id]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let url = format!("http://{}", yeyak.address);
    let told = run(&["--url", &url]);
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines[0], format!("The story {id}, in times of Asia/Seoul:"));
    assert!(lines[1].starts_with("2026-11-23 10:05:") && lines[1].contains("reserve: calendar 1 reserved (id 1, user 7, "), "{told}");
    assert!(lines[1].contains("by person 7, asked by POST /reserves ["), "{told}");
    assert!(lines[2].contains("    room: room 1 statusFollowed (status Reserved), by policy room/follow-occupancy, because of "), "{told}");
    assert_eq!(lines.len(), 3, "{told}");
    let json: Value = serde_json::from_str(&run(&["--url", &url, "--json"])).unwrap();
    assert_eq!((&json["complete"], &json["events"][0]["type"], &json["events"][0]["depth"]), (&json!(true), &json!("reserved"), &json!(0)));

    // Page by page it is the same.
    let first = api.get(&format!("/actuator/events?correlation={id}&size=1")).expect(200);
    let next = api.get(first["_links"]["next"]["href"].as_str().unwrap()).expect(200);
    let pages = json!([first["_embedded"]["events"][0], next["_embedded"]["events"][0]]);
    assert_eq!((&pages, &next["_links"]["next"]), (&json["events"], &Value::Null));
    api.get("/actuator/events").problem(422, "invalid-fields");

    let output = command().args(["events", "--correlation", &id, "--data"]).arg(&data).output().unwrap();
    assert!(!output.status.success(), "somebody uses it: {output:?}");
    yeyak.stop();
    assert_eq!(run(&["--data", data.to_str().unwrap()]), told);
    let output = command().args(["events", "--correlation", "nobody's", "--data"]).arg(&data).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "yeyak: nothing is known of a story \"nobody's\"\n");
    assert_eq!(output.status.code(), Some(1));
}
