//! reserve: each room's calendar.
//!
//! - [`api`]: the events it publishes, the calls it answers
//! - `domain`: the aggregate `Calendar`, which reservations and maintenance take their time from
//! - `calls`: how each call becomes a command
//! - `policies`: what meetings and maintenance that end do to the calendar
//! - `views`: `/reserves`, and the published form of what happens

pub mod api;
mod calls;
mod domain;
mod policies;
mod views;
