//! The systems there are. A new one is a line in each function here, and nothing else in this crate.

use std::collections::BTreeMap;

use axum::Router;
use booking::Zone;
use edge::Entry;
use edge::contract::{self, asyncapi, openapi};
use edge::language::Catalogue;
use kernel::Currency;
use payments::Toss;
use runtime::{SystemHandle, SystemSpec};
use serde_json::{Map, Value, json};

use crate::cli::{KnownSystem, Selected};
use crate::config::{Auth, Payments, Settings};
use crate::error::Fatal;

/// The systems as they are declared.
pub(crate) fn declared() -> Vec<SystemSpec> {
    vec![meetingroom::spec(), restaurant::spec()]
}

/// The systems and their services, in the order of their ports.
pub(crate) fn known() -> Vec<KnownSystem> {
    let services = |spec: &SystemSpec| spec.services.iter().map(runtime::Service::name).collect();
    declared().iter().map(|spec| KnownSystem { name: spec.name, services: services(spec) }).collect()
}

/// What is told in Korean.
pub(crate) fn catalogue() -> Catalogue {
    Catalogue::new(meetingroom::KOREAN.into_iter().chain(restaurant::KOREAN).chain([payments::KOREAN]))
}

/// The file of a system, in the data directory.
pub(crate) fn file(system: &str) -> String {
    format!("{system}.db")
}

/// The file that is there while a system's sample data is being loaded.
pub(crate) fn samples_marker(system: &str) -> String {
    format!("{system}.samples")
}

/// The file in which the payment provider that is built in keeps its book, for a system that takes payments.
pub(crate) fn book(system: &str) -> Option<String> {
    (system == restaurant::NAME).then(|| format!("{system}.payments.jsonl"))
}

/// What can stand beside a system's file and belongs to it: none of these is always there.
pub(crate) fn beside(system: &str) -> impl Iterator<Item = String> {
    [samples_marker(system)].into_iter().chain(book(system))
}

/// Everything there is.
pub(crate) fn all() -> Vec<Selected> {
    known().into_iter().map(|KnownSystem { name, services }| Selected { system: name, services }).collect()
}

/// Whether all services of a system are selected.
pub(crate) fn is_whole(selected: &Selected) -> bool {
    known().iter().any(|system| system.name == selected.system && system.services.len() == selected.services.len())
}

/// One system, ready to be run.
pub(crate) struct Runnable {
    /// What it consists of.
    pub(crate) spec: SystemSpec,
    /// Makes its routes, behind a base.
    pub(crate) routes: MakeRoutes,
    /// How many new commands its services take in that have a bound of their own.
    pub(crate) queues: BTreeMap<String, usize>,
    /// Its sample data, as requests: path and body.
    pub(crate) samples: Vec<(&'static str, Value)>,
}

/// Makes the routes of what a handle shows, behind a base.
type MakeRoutes = Box<dyn Fn(&SystemHandle, &str, &Entry) -> Router + Send + Sync>;

/// The system with this name, as the settings want it.
pub(crate) fn runnable(name: &str, settings: &Settings) -> Result<Runnable, Fatal> {
    match name {
        meetingroom::NAME => {
            let rooms = meetingroom_settings(settings)?;
            Ok(Runnable {
                spec: meetingroom::spec(),
                routes: Box::new(move |system, base, entry| meetingroom::routes(system, base, entry, &rooms)),
                queues: settings.meetingroom.queues.clone(),
                samples: meetingroom::samples(),
            })
        }
        restaurant::NAME => {
            let venues = restaurant_settings(settings)?;
            Ok(Runnable {
                spec: restaurant::spec(),
                routes: Box::new(move |system, base, entry| restaurant::routes(system, base, entry, &venues)),
                queues: settings.restaurant.queues.clone(),
                samples: restaurant::samples(),
            })
        }
        other => Err(Fatal::Failed(format!("there is no system {other}"))),
    }
}

fn meetingroom_settings(settings: &Settings) -> Result<meetingroom::Settings, Fatal> {
    let minutes = |minutes: u32| u16::try_from(minutes).unwrap_or(u16::MAX);
    Ok(meetingroom::Settings {
        zone: zone(&settings.meetingroom.zone)?,
        grace_minutes: minutes(settings.meetingroom.reserve.grace_minutes),
        early_minutes: minutes(settings.meetingroom.reserve.early_minutes),
    })
}

fn restaurant_settings(settings: &Settings) -> Result<restaurant::Settings, Fatal> {
    let currencies = match &settings.restaurant.payments {
        Payments::Test => Currency::ALL,
        Payments::Toss(_) => Toss::CURRENCIES,
    };
    Ok(restaurant::Settings { zone: zone(&settings.restaurant.zone)?, currencies, opens_unknown: settings.auth == Auth::Open })
}

/// The time zone of this name.
///
/// # Errors
/// When there is none.
pub(crate) fn zone(name: &str) -> Result<Zone, Fatal> {
    Zone::named(name).map_err(|error| Fatal::Failed(error.to_string()))
}

/// What clients can rely on of what is selected.
pub(crate) fn contract(selected: &[Selected]) -> Vec<contract::System> {
    let of = |one: &Selected| match one.system {
        meetingroom::NAME => Some(meetingroom::contract(&one.services)),
        restaurant::NAME => Some(restaurant::contract(&one.services)),
        _ => None,
    };
    selected.iter().filter_map(of).collect()
}

/// The contract of everything there is, as two documents by name.
pub(crate) fn contracts() -> String {
    let systems = contract(&all());
    let documents = json!({"openapi": openapi::document(&systems, openapi::Paths::Prefixed), "asyncapi": asyncapi::document(&systems)});
    format!("{documents:#}")
}

/// The JSON schema of every service's published events, by `{system}/{service}`.
pub(crate) fn schemas() -> String {
    let mut all = Map::new();
    for spec in declared() {
        for service in &spec.services {
            for (name, schema) in service.schemas() {
                all.insert(format!("{}/{name}", spec.name), schema.clone());
            }
        }
    }
    format!("{:#}", Value::Object(all))
}
