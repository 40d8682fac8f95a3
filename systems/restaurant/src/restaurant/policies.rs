//! What the catalogue and the book take from reservation's events.

use kernel::{Commands, Id, Policy, Timestamp};

use super::domain::entry::{self, End, Entry, Expected};
use super::domain::venue::{self, Kept, Venue};
use super::views::VenueRow;
use crate::reservation::api::ReservationEvent;

/// The book follows what reservation decided (seed: "once the deposit is paid, the reservation is handed to the restaurant").
pub(crate) struct KeepBook;

impl Policy for KeepBook {
    const NAME: &'static str = "keep-book";
    type On = ReservationEvent;

    fn react(event: &ReservationEvent, _at: Timestamp) -> Commands {
        match event {
            ReservationEvent::DepositPayed { id, booking, .. } => {
                let (restaurant_no, day) = (booking.restaurant_no.clone(), booking.day);
                let expected = Expected { restaurant_no, day, time: booking.time, party_size: booking.party_size };
                Commands::to::<Entry>(id, entry::Command::Reserve(expected))
            }
            ReservationEvent::Canceled { id, .. } => Commands::to::<Entry>(id, entry::Command::End(End::Canceled)),
            ReservationEvent::NoShow { id, .. } => Commands::to::<Entry>(id, entry::Command::End(End::NoShow)),
            ReservationEvent::VenueOpened { .. }
            | ReservationEvent::VenueChanged { .. }
            | ReservationEvent::VenueClosed { .. }
            | ReservationEvent::SittingFilled { .. }
            | ReservationEvent::DepositPending { .. }
            | ReservationEvent::Reserved { .. }
            | ReservationEvent::Recommanded { .. } => Commands::none(),
        }
    }
}

/// The catalogue shows the rules by which a venue is kept.
pub(crate) struct FollowRules;

impl Policy for FollowRules {
    const NAME: &'static str = "follow-rules";
    type On = ReservationEvent;

    fn react(event: &ReservationEvent, _at: Timestamp) -> Commands {
        match event {
            ReservationEvent::VenueChanged { restaurant_no, revision, rules } => {
                let kept = Kept { revision: *revision, rules: rules.clone() };
                Commands::to::<Venue>(restaurant_no, venue::Command::Follow(kept))
            }
            // One that opened by itself is listed too.
            ReservationEvent::VenueOpened { restaurant_no, venue_id: None, revision, rules } => {
                let (restaurant_no, kept) = (restaurant_no.clone(), Kept { revision: *revision, rules: rules.clone() });
                let add = move |number| (restaurant_no.clone(), venue::Command::Add(Id::new(number), kept.clone()));
                Commands::none().and_new::<VenueRow, Venue>(add)
            }
            // Whoever had it opened adds it.
            ReservationEvent::VenueOpened { venue_id: Some(_), .. }
            | ReservationEvent::VenueClosed { .. }
            | ReservationEvent::SittingFilled { .. }
            | ReservationEvent::DepositPending { .. }
            | ReservationEvent::DepositPayed { .. }
            | ReservationEvent::Reserved { .. }
            | ReservationEvent::Canceled { .. }
            | ReservationEvent::Recommanded { .. }
            | ReservationEvent::NoShow { .. } => Commands::none(),
        }
    }
}
