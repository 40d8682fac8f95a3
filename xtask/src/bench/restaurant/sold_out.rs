//! One sitting that everybody wants at once: how soon everybody knows, and whether just its seats are sold.

use super::{AHEAD, RESERVATIONS, add_venue, behind, percentile, restaurants};
use crate::bench::Bench;
use crate::bench::http::{self, Client};
use crate::bench::load::{self, Post, Until};
use crate::bench::server::Side;
use crate::bench::time;
use crate::shell::Outcome;

/// How many seats the sitting has.
const SEATS: u64 = 200;

/// Over how many connections they come.
const CONNECTIONS: usize = 256;

pub(in crate::bench) fn run(bench: &mut Bench) -> Outcome {
    let Bench { tools, scale, figures, .. } = bench;
    let day = time::today(AHEAD);
    // Each guest is another, and comes alone.
    let body = format!(r#"{{"restaurantNo":"10","day":"{day}","time":"17:30","partySize":1,"customerId":"{{n}}"}}"#);
    let post = Post { path: RESERVATIONS, body };
    for _ in 0..scale.rounds {
        let one = restaurants(tools, &[])?;
        add_venue(&mut Client::open(one.server.address)?, "10", SEATS)?;
        let answers = load::answers(tools, one.server.address, &post, CONNECTIONS, Until::Count(scale.guests))?;
        let with = |status: u16| answers.iter().filter(|answer| answer.status == status).count() as u64;
        let (sold, refused) = (with(201), with(409));
        if sold + refused != scale.guests {
            return Err(format!("of {} guests {sold} were answered with 201 and {refused} with 409", scale.guests));
        }
        let begun = answers.iter().map(|answer| answer.due).fold(f64::INFINITY, f64::min);
        let over = answers.iter().map(|answer| answer.due + answer.took).fold(0.0, f64::max);
        let mut took: Vec<f64> = answers.iter().map(|answer| answer.took * 1e3).collect();
        took.sort_by(f64::total_cmp);
        let settled = behind::look(&one)?;
        let free = http::json(one.server.address, &format!("/restaurant/availability?restaurantNo=10&day={day}&partySize=1"))?;
        let mut add = |name: &str, unit, value| figures.add(&format!("sold-out/{name}"), unit, Side::Yeyak, value);
        add("rate", "/s", scale.guests as f64 / (over - begun));
        add("p50", "ms", percentile(&took, 0.5));
        add("p99", "ms", percentile(&took, 0.99));
        add("sold", "seats", sold as f64);
        add("wrong", "seats", sold.abs_diff(SEATS).max(settled.standing.abs_diff(SEATS)) as f64);
        add("left", "things", settled.left());
        settled.check(sold)?;
        let shown = free["_embedded"]["availability"].as_array().map(Vec::len);
        // Of the four sittings of a day, three are free.
        if (sold, settled.standing, shown) != (SEATS, SEATS, Some(3)) {
            return Err(format!(
                "of {SEATS} seats {sold} were sold, {} are reserved, and {shown:?} sittings are shown to be free",
                settled.standing
            ));
        }
    }
    Ok(())
}
