//! The disk's content: what programs see, what a power cut leaves, and what lies between.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;
use std::mem;

use fastrand::Rng;
use rusqlite::ffi;

/// The unit that reaches the disk whole or not at all.
const SECTOR: usize = 512;

/// Odds are counted in quarters: so many of four unsynced changes survive.
const CERTAIN: u32 = 4;

/// While the disk is failing, one in so many writes and syncs fails.
const FAULT_ONE_IN: u32 = 8;

/// The opens for which the VFS for Unix syncs the directory with the file's first sync.
const JOURNALS: c_int = ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL;

/// A result whose error is a SQLite error code.
pub(super) type Io<T> = Result<T, c_int>;

/// A file that SQLite holds open.
pub(super) struct Handle {
    id: u64,
    node: u64,
    /// The name that the next sync makes durable together with its directory.
    unsynced_name: Option<String>,
}

/// A change of a file's content. A write never crosses the border of a sector.
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::Write(offset, data) => {
                let end = offset + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*offset..end].copy_from_slice(data);
            }
            Change::Truncate(length) => bytes.truncate(*length),
        }
    }
}

/// The content of one file, apart from its name.
#[derive(Default)]
struct Node {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    /// The lock level of each open handle. A cut empties it, which is how handles opened before
    /// the cut are told from those opened after.
    locks: BTreeMap<u64, c_int>,
}

impl Node {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.unsynced.push(change);
    }

    /// Lets each unsynced change reach the disk with the given odds and forgets the others.
    fn settle(&mut self, rng: &mut Rng, odds: u32) {
        for mut change in mem::take(&mut self.unsynced) {
            let arrives = survives(rng, odds);
            // The file's new length may reach the disk when the bytes do not.
            if let Change::Write(offset, data) = &mut change
                && !arrives
                && *offset + data.len() > self.durable.len()
                && survives(rng, odds)
            {
                rng.fill(data);
            } else if !arrives {
                continue;
            }
            change.apply(&mut self.durable);
        }
    }
}

fn survives(rng: &mut Rng, odds: u32) -> bool {
    rng.u32(0..CERTAIN) < odds
}

