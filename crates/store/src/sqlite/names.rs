//! How tables are called. Names come from the code, never from a request; quoting keeps `@` and capitals as they are.

use crate::RecordKind;

/// The column that holds a row's JSON. Fields are named as in JSON, so one may be called `json` or `body`, but none this.
pub(super) const JSON: &str = "\"@json\"";

/// The column that holds the number of the batch which changed a row last, in tables that are followed.
pub(super) const CHANGED: &str = "\"@changed\"";

/// What an index is over that is over this column. No field is called so.
pub(super) const OF_CHANGES: &str = "@changed";

/// What the counter of a shard's feed is called, with the shard behind it; it stands among those of collections. No collection is called so.
pub(super) const HEAD: &str = "@feed/";

/// What stands in the place of the row that an event is about when that is its root: the index of rows leaves it out.
pub(super) const OWN_ROW: &str = "";

/// One of the tables that every service has.
pub(super) fn table(service: &str, name: &str) -> String {
    format!("\"{service}_{name}\"")
}

/// A service's table of rows.
pub(super) fn rows(service: &str, collection: &str) -> String {
    format!("\"{service}_row_{collection}\"")
}

/// The index over one field of a service's table of rows, or over its changes. The point keeps `a_b` and `c` apart from `a` and `b_c`.
pub(super) fn index(service: &str, collection: &str, over: &str) -> String {
    format!("\"{service}_row_{collection}.{over}\"")
}

/// How a kind of record is stored.
pub(super) fn record_kind(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Answer => "answer",
        RecordKind::Call => "call",
    }
}
