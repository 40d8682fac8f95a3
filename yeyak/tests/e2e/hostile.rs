//! Nothing that a client can send is answered with a fault of ours: generated bodies, headers, paths and queries at every route, what is
//! no HTTP at all, and the answers that clients rely on when they have got something wrong.

mod generated;

use std::cell::Cell;
use std::io::{BufReader, Write as _};
use std::net::Shutdown;

use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;

use crate::support::http::{connect, read_answer};
use crate::support::{Answer, Api, Yeyak, rounds, until};
use generated::{Asked, Raw};

/// How many cases each property is given, unless `YEYAK_HOSTILE` says otherwise.
const CASES: usize = 250;

/// Every route, with the methods it has.
const ROUTES: &[(&str, &str)] = &[
    ("/rooms", "GET, HEAD, POST"),
    ("/rooms/stream", "GET, HEAD"),
    ("/rooms/{id}", "GET, HEAD"),
    ("/rooms/{id}/history", "GET, HEAD"),
    ("/reserves", "GET, HEAD, POST"),
    ("/reserves/stream", "GET, HEAD"),
    ("/reserves/{id}", "GET, HEAD, DELETE"),
    ("/reserves/{id}/history", "GET, HEAD"),
    ("/conferences", "GET, HEAD, POST"),
    ("/conferences/stream", "GET, HEAD"),
    ("/conferences/{id}", "GET, HEAD, DELETE"),
    ("/conferences/{id}/history", "GET, HEAD"),
    ("/maintenances", "GET, HEAD, POST"),
    ("/maintenances/stream", "GET, HEAD"),
    ("/maintenances/{id}", "GET, HEAD, DELETE"),
    ("/maintenances/{id}/history", "GET, HEAD"),
    ("/roomTables", "GET, HEAD"),
    ("/roomTables/stream", "GET, HEAD"),
    ("/roomTables/{id}", "GET, HEAD"),
    ("/roomTables/{id}/history", "GET, HEAD"),
    ("/reserveTables", "GET, HEAD"),
    ("/reserveTables/stream", "GET, HEAD"),
    ("/reserveTables/{id}", "GET, HEAD"),
    ("/reserveTables/{id}/history", "GET, HEAD"),
    ("/roomSlots", "GET, HEAD"),
    ("/roomSlots/stream", "GET, HEAD"),
    ("/roomSlots/{id}", "GET, HEAD"),
    ("/roomSlots/{id}/history", "GET, HEAD"),
    ("/actuator/health", "GET, HEAD"),
    ("/actuator/health/liveness", "GET, HEAD"),
    ("/actuator/health/readiness", "GET, HEAD"),
    ("/actuator/prometheus", "GET, HEAD"),
    ("/actuator/events", "GET, HEAD"),
    ("/actuator/faults", "GET, HEAD, POST, DELETE"),
];

fn demo() -> Yeyak {
    Yeyak::rooms(&["--samples", "--faults", "--clock", "2026-11-23T10:05:00+09:00"])
}

/// That an answer is one that a client may get, whatever it sent.
fn check(method: &str, answer: &Answer) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what}: {answer:?} {:?}", answer.headers));
    if answer.status < 400 {
        return Ok(());
    }
    if answer.header("content-type") != Some("application/problem+json") {
        return wrong("not a problem");
    }
    match answer.status {
        503 if answer.header("retry-after").is_none() => return wrong("503 without Retry-After"),
        405 if answer.header("allow").is_none_or(str::is_empty) => return wrong("405 without Allow"),
        500..503 | 504.. => return wrong("a fault of ours"),
        _ => {}
    }
    if method == "HEAD" {
        return Ok(());
    }
    if answer.header("content-encoding").is_some() {
        return Ok(());
    }
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(&answer.body) else { return wrong("no JSON") };
    let told = ["title", "detail"]
        .into_iter()
        .map(|member| &body[member])
        .chain(body["errors"].as_array().into_iter().flatten().map(|error| &error["message"]));
    let foreign = told.filter(|text| !text.as_str().is_some_and(is_korean)).count();
    if answer.header("content-language") == Some("ko") && foreign > 0 {
        return wrong("asked for in Korean, and answered in English");
    }
    let whole = body["type"].is_string() && body["title"].is_string() && body["code"].is_string() && body["status"] == answer.status;
    if whole { Ok(()) } else { wrong("not a whole problem") }
}

/// Whether a text has a Korean syllable.
fn is_korean(text: &str) -> bool {
    text.contains(|letter| ('가'..='힣').contains(&letter))
}

