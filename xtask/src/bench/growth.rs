//! What a booking costs as the store grows, and how much room it takes.

use super::Bench;
use super::load::Plan;
use super::pair::{Pair, SLOTS};
use crate::shell::Outcome;

/// The names of the sizes in keys.
pub(super) const NAMES: [&str; 3] = ["small", "middle", "full"];

/// Of each size a few rounds are measured. The smallest store is made anew for each, for it would soon be another; the others hardly grow.
pub(super) fn run(bench: &mut Bench) -> Outcome {
    let Bench { tools, scale, figures, .. } = bench;
    let mut pair = Pair::fresh(tools, scale.rooms, SLOTS)?;
    let plan = Plan::ordinary(scale.rooms);
    let empty = [pair.limit.server.on_disk()?, pair.yeyak.server.on_disk()?];
    for (size, name) in scale.sizes.iter().zip(NAMES) {
        for round in 0..scale.rounds {
            if name == NAMES[0] && round > 0 {
                pair = Pair::fresh(tools, scale.rooms, SLOTS)?;
            }
            pair.grow(tools, scale, *size)?;
            for one in pair.in_turn(round) {
                let measured = one.book(tools, &plan, scale.sample)?;
                one.server.drained()?;
                figures.add(&format!("growth/{name}/rate"), "/s", one.server.side, measured.rate);
            }
        }
    }
    for (one, empty) in [&pair.limit, &pair.yeyak].into_iter().zip(empty) {
        figures.add("disk/kept", "kB", one.server.side, (one.server.on_disk()? - empty) / one.next as f64 / 1e3);
    }
    bench.full = Some(pair);
    Ok(())
}
