use kernel::FieldKind;

/// A value of an indexed column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Unset.
    Null,
    /// A number; an instant in microseconds since 1970.
    Integer(i64),
    /// A text.
    Text(String),
}

/// Which way a collection is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The smallest first.
    Ascending,
    /// The largest first.
    Descending,
}

/// What a reader asks of a collection. Its fields are the declared ones: the edge has checked that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Which page, from 0.
    pub page: u64,
    /// How many rows a page has, 1 to 1000.
    pub size: u64,
    /// By what it is sorted, first things first; at last always by id, in the direction of the thing before it. The unset are
    /// the smallest, and texts are in the order of their bytes.
    pub sort: Vec<(&'static str, Direction)>,
    /// What the fields must equal.
    pub filters: Vec<(&'static str, Cell)>,
}

impl Default for Query {
    fn default() -> Self {
        Self { page: 0, size: 20, sort: Vec::new(), filters: Vec::new() }
    }
}

impl Query {
    /// All rows, up to `size`, whose `field` equals `value`.
    pub fn equal(field: &'static str, value: Cell, size: u64) -> Self {
        Self { size, filters: vec![(field, value)], ..Self::default() }
    }
}

/// One page of a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The rows, each a JSON object.
    pub rows: Vec<String>,
    /// How many rows match, counted up to [`Page::COUNTED`].
    pub total: u64,
    /// Whether there are more than were counted.
    pub total_is_lower_bound: bool,
}

impl Page {
    /// Beyond this many matches nobody counts on: the total is a lower bound then.
    pub const COUNTED: u64 = 10_000;
}

/// How `value`, a field of a row's JSON, stands in its indexed column.
pub fn cell(kind: FieldKind, value: &serde_json::Value) -> Cell {
    match (kind, value) {
        (FieldKind::Integer, value) => value.as_i64().map_or(Cell::Null, Cell::Integer),
        (FieldKind::Text, value) => value.as_str().map_or(Cell::Null, |text| Cell::Text(text.into())),
        (FieldKind::Instant, value) => {
            value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()).map_or(Cell::Null, |at| Cell::Integer(at.as_microsecond()))
        }
    }
}
