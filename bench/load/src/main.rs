//! Sends bookings (of rooms, or of whatever is said) or reads over so many connections, at a fixed rate or as fast as they are answered, and says how long each took.
//!
//! At a fixed rate each request has an instant at which it is due, and its latency counts from there, whenever a connection was free to send it: a
//! server that stalls is charged for everybody who would have come meanwhile. No two bookings are for one slot, in all of a store's life: they are
//! counted, and the count says which slot it is.
//!
//! A connection is a thread that blocks: what wakes it is the system's timer, which is finer than the millisecond of an executor's.

mod connection;
mod plan;
mod tally;

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use serde_json::json;

use crate::connection::{Answer, Connection};
use crate::plan::{Plan, Request};
use crate::tally::Tally;

/// Every so many bookings, it is measured how long another service takes to see one.
const FOLLOWED: u64 = 16;

/// Sends bookings or reads, and says as JSON how long they took
#[derive(Parser)]
struct Arguments {
    /// The server
    #[arg(long)]
    to: SocketAddr,
    /// How many connections
    #[arg(long)]
    connections: usize,
    /// How many requests a second; as fast as they are answered when not given
    #[arg(long)]
    rate: Option<f64>,
    /// For how long
    #[arg(long, required_unless_present = "count")]
    seconds: Option<f64>,
    /// How many requests
    #[arg(long)]
    count: Option<u64>,
    /// Also measures how long it is from the answer to a booking until the schedule shows it
    #[arg(long)]
    follow: bool,
    /// Where each answer goes as a line: when its request was due, in microseconds since 1970, how many it took, and its status
    #[arg(long)]
    answers: Option<PathBuf>,
    #[command(flatten)]
    plan: Plan,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let connect = |_| Connection::open(arguments.to);
    let connections = (0..arguments.connections).map(connect).collect::<Result<Vec<_>, _>>()?;
    let began = since_1970();
    let load = Load { sent: AtomicU64::new(0), begun: now(), arguments: &arguments };
    let tallies: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = connections.into_iter().map(|connection| scope.spawn(|| load.run(connection))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a connection's thread panicked")?.map_err(|error| error.to_string()))
            .collect()
    });
    let seconds = (now() - load.begun).as_secs_f64();
    let mut all = Tally::default();
    for tally in tallies {
        all.add(tally?);
    }
    if let Some(path) = &arguments.answers {
        write_answers(path, began, &all)?;
    }
    let next = arguments.plan.begin + load.sent.load(Ordering::Relaxed);
    let line = json!({
        "requests": all.answered(),
        "failed": all.failed,
        "seconds": seconds,
        "rate": all.answered() as f64 / seconds,
        "latency": tally::percentiles(&mut all.latencies),
        "lag": tally::percentiles(&mut all.lags),
        // Where the next one begins: a booking that was on its way is not sent again.
        "next": next,
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

fn write_answers(path: &Path, began: Duration, all: &Tally) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for one in &all.answers {
        writeln!(file, "{},{},{}", (began + one.due).as_micros(), one.took.as_micros(), one.status)?;
    }
    file.flush()
}

struct Load<'a> {
    /// How many were taken by a connection.
    sent: AtomicU64,
    begun: Instant,
    arguments: &'a Arguments,
}

impl Load<'_> {
    fn run(&self, mut connection: Connection) -> std::io::Result<Tally> {
        let mut tally = Tally::default();
        let Arguments { plan, follow, .. } = self.arguments;
        while let Some((number, due)) = self.next() {
            let Request { text, room } = plan.request(number);
            let due = due.unwrap_or_else(now);
            let answer = connection.ask(&text)?;
            let answered = now();
            tally.take(due - self.begun, answered - due, &answer);
            if *follow
                && number.is_multiple_of(FOLLOWED)
                && let Answer { position: Some(position), .. } = answer
            {
                let seen = connection.ask(&plan.read_no_earlier(room, &position))?;
                tally.take_lag(now() - answered, &seen);
            }
        }
        Ok(tally)
    }

    /// The next request, once it is due. With no rate it is due when it is sent.
    fn next(&self) -> Option<(u64, Option<Instant>)> {
        let Arguments { rate, seconds, count, plan, .. } = self.arguments;
        let is_over = |after: Duration| seconds.is_some_and(|seconds| after.as_secs_f64() >= seconds);
        if rate.is_none() && is_over(now() - self.begun) {
            return None;
        }
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        if count.is_some_and(|count| number >= count) {
            return None;
        }
        let due = match rate {
            None => None,
            Some(rate) => {
                let after = Duration::from_secs_f64(number as f64 / rate);
                if is_over(after) {
                    return None;
                }
                let due = self.begun + after;
                wait(due.saturating_duration_since(now()));
                Some(due)
            }
        };
        Some((plan.begin + number, due))
    }
}

#[allow(clippy::disallowed_methods, reason = "what is measured here is the machine's time")]
fn now() -> Instant {
    Instant::now()
}

/// The beginning of the load, by which others can tell what they did meanwhile.
#[allow(clippy::disallowed_methods, reason = "what is measured here is the machine's time")]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[allow(clippy::disallowed_methods, reason = "a request is sent when it is due")]
fn wait(time: Duration) {
    if !time.is_zero() {
        std::thread::sleep(time);
    }
}
