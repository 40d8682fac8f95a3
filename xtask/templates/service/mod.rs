//! {{service}}: what it owns, in half a line.
//!
//! - [`api`]: the events it publishes, the ids of its rows
//! - `domain`: the aggregate `{{Service}}`
//! - `views`: `/{{collection}}`, and the published form of what happens
//! - `http`: what people can ask of it

pub mod api;
mod domain;
mod http;
mod views;

use runtime::Service;

pub(crate) use http::routes;

/// What the service consists of.
pub(crate) fn service() -> Service {
    Service::new("{{service}}").aggregate::<domain::{{Service}}>().counted::<views::{{Service}}Row>()
}
