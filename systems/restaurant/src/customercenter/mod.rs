//! customercenter: what guests look at. Everything here follows reservation's events alone.
//!
//! - [`api`]: nothing; nobody builds on a view
//! - `places`: numbers for what is known by a text
//! - `views`: `/myPages` and `/availability`, and the projections that they are folded by
//! - `http`: showing them

pub mod api;
mod http;
mod places;
#[cfg(test)]
mod tests;
mod views;

use runtime::Service;

pub(crate) use http::routes;

/// What the service consists of.
pub(crate) fn service() -> Service {
    Service::new("customercenter").projection::<views::MyPages>().projection::<views::Sittings>().projection::<views::FilledDays>()
}
