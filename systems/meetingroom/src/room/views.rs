//! `/rooms`, and the published form of what happens to a room.

use booking::{DaySlots, OpeningRule};
use kernel::{Exposed, Field, Resource, Rows, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api::{RoomEvent, RoomId};
use super::domain::{Event, Room, RoomDetails};
use crate::reserve::api::RoomStatus;

/// A room, as the catalogue shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Room)]
pub(crate) struct RoomRow {
    /// Its number.
    pub(crate) id: RoomId,
    /// Its name.
    pub(crate) name: Option<String>,
    /// Its floor.
    pub(crate) floor: String,
    /// How many people it holds.
    pub(crate) capacity: Option<u32>,
    /// From when on its slots can be taken.
    pub(crate) opening_rule: OpeningRule,
    /// The slots of each of its days.
    pub(crate) slots: DaySlots,
    /// What it is in the slot that is running or, between slots, in the next one of today.
    pub(crate) status: RoomStatus,
}

impl Resource for RoomRow {
    const COLLECTION: &'static str = "rooms";
    const ITEM: &'static str = "room";
    const FIELDS: &'static [Field] = &[Field::text("floor"), Field::text("status"), Field::text("name")];

    fn id(&self) -> u64 {
        self.id.number()
    }
}

impl Exposed for Room {
    type Published = RoomEvent;

    fn rows(&self, id: &RoomId, event: &Event, _at: Timestamp, rows: &mut Rows) {
        let (details, status) = match event {
            Event::Added(details) => (Some(details), self.status),
            // A room that was not added yet has no row to change; it will be added with the status it has then.
            Event::StatusFollowed { status } => (self.details.as_ref(), *status),
        };
        if let Some(details) = details {
            let RoomDetails { name, floor, capacity, opening_rule, slots } = details.clone();
            rows.put(&RoomRow { id: *id, name, floor, capacity, opening_rule, slots, status });
        }
    }

    fn publish(&self, id: &RoomId, event: &Event, _at: Timestamp) -> Option<RoomEvent> {
        match event {
            Event::Added(RoomDetails { name, floor, .. }) => {
                Some(RoomEvent::Added { id: *id, status: self.status, floor: floor.clone(), name: name.clone() })
            }
            Event::StatusFollowed { .. } => None,
        }
    }
}
