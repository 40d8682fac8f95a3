//! `/recommendations`: rating what one has reserved. `/ratings`: what all think.

use edge::contract::edits;
use edge::{Incoming, Reply, Routes, Spec, Who, optional, required};

use super::domain::{Command, Recommendation};
use super::views::{RatingRow, RecommendationRow};
use crate::reservation::api::CustomerId;
use crate::{PERSONAL, Settings};

/// The routes of the service.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    let rates = edits::<RecommendationRow, _, _>("Rate a reservation", meant).refuses(NOT_RATED);
    routes
        .resource::<RecommendationRow>(Who::EachTheirOwn(PERSONAL))
        .patch("/recommendations/{id}", Who::PersonIn("customerId"), rates, rate)
        .resource::<RatingRow>(Who::Anyone)
}

/// Why a reservation cannot be rated.
const NOT_RATED: &[&str] = &["not-the-guest", "not-open-yet"];

/// What is said of a reservation: how it was, and who thinks so.
fn meant() -> impl Spec<Output = Thought> {
    (required::<u8>("point").within(1..=5).like(5), optional::<String>("customerId").parse::<CustomerId>().like("1"))
}

type Thought = (u8, Option<CustomerId>);

/// Rates a reservation, or rates it otherwise.
async fn rate(incoming: Incoming, (point, by): Thought) -> Reply {
    let row = incoming.row::<RecommendationRow>().await?;
    incoming.edit::<RecommendationRow, Recommendation>(&incoming.caller()?, &row.id, Command::Rate { point, by }).await
}
