//! Says of each B-tree of a database file what stands in it, as a hash: two copies of a file show by it which tables and indexes were written
//! between them. The file is brought up to its log first, so it should be a copy.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use clap::Parser;
use rusqlite::Connection;

/// Prints the hash of each B-tree of a database as JSON
#[derive(Parser)]
struct Arguments {
    /// The database, which is changed
    copy: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { copy } = Arguments::parse();
    let connection = Connection::open(&copy)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let size: usize = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let mut statement = connection.prepare("SELECT name, pageno FROM dbstat ORDER BY name, path")?;
    let pages = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?)))?;

    let file = File::open(&copy)?;
    let mut trees = BTreeMap::<String, DefaultHasher>::new();
    let mut content = vec![0; size];
    for page in pages {
        let (tree, number) = page?;
        file.read_exact_at(&mut content, (number - 1) * size as u64)?;
        content.hash(trees.entry(tree).or_default());
    }
    let hashes: BTreeMap<_, _> = trees.into_iter().map(|(tree, hasher)| (tree, format!("{:016x}", hasher.finish()))).collect();
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&hashes)?)?;
    Ok(())
}
