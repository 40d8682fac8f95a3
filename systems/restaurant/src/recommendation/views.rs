//! `/recommendations` and `/ratings`, and the published form of what happens to a recommendation.

use kernel::{Exposed, Field, Move, Resource, Rows, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api::RecommendationEvent;
use super::domain::{Event, Recommendation, Registered};
use super::rating::{Rating, RatingEvent};
use crate::reservation::api::{CustomerId, ReservationId, ReservationStatus, RestaurantNo};

/// A reservation that its guest can rate, or has rated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Recommendation)]
pub(crate) struct RecommendationRow {
    /// The number of the reservation.
    pub(crate) id: ReservationId,
    /// The same.
    pub(crate) reservation_no: ReservationId,
    /// The restaurant.
    pub(crate) restaurant_no: RestaurantNo,
    /// Who reserved, if that was said.
    pub(crate) customer_id: Option<CustomerId>,
    /// How it was rated, from 1 to 5.
    pub(crate) point: Option<u8>,
    /// From when on it can be rated.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) opens_at: Timestamp,
}

/// What all guests together think of a restaurant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Rating)]
pub(crate) struct RatingRow {
    /// Its number: that of the reservation that was rated first.
    pub(crate) id: ReservationId,
    /// The restaurant.
    pub(crate) restaurant_no: RestaurantNo,
    /// The average of all points, rounded to two digits.
    pub(crate) average: Option<f64>,
    /// How many guests have rated.
    pub(crate) count: u64,
}

impl Resource for RecommendationRow {
    const COLLECTION: &'static str = "recommendations";
    const ITEM: &'static str = "recommendation";
    const FIELDS: &'static [Field] = &[Field::text("restaurantNo"), Field::integer("point")];
    const SAME_AS_ID: &'static [&'static str] = &["reservationNo"];

    fn id(&self) -> u64 {
        self.id.number()
    }

    fn moves(&self, at: Timestamp) -> Vec<Move> {
        let rate = || Move { name: "rate", method: "PATCH", path: format!("/recommendations/{}", self.id) };
        (self.opens_at <= at).then(rate).into_iter().collect()
    }
}

impl Resource for RatingRow {
    const COLLECTION: &'static str = "ratings";
    const ITEM: &'static str = "rating";
    const FIELDS: &'static [Field] = &[Field::text("restaurantNo"), Field::integer("count")];

    fn id(&self) -> u64 {
        self.id.number()
    }
}

impl Exposed for Recommendation {
    type Published = RecommendationEvent;

    const COLLECTION: Option<&'static str> = Some(RecommendationRow::COLLECTION);

    fn rows(&self, id: &ReservationId, event: &Event, _at: Timestamp, rows: &mut Rows) {
        match (event, &self.registered) {
            (Event::Registered(registered), _) => rows.put(&row(registered, None)),
            (Event::Rated { point, .. }, Some(registered)) => rows.put(&row(registered, Some(*point))),
            (Event::Deleted, Some(_)) => rows.delete::<RecommendationRow>(id.number()),
            (Event::Rated { .. } | Event::Deleted, None) => {}
        }
    }

    fn publish(&self, id: &ReservationId, event: &Event, _at: Timestamp) -> Option<RecommendationEvent> {
        let restaurant_no = self.registered.as_ref()?.restaurant_no.clone();
        let (id, reservation_no) = (*id, *id);
        Some(match event {
            Event::Registered(_) => RecommendationEvent::RecCreated { id, reservation_no, restaurant_no, point: None },
            Event::Rated { point, before } => RecommendationEvent::RecChecked {
                id,
                reservation_no,
                restaurant_no,
                point: *point,
                before: *before,
                status: ReservationStatus::Recommanded,
            },
            Event::Deleted => RecommendationEvent::RecDeleted { id, reservation_no, restaurant_no, point: self.point },
        })
    }
}

fn row(registered: &Registered, point: Option<u8>) -> RecommendationRow {
    let Registered { reservation_no, restaurant_no, customer_id, opens_at } = registered.clone();
    RecommendationRow { id: reservation_no, reservation_no, restaurant_no, customer_id, point, opens_at }
}

impl Exposed for Rating {
    type Published = RecommendationEvent;

    fn rows(&self, restaurant_no: &RestaurantNo, event: &RatingEvent, at: Timestamp, rows: &mut Rows) {
        use kernel::Aggregate;

        let mut after = self.clone();
        after.evolve(event, at);
        let Some(id) = after.first else { return };
        // Hundredths stay far below where a float would round them.
        let average = after.average_in_hundredths().map(|hundredths| hundredths as f64 / 100.0);
        rows.put(&RatingRow { id, restaurant_no: restaurant_no.clone(), average, count: after.count });
    }
}
