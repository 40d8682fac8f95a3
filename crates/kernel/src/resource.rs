use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

/// The type of a field by which a collection can be filtered and sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A whole number, ids among them.
    Integer,
    /// A text, dates (`2026-11-23`) among them.
    Text,
    /// An instant, RFC 3339 in JSON and microseconds since 1970 in the store.
    Instant,
}

/// A field by which a collection can be filtered and sorted; it is indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, in JSON and in queries.
    pub name: &'static str,
    /// Its type.
    pub kind: FieldKind,
    /// The field by which those that have one value of this one are mostly sorted.
    pub then: Option<&'static str>,
}

impl Field {
    /// A whole number.
    pub const fn integer(name: &'static str) -> Self {
        Self { name, kind: FieldKind::Integer, then: None }
    }

    /// A text.
    pub const fn text(name: &'static str) -> Self {
        Self { name, kind: FieldKind::Text, then: None }
    }

    /// An instant.
    pub const fn instant(name: &'static str) -> Self {
        Self { name, kind: FieldKind::Instant, then: None }
    }

    /// Those that have one value of it are mostly sorted by `field`: in its index they stand in that order, so that a page of them is found
    /// without looking at the others.
    #[must_use]
    pub const fn then(self, field: &'static str) -> Self {
        Self { then: Some(field), ..self }
    }
}

/// Something that can be done with an item now; shown as a link of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// What it is called: `cancel`, `start`, `end`.
    pub name: &'static str,
    /// The method to send.
    pub method: &'static str,
    /// Where to, from the root of its system: `/reserves/1`.
    pub path: String,
}

/// A row of a service: what `GET /{COLLECTION}/{id}` shows. Its JSON is an object.
pub trait Resource: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name of the collection, which is its path: `reserves`.
    const COLLECTION: &'static str;
    /// The name of one of them: `reserve`.
    const ITEM: &'static str;
    /// The fields by which it can be filtered and sorted, besides `id`.
    const FIELDS: &'static [Field];
    /// Fields that are its id under other names. It can be filtered and sorted by them too, and nothing has to be indexed for that.
    const SAME_AS_ID: &'static [&'static str] = &[];

    /// Its id.
    fn id(&self) -> u64;

    /// What has to be asked besides its id to be shown as it is, as a query: `date=2026-11-24`. Nothing, as a rule.
    fn asked_by(&self) -> Option<String> {
        None
    }

    /// What can be done with it at `at`.
    fn moves(&self, _at: Timestamp) -> Vec<Move> {
        Vec::new()
    }
}

/// A row put in place, whole, or taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// [`Resource::COLLECTION`].
    pub collection: &'static str,
    /// The row's id.
    pub id: u64,
    /// Its JSON object, or `None` when it goes.
    pub row: Option<String>,
}

/// The rows that an event changes, in order.
#[derive(Debug, Default)]
pub struct Rows(Vec<RowChange>);

impl Rows {
    /// Puts a row in place of what stood under its id.
    pub fn put<R: Resource>(&mut self, row: &R) {
        // A resource is a plain struct with text keys, which always has a JSON form; were it not so, the row would show as null.
        let json = serde_json::to_string(row).unwrap_or_else(|_| "null".into());
        self.0.push(RowChange { collection: R::COLLECTION, id: row.id(), row: Some(json) });
    }

    /// Takes a row away.
    pub fn delete<R: Resource>(&mut self, id: u64) {
        self.0.push(RowChange { collection: R::COLLECTION, id, row: None });
    }

    /// The changes, in order.
    pub fn into_changes(self) -> Vec<RowChange> {
        self.0
    }
}
