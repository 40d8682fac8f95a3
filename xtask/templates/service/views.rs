//! `/{{collection}}`, and the published form of what happens to a {{service}}.

use kernel::{Exposed, Field, Resource, Rows, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api::{{{Service}}Event, {{Service}}Id};
use super::domain::{Event, {{Service}}};

/// A {{service}}, as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = {{Service}})]
pub(crate) struct {{Service}}Row {
    /// Its number.
    pub(crate) id: {{Service}}Id,
    /// What it is called.
    pub(crate) name: String,
}

impl Resource for {{Service}}Row {
    const COLLECTION: &'static str = "{{collection}}";
    const ITEM: &'static str = "{{item}}";
    const FIELDS: &'static [Field] = &[Field::text("name")];

    fn id(&self) -> u64 {
        self.id.number()
    }
}

impl Exposed for {{Service}} {
    type Published = {{Service}}Event;

    fn rows(&self, id: &{{Service}}Id, event: &Event, _at: Timestamp, rows: &mut Rows) {
        match event {
            Event::Added { name } => rows.put(&{{Service}}Row { id: *id, name: name.clone() }),
            Event::Removed => rows.delete::<{{Service}}Row>(id.number()),
        }
    }

    fn publish(&self, id: &{{Service}}Id, event: &Event, _at: Timestamp) -> Option<{{Service}}Event> {
        Some(match event {
            Event::Added { name } => {{Service}}Event::{{Service}}Added { id: *id, name: name.clone() },
            Event::Removed => {{Service}}Event::{{Service}}Removed { id: *id },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_shows_in_its_row_and_is_published() {
        let (id, at) = ({{Service}}Id::new(1), Timestamp::UNIX_EPOCH);
        let check = |event: &Event, stands: bool| {
            let mut rows = Rows::default();
            {{Service}}::default().rows(&id, event, at, &mut rows);
            let changes = rows.into_changes();
            assert_eq!(changes.len(), 1);
            assert_eq!((changes[0].id, changes[0].row.is_some()), (1, stands));
            assert!({{Service}}::default().publish(&id, event, at).is_some());
        };
        check(&Event::Added { name: "one".into() }, true);
        check(&Event::Removed, false);
    }
}
