//! What becomes of a deposit when its reservation ends.

use kernel::{Commands, Policy, Timestamp};

use super::domain::{Command, Deposit};
use crate::reservation::api::ReservationEvent;

/// A reservation that is cancelled gives its deposit back, unless it was cancelled too late; of a guest who does not come it is kept.
pub(crate) struct EndWithReservation;

/// Why it is given back, as the provider shows it.
const CANCELED: &str = "the reservation was cancelled";

impl Policy for EndWithReservation {
    const NAME: &'static str = "end-with-reservation";
    type On = ReservationEvent;

    fn react(event: &ReservationEvent, _at: Timestamp) -> Commands {
        match event {
            ReservationEvent::Canceled { id, refund: true, .. } => {
                Commands::to::<Deposit>(id, Command::GiveBack { reason: CANCELED.into() })
            }
            ReservationEvent::Canceled { id, refund: false, .. } | ReservationEvent::NoShow { id, .. } => {
                Commands::to::<Deposit>(id, Command::Keep)
            }
            ReservationEvent::VenueOpened { .. }
            | ReservationEvent::VenueChanged { .. }
            | ReservationEvent::VenueClosed { .. }
            | ReservationEvent::SittingFilled { .. }
            | ReservationEvent::DepositPending { .. }
            | ReservationEvent::DepositPayed { .. }
            | ReservationEvent::Reserved { .. }
            | ReservationEvent::Recommanded { .. } => Commands::none(),
        }
    }
}
