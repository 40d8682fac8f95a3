//! reservation: each venue's calendar of seats, and the reservations.
//!
//! - [`api`]: the events it publishes, the calls it answers
//! - `domain`: the aggregates `Calendar`, which gives the seats away, and `Reservation`, which is what becomes of one
//! - `calls`: how each call becomes a command
//! - `policies`: what the restaurant's answers and the guests' ratings do to reservations
//! - `saga`: `MakeReservation`, several services in one act
//! - `views`: `/reservations`, and the published form of what happens
//! - `http`: making reservations, paying for them, taking them back, and marking that a guest did not come

pub mod api;
mod calls;
mod domain;
#[cfg(test)]
mod edge_tests;
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
    Service::new("reservation")
        .aggregate::<domain::calendar::Calendar>()
        .aggregate::<domain::reservation::Reservation>()
        .counted::<views::ReservationRow>()
        .saga::<saga::MakeReservation>()
        .answers::<api::OpenVenue>()
        .answers::<api::ChangeVenue>()
        .policy::<policies::AcceptReservation>()
        .policy::<policies::RateReservation>()
}
