use std::path::PathBuf;

/// Why a store could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The deciding closure gave up; nothing was written.
    #[error("the transaction was given up: {0}")]
    Aborted(String),
    /// What was to be written breaks a constraint, or deciding it panicked; nothing was written, and trying again brings the
    /// same.
    #[error("the store refused the write: {0}")]
    Rejected(String),
    /// The store cannot be reached or cannot write now; nothing was written.
    #[error("the store is away: {0}")]
    Away(String),
    /// As many reads as may wait do so already; this one was not begun.
    #[error("too many reads wait")]
    Busy,
    /// The store went away in the middle of a commit: the transaction stands or does not.
    #[error("the store went away in the middle of a commit: {0}")]
    Unknown(String),
    /// What was asked for would take too long to find: it was given up after a fixed number of steps, and asking again brings the
    /// same.
    #[error("the read was given up: {0}")]
    TooCostly(String),
    /// What stands in the store cannot be read. This is a fault of the store or of Yeyak.
    #[error("the store holds what cannot be read: {0}")]
    Unreadable(String),
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It was written by a newer release of Yeyak.
    #[error("{path} was written by a newer release of Yeyak (format {found}; this one reads up to {known})")]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format it has.
        found: i64,
        /// The newest format that this release knows.
        known: i64,
    },
    /// It is not one of Yeyak's.
    #[error("{path} is not a Yeyak database")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("{path} cannot be opened: {why}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
}
