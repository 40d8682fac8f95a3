//! reserve: each room's calendar.
//!
//! - [`api`]: the events it publishes, the calls it answers
//! - `domain`: the aggregate `Calendar`, which reservations and maintenance take their time from
//! - `calls`: how each call becomes a command
//! - `policies`: what meetings and maintenance that end do to the calendar
//! - `views`: `/reserves`, and the published form of what happens
//! - `http`: reserving and cancelling

pub mod api;
mod calls;
mod domain;
mod http;
mod policies;
#[cfg(test)]
mod tests;
mod views;

use runtime::Service;

pub(crate) use http::routes;

/// What the service consists of.
pub(crate) fn service() -> Service {
    Service::new("reserve")
        .aggregate::<domain::Calendar>()
        .counted::<views::ReserveRow>()
        .answers::<api::OpenCalendar>()
        .answers::<api::CheckUser>()
        .answers::<api::BlockRoom>()
        .policy::<policies::EndMeeting>()
        .policy::<policies::UnblockRoom>()
}
