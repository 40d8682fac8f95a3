//! `/reserves`, and the published form of what happens to a calendar.

use booking::{Slot, TimeOfDay};
use jiff::civil::Date;
use kernel::{Exposed, Field, Move, Period, Resource, Rows, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api::{ReserveEvent, ReserveId, ReserveStatus, UserId};
use super::domain::{Calendar, Event, Reservation};
use crate::conference::api::ConferenceId;
use crate::room::api::RoomId;

/// A reservation, through all its states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Reserve)]
pub(crate) struct ReserveRow {
    /// Its number.
    pub(crate) id: ReserveId,
    /// Whose it is.
    pub(crate) user_id: UserId,
    /// The room.
    pub(crate) room_id: RoomId,
    /// The date of its slot, in the room's zone.
    #[schema(value_type = String, format = Date)]
    pub(crate) date: Date,
    /// When the slot begins.
    pub(crate) start_time: TimeOfDay,
    /// When the slot ends.
    pub(crate) end_time: TimeOfDay,
    /// What it is.
    pub(crate) status: ReserveStatus,
    /// The slot's first instant.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) starts_at: Timestamp,
    /// The first instant after the slot.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) ends_at: Timestamp,
    /// From when on its meeting can be started.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) startable_from: Timestamp,
    /// The meeting, once it was started.
    pub(crate) conference_id: Option<ConferenceId>,
}

impl Resource for ReserveRow {
    const COLLECTION: &'static str = "reserves";
    const ITEM: &'static str = "reserve";
    // Whoever asks for one person's reservations wants the last ones.
    const FIELDS: &'static [Field] =
        &[Field::text("userId").then("date"), Field::integer("roomId"), Field::text("status"), Field::text("date")];

    fn id(&self) -> u64 {
        self.id.number()
    }

    fn moves(&self, at: Timestamp) -> Vec<Move> {
        if self.status != ReserveStatus::Reserved {
            return Vec::new();
        }
        let cancel = Move { name: "cancel", method: "DELETE", path: format!("/reserves/{}", self.id) };
        let start = Move { name: "start", method: "POST", path: "/conferences".into() };
        if self.startable_from <= at && at < self.ends_at { vec![cancel, start] } else { vec![cancel] }
    }
}

impl Exposed for Calendar {
    type Published = ReserveEvent;

    fn rows(&self, room: &RoomId, event: &Event, at: Timestamp, rows: &mut Rows) {
        let mut changed = |id: ReserveId, status, conference: Option<ConferenceId>| {
            if let Some(reservation) = self.reservation(id) {
                rows.put(&self.row(*room, id, reservation, status, conference));
            }
        };
        match event {
            Event::Reserved { id, user, date, slot, period, leads_from } => {
                let (user, leads_from) = (user.clone(), *leads_from);
                let made = Reservation { user, date: *date, slot: *slot, period: *period, leads_from, grace_from: at, meeting: None };
                rows.put(&self.row(*room, *id, &made, ReserveStatus::Reserved, None));
            }
            Event::Started { id, conference } => changed(*id, ReserveStatus::Started, Some(*conference)),
            Event::StartWithdrawn { id, .. } => changed(*id, ReserveStatus::Reserved, None),
            Event::Canceled { id } => changed(*id, ReserveStatus::Canceled, None),
            Event::Ended { id, conference, .. } => changed(*id, ReserveStatus::Ended, Some(*conference)),
            Event::Expired { id } => changed(*id, ReserveStatus::Expired, None),
            Event::NeverHeld { id } => {
                if let Some(reservation) = self.unsettled(*id) {
                    rows.put(&self.row(*room, *id, reservation, ReserveStatus::Expired, None));
                }
            }
            Event::Settled { .. }
            | Event::Opened { .. }
            | Event::Closed
            | Event::Blocked { .. }
            | Event::Unblocked { .. }
            | Event::Turned => {}
        }
    }

    fn publish(&self, room: &RoomId, event: &Event, _at: Timestamp) -> Option<ReserveEvent> {
        let (room_id, occupancy) = (*room, self.announced().clone());
        Some(match event {
            Event::Opened { name, floor, rules } => ReserveEvent::CalendarOpened {
                room_id,
                name: name.clone(),
                floor: floor.clone(),
                zone: rules.zone.clone(),
                slots: rules.slots.clone(),
                opening_rule: rules.opening_rule,
                occupancy,
            },
            Event::Closed => ReserveEvent::CalendarClosed { room_id, occupancy },
            Event::Reserved { id, user, date, slot, period, .. } => ReserveEvent::Reserved {
                id: *id,
                user_id: user.clone(),
                room_id,
                status: ReserveStatus::Reserved,
                date: *date,
                start_time: slot.start(),
                end_time: slot.end(),
                starts_at: period.start(),
                ends_at: ends_at(*period),
                occupancy,
            },
            Event::Started { id, conference } => ReserveEvent::UserChecked { id: *id, room_id, conference_id: *conference, occupancy },
            Event::StartWithdrawn { id, conference } => {
                ReserveEvent::UserCheckWithdrawn { id: *id, room_id, conference_id: *conference, occupancy }
            }
            Event::Canceled { id } => ReserveEvent::Canceled { id: *id, room_id, occupancy },
            Event::Ended { id, conference, .. } => ReserveEvent::Ended { id: *id, room_id, conference_id: *conference, occupancy },
            Event::Expired { id } | Event::NeverHeld { id } => ReserveEvent::Expired { id: *id, room_id, occupancy },
            Event::Settled { .. } => return None,
            Event::Blocked { maintenance, period } => {
                let (from, until) = (period.start(), period.end());
                ReserveEvent::Blocked { maintenance_id: *maintenance, room_id, from, until, occupancy }
            }
            Event::Unblocked { maintenance } => ReserveEvent::Unblocked { maintenance_id: *maintenance, room_id, occupancy },
            Event::Turned => ReserveEvent::Turned { room_id, occupancy },
        })
    }
}

impl Calendar {
    fn row(
        &self,
        room_id: RoomId,
        id: ReserveId,
        reservation: &Reservation,
        status: ReserveStatus,
        conference_id: Option<ConferenceId>,
    ) -> ReserveRow {
        let Reservation { user, date, slot, period, .. } = reservation;
        let (start_time, end_time) = times(*slot);
        ReserveRow {
            id,
            user_id: user.clone(),
            room_id,
            date: *date,
            start_time,
            end_time,
            status,
            starts_at: period.start(),
            ends_at: ends_at(*period),
            startable_from: self.startable_from(*period),
            conference_id,
        }
    }
}

const fn times(slot: Slot) -> (TimeOfDay, TimeOfDay) {
    (slot.start(), slot.end())
}

/// The end of a reservation's period, which always has one.
fn ends_at(period: Period) -> Timestamp {
    period.end().unwrap_or(Timestamp::MAX)
}
