//! schedule: what stands where, for people to look at. Everything here follows reserve's events alone.
//!
//! - [`api`]: nothing; nobody builds on a view
//! - `views`: `/roomTables` and `/roomSlots`, and the projections that they are folded by
//! - `http`: showing them

pub mod api;
mod http;
#[cfg(test)]
mod tests;
mod views;

use runtime::Service;

pub(crate) use http::routes;

/// What the service consists of.
pub(crate) fn service() -> Service {
    Service::new("schedule")
        .projection::<views::RoomTables>()
        .projection::<views::RoomSlots>()
        .projection::<views::SlotBookings>()
        .projection::<views::RoomBlocks>()
}
