//! Load, and what it measured. wrk sends as fast as it is answered; our own generator sends at a fixed rate, which wrk cannot, or a fixed number.

use std::net::SocketAddr;
use std::process::Command;

use jiff::civil::Date;
use serde::Deserialize;

use super::pair::SLOTS;
use super::time;
use super::tools::Tools;
use crate::shell::{self, Outcome};

/// How many connections ask where it is not said.
pub(super) const CONNECTIONS: usize = 64;

/// Which slots are booked, in which rooms.
pub(super) struct Plan {
    rooms: u64,
    slots: String,
    from: Date,
    /// Where bookings are sent to and what is sent, if it is no room that is booked.
    post: Option<Post>,
}

/// What is sent, and where to. The generator puts what differs from one to the next in the place of `{room}`, `{date}`, `{start}`, `{n}` and the like.
#[derive(Clone)]
pub(super) struct Post {
    pub(super) path: &'static str,
    pub(super) body: String,
}

impl Plan {
    /// Three slots a day in each of so many rooms. Today and tomorrow are left out, so that nothing is over or begins while it is measured.
    pub(super) fn ordinary(rooms: u64) -> Self {
        Self { rooms, slots: SLOTS.into(), from: time::today(2), post: None }
    }

    /// One room, which has these slots a day.
    pub(super) fn hot(slots: &str) -> Self {
        Self { rooms: 1, slots: slots.into(), from: time::today(2), post: None }
    }

    /// The same of whatever is booked by `post`.
    pub(super) fn of(post: Post, rooms: u64, slots: &str) -> Self {
        Self { rooms, slots: slots.into(), from: time::today(2), post: Some(post) }
    }
}

/// What a load measured.
#[derive(Debug, Deserialize)]
pub(super) struct Measured {
    failed: u64,
    /// A second.
    pub(super) rate: f64,
    pub(super) requests: u64,
    pub(super) latency: Option<Percentiles>,
    #[serde(default)]
    pub(super) lag: Option<Percentiles>,
    /// The count of the booking that comes next.
    pub(super) next: u64,
}

/// In microseconds.
#[derive(Debug, Deserialize)]
pub(super) struct Percentiles {
    pub(super) p50: f64,
    pub(super) p99: f64,
}

/// An answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    /// When its request was due, in seconds since 1970.
    pub(super) due: f64,
    /// In seconds.
    pub(super) took: f64,
    pub(super) status: u16,
}

/// How long a load goes on.
#[derive(Clone, Copy)]
pub(super) enum Until {
    Seconds(u64),
    Count(u64),
}

/// Bookings over so many connections, each with one under way.
pub(super) fn bookings(tools: &Tools, to: SocketAddr, plan: &Plan, begin: u64, connections: usize, seconds: u64) -> Outcome<Measured> {
    let from = time::seconds_of(plan.from).to_string();
    wrk(tools, to, "book.lua", connections, seconds, &[&begin.to_string(), "1", &plan.rooms.to_string(), &plan.slots, &from])
}

/// Reads of a path, in which `{}` stands for a number between these.
pub(super) fn reads(tools: &Tools, to: SocketAddr, path: &str, numbers: (u64, u64), connections: usize, seconds: u64) -> Outcome<Measured> {
    wrk(tools, to, "read.lua", connections, seconds, &[path, &numbers.0.to_string(), &numbers.1.to_string(), "1"])
}

/// The same request again and again over so many connections, each with one under way.
pub(super) fn same(tools: &Tools, to: SocketAddr, post: &Post, connections: usize, seconds: u64) -> Outcome<Measured> {
    wrk(tools, to, "post.lua", connections, seconds, &[post.path, &post.body])
}

fn wrk(tools: &Tools, to: SocketAddr, script: &str, connections: usize, seconds: u64, arguments: &[&str]) -> Outcome<Measured> {
    let (script, url) = (tools.scripts.join(script), format!("http://{to}"));
    let mut command = Command::new("wrk");
    // One thread keeps count, and leaves the other cores to who is measured.
    command.args(["--threads", "1", "--connections", &connections.to_string(), "--duration", &format!("{seconds}s"), "--timeout", "30s"]);
    command.arg("--script").arg(script).arg(url).arg("--").args(arguments);
    measured(&mut command)
}

