//! room: the catalogue of rooms.
//!
//! - [`api`]: the events it publishes, the ids of rooms
//! - `domain`: the aggregate `Room`
//! - `saga`: `AddRoom`, which has reserve open the room's calendar
//! - `policies`: the status that a room shows follows reserve's events
//! - `views`: `/rooms`

pub mod api;
mod domain;
mod policies;
mod saga;
mod views;
