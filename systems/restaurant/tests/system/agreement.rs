//! What has to hold of the whole system at rest: money kept = reservations standing, seats held = people reserved, and no row anywhere of
//! what does not stand.

use std::collections::{BTreeMap, BTreeSet};

use clock::Clock;
use jiff::Timestamp;
use serde_json::Value;
use testkit::TestApp;

/// How to read something of the system.
pub(crate) type Ask<'a> = &'a mut dyn FnMut(&str) -> testkit::Answer;

/// Everything that its services show.
pub(crate) struct Shown {
    pub(crate) reservations: Vec<Value>,
    deposits: Vec<Value>,
    entries: Vec<Value>,
    recommendations: Vec<Value>,
    my_pages: Vec<Value>,
    /// Every sitting that can be reserved in a story, free or not, of each venue that is listed.
    sittings: Vec<Value>,
    /// When all this was shown.
    at: Timestamp,
}

impl Shown {
    pub(crate) fn of(app: &mut TestApp) -> Self {
        let now = app.clock().now();
        Self::read(now, &mut |path| app.get(path))
    }

    pub(crate) fn read(at: Timestamp, ask: Ask<'_>) -> Self {
        let mut rows = |collection: &str| {
            let page = ask(&format!("/{collection}?size=1000")).json();
            page["_embedded"][collection].as_array().cloned().unwrap_or_default()
        };
        Self {
            reservations: rows("reservations"),
            deposits: rows("deposits"),
            entries: rows("restaurants"),
            recommendations: rows("recommendations"),
            my_pages: rows("myPages"),
            sittings: rows("venues").iter().flat_map(|venue| sittings(ask, venue["restaurantNo"].as_str().unwrap())).collect(),
            at,
        }
    }

    /// How many reservations stand.
    pub(crate) fn standing(&self) -> usize {
        self.reservations.iter().filter(|row| stands(row)).count()
    }

    /// Those that stand once their guests have paid.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &Value> {
        self.reservations.iter().filter(|row| row["status"] == "DepositPending")
    }

    /// What does not agree.
    pub(crate) fn check(&self, book: &payments::Book) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut expect = |holds: bool, what: String| {
            if !holds {
                wrong.push(what);
            }
        };
        let (deposits, entries) = (by_reservation(&self.deposits), by_reservation(&self.entries));
        let (recommendations, my_pages) = (by_reservation(&self.recommendations), by_reservation(&self.my_pages));
        let mut kept = 0;
        for row in &self.reservations {
            let (no, status) = (row["id"].as_u64().unwrap(), row["status"].as_str().unwrap());
            let of = |rows: &BTreeMap<u64, &Value>| rows.get(&no).and_then(|row| row["status"].as_str()).unwrap_or("none").to_owned();
            let (deposit, entry) = (of(&deposits), of(&entries));
            expect(of(&my_pages) == status, format!("reservation {no} is {status}, my page says {}", of(&my_pages)));
            let fits = match status {
                "Reserved" | "Recommanded" => deposit == "PayCompleted" && entry == "Reserved" && recommendations.contains_key(&no),
                "Canceled" => {
                    let settled = matches!(&*deposit, "PayCanceled" | "PayKept" | "none");
                    settled && matches!(&*entry, "Canceled" | "none") && !recommendations.contains_key(&no)
                }
                "NoShow" => deposit == "PayKept" && entry == "NoShow",
                // A guest may still be about to pay.
                "DepositPending" => deposit == "PayRequested" && entry == "none" && !recommendations.contains_key(&no),
                _ => false,
            };
            expect(fits, format!("reservation {no} is {status}, its deposit {deposit}, the restaurant's entry {entry}"));
            if matches!(&*deposit, "PayCompleted" | "PayKept") {
                let amount = &deposits[&no]["amount"];
                expect(*amount == row["deposit"], format!("reservation {no} costs {}, and {amount} is kept", row["deposit"]));
                kept += amount["amount"].as_str().unwrap().parse::<i64>().unwrap();
            }
        }
        let known: BTreeSet<_> = self.reservations.iter().map(|row| row["id"].as_u64().unwrap()).collect();
        for (name, rows) in [("deposit", &deposits), ("entry", &entries), ("recommendation", &recommendations), ("my page", &my_pages)] {
            for no in rows.keys().filter(|no| !known.contains(no)) {
                expect(false, format!("there is a {name} of reservation {no}, which does not exist"));
            }
        }
        let provider = book.kept();
        expect(provider == kept, format!("the provider keeps {provider}, and we know of {kept}"));
        wrong.extend(self.seats());
        wrong
    }

    /// The seats that are held of a sitting are those of the people who have reserved it or are about to, also of who did not come: of one that
    /// is over, none.
    fn seats(&self) -> Vec<String> {
        let mut people = BTreeMap::<_, u64>::new();
        let ahead = |row: &&Value| (stands(row) || row["status"] == "NoShow") && self.at < row["endsAt"].as_str().unwrap().parse().unwrap();
        for row in self.reservations.iter().filter(ahead) {
            *people.entry(sitting_of(row)).or_default() += row["partySize"].as_u64().unwrap();
        }
        let mut wrong = Vec::new();
        for shown in &self.sittings {
            let (sitting, reserved) = (sitting_of(shown), people.remove(&sitting_of(shown)).unwrap_or_default());
            // A venue that opened by itself has any number of seats, and shows none.
            let Some((seats, left)) = shown["seats"].as_u64().zip(shown["seatsLeft"].as_u64()) else { continue };
            if seats - left != reserved {
                wrong.push(format!("{} of the {seats} seats at {sitting:?} are held, and {reserved} people have reserved", seats - left));
            }
        }
        wrong.extend(people.keys().map(|sitting| format!("someone has reserved {sitting:?}, which nobody shows")));
        wrong
    }
}