/// Bookings of which each is due at its instant, so many a second; `follow` measures how soon others see them.
pub(super) fn steady_bookings(
    tools: &Tools,
    to: SocketAddr,
    plan: &Plan,
    begin: u64,
    rate: f64,
    seconds: u64,
    follow: bool,
) -> Outcome<Measured> {
    let mut command = generator(tools, to, plan, begin);
    command.args(["--rate", &rate.to_string(), "--seconds", &seconds.to_string()]);
    command.args(follow.then_some("--follow"));
    measured(&mut command)
}

/// Reads of these paths in turn, of which each is due at its instant.
pub(super) fn steady_reads(tools: &Tools, to: SocketAddr, paths: &[String], most: u64, rate: f64, seconds: u64) -> Outcome<Measured> {
    let mut command = Command::new(&tools.load);
    command.args(["--to", &to.to_string(), "--connections", &CONNECTIONS.to_string(), "--numbers", &most.to_string()]);
    command.args(paths.iter().flat_map(|path| ["--get", path]));
    command.args(["--rate", &rate.to_string(), "--seconds", &seconds.to_string()]);
    measured(&mut command)
}

/// So many bookings.
pub(super) fn count(tools: &Tools, to: SocketAddr, plan: &Plan, begin: u64, count: u64) -> Outcome<Measured> {
    measured(generator(tools, to, plan, begin).args(["--count", &count.to_string()]))
}

fn generator(tools: &Tools, to: SocketAddr, plan: &Plan, begin: u64) -> Command {
    let mut command = Command::new(&tools.load);
    command.args(["--to", &to.to_string(), "--connections", &CONNECTIONS.to_string(), "--begin", &begin.to_string()]);
    command.args(["--rooms", &plan.rooms.to_string(), "--slots", &plan.slots, "--from", &plan.from.to_string()]);
    if let Some(Post { path, body }) = &plan.post {
        command.args(["--to-path", path, "--body", body]);
    }
    command
}

/// What became of each request of a load, as fast as they were answered. Here a refusal is an answer like others.
pub(super) fn answers(tools: &Tools, to: SocketAddr, post: &Post, connections: usize, until: Until) -> Outcome<Vec<Answered>> {
    let place = tempfile::NamedTempFile::new().map_err(|error| format!("no place for answers: {error}"))?;
    let mut command = Command::new(&tools.load);
    command.args(["--to", &to.to_string(), "--connections", &connections.to_string(), "--to-path", post.path, "--body", &post.body]);
    match until {
        Until::Seconds(seconds) => command.args(["--seconds", &seconds.to_string()]),
        Until::Count(count) => command.args(["--count", &count.to_string()]),
    };
    shell::output(command.arg("--answers").arg(place.path()))?;
    let text = std::fs::read_to_string(place.path()).map_err(|error| format!("the answers cannot be read: {error}"))?;
    text.lines().map(|line| answered(line).ok_or_else(|| format!("no answer: {line}"))).collect()
}

fn answered(line: &str) -> Option<Answered> {
    let mut fields = line.split(',');
    let mut micros = || fields.next()?.parse::<f64>().ok().map(|micros| micros / 1e6);
    let (due, took) = (micros()?, micros()?);
    Some(Answered { due, took, status: fields.next()?.parse().ok()? })
}

/// Runs it. A load of which a request fails measures something else, so it is an error.
fn measured(command: &mut Command) -> Outcome<Measured> {
    let said = shell::output(command)?;
    let line = said.lines().rfind(|line| line.starts_with('{')).ok_or_else(|| format!("no figures: {said}"))?;
    let measured: Measured = serde_json::from_str(line).map_err(|error| format!("{error} in {line}"))?;
    match measured.failed {
        0 => Ok(measured),
        failed => Err(format!("{failed} of {} requests failed", measured.requests + failed)),
    }
}
