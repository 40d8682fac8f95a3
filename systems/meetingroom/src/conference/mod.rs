//! conference: meetings that are held.
//!
//! - [`api`]: the events it publishes, the ids of meetings
//! - `domain`: the aggregate `Conference`
//! - `saga`: `StartMeeting`, which has reserve check who starts
//! - `policies`: a slot that ends, ends its meeting
//! - `views`: `/conferences`

pub mod api;
mod domain;
mod policies;
mod saga;
mod views;
