//! How the call becomes a command to a recommendation, and what takes it back.

use kernel::Answer;

use super::api::RegisterRecommendation;
use super::domain::{Command, Recommendation, Registered};
use crate::reservation::api::ReservationId;

impl Answer for RegisterRecommendation {
    type By = Recommendation;

    fn command(&self) -> (ReservationId, Command) {
        let Self { reservation_no, restaurant_no, customer_id, opens_at } = self.clone();
        (reservation_no, Command::Register(Registered { reservation_no, restaurant_no, customer_id, opens_at }))
    }

    fn reply(&self, _after: &Recommendation) {}

    // No other reservation will ever have this number, so that nothing is rated under it any more harms nobody.
    fn undo(&self) -> (ReservationId, Command) {
        (self.reservation_no, Command::Delete)
    }
}
