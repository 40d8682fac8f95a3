//! From the start of the process until it says that it is ready, and the memory that it then has.

use super::Bench;
use super::load::Plan;
use super::pair::One;
use super::server::Side;
use crate::shell::Outcome;

/// On an empty directory.
pub(super) fn run_empty(bench: &mut Bench) -> Outcome {
    let Bench { tools, scale, figures, .. } = bench;
    for _ in 0..scale.rounds {
        for side in [Side::Limit, Side::Yeyak] {
            let one = One::fresh(tools, side)?;
            figures.add("start/empty", "ms", side, one.server.ready_after * 1e3);
            figures.add("memory/idle", "MB", side, one.server.memory()?.0 / 1e6);
        }
    }
    Ok(())
}

/// On a year of bookings, after a kill when more had just been booked.
pub(super) fn run_full(bench: &mut Bench) -> Outcome {
    let (tools, scale, figures, pair) = bench.full()?;
    let plan = Plan::ordinary(scale.rooms);
    for round in 0..scale.rounds {
        for one in pair.in_turn(round) {
            let side = one.server.side;
            if round == 0 {
                figures.add("memory/full", "MB", side, one.server.memory()?.0 / 1e6);
            }
            one.book(tools, &plan, scale.sample)?;
            one.restart(tools)?;
            figures.add("start/full", "ms", side, one.server.ready_after * 1e3);
            figures.add("memory/started-full", "MB", side, one.server.memory()?.0 / 1e6);
        }
    }
    Ok(())
}
