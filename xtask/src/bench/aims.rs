//! What Yeyak is to reach.

use super::report::{Results, number};

/// Something to be reached.
pub(super) struct Aim {
    what: &'static str,
    of: Of,
    wanted: Wanted,
}

/// What is compared.
enum Of {
    /// Yeyak's median.
    Yeyak(&'static str),
    /// Yeyak's median for one of the limit's.
    Ratio(&'static str),
    /// Yeyak's median of the one for one of the other.
    Between(&'static str, &'static str),
}

enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

use Of::{Between, Ratio, Yeyak};
use Wanted::{AtLeast, AtMost};

/// Those that are multiples of a rate are of the systems that Yeyak takes the place of, measured at 32 connections on a machine of two cores: Spring Boot
/// over H2 in memory, of which nothing is durable. They reserved 700 times a second, read 3,486 items, and 772 pages of twenty. Restaurants
/// reserved 78 tables a second by their own load, over several processes.
pub(super) const AIMS: &[Aim] = &[
    Aim { what: "bookings, 64 connections", of: Ratio("post/64/rate"), wanted: AtLeast(0.6) },
    Aim { what: "bookings, 256 connections", of: Ratio("post/256/rate"), wanted: AtLeast(0.6) },
    Aim { what: "their p99 as fast as they are answered, 64 connections", of: Ratio("post/64/p99"), wanted: AtMost(2.0) },
    Aim { what: "their p99 as fast as they are answered, 256 connections", of: Ratio("post/256/p99"), wanted: AtMost(2.0) },
    Aim { what: "p99 of a booking, quarter load", of: Ratio("quarter/p99"), wanted: AtMost(2.0) },
    Aim { what: "p99 of a booking, half load", of: Ratio("steady/p99"), wanted: AtMost(2.0) },
    Aim { what: "consumers caught up after the end, 64 connections, s", of: Yeyak("post/64/drained"), wanted: AtMost(1.0) },
    Aim { what: "consumers caught up after the end, 256 connections, s", of: Yeyak("post/256/drained"), wanted: AtMost(1.0) },
    Aim { what: "p50 of a booking, one connection", of: Ratio("post/1/p50"), wanted: AtMost(1.3) },
    Aim { what: "reads of an item", of: Ratio("reads/item/rate"), wanted: AtLeast(0.6) },
    Aim { what: "reads of a page of 20", of: Ratio("reads/page/rate"), wanted: AtLeast(0.6) },
    Aim { what: "reads of a page of one person's, sorted", of: Ratio("reads/sorted/rate"), wanted: AtLeast(0.6) },
    Aim { what: "reads of a page of slots", of: Ratio("slots/rate"), wanted: AtLeast(0.6) },
    Aim { what: "p99 until another service shows a booking, half load, ms", of: Yeyak("lag/p99"), wanted: AtMost(20.0) },
    Aim { what: "p99 of a page of slots, half load, ms", of: Yeyak("slots/p99"), wanted: AtMost(10.0) },
    Aim { what: "ready with a year of bookings, ms", of: Yeyak("start/full"), wanted: AtMost(300.0) },
    Aim { what: "memory when idle, MB", of: Yeyak("memory/idle"), wanted: AtMost(60.0) },
    Aim {
        what: "bookings with a full store, of those with a small one",
        of: Between("growth/full/rate", "growth/small/rate"),
        wanted: AtLeast(0.9),
    },
    Aim { what: "B-trees that a booking writes", of: Yeyak("trees/own"), wanted: AtMost(8.0) },
    Aim { what: "bookings, 32 connections: 20 times the original's", of: Yeyak("post/32/rate"), wanted: AtLeast(20.0 * 700.0) },
    Aim { what: "items read, 32 connections: 20 times the original's", of: Yeyak("reads/item/rate"), wanted: AtLeast(20.0 * 3_486.0) },
    Aim { what: "pages read, 32 connections: 20 times the original's", of: Yeyak("reads/page/rate"), wanted: AtLeast(20.0 * 772.0) },
    Aim { what: "tables reserved by 100 users: 50 times the original's", of: Yeyak("seed/rate"), wanted: AtLeast(50.0 * 78.0) },
    Aim { what: "their p99, ms", of: Yeyak("seed/p99"), wanted: AtMost(50.0) },
    Aim { what: "left behind by them", of: Yeyak("seed/left"), wanted: AtMost(0.0) },
    Aim { what: "p99 with a slow deposit, once its breaker is open, ms", of: Yeyak("slow/open/p99"), wanted: AtMost(50.0) },
    Aim { what: "left behind with a slow deposit", of: Yeyak("slow/left"), wanted: AtMost(0.0) },
    Aim { what: "guests who know whether they have a seat, of 10,000 at once, /s", of: Yeyak("sold-out/rate"), wanted: AtLeast(5_000.0) },
    Aim { what: "seats sold too many or too few", of: Yeyak("sold-out/wrong"), wanted: AtMost(0.0) },
    Aim { what: "p99 of the free sittings of a day, half load, ms", of: Yeyak("availability/p99"), wanted: AtMost(10.0) },
];

impl Aim {
    /// Its row of the table: what, wanted, measured with its spread, the same of other runs, and in how many of all what was measured is enough.
    pub(super) fn row(&self, results: &Results, others: &[Results]) -> String {
        let (sign, bound) = match self.wanted {
            AtLeast(bound) => ("≥", bound),
            AtMost(bound) => ("≤", bound),
        };
        let times = if matches!(self.of, Yeyak(_)) { "" } else { "×" };
        let measured = self.measured(results).map_or_else(
            || "–".to_owned(),
            |(value, spread)| {
                let spread = spread.map(|(min, max)| format!(" ({}–{})", number(min), number(max))).unwrap_or_default();
                format!("{}{times}{spread}", number(value))
            },
        );
        let reached = self.reached(results, others);
        let others: Vec<_> = others.iter().filter_map(|other| Some(format!("{}{times}", number(self.measured(other)?.0)))).collect();
        let others = if others.is_empty() { "–".to_owned() } else { others.join(", ") };
        format!("| {} | {sign} {}{times} | {measured} | {others} | {reached} |", self.what, number(bound))
    }

    /// Whether it is reached by all runs, by none, or by how many.
    fn reached(&self, results: &Results, others: &[Results]) -> String {
        let holds = |(value, _): (f64, _)| match self.wanted {
            AtLeast(bound) => value >= bound,
            AtMost(bound) => value <= bound,
        };
        let each: Vec<_> = [results].into_iter().chain(others).filter_map(|run| self.measured(run)).map(holds).collect();
        match (each.iter().filter(|holds| **holds).count(), each.len()) {
            (_, 0) => "not measured".into(),
            (0, _) => "**no**".into(),
            (reached, all) if reached == all => "yes".into(),
            (reached, all) => format!("**in {reached} of {all}**"),
        }
    }

    /// The median, and how far the rounds spread.
    fn measured(&self, results: &Results) -> Option<(f64, Option<(f64, f64)>)> {
        match self.of {
            Yeyak(key) => {
                let rounds = results.figure(key)?.yeyak.as_ref()?;
                Some((rounds.median, Some((rounds.min, rounds.max))))
            }
            Ratio(key) => {
                let ratio = results.figure(key)?.ratio.as_ref()?;
                Some((ratio.medians, Some((ratio.min, ratio.max))))
            }
            Between(key, other) => {
                let median = |key| Some(results.figure(key)?.yeyak.as_ref()?.median);
                Some((median(key)? / median(other)?, None))
            }
        }
    }
}
