//! The calendar of a venue: how many people sit at which sitting. It alone gives seats away, so no sitting ever holds more people than seats.

mod decide;
mod refusal;
mod sittings;

#[cfg(test)]
mod desk;
#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;

use booking::{Slot, TimeOfDay};
use jiff::civil::Date;
use kernel::{Aggregate, Money, Period, Timestamp};
use serde::{Deserialize, Serialize};

pub(crate) use refusal::Refusal;
use sittings::{Sittings, Terms};

use crate::reservation::api::{Booking, CustomerId, ReservationId, RestaurantNo, VenueRules};
use crate::restaurant::api::VenueId;

/// The calendar of one venue. It knows numbers of reservations and of people, and nobody's name. What is over leaves it, so a year of history
/// costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Calendar {
    /// The venue, while it takes reservations.
    venue: Option<Venue>,
    /// How often its rules were set.
    revision: u64,
    /// Who holds which seats of what is not over.
    sittings: Sittings,
}

/// A venue that takes reservations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Venue {
    /// Its number in the catalogue, if it was added there first.
    id: Option<VenueId>,
    /// What it is kept by.
    rules: VenueRules,
}

/// What can be asked of a calendar.
#[derive(Clone, Debug)]
pub enum Command {
    /// The venue was added: it takes reservations by these rules.
    Open {
        /// Its number in the catalogue.
        venue_id: VenueId,
        /// What it is kept by.
        rules: VenueRules,
    },
    /// The venue was not added after all. Where someone has a reservation by now, it stays open, as one that opened by itself.
    Close {
        /// The number that it would have had.
        venue_id: VenueId,
    },
    /// The venue's rules are to be others.
    Change {
        /// What they are, as the asker knows it.
        before: VenueRules,
        /// What they are to be.
        rules: VenueRules,
    },
    /// A change was not meant to be after all.
    TakeBack {
        /// What they were before it.
        before: VenueRules,
        /// What they were changed to. If they are something else by now, that stays.
        rules: VenueRules,
    },
    /// Someone wants seats.
    Hold(Wanted),
    /// Seats are given back. Harmless where none are held.
    Release {
        /// By which reservation.
        id: ReservationId,
    },
}

/// Seats that someone wants.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// For which reservation.
    pub id: ReservationId,
    /// On which day.
    pub day: Date,
    /// When the sitting begins; the first of the day that has not begun and has the seats, when not given.
    pub time: Option<TimeOfDay>,
    /// For how many people.
    pub party_size: u32,
    /// The rules by which a venue opens that is not known, where venues do so by themselves.
    pub default: Option<VenueRules>,
}

/// What can have happened to a calendar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// The venue takes reservations, or is no more in the catalogue under the number by which it was opened.
    Opened {
        /// Its number in the catalogue; none when it opened by itself.
        venue_id: Option<VenueId>,
        /// What it is kept by.
        rules: VenueRules,
    },
    /// It takes none any more. Nobody had one.
    Closed,
    /// Its rules are others.
    Changed {
        /// What it is kept by.
        rules: VenueRules,
    },
    /// Seats of a sitting are held.
    Held {
        /// For which reservation.
        id: ReservationId,
        /// The day.
        day: Date,
        /// The sitting.
        slot: Slot,
        /// The instants between which it lies.
        period: Period,
        /// For how many people.
        party_size: u32,
        /// The whole deposit.
        deposit: Money,
        /// The first instant from which on it is not given back any more.
        refund_until: Timestamp,
    },
    /// They are free again.
    Released {
        /// By which reservation.
        id: ReservationId,
        /// The day.
        day: Date,
        /// When the sitting begins.
        time: TimeOfDay,
    },
    /// A sitting is over, and so is everything that was held of it.
    SittingOver {
        /// The day.
        day: Date,
        /// When it began.
        time: TimeOfDay,
    },
}

impl Aggregate for Calendar {
    const NAME: &'static str = "calendar";
    type Key = RestaurantNo;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, at: Timestamp) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Open { venue_id, rules } => self.open(venue_id, rules),
            Command::Close { venue_id } => Ok(self.close(venue_id)),
            Command::Change { before, rules } => self.change(&before, rules),
            Command::TakeBack { before, rules } => self.take_back(before, &rules),
            Command::Hold(wanted) => self.hold(wanted, at),
            Command::Release { id } => Ok(self.release(id)),
        }
    }

    fn evolve(&mut self, event: &Event, _at: Timestamp) {
        match event {
            Event::Opened { venue_id, rules } => self.keep(*venue_id, rules),
            Event::Changed { rules } => self.keep(self.venue.as_ref().and_then(|venue| venue.id), rules),
            Event::Closed => self.venue = None,
            Event::Held { id, day, slot, period, party_size, deposit, refund_until } => {
                let terms = Terms { deposit: *deposit, refund_until: *refund_until };
                self.sittings.hold(*id, (*day, *slot, *period), *party_size, terms);
            }
            Event::Released { id, .. } => self.sittings.release(*id),
            Event::SittingOver { day, time } => self.sittings.end(*day, *time),
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.sittings.first().map(|sitting| sitting.ends_at())
    }

    fn tick(&self, at: Timestamp) -> Vec<Event> {
        let over = self.sittings.first().filter(|sitting| sitting.ends_at() <= at);
        over.map(|sitting| Event::SittingOver { day: sitting.day, time: sitting.slot.start() }).into_iter().collect()
    }
}

impl Calendar {
    /// What the venue is kept by, while it takes reservations.
    pub(crate) fn rules(&self) -> Option<&VenueRules> {
        self.venue.as_ref().map(|venue| &venue.rules)
    }

    /// How often its rules were set until now.
    pub(crate) const fn revision(&self) -> u64 {
        self.revision
    }

    /// How many people have their seats at the sitting of `day` that begins at `time`.
    pub(crate) fn taken(&self, day: Date, time: TimeOfDay) -> u32 {
        self.sittings.get(day, time).map_or(0, |sitting| sitting.seats.taken())
    }

    /// What a reservation is about whose seats are held: `restaurant_no` is the calendar's own key, and `customer_id` is known to the asker alone.
    pub(crate) fn booking(&self, id: ReservationId, restaurant_no: &RestaurantNo, customer_id: Option<CustomerId>) -> Option<Booking> {
        let (sitting, held) = self.sittings.held(id)?;
        Some(Booking {
            restaurant_no: restaurant_no.clone(),
            day: sitting.day,
            time: sitting.slot.start(),
            end_time: sitting.slot.end(),
            starts_at: sitting.starts_at(),
            ends_at: sitting.ends_at(),
            party_size: held.places,
            customer_id,
            deposit: held.what.deposit,
            refund_until: held.what.refund_until,
        })
    }

    fn keep(&mut self, id: Option<VenueId>, rules: &VenueRules) {
        self.venue = Some(Venue { id, rules: rules.clone() });
        self.revision += 1;
    }
}
