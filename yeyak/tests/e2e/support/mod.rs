//! A process of Yeyak, a small HTTP client, and waiting for what is to come.

pub(crate) mod http;
pub(crate) mod process;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

pub(crate) use http::{Answer, Api};
pub(crate) use process::{Yeyak, command};

/// How long anything may take that happens by itself. Far more than it does, for machines that are busy with other things.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Looks again and again until there is something to see, and hands that over.
///
/// # Panics
/// When there still is nothing after [`SOON`].
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let watch = Stopwatch::start();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(watch.elapsed() < SOON, "{what}: not after {SOON:?}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// How long something took, in the machine's time.
pub(crate) struct Stopwatch(Instant);

#[expect(clippy::disallowed_methods, reason = "what is measured here is the real process on the real machine")]
impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// How often to do something: as often as the variable says, or else `usually`.
#[expect(clippy::disallowed_methods, reason = "the long forms of these tests are asked for by whoever runs them")]
pub(crate) fn rounds(variable: &str, usually: usize) -> usize {
    std::env::var(variable).map_or(usually, |count| count.parse().expect("a number of rounds"))
}

/// A loopback address that this process and `user` have for themselves, for ports that are fixed. Where there is only one, that.
pub(crate) fn loopback(user: u8) -> Ipv4Addr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    if cfg!(target_os = "linux") { Ipv4Addr::new(127, 100 + user * 4 + high % 4, middle, low.clamp(1, 254)) } else { Ipv4Addr::LOCALHOST }
}
