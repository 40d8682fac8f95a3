//! Bookings as fast as they are answered: over a thousand rooms, and in a single one.

use super::Bench;
use super::figures::Figures;
use super::load::{self, CONNECTIONS, Measured, Plan};
use super::pair::{One, Pair, SLOTS};
use super::server::Side;
use super::tools::Tools;
use crate::shell::Outcome;

const MOST: usize = 256;
const MANY: [usize; 4] = [1, 32, CONNECTIONS, MOST];

/// Every load begins with empty stores: the faster one's would else have grown larger by the next.
pub(super) fn run(bench: &mut Bench) -> Outcome {
    let Bench { tools, scale, figures, .. } = bench;
    for round in 0..scale.rounds {
        for connections in MANY {
            let mut pair = Pair::fresh(tools, scale.rooms, SLOTS)?;
            for one in pair.in_turn(round) {
                let (before, plan) = (one.server.written()?, Plan::ordinary(scale.rooms));
                let bookings = load(tools, figures, one, &plan, &format!("post/{connections}"), connections, scale.seconds)?;
                if connections == CONNECTIONS {
                    figures.add("disk/written", "kB", one.server.side, (one.server.written()? - before) / bookings as f64 / 1e3);
                }
                if connections == MOST {
                    figures.add("memory/load", "MB", one.server.side, one.server.memory()?.1 / 1e6);
                }
            }
        }
    }
    Ok(())
}

/// One room, ever further ahead: a day of it has as many slots as make the dates last.
pub(super) fn run_hot(bench: &mut Bench) -> Outcome {
    let Bench { tools, scale, figures, .. } = bench;
    let slots = half_hours();
    for round in 0..scale.rounds {
        let mut pair = Pair::fresh(tools, 1, &slots)?;
        for one in pair.in_turn(round) {
            load(tools, figures, one, &Plan::hot(&slots), "hot", CONNECTIONS, scale.seconds)?;
        }
    }
    Ok(())
}

/// The slots of a day whose every half hour but the last is one.
fn half_hours() -> String {
    let time = |half: u32| format!("{:02}:{:02}", half / 2, half % 2 * 30);
    let slots: Vec<_> = (0..47).map(|half| format!("{}-{}", time(half), time(half + 1))).collect();
    slots.join(",")
}

/// One load on one side, and how long its consumers have still to do afterwards. Gives how many bookings there were.
fn load(tools: &Tools, figures: &mut Figures, one: &mut One, plan: &Plan, key: &str, connections: usize, seconds: u64) -> Outcome<u64> {
    let (server, begin) = (&one.server, one.next);
    let Measured { rate, latency, next, requests, .. } = load::bookings(tools, server.address, plan, begin, connections, seconds)?;
    let drained = server.drained()?;
    figures.add(&format!("{key}/rate"), "/s", server.side, rate);
    figures.add_latency(key, server.side, latency.as_ref());
    if server.side == Side::Yeyak {
        figures.add(&format!("{key}/drained"), "s", server.side, drained);
    }
    one.next = next;
    Ok(requests.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_as_many_half_hours_as_end_within_it() {
        let slots = half_hours();
        assert!(slots.starts_with("00:00-00:30,00:30-01:00,") && slots.ends_with(",23:00-23:30"), "{slots}");
    }
}