/// That all that was generated did no harm: the process is well, and found no fault in itself.
fn assert_well(yeyak: Yeyak) {
    yeyak.api().delete("/actuator/faults").expect(204);
    let health = yeyak.api().get("/actuator/health").expect(200);
    assert_eq!(health["status"], "UP", "{health}");
    yeyak.api().post("/rooms", &json!({"floor": "last"})).expect(201);
    yeyak.stop();
}

/// The control: an answer that a client may not get is found.
#[test]
fn an_answer_that_is_wrong_is_found() {
    let answer = |status, kind: &str, body: &str| Answer { status, headers: vec![("content-type".into(), kind.into())], body: body.into() };
    let problem = |status| format!(r#"{{"type": "/errors/x", "title": "X", "status": {status}, "code": "x"}}"#);
    assert!(check("GET", &answer(404, "application/problem+json", &problem(404))).is_ok());
    assert!(check("GET", &answer(500, "application/problem+json", &problem(500))).is_err());
    assert!(check("GET", &answer(503, "application/problem+json", &problem(503))).is_err(), "without Retry-After");
    assert!(check("GET", &answer(405, "application/problem+json", &problem(405))).is_err(), "without Allow");
    assert!(check("GET", &answer(400, "text/plain", "Bad Request")).is_err());
    assert!(check("GET", &answer(400, "application/problem+json", "{}")).is_err());
    assert!(check("GET", &answer(400, "application/problem+json", &problem(404))).is_err());
}

fn runner(per_case: usize) -> TestRunner {
    let cases = (rounds("YEYAK_HOSTILE", CASES) / per_case).max(1);
    let cases = u32::try_from(cases).unwrap();
    TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 2000, ..Config::default() })
}

