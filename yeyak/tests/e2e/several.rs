//! Several systems behind one door: each below its name, and a reservation with a deposit that outlives kill -9, backup and restore.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::steering::{Site, good, url};
use crate::support::{Answer, Api, Yeyak, until};
use crate::who::Place;

const CLOCK: [&str; 2] = ["--clock", "2026-11-23T10:05:00+09:00"];

/// How many guests ask at once.
const GUESTS: usize = 4;

/// How many reservations are acknowledged before it is killed.
const ENOUGH: usize = 12;

/// Everything there is, with its sample data, on this directory.
fn serve(data: &Path) -> Yeyak {
    let data = data.to_str().unwrap();
    Yeyak::start(&[&["serve", "all", "--samples", "--listen", "127.0.0.1:0", "--data", data], &CLOCK[..]].concat())
}

/// A guest's request for a table, under a key of its own.
fn ask(restaurant: &Api, number: usize) -> std::io::Result<Answer> {
    let body = json!({"customerId": format!("g{number}"), "restaurantNo": "77", "day": "20261124", "partySize": 1});
    let key = format!("table-{number}");
    restaurant.try_send("POST", "/reservations", &[("Idempotency-Key", &key)], body.to_string().as_bytes())
}

/// Asks for table after table until the process is gone; what was acknowledged, by number.
fn ask_until_it_is_gone(restaurant: &Api, next: &AtomicUsize, acknowledged: &AtomicUsize) -> Vec<(usize, Vec<u8>)> {
    let mut told = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::AcqRel);
        let Ok(answer) = ask(restaurant, number) else { return told };
        answer.expect(201);
        told.push((number, answer.body));
        acknowledged.fetch_add(1, Ordering::AcqRel);
    }
}

/// Has an installation that does not run be as if it had not run for a minute.
pub(crate) fn is_away_for_a_minute(data: &Path) {
    let path = data.join("yeyak.json");
    let mut marker: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let offset = &mut marker["clockOffsetMicroseconds"];
    *offset = (offset.as_i64().unwrap() + 60_000_000).into();
    std::fs::write(path, marker.to_string()).unwrap();
}

/// What the provider that is built in has taken and not given back, by the order.
fn paid(data: &Path) -> Vec<String> {
    let book = std::fs::read_to_string(data.join("restaurant.payments.jsonl")).unwrap();
    let entries: Vec<Value> = book.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let given_back = |payment: &Value| {
        entries.iter().any(|entry| entry["back"]["payment"] == *payment || entry["entry"] == "refunded" && entry["payment"] == *payment)
    };
    let paid = entries.iter().filter(|entry| entry["entry"] == "paid" && !given_back(&entry["payment"]));
    let mut orders: Vec<_> = paid.map(|entry| entry["order"].as_str().unwrap().rsplit_once('-').unwrap().0.to_owned()).collect();
    orders.sort_unstable();
    orders
}

#[test]
fn a_reservation_outlives_a_kill_and_everything_agrees() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let mut yeyak = serve(&data);
    let restaurant = yeyak.api().under("/restaurant");
    yeyak.api().post("/meetingroom/reserves", &json!({"userId": "1", "roomId": 1})).expect(201);
    let (next, acknowledged) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let told = thread::scope(|scope| {
        let guests: Vec<_> = (0..GUESTS).map(|_| scope.spawn(|| ask_until_it_is_gone(&restaurant, &next, &acknowledged))).collect();
        until("enough is acknowledged", || (acknowledged.load(Ordering::Acquire) >= ENOUGH).then_some(()));
        yeyak.kill();
        guests.into_iter().flat_map(|guest| guest.join().unwrap()).collect::<Vec<_>>()
    });

    // By now whoever called has given up, so what is left behind is brought to its end.
    is_away_for_a_minute(&data);
    let yeyak = serve(&data);
    let restaurant = yeyak.api().under("/restaurant");
    for (number, body) in &told {
        let again = ask(&restaurant, *number).unwrap();
        assert_eq!((again.status, &again.body), (201, body), "what was acknowledged is answered the same");
    }
    // Of what was not answered nobody knows how far it came. Asked again under its key it is there once.
    let asked = next.load(Ordering::Acquire);
    for number in (0..asked).filter(|number| told.iter().all(|(one, _)| one != number)) {
        until("an unanswered request comes to its end", || (ask(&restaurant, number).unwrap().status == 201).then_some(()));
    }
    let guests = |path: &str, status: &str| {
        let mut guests: Vec<_> = restaurant
            .rows(&format!("{path}?restaurantNo=77&status={status}"))
            .iter()
            .map(|row| row["reservationNo"].as_u64().or(row["id"].as_u64()).unwrap())
            .collect();
        guests.sort_unstable();
        guests
    };
    let standing = until("all are confirmed", || Some(guests("/reservations", "Reserved")).filter(|all| all.len() == asked));
    assert_eq!(guests("/deposits", "PayCompleted"), standing);
    until("my pages show it", || (guests("/myPages", "Reserved") == standing).then_some(()));
    let mut orders: Vec<_> = standing.iter().map(|id| format!("reservation-{id}")).collect();
    orders.sort_unstable();
    assert_eq!(paid(&data), orders, "each is paid once, and nothing else is");

    assert_eq!(yeyak.api().rows("/meetingroom/reserves").len(), 1);
    let verified = good(&["verify", "--url", &url(&yeyak)]);
    assert!(verified.contains("sound"), "{verified}");
    yeyak.stop();
    good(&["verify", "--data", data.to_str().unwrap()]);
}

