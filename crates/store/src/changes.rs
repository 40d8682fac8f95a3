/// Where a change stands among all changes of a table: the number of its transaction, which grows, and the row's id within that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The transaction's number.
    pub batch: u64,
    /// The row's id.
    pub id: u64,
}

/// The last change of a row: what was between is not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it stands; the id there is the row's.
    pub place: Place,
    /// The row as it is now, a JSON object; none when it was taken away, or does not match what was asked for.
    pub row: Option<String>,
}

/// What changed in a table, as it stands at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// The number of the last transaction there was: no place lies behind it.
    pub last: u64,
    /// Up to this transaction, rows that were taken away may be forgotten.
    pub forgotten: Option<u64>,
    /// The line in which these places have a meaning: another one after a restore, and in another store.
    pub line: String,
}
