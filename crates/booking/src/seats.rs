use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Who holds how many of the places that one thing has: the seats of a sitting or of a course, the copies of a title.
///
/// How many there are is not known here, since it may change while some are held. Whoever decides asks [`admit`](Self::admit) first; `hold`
/// does not ask again. Every question costs O(log n), however many hold something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seats<I, T> {
    /// Boxed, as a B-tree's node has room for eleven, and few things have as many holders.
    holders: BTreeMap<I, Box<Holder<I, T>>>,
    /// The sum of what they hold.
    taken: u32,
}

/// One of those who hold places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder<I, T> {
    /// Who.
    pub id: I,
    /// How many.
    pub places: u32,
    /// On what terms.
    pub what: T,
}

/// Fewer places are left than are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only {left} places are left")]
pub struct TooFew {
    /// How many are left.
    pub left: u32,
}

impl<I: Ord + Copy, T> Seats<I, T> {
    /// Whether `places` more can be held when there are `of` in all; any number when that is `None`.
    ///
    /// # Errors
    /// [`TooFew`] says how many are left.
    pub fn admit(&self, places: u32, of: Option<u32>) -> Result<(), TooFew> {
        // Where there is no limit, what can be counted is one.
        let left = self.left(of).unwrap_or(u32::MAX - self.taken);
        if places <= left { Ok(()) } else { Err(TooFew { left }) }
    }

    /// How many of `of` places are left; none also when more are held, and `None` when there is no limit.
    pub fn left(&self, of: Option<u32>) -> Option<u32> {
        of.map(|of| of.saturating_sub(self.taken))
    }

    /// Gives `id` so many places, in place of what it held.
    ///
    /// They must be free.
    pub fn hold(&mut self, id: I, places: u32, what: T) {
        self.release(id);
        debug_assert!(self.taken.checked_add(places).is_some(), "more places than can be counted were given away");
        self.taken = self.taken.saturating_add(places);
        self.holders.insert(id, Box::new(Holder { id, places, what }));
    }

    /// Takes back what `id` holds.
    pub fn release(&mut self, id: I) -> Option<Holder<I, T>> {
        let released = self.holders.remove(&id)?;
        self.taken = self.taken.saturating_sub(released.places);
        Some(*released)
    }

    /// What `id` holds.
    pub fn get(&self, id: I) -> Option<&Holder<I, T>> {
        self.holders.get(&id).map(Box::as_ref)
    }

    /// How many places are held.
    pub const fn taken(&self) -> u32 {
        self.taken
    }

    /// Those who hold places, in the order of their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Holder<I, T>> {
        self.holders.values().map(Box::as_ref)
    }

    /// Whether nobody holds any.
    pub fn is_empty(&self) -> bool {
        self.holders.is_empty()
    }
}

impl<I, T> Default for Seats<I, T> {
    fn default() -> Self {
        Self { holders: BTreeMap::new(), taken: 0 }
    }
}

impl<I: Serialize, T: Serialize> Serialize for Seats<I, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.holders.values())
    }
}

impl<'de, I: Deserialize<'de> + Ord + Copy, T: Deserialize<'de>> Deserialize<'de> for Seats<I, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut seats = Self::default();
        for Holder { id, places, what } in Vec::deserialize(deserializer)? {
            seats.hold(id, places, what);
        }
        Ok(seats)
    }
}
