use std::fmt;

use kernel::{Field, FieldKind};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

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

impl Cell {
    /// An id as rows are found by it. No stored one is larger than the largest number of a column.
    pub fn id(id: u64) -> Self {
        Self::Integer(i64::try_from(id).unwrap_or(i64::MAX))
    }
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

/// How a row stands in its indexed columns, from its JSON object, in the order of `fields`. A field that it does not have is null there.
pub fn cells(fields: &[Field], json: &str) -> Vec<Cell> {
    let mut cells = vec![Cell::Null; fields.len()];
    // Nobody writes a row that is no object; were it one, it would be found under nothing.
    let _ = Columns { fields, cells: &mut cells }.deserialize(&mut serde_json::Deserializer::from_str(json));
    cells
}

/// Takes the indexed fields out of an object, and steps over the others without reading them in.
struct Columns<'a> {
    fields: &'a [Field],
    cells: &'a mut [Cell],
}

impl<'de> DeserializeSeed<'de> for Columns<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Columns<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(place) = object.next_key_seed(Place(self.fields))? {
            match place.and_then(|place| self.fields.get(place).zip(self.cells.get_mut(place))) {
                Some((field, found)) => *found = cell(field.kind, &object.next_value()?),
                None => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The place of the field with a name, without a copy of the name.
struct Place<'a>(&'a [Field]);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|field| field.name == name))
    }
}

/// How `value`, a field of a row's JSON, stands in its indexed column.
fn cell(kind: FieldKind, value: &serde_json::Value) -> Cell {
    match (kind, value) {
        (FieldKind::Integer, value) => value.as_i64().map_or(Cell::Null, Cell::Integer),
        (FieldKind::Text, value) => value.as_str().map_or(Cell::Null, |text| Cell::Text(text.into())),
        (FieldKind::Instant, value) => {
            value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()).map_or(Cell::Null, |at| Cell::Integer(at.as_microsecond()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] = &[Field::integer("price"), Field::text("name"), Field::instant("since")];

    #[test]
    fn the_cells_of_a_row_are_its_fields_wherever_they_stand_in_it() {
        let json = r#"{"since":"1970-01-01T00:00:01Z","other":{"price":7,"a":[1]},"n\u0061me":"pen","price":3}"#;
        assert_eq!(cells(FIELDS, json), [Cell::Integer(3), Cell::Text("pen".into()), Cell::Integer(1_000_000)]);
    }

    #[test]
    fn what_a_row_has_not_or_has_in_another_form_is_null() {
        for json in [r#"{"name":null,"price":"3"}"#, "{}", "[]", "null", "no JSON"] {
            assert_eq!(cells(FIELDS, json), [Cell::Null, Cell::Null, Cell::Null], "{json}");
        }
    }
}
