//! The disk keeps what SQLite syncs, forgets what it does not, and does so the same way twice.
#![allow(clippy::unwrap_used)]

use rusqlite::{Connection, OpenFlags, Result};
use yeyak_testkit::disk::Disk;

const INSERTS: i64 = 12;

/// Checkpoints after every few frames, so that cuts fall into checkpoints and restarted logs too.
const WAL: &str = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 5;";

const WAL_WITHOUT_CHECKPOINTS: &str = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;";

/// Only `EXTRA` syncs the directory after the journal's deletion, which is what commits.
const JOURNAL: &str = "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;";

fn open(disk: &Disk, pragmas: &str) -> Result<Connection> {
    let flags = OpenFlags::default();
    let connection = Connection::open_with_flags_and_vfs("main.db", flags, disk.vfs_name())?;
    connection.execute_batch(pragmas)?;
    Ok(connection)
}

/// Inserts numbered rows, each in its own transaction, until one fails; says which was the last.
fn insert_rows(disk: &Disk, pragmas: &str, acknowledged: &mut i64) -> Result<()> {
    let connection = open(disk, pragmas)?;
    connection.execute_batch("CREATE TABLE entry (id INTEGER PRIMARY KEY, payload BLOB)")?;
    for id in 1..=INSERTS {
        connection.execute("INSERT INTO entry VALUES (?1, zeroblob(700 * (?1 % 3)))", [id])?;
        *acknowledged = id;
    }
    connection.close().map_err(|(_, error)| error)
}

/// The ids in the database, or a 0, which was never inserted, when its integrity is broken.
fn stored_rows(disk: &Disk, pragmas: &str) -> Result<Vec<i64>> {
    let connection = open(disk, pragmas)?;
    let integrity: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if integrity != "ok" {
        return Ok(vec![0]);
    }
    if !connection.table_exists(None, "entry")? {
        return Ok(Vec::new());
    }
    let mut rows = connection.prepare("SELECT id FROM entry ORDER BY id")?;
    rows.query_map([], |row| row.get(0))?.collect()
}

/// Cuts the power at operation `n` and again while recovering, and tells what went wrong. Returns
/// false when the history was over before operation `n`.
fn survives_cut_at(n: u64, seed: u64, pragmas: &str) -> Result<bool, String> {
    let disk = Disk::new(seed);
    disk.cut_power_after(Some(n));
    let mut acknowledged = 0;
    let outcome = insert_rows(&disk, pragmas, &mut acknowledged);
    if !disk.is_cut() {
        outcome.map_err(|error| format!("failed without a cut: {error}"))?;
        return Ok(false);
    }
    disk.restart();
    disk.cut_power_after(Some(n % 9));
    // Whether the recovery got through before the second cut does not matter.
    let _ = stored_rows(&disk, pragmas);
    disk.cut_power();
    disk.restart();
    let rows = stored_rows(&disk, pragmas).map_err(|error| format!("cut at {n}: {error}"))?;
    let length = rows.len() as i64;
    if rows.iter().copied().ne(1..=length) || !(acknowledged..=acknowledged + 1).contains(&length) {
        return Err(format!("cut at {n}, seed {seed}: {acknowledged} acknowledged, {rows:?} left"));
    }
    Ok(true)
}

/// Cuts at every operation in turn until the history fits.
fn survives_every_cut(pragmas: &str) -> Result<(), String> {
    for n in 1.. {
        for seed in 0..4 {
            if !survives_cut_at(n, 100 * n + seed, pragmas)? {
                assert!(n > 50, "the history was too short: {n}");
                return Ok(());
            }
        }
    }
    Ok(())
}

#[test]
fn a_wal_keeps_every_acknowledged_insert() {
    survives_every_cut(WAL).unwrap();
    survives_every_cut(WAL_WITHOUT_CHECKPOINTS).unwrap();
}

#[test]
fn a_rollback_journal_keeps_every_acknowledged_insert() {
    survives_every_cut(JOURNAL).unwrap();
}

