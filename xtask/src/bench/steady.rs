//! Bookings at fixed rates, parts of what Yeyak can do: how long each takes, and how long it is until another service shows it.

use super::Bench;
use super::load::{self, CONNECTIONS, Plan};
use super::pair::{One, Pair, SLOTS};
use super::server::Side;
use crate::shell::Outcome;

/// What a rate is called in keys, and which part it is of what is answered over as many connections.
const RATES: [(&str, f64); 2] = [("quarter", 0.25), ("steady", 0.5)];

pub(super) fn run(bench: &mut Bench) -> Outcome {
    let Bench { tools, scale, figures, .. } = bench;
    let plan = Plan::ordinary(scale.rooms);
    let most = match figures.of_yeyak(&format!("post/{CONNECTIONS}/rate")) {
        Some(measured) => measured,
        None => {
            let yeyak = One::with_rooms(tools, Side::Yeyak, scale.rooms, SLOTS)?;
            load::bookings(tools, yeyak.server.address, &plan, 0, CONNECTIONS, scale.seconds)?.rate
        }
    };
    for round in 0..scale.rounds {
        for (key, part) in RATES {
            let mut pair = Pair::fresh(tools, scale.rooms, SLOTS)?;
            for one in pair.in_turn(round) {
                let measured = one.book_steadily(tools, &plan, most * part, scale.seconds, false)?;
                figures.add(&format!("{key}/rate"), "/s", one.server.side, measured.rate);
                figures.add_latency(key, one.server.side, measured.latency.as_ref());
            }
        }
        // Whoever looks is a load of their own, which the limit would not have.
        let mut yeyak = One::with_rooms(tools, Side::Yeyak, scale.rooms, SLOTS)?;
        let measured = yeyak.book_steadily(tools, &plan, most / 2.0, scale.seconds, true)?;
        figures.add_latency("lag", Side::Yeyak, measured.lag.as_ref());
    }
    Ok(())
}
