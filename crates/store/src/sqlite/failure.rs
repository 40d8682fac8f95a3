//! What SQLite's errors mean to whoever asked.

use rusqlite::{Error, ErrorCode};

use crate::StoreError;

/// What a failure within a transaction, before its commit, means: a broken rule stays broken, a full disk or a lock passes.
pub(super) fn writing(error: Error) -> StoreError {
    classify(error, StoreError::Rejected)
}

/// What a failed read means.
pub(super) fn reading(error: Error) -> StoreError {
    classify(error, StoreError::Unreadable)
}

/// What a failed commit means. Its frames may be in the log, complete, with only their sync failed; whoever opens the file
/// next may find them, or not.
pub(super) fn committing(error: Error) -> StoreError {
    StoreError::Unknown(error.to_string())
}

fn classify(error: Error, otherwise: fn(String) -> StoreError) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OperationInterrupted,
        ) => StoreError::Away(text),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Unreadable(text),
        Some(_) => otherwise(text),
        None if is_stored(&error) => StoreError::Unreadable(text),
        None => otherwise(text),
    }
}

/// Whether the error is about what stands in the store, and not about what was given to it.
fn is_stored(error: &Error) -> bool {
    matches!(
        error,
        Error::FromSqlConversionFailure(..) | Error::IntegralValueOutOfRange(..) | Error::InvalidColumnType(..) | Error::Utf8Error(..)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(code: i32) -> Error {
        Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)
    }

    #[test]
    fn what_passes_is_away_and_what_stays_is_rejected() {
        for code in
            [rusqlite::ffi::SQLITE_FULL, rusqlite::ffi::SQLITE_IOERR_FSYNC, rusqlite::ffi::SQLITE_BUSY, rusqlite::ffi::SQLITE_CANTOPEN]
        {
            assert!(matches!(writing(sqlite(code)), StoreError::Away(_)), "{code}");
            assert!(matches!(reading(sqlite(code)), StoreError::Away(_)), "{code}");
        }
        assert!(matches!(writing(sqlite(rusqlite::ffi::SQLITE_CONSTRAINT)), StoreError::Rejected(_)));
        assert!(matches!(writing(sqlite(rusqlite::ffi::SQLITE_ERROR)), StoreError::Rejected(_)));
        assert!(matches!(reading(sqlite(rusqlite::ffi::SQLITE_ERROR)), StoreError::Unreadable(_)));
        assert!(matches!(writing(sqlite(rusqlite::ffi::SQLITE_CORRUPT)), StoreError::Unreadable(_)));
    }
}
