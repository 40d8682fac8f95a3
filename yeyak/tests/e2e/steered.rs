//! What steering leaves behind: in the log, who did it; for whoever asks for what somebody else has begun, that it is so.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::thread::Builder;

use serde_json::{Value, json};

use crate::steering::{Site, good, park, run, url};
use crate::support::{Yeyak, until};
use crate::who::Place;

/// A line of parked events in the data of an installation that does not run. Whatever is tried of it fails.
pub(crate) fn parked(place: &Place) -> String {
    let data = place.path("data");
    let yeyak = Yeyak::serve(&data, &["--clock", "2026-11-23T08:00:00+09:00"]);
    let api = yeyak.api();
    api.post("/rooms", &json!({"floor": "1", "openingRule": "days-ahead:30"})).expect(201);
    for id in 1..=3 {
        api.post("/reserves", &json!({"userId": "1", "roomId": 1, "date": "2026-11-24", "startTime": "08:00"})).expect(201);
        api.delete(&format!("/reserves/{id}")).expect(204);
    }
    yeyak.stop();
    park(&data, 3..=3, Some("{}"))
}

#[test]
fn who_steers_is_named_in_the_log() {
    let place = Place::new();
    let line = parked(&place);
    place.token("key.pem", &["--new-key", "--jwks"]);
    place.publish(&["key.pem"]);
    let token = |subject, role| place.token("key.pem", &["--subject", subject, "--role", role, "--clock", "2026-11-23T08:00:00+09:00"]);
    let (lee, kim) = (token("lee", "operator"), token("kim ops", "administrator"));
    let yeyak = place.serve(&["--faults"]);
    let url = url(&yeyak);
    let done = |arguments: &[&str], token: &str, code: i32, logged: &str, by: &str| {
        let ended = run(&[arguments, &["--url", &url, "--token", token]].concat());
        assert_eq!(ended.code, code, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        let named = |said: &String| said.contains(logged) && said.contains(&format!("by={by:?}"));
        until(&format!("{arguments:?} is logged"), || yeyak.lines().into_iter().find(named))
    };
    done(&["parked", "retry", &line], &lee, 1, "parked events were tried again", "lee");
    done(&["fault", "delay", "meetingroom/room", "1"], &lee, 0, "the fault switch was set", "lee");
    done(&["fault", "clear"], &kim, 0, "all faults were ended", "kim ops");
    done(&["verify", "--no-wait"], &lee, 0, "everything is to be verified", "lee");
    done(&["projections", "retry", "meetingroom/schedule/room-slots"], &lee, 0, "a projection is to be followed again", "lee");
    done(&["projections", "rebuild", "meetingroom/schedule/room-slots"], &kim, 0, "a projection is to be built anew", "kim ops");
    done(&["backup", "one"], &kim, 0, "a backup is to be made", "kim ops");
    let discard = ["parked", "discard", &line, "--event", "3", "--reason", "written by hand"];
    let said = done(&discard, &kim, 0, "parked events were discarded", "kim ops");
    assert!(said.contains("reason=\"written by hand\"") && said.contains(&line), "{said}");
    yeyak.stop();
}

#[test]
fn where_nobody_proves_anything_nobody_is_named() {
    let site = Site::new();
    let yeyak = site.serve("data");
    good(&["verify", "--url", &url(&yeyak)]);
    until("it is logged", || {
        yeyak.lines().iter().any(|said| said.contains("everything is to be verified") && said.contains("by=\"open\"")).then_some(())
    });
    yeyak.stop();
}

/// An installation where somebody has begun everything before: it answers each request with what `answer` has for its method and path.
fn begun_before(answer: fn(&str, &str) -> Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = move || {
        for stream in listener.incoming() {
            let mut from = BufReader::new(stream.unwrap());
            let (mut head, mut length) = (String::new(), 0);
            while !head.ends_with("\r\n\r\n") {
                let before = head.len();
                from.read_line(&mut head).unwrap();
                let said = head[before..].to_ascii_lowercase();
                length = said.strip_prefix("content-length:").map_or(length, |length| length.trim().parse().unwrap());
            }
            from.read_exact(&mut vec![0; length]).unwrap();
            let mut words = head.split(' ');
            let body = answer(words.next().unwrap(), words.next().unwrap()).to_string();
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            from.get_mut().write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
    };
    Builder::new().spawn(serve).expect("a thread");
    url
}

#[test]
fn whoever_joins_what_somebody_else_began_is_told() {
    let url = begun_before(|method, path| match (method, path) {
        ("POST", "/actuator/projections/rebuild") => json!({"projection": "a/b/c", "begun": false}),
        ("GET", "/actuator/projections") => json!({"projections": [{"projection": "a/b/c", "rows": 3, "rebuilding": null}]}),
        ("POST", _) => json!({"status": "running", "number": 4, "begun": false}),
        _ => json!({"status": "done", "number": 4, "result": {"sound": true, "manifest": {"files": []}}}),
    });
    for (command, printed) in
        [(&["verify"][..], "sound: "), (&["backup", "one"], "0 files"), (&["projections", "rebuild", "a/b/c"], "a/b/c: rebuilt, 3 rows")]
    {
        let ended = run(&[command, &["--url", &url]].concat());
        assert_eq!(ended.code, 0, "{command:?}: {}", ended.stderr);
        assert!(ended.stdout.contains(printed) && !ended.stdout.contains("under way"), "{}", ended.stdout);
        assert!(ended.stderr.contains("under way already, and waited for"), "{command:?}: {}", ended.stderr);
        let told = good(&[command, &["--no-wait", "--url", &url]].concat());
        assert!(told.contains("under way already"), "{command:?}: {told}");
    }
}
