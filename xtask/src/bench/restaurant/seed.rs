//! The seed's load, a hundred users who reserve a table, beside as many who reserve a room: what several services in one act cost, and whether they
//! leave anything behind.

use super::{USERS, behind, restaurants, seeds};
use crate::bench::Bench;
use crate::bench::figures::Figures;
use crate::bench::load::{self, Measured, Plan};
use crate::bench::pair::{One, SLOTS};
use crate::bench::server::Side;
use crate::shell::Outcome;

/// Every round begins with empty stores, and with the one that was second in the round before.
pub(in crate::bench) fn run(bench: &mut Bench) -> Outcome {
    let Bench { tools, scale, figures, .. } = bench;
    for round in 0..scale.rounds {
        let rooms = One::fresh(tools, Side::Yeyak)?;
        rooms.server.add_rooms(scale.rooms, SLOTS)?;
        let tables = restaurants(tools, &[])?;
        let plain = || {
            let plain = load::bookings(tools, rooms.server.address, &Plan::ordinary(scale.rooms), 0, USERS, scale.seconds)?;
            rooms.server.drained().map(|_| plain)
        };
        let whole = || {
            let whole = load::same(tools, tables.server.address, &seeds(), USERS, scale.seconds)?;
            behind::look(&tables).map(|settled| (whole, settled))
        };
        let (plain, (whole, settled)) = if round.is_multiple_of(2) {
            (plain()?, whole()?)
        } else {
            let whole = whole()?;
            (plain()?, whole)
        };
        add(figures, &plain, &whole);
        figures.add("seed/settled", "s", Side::Yeyak, settled.after);
        figures.add("seed/left", "things", Side::Yeyak, settled.left());
        settled.check(whole.requests)?;
    }
    Ok(())
}

fn add(figures: &mut Figures, plain: &Measured, whole: &Measured) {
    figures.add("seed/plain/rate", "/s", Side::Yeyak, plain.rate);
    figures.add("seed/rate", "/s", Side::Yeyak, whole.rate);
    figures.add("seed/ratio/rate", "×", Side::Yeyak, whole.rate / plain.rate);
    if let (Some(plain), Some(whole)) = (&plain.latency, &whole.latency) {
        for (name, plain, whole) in [("p50", plain.p50, whole.p50), ("p99", plain.p99, whole.p99)] {
            figures.add(&format!("seed/plain/{name}"), "ms", Side::Yeyak, plain / 1e3);
            figures.add(&format!("seed/{name}"), "ms", Side::Yeyak, whole / 1e3);
            figures.add(&format!("seed/ratio/{name}"), "×", Side::Yeyak, whole / plain);
        }
    }
}
