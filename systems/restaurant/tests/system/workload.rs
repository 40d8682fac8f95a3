//! What guests ask of restaurants in a simulation: few seats, so that they get in each other's way, and deposits with which something goes
//! wrong at the provider.

use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use payments::TestProvider;
use serde_json::{Value, json};
use testkit::simulation::{Course, Heard, Workload};
use testkit::{Asked, Outside};

use crate::agreement::{Ask, SEATS, Shown};

/// Reservations, cancellations and ratings at few venues.
pub(crate) struct Dinners;

impl Workload for Dinners {
    fn begin(&self) -> Box<dyn Course> {
        Box::new(Run::default())
    }
}

/// Venues, with what one person pays there beforehand. What the test provider does with it is told by its last three digits: it declines one
/// amount, and is away once for each try of the other. (Whoever is told 503 asks again, so an amount that always ends so would never end.)
const VENUES: [(&str, u32); 3] = [("small", 10_000), ("declines", 10_402), ("once", 10_503)];

/// What became of a reservation that somebody wants.
#[derive(Clone, Debug, PartialEq)]
enum Fate {
    UnderWay,
    Stands(u64),
    /// Refused, or somebody who has to agree was away: nothing stands of it, at the latest once everything is at rest.
    Nothing,
    Unknown,
}

#[derive(Default)]
struct Run {
    /// The venues that are known to stand: the first so many. One that opened by itself would have any number of seats.
    venues: usize,
    /// What became of each guest's wish.
    guests: Vec<Fate>,
    /// The reservations that were made, with their guests.
    made: Vec<(u64, usize)>,
    /// The cancellations that were asked for, and whether they were accepted.
    canceled: BTreeMap<u64, bool>,
}

impl Run {
    fn reserve(&mut self, now: Timestamp, rng: &mut Rng) -> Asked {
        let guest = self.guests.len();
        self.guests.push(Fate::UnderWay);
        let venue = if rng.bool() { VENUES[0].0 } else { VENUES[rng.usize(..self.venues)].0 };
        let day = now.to_zoned(TimeZone::get("Asia/Seoul").unwrap()).date() + i64::from(rng.u8(1..3)).days();
        let mut body = json!({"restaurantNo": venue, "day": day.to_string(), "customerId": guest.to_string()});
        // Of one person more than the seats there is never room.
        body["partySize"] = json!(if venue == VENUES[0].0 { 1 + rng.u64(..=SEATS) } else { 1 });
        if rng.bool() {
            body["time"] = json!(["11:30", "17:30"][rng.usize(..2)]);
        }
        Asked::post("/reservations", &body)
    }

    /// One of the newest reservations, with which something can still be done.
    fn some(&self, rng: &mut Rng) -> Option<(u64, usize)> {
        let recent = &self.made[self.made.len().saturating_sub(6)..];
        (!recent.is_empty()).then(|| recent[rng.usize(..recent.len())])
    }

    fn check_wishes(&self, shown: &Shown) -> Vec<String> {
        let mut wrong = Vec::new();
        for (guest, fate) in self.guests.iter().enumerate() {
            let theirs: Vec<_> = shown.reservations.iter().filter(|row| row["customerId"].as_str() == Some(&*guest.to_string())).collect();
            let fits = match fate {
                Fate::Stands(id) => theirs.len() == 1 && theirs[0]["id"] == *id,
                Fate::Nothing => theirs.is_empty(),
                Fate::UnderWay | Fate::Unknown => theirs.len() <= 1,
            };
            if !fits {
                wrong.push(format!("guest {guest}: {fate:?}, and there stand {theirs:?}"));
            }
        }
        for row in &shown.reservations {
            let asked = self.canceled.get(&row["id"].as_u64().unwrap());
            match (row["status"] == "Canceled", asked) {
                (false, Some(true)) => wrong.push(format!("{row} was cancelled, and stands")),
                (true, None) => wrong.push(format!("{row} was cancelled by nobody")),
                _ => {}
            }
        }
        wrong
    }
}

impl Course for Run {
    fn next(&mut self, now: Timestamp, rng: &mut Rng) -> Asked {
        if self.venues < VENUES.len() && (self.venues == 0 || rng.bool()) {
            let (venue, deposit) = VENUES[self.venues];
            let deposit = json!({"amount": deposit.to_string(), "currency": "KRW"});
            return Asked::post("/venues", &json!({"restaurantNo": venue, "seats": SEATS, "deposit": deposit}));
        }
        let asked = match (rng.u8(..20), self.some(rng)) {
            (0..6, Some((id, guest))) => {
                self.canceled.entry(id).or_default();
                Some(Asked::delete(format!("/reservations/{id}")).json(&json!({"customerId": guest.to_string()})))
            }
            (6..9, Some((id, guest))) => {
                let rating = json!({"point": rng.u8(1..=5), "customerId": guest.to_string()});
                Some(Asked::new("PATCH", format!("/recommendations/{id}")).json(&rating))
            }
            (9, _) => Some(Asked::new("PATCH", "/venues/1").json(&json!({"seats": rng.u64(1..=SEATS)}))),
            _ => None,
        };
        asked.unwrap_or_else(|| self.reserve(now, rng))
    }

    fn heard(&mut self, asked: &Asked, heard: &Heard) {
        let answer = match heard {
            Heard::Answer(answer) => Some(answer),
            Heard::Nothing => None,
        };
        let status = answer.map(|answer| answer.status.as_u16());
        let body: Value = asked.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
        if asked.method == "DELETE" {
            let id = asked.path.rsplit('/').next().unwrap().parse().unwrap();
            *self.canceled.entry(id).or_default() |= status == Some(204);
        }
        let said = answer.map(testkit::Answer::json).unwrap_or_default();
        if asked.path == "/venues" && (matches!(status, Some(200 | 201)) || said["code"] == "venue-exists") {
            let stands = VENUES.iter().position(|(venue, _)| body["restaurantNo"] == *venue).unwrap();
            self.venues = self.venues.max(stands + 1);
        }
        if asked.method != "POST" || asked.path != "/reservations" {
            return;
        }
        let guest: usize = body["customerId"].as_str().unwrap().parse().unwrap();
        self.guests[guest] = match status {
            Some(201) => Fate::Stands(said["id"].as_u64().unwrap()),
            // Only one that names another service says that nothing stands.
            Some(503) if said["service"].is_string() && said["service"] != "reservation" => Fate::Nothing,
            Some(409) if said["code"] == "request-in-progress" => Fate::Unknown,
            Some(..500) => Fate::Nothing,
            _ => Fate::Unknown,
        };
        if let Fate::Stands(id) = self.guests[guest] {
            self.made.push((id, guest));
        }
    }

    fn check(&mut self, now: Timestamp, outside: &Outside, ask: Ask<'_>) -> Vec<String> {
        let shown = Shown::read(now, ask);
        let mut wrong = self.check_wishes(&shown);
        wrong.extend(shown.check(&outside.get::<TestProvider>().book()));
        wrong
    }
}
