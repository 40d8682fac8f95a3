//! What must be true of meeting rooms whenever everything is at rest.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use testkit::Answer;

/// Asks for a path.
pub(crate) type Ask<'a> = &'a mut dyn FnMut(&str) -> Answer;

/// Everything that the system shows.
pub(crate) struct Shown {
    pub(crate) rooms: Vec<Value>,
    pub(crate) reserves: Vec<Value>,
    pub(crate) conferences: Vec<Value>,
    pub(crate) maintenances: Vec<Value>,
    pub(crate) tables: Vec<Value>,
    now: Timestamp,
    wrong: Vec<String>,
}

fn rows(ask: Ask<'_>, path: &str, name: &str) -> Vec<Value> {
    ask(path).json()["_embedded"][name].as_array().cloned().unwrap_or_default()
}

fn instant(value: &Value) -> Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or(Timestamp::MAX)
}

/// A time that was somebody's: from when till when it was held, and which time it is.
struct Claim {
    what: String,
    held: (Timestamp, Timestamp),
    time: (Timestamp, Timestamp),
}

impl Claim {
    fn contradicts(&self, other: &Self) -> bool {
        let overlap = |a: (Timestamp, Timestamp), b: (Timestamp, Timestamp)| a.0.max(b.0) < a.1.min(b.1);
        overlap(self.held, other.held) && overlap(self.time, other.time)
    }
}

impl Shown {
    pub(crate) fn read(now: Timestamp, ask: Ask<'_>) -> Self {
        let mut all = |name: &str| rows(&mut *ask, &format!("/{name}?size=1000"), name);
        let (rooms, reserves, conferences) = (all("rooms"), all("reserves"), all("conferences"));
        let (maintenances, tables) = (all("maintenances"), all("roomTables"));
        Self { rooms, reserves, conferences, maintenances, tables, now, wrong: Vec::new() }
    }

    /// Everything that is wrong.
    pub(crate) fn check(mut self, ask: Ask<'_>) -> Vec<String> {
        self.nothing_is_held_twice(&mut *ask);
        self.meetings_agree();
        self.rooms_agree(&mut *ask);
        self.slots_agree(&mut *ask);
        self.wrong
    }

