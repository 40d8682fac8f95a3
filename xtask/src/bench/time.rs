//! The machine's time, which is what a bench measures.

use std::time::{Duration, Instant};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// A stopwatch.
#[derive(Clone, Copy)]
pub(super) struct Watch(Instant);

impl Watch {
    #[allow(clippy::disallowed_methods, reason = "what is measured here is the machine's time")]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    #[allow(clippy::disallowed_methods, reason = "what is measured here is the machine's time")]
    pub(super) fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// Asks again and again, every so many milliseconds, until there is an answer or `patience` seconds are over.
pub(super) fn until<T>(patience: f64, millis: u64, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let watch = Watch::start();
    loop {
        match ask() {
            Some(answer) => return Some(answer),
            None if watch.seconds() > patience => return None,
            None => pause(millis),
        }
    }
}

/// Lets so many milliseconds go by.
#[allow(clippy::disallowed_methods, reason = "what is asked too often is measured with it")]
pub(super) fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// Seconds since 1970.
#[allow(clippy::disallowed_methods, reason = "what is measured here is the machine's time")]
pub(super) fn now() -> f64 {
    Timestamp::now().as_microsecond() as f64 / 1e6
}

/// The date so many days from today, in UTC.
#[allow(clippy::disallowed_methods, reason = "bookings are made for days to come")]
pub(super) fn today(plus: i64) -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date().saturating_add(plus.days())
}

/// The minute that it is in UTC, as files are named for it: `2026-11-22T1530`.
#[allow(clippy::disallowed_methods, reason = "a run has its name from when it began")]
pub(super) fn minute() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H%M").to_string()
}

/// The first second of a date in UTC, since 1970.
pub(super) fn seconds_of(date: Date) -> i64 {
    date.to_zoned(TimeZone::UTC).map_or(0, |midnight| midnight.timestamp().as_second())
}
