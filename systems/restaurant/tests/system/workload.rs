//! What guests ask of restaurants in a simulation: few seats, so that they get in each other's way, and deposits with which something goes
//! wrong at the provider.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use payments::TestProvider;
use serde_json::{Value, json};
use testkit::simulation::{Course, Heard, Workload};
use testkit::{Asked, Outside};

use crate::agreement::{Ask, SEATS, Shown};

/// Reservations, payments, cancellations, ratings and guests who do not come at few venues.
pub(crate) struct Dinners {
    /// Whether guests pay in a browser.
    pub(crate) in_browser: bool,
}

impl Workload for Dinners {
    fn begin(&self, outside: &Outside) -> Box<dyn Course> {
        let provider = outside.get();
        Box::new(Run { provider, in_browser: self.in_browser, venues: 0, guests: Vec::new(), made: Vec::new(), asked: BTreeMap::new() })
    }
}

/// Venues, with what one person pays there beforehand. What the test provider does with it is told by its last three digits: it declines it, is
/// away once for each try, takes it and answers too late, or never does.
const VENUES: [(&str, u32); 5] = [("small", 10_000), ("declines", 10_402), ("once", 10_503), ("late", 10_202), ("vanishes", 10_408)];

/// When guests sit, so that some sittings begin while others are reserved.
const SITTINGS: [&str; 6] = ["10:10-10:20", "10:30-10:50", "11:00-12:00", "12:30-14:00", "17:30-19:00", "19:30-21:00"];

/// What became of a reservation that somebody wants.
#[derive(Clone, Debug, PartialEq)]
enum Fate {
    UnderWay,
    Stands(u64),
    /// Refused, or somebody who has to agree was away: nothing stands of it, at the latest once everything is at rest.
    Nothing,
    Unknown,
}

/// A reservation that was made.
#[derive(Clone, Debug)]
struct Made {
    id: u64,
    guest: usize,
    /// What is to be paid for it in a browser, if anything is.
    order: Option<String>,
}

/// Something that is asked of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Pay,
    Cancel,
    MarkNoShow,
}

struct Run {
    provider: Arc<TestProvider>,
    in_browser: bool,
    /// The venues that are known to stand: the first so many. One that opened by itself would have any number of seats.
    venues: usize,
    /// What became of each guest's wish.
    guests: Vec<Fate>,
    made: Vec<Made>,
    /// What was asked of which reservation, and whether that was accepted.
    asked: BTreeMap<(u64, Act), bool>,
}

impl Run {
    fn reserve(&mut self, now: Timestamp, rng: &mut Rng) -> Asked {
        let guest = self.guests.len();
        self.guests.push(Fate::UnderWay);
        let venue = if rng.bool() { VENUES[0].0 } else { VENUES[rng.usize(..self.venues)].0 };
        let day = now.to_zoned(TimeZone::get("Asia/Seoul").unwrap()).date() + i64::from(rng.u8(..3)).days();
        let mut body = json!({"restaurantNo": venue, "day": day.to_string(), "customerId": guest.to_string()});
        // Of one person more than the seats there is never room.
        body["partySize"] = json!(if venue == VENUES[0].0 { 1 + rng.u64(..=SEATS) } else { 1 });
        if rng.bool() {
            body["time"] = json!(SITTINGS[rng.usize(..SITTINGS.len())][..5]);
        }
        Asked::post("/reservations", &body)
    }

    /// One of the newest reservations, with which something can still be done.
    fn some(&self, rng: &mut Rng) -> Option<Made> {
        let recent = &self.made[self.made.len().saturating_sub(6)..];
        (!recent.is_empty()).then(|| recent[rng.usize(..recent.len())].clone())
    }