/// Sends a request as it was generated. A connection that is closed without an answer is one that HTTP itself turns away.
fn send(api: &Api, asked: &Asked) -> Option<Answer> {
    let mut stream = connect(api.address).unwrap();
    let mut bytes = Vec::new();
    bytes.extend_from_slice(asked.method.as_bytes());
    bytes.push(b' ');
    bytes.extend_from_slice(&asked.target);
    // Whatever can be wrong can be told in Korean.
    bytes.extend_from_slice(b" HTTP/1.1\r\nHost: yeyak\r\nConnection: close\r\nAccept-Language: ko\r\n");
    for (name, value) in &asked.headers {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", asked.body.len()).as_bytes());
    bytes.extend_from_slice(&asked.body);
    let _ = stream.write_all(&bytes);
    read_answer(&mut BufReader::new(stream), &asked.method).ok().flatten()
}

/// That the answer to a request which HTTP can carry is there, and is a right one.
fn check_asked(api: &Api, asked: &Asked) -> Result<(), String> {
    match send(api, asked) {
        // A head that is too large is turned away before there is a request.
        Some(answer) if answer.status == 431 && answer.body.is_empty() => Ok(()),
        Some(answer) if answer.status >= 200 && answer.header("x-request-id").is_none() => {
            Err(format!("{asked:?}: without an id: {answer:?}"))
        }
        Some(answer) => check(&asked.method, &answer).map_err(|why| format!("{asked:?}: {why}")),
        None => Err(format!("{asked:?} was not answered")),
    }
}

#[test]
fn no_body_at_any_route_is_answered_with_a_fault_of_ours() {
    let yeyak = demo();
    let api = yeyak.api();
    let routes: Vec<_> = ROUTES.iter().filter(|(_, methods)| methods.contains("POST") || methods.contains("DELETE")).collect();
    runner(1)
        .run(&generated::body(), |body| {
            for (route, methods) in &routes {
                let method = if methods.contains("POST") { "POST" } else { "DELETE" };
                let asked = Asked::new(method, &route.replace("{id}", "1"), &body);
                check_asked(&api, &asked).map_err(TestCaseError::fail)?;
                if *route == "/actuator/faults" {
                    api.delete("/actuator/faults").expect(204);
                }
            }
            Ok(())
        })
        .unwrap();
    assert_well(yeyak);
}

#[test]
fn nothing_that_is_almost_right_is_answered_with_a_fault_of_ours() {
    let yeyak = demo();
    let api = yeyak.api();
    // The one on which a meeting can be started now.
    api.post("/reserves", &json!({"userId": 1, "roomId": 1})).expect(201);
    for (route, _) in ROUTES.iter().filter(|(route, methods)| methods.contains("POST") && !route.starts_with("/actuator")) {
        let accepted = Cell::new(0);
        runner(1)
            .run(&generated::almost_right(route), |body| {
                let asked = Asked::new("POST", route, &body);
                let answer = send(&api, &asked).ok_or_else(|| TestCaseError::fail(format!("{asked:?} was not answered")))?;
                accepted.set(accepted.get() + u32::from(answer.status < 300));
                check("POST", &answer).map_err(|why| TestCaseError::fail(format!("{asked:?}: {why}")))
            })
            .unwrap();
        // Who generates nothing but nonsense never gets further than the first check.
        assert!(accepted.get() > 0, "{route} accepted nothing");
        println!("{route} accepted {}", accepted.get());
    }
    assert_well(yeyak);
}

#[test]
fn no_path_query_method_or_header_is_answered_with_a_fault_of_ours() {
    let yeyak = demo();
    let api = yeyak.api();
    // Something to find, under the ids that are asked for most.
    api.post("/reserves", &json!({"userId": 1, "roomId": 1})).expect(201);
    for (route, _) in ROUTES {
        runner(3)
            .run(&generated::asked(route), |asked| {
                let checked = check_asked(&api, &asked).map_err(TestCaseError::fail);
                if route.ends_with("/faults") {
                    api.delete("/actuator/faults").expect(204);
                }
                checked
            })
            .unwrap();
    }
    assert_well(yeyak);
}

#[test]
fn what_is_hardly_http_is_turned_away_and_harms_nobody() {
    let yeyak = demo();
    let address = yeyak.address;
    runner(1)
        .run(&generated::raw(), |Raw(bytes)| {
            let mut stream = connect(address).unwrap();
            let _ = stream.write_all(&bytes);
            // It may have announced more than it sends.
            let _ = stream.shutdown(Shutdown::Write);
            let mut answers = BufReader::new(stream);
            // Several requests may have been meant, and what HTTP turns away before there is a request has no body.
            while let Ok(Some(answer)) = read_answer(&mut answers, "") {
                let told = check("", &answer);
                let turned_away = matches!(answer.status, 400 | 408 | 413 | 414 | 431 | 501 | 505) && answer.body.is_empty();
                if let Err(why) = told
                    && !turned_away
                {
                    return Err(TestCaseError::fail(why));
                }
            }
            Ok(())
        })
        .unwrap();
    assert_well(yeyak);
}

/// The answer to a request with these headers and body.
#[track_caller]
fn ask(api: &Api, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let answer = api.try_send(method, path, headers, body).unwrap();
    check(method, &answer).unwrap();
    answer
}

#[test]
fn a_method_that_a_route_does_not_have_is_told_those_it_has() {
    let yeyak = demo();
    let api = yeyak.api();
    for (route, methods) in ROUTES {
        let path = route.replace("{id}", "1");
        let bases = if route.starts_with("/actuator") { &[""][..] } else { &["", "/meetingroom"] };
        for (base, method) in
            bases.iter().flat_map(|base| ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].map(|method| (base, method)))
        {
            let answer = ask(&api.under(base), method, &path, &[], b"");
            if method == "OPTIONS" {
                assert_eq!(answer.status, 204, "{method} {path}");
                let mut allowed: Vec<_> = answer.header("allow").unwrap().split(", ").collect();
                let mut expected: Vec<_> = methods.split(", ").chain(["OPTIONS"]).collect();
                allowed.sort_unstable();
                expected.sort_unstable();
                assert_eq!(allowed, expected, "{method} {path}");
            } else if methods.split(", ").any(|one| one == method) {
                assert_ne!(answer.status, 405, "{method} {path}");
            } else {
                assert_eq!(answer.status, 405, "{method} {path}");
                let mut allowed: Vec<_> = answer.header("allow").unwrap().split(", ").collect();
                let mut expected: Vec<_> = methods.split(", ").chain(["OPTIONS"]).collect();
                allowed.sort_unstable();
                expected.sort_unstable();
                assert_eq!(allowed, expected, "{method} {path}");
                answer.problem(405, "method-not-allowed");
            }
        }
        api.delete("/actuator/faults").expect(204);
    }
    assert_well(yeyak);
}