    fn expect(&mut self, holds: bool, wrong: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(wrong());
        }
    }

    /// The instants of the first and the last thing that happened to a row.
    fn life(ask: Ask<'_>, collection: &str, id: &Value) -> (Timestamp, Timestamp) {
        let entries = rows(ask, &format!("/{collection}/{id}/history?size=1000"), "history");
        let at = |entry: Option<&Value>| entry.map_or(Timestamp::MAX, |entry| instant(&entry["at"]));
        (at(entries.first()), at(entries.last()))
    }

    /// No time of a room was ever promised to two at once, not even for a moment and whatever came of it later.
    fn nothing_is_held_twice(&mut self, ask: Ask<'_>) {
        let mut claims: BTreeMap<String, Vec<Claim>> = BTreeMap::new();
        for (collection, rows) in [("reserves", &self.reserves), ("maintenances", &self.maintenances)] {
            for row in rows {
                let (made, last) = Self::life(&mut *ask, collection, &row["id"]);
                let stands = row["status"] == "Reserved" || row["status"] == "Started";
                let time = match collection {
                    "reserves" => (instant(&row["startsAt"]), instant(&row["endsAt"])),
                    _ => (instant(&row["from"]), instant(&row["until"])),
                };
                // A maintenance hears of its end later than the calendar decides it: it is over by its `until` at the latest.
                let last = if collection == "maintenances" { instant(&row["endedAt"]).min(instant(&row["until"])) } else { last };
                let claim = Claim {
                    what: format!("{collection}/{} {}", row["id"], row["status"]),
                    held: (made, if stands { Timestamp::MAX } else { last }),
                    time,
                };
                claims.entry(row["roomId"].to_string()).or_default().push(claim);
            }
        }
        for (room, claims) in claims {
            for (index, one) in claims.iter().enumerate() {
                for other in &claims[index + 1..] {
                    self.expect(!one.contradicts(other), || format!("room {room} was held by {} and {} at once", one.what, other.what));
                }
            }
        }
    }

    /// A meeting that is held, is held by its reservation too; one that is over is over there.
    fn meetings_agree(&mut self) {
        for meeting in self.conferences.clone() {
            let reserve = self.reserves.iter().find(|reserve| reserve["id"] == meeting["reserveId"]).cloned().unwrap_or_default();
            let agrees = reserve["conferenceId"] == meeting["id"] && reserve["status"] == meeting["status"];
            self.expect(agrees, || format!("conference {meeting} has the reservation {reserve}"));
        }
        for reserve in self.reserves.clone() {
            let held = self.conferences.iter().any(|meeting| meeting["id"] == reserve["conferenceId"]);
            let names_none = reserve["conferenceId"].is_null() && reserve["status"] != "Started";
            self.expect(names_none || held, || format!("{reserve} names a conference that is not there"));
        }
    }

    /// Room and schedule show what reserve's and maintenance's rows say.
    fn rooms_agree(&mut self, ask: Ask<'_>) {
        let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].to_string()).collect::<Vec<_>>();
        let (rooms, tables) = (ids(&self.rooms), ids(&self.tables));
        self.expect(rooms == tables, || format!("room has {rooms:?}, schedule has {tables:?}"));
        for room in self.rooms.clone() {
            let (status, reserve) = self.occupancy(&room, &mut *ask);
            let (id, user) = (reserve["id"].clone(), reserve["userId"].clone());
            let table = self.tables.iter().find(|table| table["roomId"] == room["id"]).cloned().unwrap_or_default();
            self.expect(room["status"] == status, || format!("room {} shows {}, but is {status} {reserve}", room["id"], room["status"]));
            let agrees = table["status"] == status && table["reserveId"] == id && table["userId"] == user;
            self.expect(agrees, || format!("schedule shows {table}, but the room is {status} {reserve}"));
        }
    }

    fn blocks(&self, room: &Value) -> Vec<(Timestamp, Timestamp)> {
        let standing = self.maintenances.iter().filter(|one| one["roomId"] == room["id"] && one["status"] == "Started");
        standing.map(|one| (instant(&one["from"]), instant(&one["until"]))).collect()
    }

    fn standing(&self, room: &Value) -> Vec<Value> {
        let mine = self.reserves.iter().filter(|one| one["roomId"] == room["id"]);
        mine.filter(|one| one["status"] == "Reserved" || one["status"] == "Started").cloned().collect()
    }

    /// Who has a room now: in the slot that is running or, between slots, in the next one today, which is closed when a part of it is.
    fn occupancy(&self, room: &Value, ask: Ask<'_>) -> (&'static str, Value) {
        let blocks = self.blocks(room);
        if blocks.iter().any(|(from, until)| *from <= self.now && self.now < *until) {
            return ("Maintenance", Value::Null);
        }
        let standing = self.standing(room);
        if let Some(started) = standing.iter().find(|one| one["status"] == "Started") {
            return ("Started", started.clone());
        }
        let slots = rows(ask, &format!("/roomSlots?size=1000&sort=startTime&roomId={}", room["id"]), "roomSlots");
        let slot = slots.iter().find(|slot| instant(&slot["endsAt"]) > self.now);
        let next = slot.map(|slot| (instant(&slot["startsAt"]), instant(&slot["endsAt"]))).filter(|(from, _)| *from > self.now);
        if next.is_some_and(|(from, until)| blocks.iter().any(|block| block.0 < until && from < block.1)) {
            return ("Maintenance", Value::Null);
        }
        let reserved = slot.and_then(|slot| standing.iter().find(|one| one["startsAt"] == slot["startsAt"]));
        reserved.map_or(("Available", Value::Null), |one| ("Reserved", one.clone()))
    }

    /// Each slot of each day on which something stands shows what stands in it.
    fn slots_agree(&mut self, ask: Ask<'_>) {
        let mut dates: Vec<String> = self.reserves.iter().filter_map(|row| row["date"].as_str().map(str::to_owned)).collect();
        dates.sort();
        dates.dedup();
        for date in dates {
            let slots = rows(&mut *ask, &format!("/roomSlots?size=1000&date={date}"), "roomSlots");
            self.expect(!slots.is_empty() || self.rooms.is_empty(), || format!("there are no slots on {date}"));
            for slot in slots {
                let room = serde_json::json!({"id": slot["roomId"]});
                let (from, until) = (instant(&slot["startsAt"]), instant(&slot["endsAt"]));
                let closed = self.blocks(&room).iter().any(|block| block.0.max(from) < block.1.min(until));
                let standing = self.standing(&room);
                let reserve = standing.iter().find(|one| one["startsAt"] == slot["startsAt"]).filter(|_| !closed);
                let status = if closed { "Maintenance".into() } else { reserve.map_or("Available".into(), |one| one["status"].clone()) };
                let agrees = slot["status"] == status && slot["reserveId"] == reserve.map_or(Value::Null, |one| one["id"].clone());
                self.expect(agrees, || format!("slot {slot} should be {status} {reserve:?}"));
            }
        }
    }
}
