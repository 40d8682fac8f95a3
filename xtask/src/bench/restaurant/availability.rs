//! Which sittings of a day are free, of many venues with a year of reservations.

use super::{RESERVATIONS, add_venue, restaurants};
use crate::bench::Bench;
use crate::bench::http::{self, Client};
use crate::bench::load::{self, Measured, Plan, Post};
use crate::bench::server::Side;
use crate::bench::time;
use crate::shell::Outcome;

/// How many seats a sitting has.
const SEATS: u64 = 40;

/// How many connections ask as fast as they are answered.
const READERS: usize = 32;

/// The sitting that is reserved on each day.
const SITTING: &str = "17:30-19:30";

/// The year is made by requests like everybody's, one for each day of each venue, so that there is no day of which nothing has to be read.
pub(in crate::bench) fn run(bench: &mut Bench) -> Outcome {
    let Bench { tools, scale, figures, .. } = bench;
    let (venues, days) = (scale.venues, scale.days);
    let mut one = restaurants(tools, &[])?;
    let mut client = Client::open(one.server.address)?;
    for venue in 1..=venues {
        add_venue(&mut client, &venue.to_string(), SEATS)?;
    }
    let body = r#"{"restaurantNo":"{room}","day":"{date}","time":"{start}","customerId":"{user}"}"#;
    let tables = Plan::of(Post { path: RESERVATIONS, body: body.into() }, venues, SITTING);
    println!("   {} reservations at {venues} venues", venues * days);
    one.book(tools, &tables, venues * days)?;
    one.server.drained()?;

    let path = |day: u64| format!("/restaurant/availability?restaurantNo={{}}&day={}&partySize=2", time::today(2 + day.cast_signed()));
    let year: Vec<_> = (0..days).map(path).collect();
    let shown = http::json(one.server.address, &path(days - 1).replace("{}", &venues.to_string()))?;
    let left: Vec<_> =
        shown["_embedded"]["availability"].as_array().into_iter().flatten().filter_map(|row| row["seatsLeft"].as_u64()).collect();
    if left != [SEATS, SEATS, SEATS - 2, SEATS] {
        return Err(format!("the last day of the last venue has {left:?} seats left"));
    }
    for _ in 0..scale.rounds {
        let Measured { rate, .. } = load::reads(tools, one.server.address, &path(days / 2), (1, venues), READERS, scale.seconds)?;
        figures.add("availability/rate", "/s", Side::Yeyak, rate);
    }
    let rate = figures.half_of_yeyak("availability/rate");
    for _ in 0..scale.rounds {
        let steady = load::steady_reads(tools, one.server.address, &year, venues, rate, scale.seconds)?;
        figures.add("availability/steady", "/s", Side::Yeyak, steady.rate);
        figures.add_latency("availability", Side::Yeyak, steady.latency.as_ref());
    }
    Ok(())
}
