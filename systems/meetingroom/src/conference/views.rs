//! `/conferences`, and the published form of what happens to a meeting.

use kernel::{Exposed, Field, Move, Resource, Rows, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api::{ConferenceEvent, ConferenceId};
use super::domain::{Conference, Event, Meeting};
use crate::reserve::api::{ReserveId, UserId};
use crate::room::api::RoomId;

/// A meeting, held or over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Conference)]
pub(crate) struct ConferenceRow {
    /// Its number.
    pub(crate) id: ConferenceId,
    /// Its room.
    pub(crate) room_id: RoomId,
    /// Who holds it.
    pub(crate) user_id: UserId,
    /// The reservation.
    pub(crate) reserve_id: ReserveId,
    /// What it is.
    pub(crate) status: ConferenceStatus,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) started_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) ended_at: Option<Timestamp>,
}

/// What a meeting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) enum ConferenceStatus {
    /// It is held.
    Started,
    /// It is over.
    Ended,
}

impl Resource for ConferenceRow {
    const COLLECTION: &'static str = "conferences";
    const ITEM: &'static str = "conference";
    const FIELDS: &'static [Field] = &[Field::integer("roomId"), Field::text("userId"), Field::integer("reserveId"), Field::text("status")];

    fn id(&self) -> u64 {
        self.id.number()
    }

    fn moves(&self, _at: Timestamp) -> Vec<Move> {
        match self.status {
            ConferenceStatus::Started => vec![Move { name: "end", method: "DELETE", path: format!("/conferences/{}", self.id) }],
            ConferenceStatus::Ended => Vec::new(),
        }
    }
}

impl Exposed for Conference {
    type Published = ConferenceEvent;

    const COLLECTION: Option<&'static str> = Some(ConferenceRow::COLLECTION);

    fn rows(&self, id: &ConferenceId, event: &Event, _at: Timestamp, rows: &mut Rows) {
        match event {
            Event::Started(meeting) => rows.put(&row(*id, meeting, None)),
            Event::Ended { ended_at } => {
                // The end of a meeting that does not stand yet shows once it does.
                if let Some(meeting) = &self.meeting {
                    rows.put(&row(*id, meeting, Some(*ended_at)));
                }
            }
        }
    }

    fn publish(&self, id: &ConferenceId, event: &Event, _at: Timestamp) -> Option<ConferenceEvent> {
        let Meeting { room, user, reservation, started_at } = self.meeting.clone()?;
        let (id, room_id, user_id, reserve_id) = (*id, room, user, reservation);
        Some(match event {
            Event::Started(_) => ConferenceEvent::Started { id, room_id, user_id, reserve_id, started_at },
            Event::Ended { ended_at } => ConferenceEvent::Ended { id, room_id, user_id, reserve_id, ended_at: *ended_at },
        })
    }
}

fn row(id: ConferenceId, meeting: &Meeting, ended_at: Option<Timestamp>) -> ConferenceRow {
    let Meeting { room, user, reservation, started_at } = meeting.clone();
    let status = if ended_at.is_some() { ConferenceStatus::Ended } else { ConferenceStatus::Started };
    ConferenceRow { id, room_id: room, user_id: user, reserve_id: reservation, status, started_at, ended_at }
}
