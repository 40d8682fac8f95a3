use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A half-open stretch of time, `[start, end)`, which may have no end. It is never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Period {
    start: Timestamp,
    end: Option<Timestamp>,
}

/// A period would end before or when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a period ends after it begins")]
pub struct EmptyPeriod;

impl Period {
    /// The period `[start, end)`.
    ///
    /// # Errors
    /// [`EmptyPeriod`] when `end` is not after `start`.
    pub fn new(start: Timestamp, end: Timestamp) -> Result<Self, EmptyPeriod> {
        if start < end { Ok(Self { start, end: Some(end) }) } else { Err(EmptyPeriod) }
    }

    /// The period that begins at `start` and has no end.
    pub const fn from(start: Timestamp) -> Self {
        Self { start, end: None }
    }

    /// Its first instant.
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// The first instant after it, if it ends.
    pub const fn end(&self) -> Option<Timestamp> {
        self.end
    }

    /// Whether `at` lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && !self.is_over(at)
    }

    /// Whether it has ended at `at`.
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.end.is_some_and(|end| end <= at)
    }

    /// Whether the two have an instant in common. Periods that only touch do not.
    pub fn overlaps(&self, other: &Self) -> bool {
        let before = |a: &Self, b: &Self| b.end.is_none_or(|end| a.start < end);
        before(self, other) && before(other, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(start: i64, end: i64) -> Period {
        let at = |second| Timestamp::from_second(second).unwrap();
        Period::new(at(start), at(end)).unwrap()
    }

    #[test]
    fn touching_periods_do_not_overlap() {
        assert!(!period(0, 10).overlaps(&period(10, 20)));
        assert!(period(0, 11).overlaps(&period(10, 20)));
        assert!(Period::from(Timestamp::from_second(5).unwrap()).overlaps(&period(0, 6)));
        assert!(!Period::from(Timestamp::from_second(6).unwrap()).overlaps(&period(0, 6)));
    }

    #[test]
    fn an_empty_period_is_refused() {
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(Period::new(at, at), Err(EmptyPeriod));
    }
}
