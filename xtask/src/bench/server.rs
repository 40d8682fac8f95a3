//! A server of either side. It ends with this, whatever happens.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::http::{self, Client};
use super::time::{Watch, until};
use super::tools::Tools;
use crate::shell::Outcome;

/// How long a server may take until it is ready, and its consumers until they have caught up.
const PATIENCE: f64 = 300.0;

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Limit,
    Yeyak,
}

impl Side {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Yeyak => "yeyak",
        }
    }
}

/// A process that serves.
pub(crate) struct Server {
    pub(super) side: Side,
    pub(super) address: SocketAddr,
    /// How many seconds it took from its start until it answered that it is ready.
    pub(super) ready_after: f64,
    child: Child,
    data: PathBuf,
}

impl Server {
    /// Starts it on a directory, as somebody would who changes nothing but the address.
    pub(super) fn start(tools: &Tools, side: Side, data: &Path) -> Outcome<Self> {
        let target = if side == Side::Yeyak { &["serve", "meetingroom"][..] } else { &[] };
        Self::start_with(tools, side, data, target)
    }

    /// The same with more on its command line.
    pub(super) fn start_with(tools: &Tools, side: Side, data: &Path, arguments: &[&str]) -> Outcome<Self> {
        let binary = if side == Side::Yeyak { &tools.yeyak } else { &tools.limit };
        let log = data.with_extension("log");
        let said = File::create(&log).map_err(|error| format!("{} cannot be written: {error}", log.display()))?;
        let mut command = Command::new(binary);
        command.args(arguments).args(["--listen", "127.0.0.1:0", "--data"]).arg(data);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        // What the shell says to Yeyak is not said here.
        command.env_clear();
        let watch = Watch::start();
        let child = command.spawn().map_err(|error| format!("{} does not start: {error}", binary.display()))?;
        let mut server = Self { side, address: SocketAddr::from(([127, 0, 0, 1], 0)), ready_after: 0.0, child, data: data.into() };
        let told = || std::fs::read_to_string(&log).unwrap_or_default();
        let address = until(PATIENCE, 1, || match told().split_once("ready address=") {
            Some((_, rest)) if rest.contains('\n') => Some(rest.split_whitespace().next().and_then(|address| address.parse().ok())),
            _ if server.has_ended() => Some(None),
            _ => None,
        });
        server.address = address.flatten().ok_or_else(|| format!("{} did not become ready: {}", side.name(), told()))?;
        let ready = || http::get(server.address, "/actuator/health/readiness").ok();
        until(PATIENCE, 1, ready).ok_or_else(|| format!("{} is not ready", side.name()))?;
        server.ready_after = watch.seconds();
        Ok(server)
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Adds rooms, one after the other, so that their numbers are the same everywhere.
    pub(super) fn add_rooms(&self, count: u64, slots: &str) -> Outcome {
        let mut client = Client::open(self.address)?;
        // Further than any run books.
        let room = format!(r#"{{"floor":"3","openingRule":"days-ahead:60000","slots":"{slots}"}}"#);
        for _ in 0..count {
            match client.ask("POST", "/rooms", &room)? {
                (201, _) => {}
                (status, body) => return Err(format!("a room was answered with {status}: {body}")),
            }
        }
        self.drained().map(drop)
    }

    /// Waits until every consumer has handled all that was published, and gives the seconds that it took. The limit has no consumers.
    pub(super) fn drained(&self) -> Outcome<f64> {
        if self.side == Side::Limit {
            return Ok(0.0);
        }
        let watch = Watch::start();
        until(PATIENCE, 5, || (self.behind().ok()? == 0.0).then_some(()))
            .map(|()| watch.seconds())
            .ok_or_else(|| format!("the consumers are still {:?} events behind", self.behind()))
    }

    /// How many events consumers have still to handle, together.
    fn behind(&self) -> Outcome<f64> {
        self.metric("yeyak_consumer_lag_events", "")
    }

    /// The sum of a metric over all labels that have `among` in them.
    pub(super) fn metric(&self, name: &str, among: &str) -> Outcome<f64> {
        Ok(sum(&http::get(self.address, "/actuator/prometheus")?, name, among))
    }

    /// Its memory now and at its highest, in bytes.
    pub(super) fn memory(&self) -> Outcome<(f64, f64)> {
        let status = self.proc("status")?;
        let kib = |name: &str| number_behind(&status, name).ok_or_else(|| format!("{name} is not told")).map(|kib| kib * 1024.0);
        Ok((kib("VmRSS:")?, kib("VmHWM:")?))
    }

    /// How many bytes it has had written to the disk.
    pub(super) fn written(&self) -> Outcome<f64> {
        number_behind(&self.proc("io")?, "write_bytes:").ok_or_else(|| "write_bytes is not told".into())
    }

    fn proc(&self, name: &str) -> Outcome<String> {
        let path = format!("/proc/{}/{name}", self.child.id());
        std::fs::read_to_string(&path).map_err(|error| format!("{path} cannot be read: {error}"))
    }

    /// How many bytes its files have.
    pub(super) fn on_disk(&self) -> Outcome<f64> {
        let failed = |error: std::io::Error| format!("{} cannot be read: {error}", self.data.display());
        let mut sum = 0;
        for entry in std::fs::read_dir(&self.data).map_err(failed)? {
            sum += entry.and_then(|entry| entry.metadata()).map_err(failed)?.len();
        }
        Ok(sum as f64)
    }
}

impl Server {
    /// Ends it at once, as a crash does.
    pub(super) fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// The sum of a metric over all labels that have `among` in them.
pub(super) fn sum(metrics: &str, name: &str, among: &str) -> f64 {
    let lines = metrics.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
    lines.filter(|line| line.contains(among)).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

fn number_behind(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_its_labels() {
        let text = "# HELP a b\na{x=\"1\"} 2\na{x=\"2\"} 3\nab{x=\"1\"} 100\nb 7\n";
        assert_eq!((sum(text, "a", ""), sum(text, "b", ""), sum(text, "c", "")), (5.0, 7.0, 0.0));
        assert_eq!(sum(text, "a", "x=\"2\""), 3.0);
    }

    #[test]
    fn what_the_system_tells_of_a_process_is_read() {
        assert_eq!(number_behind("VmHWM:\t 12 kB\nVmRSS:\t  7 kB\n", "VmRSS:"), Some(7.0));
        assert_eq!(number_behind("VmHWM:\t 12 kB\n", "VmRSS:"), None);
    }
}
