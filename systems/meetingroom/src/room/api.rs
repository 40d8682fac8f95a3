//! What others may know of room.

use kernel::{Id, Published};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::reserve::api::RoomStatus;

/// What room ids count.
pub enum RoomKind {}

/// The number of a room.
pub type RoomId = Id<RoomKind>;

/// What room publishes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "eventType")]
pub enum RoomEvent {
    /// A room stands in the catalogue.
    #[serde(rename_all = "camelCase")]
    Added {
        /// The room.
        id: RoomId,
        /// What it is now.
        status: RoomStatus,
        /// Its floor.
        floor: String,
        /// Its name, if it has one.
        name: Option<String>,
    },
}

impl Published for RoomEvent {
    const SERVICE: &'static str = "room";
}
