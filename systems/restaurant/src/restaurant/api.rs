//! What others may know of restaurant.

use kernel::{Id, Published};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::reservation::api::{ReservationId, RestaurantNo};

/// What the numbers of venues count.
pub enum VenueKind {}

/// The number of a venue in the catalogue. Guests know it by its `restaurantNo`.
pub type VenueId = Id<VenueKind>;

/// What a reservation is to the restaurant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum EntryStatus {
    /// It is expected.
    Reserved,
    /// It was taken back.
    Canceled,
    /// Nobody came.
    NoShow,
}

/// What restaurant publishes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "eventType")]
pub enum RestaurantEvent {
    /// The restaurant has taken a reservation into its book.
    #[serde(rename_all = "camelCase")]
    ReservAccepted {
        /// The entry, by the number of its reservation.
        id: ReservationId,
        /// The reservation.
        reservation_no: ReservationId,
        /// `Reserved`.
        status: EntryStatus,
    },
    /// The restaurant has struck a reservation off its book.
    #[serde(rename_all = "camelCase")]
    ReserveCanceled {
        /// The entry.
        id: ReservationId,
        /// The reservation.
        reservation_no: ReservationId,
        /// The restaurant.
        restaurant_no: RestaurantNo,
    },
}

impl Published for RestaurantEvent {
    const SERVICE: &'static str = "restaurant";
}
