use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use kernel::{Period, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands in one calendar: periods, each under an id, none overlapping another.
///
/// As none overlap, they end in the order in which they begin. So every question costs O(log n) and what it answers,
/// however many stand. Whoever decides asks [`overlapping`](Self::overlapping) first; `insert` does not ask again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agenda<I, T> {
    /// Boxed, as what is entered in its order leaves a B-tree's nodes half empty, and a calendar of years is kept at hand.
    by_start: BTreeMap<Timestamp, Box<Entry<I, T>>>,
    starts: BTreeMap<I, Timestamp>,
}

/// What takes time in a calendar.
pub trait Timed {
    /// When it does.
    fn time(&self) -> Period;
}

impl Timed for Period {
    fn time(&self) -> Period {
        *self
    }
}

/// One thing that stands in a calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<I, T> {
    /// Which.
    pub id: I,
    /// What, and so when.
    pub what: T,
}

impl<I, T: Timed> Timed for Entry<I, T> {
    fn time(&self) -> Period {
        self.what.time()
    }
}

impl<I: Ord + Copy, T: Timed> Agenda<I, T> {
    /// Puts `what` into the calendar, in place of what stood under that id.
    ///
    /// Its period must be free.
    pub fn insert(&mut self, id: I, what: T) {
        self.remove(id);
        let period = what.time();
        debug_assert!(self.overlapping(&period).next().is_none(), "a period that is taken was given away again");
        self.starts.insert(id, period.start());
        self.by_start.insert(period.start(), Box::new(Entry { id, what }));
    }

    /// Takes what stands under `id` out of the calendar.
    pub fn remove(&mut self, id: I) -> Option<Entry<I, T>> {
        self.by_start.remove(&self.starts.remove(&id)?).map(|entry| *entry)
    }

    /// What stands under `id`.
    pub fn get(&self, id: I) -> Option<&Entry<I, T>> {
        self.by_start.get(self.starts.get(&id)?).map(|entry| &**entry)
    }

    /// What begins first, which is also what ends first.
    pub fn first(&self) -> Option<&Entry<I, T>> {
        self.iter().next()
    }

    /// Everything, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry<I, T>> {
        self.by_start.values().map(|entry| &**entry)
    }

    /// What has an instant in common with `period`, in order.
    pub fn overlapping(&self, period: &Period) -> impl Iterator<Item = &Entry<I, T>> + use<'_, I, T> {
        let period = *period;
        // Only the last one that begins by then can reach into the period; the others begin in it.
        let reaching = self.by_start.range(..=period.start()).next_back();
        let beginning = self.by_start.range((Excluded(period.start()), Unbounded));
        let near = reaching.into_iter().chain(beginning).map(|(_, entry)| &**entry);
        near.skip_while(move |entry| !entry.time().overlaps(&period)).take_while(move |entry| entry.time().overlaps(&period))
    }
}

impl<I, T> Default for Agenda<I, T> {
    fn default() -> Self {
        Self { by_start: BTreeMap::new(), starts: BTreeMap::new() }
    }
}

impl<I: Serialize, T: Serialize> Serialize for Agenda<I, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.by_start.values())
    }
}

impl<'de, I: Deserialize<'de> + Ord + Copy, T: Deserialize<'de> + Timed> Deserialize<'de> for Agenda<I, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Vec::<Box<Entry<I, T>>>::deserialize(deserializer)?;
        Ok(Self {
            starts: entries.iter().map(|entry| (entry.id, entry.time().start())).collect(),
            by_start: entries.into_iter().map(|entry| (entry.time().start(), entry)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Letter(char, Period);

    impl Timed for Letter {
        fn time(&self) -> Period {
            self.1
        }
    }

    fn period(start: i64, end: i64) -> Period {
        let at = |second| Timestamp::from_second(second).unwrap();
        Period::new(at(start), at(end)).unwrap()
    }

    fn agenda() -> Agenda<u32, Letter> {
        let mut agenda = Agenda::default();
        agenda.insert(1, Letter('c', period(30, 40)));
        agenda.insert(2, Letter('a', period(10, 20)));
        agenda.insert(3, Letter('b', period(20, 25)));
        agenda
    }

    #[test]
    fn what_is_in_the_way_is_found_in_order() {
        let agenda = agenda();
        let check = |start, end, found: &str| {
            let what: String = agenda.overlapping(&period(start, end)).map(|entry| entry.what.0).collect();
            assert_eq!(what, found, "{start}..{end}");
        };
        check(0, 10, "");
        check(0, 11, "a");
        check(19, 31, "abc");
        check(20, 30, "b");
        check(25, 30, "");
        check(25, 31, "c");
        check(39, 99, "c");
        check(40, 99, "");
        let all: String = agenda.overlapping(&Period::from(Timestamp::from_second(12).unwrap())).map(|entry| entry.what.0).collect();
        assert_eq!(all, "abc");
    }

    #[test]
    fn entries_come_and_go_by_id() {
        let mut agenda = agenda();
        assert_eq!(agenda.first().map(|entry| entry.id), Some(2));
        assert_eq!(agenda.remove(2).map(|entry| entry.what.0), Some('a'));
        assert_eq!(agenda.remove(2), None);
        agenda.insert(3, Letter('B', period(5, 25)));
        assert_eq!(agenda.get(3).map(|entry| entry.time()), Some(period(5, 25)));
        assert_eq!(agenda.iter().count(), 2);
        let json = serde_json::to_string(&agenda).unwrap();
        assert_eq!(serde_json::from_str::<Agenda<u32, Letter>>(&json).unwrap(), agenda);
    }
}
