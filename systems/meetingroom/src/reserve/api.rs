//! What others may know of reserve.

use std::fmt;
use std::str::FromStr;

use booking::{DaySlots, OpeningRule, TimeOfDay, Zone};
use jiff::civil::Date;
use kernel::{Call, Id, Published, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::conference::api::ConferenceId;
use crate::maintenance::api::MaintenanceId;
use crate::room::api::RoomId;

/// What reservation ids count.
pub enum ReserveKind {}

/// The number of a reservation.
pub type ReserveId = Id<ReserveKind>;

/// Who reserves: the id under which the installation knows a person. It is no name, and may stand in logs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(into = "String", try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 64)]
pub struct UserId(Box<str>);

/// A text is no user id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a userId has 1 to 64 characters")]
pub struct NotAUserId;

/// What a room's calendar is kept by. It is agreed when the room is added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    /// The zone of the room's civil times.
    pub zone: Zone,
    /// The slots of each day.
    pub slots: DaySlots,
    /// From when on a slot can be taken.
    pub opening_rule: OpeningRule,
    /// How long a slot is kept for someone who has not started, in minutes from its start or, if that is later, from when
    /// it was reserved; 0 keeps it to its end.
    pub grace_minutes: u16,
    /// How long before its slot a meeting can be started, in minutes.
    pub early_minutes: u16,
}

impl Rules {
    /// The rules of a room for which nothing else was said (required.md: 08:00–09:50 and so on, same-day, 15 and 10 minutes).
    pub fn usual(zone: Zone) -> Self {
        Self { zone, slots: DaySlots::default(), opening_rule: OpeningRule::default(), grace_minutes: 15, early_minutes: 10 }
    }
}

/// What a room is, as far as its calendar knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum RoomStatus {
    /// Nobody has it.
    #[default]
    Available,
    /// Someone has reserved it and not started yet.
    Reserved,
    /// A meeting is held in it.
    Started,
    /// It is closed.
    Maintenance,
}

impl RoomStatus {
    /// Its name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Available => "Available",
            Self::Reserved => "Reserved",
            Self::Started => "Started",
            Self::Maintenance => "Maintenance",
        }
    }
}

/// What a reservation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum ReserveStatus {
    /// It stands; the meeting has not started.
    Reserved,
    /// The meeting is held.
    Started,
    /// The meeting was held.
    Ended,
    /// It was taken back.
    Canceled,
    /// Nobody came in time.
    Expired,
}

/// Who has a room: in the slot that is running or, between slots, in the next one of the day (required.md: room's `status`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Occupancy {
    /// What the room is.
    pub status: RoomStatus,
    /// The reservation that is shown, when it is Reserved or Started.
    pub reserve_id: Option<ReserveId>,
    /// Whose it is.
    pub user_id: Option<UserId>,
}

/// What reserve publishes. Each event says how its room is occupied after it, so that followers need nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "eventType")]
pub enum ReserveEvent {
    /// A room can be reserved from now on.
    #[serde(rename_all = "camelCase")]
    CalendarOpened {
        /// The room.
        room_id: RoomId,
        /// Its name, if it has one.
        name: Option<String>,
        /// Its floor.
        floor: String,
        /// The zone of its civil times.
        zone: Zone,
        /// The slots of each of its days.
        slots: DaySlots,
        /// From when on a slot can be taken.
        opening_rule: OpeningRule,
        /// How the room is occupied.
        occupancy: Occupancy,
    },
    /// The room could not be added after all; nothing stands in its calendar any more.
    #[serde(rename_all = "camelCase")]
    CalendarClosed {
        /// The room.
        room_id: RoomId,
        /// How the room is occupied.
        occupancy: Occupancy,
    },
    /// Someone reserved a slot.
    #[serde(rename_all = "camelCase")]
    Reserved {
        /// The reservation.
        id: ReserveId,
        /// Whose it is.
        user_id: UserId,
        /// The room.
        room_id: RoomId,
        /// Reserved.
        status: ReserveStatus,
        /// The date of the slot, in the room's zone.
        #[schema(value_type = String, format = Date)]
        date: Date,
        /// When the slot begins.
        start_time: TimeOfDay,
        /// When the slot ends.
        end_time: TimeOfDay,
        /// The slot's first instant.
        #[schema(value_type = String, format = DateTime)]
        starts_at: Timestamp,
        /// The first instant after the slot.
        #[schema(value_type = String, format = DateTime)]
        ends_at: Timestamp,
        /// How the room is occupied.
        occupancy: Occupancy,
    },
    /// The one who starts the meeting was found to be the reserver, and the meeting started.
    #[serde(rename_all = "camelCase")]
    UserChecked {
        /// The reservation.
        id: ReserveId,
        /// The room.
        room_id: RoomId,
        /// The meeting.
        conference_id: ConferenceId,
        /// How the room is occupied.
        occupancy: Occupancy,
    },
    /// The meeting did not start after all; the reservation stands as before.
    #[serde(rename_all = "camelCase")]
    UserCheckWithdrawn {
        /// The reservation.
        id: ReserveId,
        /// The room.
        room_id: RoomId,
        /// The meeting that did not start.
        conference_id: ConferenceId,
        /// How the room is occupied.
        occupancy: Occupancy,
    },
    /// A reservation was taken back.
    #[serde(rename_all = "camelCase")]
    Canceled {
        /// The reservation.
        id: ReserveId,
        /// The room.
        room_id: RoomId,
        /// How the room is occupied.
        occupancy: Occupancy,
    },
    /// A meeting ended, by itself or because its slot did.
    #[serde(rename_all = "camelCase")]
    Ended {
        /// The reservation.
        id: ReserveId,
        /// The room.
        room_id: RoomId,
        /// The meeting.
        conference_id: ConferenceId,
        /// How the room is occupied.
        occupancy: Occupancy,
    },
    /// Nobody started in time.
    #[serde(rename_all = "camelCase")]
    Expired {
        /// The reservation.
        id: ReserveId,
        /// The room.
        room_id: RoomId,
        /// How the room is occupied.
        occupancy: Occupancy,
    },
    /// A time was taken for maintenance.
    #[serde(rename_all = "camelCase")]
    Blocked {
        /// The maintenance.
        maintenance_id: MaintenanceId,
        /// The room.
        room_id: RoomId,
        /// From when on.
        #[schema(value_type = String, format = DateTime)]
        from: Timestamp,
        /// Until when; open when null.
        #[schema(value_type = Option<String>, format = DateTime)]
        until: Option<Timestamp>,
        /// How the room is occupied.
        occupancy: Occupancy,
    },
    /// A maintenance ended, or was called off.
    #[serde(rename_all = "camelCase")]
    Unblocked {
        /// The maintenance.
        maintenance_id: MaintenanceId,
        /// The room.
        room_id: RoomId,
        /// How the room is occupied.
        occupancy: Occupancy,
    },
    /// Nothing was done, but time passed: another slot is the one that is shown, or a maintenance begins.
    #[serde(rename_all = "camelCase")]
    Turned {
        /// The room.
        room_id: RoomId,
        /// How the room is occupied.
        occupancy: Occupancy,
    },
}

