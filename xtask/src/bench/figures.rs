//! What was measured: for each figure the value of every round on either side, their medians, how far they spread, and their ratio.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::load::Percentiles;
use super::server::Side;

/// All of a run, in the order in which they were measured.
#[derive(Debug, Default)]
pub(super) struct Figures(Vec<Figure>);

#[derive(Debug)]
struct Figure {
    key: String,
    unit: &'static str,
    limit: Vec<f64>,
    yeyak: Vec<f64>,
}

/// The rounds of one side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Rounds {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    /// How far the middle half of them spreads.
    pub(super) iqr: f64,
    pub(super) rounds: Vec<f64>,
}

/// Yeyak's value for each one of the limit's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ratio {
    /// Of the medians.
    pub(super) medians: f64,
    /// The smallest and the largest that any one round had.
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Figures {
    /// Adds the value of a round.
    pub(super) fn add(&mut self, key: &str, unit: &'static str, side: Side, value: f64) {
        println!("   {key} {}: {value:.3} {unit}", side.name());
        let place = self.0.iter().position(|figure| figure.key == key).unwrap_or_else(|| {
            self.0.push(Figure { key: key.into(), unit, limit: Vec::new(), yeyak: Vec::new() });
            self.0.len() - 1
        });
        let figure = &mut self.0[place];
        match side {
            Side::Limit => figure.limit.push(value),
            Side::Yeyak => figure.yeyak.push(value),
        }
    }

    /// Adds p50 and p99 of a round, if it has them.
    pub(super) fn add_latency(&mut self, key: &str, side: Side, latency: Option<&Percentiles>) {
        if let Some(Percentiles { p50, p99 }) = latency {
            self.add(&format!("{key}/p50"), "ms", side, p50 / 1e3);
            self.add(&format!("{key}/p99"), "ms", side, p99 / 1e3);
        }
    }

    /// The median of what Yeyak's rounds were until now, if there was one.
    pub(super) fn of_yeyak(&self, key: &str) -> Option<f64> {
        let figure = self.0.iter().find(|figure| figure.key == key)?;
        Some(Rounds::of(&figure.yeyak)?.median)
    }

    /// Half of that median, in whole requests a second: the rate of a load, the same for both, that Yeyak could take twice over.
    pub(super) fn half_of_yeyak(&self, key: &str) -> f64 {
        (self.of_yeyak(key).unwrap_or_default() / 2.0).round().max(1.0)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn to_json(&self) -> Value {
        let one = |figure: &Figure| {
            let (limit, yeyak) = (Rounds::of(&figure.limit), Rounds::of(&figure.yeyak));
            let ratio = limit.as_ref().zip(yeyak.as_ref()).and_then(|(limit, yeyak)| Ratio::of(limit, yeyak));
            json!({"key": figure.key, "unit": figure.unit, "limit": limit, "yeyak": yeyak, "ratio": ratio})
        };
        self.0.iter().map(one).collect()
    }
}

impl Rounds {
    /// None of no rounds.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        Some(Self { median: at(&sorted, 0.5), min, max, iqr: at(&sorted, 0.75) - at(&sorted, 0.25), rounds: values.to_vec() })
    }
}

impl Ratio {
    /// None where the limit's is nothing, which nothing can be compared with.
    pub(super) fn of(limit: &Rounds, yeyak: &Rounds) -> Option<Self> {
        let each: Vec<f64> = limit.rounds.iter().zip(&yeyak.rounds).map(|(limit, yeyak)| yeyak / limit).collect();
        let Rounds { min, max, .. } = Rounds::of(&each)?;
        let medians = yeyak.median / limit.median;
        (medians.is_finite() && min.is_finite() && max.is_finite()).then_some(Self { medians, min, max })
    }
}

/// The value below which this part lies, between two that were measured if need be.
fn at(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_have_their_median_and_spread() {
        let rounds = Rounds::of(&[5.0, 1.0, 3.0, 2.0, 4.0]).unwrap();
        assert_eq!((rounds.median, rounds.min, rounds.max, rounds.iqr), (3.0, 1.0, 5.0, 2.0));
        assert_eq!(rounds.rounds, [5.0, 1.0, 3.0, 2.0, 4.0], "as they were measured");
        assert_eq!(Rounds::of(&[2.0, 4.0]).unwrap().median, 3.0);
        assert_eq!(Rounds::of(&[7.0]).unwrap().iqr, 0.0);
        assert_eq!(Rounds::of(&[]), None);
    }

    #[test]
    fn a_ratio_is_of_medians_and_spreads_as_its_rounds_do() {
        let (limit, yeyak) = (Rounds::of(&[10.0, 20.0, 40.0]).unwrap(), Rounds::of(&[5.0, 16.0, 10.0]).unwrap());
        assert_eq!(Ratio::of(&limit, &yeyak), Some(Ratio { medians: 0.5, min: 0.25, max: 0.8 }));
        assert_eq!(Ratio::of(&Rounds::of(&[0.0]).unwrap(), &yeyak), None);
    }

    #[test]
    fn a_side_that_was_not_measured_has_no_rounds() {
        let mut figures = Figures::default();
        figures.add("a", "ms", Side::Yeyak, 1.0);
        assert_eq!(figures.to_json()[0]["limit"], Value::Null);
        assert_eq!(figures.to_json()[0]["ratio"], Value::Null);
        assert_eq!(figures.to_json()[0]["yeyak"]["median"], 1.0);
    }
}