fn directory(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Names a node, or nothing.
fn point(names: &mut BTreeMap<String, u64>, name: String, node: Option<u64>) {
    match node {
        Some(node) => names.insert(name, node),
        None => names.remove(&name),
    };
}

/// All files of one disk.
pub(super) struct Medium {
    rng: Rng,
    cut: bool,
    failing: bool,
    lying: bool,
    operations: u64,
    cut_at: Option<u64>,
    /// The next handle's or node's id; none is ever given twice.
    next_id: u64,
    nodes: BTreeMap<u64, Node>,
    seen_names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    unsynced_names: Vec<(String, Option<u64>)>,
}

impl Medium {
    pub(super) fn new(seed: u64) -> Medium {
        Medium {
            rng: Rng::with_seed(seed),
            cut: false,
            failing: false,
            lying: false,
            operations: 0,
            cut_at: None,
            next_id: 0,
            nodes: BTreeMap::new(),
            seen_names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
        }
    }

    pub(super) fn cut_power(&mut self) {
        if mem::replace(&mut self.cut, true) {
            return;
        }
        self.cut_at = None;
        // The odds are drawn per cut, because coins alone would nearly never keep all or nothing.
        let odds = self.rng.u32(0..=CERTAIN);
        for (name, node) in mem::take(&mut self.unsynced_names) {
            if survives(&mut self.rng, odds) {
                point(&mut self.durable_names, name, node);
            }
        }
        self.seen_names = self.durable_names.clone();
        for node in self.nodes.values_mut() {
            node.settle(&mut self.rng, odds);
            node.seen = node.durable.clone();
            node.locks.clear();
        }
        self.free_unreachable();
    }

    pub(super) fn cut_power_after(&mut self, operations: Option<u64>) {
        self.cut_at = operations.map(|n| self.operations.saturating_add(n));
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(super) fn restart(&mut self) {
        self.cut = false;
    }

    pub(super) fn operations(&self) -> u64 {
        self.operations
    }

    pub(super) fn fail_writes(&mut self, on: bool) {
        self.failing = on;
    }

    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let content = |node| self.nodes.get(node).map(|node| node.seen.clone()).unwrap_or_default();
        self.seen_names.iter().map(|(name, node)| (name.clone(), content(node))).collect()
    }

    pub(super) fn randomness(&mut self, bytes: &mut [u8]) {
        self.rng.fill(bytes);
    }

    pub(super) fn open(&mut self, name: Option<&str>, flags: c_int) -> Io<Handle> {
        let creates = flags & ffi::SQLITE_OPEN_CREATE != 0;
        let known = name.and_then(|name| self.seen_names.get(name).copied());
        let node = match known {
            _ if self.cut => return Err(ffi::SQLITE_CANTOPEN),
            Some(_) if flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0 => return Err(ffi::SQLITE_CANTOPEN),
            None if !creates => return Err(ffi::SQLITE_CANTOPEN),
            Some(node) => node,
            None => {
                let node = self.new_id();
                self.nodes.insert(node, Node::default());
                if let Some(name) = name {
                    self.seen_names.insert(name.to_owned(), node);
                    self.unsynced_names.push((name.to_owned(), Some(node)));
                }
                node
            }
        };
        let id = self.new_id();
        self.nodes.entry(node).or_default().locks.insert(id, ffi::SQLITE_LOCK_NONE);
        let syncs_directory = creates && flags & JOURNALS != 0;
        let unsynced_name = name.filter(|_| syncs_directory).map(str::to_owned);
        Ok(Handle { id, node, unsynced_name })
    }

    pub(super) fn close(&mut self, handle: &Handle) {
        if let Ok(node) = self.node(handle) {
            node.locks.remove(&handle.id);
        }
        self.free_unreachable();
    }

    /// Fills `buffer`, with zeroes behind the end of the file.
    pub(super) fn read(&mut self, handle: &Handle, offset: usize, buffer: &mut [u8]) -> Io<()> {
        let bytes = self.node(handle)?.seen.get(offset..).unwrap_or_default();
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        buffer[length..].fill(0);
        if length < buffer.len() { Err(ffi::SQLITE_IOERR_SHORT_READ) } else { Ok(()) }
    }

    pub(super) fn write(&mut self, handle: &Handle, mut offset: usize, mut data: &[u8]) -> Io<()> {
        let full = self.fails();
        let node = self.node(handle)?;
        while !full && !data.is_empty() {
            let (piece, rest) = data.split_at(data.len().min(SECTOR - offset % SECTOR));
            node.change(Change::Write(offset, piece.to_vec()));
            offset += piece.len();
            data = rest;
        }
        self.operation()?;
        if full { Err(ffi::SQLITE_FULL) } else { Ok(()) }
    }

    pub(super) fn truncate(&mut self, handle: &Handle, length: usize) -> Io<()> {
        self.node(handle)?.change(Change::Truncate(length));
        self.operation()
    }

    pub(super) fn sync(&mut self, handle: &mut Handle) -> Io<()> {
        self.node(handle)?;
        self.operation()?;
        if self.lying {
            return Ok(());
        }
        let mut rng = self.rng.fork();
        if self.fails() {
            self.node(handle)?.settle(&mut rng, CERTAIN / 2);
            return Err(ffi::SQLITE_IOERR_FSYNC);
        }
        self.node(handle)?.settle(&mut rng, CERTAIN);
        if let Some(name) = handle.unsynced_name.take() {
            self.sync_directory(&name);
        }
        Ok(())
    }

    pub(super) fn lie(&mut self, on: bool) {
        self.lying = on;
    }

    pub(super) fn size(&mut self, handle: &Handle) -> Io<usize> {
        Ok(self.node(handle)?.seen.len())
    }

    pub(super) fn lock(&mut self, handle: &Handle, level: c_int) -> Io<()> {
        let highest_other = self.highest_other_lock(handle)?;
        let held = self.node(handle)?.locks.entry(handle.id).or_default();
        let clashes = match level {
            ffi::SQLITE_LOCK_SHARED => highest_other >= ffi::SQLITE_LOCK_PENDING,
            ffi::SQLITE_LOCK_RESERVED => highest_other >= ffi::SQLITE_LOCK_RESERVED,
            _ => highest_other >= ffi::SQLITE_LOCK_SHARED,
        };
        if *held < level {
            if clashes {
                return Err(ffi::SQLITE_BUSY);
            }
            *held = level;
        }
        Ok(())
    }

    pub(super) fn unlock(&mut self, handle: &Handle, level: c_int) -> Io<()> {
        self.node(handle)?.locks.insert(handle.id, level);
        Ok(())
    }

    /// Whether any connection holds a reserved lock or a higher one.
    pub(super) fn is_reserved(&mut self, handle: &Handle) -> Io<bool> {
        Ok(self.node(handle)?.locks.values().any(|held| *held >= ffi::SQLITE_LOCK_RESERVED))
    }

    pub(super) fn exists(&self, name: &str) -> Io<bool> {
        if self.cut { Err(ffi::SQLITE_IOERR_ACCESS) } else { Ok(self.seen_names.contains_key(name)) }
    }

    pub(super) fn delete(&mut self, name: &str, sync_directory: bool) -> Io<()> {
        if self.cut {
            return Err(ffi::SQLITE_IOERR_DELETE);
        }
        if self.seen_names.remove(name).is_none() {
            return Err(ffi::SQLITE_IOERR_DELETE_NOENT);
        }
        self.unsynced_names.push((name.to_owned(), None));
        self.operation()?;
        if sync_directory {
            self.sync_directory(name);
        }
        Ok(())
    }

    /// Counts an operation and cuts the power if this is the one to fail. It is called after what
    /// programs see of the operation and before what is durable of it, so that the cut decides how
    /// much of its effect is left.
    fn operation(&mut self) -> Io<()> {
        self.operations += 1;
        if self.cut_at.is_some_and(|at| self.operations >= at) {
            self.cut_power();
            return Err(ffi::SQLITE_IOERR);
        }
        Ok(())
    }

    fn fails(&mut self) -> bool {
        self.failing && self.rng.u32(0..FAULT_ONE_IN) == 0
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The content behind a handle, unless it was opened before a cut.
    fn node(&mut self, handle: &Handle) -> Io<&mut Node> {
        let node = self.nodes.get_mut(&handle.node);
        node.filter(|node| node.locks.contains_key(&handle.id)).ok_or(ffi::SQLITE_IOERR)
    }

    fn highest_other_lock(&mut self, handle: &Handle) -> Io<c_int> {
        let locks = self.node(handle)?.locks.iter();
        let others = locks.filter(|(id, _)| **id != handle.id).map(|(_, held)| *held);
        Ok(others.max().unwrap_or(ffi::SQLITE_LOCK_NONE))
    }

    /// Makes the creations and deletions in the directory of `name` durable.
    fn sync_directory(&mut self, name: &str) {
        let synced = |(other, _): &mut (String, _)| directory(other) == directory(name);
        for (name, node) in self.unsynced_names.extract_if(.., synced) {
            point(&mut self.durable_names, name, node);
        }
    }

    /// Frees the content that no handle holds and no name can lead to any more, even after a cut.
    fn free_unreachable(&mut self) {
        let unsynced = self.unsynced_names.iter().filter_map(|(_, node)| node.as_ref());
        let named = self.seen_names.values().chain(self.durable_names.values()).chain(unsynced);
        let named: BTreeSet<u64> = named.copied().collect();
        self.nodes.retain(|id, node| !node.locks.is_empty() || named.contains(id));
    }
}
