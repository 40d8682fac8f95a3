//! room: the catalogue of rooms.
//!
//! - [`api`]: the events it publishes, the ids of rooms
//! - `domain`: the aggregate `Room`
//! - `saga`: `AddRoom`, which has reserve open the room's calendar
//! - `policies`: the status that a room shows follows reserve's events
//! - `views`: `/rooms`
//! - `http`: adding rooms

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
    Service::new("room")
        .aggregate::<domain::Room>()
        .counted::<views::RoomRow>()
        .saga::<saga::AddRoom>()
        .policy::<policies::FollowOccupancy>()
}
