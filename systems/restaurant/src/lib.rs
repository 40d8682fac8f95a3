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
use edge::contract;
use edge::{Declared, Entry, Routes};
use runtime::{Service, SystemHandle, SystemSpec};
use serde_json::{Value, json};

/// What an installation says of its restaurants.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The zone of the venues' civil times.
    pub zone: Zone,
    /// Whether a `restaurantNo` that has no venue gets one by itself, with defaults.
    pub opens_unknown: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { zone: Zone::default(), opens_unknown: true }
    }
}

/// The system's name, the first part of its paths.
pub const NAME: &str = "restaurant";

/// The fields that say who somebody is, of rows and of what happened to them.
const PERSONAL: &[&str] = &["customerId"];

/// What its refusals say in Korean.
pub const KOREAN: [edge::language::Sentences; 2] = [korean::SENTENCES, booking::KOREAN];

/// What one service consists of, and its routes.
type Member = (fn() -> Service, fn(Routes, &Settings) -> Routes);

/// The services, in the order of the ports that the seed gives them: 8081 to 8085.
const SERVICES: &[Member] = &[
    (reservation::service, reservation::routes),
    (deposit::service, deposit::routes),
    (customercenter::service, customercenter::routes),
    (restaurant::service, restaurant::routes),
    (recommendation::service, recommendation::routes),
];

/// The system, as it is run.
pub fn spec() -> SystemSpec {
    SystemSpec { name: NAME, services: SERVICES.iter().map(|(service, _)| service()).collect() }
}

/// The routes of those services that `system` shows, behind `base`.
pub fn routes(system: &SystemHandle, base: &str, entry: &Entry, settings: &Settings) -> Router {
    let shown = SERVICES.iter().filter_map(|(service, routes)| Some((system.service(service().name())?, routes)));
    let routers = shown.map(|(service, routes)| routes(Routes::new(), settings).into_router(service, base, entry));
    routers.fold(Router::new(), Router::merge)
}

/// Who may use which route, as the services declare it.
pub fn declared() -> Vec<Declared> {
    SERVICES.iter().flat_map(|(_, routes)| routes(Routes::new(), &Settings::default()).declared().collect::<Vec<_>>()).collect()
}

/// What clients can rely on of these services, in the order of their ports.
pub fn contract(services: &[&str]) -> contract::System {
    let members = SERVICES.iter().map(|(service, routes)| (service(), routes)).filter(|(service, _)| services.contains(&service.name()));
    let shown = members.map(|(service, routes)| contract::Service {
        name: service.name(),
        operations: routes(Routes::new(), &Settings::default()).operations(),
        events: service.schemas().map(|(name, schema)| (name.to_owned(), schema.clone())).collect(),
    });
    contract::System { name: NAME, services: shown.collect() }
}

/// The sample data, as requests: venue 10, which the seed's commands name.
pub fn samples() -> Vec<(&'static str, Value)> {
    vec![("/venues", json!({"restaurantNo": "10", "name": "Haengbok", "seats": 40}))]
}
