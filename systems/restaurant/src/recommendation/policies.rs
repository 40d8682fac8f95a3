//! What becomes of a recommendation when its reservation does, and what becomes of a restaurant's rating.

use kernel::{Commands, Policy, Timestamp};

use super::api::RecommendationEvent;
use super::domain::{Command, Recommendation};
use super::rating::{self, Changed, Rating};
use crate::reservation::api::ReservationEvent;
use crate::restaurant::api::RestaurantEvent;

/// A reservation that the restaurant has struck off its book cannot be rated any more (seed: "cancelling deletes the recommendation").
pub(crate) struct DeleteWithReservation;

impl Policy for DeleteWithReservation {
    const NAME: &'static str = "delete-with-reservation";
    type On = RestaurantEvent;

    fn react(event: &RestaurantEvent, _at: Timestamp) -> Commands {
        match event {
            RestaurantEvent::ReserveCanceled { reservation_no, .. } => Commands::to::<Recommendation>(reservation_no, Command::Delete),
            RestaurantEvent::ReservAccepted { .. } => Commands::none(),
        }
    }
}

/// Nor can one that is over: what nobody sat down to has no rating that would reach it. Reservation itself tells of that, so that no rating is
/// taken while the restaurant has not heard of it yet.
pub(crate) struct DeleteWhatIsOver;

impl Policy for DeleteWhatIsOver {
    const NAME: &'static str = "delete-what-is-over";
    type On = ReservationEvent;

    fn react(event: &ReservationEvent, _at: Timestamp) -> Commands {
        match event {
            ReservationEvent::Canceled { id, .. } | ReservationEvent::NoShow { id, .. } => {
                Commands::to::<Recommendation>(id, Command::Delete)
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

/// What a guest thinks of their reservation counts for its restaurant. It is heard of as what others publish is, so that two guests who
/// rate at once never wait for each other.
pub(crate) struct CountForRestaurant;

impl Policy for CountForRestaurant {
    const NAME: &'static str = "count-for-restaurant";
    type On = RecommendationEvent;

    fn react(event: &RecommendationEvent, _at: Timestamp) -> Commands {
        let (restaurant_no, changed) = match event.clone() {
            RecommendationEvent::RecChecked { reservation_no, restaurant_no, point, before, .. } => {
                (restaurant_no, Changed { reservation_no, before, point: Some(point) })
            }
            RecommendationEvent::RecDeleted { reservation_no, restaurant_no, point: Some(point), .. } => {
                (restaurant_no, Changed { reservation_no, before: Some(point), point: None })
            }
            RecommendationEvent::RecCreated { .. } | RecommendationEvent::RecDeleted { point: None, .. } => return Commands::none(),
        };
        Commands::to::<Rating>(&restaurant_no, rating::Command::Count(changed))
    }
}
