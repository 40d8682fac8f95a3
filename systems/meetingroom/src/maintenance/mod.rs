//! maintenance: times for which a room is closed.
//!
//! - [`api`]: the events it publishes, the ids of maintenances
//! - `domain`: the aggregate `Maintenance`
//! - `saga`: `BlockRoom`, which has reserve take the time out of the room's calendar
//! - `policies`: a time that the calendar gives back ends its maintenance
//! - `views`: `/maintenances`

pub mod api;
mod domain;
mod policies;
mod saga;
mod views;