#[test]
fn head_is_a_get_without_its_body() {
    let yeyak = demo();
    let api = yeyak.api();
    api.post("/reserves", &json!({"userId": 1, "roomId": 1})).expect(201);
    until("the room shows it", || (api.get("/rooms/1").expect(200)["status"] == "Reserved").then_some(()));
    for path in
        ["/rooms", "/rooms/1", "/rooms/1/history", "/reserves/1", "/roomSlots?size=1", "/actuator/health/liveness", "/rooms/99", "/no"]
    {
        let (head, get) = (ask(&api, "HEAD", path, &[], b""), ask(&api, "GET", path, &[], b""));
        assert_eq!((head.status, head.header("content-type")), (get.status, get.header("content-type")), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
    }
    yeyak.stop();
}

#[test]
fn what_a_client_got_wrong_is_told_by_status_and_code() {
    let yeyak = demo();
    let api = yeyak.api();
    let post = |path: &str, body: &str| ask(&api, "POST", path, &[], body.as_bytes());
    for path in ["/rooms", "/reserves", "/conferences", "/maintenances", "/actuator/faults"] {
        for body in ["{", "{\"userId\": }", "nonsense", "{\"a\": 1} trailing", "\u{feff}{}", "{\"a\": \"\\ud800\"}"] {
            assert_eq!(post(path, body).status, 400, "{path} {body}");
        }
        for body in ["[]", "1", "\"text\"", "null"] {
            post(path, body).problem(422, "invalid-fields");
        }
        let largest = format!("{{\"ignored\": \"{}\"}}", "x".repeat(65536 - 15));
        assert_eq!(largest.len(), 65536);
        post(path, &largest).problem(422, "invalid-fields");
        post(path, &format!("{largest} ")).problem(413, "body-too-large");
        post(path, &"x".repeat(5 * 1024 * 1024)).problem(413, "body-too-large");
    }
    ask(&api, "GET", &format!("/rooms?{}", "x".repeat(9000)), &[], b"").problem(414, "uri-too-long");
    let missing = |path: &str, body: &str| {
        let problem = post(path, body).problem(422, "invalid-fields");
        let errors: Vec<_> =
            problem["errors"].as_array().unwrap().iter().map(|error| (error["field"].clone(), error["code"].clone())).collect();
        errors.into_iter().map(|(field, code)| format!("{} {}", field.as_str().unwrap(), code.as_str().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(missing("/rooms", "{}"), ["floor missing"]);
    assert_eq!(missing("/reserves", ""), ["userId missing", "roomId missing"]);
    assert_eq!(missing("/conferences", "{}"), ["userId missing", "roomId missing", "reserveId missing"]);
    assert_eq!(missing("/maintenances", "{\"until\": \"soon\"}"), ["roomId missing", "until wrong-type"]);
    assert_eq!(
        missing("/reserves", "{\"userId\": [], \"roomId\": -1, \"date\": \"31.11.\", \"startTime\": \"25:00\"}"),
        ["userId wrong-type", "roomId out-of-range", "date wrong-type", "startTime invalid"]
    );
    assert_eq!(missing("/actuator/faults", "{}"), ["service missing"]);
    assert_eq!(missing("/actuator/faults", "{\"service\": \"meetingroom/cellar\", \"down\": true}"), ["service unknown"]);

    post("/reserves", "{\"userId\": 1, \"roomId\": 999999}").problem(404, "no-such-room");
    for path in ["/reserves/9", "/reserves/0", "/reserves/-1", "/reserves/x", "/reserves/18446744073709551616", "/reserves/9/history"] {
        ask(&api, "GET", path, &[], b"").problem(404, "not-found");
    }
    for path in ["/conferences/9", "/maintenances/9", "/reserves/9"] {
        ask(&api, "DELETE", path, &[], b"").problem(404, "not-found");
    }
    for path in ["/", "/no", "/rooms/", "/rooms/1/2/3", "/meetingroom", "/meetingroom/no", "/actuator", "/hotel/rooms", "//rooms", "/Rooms"]
    {
        ask(&api, "GET", path, &[], b"").problem(404, "not-found");
    }
    ask(&api, "GET", "/rooms?colour=red", &[], b"").problem(422, "invalid-fields");
    for key in ["", "a b", &"k".repeat(256)] {
        ask(&api, "POST", "/rooms", &[("Idempotency-Key", key)], b"{\"floor\": 1}").problem(400, "bad-idempotency-key");
    }
    assert_well(yeyak);
}

#[test]
fn one_who_leaves_in_the_middle_leaves_nothing() {
    let yeyak = demo();
    let api = yeyak.api();
    let begun = "POST /reserves HTTP/1.1\r\nHost: yeyak\r\nContent-Length: 100\r\n\r\n{\"userId\": 1, \"roomId\": 1}";
    for length in [1, 10, 40, begun.len() - 30, begun.len()] {
        let mut stream = connect(api.address).unwrap();
        stream.write_all(&begun.as_bytes()[..length]).unwrap();
    }
    // This one goes on listening after it has said that no more comes, and may be told that this will not do.
    let mut stream = connect(api.address).unwrap();
    stream.write_all(begun.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    if let Ok(Some(answer)) = read_answer(&mut BufReader::new(stream), "POST") {
        check("POST", &answer).unwrap();
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    assert!(api.rows("/reserves").is_empty());
    assert_well(yeyak);
}
