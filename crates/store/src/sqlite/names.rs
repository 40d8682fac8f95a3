//! How tables are called. Names come from the code, never from a request; quoting keeps `@` and capitals as they are.

/// One of the tables that every service has.
pub(super) fn table(service: &str, name: &str) -> String {
    format!("\"{service}_{name}\"")
}

/// A service's table of rows.
pub(super) fn rows(service: &str, collection: &str) -> String {
    format!("\"{service}_row_{collection}\"")
}
