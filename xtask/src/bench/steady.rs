//! Bookings at fixed rates, parts of what Yeyak can do: how long each takes, and how long it is until another service shows it.

use super::Bench;
use super::load::{self, CONNECTIONS, Plan};
use super::pair::{Pair, SLOTS};
use crate::shell::Outcome;

/// What a rate is called in keys, and which part it is of what is answered over as many connections.
const RATES: [(&str, f64); 2] = [("quarter", 0.25), ("steady", 0.5)];

pub(super) fn run(bench: &mut Bench) -> Outcome {
    let Bench { tools, scale, figures, .. } = bench;
    let mut pair = Pair::fresh(tools, scale.rooms, SLOTS)?;
    let plan = Plan::ordinary(scale.rooms);
    let most = match figures.of_yeyak(&format!("post/{CONNECTIONS}/rate")) {
        Some(measured) => measured,
        None => {
            let one = &mut pair.yeyak;
            let measured = load::bookings(tools, one.server.address, &plan, one.next, CONNECTIONS, scale.seconds)?;
            one.next = measured.next;
            one.server.drained()?;
            measured.rate
        }
    };
    for round in 0..scale.rounds {
        for (key, part) in RATES {
            for one in pair.in_turn(round) {
                let measured = one.book_steadily(tools, &plan, most * part, scale.seconds, false)?;
                figures.add(&format!("{key}/rate"), "/s", one.server.side, measured.rate);
                figures.add_latency(key, one.server.side, measured.latency.as_ref());
            }
        }
        // Whoever looks is a load of their own, which the limit would not have.
        let yeyak = &mut pair.yeyak;
        let measured = yeyak.book_steadily(tools, &plan, most / 2.0, scale.seconds, true)?;
        figures.add_latency("lag", yeyak.server.side, measured.lag.as_ref());
    }
    Ok(())
}
