//! Bookings at a fixed rate, half of what Yeyak can do: how long each takes, and how long it is until another service shows it.

use super::Bench;
use super::load::{self, CONNECTIONS, Plan};
use super::pair::{Pair, SLOTS};
use super::server::Side;
use crate::shell::Outcome;

pub(super) fn run(bench: &mut Bench) -> Outcome {
    let Bench { tools, scale, figures, .. } = bench;
    let mut pair = Pair::fresh(tools, scale.rooms, SLOTS)?;
    let plan = Plan::ordinary(scale.rooms);
    let most = {
        let one = &mut pair.yeyak;
        let measured = load::bookings(tools, one.server.address, &plan, one.next, CONNECTIONS, scale.seconds)?;
        one.next = measured.next;
        one.server.drained()?;
        measured.rate
    };
    let rate = (most / 2.0).round();
    for round in 0..scale.rounds {
        for one in pair.in_turn(round) {
            let side = one.server.side;
            let measured = load::steady_bookings(tools, one.server.address, &plan, one.next, rate, scale.seconds, side == Side::Yeyak)?;
            one.next = measured.next;
            one.server.drained()?;
            figures.add("steady/rate", "/s", side, measured.rate);
            for (name, percentiles) in [("steady", measured.latency), ("lag", measured.lag)] {
                if let Some(percentiles) = percentiles {
                    figures.add(&format!("{name}/p50"), "ms", side, percentiles.p50 / 1e3);
                    figures.add(&format!("{name}/p99"), "ms", side, percentiles.p99 / 1e3);
                }
            }
        }
    }
    Ok(())
}
