//! A simulated disk for SQLite that forgets what was not synced.
//!
//! A [`Disk`] is a SQLite VFS in memory. Programs see every write at once, as they do through the
//! page cache of an operating system, but a cut of the power leaves only what was synced and a
//! seed-chosen part of the rest. A store that syncs too little therefore loses data in a test
//! instead of in production.
//!
//! ```
//! use rusqlite::{Connection, OpenFlags};
//! use yeyak_testkit::disk::Disk;
//!
//! let disk = Disk::new(1);
//! let open = || {
//!     let connection = Connection::open_with_flags_and_vfs("main.db", OpenFlags::default(), disk.vfs_name())?;
//!     connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
//!     Ok::<_, rusqlite::Error>(connection)
//! };
//! let connection = open()?;
//! connection.execute_batch("CREATE TABLE room (id)")?;
//! disk.cut_power();
//! assert!(connection.execute_batch("INSERT INTO room VALUES (1)").is_err());
//! drop(connection);
//! disk.restart();
//! open()?.execute_batch("INSERT INTO room VALUES (1)")?;
//! # Ok::<(), rusqlite::Error>(())
//! ```
//!
//! # What is simulated
//!
//! * A file keeps its unsynced writes as pieces of one 512-byte sector each, in order. A cut keeps
//!   a subset of them, so a page may be torn and a later write may survive an earlier one, which is
//!   all that a reordering disk can do. A lost piece that would have made the file longer may leave
//!   noise in its place, because no safe append is promised. Bytes outside a write are never
//!   harmed, which is the one promise that is made (`SQLITE_IOCAP_POWERSAFE_OVERWRITE`, as the VFS
//!   for Unix makes it).
//! * Creations and deletions of files are unsynced too until their directory is synced: by a
//!   deletion that asks for it, or by the first sync of a journal or WAL, as the VFS for Unix does.
//!   SQLite asks for it after deleting a rollback journal only under `synchronous = EXTRA`, so
//!   under `FULL` a committed transaction may be rolled back by its journal's return.
//! * Locks between connections are real, shared memory is absent: a WAL needs
//!   `locking_mode = EXCLUSIVE`.
//! * Time stands still, sleeping takes none, and the VFS's randomness comes from the seed.
//!
//! One thing is not determined by the seed: SQLite has one random generator for the whole process,
//! seeded by the default VFS. From it come SQL's `random()` and the salts and checksum nonces in
//! WAL and journal headers. The salts never change which operations are done or what a recovered
//! database holds, so a simulation replays exactly apart from these bytes.
//!
//! # Why not the crate `sqlite-plugin`
//!
//! Version 0.11 discards the directory-sync flag of a deletion, takes randomness, time and sleep
//! from the real system, never frees a registered VFS, and needs libclang to build. Covering for
//! that costs more than the callbacks in `vfs.rs`, which use `rusqlite::ffi` directly.

mod medium;
mod vfs;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use medium::Medium;

/// A disk that one simulation owns. Clones are handles to the same disk.
#[derive(Clone)]
pub struct Disk {
    shared: Arc<Shared>,
}

/// What the handles and the open files of one disk share; the VFS is free for another disk once
/// all of them are gone.
struct Shared {
    slot: &'static vfs::Slot,
    medium: Mutex<Medium>,
}

impl Shared {
    /// A test that panicked has no bearing on the disk, so poisoning is ignored.
    fn medium(&self) -> MutexGuard<'_, Medium> {
        self.medium.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.slot.release();
    }
}

impl Disk {
    /// Makes an empty disk with a VFS of its own; `seed` decides everything random.
    ///
    /// # Panics
    ///
    /// When SQLite refuses to register a VFS, which it does only if it cannot be initialised.
    #[must_use]
    pub fn new(seed: u64) -> Disk {
        let slot = vfs::Slot::acquire();
        let shared = Arc::new(Shared { slot, medium: Mutex::new(Medium::new(seed)) });
        slot.serve(&shared);
        Disk { shared }
    }

    /// The name to open a connection with, as in
    /// `Connection::open_with_flags_and_vfs("main.db", flags, disk.vfs_name())`.
    ///
    /// The name is this disk's until the last handle and connection are gone.
    #[must_use]
    pub fn vfs_name(&self) -> &str {
        self.shared.slot.name()
    }

    /// Cuts the power: what was synced stays, and of the rest a seed-chosen part survives.
    ///
    /// Every file opened before fails from now on, and none can be opened until
    /// [`restart`](Disk::restart). A process dies with its machine, so drop the connections before
    /// restarting.
    pub fn cut_power(&self) {
        self.shared.medium().cut_power();
    }

    /// Lets the `operations`-th following write, sync, truncation or deletion fail with the power
    /// cut before or in the middle of its effect. `None` turns it off, and so does a cut.
    pub fn cut_power_after(&self, operations: Option<u64>) {
        self.shared.medium().cut_power_after(operations);
    }

    /// Whether the power was cut since the last [`restart`](Disk::restart).
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.shared.medium().is_cut()
    }

    /// Restores the power, so that files can be opened again.
    pub fn restart(&self) {
        self.shared.medium().restart();
    }

    /// How many writes, syncs, truncations and deletions were done so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.shared.medium().operations()
    }

    /// While on, one in eight writes (seed-chosen) fails with `SQLITE_FULL`, and one in eight
    /// syncs with `SQLITE_IOERR_FSYNC`.
    ///
    /// A failed sync forgets which writes were unsynced, as Linux does: programs still read them,
    /// but a later sync does not save those that did not make it.
    pub fn fail_writes(&self, on: bool) {
        self.shared.medium().fail_writes(on);
    }

    /// While on, syncs are answered and nothing is synced, as by a store that does not ask for it or a drive that lies.
    pub fn lie(&self, on: bool) {
        self.shared.medium().lie(on);
    }

    /// Every named file as programs see it now, for comparing what two runs left behind.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.shared.medium().files()
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("vfs_name", &self.vfs_name()).finish_non_exhaustive()
    }
}
