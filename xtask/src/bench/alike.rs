//! Whether both answer the same: what is compared in time has to be the same work.

use serde_json::Value;

use super::http::Client;
use super::pair::{Pair, SLOTS};
use super::{Bench, time};
use crate::shell::Outcome;

const ROOMS: u64 = 7;

/// Asks everything that is measured of both, and compares the bytes of the answers.
pub(super) fn run(bench: &mut Bench) -> Outcome {
    let pair = Pair::fresh(&bench.tools, ROOMS, SLOTS)?;
    let mut both = [Client::open(pair.limit.server.address)?, Client::open(pair.yeyak.server.address)?];
    for (room, day) in (0..3).flat_map(|day| (1..=ROOMS).map(move |room| (room, day))) {
        let body = booking(room, day);
        same(&mut both, "POST", "/reserves", &body, 201)?;
    }
    pair.yeyak.server.drained()?;
    let slots = format!("/roomSlots?date={}&page=1&size=10", time::today(3));
    for path in ["/reserves/5", "/reserves?page=1&size=4", "/reserves?page=0&size=20", "/reserves?userId=3&sort=date,desc&size=20", &slots]
    {
        same(&mut both, "GET", path, "", 200)?;
    }
    // Both refuse what is taken, each in its own words.
    for client in &mut both {
        let (status, said) = client.ask("POST", "/reserves", &booking(1, 0).replace("\"userId\":\"1\"", "\"userId\":\"other\""))?;
        if status != 409 {
            return Err(format!("a slot that is taken was answered with {status}: {said}"));
        }
    }
    Ok(())
}

/// Whether both say the same around the rows of a page of a full store, where they count otherwise than among a few. Which row is which depends on
/// the order in which those were booked.
pub(super) fn around_rows(pair: &Pair, path: &str) -> Outcome {
    let [limit, yeyak] = [&pair.limit, &pair.yeyak].map(|one| {
        let (_, text) = Client::open(one.server.address)?.ask("GET", path, "")?;
        let mut page: Value = serde_json::from_str(&text).map_err(|error| format!("{path}: {error} in {text}"))?;
        page.as_object_mut().and_then(|page| page.remove("_embedded")).ok_or_else(|| format!("{path} is no page: {text}"))?;
        Ok::<_, String>(page)
    });
    let (limit, yeyak) = (limit?, yeyak?);
    if limit == yeyak { Ok(()) } else { Err(format!("{path} is answered differently:\nlimit {limit}\nyeyak {yeyak}")) }
}

fn booking(room: u64, day: i64) -> String {
    let date = time::today(2 + day);
    format!(r#"{{"userId":"{room}","roomId":{room},"date":"{date}","startTime":"10:00","endTime":"11:50"}}"#)
}

fn same([limit, yeyak]: &mut [Client; 2], method: &str, path: &str, body: &str, wanted: u16) -> Outcome {
    let (limit, yeyak) = (limit.ask(method, path, body)?, yeyak.ask(method, path, body)?);
    if limit.0 == wanted && limit == yeyak {
        return Ok(());
    }
    Err(format!("{method} {path} is answered differently:\nlimit {limit:?}\nyeyak {yeyak:?}"))
}
