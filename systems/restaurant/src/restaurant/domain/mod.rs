//! What restaurant keeps: the catalogue of venues, and the book of those who are expected. It decides neither: both follow reservation's.

pub(crate) mod entry;
pub(crate) mod venue;
