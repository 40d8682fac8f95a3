//! What a booking and a read are for `cargo xtask instructions`, which counts their instructions and holds them against a bound.
//!
//! Each takes from YEYAK_COUNT how often it happens. Two runs with different counts differ by nothing else, and in the test kit everything
//! happens in the same order each time, so the count per booking hardly varies: it can fail where a time never could.

use serde_json::json;
use testkit::{TestApp, at};

use super::MEETINGROOM;

const ROOMS: u64 = 20;

#[allow(clippy::disallowed_methods, reason = "the count comes from who runs it")]
fn count() -> u64 {
    std::env::var("YEYAK_COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or(10)
}

fn app() -> TestApp {
    let mut app = TestApp::start(MEETINGROOM, at("2026-11-23T05:00:00+09:00"));
    for _ in 0..ROOMS {
        app.post("/rooms", json!({"floor": "3", "openingRule": "days-ahead:300", "slots": "08:00-09:50,10:00-11:50,12:00-13:50"}))
            .expect(201);
    }
    app.settle();
    app
}

/// The `n`-th booking, of a slot that no other has.
fn book(app: &mut TestApp, n: u64) {
    let (room, turn) = (n % ROOMS + 1, n / ROOMS);
    let date =
        at("2026-11-24T00:00:00+09:00").to_zoned(jiff::tz::TimeZone::UTC).date() + jiff::Span::new().days(i64::try_from(turn / 3).unwrap());
    let start = ["08:00", "10:00", "12:00"][usize::try_from(turn % 3).unwrap()];
    app.post("/reserves", json!({"userId": "7", "roomId": room, "date": date, "startTime": start})).expect(201);
}

/// One booking after the other, and everything that follows them.
#[test]
fn booking() {
    let mut app = app();
    (0..count()).for_each(|n| book(&mut app, n));
    app.settle();
    // To verify it all, as a test otherwise ends, takes more the more was booked, and is no part of a booking.
    app.abandon();
}

/// One reservation, read again and again.
#[test]
fn reading() {
    let mut app = app();
    book(&mut app, 0);
    for _ in 0..count() {
        app.get("/reserves/1").expect(200);
    }
}
