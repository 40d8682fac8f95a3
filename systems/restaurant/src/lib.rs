//! Restaurants: tables that are reserved with a deposit, as one act that is never half done.
//!
//! | service | what it owns |
//! |---|---|
//! | [`reservation`] | each venue's calendar of seats, and the reservations; it alone decides who sits where |
//! | [`deposit`] | the money that is paid beforehand |
//! | [`recommendation`] | what guests think of it |
//! | [`restaurant`] | the catalogue of venues, and the reservations as the restaurant sees them |
//! | [`customercenter`] | what stands where, for guests to look at |
//!
//! A reservation is a saga of `reservation`: it holds the seats, asks `deposit` and then `recommendation`, neither of which asks anyone in
//! turn, and stands. The rest learns of it by events.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod customercenter;
pub mod deposit;
mod korean;
pub mod recommendation;
pub mod reservation;
pub mod restaurant;
#[cfg(test)]
mod told;

use axum::Router;
use booking::Zone;
use edge::{Declared, Entry, Member, Members, Own};
use kernel::Currency;
use runtime::{SystemHandle, SystemSpec};
use serde_json::{Value, json};

/// What deposits come to, for comparing them with the book of whoever takes the money.
pub mod book {
    pub use crate::deposit::{Entry, GIVEN_BACK_WITHIN, paid_since, under_way};
}

/// What an installation says of its restaurants.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The zone of the venues' civil times.
    pub zone: Zone,
    /// What the payment provider takes money in: no venue wants its deposits in anything else.
    pub currencies: &'static [Currency],
    /// Whether a `restaurantNo` that has no venue gets one by itself, with defaults.
    pub opens_unknown: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { zone: Zone::default(), currencies: Currency::ALL, opens_unknown: true }
    }
}

/// The system's name, the first part of its paths.
pub const NAME: &str = "restaurant";

/// The fields that say who somebody is, of rows and of what happened to them.
const PERSONAL: Own = Own::named_by(&["customerId"]);

/// The same, and those by which a deposit is paid: whoever knows the name of an order can come to pay it, or fail to, in its guest's place.
const PAID_BY: Own = PERSONAL.with(&["checkout", "order", "payment"]);

/// What its refusals say in Korean.
pub const KOREAN: [edge::language::Sentences; 2] = [korean::SENTENCES, booking::KOREAN];

/// The services, in the order of the ports that the seed gives them: 8081 to 8085.
const SERVICES: &[Member<Settings>] = &[
    (reservation::service, reservation::routes),
    (deposit::service, deposit::routes),
    (customercenter::service, customercenter::routes),
    (restaurant::service, restaurant::routes),
    (recommendation::service, recommendation::routes),
];

const MEMBERS: Members<Settings> = Members { system: NAME, services: SERVICES };

/// The system, as it is run.
pub fn spec() -> SystemSpec {
    MEMBERS.spec()
}

/// The routes of those services that `system` shows, behind `base`.
pub fn routes(system: &SystemHandle, base: &str, entry: &Entry, settings: &Settings) -> Router {
    MEMBERS.routes(system, base, entry, settings)
}

/// Who may use which route, as the services declare it.
pub fn declared() -> Vec<Declared> {
    MEMBERS.declared()
}

/// What clients can rely on of these services, in the order of their ports.
pub fn contract(services: &[&str]) -> edge::contract::System {
    MEMBERS.contract(services)
}

/// The sample data, as requests: venue 10, which the seed's commands name.
pub fn samples() -> Vec<(&'static str, Value)> {
    vec![("/venues", json!({"restaurantNo": "10", "name": "Haengbok", "seats": 40}))]
}
