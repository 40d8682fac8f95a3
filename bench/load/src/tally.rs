//! What was answered, and how long it took. Every latency is kept: there are few enough, and no bucket rounds them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::connection::Answer;

#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Microseconds.
    pub(crate) latencies: Vec<f64>,
    pub(crate) lags: Vec<f64>,
    /// What was refused or went wrong.
    pub(crate) failed: u64,
    /// Every answer by itself.
    pub(crate) answers: Vec<One>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct One {
    /// When its request was due, from the beginning of the load on.
    pub(crate) due: Duration,
    pub(crate) took: Duration,
    pub(crate) status: u16,
}

impl Tally {
    pub(crate) fn take(&mut self, due: Duration, took: Duration, answer: &Answer) {
        if (200..300).contains(&answer.status) {
            self.latencies.push(micros(took))
        } else {
            self.failed += 1
        }
        self.answers.push(One { due, took, status: answer.status });
    }

    pub(crate) fn take_lag(&mut self, took: Duration, answer: &Answer) {
        if answer.status == 200 { self.lags.push(micros(took)) } else { self.failed += 1 }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.lags.extend(other.lags);
        self.failed += other.failed;
        self.answers.extend(other.answers);
    }

    /// How many were answered well.
    pub(crate) fn answered(&self) -> usize {
        self.latencies.len()
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The percentiles in microseconds; null when there is nothing.
pub(crate) fn percentiles(latencies: &mut [f64]) -> Value {
    latencies.sort_by(f64::total_cmp);
    let Some(&max) = latencies.last() else { return Value::Null };
    // The smallest that so large a part does not exceed.
    let at = |part: f64| {
        let place = (part * latencies.len() as f64).ceil() as usize;
        latencies.get(place.saturating_sub(1)).copied().unwrap_or(max)
    };
    json!({"count": latencies.len(), "p50": at(0.50), "p90": at(0.90), "p99": at(0.99), "p999": at(0.999), "max": max})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_latencies_that_were_measured() {
        let mut latencies: Vec<f64> = (1..=1000).rev().map(f64::from).collect();
        let expected = json!({"count": 1000, "p50": 500.0, "p90": 900.0, "p99": 990.0, "p999": 999.0, "max": 1000.0});
        assert_eq!(percentiles(&mut latencies), expected);
        assert_eq!(percentiles(&mut [7.0])["p99"], 7.0);
        assert_eq!(percentiles(&mut []), Value::Null);
    }

    #[test]
    fn what_is_refused_is_not_among_the_latencies() {
        let mut tally = Tally::default();
        for status in [201, 409] {
            tally.take(Duration::ZERO, Duration::from_millis(1), &Answer { status, position: None });
        }
        assert_eq!((tally.answered(), tally.failed, tally.answers.len()), (1, 1, 2));
    }
}
