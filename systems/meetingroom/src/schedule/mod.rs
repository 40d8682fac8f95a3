//! schedule: what stands where, for people to look at. Everything here follows reserve's events alone.
//!
//! - [`api`]: nothing; nobody builds on a view
//! - `views`: `/roomTables` and `/roomSlots`, and the projections that they are folded by

pub mod api;
mod views;
