//! `/roomTables`: each room now. `/roomSlots`: each room and slot of a day, put together from three kinds of rows: the slots
//! that every day has, what is reserved, and what is closed.

use booking::{OpeningRule, Slot, TimeOfDay, Zone};
use jiff::civil::Date;
use kernel::{Field, Move, Period, Projection, Resource, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::maintenance::api::MaintenanceId;
use crate::reserve::api::{Occupancy, ReserveEvent, ReserveId, RoomStatus, UserId};
use crate::room::api::RoomId;

/// A room as it is now: in the slot that is running or, between slots, in the next one of today.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RoomTable)]
pub(crate) struct RoomTableRow {
    /// The room's number.
    pub(crate) id: RoomId,
    /// The same.
    pub(crate) room_id: RoomId,
    /// Its floor.
    pub(crate) floor: String,
    /// Its name.
    pub(crate) name: Option<String>,
    /// The reservation that it has now.
    pub(crate) reserve_id: Option<ReserveId>,
    /// Whose that is.
    pub(crate) user_id: Option<UserId>,
    /// What the room is.
    pub(crate) status: RoomStatus,
}

/// A slot that each day of a room has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RoomSlotTemplate)]
pub(crate) struct RoomSlotRow {
    /// A hundred times the room's number, and the slot's place in the day from 1 on.
    pub(crate) id: u64,
    /// The room.
    pub(crate) room_id: RoomId,
    /// Its floor.
    pub(crate) floor: String,
    /// When the slot begins.
    pub(crate) start_time: TimeOfDay,
    /// When it ends.
    pub(crate) end_time: TimeOfDay,
    /// The zone of these times.
    pub(crate) zone: Zone,
    /// From when on the room's slots can be reserved.
    pub(crate) opening_rule: OpeningRule,
}

/// A slot of a room on a date, as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RoomSlot)]
pub(crate) struct ShownSlot {
    /// A hundred times the room's number, and the slot's place in the day from 1 on.
    pub(crate) id: u64,
    /// The room.
    pub(crate) room_id: RoomId,
    /// Its floor.
    pub(crate) floor: String,
    /// The date.
    #[schema(value_type = String, format = Date)]
    pub(crate) date: Date,
    /// When the slot begins.
    pub(crate) start_time: TimeOfDay,
    /// When it ends.
    pub(crate) end_time: TimeOfDay,
    /// Its first instant.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) starts_at: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) ends_at: Timestamp,
    /// From when on it can be reserved, by whoever comes first.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) opens_at: Timestamp,
    /// What the room is in it.
    pub(crate) status: RoomStatus,
    /// The reservation that has it.
    pub(crate) reserve_id: Option<ReserveId>,
    /// Whose that is.
    pub(crate) user_id: Option<UserId>,
}

/// A reservation. One that is over stays, found by no day any more, so that who follows its room's slots hears of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SlotBooking)]
pub(crate) struct SlotBookingRow {
    /// The reservation.
    pub(crate) id: ReserveId,
    /// The room.
    pub(crate) room_id: RoomId,
    /// The date of its slot.
    #[schema(value_type = String, format = Date)]
    pub(crate) date: Date,
    /// Room and date in one, `3/2026-11-23`, by which the bookings of a room's day are found; null once it is over.
    pub(crate) room_day: Option<String>,
    /// The slot's first instant.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) starts_at: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) ends_at: Timestamp,
    /// Whose it is.
    pub(crate) user_id: UserId,
    /// Reserved or Started, and what it was at last once it is over.
    pub(crate) status: RoomStatus,
}

/// A maintenance. One that is over stays, found by no room any more, as a [`SlotBookingRow`] does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RoomBlock)]
pub(crate) struct RoomBlockRow {
    /// The maintenance.
    pub(crate) id: MaintenanceId,
    /// The room.
    pub(crate) room_id: RoomId,
    /// The same, by which what closes a room is found; null once it is over.
    pub(crate) closed_room: Option<RoomId>,
    /// From when on.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) from: Timestamp,
    /// Until when; open when null.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) until: Option<Timestamp>,
}

impl Resource for RoomTableRow {
    const COLLECTION: &'static str = "roomTables";
    const ITEM: &'static str = "roomTable";
    const FIELDS: &'static [Field] =
        &[Field::integer("roomId"), Field::text("floor"), Field::text("status"), Field::integer("reserveId"), Field::text("userId")];

    fn id(&self) -> u64 {
        self.id.number()
    }
}

impl Resource for RoomSlotRow {
    const COLLECTION: &'static str = "dailySlots";
    const ITEM: &'static str = "dailySlot";
    const FIELDS: &'static [Field] = &[Field::integer("roomId"), Field::text("floor"), Field::text("startTime")];

    fn id(&self) -> u64 {
        self.id
    }
}

/// A slot as it is shown is found where its row is; a date says which day of it is meant.
impl Resource for ShownSlot {
    const COLLECTION: &'static str = "roomSlots";
    const ITEM: &'static str = "roomSlot";
    const FIELDS: &'static [Field] = RoomSlotRow::FIELDS;

    fn id(&self) -> u64 {
        self.id
    }

    fn asked_by(&self) -> Option<String> {
        Some(format!("date={}", self.date))
    }

    fn moves(&self, at: Timestamp) -> Vec<Move> {
        let is_free = self.status == RoomStatus::Available && self.opens_at <= at && at < self.ends_at;
        is_free.then(|| Move { name: "reserve", method: "POST", path: "/reserves".into() }).into_iter().collect()
    }
}

impl Resource for SlotBookingRow {
    const COLLECTION: &'static str = "slotBookings";
    const ITEM: &'static str = "slotBooking";
    const FIELDS: &'static [Field] = &[Field::text("roomDay")];

    fn id(&self) -> u64 {
        self.id.number()
    }
}

impl Resource for RoomBlockRow {
    const COLLECTION: &'static str = "roomBlocks";
    const ITEM: &'static str = "roomBlock";
    const FIELDS: &'static [Field] = &[Field::integer("closedRoom")];

    fn id(&self) -> u64 {
        self.id.number()
    }
}

/// `/roomTables`.
pub(crate) struct RoomTables;

impl Projection for RoomTables {
    const NAME: &'static str = "room-tables";
    const VERSION: u32 = 2;
    type On = ReserveEvent;
    type Row = RoomTableRow;

    fn rows(event: &ReserveEvent) -> Vec<u64> {
        vec![event.room().0.number()]
    }

    fn fold(_id: u64, row: Option<RoomTableRow>, event: &ReserveEvent, _at: Timestamp) -> Option<RoomTableRow> {
        let (room, occupancy) = event.room();
        let row = match event {
            ReserveEvent::CalendarOpened { name, floor, .. } => {
                let (status, reserve_id, user_id) = (RoomStatus::Available, None, None);
                Some(RoomTableRow { id: room, room_id: room, floor: floor.clone(), name: name.clone(), reserve_id, user_id, status })
            }
            ReserveEvent::CalendarClosed { .. } => None,
            _ => row,
        };
        let Occupancy { status, reserve_id, user_id } = occupancy.clone();
        row.map(|row| RoomTableRow { status, reserve_id, user_id, ..row })
    }
}

/// The slots that each day of a room has.
pub(crate) struct RoomSlots;

impl RoomSlots {
    /// The row of the room's `place`-th slot, counted from 1. There are fewer than a hundred (see [`booking::MAX_SLOTS`]).
    fn row(room: RoomId, place: usize) -> u64 {
        room.number().saturating_mul(100).saturating_add(place as u64)
    }
}

impl Projection for RoomSlots {
    const NAME: &'static str = "room-slots";
    const VERSION: u32 = 3;
    type On = ReserveEvent;
    type Row = RoomSlotRow;

    fn rows(event: &ReserveEvent) -> Vec<u64> {
        match event {
            ReserveEvent::CalendarOpened { room_id, slots, .. } => {
                (1..=slots.iter().len()).map(|place| Self::row(*room_id, place)).collect()
            }
            // How many there were is not said, so all that there can be are taken out.
            ReserveEvent::CalendarClosed { room_id, .. } => (1..=booking::MAX_SLOTS).map(|place| Self::row(*room_id, place)).collect(),
            _ => Vec::new(),
        }
    }

    fn fold(id: u64, row: Option<RoomSlotRow>, event: &ReserveEvent, _at: Timestamp) -> Option<RoomSlotRow> {
        match event {
            ReserveEvent::CalendarOpened { room_id, floor, zone, slots, opening_rule, .. } => {
                let (_, slot) = (1..).zip(slots.iter()).find(|(place, _)| Self::row(*room_id, *place) == id)?;
                let (start_time, end_time, opening_rule) = (slot.start(), slot.end(), *opening_rule);
                Some(RoomSlotRow { id, room_id: *room_id, floor: floor.clone(), start_time, end_time, zone: zone.clone(), opening_rule })
            }
            ReserveEvent::CalendarClosed { .. } => None,
            _ => row,
        }
    }
}

/// What is reserved.
pub(crate) struct SlotBookings;

impl Projection for SlotBookings {
    const NAME: &'static str = "slot-bookings";
    const VERSION: u32 = 2;
    const HISTORY: bool = false;
    const FOLLOWED: bool = true;
    type On = ReserveEvent;
    type Row = SlotBookingRow;

    fn rows(event: &ReserveEvent) -> Vec<u64> {
        match event {
            ReserveEvent::Reserved { id, .. }
            | ReserveEvent::UserChecked { id, .. }
            | ReserveEvent::UserCheckWithdrawn { id, .. }
            | ReserveEvent::Canceled { id, .. }
            | ReserveEvent::Ended { id, .. }
            | ReserveEvent::Expired { id, .. } => vec![id.number()],
            ReserveEvent::CalendarOpened { .. }
            | ReserveEvent::CalendarClosed { .. }
            | ReserveEvent::Blocked { .. }
            | ReserveEvent::Unblocked { .. }
            | ReserveEvent::Turned { .. } => Vec::new(),
        }
    }

    fn fold(_id: u64, row: Option<SlotBookingRow>, event: &ReserveEvent, _at: Timestamp) -> Option<SlotBookingRow> {
        match event {
            ReserveEvent::Reserved { id, user_id, room_id, date, starts_at, ends_at, .. } => Some(SlotBookingRow {
                id: *id,
                room_id: *room_id,
                date: *date,
                room_day: Some(room_day(*room_id, *date)),
                starts_at: *starts_at,
                ends_at: *ends_at,
                user_id: user_id.clone(),
                status: RoomStatus::Reserved,
            }),
            ReserveEvent::UserChecked { .. } => row.map(|row| SlotBookingRow { status: RoomStatus::Started, ..row }),
            ReserveEvent::UserCheckWithdrawn { .. } => row.map(|row| SlotBookingRow { status: RoomStatus::Reserved, ..row }),
            ReserveEvent::Canceled { .. } | ReserveEvent::Ended { .. } | ReserveEvent::Expired { .. } => {
                row.map(|row| SlotBookingRow { room_day: None, ..row })
            }
            _ => row,
        }
    }
}

/// What is closed.
pub(crate) struct RoomBlocks;

impl Projection for RoomBlocks {
    const NAME: &'static str = "room-blocks";
    const VERSION: u32 = 2;
    const HISTORY: bool = false;
    const FOLLOWED: bool = true;
    type On = ReserveEvent;
    type Row = RoomBlockRow;

    fn rows(event: &ReserveEvent) -> Vec<u64> {
        match event {
            ReserveEvent::Blocked { maintenance_id, .. } | ReserveEvent::Unblocked { maintenance_id, .. } => vec![maintenance_id.number()],
            _ => Vec::new(),
        }
    }

    fn fold(_id: u64, row: Option<RoomBlockRow>, event: &ReserveEvent, _at: Timestamp) -> Option<RoomBlockRow> {
        match event {
            ReserveEvent::Blocked { maintenance_id, room_id, from, until, .. } => {
                Some(RoomBlockRow { id: *maintenance_id, room_id: *room_id, closed_room: Some(*room_id), from: *from, until: *until })
            }
            ReserveEvent::Unblocked { .. } => row.map(|row| RoomBlockRow { closed_room: None, ..row }),
            _ => row,
        }
    }
}

/// The value of `roomDay` for a room and a date.
pub(crate) fn room_day(room: RoomId, date: Date) -> String {
    format!("{room}/{date}")
}

/// A slot of a room on `date`, with what stands in it. `bookings` are those of that room and day, `blocks` those of the room.
/// None when clocks skip the slot on that date.
pub(crate) fn overlay(row: &RoomSlotRow, date: Date, bookings: &[SlotBookingRow], blocks: &[RoomBlockRow]) -> Option<ShownSlot> {
    let slot = Slot::new(row.start_time, row.end_time).ok()?.on(date, &row.zone)?;
    let closed = blocks.iter().any(|block| block.period().is_some_and(|period| period.overlaps(&slot.period)));
    // A slot of which a part is closed cannot be reserved, so the whole of it shows as closed.
    let booking = bookings.iter().filter(|_| !closed).find(|booking| booking.period().is_some_and(|period| period.overlaps(&slot.period)));
    Some(ShownSlot {
        id: row.id,
        room_id: row.room_id,
        floor: row.floor.clone(),
        date,
        start_time: row.start_time,
        end_time: row.end_time,
        starts_at: slot.starts_at(),
        ends_at: slot.ends_at(),
        opens_at: row.opening_rule.opens_at(&slot, &row.zone),
        status: if closed { RoomStatus::Maintenance } else { booking.map_or(RoomStatus::Available, |booking| booking.status) },
        reserve_id: booking.map(|booking| booking.id),
        user_id: booking.map(|booking| booking.user_id.clone()),
    })
}

impl RoomSlotRow {
    /// When it is on a date.
    pub(crate) fn on(&self, date: Date) -> Option<Period> {
        Some(Slot::new(self.start_time, self.end_time).ok()?.on(date, &self.zone)?.period)
    }
}

impl SlotBookingRow {
    /// The time of its slot.
    pub(crate) fn period(&self) -> Option<Period> {
        Period::new(self.starts_at, self.ends_at).ok()
    }
}

impl RoomBlockRow {
    fn period(&self) -> Option<Period> {
        self.until.map_or(Some(Period::from(self.from)), |until| Period::new(self.from, until).ok())
    }
}