/// The controls: a disk that forgot nothing would let these pass.
#[test]
fn too_few_syncs_are_found_out() {
    for pragmas in [WAL, WAL_WITHOUT_CHECKPOINTS, JOURNAL] {
        let unsynced = format!("{pragmas} PRAGMA synchronous = OFF;");
        survives_every_cut(&unsynced).unwrap_err();
    }
    // A WAL is not synced after every commit, and a deleted journal may come back.
    let normal = format!("{WAL} PRAGMA synchronous = NORMAL;");
    survives_every_cut(&normal).unwrap_err();
    let full = format!("{JOURNAL} PRAGMA synchronous = FULL;");
    survives_every_cut(&full).unwrap_err();
}

/// What a run leaves behind, without the bytes of a WAL that come from SQLite's own generator: the
/// salts and checksums in its header and in the header of each frame.
fn remains(seed: u64, n: u64) -> (u64, Vec<(String, Vec<u8>)>) {
    let disk = Disk::new(seed);
    disk.cut_power_after(Some(n));
    let _ = insert_rows(&disk, WAL, &mut 0);
    let mut files = disk.files();
    if let Some(wal) = files.get_mut("main.db-wal") {
        let frames = (32..wal.len()).step_by(24 + 4096).map(|frame| frame + 8..frame + 24);
        for random in std::iter::once(16..32).chain(frames) {
            let end = random.end.min(wal.len());
            wal[random.start.min(end)..end].fill(0);
        }
    }
    (disk.operations(), files.into_iter().collect())
}

#[test]
fn the_seed_decides_what_survives() {
    let runs = |seed| (20..60).map(|n| remains(seed, n)).collect::<Vec<_>>();
    assert!(runs(7) == runs(7));
    assert!(runs(7) != runs(8));
}

#[test]
fn a_failing_disk_loses_nothing_acknowledged() {
    let mut failures = 0;
    for seed in 0..40 {
        let disk = Disk::new(seed);
        let connection = open(&disk, WAL).unwrap();
        connection.execute_batch("CREATE TABLE entry (id INTEGER PRIMARY KEY)").unwrap();
        disk.fail_writes(true);
        let mut acknowledged = 0;
        for _ in 0..INSERTS {
            match connection.execute("INSERT INTO entry VALUES (?1)", [acknowledged + 1]) {
                Ok(_) => acknowledged += 1,
                Err(_) => failures += 1,
            }
        }
        disk.cut_power();
        disk.fail_writes(false);
        drop(connection);
        disk.restart();
        let rows = stored_rows(&disk, WAL).unwrap();
        assert!((acknowledged..=acknowledged + 1).contains(&(rows.len() as i64)), "seed {seed}");
    }
    assert!(failures > 0);
}

#[test]
fn a_cut_closes_everything_until_the_restart() {
    let disk = Disk::new(0);
    let connection = open(&disk, WAL).unwrap();
    connection.execute_batch("CREATE TABLE entry (id)").unwrap();
    let before = disk.operations();
    disk.cut_power();
    assert!(disk.is_cut());
    let error = connection.execute_batch("INSERT INTO entry VALUES (1)").unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::SystemIoFailure));
    assert!(open(&disk, WAL).is_err());
    assert_eq!(disk.operations(), before);
    disk.restart();
    assert!(!disk.is_cut());
    assert!(connection.execute_batch("INSERT INTO entry VALUES (1)").is_err());
    assert!(open(&disk, WAL).unwrap().table_exists(None, "entry").unwrap());
}

#[test]
fn a_database_in_use_is_locked() {
    let disk = Disk::new(0);
    let first = open(&disk, WAL).unwrap();
    first.execute_batch("CREATE TABLE entry (id)").unwrap();
    let error = open(&disk, WAL).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy));
    drop(first);
    open(&disk, WAL).unwrap();
}

#[test]
fn a_vfs_serves_one_disk_after_another() {
    let mut names = std::collections::BTreeSet::new();
    for seed in 0..1000 {
        let disk = Disk::new(seed);
        names.insert(disk.vfs_name().to_owned());
        // A connection keeps the disk when the handle is gone.
        let connection = open(&disk, JOURNAL).unwrap();
        drop(disk);
        connection.execute_batch("CREATE TABLE entry (id)").unwrap();
    }
    assert!(names.len() < 50, "{}", names.len());
}
