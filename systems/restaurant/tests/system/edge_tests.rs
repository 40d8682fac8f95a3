//! What the edge offers beside rows: every write depends on what its client has seen, if they say so.

use serde_json::{Value, json};
use testkit::{Answer, Asked, TestApp, at};

use crate::{IN_BROWSER, NOW, RESTAURANT, book};

fn reserve(app: &mut TestApp, day: &str) -> Value {
    app.post("/reservations", json!({"restaurantNo": "10", "day": day, "time": "11:30", "customerId": "7"})).expect(201)
}

/// Sends a write to what stands under `path`: not what its client has seen, it is refused and changes nothing; what they have seen, it is done.
#[track_caller]
fn depends(app: &mut TestApp, path: &str, asked: &Asked) -> Answer {
    app.settle();
    let before = app.get(path);
    let if_match = |tag: &str| asked.clone().header("if-match", tag);
    app.send(if_match("\"other\"")).refused(412, "precondition-failed");
    app.send(if_match(&format!("W/{}", before.header("etag")))).refused(412, "precondition-failed");
    app.send(asked.clone().header("if-none-match", "*")).refused(412, "precondition-failed");
    app.settle();
    assert_eq!(app.get(path).text, before.text, "{} changed something", asked.line());
    let done = app.send(if_match(before.header("etag")));
    assert!(done.status.is_success(), "{}: {} {}", done.asked, done.status, done.text);
    app.settle();
    done
}

#[test]
fn every_write_depends_on_what_its_client_has_seen() {
    let mut app = TestApp::start(RESTAURANT, at(NOW));
    app.post("/venues", json!({"restaurantNo": "10"})).expect(201);
    let patch = |path: &str, body: Value| Asked::new("PATCH", path).json(&body);

    for seats in [40, 50] {
        let changed = depends(&mut app, "/venues/1", &patch("/venues/1", json!({"seats": seats})));
        assert_eq!((changed.expect(200)["seats"].clone(), changed.header("etag")), (json!(seats), app.get("/venues/1").header("etag")));
    }
    // What changes nothing depends on it as well.
    depends(&mut app, "/venues/1", &patch("/venues/1", json!({"seats": 50}))).expect(200);
    app.send(patch("/venues/9", json!({"seats": 1})).header("if-match", "*")).refused(404, "not-found");
    app.send(patch("/venues/1", json!({"seats": 60})).header("if-match", "*")).expect(200);

    for day in ["20261123", "20261124"] {
        reserve(&mut app, day);
    }
    for point in [4, 4] {
        let rated = depends(&mut app, "/recommendations/2", &patch("/recommendations/2", json!({"point": point}))).expect(200);
        assert_eq!(rated["point"], point);
    }
    depends(&mut app, "/reservations/2", &Asked::delete("/reservations/2")).expect(204);
    app.advance_to(at("2026-11-23T11:40:00+09:00"));
    depends(&mut app, "/reservations/1", &Asked::post("/reservations/1/no-show", &json!({}))).expect(204);
    assert_eq!(app.get("/reservations/1").expect(200)["status"], "NoShow");
}

#[test]
fn so_do_paying_and_taking_back_what_waits_to_be_paid() {
    let mut app = TestApp::start(IN_BROWSER, at(NOW));
    for day in ["20261124", "20261125"] {
        reserve(&mut app, day);
    }
    let link = app.get("/reservations/1").expect(200)["checkout"].as_str().unwrap().to_owned();
    let payment = book(&app).payable(link.rsplit('/').next().unwrap()).unwrap().to_owned();
    let pay = Asked::post("/reservations/1/payment", &json!({"paymentKey": payment}));
    assert_eq!(depends(&mut app, "/reservations/1", &pay).expect(200)["status"], "DepositPayed");
    depends(&mut app, "/reservations/2", &Asked::delete("/reservations/2")).expect(204);
    assert_eq!(app.get("/reservations/2").expect(200)["status"], "Canceled");
}

#[test]
fn of_many_who_saw_the_same_venue_one_changes_it() {
    let mut app = TestApp::start(RESTAURANT, at(NOW));
    app.post("/venues", json!({"restaurantNo": "10"})).expect(201);
    let seen = app.get("/venues/1").header("etag").to_owned();
    let change = |seats: u32| Asked::new("PATCH", "/venues/1").json(&json!({"seats": seats})).header("if-match", &seen);
    let answers = app.together((1..=6).map(change));
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1);
    assert!(answers.iter().all(|answer| [200, 409, 412].contains(&answer.status.as_u16())), "{answers:#?}");
    assert_eq!(app.get("/venues/1").expect(200)["seats"], won[0].json()["seats"]);
    app.send(change(9)).refused(412, "precondition-failed");
    app.send(change(won[0].json()["seats"].as_u64().unwrap().try_into().unwrap())).refused(412, "precondition-failed");
}
