//! What has to hold of the whole system at rest: money kept = reservations standing, seats held = people reserved, and no row anywhere of
//! what does not stand.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// How to read something of the system.
pub(crate) type Ask<'a> = &'a mut dyn FnMut(&str) -> testkit::Answer;

/// Everything that its services show.
pub(crate) struct Shown {
    pub(crate) reservations: Vec<Value>,
    deposits: Vec<Value>,
    entries: Vec<Value>,
    recommendations: Vec<Value>,
    my_pages: Vec<Value>,
}

impl Shown {
    pub(crate) fn read(ask: Ask<'_>) -> Self {
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
        }
    }

    /// How many reservations stand.
    pub(crate) fn standing(&self) -> usize {
        self.reservations.iter().filter(|row| stands(row)).count()
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

    /// No sitting of a venue with so many seats holds more people than those.
    fn seats(&self) -> Vec<String> {
        let mut taken = BTreeMap::<_, u64>::new();
        for row in self.reservations.iter().filter(|row| stands(row)) {
            let sitting = ["restaurantNo", "day", "time"].map(|field| row[field].as_str().unwrap().to_owned());
            *taken.entry(sitting).or_default() += row["partySize"].as_u64().unwrap();
        }
        let over = taken.iter().filter(|([venue, ..], taken)| venue == "small" && **taken > SEATS);
        over.map(|(sitting, taken)| format!("{taken} people sit at {sitting:?}, which has {SEATS} seats")).collect()
    }
}

/// How many seats a sitting of the venue `small` has.
pub(crate) const SEATS: u64 = 4;

fn stands(row: &Value) -> bool {
    ["DepositPending", "DepositPayed", "Reserved", "Recommanded"].contains(&row["status"].as_str().unwrap())
}

fn by_reservation(rows: &[Value]) -> BTreeMap<u64, &Value> {
    rows.iter().map(|row| (row["reservationNo"].as_u64().unwrap(), row)).collect()
}
