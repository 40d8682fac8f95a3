//! What becomes of a deposit when its reservation ends, and how it is given back.

use kernel::{Commands, Policy, Timestamp};

use super::api::DepositEvent;
use super::domain::{Command, Deposit};
use super::saga::GiveMoneyBack;
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

/// What is due back is given back: the provider is asked until it has.
pub(crate) struct GiveBackWhatIsDue;

impl Policy for GiveBackWhatIsDue {
    const NAME: &'static str = "give-back-what-is-due";
    type On = DepositEvent;

    fn react(event: &DepositEvent, _at: Timestamp) -> Commands {
        match event.clone() {
            DepositEvent::PayCancelRequested { reservation_no, order, payment, amount, reason, tried, .. } => {
                // Each try is a saga of its own, since one that was refused stays so.
                let key = tried.map_or_else(|| reservation_no.to_string(), |tried| format!("{reservation_no}-{tried}"));
                Commands::begin(key, GiveMoneyBack { reservation_no, order, payment, amount, reason, refused: None })
            }
            DepositEvent::PayCompleted { .. } | DepositEvent::PayCanceled { .. } | DepositEvent::PayKept { .. } => Commands::none(),
        }
    }
}
