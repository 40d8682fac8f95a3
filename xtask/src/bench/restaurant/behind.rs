//! Whether everything that was begun has come to one end: each reservation that stands is paid, known to all and paid once, and of those that do not
//! stand nothing is kept anywhere.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::bench::http::{self, Client};
use crate::bench::pair::One;
use crate::bench::server;
use crate::bench::time::{Watch, until};
use crate::shell::Outcome;

/// How many seconds everything that was begun may take to come to its end.
const PATIENCE: f64 = 120.0;

/// How often in succession nothing may be under way before that is believed: what one service has just done another is about to hear.
const LOOKS: u32 = 3;

/// The largest page that is given.
const PAGE: usize = 1_000;

/// How many of those that do not agree are named.
const NAMED: usize = 5;

/// What stands once nothing is under way any more.
pub(super) struct Settled {
    /// How many seconds it took until nothing was under way.
    pub(super) after: f64,
    /// How many reservations stand.
    pub(super) standing: u64,
    /// What was left behind, each in a few words.
    left: Vec<String>,
}

impl Settled {
    /// How many things were left behind.
    pub(super) fn left(&self) -> f64 {
        self.left.len() as f64
    }

    /// Nothing may be left, and what was answered well has to stand. More may: wrk goes without hearing the last answers.
    pub(super) fn check(&self, answered: u64) -> Outcome {
        let Self { standing, left, .. } = self;
        if !left.is_empty() {
            let some = left.get(..NAMED.min(left.len())).unwrap_or_default().join("; ");
            return Err(format!("{} things were left behind by {standing} reservations: {some}", left.len()));
        }
        if *standing < answered {
            return Err(format!("{answered} reservations were answered with 201, and {standing} stand"));
        }
        Ok(())
    }
}

/// Waits until nothing is under way, and looks at every row there is.
pub(super) fn look(one: &One) -> Outcome<Settled> {
    let watch = Watch::start();
    let mut quiet = 0;
    let settled = until(PATIENCE, 50, || {
        quiet = if under_way(one).ok()? == 0.0 { quiet + 1 } else { 0 };
        (quiet == LOOKS).then_some(())
    });
    let (after, mut left) = (watch.seconds(), Vec::new());
    if settled.is_none() {
        left.push(format!("{} sagas or events are still under way", under_way(one)?));
    }
    let mut client = Client::open(one.server.address)?;
    let reservations = rows(&mut client, "reservations")?;
    let deposits = rows(&mut client, "deposits")?;
    let standing: BTreeSet<u64> = reservations.iter().filter(|row| row["status"] == "Reserved").filter_map(number).collect();
    left.extend(strays("reservation", &standing, &reservations, "Reserved"));
    left.extend(strays("deposit", &standing, &deposits, "PayCompleted"));
    left.extend(strays("book entry", &standing, &rows(&mut client, "restaurants")?, "Reserved"));
    left.extend(strays("my page", &standing, &rows(&mut client, "myPages")?, "Reserved"));
    left.extend(strays("recommendation", &standing, &rows(&mut client, "recommendations")?, ""));
    let ours = deposits.iter().filter_map(|row| Some((row["payment"].as_str()?.to_owned(), minor(&row["amount"])?))).collect();
    left.extend(money(&ours, &kept(one)?));
    Ok(Settled { after, standing: standing.len() as u64, left })
}

/// How many sagas and events are not at their end.
fn under_way(one: &One) -> Outcome<f64> {
    let metrics = http::get(one.server.address, "/actuator/prometheus")?;
    let names = ["yeyak_sagas_open", "yeyak_consumer_lag_events", "yeyak_parked_events", "yeyak_writer_queue_depth"];
    Ok(names.iter().map(|name| server::sum(&metrics, name, "")).sum())
}

/// All rows of a collection, page by page.
fn rows(client: &mut Client, collection: &str) -> Outcome<Vec<Value>> {
    let mut rows = Vec::new();
    for page in 0.. {
        let path = format!("/restaurant/{collection}?page={page}&size={PAGE}");
        let (status, body) = client.ask("GET", &path, "")?;
        let shown: Value = serde_json::from_str(&body).map_err(|error| format!("GET {path}: {error}"))?;
        let shown = shown["_embedded"][collection].as_array().filter(|_| status == 200);
        let shown = shown.ok_or_else(|| format!("GET {path} was answered with {status}: {body}"))?;
        rows.extend_from_slice(shown);
        if shown.len() < PAGE {
            break;
        }
    }
    Ok(rows)
}

