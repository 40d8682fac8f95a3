//! Reads of a store with a year of bookings.

use super::load::{self, Measured};
use super::{Bench, alike, time};
use crate::shell::Outcome;

/// As many as read the originals when those were measured.
const READERS: usize = 32;

/// How many people there are, as the load counts them.
const PEOPLE: u64 = 10_007;

/// An item, a page of twenty, and a page of one person's, the last first.
pub(super) fn run(bench: &mut Bench) -> Outcome {
    let (tools, scale, figures, pair) = bench.full()?;
    let reads = [
        ("reads/item", "/reserves/{}", (1, scale.size(2))),
        ("reads/page", "/reserves?page={}&size=20", (0, 49)),
        ("reads/sorted", "/reserves?userId={}&sort=date,desc&size=20", (0, PEOPLE - 1)),
    ];
    for (_, path, _) in &reads[1..] {
        alike::around_rows(pair, &path.replace("{}", "7"))?;
    }
    for (key, path, numbers) in reads {
        for round in 0..scale.rounds {
            for one in pair.in_turn(round) {
                let Measured { rate, latency, .. } = load::reads(tools, one.server.address, path, numbers, READERS, scale.seconds)?;
                figures.add(&format!("{key}/rate"), "/s", one.server.side, rate);
                figures.add_latency(key, one.server.side, latency.as_ref());
            }
        }
    }
    Ok(())
}

/// A page of twenty slots of a day in the middle of the year: as fast as they are answered, and at half of that rate.
pub(super) fn run_slots(bench: &mut Bench) -> Outcome {
    let (tools, scale, figures, pair) = bench.full()?;
    let middle = i64::try_from(scale.size(2) / scale.rooms / 6).unwrap_or(0);
    let path = format!("/roomSlots?date={}&page={{}}&size=20", time::today(2 + middle));
    let pages = scale.rooms * 3 / 20;
    for round in 0..scale.rounds {
        for one in pair.in_turn(round) {
            let (to, side) = (one.server.address, one.server.side);
            let Measured { rate, .. } = load::reads(tools, to, &path, (0, pages - 1), READERS, scale.seconds)?;
            figures.add("slots/rate", "/s", side, rate);
        }
    }
    let rate = figures.half_of_yeyak("slots/rate");
    for round in 0..scale.rounds {
        for one in pair.in_turn(round) {
            let Measured { latency, .. } =
                load::steady_reads(tools, one.server.address, std::slice::from_ref(&path), pages - 1, rate, scale.seconds)?;
            figures.add_latency("slots", one.server.side, latency.as_ref());
        }
    }
    Ok(())
}
