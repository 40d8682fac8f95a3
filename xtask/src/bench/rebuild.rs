//! How long it takes to fold a view anew from a year of events.

use super::Bench;
use super::http::{self, Client};
use super::server::Side;
use super::time::{Watch, until};
use crate::shell::Outcome;

/// The view that has a row for each booking.
const VIEW: &str = "meetingroom/schedule/slot-bookings";

/// How many seconds it may take.
const PATIENCE: f64 = 900.0;

pub(super) fn run(bench: &mut Bench) -> Outcome {
    let (_, _, figures, pair) = bench.full()?;
    // What was booked last is to be in the view before it is built anew.
    pair.yeyak.server.drained()?;
    let to = pair.yeyak.server.address;
    let watch = Watch::start();
    let (status, said) = Client::open(to)?.ask("POST", "/actuator/projections/rebuild", &format!(r#"{{"projection":"{VIEW}"}}"#))?;
    if status != 202 {
        return Err(format!("rebuilding {VIEW} was answered with {status}: {said}"));
    }
    let rebuilt = until(PATIENCE, 50, || match rebuilding(to) {
        Ok(None) => Some(Ok(())),
        Ok(Some(_)) => None,
        Err(why) => Some(Err(why)),
    });
    rebuilt.ok_or_else(|| format!("{VIEW} is still not rebuilt"))??;
    let seconds = watch.seconds();
    figures.add("rebuild/time", "s", Side::Yeyak, seconds);
    figures.add("rebuild/rate", "/s", Side::Yeyak, pair.yeyak.next as f64 / seconds);
    Ok(())
}

/// How many events it has folded so far, while it is under way.
fn rebuilding(to: std::net::SocketAddr) -> Outcome<Option<u64>> {
    let all = http::json(to, "/actuator/projections")?;
    let one = all["projections"].as_array().into_iter().flatten().find(|one| one["projection"] == VIEW);
    let one = one.ok_or_else(|| format!("there is no {VIEW}"))?;
    match (&one["rebuilding"]["halted"], &one["rebuilding"]["handled"]) {
        (serde_json::Value::String(why), _) => Err(format!("{VIEW} has halted: {why}")),
        (_, handled) => Ok(handled.as_u64()),
    }
}
