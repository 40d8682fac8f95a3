//! A consistent copy of a file, made while others write to it.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::snapshot::integrity;
use super::{Options, connection, ddl, failure};
use crate::{OpenError, StoreError};

/// How many of SQLite's steps lie between two looks at how far a copy is.
const STRIDE: i32 = 20_000;

/// Told how many bytes are copied, of about how many. What it answers is whether to go on.
pub type CopyProgress = Arc<dyn Fn(u64, u64) -> bool + Send + Sync>;

/// Copies what stands in the file `from` at this instant to a new file `to`, which is then whole but not yet synced. Whoever writes to
/// `from` meanwhile is not held up, and what they write is not in the copy; until the copy ends, the log beside `from` grows by it.
///
/// # Errors
/// When `from` cannot be read or `to` not be written, and when `progress` says to stop: then what there is of `to` is left.
pub fn copy(from: &Path, to: &Path, progress: &CopyProgress) -> Result<(), StoreError> {
    let connection = connection::open(from, &Options::default(), false).map_err(failure::reading)?;
    let pages: u64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).map_err(failure::reading)?;
    let size: u64 = connection.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(failure::reading)?;
    let told = {
        let (progress, to) = (Arc::clone(progress), to.to_owned());
        move || {
            let done = std::fs::metadata(&to).map_or(0, |file| file.len());
            !progress(done.min(pages * size), pages * size)
        }
    };
    connection.progress_handler(STRIDE, Some(told)).map_err(failure::reading)?;
    let to = to.to_str().ok_or_else(|| StoreError::Rejected("the copy's path is not UTF-8".into()))?;
    connection.execute("VACUUM INTO ?1", [to]).map(drop).map_err(failure::writing)
}

/// What SQLite's quick check finds wrong with a file that nobody has open; nothing when it is whole.
///
/// # Errors
/// When it is not one of Yeyak's, or cannot be read.
pub fn quick_check(path: &Path) -> Result<Vec<String>, OpenError> {
    let unusable = |error: rusqlite::Error| OpenError::Unusable { path: path.into(), why: error.to_string() };
    let connection: Connection = connection::reader(path, &Options::default()).map_err(unusable)?;
    ddl::identify(&connection, path)?;
    integrity(&connection, "quick_check", 10).map_err(unusable)
}
