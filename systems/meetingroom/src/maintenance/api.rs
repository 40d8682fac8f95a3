//! What others may know of maintenance.

use kernel::{Id, Published, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::room::api::RoomId;

/// What the ids of maintenances count.
pub enum MaintenanceKind {}

/// The number of a maintenance.
pub type MaintenanceId = Id<MaintenanceKind>;

/// What maintenance publishes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "eventType")]
pub enum MaintenanceEvent {
    /// A room is, or will be, closed.
    #[serde(rename_all = "camelCase")]
    MaintStarted {
        /// The maintenance.
        id: MaintenanceId,
        /// The room.
        room_id: RoomId,
        /// From when on.
        #[schema(value_type = String, format = DateTime)]
        from: Timestamp,
        /// Until when; open when null.
        #[schema(value_type = Option<String>, format = DateTime)]
        until: Option<Timestamp>,
    },
    /// A maintenance is over, or was called off.
    #[serde(rename_all = "camelCase")]
    MaintEnded {
        /// The maintenance.
        id: MaintenanceId,
        /// The room.
        room_id: RoomId,
    },
}

impl Published for MaintenanceEvent {
    const SERVICE: &'static str = "maintenance";
}
