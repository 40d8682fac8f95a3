//! What others may know of recommendation.

use kernel::{Call, Published, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::reservation::api::{CustomerId, ReservationId, ReservationStatus, RestaurantNo};

/// What recommendation publishes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "eventType")]
pub enum RecommendationEvent {
    /// A reservation can be rated.
    #[serde(rename_all = "camelCase")]
    RecCreated {
        /// The recommendation, by the number of its reservation.
        id: ReservationId,
        /// The reservation.
        reservation_no: ReservationId,
        /// The restaurant.
        restaurant_no: RestaurantNo,
        /// Null: nobody has rated yet.
        point: Option<u8>,
    },
    /// A guest rated their reservation, or changed their mind.
    #[serde(rename_all = "camelCase")]
    RecChecked {
        /// The recommendation.
        id: ReservationId,
        /// The reservation.
        reservation_no: ReservationId,
        /// The restaurant.
        restaurant_no: RestaurantNo,
        /// How: 1 to 5.
        point: u8,
        /// What they gave before, if they changed their mind.
        before: Option<u8>,
        /// `Recommanded`.
        status: ReservationStatus,
    },
    /// The reservation is no more, and its rating with it.
    #[serde(rename_all = "camelCase")]
    RecDeleted {
        /// The recommendation.
        id: ReservationId,
        /// The reservation.
        reservation_no: ReservationId,
        /// The restaurant.
        restaurant_no: RestaurantNo,
        /// What they had given, if they had.
        point: Option<u8>,
    },
}

impl Published for RecommendationEvent {
    const SERVICE: &'static str = "recommendation";
}

/// Let a reservation be rated by its guest. Asked by reservation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisterRecommendation {
    /// The reservation.
    pub reservation_no: ReservationId,
    /// The restaurant.
    pub restaurant_no: RestaurantNo,
    /// Who reserved, if that was said.
    pub customer_id: Option<CustomerId>,
    /// From when on it can be rated.
    pub opens_at: Timestamp,
}

impl Call for RegisterRecommendation {
    const SERVICE: &'static str = "recommendation";
    const NAME: &'static str = "register-recommendation";
    type Reply = ();
}
