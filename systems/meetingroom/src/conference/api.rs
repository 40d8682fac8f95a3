//! What others may know of conference.

use kernel::{Id, Published, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::reserve::api::{ReserveId, UserId};
use crate::room::api::RoomId;

/// What the ids of meetings count.
pub enum ConferenceKind {}

/// The number of a meeting.
pub type ConferenceId = Id<ConferenceKind>;

/// What conference publishes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "eventType")]
pub enum ConferenceEvent {
    /// A meeting is held.
    #[serde(rename_all = "camelCase")]
    Started {
        /// The meeting.
        id: ConferenceId,
        /// Its room.
        room_id: RoomId,
        /// Who holds it.
        user_id: UserId,
        /// The reservation.
        reserve_id: ReserveId,
        /// Since when.
        #[schema(value_type = String, format = DateTime)]
        started_at: Timestamp,
    },
    /// A meeting is over.
    #[serde(rename_all = "camelCase")]
    Ended {
        /// The meeting.
        id: ConferenceId,
        /// Its room.
        room_id: RoomId,
        /// Who held it.
        user_id: UserId,
        /// The reservation.
        reserve_id: ReserveId,
        /// When it ended.
        #[schema(value_type = String, format = DateTime)]
        ended_at: Timestamp,
    },
}

impl Published for ConferenceEvent {
    const SERVICE: &'static str = "conference";
}
