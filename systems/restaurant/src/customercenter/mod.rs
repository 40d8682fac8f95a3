//! customercenter: what guests look at. Everything here follows reservation's events alone.
//!
//! - [`api`]: nothing; nobody builds on a view

pub mod api;

use edge::Routes;
use runtime::Service;

use crate::Settings;

/// The routes of the service.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    routes
}

/// What the service consists of.
pub(crate) fn service() -> Service {
    Service::new("customercenter")
}
