//! conference: meetings that are held.
//!
//! - [`api`]: the events it publishes, the ids of meetings
//! - `domain`: the aggregate `Conference`
//! - `saga`: `StartMeeting`, which has reserve check who starts
//! - `policies`: a slot that ends, ends its meeting
//! - `views`: `/conferences`
//! - `http`: starting and ending meetings

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
    Service::new("conference")
        .aggregate::<domain::Conference>()
        .counted::<views::ConferenceRow>()
        .saga::<saga::StartMeeting>()
        .policy::<policies::EndWithSlot>()
}
