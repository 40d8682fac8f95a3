use foldhash::{HashMap, HashMapExt};
use kernel::Timestamp;
use store::{LoadedRoot, RootKey};

use crate::erased::{AnyKind, AnyState};

/// A folded aggregate.
pub(super) struct Root {
    pub(super) version: u64,
    /// The instant of its last event, before which nothing can be decided any more.
    pub(super) at: Option<Timestamp>,
    /// Events since the last snapshot.
    pub(super) unsnapped: u64,
    /// The length of the last snapshot, in bytes.
    pub(super) snapshot_length: usize,
    pub(super) state: Box<dyn AnyState>,
}

/// What an event adds to a state, in bytes of its snapshot: some 300 for what comes to stand, nothing or less for what leaves.
const EVENT: usize = 100;

/// What a root takes beside its state, in bytes.
const FRAME: usize = 300;

impl Root {
    /// About how many bytes it takes: as many as its snapshot would have, guessed, for nobody makes one only to know that.
    const fn size(&self) -> usize {
        FRAME + self.snapshot_length + self.unsnapped as usize * EVENT
    }

    /// One to which nothing has happened.
    pub(super) fn fresh(kind: &dyn AnyKind) -> Self {
        Self { version: 0, at: None, unsnapped: 0, snapshot_length: 0, state: kind.fresh() }
    }

    /// The state that `loaded` gives: what is cached, with the events since folded in, or all of it. `None` when its snapshot
    /// does not read, as one of an older form of the state; the events that it stands for are not here then.
    pub(super) fn bring_up(kind: &dyn AnyKind, key: &RootKey, cached: Option<Self>, loaded: LoadedRoot) -> Result<Option<Self>, String> {
        let mut root = cached.unwrap_or_else(|| Self::fresh(kind));
        if root.version > loaded.version {
            return Err(format!("{key:?} has version {} here and {} in the store", root.version, loaded.version));
        }
        if let Some((version, snapshot)) = loaded.snapshot {
            let Some(state) = kind.restore(&snapshot) else { return Ok(None) };
            root.state = state;
            root.version = version;
            root.unsnapped = 0;
            root.snapshot_length = snapshot.len();
        }
        for event in &loaded.events {
            root.state.evolve(&event.data, event.at)?;
            root.version = event.version;
            root.unsnapped += 1;
        }
        if root.version != loaded.version {
            return Err(format!("{key:?} folds to version {} of {}", root.version, loaded.version));
        }
        root.at = loaded.at;
        Ok(Some(root))
    }
}

/// Folded roots, kept for the next command. Under the store's lock newer events are folded in before one is used.
pub(super) struct Cache {
    /// Each with when it was used last.
    roots: HashMap<RootKey, (u64, Root)>,
    clock: u64,
    /// Of all that are here, each of which stays as large as it is until it is taken.
    size: usize,
    bounds: Bounds,
}

/// How much is kept: some roots are one reservation, others a calendar of years.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// How many roots.
    pub(super) roots: usize,
    /// How large they are together, by [`Root::size`].
    pub(super) size: usize,
}

impl Cache {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { roots: HashMap::new(), clock: 0, size: 0, bounds }
    }

    /// The version that is folded here, 0 when none is.
    pub(super) fn version(&self, key: &RootKey) -> u64 {
        self.roots.get(key).map_or(0, |(_, root)| root.version)
    }

    pub(super) fn take(&mut self, key: &RootKey) -> Option<Root> {
        let (_, root) = self.roots.remove(key)?;
        self.size -= root.size();
        Some(root)
    }

    pub(super) fn put(&mut self, key: RootKey, root: Root) {
        self.take(&key);
        self.clock += 1;
        self.size += root.size();
        self.roots.insert(key, (self.clock, root));
        if self.roots.len() > self.bounds.roots || self.size > self.bounds.size {
            self.evict();
        }
    }

    /// Forgets what was used longest ago, down to half of what may be kept, so that the cost of looking for it is spread over as many uses.
    /// A root that is larger than that half alone is forgotten with all others.
    fn evict(&mut self) {
        let mut uses: Vec<(u64, usize)> = self.roots.values().map(|(used, root)| (*used, root.size())).collect();
        uses.sort_unstable();
        let half = Bounds { roots: self.bounds.roots / 2, size: self.bounds.size / 2 };
        let mut left = Bounds { roots: uses.len(), size: self.size };
        let mut kept_from = 0;
        for (used, size) in uses {
            if left.roots <= half.roots && left.size <= half.size {
                break;
            }
            left = Bounds { roots: left.roots - 1, size: left.size - size };
            kept_from = used + 1;
        }
        self.roots.retain(|_, (used, _)| *used >= kept_from);
        self.size = left.size;
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Aggregate, Exposed, Published, Refused};
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::erased::Kind;

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
    struct Thing;

    impl Published for Thing {
        const SERVICE: &'static str = "things";
    }

    impl Aggregate for Thing {
        const NAME: &'static str = "thing";
        type Key = u64;
        type Command = ();
        type Event = ();
        type Refusal = Refused;

        fn decide(&self, (): (), _at: Timestamp) -> Result<Vec<()>, Refused> {
            Ok(Vec::new())
        }

        fn evolve(&mut self, (): &(), _at: Timestamp) {}
    }

    impl Exposed for Thing {
        type Published = Self;
    }

    fn key(number: u64) -> RootKey {
        RootKey { service: "things", aggregate: Thing::NAME, key: number.to_string() }
    }

    /// A root that is as large as `bytes`.
    fn root(bytes: usize) -> Root {
        Root { version: 1, snapshot_length: bytes - FRAME, ..Root::fresh(&Kind::<Thing>::new()) }
    }

    fn kept(cache: &Cache, numbers: std::ops::Range<u64>) -> Vec<u64> {
        numbers.filter(|number| cache.version(&key(*number)) > 0).collect()
    }

    #[test]
    fn what_was_used_longest_ago_is_forgotten_when_there_are_too_many() {
        let mut cache = Cache::new(Bounds { roots: 4, size: 1_000_000 });
        (0..4).for_each(|number| cache.put(key(number), root(1000)));
        let first = cache.take(&key(0)).unwrap();
        cache.put(key(0), first);
        assert_eq!(kept(&cache, 0..5), [0, 1, 2, 3]);
        cache.put(key(4), root(1000));
        assert_eq!(kept(&cache, 0..5), [0, 4]);
    }

    #[test]
    fn roots_are_forgotten_when_they_are_too_large_together() {
        let mut cache = Cache::new(Bounds { roots: 100, size: 10_000 });
        (0..10).for_each(|number| cache.put(key(number), root(1000)));
        assert_eq!(kept(&cache, 0..10).len(), 10);
        // It grew: what it was is counted no more.
        cache.put(key(9), root(4000));
        assert_eq!(kept(&cache, 0..10), [8, 9]);
        let mut grown = cache.take(&key(9)).unwrap();
        grown.unsnapped += 45;
        cache.put(key(9), grown);
        assert_eq!(kept(&cache, 0..10), [8, 9], "9,500 bytes are still within the bound");
        cache.put(key(10), root(1000));
        assert_eq!(kept(&cache, 0..11), [10], "one that is larger than half of the bound goes with its turn");
        (11..15).for_each(|number| cache.put(key(number), root(1000)));
        assert_eq!(cache.size, 5000);
    }
}
