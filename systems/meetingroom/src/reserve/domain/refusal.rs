use booking::{DatedSlot, DaySlots, Entry, Timed};
use kernel::{Period, Refused, RefusedKind, Timestamp};
use serde_json::{Value, json};

use super::Reservation;
use crate::maintenance::api::MaintenanceId;
use crate::reserve::api::ReserveId;

/// Why a calendar says no.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The room was never added.
    #[error("there is no such room")]
    NoSuchRoom,
    /// The room was added already.
    #[error("the room has a calendar already")]
    AlreadyOpen,
    /// The times are not those of a slot.
    #[error("the room has no such slot")]
    NoSuchSlot {
        /// The slots it has.
        slots: DaySlots,
    },
    /// All slots of the day are over.
    #[error("no slot of that day is left")]
    NoSlotLeft {
        /// What comes after today.
        next: Option<NextSlot>,
    },
    /// The slot, or its day, is past.
    #[error("the slot is over")]
    SlotOver,
    /// The slot cannot be taken yet.
    #[error("the slot cannot be reserved yet")]
    NotOpenYet {
        /// When it can be.
        opens_at: Timestamp,
    },
    /// Someone has that time.
    #[error("the slot is taken")]
    SlotTaken(Held),
    /// What was asked for stands, as the row with this number.
    #[error("this stands already")]
    Standing(u64),
    /// The room is closed at that time.
    #[error("the room is under maintenance at that time")]
    UnderMaintenance(HeldBlock),
    /// The reservation is someone else's.
    #[error("only the one who reserved may do this")]
    NotTheReserver,
    /// The meeting is held already.
    #[error("the meeting has started already")]
    AlreadyStarted,
    /// The reservation was cancelled, has ended or has expired.
    #[error("the reservation is over")]
    ReservationOver,
    /// There is no reservation to start a meeting on, or it is over.
    #[error("no meeting can be started on that reservation: it is over, or of another room")]
    NotStartable,
    /// The slot is too far away.
    #[error("the meeting cannot be started yet")]
    TooEarly {
        /// When it can be.
        starts_at: Timestamp,
    },
    /// Someone else has the room until the slot begins.
    #[error("the room is still someone else's")]
    RoomInUse(Held),
    /// The maintenance would end before it begins, or lie in the past.
    #[error("`until` must be later than `from`, and than now")]
    EmptyPeriod,
    /// There are reservations at that time.
    #[error("the room is reserved at that time")]
    Reserved(Vec<Held>),
}

/// A reservation that is in the way: which and when, never whose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    id: ReserveId,
    period: Period,
}

/// A maintenance that is in the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldBlock {
    id: MaintenanceId,
    period: Period,
}

/// The next slot after today, and from when on it can be taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NextSlot {
    /// From when on.
    pub opens_at: Timestamp,
    /// Which.
    pub slot: DatedSlot,
}

impl Held {
    pub(super) fn of(entry: &Entry<ReserveId, Reservation>) -> Self {
        Self { id: entry.id, period: entry.time() }
    }

    fn json(self) -> Value {
        json!({ "reserveId": self.id, "start": self.period.start(), "end": self.period.end() })
    }
}

impl HeldBlock {
    pub(super) fn of(entry: &Entry<MaintenanceId, Period>) -> Self {
        Self { id: entry.id, period: entry.time() }
    }

    fn json(self) -> Value {
        json!({ "maintenanceId": self.id, "from": self.period.start(), "until": self.period.end() })
    }
}

impl NextSlot {
    fn json(self) -> Value {
        json!({ "date": self.slot.date, "startTime": self.slot.slot.start(), "endTime": self.slot.slot.end() })
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        use RefusedKind::{Conflict, Forbidden, Invalid, NotFound};

        let no = |kind, code| Self::new(kind, code, &refusal);
        match &refusal {
            Refusal::NoSuchRoom => no(NotFound, "no-such-room"),
            Refusal::AlreadyOpen => no(Conflict, "already-open"),
            Refusal::NoSuchSlot { slots } => no(Invalid, "no-such-slot").with("field", "startTime").with("slots", json!(slots)),
            Refusal::NoSlotLeft { next } => no(Conflict, "no-slot-left")
                .with("nextOpening", json!(next.map(|next| next.opens_at)))
                .with("nextSlot", json!(next.map(NextSlot::json))),
            Refusal::SlotOver => no(Conflict, "slot-over"),
            Refusal::NotOpenYet { opens_at } => no(Conflict, "not-open-yet").with("opensAt", json!(opens_at)),
            Refusal::SlotTaken(held) => no(Conflict, "slot-taken").with("inTheWay", held.json()),
            Refusal::Standing(id) => Self::standing(*id),
            Refusal::UnderMaintenance(held) => no(Conflict, "under-maintenance").with("inTheWay", held.json()),
            Refusal::NotTheReserver => no(Forbidden, "not-the-reserver"),
            Refusal::AlreadyStarted => no(Conflict, "already-started"),
            Refusal::ReservationOver => no(Conflict, "reservation-over"),
            Refusal::NotStartable => no(Conflict, "not-startable"),
            Refusal::TooEarly { starts_at } => no(Conflict, "too-early").with("startsAt", json!(starts_at)),
            Refusal::RoomInUse(held) => no(Conflict, "room-in-use").with("inTheWay", held.json()),
            Refusal::EmptyPeriod => no(Invalid, "empty-period").with("field", "until"),
            Refusal::Reserved(held) => no(Conflict, "reserved").in_the_way(held, |held| held.json()),
        }
    }
}
