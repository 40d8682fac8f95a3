//! deposit: the money that is paid beforehand.
//!
//! - [`api`]: the events it publishes, the call that takes a deposit
//! - `book`: its deposits, as they are compared with a provider's book
//! - `domain`: the aggregate `Deposit`, one for each reservation
//! - `policies`: a reservation that ends gives its deposit back, or keeps it
//! - `saga`: how money is taken from the provider, and given back
//! - `views`: `/deposits`
//! - `http`: showing them, and trying again to give one back

pub mod api;
mod book;
mod domain;
mod http;
mod policies;
mod saga;
#[cfg(test)]
mod tests;
mod views;

use runtime::Service;

pub use book::{Entry, GIVEN_BACK_WITHIN, paid_since, under_way};
pub(crate) use http::routes;

/// What the service consists of.
pub(crate) fn service() -> Service {
    Service::new("deposit")
        .aggregate::<domain::Deposit>()
        .resource::<views::DepositRow>()
        .answers_by_saga::<api::TakeDeposit>()
        .answers_by_saga::<api::ConfirmDeposit>()
        .saga::<saga::GiveMoneyBack>()
        .policy::<policies::EndWithReservation>()
        .policy::<policies::GiveBackWhatIsDue>()
}
