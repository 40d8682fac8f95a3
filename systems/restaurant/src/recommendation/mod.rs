//! recommendation: what guests think of it.
//!
//! - [`api`]: the events it publishes, the call that lets a reservation be rated
//! - `domain`: the aggregate `Recommendation`, one for each reservation
//! - `rating`: the aggregate `Rating`, one for each restaurant, which adds them up
//! - `calls`: how the call becomes a command
//! - `policies`: a reservation that is cancelled, or that nobody came to, cannot be rated; what is rated is counted
//! - `views`: `/recommendations` and `/ratings`
//! - `http`: rating

pub mod api;
mod calls;
mod domain;
mod http;
mod policies;
mod rating;
#[cfg(test)]
mod tests;
mod views;

use runtime::Service;

pub(crate) use http::routes;

/// What the service consists of.
pub(crate) fn service() -> Service {
    Service::new("recommendation")
        .aggregate::<domain::Recommendation>()
        .aggregate::<rating::Rating>()
        .resource::<views::RecommendationRow>()
        .resource::<views::RatingRow>()
        .answers::<api::RegisterRecommendation>()
        .policy::<policies::DeleteWithReservation>()
        .policy::<policies::DeleteWhatIsOver>()
        .policy::<policies::CountForRestaurant>()
}