    /// What a guest comes back with from their browser: now and then with what is nobody's payment.
    fn pay(&mut self, Made { id, guest, order }: &Made, rng: &mut Rng) -> Option<Asked> {
        let book = self.provider.book();
        let payment = book.payable(order.as_deref()?).filter(|_| rng.u8(..10) > 0).unwrap_or("nobody's");
        self.asked.entry((*id, Act::Pay)).or_default();
        Some(Asked::post(format!("/reservations/{id}/payment"), &json!({"paymentKey": payment, "customerId": guest.to_string()})))
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
            let id = row["id"].as_u64().unwrap();
            let of = |act| self.asked.get(&(id, act)).copied();
            let was_free_to_lapse = self.in_browser && of(Act::Pay) != Some(true);
            match (row["status"].as_str().unwrap(), of(Act::Cancel), of(Act::MarkNoShow)) {
                ("Canceled", None, _) if !was_free_to_lapse => wrong.push(format!("{row} was cancelled by nobody")),
                ("Canceled" | "DepositPending", ..) | ("NoShow", Some(false) | None, Some(_)) => {}
                ("NoShow", ..) => wrong.push(format!("{row}, which nobody says, or which was cancelled")),
                (_, Some(true), _) => wrong.push(format!("{row} was cancelled, and stands")),
                (_, _, Some(true)) => wrong.push(format!("{row}, and its guest did not come")),
                _ if self.in_browser && of(Act::Pay).is_none() => wrong.push(format!("{row} stands, and nobody paid")),
                _ => {}
            }
        }
        wrong
    }
}

/// What a request asks of which reservation, if it is one of those.
fn act(asked: &Asked) -> Option<(u64, Act)> {
    let mut path = asked.path.strip_prefix("/reservations/")?.split('/');
    let id = path.next()?.parse().ok()?;
    let act = match path.next() {
        Some("payment") => Act::Pay,
        Some("no-show") => Act::MarkNoShow,
        _ => Act::Cancel,
    };
    Some((id, act))
}

impl Course for Run {
    fn next(&mut self, now: Timestamp, rng: &mut Rng) -> Asked {
        if self.venues < VENUES.len() && (self.venues == 0 || rng.bool()) {
            let (venue, deposit) = VENUES[self.venues];
            let deposit = json!({"amount": deposit.to_string(), "currency": "KRW"});
            return Asked::post(
                "/venues",
                &json!({"restaurantNo": venue, "seats": SEATS, "deposit": deposit, "sittings": SITTINGS.join(",")}),
            );
        }
        let asked = match (rng.u8(..24), self.some(rng)) {
            (0..4, Some(Made { id, guest, .. })) => {
                self.asked.entry((id, Act::Cancel)).or_default();
                Some(Asked::delete(format!("/reservations/{id}")).json(&json!({"customerId": guest.to_string()})))
            }
            (4..7, Some(Made { id, guest, .. })) => {
                let rating = json!({"point": rng.u8(1..=5), "customerId": guest.to_string()});
                Some(Asked::new("PATCH", format!("/recommendations/{id}")).json(&rating))
            }
            (7..9, Some(Made { id, .. })) => {
                self.asked.entry((id, Act::MarkNoShow)).or_default();
                Some(Asked::post(format!("/reservations/{id}/no-show"), &json!({})))
            }
            (9..16, Some(made)) if made.order.is_some() => self.pay(&made, rng),
            (16, _) => Some(Asked::new("PATCH", "/venues/1").json(&json!({"seats": rng.u64(1..=SEATS)}))),
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
        if let Some((id, act)) = act(asked) {
            *self.asked.entry((id, act)).or_default() |= matches!(status, Some(200..300));
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
            let order = said["checkout"].as_str().and_then(|link| link.rsplit('/').next()).map(ToOwned::to_owned);
            self.made.push(Made { id, guest, order });
        }
    }

    fn check(&mut self, now: Timestamp, ask: Ask<'_>) -> Vec<String> {
        let shown = Shown::read(now, ask);
        let mut wrong = self.check_wishes(&shown);
        wrong.extend(shown.check(&self.provider.book()));
        wrong
    }
}
