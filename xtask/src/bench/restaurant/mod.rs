//! Restaurants: what one act over several services costs, and whether it leaves anything behind.

mod availability;
mod behind;
mod seed;
mod slow;
mod sold_out;

use serde_json::{Value, json};

use super::http::{self, Client};
use super::load::Post;
use super::pair::One;
use super::time;
use super::tools::Tools;
use crate::shell::Outcome;

pub(super) use availability::run as availability;
pub(super) use seed::run as seed;
pub(super) use slow::run as slow;
pub(super) use sold_out::run as sold_out;

const RESERVATIONS: &str = "/restaurant/reservations";

/// How many users the seed's load has.
const USERS: usize = 100;

/// The day of the venues that is reserved.
const AHEAD: i64 = 3;

/// Yeyak with restaurants alone, on an empty directory.
fn restaurants(tools: &Tools, arguments: &[&str]) -> Outcome<One> {
    One::yeyak(tools, &[&["serve", "restaurant"], arguments].concat())
}

/// What the seed's load sends: a table at venue 10, at the first sitting of a day.
fn seeds() -> Post {
    let day = time::today(AHEAD).to_string().replace('-', "");
    Post { path: RESERVATIONS, body: json!({"restaurantNo": "10", "day": day}).to_string() }
}

/// How many people have seats at the sittings of a venue's day that are not sold out.
fn seated(one: &One, venue: &str) -> Outcome<u64> {
    let path = format!("/restaurant/availability?restaurantNo={venue}&day={}&partySize=1", time::today(AHEAD));
    let page = http::json(one.server.address, &path)?;
    let sittings = page["_embedded"]["availability"].as_array().ok_or_else(|| format!("GET {path} shows no sittings: {page}"))?;
    let taken = |sitting: &Value| Some(sitting["seats"].as_u64()?.saturating_sub(sitting["seatsLeft"].as_u64()?));
    Ok(sittings.iter().filter_map(taken).sum())
}

/// Adds a venue; what is not said of it is as usual.
fn add_venue(client: &mut Client, venue: &str, seats: u64) -> Outcome {
    match client.ask("POST", "/restaurant/venues", &json!({"restaurantNo": venue, "seats": seats}).to_string())? {
        (201, _) => Ok(()),
        (status, body) => Err(format!("a venue was answered with {status}: {body}")),
    }
}

/// The smallest of these, which are in order, that so large a part does not exceed.
fn percentile(sorted: &[f64], part: f64) -> f64 {
    let place = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or_default()
}
