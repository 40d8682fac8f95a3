use kernel::Field;

/// The tables that a system's services need.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// The services, in the order in which they are declared.
    pub services: Vec<ServiceSchema>,
}

/// The tables of one service.
#[derive(Clone, Debug)]
pub struct ServiceSchema {
    /// Its name, the first part of its tables' names.
    pub name: &'static str,
    /// The kinds of aggregate it has.
    pub aggregates: Vec<&'static str>,
    /// The tables of its rows: own resources under their collection's name, views under `{collection}@{version}`.
    pub tables: Vec<TableSchema>,
}

/// A table of rows.
#[derive(Clone, Debug)]
pub struct TableSchema {
    /// Its name in the service.
    pub name: String,
    /// Its indexed columns.
    pub fields: &'static [Field],
    /// The kind of aggregate that its rows are, each with its root's key for an id: a row's history is its root's.
    pub roots: Option<&'static str>,
    /// Whether it can be told which of its rows changed, in what order: see [`Store::changes`](crate::Store::changes). Costs an index.
    pub followed: bool,
}

/// The name of the table, and of the consumer, that builds a view's version anew beside the one that is served.
pub fn beside(table: &str) -> String {
    format!("{table}~")
}
