//! maintenance: times for which a room is closed.
//!
//! - [`api`]: the events it publishes, the ids of maintenances
//! - `domain`: the aggregate `Maintenance`
//! - `saga`: `BlockRoom`, which has reserve take the time out of the room's calendar
//! - `policies`: a time that the calendar gives back ends its maintenance
//! - `views`: `/maintenances`
//! - `http`: closing rooms and opening them again

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
    Service::new("maintenance")
        .aggregate::<domain::Maintenance>()
        .counted::<views::MaintenanceRow>()
        .saga::<saga::BlockRoom>()
        .policy::<policies::EndWithTime>()
}
