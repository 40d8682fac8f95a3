//! `/maintenances`, and the published form of what happens to a maintenance.

use kernel::{Exposed, Field, Move, Resource, Rows, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api::{MaintenanceEvent, MaintenanceId};
use super::domain::{Closure, Event, Maintenance};
use crate::room::api::RoomId;

/// A maintenance, standing or over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Maintenance)]
pub(crate) struct MaintenanceRow {
    /// Its number.
    pub(crate) id: MaintenanceId,
    /// The room.
    pub(crate) room_id: RoomId,
    /// From when on.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) from: Timestamp,
    /// Until when it was to last; open when null.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) until: Option<Timestamp>,
    /// What it is.
    pub(crate) status: MaintenanceStatus,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) ended_at: Option<Timestamp>,
}

/// What a maintenance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) enum MaintenanceStatus {
    /// It stands, or is to come.
    Started,
    /// It is over.
    Ended,
}

impl Resource for MaintenanceRow {
    const COLLECTION: &'static str = "maintenances";
    const ITEM: &'static str = "maintenance";
    const FIELDS: &'static [Field] = &[Field::integer("roomId"), Field::text("status")];

    fn id(&self) -> u64 {
        self.id.number()
    }

    fn moves(&self, _at: Timestamp) -> Vec<Move> {
        match self.status {
            MaintenanceStatus::Started => vec![Move { name: "end", method: "DELETE", path: format!("/maintenances/{}", self.id) }],
            MaintenanceStatus::Ended => Vec::new(),
        }
    }
}

impl Exposed for Maintenance {
    type Published = MaintenanceEvent;

    const COLLECTION: Option<&'static str> = Some(MaintenanceRow::COLLECTION);

    fn rows(&self, id: &MaintenanceId, event: &Event, _at: Timestamp, rows: &mut Rows) {
        match event {
            Event::Started(closure) => rows.put(&row(*id, *closure, None)),
            Event::Ended { ended_at } => {
                // The end of a maintenance that does not stand yet shows once it does.
                if let Some(closure) = self.closure {
                    rows.put(&row(*id, closure, Some(*ended_at)));
                }
            }
        }
    }

    fn publish(&self, id: &MaintenanceId, event: &Event, _at: Timestamp) -> Option<MaintenanceEvent> {
        let Closure { room, from, until } = self.closure?;
        Some(match event {
            Event::Started(_) => MaintenanceEvent::MaintStarted { id: *id, room_id: room, from, until },
            Event::Ended { .. } => MaintenanceEvent::MaintEnded { id: *id, room_id: room },
        })
    }
}

fn row(id: MaintenanceId, closure: Closure, ended_at: Option<Timestamp>) -> MaintenanceRow {
    let Closure { room, from, until } = closure;
    let status = if ended_at.is_some() { MaintenanceStatus::Ended } else { MaintenanceStatus::Started };
    MaintenanceRow { id, room_id: room, from, until, status, ended_at }
}
