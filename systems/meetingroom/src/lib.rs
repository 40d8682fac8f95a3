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

// What is private here is used once each service's `mod.rs` registers it; take this line out then.
#![allow(dead_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod conference;
pub mod maintenance;
pub mod reserve;
pub mod room;
pub mod schedule;
