//! restaurant: the catalogue of venues, and the reservations as the restaurant sees them.
//!
//! - [`api`]: the events it publishes
//! - `domain`: the aggregates `Venue`, one in the catalogue, and `Entry`, one in the book of those who are expected
//! - `policies`: both follow reservation's events
//! - `saga`: `AddVenue` and `ChangeVenue`, which ask reservation's calendar first
//! - `views`: `/venues` and `/restaurants`, and the published form of what happens
//! - `http`: adding and changing venues

pub mod api;
mod domain;
mod http;
mod policies;
mod saga;
#[cfg(test)]
mod tests;
mod views;

use runtime::Service;

pub(crate) use http::routes;

/// What the service consists of.
pub(crate) fn service() -> Service {
    Service::new("restaurant")
        .aggregate::<domain::venue::Venue>()
        .counted::<views::VenueRow>()
        .aggregate::<domain::entry::Entry>()
        .resource::<views::EntryRow>()
        .saga::<saga::AddVenue>()
        .saga::<saga::ChangeVenue>()
        .policy::<policies::KeepBook>()
        .policy::<policies::FollowRules>()
}
