//! What the restaurant's answers and the guests' ratings do to reservations.

use kernel::{Commands, Policy, Timestamp};

use super::domain::reservation::{Command, Reservation};
use crate::recommendation::api::RecommendationEvent;
use crate::restaurant::api::RestaurantEvent;

/// A reservation that the restaurant has taken into its book is complete (seed: "when the reservation has reached the restaurant, its status
/// becomes complete").
pub(crate) struct AcceptReservation;

impl Policy for AcceptReservation {
    const NAME: &'static str = "accept-reservation";
    type On = RestaurantEvent;

    fn react(event: &RestaurantEvent, _at: Timestamp) -> Commands {
        match event {
            RestaurantEvent::ReservAccepted { reservation_no, .. } => Commands::to::<Reservation>(reservation_no, Command::Accept),
            // It was cancelled here before it was there.
            RestaurantEvent::ReserveCanceled { .. } => Commands::none(),
        }
    }
}

/// A reservation shows what its guest thought of it (seed: "whether it was rated is told to the reservation service").
pub(crate) struct RateReservation;

impl Policy for RateReservation {
    const NAME: &'static str = "rate-reservation";
    type On = RecommendationEvent;

    fn react(event: &RecommendationEvent, _at: Timestamp) -> Commands {
        match event {
            RecommendationEvent::RecChecked { reservation_no, point, .. } => {
                Commands::to::<Reservation>(reservation_no, Command::Recommend { point: *point })
            }
            RecommendationEvent::RecCreated { .. } | RecommendationEvent::RecDeleted { .. } => Commands::none(),
        }
    }
}
