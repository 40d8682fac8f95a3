//! What clients ask of meeting rooms in a simulation: few rooms and few slots, so that they get in each other's way.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use testkit::simulation::{Course, Heard, Workload};
use testkit::{Asked, Outside};

use crate::agreement::{Ask, Shown};

/// Reservations, meetings and maintenance over few rooms.
pub(crate) struct Meetings;

impl Workload for Meetings {
    fn begin(&self, _: &Outside) -> Box<dyn Course> {
        Box::new(Run::default())
    }
}

/// How many rooms there are.
const ROOMS: usize = 2;

/// What became of a wish.
#[derive(Clone, Debug, PartialEq)]
enum Fate {
    UnderWay,
    /// Accepted, with the row that was shown.
    Stands(Value),
    /// Refused: nothing stands of it.
    Refused,
    /// A callee could not be reached: nothing stands of it, at the latest once everything is at rest.
    TakenBack,
    /// Nobody knows.
    Unknown,
}

/// A row that someone wants to be made.
#[derive(Clone, Debug)]
struct Wish {
    collection: &'static str,
    /// The field and value by which the row is told from all others.
    mark: (&'static str, String),
    fate: Fate,
}

/// Something that someone wants to be ended.
#[derive(Clone, Debug)]
struct Ending {
    collection: &'static str,
    id: u64,
    fate: Fate,
}

#[derive(Default)]
struct Run {
    count: u64,
    wishes: Vec<Wish>,
    endings: Vec<Ending>,
    rooms: Vec<u64>,
    reserves: Vec<(u64, String, u64)>,
    conferences: Vec<u64>,
    maintenances: Vec<u64>,
}

fn pick<T: Clone>(from: &[T], rng: &mut Rng) -> Option<T> {
    // The newest are the ones with which something can still be done.
    let recent = &from[from.len().saturating_sub(6)..];
    (!recent.is_empty()).then(|| recent[rng.usize(..recent.len())].clone())
}

impl Run {
    /// A text that no other row has.
    fn mark(&mut self, prefix: &str) -> String {
        self.count += 1;
        format!("{prefix}{}", self.count)
    }

    fn wish(&mut self, collection: &'static str, mark: (&'static str, String), body: &Value) -> Asked {
        self.wishes.push(Wish { collection, mark, fate: Fate::UnderWay });
        // The place of the wish travels in a field that nobody reads, so that its fate is told by the request itself.
        let mut body = body.clone();
        body["wish"] = json!(self.wishes.len() - 1);
        Asked::post(format!("/{collection}"), &body)
    }

    fn end(&mut self, collection: &'static str, id: u64) -> Asked {
        self.endings.push(Ending { collection, id, fate: Fate::UnderWay });
        Asked::delete(format!("/{collection}/{id}")).json(&json!({"ending": self.endings.len() - 1}))
    }

    fn add_room(&mut self) -> Asked {
        let name = self.mark("room ");
        let body = json!({"floor": "3", "name": name, "openingRule": "days-ahead:1"});
        self.wish("rooms", ("name", name), &body)
    }

    fn reserve(&mut self, now: Timestamp, rng: &mut Rng) -> Asked {
        let user = self.mark("u");
        let room = pick(&self.rooms, rng).unwrap_or(1);
        let mut body = json!({"userId": user, "roomId": room});
        if rng.bool() {
            let date = now.to_zoned(TimeZone::get("Asia/Seoul").unwrap()).date();
            let date = if rng.u8(..4) == 0 { date.tomorrow().unwrap() } else { date };
            body["date"] = json!(date.to_string());
            body["startTime"] = json!(["08:00", "10:00", "12:00", "14:00"][rng.usize(..4)]);
        }
        self.wish("reserves", ("userId", user), &body)
    }

    fn start(&mut self, rng: &mut Rng) -> Option<Asked> {
        let (reserve, user, room) = pick(&self.reserves, rng)?;
        let user = if rng.u8(..6) == 0 { "stranger".to_owned() } else { user };
        let body = json!({"userId": user, "roomId": room, "reserveId": reserve});
        Some(self.wish("conferences", ("reserveId", reserve.to_string()), &body))
    }

    fn close(&mut self, now: Timestamp, rng: &mut Rng) -> Asked {
        let room = pick(&self.rooms, rng).unwrap_or(1);
        self.count += 1;
        // No two end at the same instant.
        let until = now + SignedDuration::from_mins(rng.i64(1..200)) + SignedDuration::from_nanos(self.count as i64 * 1000);
        let mut body = json!({"roomId": room, "until": until.to_string()});
        if rng.bool() {
            body["from"] = json!((until - SignedDuration::from_mins(rng.i64(1..60))).to_string());
        }
        self.wish("maintenances", ("until", until.to_string()), &body)
    }