/// The reservation that a row is about.
fn number(row: &Value) -> Option<u64> {
    row["reservationNo"].as_u64().or_else(|| row["id"].as_u64())
}

/// Those rows that are about no reservation which stands or have another status, and those reservations that have no row.
fn strays(what: &str, standing: &BTreeSet<u64>, rows: &[Value], status: &str) -> Vec<String> {
    let fits = |row: &&Value| status.is_empty() || row["status"] == status;
    let known: BTreeSet<u64> = rows.iter().filter(fits).filter_map(number).collect();
    let stray = rows.iter().filter(|row| !fits(row) || number(row).is_none_or(|number| !standing.contains(&number)));
    let stray = stray.map(|row| format!("a {what} of {} that is {}", number(row).unwrap_or_default(), row["status"]));
    stray.chain(standing.difference(&known).map(|number| format!("no {what} of {number}"))).collect()
}

/// What the provider has kept of each payment, in minor units: the test provider's own book.
fn kept(one: &One) -> Outcome<BTreeMap<String, i64>> {
    let path = one.data().join("restaurant.payments.jsonl");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let mut kept = BTreeMap::new();
    for line in text.lines() {
        let entry: Value = serde_json::from_str(line).map_err(|error| format!("{}: {error}", path.display()))?;
        let (what, sign) = match entry["entry"].as_str() {
            Some("paid") => (&entry, 1),
            Some("refunded") => (&entry, -1),
            Some("cancelled") => (&entry["back"], -1),
            _ => continue,
        };
        if let Some((payment, amount)) = what["payment"].as_str().zip(minor(&what["amount"])) {
            *kept.entry(payment.to_owned()).or_insert(0) += sign * amount;
        }
    }
    kept.retain(|_, amount| *amount != 0);
    Ok(kept)
}

/// An amount of won, which has no smaller unit.
fn minor(amount: &Value) -> Option<i64> {
    amount["amount"].as_str()?.parse().ok()
}

/// Where the provider has kept something else than we know of.
fn money(ours: &BTreeMap<String, i64>, theirs: &BTreeMap<String, i64>) -> Vec<String> {
    let payments: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let of = |book: &BTreeMap<String, i64>, payment: &str| book.get(payment).copied().unwrap_or_default();
    let both = payments.into_iter().map(|payment| (payment, of(ours, payment), of(theirs, payment)));
    both.filter(|(_, ours, theirs)| ours != theirs)
        .map(|(payment, ours, theirs)| format!("{theirs} won kept of {payment}, of which we know {ours}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stands_has_one_row_everywhere_and_nothing_else_has() {
        let standing = BTreeSet::from([1, 2]);
        let check = |rows: Value, expected: &[&str]| {
            assert_eq!(strays("deposit", &standing, rows.as_array().unwrap(), "PayCompleted"), expected);
        };
        let paid = |number: u64| json!({"reservationNo": number, "status": "PayCompleted"});
        check(json!([paid(1), paid(2)]), &[]);
        check(json!([paid(1), paid(2), paid(3)]), &["a deposit of 3 that is \"PayCompleted\""]);
        check(json!([paid(1)]), &["no deposit of 2"]);
        let requested = json!({"reservationNo": 2, "status": "PayRequested"});
        check(json!([paid(1), requested]), &["a deposit of 2 that is \"PayRequested\"", "no deposit of 2"]);
    }

    #[test]
    fn money_agrees_payment_by_payment() {
        let book = |entries: &[(&str, i64)]| entries.iter().map(|(payment, amount)| ((*payment).to_owned(), *amount)).collect();
        let check = |ours: &[(&str, i64)], theirs: &[(&str, i64)], left| assert_eq!(money(&book(ours), &book(theirs)).len(), left);
        check(&[("a", 1), ("b", 2)], &[("a", 1), ("b", 2)], 0);
        check(&[("a", 1)], &[("a", 1), ("b", 2)], 1);
        check(&[("a", 1), ("b", 2)], &[("a", 2), ("b", 1)], 2);
    }
}
