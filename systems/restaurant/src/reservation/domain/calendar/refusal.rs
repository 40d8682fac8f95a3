use booking::{DaySlots, Slot};
use kernel::{Refused, RefusedKind, Timestamp};
use serde_json::{Value, json};

use super::sittings::Sitting;
use crate::reservation::api::ReservationId;

/// Why a calendar says no.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no venue of that number.
    #[error("there is no such restaurant")]
    NoSuchVenue,
    /// There is one already, and it is kept by just these rules. Which number the catalogue has for it is not known here.
    #[error("this stands already")]
    Standing,
    /// There is one already, and it is kept by others.
    #[error("a restaurant of that number takes reservations already")]
    VenueExists,
    /// Somebody else changed its rules meanwhile.
    #[error("the restaurant was changed meanwhile")]
    VenueChanged,
    /// What is reserved would have no place any more.
    #[error("the restaurant has reservations that would have no place")]
    VenueReserved(Vec<InTheWay>),
    /// No sitting begins then, or clocks skip it on that day.
    #[error("the restaurant has no such sitting")]
    NoSuchSitting {
        /// Those that it has.
        sittings: DaySlots,
    },
    /// The venue is closed then.
    #[error("the restaurant is closed on that day")]
    ClosedDay,
    /// It is too late for that sitting.
    #[error("the sitting has begun already")]
    SittingBegun,
    /// It is too late for that day.
    #[error("no sitting of that day is left")]
    NoSittingLeft,
    /// The sitting does not have the seats; where none was asked for, none of that day's has.
    #[error("not enough seats are left")]
    SoldOut {
        /// How many it has left; of several, the most.
        seats_left: u32,
        /// The sittings of that day that have them.
        free: Vec<Free>,
    },
    /// No sitting ever has so many seats.
    #[error("the restaurant does not have so many seats")]
    PartyTooLarge {
        /// How many it has.
        seats: u32,
    },
}

/// A reservation that is in the way: which and when, never whose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InTheWay {
    id: ReservationId,
    start: Timestamp,
    end: Timestamp,
}

/// A sitting that can be had.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Free {
    /// Which.
    pub slot: Slot,
    /// How many of its seats are left; any number when `None`.
    pub seats_left: Option<u32>,
}

impl InTheWay {
    pub(super) fn all_of(sitting: &Sitting) -> impl Iterator<Item = Self> {
        let (start, end) = (sitting.starts_at(), sitting.ends_at());
        sitting.seats.iter().map(move |holder| Self { id: holder.id, start, end })
    }

    fn json(self) -> Value {
        json!({ "reservationNo": self.id, "start": self.start, "end": self.end })
    }
}

impl Free {
    fn json(self) -> Value {
        json!({ "time": self.slot.start(), "endTime": self.slot.end(), "seatsLeft": self.seats_left })
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        use RefusedKind::{Conflict, Invalid, NotFound, Standing};

        let no = |kind, code| Self::new(kind, code, &refusal);
        match &refusal {
            Refusal::NoSuchVenue => no(NotFound, "no-such-venue"),
            Refusal::Standing => no(Standing, "standing"),
            Refusal::VenueExists => no(Conflict, "venue-exists"),
            Refusal::VenueChanged => no(Conflict, "venue-changed"),
            Refusal::VenueReserved(held) => no(Conflict, "venue-reserved").in_the_way(held, |held| held.json()),
            Refusal::NoSuchSitting { sittings } => no(Invalid, "no-such-sitting").with("field", "time").with("sittings", json!(sittings)),
            Refusal::ClosedDay => no(Conflict, "closed-day"),
            Refusal::SittingBegun => no(Conflict, "sitting-begun"),
            Refusal::NoSittingLeft => no(Conflict, "no-sitting-left"),
            Refusal::SoldOut { seats_left, free } => no(Conflict, "sold-out")
                .with("seatsLeft", *seats_left)
                .with("free", free.iter().map(|free| free.json()).collect::<Vec<_>>()),
            Refusal::PartyTooLarge { seats } => no(Invalid, "party-too-large").with("field", "partySize").with("seats", *seats),
        }
    }
}
