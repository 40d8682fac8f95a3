//! Meeting rooms: reserved by slots, used for meetings, closed for maintenance.
//!
//! | service | what it owns |
//! |---|---|
//! | [`reserve`] | each room's calendar; it alone decides who has a room when |
//! | [`room`] | the catalogue of rooms |
//! | [`conference`] | meetings that are held |
//! | [`maintenance`] | times for which a room is closed |
//! | [`schedule`] | what stands where, for people to look at |
//!
//! `conference`, `maintenance` and `room` ask `reserve` by a call before something stands with them. What then happens
//! reaches everyone as events: `room` and `schedule` follow reserve's alone.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod conference;
mod korean;
pub mod maintenance;
pub mod reserve;
pub mod room;
pub mod schedule;

use axum::Router;
use booking::Zone;
use edge::{Declared, Entry, Member, Members, Own};
use runtime::{SystemHandle, SystemSpec};
use serde_json::{Value, json};

/// What an installation says of its meeting rooms.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The zone of the rooms' civil times.
    pub zone: Zone,
    /// How long a slot is kept for someone who has not started, in minutes; 0 keeps it to its end.
    pub grace_minutes: u16,
    /// How long before its slot a meeting can be started, in minutes.
    pub early_minutes: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { zone: Zone::default(), grace_minutes: 15, early_minutes: 10 }
    }
}

/// The system's name, the first part of its paths.
pub const NAME: &str = "meetingroom";

/// The fields that say who somebody is, of rows and of what happened to them.
const PERSONAL: Own = Own::named_by(&["userId", "user"]);

/// What its refusals say in Korean.
pub const KOREAN: [edge::language::Sentences; 2] = [korean::SENTENCES, booking::KOREAN];

/// The services, in the order of the ports that the seed gives them: 8081 to 8085.
const SERVICES: &[Member<Settings>] = &[
    (conference::service, conference::routes),
    (reserve::service, reserve::routes),
    (room::service, room::routes),
    (schedule::service, schedule::routes),
    (maintenance::service, maintenance::routes),
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

/// The sample data, as requests: rooms of each opening rule, two of which can be reserved at any hour for a day to come.
/// Room 3 is the one that the seed's commands name.
pub fn samples() -> Vec<(&'static str, Value)> {
    let room = |floor: &str, name: &str, capacity: u32, rule: &str| {
        ("/rooms", json!({"floor": floor, "name": name, "capacity": capacity, "openingRule": rule}))
    };
    vec![
        room("1", "Hangang", 8, "same-day"),
        room("2", "Bukhansan", 12, "slot-start"),
        room("3", "Jeju", 6, "days-ahead:14"),
        room("3", "Seorak", 20, "days-ahead:14"),
    ]
}
