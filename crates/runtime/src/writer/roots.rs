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

impl Root {
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
    roots: HashMap<RootKey, (u64, Root)>,
    clock: u64,
    capacity: usize,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self { roots: HashMap::new(), clock: 0, capacity }
    }

    /// The version that is folded here, 0 when none is.
    pub(super) fn version(&self, key: &RootKey) -> u64 {
        self.roots.get(key).map_or(0, |(_, root)| root.version)
    }

    pub(super) fn take(&mut self, key: &RootKey) -> Option<Root> {
        self.roots.remove(key).map(|(_, root)| root)
    }

    pub(super) fn put(&mut self, key: RootKey, root: Root) {
        self.clock += 1;
        self.roots.insert(key, (self.clock, root));
        if self.roots.len() > self.capacity {
            self.evict();
        }
    }

    /// Forgets the half that was used longest ago, so that the cost of looking for it is spread over as many uses.
    fn evict(&mut self) {
        let mut uses: Vec<u64> = self.roots.values().map(|(used, _)| *used).collect();
        let middle = uses.len() / 2;
        let (_, median, _) = uses.select_nth_unstable(middle);
        let median = *median;
        self.roots.retain(|_, (used, _)| *used >= median);
    }
}
