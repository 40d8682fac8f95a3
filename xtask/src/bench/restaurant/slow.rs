//! The seed's load while deposit is slow: how many are turned away and how soon, and whether anything is left behind once it is quick again.

use std::thread;

use super::{USERS, add_venue, behind, percentile, restaurants, seated, seeds};
use crate::bench::figures::Figures;
use crate::bench::http::Client;
use crate::bench::load::{self, Answered, Until};
use crate::bench::pair::One;
use crate::bench::server::Side;
use crate::bench::time::{self, until};
use crate::bench::{Bench, Scale};
use crate::shell::Outcome;

/// Longer than a call to deposit may take.
const SLOW: &str = r#"{"service":"restaurant/deposit","delayMs":800}"#;

/// How many seats each sitting of the venue has: more than are asked for, but a number, so that it is shown how many are held.
const SEATS: u64 = 100_000;

/// How many people come with one reservation.
const PARTY: u64 = 2;

/// How many seconds the breaker may take.
const PATIENCE: f64 = 30.0;

/// What happened to the breaker, in seconds since 1970.
struct Seen {
    /// The first look at the metrics by which it had opened.
    open: f64,
    /// When deposit was quick again.
    quick: f64,
    /// The first look after that by which it was closed.
    closed: f64,
}

pub(in crate::bench) fn run(bench: &mut Bench) -> Outcome {
    let Bench { tools, scale, figures, .. } = bench;
    for _ in 0..scale.rounds {
        let one = restaurants(tools, &["--faults"])?;
        add_venue(&mut Client::open(one.server.address)?, "10", SEATS)?;
        fault(&one, "POST", SLOW)?;
        // One load, over the end of the fault: what closes the breaker is that others ask.
        let (answers, seen) = thread::scope(|scope| {
            let load = scope.spawn(|| load::answers(tools, one.server.address, &seeds(), USERS, Until::Seconds(2 * scale.seconds + 3)));
            let seen = watch(&one, scale);
            let answers = load.join().map_err(|_| "the load's thread panicked".to_owned())?;
            Ok::<_, String>((answers?, seen?))
        })?;
        let other = answers.iter().find(|answer| ![201, 503].contains(&answer.status));
        if let Some(other) = other {
            return Err(format!("a reservation was answered with {}", other.status));
        }
        add(figures, &answers, &seen);
        let settled = behind::look(&one)?;
        let seats = seated(&one, "10")?.abs_diff(PARTY * settled.standing);
        figures.add("slow/left", "things", Side::Yeyak, settled.left() + seats as f64);
        settled.check(answers.iter().filter(|answer| answer.status == 201).count() as u64)?;
        if seats > 0 {
            return Err(format!("{seats} seats are held by nobody, or by too many"));
        }
    }
    Ok(())
}

/// Ends the fault after so long, and looks at the breaker meanwhile.
fn watch(one: &One, scale: &Scale) -> Outcome<Seen> {
    let is = |name: &str, labels: &str| one.server.metric(name, labels).is_ok_and(|value| value > 0.0);
    let opened = || is("yeyak_breaker_opened_total", r#"callee="deposit""#).then(time::now);
    let open = until(PATIENCE, 1, opened).ok_or("the breaker does not open")?;
    time::pause(1_000 * scale.seconds);
    fault(one, "DELETE", "")?;
    let quick = time::now();
    let closed = || is("yeyak_breaker_state", r#"callee="deposit",state="closed""#).then(time::now);
    let closed = until(PATIENCE, 1, closed).ok_or("the breaker does not close")?;
    Ok(Seen { open, quick, closed })
}

fn fault(one: &One, method: &str, body: &str) -> Outcome {
    match Client::open(one.server.address)?.ask(method, "/actuator/faults", body)? {
        (200 | 204, _) => Ok(()),
        (status, body) => Err(format!("the fault switch answered with {status}: {body}")),
    }
}

fn add(figures: &mut Figures, answers: &[Answered], seen: &Seen) {
    let Seen { open, quick, closed } = *seen;
    let slow: Vec<_> = answers.iter().filter(|answer| answer.due < quick).collect();
    // Whoever tries for all whether deposit is back, and waits for it in vain, is among these.
    let shed: Vec<_> = slow.iter().filter(|answer| answer.due >= open).copied().collect();
    let refused = slow.iter().filter(|answer| answer.status == 503).count() as f64;
    let mut add = |name: &str, unit, value| figures.add(&format!("slow/{name}"), unit, Side::Yeyak, value);
    add("refused", "%", 100.0 * refused / slow.len().max(1) as f64);
    add("open/rate", "/s", shed.len() as f64 / (quick - open));
    for (name, of) in [("", slow), ("open/", shed)] {
        let mut took: Vec<f64> = of.iter().map(|answer| answer.took * 1e3).collect();
        took.sort_by(f64::total_cmp);
        for (what, part) in [("p50", 0.5), ("p99", 0.99), ("most", 1.0)] {
            add(&format!("{name}{what}"), "ms", percentile(&took, part));
        }
    }
    add("closed", "s", closed - quick);
}