#[test]
fn an_amount_tells_the_built_in_provider_what_to_do() {
    let yeyak = Yeyak::demo(&CLOCK);
    let restaurant = yeyak.api().under("/restaurant");
    let reserve = |venue: &str| {
        let venue_of = |last: &str| json!({"restaurantNo": venue, "deposit": {"amount": format!("10{last}"), "currency": "KRW"}});
        restaurant.post("/venues", &venue_of(venue)).expect(201);
        restaurant.post("/reservations", &json!({"restaurantNo": venue, "day": "20261124", "partySize": 1}))
    };
    reserve("402").problem(409, "payment-declined");
    let refused = restaurant.try_send(
        "POST",
        "/reservations",
        &[("Accept-Language", "ko")],
        json!({"restaurantNo": "402", "day": "20261124", "partySize": 1}).to_string().as_bytes(),
    );
    let said = refused.unwrap().problem(409, "payment-declined")["detail"].as_str().unwrap().to_owned();
    assert!(said.contains("결제"), "{said}");
    // Of one that is lost nothing stands.
    assert_eq!(reserve("408").problem(503, "service-unavailable")["service"], "payments");
    // What only did not get through is tried again.
    let mut made = vec![reserve("503").expect(201)["id"].clone()];
    // One that is heard of too late was paid: it is given back, unless it is heard of all the same.
    let late = reserve("202");
    if late.status == 201 {
        made.push(late.json()["id"].clone());
    } else {
        late.problem(503, "service-unavailable");
    }
    let paid = || {
        let rows = restaurant.rows("/deposits").into_iter().filter(|row| row["status"] == "PayCompleted");
        rows.map(|row| row["reservationNo"].clone()).collect::<Vec<_>>()
    };
    until("what was paid is what is reserved", || (paid() == made).then_some(()));
    assert_eq!(restaurant.rows("/reservations").len(), made.len());
    yeyak.stop();
}

#[test]
fn a_deposit_is_given_back_after_a_restore() {
    let site = Site::new();
    let yeyak = serve(&site.path("data"));
    let reserved = json!({"customerId": "1", "restaurantNo": "10", "day": "20261124"});
    let id = yeyak.api().post("/restaurant/reservations", &reserved).expect(201)["id"].clone();
    until("the restaurant has it", || {
        (yeyak.api().get(&format!("/restaurant/reservations/{id}")).expect(200)["status"] == "Reserved").then_some(())
    });
    let told = good(&["backup", "one", "--url", &url(&yeyak)]);
    assert!(told.contains("4 files"), "two stores, the book of payments and the marker: {told}");
    yeyak.stop();
    good(&["verify", "--data", &site.text("data/backups/one")]);
    good(&["restore", &site.text("data/backups/one"), "--data", &site.text("restored")]);

    let yeyak = serve(&site.path("restored"));
    let restaurant = yeyak.api().under("/restaurant");
    restaurant.send("DELETE", &format!("/reservations/{id}"), Some(&json!({"customerId": "1"}))).expect(204);
    until("the deposit is given back", || {
        (restaurant.get(&format!("/deposits/{id}")).expect(200)["status"] == "PayCanceled").then_some(())
    });
    assert_eq!(paid(&site.path("restored")), Vec::<String>::new());
    assert_eq!(paid(&site.path("data")), [format!("reservation-{id}")], "what was backed up is as it was");
    yeyak.stop();
}

#[test]
fn a_venue_opens_by_itself_only_where_everybody_may_do_everything() {
    let place = Place::new();
    place.token("key.pem", &["--new-key", "--jwks"]);
    place.publish(&["key.pem"]);
    let (config, data) = (place.path("yeyak.toml"), place.path("data"));
    let flags = ["serve", "restaurant", "--listen", "127.0.0.1:0", "--config", config.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let yeyak = Yeyak::start(&[&flags[..], &CLOCK].concat());
    let post = |token: &str, path: &str, body: Value| {
        let bearer = format!("Bearer {token}");
        yeyak.api().try_send("POST", path, &[("Authorization", &bearer)], body.to_string().as_bytes()).unwrap()
    };
    let token = |flags: &[&str]| place.token("key.pem", &[flags, &CLOCK].concat());
    let (kim, ann) = (token(&["--subject", "kim", "--role", "administrator"]), token(&["--subject", "ann"]));
    let reserve = || post(&ann, "/reservations", json!({"customerId": "ann", "restaurantNo": "77", "day": "20261124"}));
    reserve().problem(404, "no-such-venue");
    post(&ann, "/venues", json!({"restaurantNo": "77"})).problem(403, "administrators-only");
    post(&kim, "/venues", json!({"restaurantNo": "77"})).expect(201);
    reserve().expect(201);
    yeyak.stop();
}

#[test]
fn the_contract_has_both_below_their_names() {
    let yeyak = Yeyak::demo(&[]);
    let openapi = yeyak.api().get("/openapi.json").expect(200);
    let paths: Vec<_> = openapi["paths"].as_object().unwrap().keys().filter(|path| !path.contains('{')).collect();
    for known in ["/meetingroom/reserves", "/restaurant/reservations"] {
        assert!(paths.iter().any(|path| *path == known), "{known} is not among {paths:?}");
    }
    for path in paths.into_iter().filter(|path| !path.starts_with("/actuator") && !path.ends_with("/stream")) {
        // Some want to be told a day first; all are there.
        assert!(matches!(yeyak.api().get(path).status, 200 | 422), "{path}");
    }
    yeyak.api().get("/rooms").problem(404, "not-found");
    yeyak.stop();
}