impl Published for ReserveEvent {
    const SERVICE: &'static str = "reserve";
}

impl ReserveEvent {
    /// The room it is about, and how that is occupied after it.
    pub const fn room(&self) -> (RoomId, &Occupancy) {
        match self {
            Self::CalendarOpened { room_id, occupancy, .. }
            | Self::CalendarClosed { room_id, occupancy }
            | Self::Reserved { room_id, occupancy, .. }
            | Self::UserChecked { room_id, occupancy, .. }
            | Self::UserCheckWithdrawn { room_id, occupancy, .. }
            | Self::Canceled { room_id, occupancy, .. }
            | Self::Ended { room_id, occupancy, .. }
            | Self::Expired { room_id, occupancy, .. }
            | Self::Blocked { room_id, occupancy, .. }
            | Self::Unblocked { room_id, occupancy, .. }
            | Self::Turned { room_id, occupancy } => (*room_id, occupancy),
        }
    }
}

/// A room is being added: open its calendar, so that it can be reserved as soon as the answer is out. Asked by room.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenCalendar {
    /// The room.
    pub room_id: RoomId,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its floor.
    pub floor: String,
    /// What its calendar is kept by.
    pub rules: Rules,
}

impl Call for OpenCalendar {
    const SERVICE: &'static str = "reserve";
    const NAME: &'static str = "open-calendar";
    type Reply = ();
}

/// Someone wants to start a meeting: check that the reservation is theirs, and start it in the same decision
/// (seed: "only the one who reserved may start"). Asked by conference.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckUser {
    /// The room.
    pub room_id: RoomId,
    /// The reservation.
    pub reserve_id: ReserveId,
    /// Who wants to start.
    pub user_id: UserId,
    /// The meeting that starts.
    pub conference_id: ConferenceId,
}

/// The meeting started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserChecked {
    /// Since when.
    pub started_at: Timestamp,
}

impl Call for CheckUser {
    const SERVICE: &'static str = "reserve";
    const NAME: &'static str = "check-user";
    type Reply = UserChecked;
}

/// A room is to be closed: take the time out of its calendar, if nobody has it (seed: "maintenance only of rooms without
/// a reservation"). Asked by maintenance.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockRoom {
    /// The room.
    pub room_id: RoomId,
    /// The maintenance.
    pub maintenance_id: MaintenanceId,
    /// From when on; now when not given, or past.
    pub from: Option<Timestamp>,
    /// Until when; open when not given.
    pub until: Option<Timestamp>,
}

/// The time was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomBlocked {
    /// From when on.
    pub from: Timestamp,
    /// Until when; open when null.
    pub until: Option<Timestamp>,
}

impl Call for BlockRoom {
    const SERVICE: &'static str = "reserve";
    const NAME: &'static str = "block-room";
    type Reply = RoomBlocked;
}

impl FromStr for UserId {
    type Err = NotAUserId;

    fn from_str(text: &str) -> Result<Self, NotAUserId> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for UserId {
    type Error = NotAUserId;

    fn try_from(text: String) -> Result<Self, NotAUserId> {
        if (1..=64).contains(&text.chars().take(65).count()) { Ok(Self(text.into())) } else { Err(NotAUserId) }
    }
}

impl From<UserId> for String {
    fn from(user: UserId) -> Self {
        user.0.into()
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
