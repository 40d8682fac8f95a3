//! Numbers that are kept up while work is done: a few atomic additions each.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long a booking may take, from a read in memory to a request that runs into its deadline; in microseconds.
const TIMES: &[u64] = &[250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000];

/// How much one transaction takes: at most 256.
const SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];

/// How often a value fell within which bounds.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// How many of what is observed are one of what is shown.
    scale: u32,
    /// One for each bound, and one for what is larger.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// Of durations, shown in seconds.
    pub fn of_times() -> Self {
        Self::new(TIMES, 1_000_000)
    }

    /// Of sizes of batches.
    pub fn of_sizes() -> Self {
        Self::new(SIZES, 1)
    }

    fn new(bounds: &'static [u64], scale: u32) -> Self {
        Self { bounds, scale, counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    /// Something took so long.
    pub fn took(&self, time: Duration) {
        self.observe(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Something was so large.
    pub fn observe(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// For each bound, and then for all there are, how many were not larger.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (Option<f64>, u64)> {
        let bounds = self.bounds.iter().map(|bound| Some(self.shown(*bound))).chain([None]);
        bounds.zip(self.counts.iter()).scan(0, |all, (bound, count)| {
            *all += count.load(Ordering::Relaxed);
            Some((bound, *all))
        })
    }

    pub(crate) fn sum(&self) -> f64 {
        self.shown(self.sum.load(Ordering::Relaxed))
    }

    fn shown(&self, value: u64) -> f64 {
        value as f64 / f64::from(self.scale)
    }
}

/// Metrics of one kind, told apart by what they are about. What that can be is bounded: names that stand in the code, never what
/// somebody sends.
#[derive(Debug)]
pub struct Family<K, M> {
    members: Mutex<BTreeMap<K, Arc<M>>>,
    make: fn() -> M,
}

impl<K: Ord + Clone, M> Family<K, M> {
    /// A family whose members `make` makes.
    pub const fn new(make: fn() -> M) -> Self {
        Self { members: Mutex::new(BTreeMap::new()), make }
    }

    /// The one for this.
    pub fn of(&self, key: &K) -> Arc<M> {
        // A map is whole between any two of its operations.
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(member) = members.get(key) {
            return Arc::clone(member);
        }
        let made = Arc::new((self.make)());
        members.insert(key.clone(), Arc::clone(&made));
        made
    }

    /// All there are, in the order of what they are about.
    pub fn all(&self) -> Vec<(K, Arc<M>)> {
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.iter().map(|(key, member)| (key.clone(), Arc::clone(member))).collect()
    }
}

impl<K: Ord + Clone> Default for Family<K, Counter> {
    fn default() -> Self {
        Self::new(Counter::default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_falls_into_the_bucket_of_the_first_bound_that_is_not_smaller() {
        let sizes = Histogram::of_sizes();
        for size in [1, 2, 3, 256, 257] {
            sizes.observe(size);
        }
        let counts: Vec<_> = sizes.cumulative().collect();
        let expected = [1., 2., 4., 8., 16., 32., 64., 128., 256.].map(Some).into_iter().chain([None]).zip([1, 2, 3, 3, 3, 3, 3, 3, 4, 5]);
        assert_eq!(counts, expected.collect::<Vec<_>>());
        assert!((sizes.sum() - 519.).abs() < 1e-9);
    }

    #[test]
    fn a_member_is_one_for_all_who_ask_for_it() {
        let family = Family::<&str, Counter>::default();
        family.of(&"b").inc();
        family.of(&"a").add(2);
        family.of(&"b").inc();
        let all: Vec<_> = family.all().into_iter().map(|(key, count)| (key, count.get())).collect();
        assert_eq!(all, [("a", 2), ("b", 2)]);
    }
}