    fn check_wishes(&self, shown: &Shown) -> Vec<String> {
        let mut wrong = Vec::new();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let rows = |collection| match collection {
            "rooms" => &shown.rooms,
            "reserves" => &shown.reserves,
            "conferences" => &shown.conferences,
            _ => &shown.maintenances,
        };
        for wish in &self.wishes {
            let (field, mark) = &wish.mark;
            let found: Vec<_> = rows(wish.collection).iter().filter(|row| text(&row[*field]) == *mark).collect();
            // Several may want to start a meeting on one reservation.
            let rivals = self.wishes.iter().filter(|other| other.collection == wish.collection && other.mark == wish.mark);
            let explained = rivals.filter(|rival| matches!(rival.fate, Fate::Stands(_) | Fate::Unknown)).count();
            if found.len() > explained.min(1) {
                wrong.push(format!("{wish:?}, but there stand {found:?}"));
            }
            if let Fate::Stands(row) = &wish.fate
                && !found.iter().any(|found| found["id"] == row["id"])
            {
                wrong.push(format!("{wish:?} was acknowledged, but there stand {found:?}"));
            }
        }
        for (collection, ended) in [("reserves", "Canceled"), ("conferences", "Ended"), ("maintenances", "Ended")] {
            for row in rows(collection) {
                let mut mine = self.endings.iter().filter(|ending| ending.collection == collection && row["id"] == ending.id);
                let (accepted, possible) = (
                    mine.clone().any(|ending| matches!(ending.fate, Fate::Stands(_))),
                    mine.any(|ending| matches!(ending.fate, Fate::Stands(_) | Fate::Unknown)),
                );
                if accepted && row["status"] != ended {
                    wrong.push(format!("{row} was ended, and stands"));
                }
                if row["status"] == "Canceled" && !possible {
                    wrong.push(format!("{row} was cancelled by nobody"));
                }
            }
        }
        wrong
    }
}

/// What an answer says of what was asked for.
fn fate(asked: &Asked, heard: &Heard) -> Fate {
    let Heard::Answer(answer) = heard else { return Fate::Unknown };
    match answer.status.as_u16() {
        201 | 204 => Fate::Stands(answer.json()),
        // Only one that names a callee says that nothing stands.
        503 if answer.json()["service"] == "reserve" && !asked.path.starts_with("/reserves") => Fate::TakenBack,
        409 if answer.json()["code"] == "request-in-progress" => Fate::Unknown,
        500.. => Fate::Unknown,
        _ => Fate::Refused,
    }
}

impl Course for Run {
    fn next(&mut self, now: Timestamp, rng: &mut Rng) -> Asked {
        if self.rooms.len() < ROOMS && (self.rooms.is_empty() || rng.u8(..3) == 0) {
            return self.add_room();
        }
        let asked = match rng.u8(..20) {
            0..8 => None,
            8..12 => self.start(rng),
            12..15 => pick(&self.reserves, rng).map(|(id, ..)| self.end("reserves", id)),
            15..17 => pick(&self.conferences, rng).map(|id| self.end("conferences", id)),
            17..19 => Some(self.close(now, rng)),
            _ => pick(&self.maintenances, rng).map(|id| self.end("maintenances", id)),
        };
        asked.unwrap_or_else(|| self.reserve(now, rng))
    }

    fn heard(&mut self, asked: &Asked, heard: &Heard) {
        let body: Value = asked.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
        let fate = fate(asked, heard);
        if let Some(ending) = body["ending"].as_u64() {
            self.endings[ending as usize].fate = fate;
            return;
        }
        let wish = &mut self.wishes[body["wish"].as_u64().unwrap() as usize];
        wish.fate = fate;
        let Fate::Stands(row) = &wish.fate else { return };
        let id = row["id"].as_u64().unwrap();
        match wish.collection {
            "rooms" => self.rooms.push(id),
            "reserves" => self.reserves.push((id, row["userId"].as_str().unwrap().into(), row["roomId"].as_u64().unwrap())),
            "conferences" => self.conferences.push(id),
            _ => self.maintenances.push(id),
        }
    }

    fn check(&mut self, now: Timestamp, ask: Ask<'_>) -> Vec<String> {
        let shown = Shown::read(now, &mut *ask);
        let mut wrong = self.check_wishes(&shown);
        wrong.extend(shown.check(ask));
        wrong
    }
}