/// How many seats a sitting of the venue `small` has.
pub(crate) const SEATS: u64 = 4;

/// The days that stories reserve.
const DAYS: [&str; 4] = ["20261123", "20261124", "20261125", "20261126"];

/// A day on which no story reserves anything, so that every sitting is free and listed.
const LATER: &str = "20270301";

/// The sittings of a venue on all days of a story. Those that are not free are only shown to who asks for them.
fn sittings(ask: Ask<'_>, venue: &str) -> Vec<Value> {
    let path = |item: &str, day: &str| format!("/availability{item}?restaurantNo={venue}&day={day}&partySize=1");
    let ids: Vec<_> = free(ask, &path("", LATER)).iter().map(|sitting| sitting["id"].as_u64().unwrap()).collect();
    let mut shown = Vec::new();
    for day in DAYS {
        let free = free(ask, &path("", day));
        let taken = ids.iter().filter(|id| !free.iter().any(|one| one["id"] == **id));
        let one = |id| format!("/availability/{id}?day={day}&partySize=1");
        shown.extend(taken.map(|id| ask(&one(id)).expect(200)).collect::<Vec<_>>());
        shown.extend(free);
    }
    shown
}

fn free(ask: Ask<'_>, path: &str) -> Vec<Value> {
    ask(path).json()["_embedded"]["availability"].as_array().cloned().unwrap_or_default()
}

/// The venue, the day and the beginning of a sitting, as a reservation and the sitting itself say it.
fn sitting_of(row: &Value) -> [String; 3] {
    ["restaurantNo", "day", "time"].map(|field| row[field].as_str().unwrap().to_owned())
}

fn stands(row: &Value) -> bool {
    ["DepositPending", "DepositPayed", "Reserved", "Recommanded"].contains(&row["status"].as_str().unwrap())
}

fn by_reservation(rows: &[Value]) -> BTreeMap<u64, &Value> {
    rows.iter().map(|row| (row["reservationNo"].as_u64().unwrap(), row)).collect()
}
